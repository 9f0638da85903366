"""The grid: a case for every public coroutine, and what must hold after each cancellation.

A new coroutine takes one `Case` in `eguma_cases` or `korus_cases`; `test_grid` fails until it is
there. `sweep` carries a case out and can be called from anywhere.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import attrs

from benchmarks._lib import free_permits, open_descriptors, taken_slots
from eguma_async import AiohttpTransport, LeanTransport
from eguma_async.core.errors import unknown_outcome
from eguma_async.core.transport import Transport
from eguma_async.pipeline.limiting import Limits
from eguma_async.pipeline.session import BaseSession
from eguma_async.sandbox.engine.faults import ServerFault
from tests.cancellation.driver import CancelAt, Ending, Events, Timing
from tests.cancellation.wires import ByteServer
from tests.support.garbage import only_new_garbage

NETWORK = AiohttpTransport, LeanTransport
MOST_POINTS = 400
PATIENCE = 10.0
"""Seconds in which whatever follows a cancellation must have happened."""

S = TypeVar("S", bound=BaseSession)
Check = Callable[["Shop", Ending], Awaitable[None]]


class Shop:
    """A sandbox, a session on it with a single permit and connection, and what a case needs.

    Attributes:
        sandbox: The server.
        session: The one whose coroutine is cancelled.
        desk: Another one, which prepares and looks; its requests are not watched.
        events: What happens at the server.
        ready: What the case has prepared.
        waiting: A task that waits for it.
    """

    LIMITS = Limits(concurrency=1)

    sandbox: Any
    session: Any
    desk: Any

    def __init__(self, events: Events) -> None:
        self.events = events
        self.ready: Any = None
        self.waiting: Any = None
        self.asked_before = 0

    async def follow_up(self, session: Any) -> None:
        """Read something, as the next customer does."""
        raise NotImplementedError

    def sold(self) -> int:
        """Count the bookings at the server, cancelled ones included."""
        raise NotImplementedError

    def lent(self, session: S, transport: Transport | None) -> S:
        """Give a session a transport to close, as if it had made it."""
        if transport is not None:
            session._owned.append(transport)
        return session

    def another_session(self) -> BaseSession:
        """Make a further session to the same server, by the same way."""
        raise NotImplementedError

    def arrived(self, path: str) -> list[Any]:
        """Return the records of the writes to a path since the case was prepared."""
        return [
            record
            for record in list(self.sandbox.requests)[self.asked_before :]
            if record.method != "GET" and fnmatchcase(record.path, path)
        ]


OpenShop = Callable[[ByteServer | None], Any]


@attrs.frozen(kw_only=True)
class Case:
    """One coroutine under cancellation.

    Attributes:
        covers: Names of the public coroutines it is the case of, as `public` lists them.
        opens: Opens the shop; given a server, a session that goes there over a socket.
        run: Makes the coroutine.
        name: What sets it apart from other cases of the same coroutine.
        prepare: Done before, unwatched; what it returns is ``shop.ready``.
        write: Path of the write it sends, if its outcome must be found; ``*`` stands for any text.
        operation: Name of the operation of that write.
        faults: Make faults of the server that it runs into.
        after: What else must hold, cancelled or not.
        closes: Whether the session is closed by it.
    """

    covers: tuple[str, ...]
    opens: OpenShop
    run: Callable[[Any], Coroutine[Any, Any, Any]]
    name: str = ""
    prepare: Callable[[Any], Awaitable[Any]] | None = None
    write: str | None = None
    operation: str | None = None
    faults: Callable[[], Iterable[ServerFault]] = tuple
    after: Check | None = None
    closes: bool = False

    @property
    def id(self) -> str:
        provider = self.opens.__module__.rpartition(".")[2].removesuffix("_cases")
        return " ".join(filter(None, (provider, self.covers[0], self.name)))


@attrs.frozen
class Sweep:
    """What a sweep over one case did.

    Attributes:
        cancelled: How often it was cancelled.
        arrived: In how many of these the write had arrived at the server.
    """

    cancelled: int
    arrived: int


async def sweep(
    case: Case,
    when: Timing,
    server: ByteServer | None = None,
    *,
    again: bool = False,
    patience: float = PATIENCE,
) -> Sweep:
    """Cancel a case at every point there is, and check after each.

    Args:
        case: What to cancel.
        when: In which of the three ways.
        server: Go there over a socket; in memory without one.
        again: Cancel at every suspension behind that as well.
        patience: Seconds in which whatever follows a cancellation must have happened.

    Raises:
        AssertionError: Something does not hold; its notes tell the case and the point.
    """
    cancelled = arrived = 0
    with _complaints() as complaints, only_new_garbage():
        for k in range(MOST_POINTS):
            try:
                driver = CancelAt(k, when, again=again)
                fired, has_arrived = await _point(case, driver, server, patience)
            except BaseException as error:
                error.add_note(f"{case.id}, {when.value}, point {k}")
                raise
            if not fired:
                break
            cancelled += 1
            arrived += has_arrived
        else:
            raise AssertionError(f"{case.id} does not come to an end")
        gc.collect()
    assert complaints == [], (case.id, when, complaints)
    assert cancelled, f"{case.id} was never cancelled"
    return Sweep(cancelled, arrived)


async def _point(
    case: Case, driver: CancelAt, server: ByteServer | None, patience: float
) -> tuple[bool, bool]:
    """Cancel at one point; return whether it was reached, and whether a write arrived."""
    before, descriptors = asyncio.all_tasks(), open_descriptors()
    async with case.opens(server) as shop:
        if case.prepare is not None:
            shop.ready = await case.prepare(shop)
        for fault in case.faults():
            shop.sandbox.faults.add(fault)
        sold, shop.asked_before = shop.sold(), len(shop.sandbox.requests)
        async with asyncio.timeout(patience):
            ending = await driver.run(case.run(shop), shop.events)
        _check_ending(ending)
        async with asyncio.timeout(patience):
            await _check_session(case, shop)
            while shop.events.under_way:  # the server carries out what has arrived
                await asyncio.sleep(0)
            has_arrived = _check_outcome(case, shop, ending)
            if case.after is not None:
                await case.after(shop, ending)
        await _check_pools(shop, patience)
        assert shop.sold() - sold <= 1, "sold twice"
        async with asyncio.timeout(patience):
            await shop.session.aclose()
    async with asyncio.timeout(patience):
        if server is not None:
            await server.all_gone()
    await _check_nothing_is_left(before, descriptors)
    return ending.fired, has_arrived


def _check_ending(ending: Ending) -> None:
    if not ending.fired:
        if ending.error is not None:
            raise ending.error
    else:
        assert ending.was_cancelled, f"the cancellation was lost: {ending}"


def _check_outcome(case: Case, shop: Shop, ending: Ending) -> bool:
    """Check that a write that may have been carried out can be found behind a cancellation."""
    if case.write is None:
        return False
    records = shop.arrived(case.write)
    if ending.error is None or not records:
        return bool(records)
    outcome = unknown_outcome(ending.error)
    assert outcome is not None, "the write arrived, and the cancellation does not say so"
    assert outcome.operation == case.operation
    keys = {record.idempotency_key for record in records}
    assert keys == {outcome.idempotency_key}, "the key is not the one that was sent"
    return True


async def _check_session(case: Case, shop: Shop) -> None:
    """Check that everything is there for the next call: it would wait for ever if not."""
    if not case.closes:
        await shop.follow_up(shop.session)
        return
    closing = shop.session._closing
    if closing is not None:
        await asyncio.wait({closing})
        assert closing.exception() is None
        assert shop.session._is_shut
    async with shop.another_session() as session:
        await shop.follow_up(session)


async def _check_pools(shop: Shop, patience: float) -> None:
    """Check that every permit and every connection is free, once what goes on has ended."""
    limit, taken = shop.LIMITS.concurrency, None
    pools = [one for one in shop.session._owned if isinstance(one, NETWORK)]
    try:
        async with asyncio.timeout(patience):
            while taken := (
                limit - free_permits(shop.session)
                or shop.session._layers._regulation.regulator.held
                or set(shop.session._background._tasks)
                or sum(map(taken_slots, pools))
            ):
                await asyncio.sleep(0)
    except TimeoutError:
        raise AssertionError(f"a permit or a connection is gone: {taken}") from None


async def _check_nothing_is_left(before: set[asyncio.Task[Any]], descriptors: int) -> None:
    # The loop closes a socket in a turn after that of its transport.
    for _ in range(20):
        left = asyncio.all_tasks() - before
        if not left and open_descriptors() == descriptors:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"{left} left, {open_descriptors() - descriptors} descriptors left")


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what the event loop complains of, such as an error nobody has looked at."""
    found: list[str] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: found.append(str(context)))
    try:
        yield found
    finally:
        loop.set_exception_handler(before)


async def consumed(iterator: AsyncIterator[Any]) -> list[Any]:
    """Read an iterator to its end."""
    return [one async for one in iterator]
