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
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sized,
)
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from eguma_async.core.clock import Clock
from eguma_async.core.errors import ConfigurationError, EgumaError, SessionStateError
from eguma_async.core.fan_out import Outcome, Progress
from eguma_async.core.operation import Operation
from eguma_async.core.semaphore import Semaphore

T = TypeVar("T")
R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)


class Done(Protocol[T_co]):
    """A call that has succeeded."""

    @property
    def value(self) -> T_co:
        """What it returned."""
        ...

    @property
    def attempts(self) -> int:
        """Requests it took."""
        ...


class Run(Protocol):
    """Sends an operation: the `run` of a session."""

    def __call__(self, operation: Operation[R], /) -> Awaitable[Done[R]]:
        """Send the operation and return the finished call."""
        ...


class LocalFanOut(Generic[T]):
    """An async iterator over the outcomes of many reads, in the order they come.

    Args:
        run: Sends one operation.
        operations: Any iterable or async iterable; taken lazily, one by one.
        concurrency: Number of workers.
        on_progress: Called after each outcome.
        clock: Measures the seconds.

    Attributes:
        workers: The tasks that do the work.
    """

    def __init__(
        self,
        run: Run,
        operations: Iterable[Operation[T]] | AsyncIterable[Operation[T]],
        *,
        concurrency: int,
        on_progress: Callable[[Progress], None] | None,
        clock: Clock,
    ) -> None:
        if not isinstance(concurrency, int) or concurrency < 1:
            raise ConfigurationError("concurrency must be a whole number of at least 1")
        total = len(operations) if isinstance(operations, Sized) else None
        self.workers: WorkerPool[T] = WorkerPool(run, operations, clock, concurrency)
        self._outcomes: AsyncIterator[Outcome[T]] = _Outcomes(self.workers, on_progress, total)
        self._handed_over = False

    def __aiter__(self) -> AsyncIterator[Outcome[T]]:
        """Hand over the iterator, so that it ends with its loop even if this object is kept."""
        if self._handed_over:
            return _Unavailable(self.workers)
        self._handed_over = True
        outcomes, self._outcomes = self._outcomes, _Unavailable(self.workers)
        return outcomes

    async def __anext__(self) -> Outcome[T]:
        """Wait for the next outcome. Cancelling the waiting loses nothing.

        Raises:
            StopAsyncIteration: There are no more.
        """
        return await anext(self._outcomes)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Cancel what is under way and wait until it has ended. May be called twice."""
        await self.workers.stop()


class _Outcomes(AsyncIterator[Outcome[T]]):
    """The outcomes of a pool, counted. It stops the pool when nobody holds it any more.

    No generator: a generator is at its end once the waiting in it has been cancelled.
    """

    def __init__(
        self,
        workers: WorkerPool[T],
        on_progress: Callable[[Progress], None] | None,
        total: int | None,
    ) -> None:
        self._workers = workers
        self._on_progress = on_progress
        self._total = total
        self._done = self._failed = 0

    async def __anext__(self) -> Outcome[T]:
        outcome = await self._workers.next()
        self._done += 1
        self._failed += outcome.error is not None
        if self._on_progress is not None:
            progress = Progress(done=self._done, failed=self._failed, total=self._total)
            try:
                self._on_progress(progress)
            except BaseException:
                await self._workers.stop()
                raise
        return outcome

    def __del__(self) -> None:
        self._workers.stop_soon()


class _Unavailable(AsyncIterator[Outcome[T]]):
    """Stands in for outcomes that another loop has, or has left before their end."""

    def __init__(self, workers: WorkerPool[T]) -> None:
        self._workers = workers

    async def __anext__(self) -> Outcome[T]:
        if self._workers.is_finished:
            raise StopAsyncIteration
        raise SessionStateError("this fan-out is being iterated, or was left; make a new one")


class WorkerPool(Generic[T]):
    """The workers of one fan-out and the buffer between them and the consumer.

    A worker waits for room in the buffer before it hands on an outcome. When it ends, in whatever
    way, its task goes into the buffer as well; that needs no room, so it can always be told.
    """

    def __init__(
        self,
        run: Run,
        operations: Iterable[Operation[T]] | AsyncIterable[Operation[T]],
        clock: Clock,
        size: int,
    ) -> None:
        self._run = run
        self._source = _shared(operations)
        self._clock = clock
        self._size = size
        self._room = Semaphore(size)
        # Not an asyncio.Queue: one consumer and no bound of its own need none of its bookkeeping.
        self._buffer: deque[Outcome[T] | asyncio.Task[None]] = deque()
        self._consumer: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._running = 0
        self._stopped = False
        self._failed: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._reason: EgumaError | None = None
        self.is_finished: bool = False

    async def next(self) -> Outcome[T]:
        """Return the next outcome, and begin the work if this is the first.

        Raises:
            StopAsyncIteration: All workers have ended.
            Exception: What ended one of them, such as a fault of the input.
        """
        self._start()
        while self._running and not self._stopped:
            if not self._buffer:
                await self._wait()
                continue
            item = self._buffer.popleft()
            if not isinstance(item, asyncio.Task):
                self._room.release()
                return item
            self._running -= 1
            if item.cancelled() or item.exception() is not None:
                self._failed = item  # kept, should the waiting below be cancelled
                self._stopped = True
        if self._failed is not None:
            await self.stop()
            self.is_finished, failed, self._failed = True, self._failed, None
            _raise_result(failed)
        if self._running and self._reason is not None:
            raise self._reason
        self.is_finished = self.is_finished or not self._running
        await self.stop()
        raise StopAsyncIteration

    def _start(self) -> None:
        if self._stopped or self._loop is not None:
            return
        self._loop = asyncio.get_running_loop()
        self._running = self._size
        for _ in range(self._size):
            worker = self._loop.create_task(self._work())
            worker.add_done_callback(self._put)
            self._tasks.append(worker)

    async def _work(self) -> None:
        async for operation in self._source:
            _require_read(operation)
            outcome = await self._read(operation)
            if not self._room.try_acquire():
                await self._room.acquire()
            self._put(outcome)

    async def _read(self, operation: Operation[T]) -> Outcome[T]:
        began = self._clock.monotonic()
        value, error = None, None
        try:
            call = await self._run(operation)
            value, attempts = call.value, call.attempts
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

    def _put(self, item: Outcome[T] | asyncio.Task[None]) -> None:
        self._buffer.append(item)
        self._wake()

    def _wake(self) -> None:
        if self._consumer is not None and not self._consumer.done():
            self._consumer.set_result(None)

    async def _wait(self) -> None:
        """Wait until the buffer holds something, or the workers are stopped."""
        if self._consumer is not None:
            raise SessionStateError("another task waits for the outcomes of this fan-out")
        self._consumer = asyncio.get_running_loop().create_future()
        try:
            await self._consumer
        finally:
            self._consumer = None

    async def stop(self, reason: EgumaError | None = None) -> None:
        """Cancel the workers, wait for their end, and close the input.

        Args:
            reason: Raised to a consumer who asks for more; without it, the iteration just ends.
        """
        self._reason = self._reason or reason
        self._stopped = True
        self._wake()
        for worker in self._tasks:
            worker.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._source.aclose()

    def stop_soon(self) -> None:
        """Stop the workers from wherever this is called: a destructor, of any thread."""
        if self._loop is None or self._stopped or self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._begin_stop, self._loop)

    def _begin_stop(self, loop: asyncio.AbstractEventLoop) -> None:
        self._stopping = loop.create_task(self.stop())


def _raise_result(worker: asyncio.Task[None]) -> None:
    try:
        worker.result()
    except StopAsyncIteration as stop:
        raise RuntimeError("a read raised StopAsyncIteration") from stop  # PEP 479, section 2


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
        return _SharedAsync(aiter(items))
    if isinstance(items, Iterable):
        return _SharedPlain(iter(items))
    raise ConfigurationError("operations must be an iterable or an async iterable")


class _SharedPlain(AsyncIterator[T]):
    """A plain iterator that several workers draw from."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items

    async def __anext__(self) -> T:
        for item in self._items:
            return item
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Do nothing, as leaving a `for` loop does."""


class _SharedAsync(AsyncIterator[T]):
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


_Source = _SharedPlain[T] | _SharedAsync[T]
