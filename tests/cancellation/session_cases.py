"""What every session has: sending, streaming, fan-outs, and the end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, ClassVar

import attrs

from eguma_async.core.errors import NotFoundError
from eguma_async.core.listing import Listing
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation
from eguma_async.fanout import LocalExecutor, run_chunk
from tests.cancellation.driver import Ending
from tests.cancellation.grid import Case, OpenShop, Shop, consumed


class Sink:
    """Takes a body."""

    def __init__(self) -> None:
        self.body = b""

    async def write(self, chunk: bytes, /) -> None:
        self.body += chunk

    def restart(self) -> None:
        self.body = b""


@attrs.frozen(kw_only=True)
class ListNothing(Operation[Listing[Any]]):
    """List what no server has."""

    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/nothing"
    REPEAT: ClassVar[Repeat] = Repeat.READ


async def next_of(reading: Any) -> Any:
    """Return the next element of what there may be nothing of."""
    with suppress(NotFoundError):
        return await anext(reading, None)


async def all_of(reading: Any) -> list[Any]:
    """Read it to its end."""
    with suppress(NotFoundError):
        return await consumed(reading)
    return []


def three_of(read: Operation[Any]) -> list[Operation[Any]]:
    """Return three reads of one kind that are not equal: equal ones would be made once."""
    kind = type(read)
    kinds = [attrs.frozen(kw_only=True)(type(kind.__name__, (kind,), {})) for _ in range(2)]
    return [read, *(other(**attrs.asdict(read, recurse=False)) for other in kinds)]


def session_cases(
    opens: OpenShop, read: Operation[Any], listing: Operation[Any] | None = None
) -> list[Case]:
    """Return the cases of a session of one provider.

    Args:
        opens: Opens its shop.
        read: One of its reads.
        listing: One whose elements can be read one by one, if it has any.
    """
    reads = three_of(read)
    elements = ListNothing() if listing is None else listing

    async def fanned_out(shop: Shop) -> Any:
        fan_out = shop.session.fan_out(reads, concurrency=2)
        first = await anext(fan_out)
        assert first.ok
        return fan_out

    async def at_its_beginning(shop: Shop) -> Any:
        return shop.session.fan_out(reads, concurrency=2)

    async def nothing_is_lost(shop: Shop, ending: Ending) -> None:
        got = [] if ending.error is not None else [ending.result]
        got += await consumed(shop.ready)
        assert [outcome.ok for outcome in got] == [True] * 3

    async def whole_loop(shop: Shop) -> list[Any]:
        return await consumed(shop.session.fan_out(reads, concurrency=2))

    async def as_the_server_takes_them(shop: Shop) -> list[Any]:
        return await consumed(shop.session.fan_out(reads, ordered=True))

    async def in_chunks(shop: Shop) -> list[Any]:
        executor = LocalExecutor(shop.session, chunk_size=2)
        return await consumed(shop.session.fan_out(reads, executor=executor))

    async def one_chunk(shop: Shop) -> list[Any]:
        return await run_chunk(shop.session, reads)

    async def executed(shop: Shop) -> Any:
        return await LocalExecutor(shop.session).run(reads)

    async def handed_over(shop: Shop) -> Any:
        return await anext(aiter(shop.ready))

    async def read_through(shop: Shop) -> list[Any]:
        return await all_of(shop.session.elements(elements))

    async def reading(shop: Shop) -> Any:
        return aiter(shop.session.elements(elements))

    async def none_is_lost(shop: Shop, ending: Ending) -> None:
        got = [] if ending.result is None else [ending.result]
        assert got + await all_of(shop.ready) == await read_through(shop)

    async def under_way(shop: Shop) -> Any:
        begun = aiter(shop.session.elements(elements))
        shop.waiting = asyncio.ensure_future(next_of(begun))
        await asyncio.sleep(0)
        return begun

    async def ended(shop: Shop, ending: Ending) -> None:
        await shop.waiting
        assert shop.ready._feed._task is None
        assert await next_of(shop.ready) is None

    async def stopped(shop: Shop, ending: Ending) -> None:
        assert all(task.done() for task in shop.ready.workers._tasks)

    return [
        Case(covers=("BaseSession.send",), opens=opens, run=lambda shop: shop.session.send(read)),
        Case(
            covers=("BaseSession.exchange",),
            opens=opens,
            run=lambda shop: shop.session.exchange(read),
        ),
        Case(
            covers=("BaseSession.stream",),
            opens=opens,
            run=lambda shop: shop.session.stream(read, Sink()),
        ),
        Case(
            covers=("BaseSession.elements", "ElementStream.__aiter__", "ElementIterator.__aiter__"),
            opens=opens,
            run=read_through,
        ),
        Case(
            covers=("ElementIterator.__anext__",),
            opens=opens,
            prepare=reading,
            run=lambda shop: next_of(shop.ready),
            after=none_is_lost,
        ),
        Case(
            covers=("ElementIterator.aclose",),
            opens=opens,
            prepare=under_way,
            run=lambda shop: shop.ready.aclose(),
            after=ended,
        ),
        Case(covers=("BaseSession.fan_out",), opens=opens, run=whole_loop),
        Case(
            covers=("BaseSession.fan_out",),
            name="as the server takes them",
            opens=opens,
            run=as_the_server_takes_them,
        ),
        Case(covers=("BaseSession.fan_out",), name="in chunks", opens=opens, run=in_chunks),
        Case(covers=("BaseSession.fan_out",), name="one chunk", opens=opens, run=one_chunk),
        Case(covers=("BaseSession.fan_out",), name="executed", opens=opens, run=executed),
        Case(
            covers=("FanOut.__anext__",),
            opens=opens,
            prepare=at_its_beginning,
            run=lambda shop: shop.ready.__anext__(),
            after=nothing_is_lost,
        ),
        Case(covers=("FanOut.__aiter__",), opens=opens, prepare=at_its_beginning, run=handed_over),
        Case(
            covers=("FanOut.aclose",),
            opens=opens,
            prepare=fanned_out,
            run=lambda shop: shop.ready.aclose(),
            after=stopped,
        ),
        Case(
            covers=("FanOut.__aexit__", "FanOut.__aenter__"),
            opens=opens,
            prepare=fanned_out,
            run=lambda shop: shop.ready.__aexit__(None, None, None),
            after=stopped,
        ),
        Case(
            covers=("LifeCycle.aclose",),
            opens=opens,
            prepare=fanned_out,
            run=lambda shop: shop.session.aclose(),
            closes=True,
        ),
        Case(
            covers=(
                "LifeCycle.__aexit__",
                "LifeCycle.__aenter__",
            ),  # entering waits for nothing
            opens=opens,
            prepare=fanned_out,
            run=lambda shop: shop.session.__aexit__(None, None, None),
            closes=True,
        ),
    ]
