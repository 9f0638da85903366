"""What a row of the fault matrix is played on, and what must hold after every row.

I1  a booking asked for is made once at most
I2  every booking reported exists, with the same tickets
I3  every booking made is accounted for by the journal: see `Stage.afterwards`
I4  no more is sold than there is
I5  no secret and no customer shows up anywhere
I6  no task, thread, socket or file is left
I7  nothing but the package's own errors and cancellations leaves a call
I8  every call ends within its deadline
I9  the fault did happen, as often as the row says
"""

from __future__ import annotations

import asyncio
import logging
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import attrs

from eguma_async import AiohttpTransport, Customer, EgumaError, LeanTransport, Observer
from eguma_async.testing._secrets import all_logs
from tests.support.canaries import everything_of, forms, leaks, messages_of, stack_text

from .shops import EgumaShop, KorusShop

T = TypeVar("T")
E = TypeVar("E", bound=EgumaError)

KEY = "canarykey+/=7f3a91c2d4e5b6"
PERSON = ("Canaryfirst", "Canarylast", "canary.mail@example.com")
PATIENCE = 60.0
"""Seconds of real time after which a row that hangs is broken."""
TOLERANCE = 0.25


class Notes(Observer):
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.calls: list[Any] = []
        self.attempts: list[Any] = []

    def call_started(self, call: Any, /) -> None:
        self.events.append(call)

    def call_ended(self, call: Any, started: object, /) -> None:
        self.events.append(call)
        self.calls.append(call)

    def attempt_started(self, attempt: Any, /) -> None:
        self.events.append(attempt)

    def attempt_ended(self, attempt: Any, started: object, /) -> None:
        self.events.append(attempt)
        self.attempts.append(attempt)


@attrs.frozen
class Proof:
    """That a fault happened as often as it was to."""

    what: str
    count: Callable[[], int]
    times: int


class Stage:
    """Opens shops, lets faults happen in them, and notes all that is shown of it.

    Attributes:
        notes: What the sessions told their observer.
        errors: Every error that left a call.
        records: Every log record.
        warnings: Every warning; a row that expects some takes them out.
        limit: Seconds that a call may take by its own clock, the deadline and one attempt after it.
        network: Makes the transport of a shop whose requests go over a socket.
    """

    def __init__(
        self,
        patience: float = PATIENCE,
        network: Callable[..., AiohttpTransport | LeanTransport] = AiohttpTransport,
    ) -> None:
        self._patience = patience
        self.network = network
        self.notes = Notes()
        self.errors: list[BaseException] = []
        self.records: list[logging.LogRecord] = []
        self.warnings: list[warnings.WarningMessage] = []
        self.limit = 120.0
        self._written: list[str] = []
        self._secrets: set[bytes] = set()
        self._personal = set[bytes]().union(*map(forms, PERSON))
        self._shops: list[EgumaShop | KorusShop] = []
        self._bookings: list[tuple[Any, Any]] = []
        self._proofs: list[Proof] = []
        self._afterwards: list[Callable[[], None]] = []
        self._customers = 0
        self._files: set[str] = set()
        self._exit = AsyncExitStack()
        self.hide(KEY)

    # What a row does

    async def eguma(self, **options: Any) -> EgumaShop:
        """Open a session on an e-guma sandbox of its own; see `EgumaShop`."""
        return await self._open(EgumaShop(self, **options))

    async def korus(self, **options: Any) -> KorusShop:
        """Open a session on a Korus sandbox of its own; see `KorusShop`."""
        return await self._open(KorusShop(self, **options))

    async def _open(self, shop: Any) -> Any:
        self._shops.append(shop)
        return await self._exit.enter_async_context(shop)

    async def enter(self, manager: Any) -> Any:
        """Enter something that is left when the row is over."""
        return await self._exit.enter_async_context(manager)

    def customer(self) -> Customer:
        """Return a customer who buys once."""
        self._customers += 1
        return Customer(PERSON[0], PERSON[1], f"{self._customers}.{PERSON[2]}")

    def hide(self, secret: str) -> None:
        """Look for a secret in all that is shown."""
        self._secrets |= forms(secret)

    def reported(self, shop: Any, booking: Any) -> None:
        """Note a booking that was reported as made."""
        self._bookings.append((shop, booking))
        self.show(booking)

    def show(self, *values: object) -> None:
        """Note values that a program may print."""
        self._written += [f"{value!r} {value}" for value in values]

    async def fails(self, kind: type[E], call: Awaitable[object]) -> E:
        """Await a call that must raise exactly this kind of error, and return that."""
        try:
            value = await call
        except BaseException as error:
            self.errors.append(error)
            if type(error) is not kind:
                raise
            return error
        raise AssertionError(f"no {kind.__name__}, but {value!r}")

    async def cancelled(self, task: asyncio.Task[Any]) -> asyncio.CancelledError:
        """Cancel a task, and return what leaves it."""
        task.cancel()
        try:
            value = await task
        except asyncio.CancelledError as error:
            self.errors.append(error)
            return error
        raise AssertionError(f"the cancellation was swallowed: {value!r}")

    def proves(self, what: str, count: Callable[[], int], times: int = 1) -> None:
        """Say how often the fault happens in this row; it is looked at when the row is over."""
        assert times > 0, "a fault that does not happen proves nothing"
        self._proofs.append(Proof(what, count, times))

    def afterwards(self, check: Callable[[], None]) -> None:
        """Add a check of what must hold when the row is over."""
        self._afterwards.append(check)

    def begin_again(self) -> None:
        """Take the files that are open now for those from before: a library keeps some for good."""
        self._files = open_files()

    # What is done around it

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Listen to logs and warnings, and count files and threads."""
        threads = set(threading.enumerate())
        self.begin_again()
        with warnings.catch_warnings(record=True) as caught, all_logs() as records:
            warnings.simplefilter("always")
            self.records, self.warnings = records, caught
            silent = logging.NullHandler()  # else Python prints what nobody handles
            logging.root.addHandler(silent)
            try:
                yield
            finally:
                logging.root.removeHandler(silent)
        more_threads = [thread for thread in threading.enumerate() if thread not in threads]
        for thread in more_threads:
            thread.join(1.0)  # one that has done its last step is there for a moment still
        left = [thread.name for thread in more_threads if thread.is_alive()]
        assert not left, f"I6: threads left: {left}"
        more = open_files() - self._files
        assert not more, f"I6: files and sockets left: {sorted(more)}"

    async def perform(self, check: Callable[[Stage], Awaitable[None]]) -> None:
        """Run an async check, close what it opened, and look at what is left."""
        before = asyncio.all_tasks()
        async with asyncio.timeout(self._patience):
            async with self._exit:
                await check(self)
                for shop in self._shops:
                    self.show(shop.session, vars(shop.session))
            await asyncio.get_running_loop().shutdown_default_executor()
            for _ in range(10):
                await asyncio.sleep(0)
        left = [task.get_coro() for task in asyncio.all_tasks() - before]
        assert not left, f"I6: tasks left: {left}"

    def judge(self) -> None:
        """Check what must hold when a row is over."""
        assert self._proofs, "I9: nothing shows that the fault happened"
        for proof in self._proofs:
            count = proof.count()
            assert count == proof.times, f"I9: {proof.what}: {count} times, not {proof.times}"
        for shop in self._shops:
            shop.check_made_once()
            shop.check_not_oversold()
        for shop, booking in self._bookings:
            shop.check_exists(booking)
        self._check_errors()
        self._check_hidden()
        for check in self._afterwards:
            check()

    def _check_errors(self) -> None:
        for error in self.errors:
            fits = isinstance(error, (EgumaError, asyncio.CancelledError))
            assert fits, f"I7: {error!r} left a call"
        for call in self.notes.calls:
            ours = call.error in {None, "CancelledError", *_own_errors()}
            assert ours, f"I7: {call.error} left {call.operation}"
            late = f"I8: {call.operation} took {call.seconds} s"
            assert call.seconds <= self.limit + TOLERANCE, late
        assert not self.warnings, f"warned: {[str(each.message) for each in self.warnings]}"
        noise = [each.getMessage() for each in self.records if _is_noise(each)]
        assert not noise, f"asyncio complains: {noise}"

    def _check_hidden(self) -> None:
        for shop in self._shops:
            for secret in shop.secrets():
                self.hide(secret)
        both = self._secrets | self._personal
        for error in self.errors:
            for line in stack_text(error).splitlines():
                assert not leaks(line, both), f"I5: a traceback shows {line}"
            for shown, secrets in ((everything_of, both), (messages_of, self._secrets)):
                found = leaks(shown(error), secrets)
                assert not found, f"I5: {type(error).__name__} shows {found}"
        lines = [f"{each.getMessage()} {vars(each)!r}" for each in self.records]
        lines += [f"{each!r} {attrs.asdict(each)!r}" for each in self.notes.events]
        for line in (*lines, *self._written):
            assert not leaks(line, both), f"I5: shown: {line}"


def counted(holder: object, name: str) -> Callable[[], int]:
    """Return what reads a counter of an object later."""
    return lambda: int(getattr(holder, name))


def _is_noise(record: logging.LogRecord) -> bool:
    return record.name == "asyncio" and record.levelno >= logging.WARNING


def _own_errors() -> set[str]:
    found, kinds = set(), [EgumaError]
    while kinds:
        kind = kinds.pop()
        found.add(kind.__name__)
        kinds += kind.__subclasses__()
    return found


def open_files() -> set[str]:
    """Return what each descriptor of this process leads to."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{descriptor.name} {descriptor.readlink()}")
        except OSError:  # the one of the listing itself
            continue
    return found
