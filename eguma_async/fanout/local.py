"""Many reads on one machine: a fixed set of workers on one shared iterator.

Results are handed on through a bounded buffer, so memory does not grow with the number of reads:
the input is taken only as fast as the results are.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Sized,
)
from typing import Generic, Protocol, Self, TypeVar

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.errors import ConfigurationError, EgumaError, SessionStateError
from eguma_async.core.messages import HttpResponse, Replay
from eguma_async.core.operation import Operation

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
        self._crew: _Crew[T] = _Crew(exchange, _shared(operations), clock, room=concurrency)
        # A generator, so that asyncio ends the workers if a loop is left and nobody calls aclose.
        self._outcomes = self._crew.outcomes(concurrency)
        self._on_progress = on_progress
        self._total = len(operations) if isinstance(operations, Sized) else None
        self._done = 0
        self._failed = 0
        self._closed_because: EgumaError | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome[T]:
        outcome = await anext(self._outcomes, None)
        if outcome is None:
            raise self._closed_because or StopAsyncIteration
        self._done += 1
        self._failed += not outcome.ok
        if self._on_progress is not None:
            try:
                self._on_progress(Progress(done=self._done, failed=self._failed, total=self._total))
            except BaseException:
                await self.aclose()
                raise
        return outcome

    async def aclose(self, because: EgumaError | None = None) -> None:
        """Cancel what is under way and wait until it has ended. May be called twice.

        Args:
            because: Raised to a consumer who asks for more; without it, the iteration just ends.
        """
        if not self._crew.is_through:
            self._closed_because = self._closed_because or because
        waited_for = self._outcomes.ag_running  # type: ignore[attr-defined]  # typeshed lacks it
        if not waited_for:  # else that task sees the workers end, and ends the generator itself
            await self._outcomes.aclose()
        await self._crew.dismiss()


class _Crew(Generic[T]):
    """The workers of one fan-out and the buffer between them and the consumer.

    A worker waits for room in the buffer before it hands on an outcome. When it ends, in whatever
    way, its task goes into the buffer as well; that needs no room, so it can always be told.
    """

    def __init__(
        self, exchange: Exchange, source: _Source[Operation[T]], clock: Clock, *, room: int
    ) -> None:
        self._exchange = exchange
        self._source = source
        self._clock = clock
        self._room = asyncio.Semaphore(room)
        self._buffer: asyncio.Queue[Outcome[T] | asyncio.Task[None]] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self._dismissed = False
        self.is_through = False

    async def outcomes(self, workers: int) -> AsyncGenerator[Outcome[T], None]:
        """Yield what the workers hand on, until all have ended; raise what ended one of them."""
        for _ in range(workers):
            worker = asyncio.create_task(self._work())
            worker.add_done_callback(self._buffer.put_nowait)
            self._workers.append(worker)
        try:
            while workers:
                item = await self._buffer.get()
                if self._dismissed:
                    return
                if isinstance(item, asyncio.Task):
                    workers -= 1
                    item.result()
                else:
                    self._room.release()
                    yield item
            self.is_through = True
        finally:
            await self.dismiss()

    async def _work(self) -> None:
        async for operation in self._source:
            _require_read(operation)
            outcome = await _one(self._exchange, operation, self._clock)
            await self._room.acquire()
            self._buffer.put_nowait(outcome)

    async def dismiss(self) -> None:
        """Cancel the workers, wait for their end, and close the input."""
        self._dismissed = True
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._source.aclose()


async def _one(exchange: Exchange, operation: Operation[T], clock: Clock) -> Outcome[T]:
    began = clock.monotonic()
    try:
        value, response = await exchange(operation)
    except (ConfigurationError, SessionStateError):
        raise
    except EgumaError as error:
        return Outcome(
            operation=operation,
            error=error.with_traceback(None),  # its frames would keep the whole call alive
            attempts=error.attempts,
            seconds=clock.monotonic() - began,
        )
    return Outcome(
        operation=operation,
        value=value,
        attempts=response.attempts,
        seconds=clock.monotonic() - began,
    )


def _require_read(operation: object) -> None:
    if not isinstance(operation, Operation):
        raise ConfigurationError(
            f"a fan-out takes operations such as ListAvailabilities, not {type(operation).__name__}"
        )
    if operation.REPLAY is not Replay.SAFE:
        raise ConfigurationError(
            f"{operation.name()} is not fanned out: it could be carried out twice; send it alone"
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
