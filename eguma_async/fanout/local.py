"""Many reads on one machine: a fixed set of workers on one shared iterator.

Results are handed on through a bounded buffer, so memory does not grow with the number of reads:
the input is taken only as fast as the results are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Sized,
)
from typing import Generic, Protocol, TypeVar

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.errors import ConfigurationError, EgumaError, SessionStateError
from eguma_async.core.messages import HttpResponse
from eguma_async.core.operation import Operation
from eguma_async.core.permits import Permits

T = TypeVar("T")
R = TypeVar("R")


class Exchange(Protocol):
    """Sends an operation: the `exchange` of a session."""

    async def __call__(self, operation: Operation[R], /) -> tuple[R, HttpResponse]:
        """Send the operation and return its value with the answer."""
        ...


@attrs.frozen(kw_only=True)
class Outcome(Generic[T]):
    """What one operation of a fan-out came to: a value or an error, never both.

    Attributes:
        operation: The operation as it was given.
        value: Its value; None if it failed.
        error: What it failed with; None if it succeeded.
        attempts: Requests it took.
        seconds: Time it took, waiting for retries included.
    """

    operation: Operation[T]
    value: T | None = None
    error: EgumaError | None = None
    attempts: int
    seconds: float

    @property
    def ok(self) -> bool:
        """True if there is a value."""
        return self.error is None

    def unwrap(self) -> T:
        """Return the value.

        Raises:
            EgumaError: The error, if there is one.
        """
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # a value of T, which may itself be None


@attrs.frozen(kw_only=True)
class Progress:
    """How far a fan-out is.

    Attributes:
        done: Outcomes so far.
        failed: How many of them are errors.
        total: Operations in all, if the input has a length.
    """

    done: int
    failed: int
    total: int | None


class FanOut(AsyncIterator[Outcome[T]]):
    """An async iterator over the outcomes of many reads, in the order they come.

    Args:
        exchange: Sends one operation.
        operations: Any iterable or async iterable; taken lazily, one by one.
        concurrency: Number of workers.
        on_progress: Called after each outcome.
        clock: Measures the seconds.

    Attributes:
        crew: Who does the work.
    """

    def __init__(
        self,
        exchange: Exchange,
        operations: Iterable[Operation[T]] | AsyncIterable[Operation[T]],
        *,
        concurrency: int,
        on_progress: Callable[[Progress], None] | None,
        clock: Clock,
    ) -> None:
        if not isinstance(concurrency, int) or concurrency < 1:
            raise ConfigurationError("concurrency must be a whole number of at least 1")
        total = len(operations) if isinstance(operations, Sized) else None
        self.crew: Crew[T] = Crew(exchange, _shared(operations), clock, concurrency)
        # A generator, so that asyncio ends the workers if a loop is left and nobody calls aclose.
        # It must not know this object: the two would keep each other alive.
        self._outcomes = self.crew.outcomes(on_progress, total)

    def __aiter__(self) -> AsyncIterator[Outcome[T]]:  # noqa: PYI034  # the generator itself
        # Handed over, so that it dies with the loop, even if this object is kept in a variable.
        outcomes, self._outcomes = self._outcomes, _once_only(self.crew)
        return outcomes

    async def __anext__(self) -> Outcome[T]:
        return await anext(self._outcomes)

    async def aclose(self, because: EgumaError | None = None) -> None:
        """Cancel what is under way and wait until it has ended. May be called twice.

        Args:
            because: Raised to a consumer who asks for more; without it, the iteration just ends.
        """
        await self.crew.dismiss(because)


async def _once_only(crew: Crew[T]) -> AsyncGenerator[Outcome[T], None]:
    """Refuse a second loop over what another loop has, or has left before its end."""
    if not crew.is_through:
        raise SessionStateError("this fan-out is being iterated, or was left; make a new one")
    nothing: tuple[Outcome[T], ...] = ()
    for outcome in nothing:
        yield outcome


class Crew(Generic[T]):
    """The workers of one fan-out and the buffer between them and the consumer.

    A worker waits for room in the buffer before it hands on an outcome. When it ends, in whatever
    way, its task goes into the buffer as well; that needs no room, so it can always be told.
    """

    def __init__(
        self, exchange: Exchange, source: _Source[Operation[T]], clock: Clock, size: int
    ) -> None:
        self._exchange = exchange
        self._source = source
        self._clock = clock
        self._size = size
        self._room = Permits(size)
        # Not an asyncio.Queue: one consumer and no bound of its own need none of its bookkeeping.
        self._buffer: deque[Outcome[T] | asyncio.Task[None]] = deque()
        self._consumer: asyncio.Future[None] | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._dismissed = False
        self.is_through = False
        self._because: EgumaError | None = None

    async def outcomes(
        self, on_progress: Callable[[Progress], None] | None, total: int | None
    ) -> AsyncGenerator[Outcome[T], None]:
        """Yield what the workers hand on, until all have ended; raise what ended one of them."""
        self._hire()
        running = len(self._workers)
        done = failed = 0
        try:
            while running and not self._dismissed:
                if not self._buffer:
                    await self._something()
                    continue
                item = self._buffer.popleft()
                if isinstance(item, asyncio.Task):
                    running -= 1
                    self.is_through = not running or item.cancelled() or bool(item.exception())
                    item.result()
                    continue
                self._room.give_back()
                done += 1
                failed += item.error is not None
                if on_progress is not None:
                    on_progress(Progress(done=done, failed=failed, total=total))
                yield item
            if running and self._because is not None:
                raise self._because
        finally:
            await self.dismiss()

    def _hire(self) -> None:
        if self._dismissed:
            return
        for _ in range(self._size):
            worker = asyncio.create_task(self._work())
            worker.add_done_callback(self._hand_on)
            self._workers.append(worker)

    async def _work(self) -> None:
        async for operation in self._source:
            _require_read(operation)
            outcome = await self._read(operation)
            if not self._room.take():
                await self._room.wait()
            self._hand_on(outcome)

    async def _read(self, operation: Operation[T]) -> Outcome[T]:
        began = self._clock.monotonic()
        value, error = None, None
        try:
            value, response = await self._exchange(operation)
            attempts = response.attempts
        except (ConfigurationError, SessionStateError):
            raise
        except EgumaError as failed:
            error = failed.with_traceback(None)  # its frames would keep the whole call alive
            attempts = error.attempts
        return Outcome(
            operation=operation,
            value=value,
            error=error,
            attempts=attempts,
            seconds=self._clock.monotonic() - began,
        )

    def _hand_on(self, item: Outcome[T] | asyncio.Task[None]) -> None:
        self._buffer.append(item)
        self._wake()

    def _wake(self) -> None:
        if self._consumer is not None and not self._consumer.done():
            self._consumer.set_result(None)

    async def _something(self) -> None:
        """Wait until the buffer holds something, or the crew is dismissed."""
        self._consumer = asyncio.get_running_loop().create_future()
        try:
            await self._consumer
        finally:
            self._consumer = None

    async def dismiss(self, because: EgumaError | None = None) -> None:
        """Cancel the workers, wait for their end, and close the input."""
        self._because = self._because or because
        self._dismissed = True
        self._wake()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._source.aclose()


def _require_read(operation: object) -> None:
    if not isinstance(operation, Operation):
        raise ConfigurationError(
            f"a fan-out takes operations such as ListAvailabilities, not {type(operation).__name__}"
        )
    if not operation.is_read():
        raise ConfigurationError(
            f"{operation.name()} is not fanned out: it is no read, and leaving the loop would"
            " leave its outcome unknown; send it alone"
        )


def _shared(items: Iterable[T] | AsyncIterable[T]) -> _Source[T]:
    """Make one iterator for all workers, over any kind of iterable."""
    if isinstance(items, AsyncIterable):
        return _InTurn(aiter(items))
    if isinstance(items, Iterable):
        return _Plain(iter(items))
    raise ConfigurationError("operations must be an iterable or an async iterable")


class _Plain(AsyncIterator[T]):
    """A plain iterator that several workers draw from."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items

    async def __anext__(self) -> T:
        for item in self._items:
            return item
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Do nothing, as leaving a `for` loop does."""


class _InTurn(AsyncIterator[T]):
    """An async iterator that several workers draw from; it is asked by one at a time."""

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._items = items
        self._turn = asyncio.Lock()

    async def __anext__(self) -> T:
        async with self._turn:
            return await anext(self._items)

    async def aclose(self) -> None:
        """Close an async generator, so that what it holds open does not wait for the collector."""
        if isinstance(self._items, AsyncGenerator):
            async with self._turn:
                await self._items.aclose()


_Source = _Plain[T] | _InTurn[T]
