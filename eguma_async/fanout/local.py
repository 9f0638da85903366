"""Many reads at once: the iterator over their outcomes.

They are handed on through a bounded buffer, so memory does not grow with the number of reads: the
input is taken only as fast as the outcomes are.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence, Sized
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from eguma_async.core.clock import Clock
from eguma_async.core.errors import ConfigurationError, SessionStateError
from eguma_async.core.fan_out import Executor, InPieces, Outcome, Progress
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import Operation

from .progress import Load, Meter
from .workers import Run, RunChunk, WorkerPool

T = TypeVar("T")


class LocalFanOut(Generic[T]):
    """An async iterator over the outcomes of many reads, in the order they come.

    Args:
        run: Sends one operation.
        operations: Any iterable or async iterable; taken lazily, one by one.
        concurrency: Number of workers.
        ordered: Hand outcomes on in the order of the input.
        executor: Carries the reads out instead, with workers of its own.
        timeouts: Limits of each attempt, for an executor; None for those of its sessions.
        on_progress: Called after each outcome.
        clock: Measures the seconds.
        load: Tells the limits in force.

    Attributes:
        workers: The tasks that do the work.
    """

    def __init__(
        self,
        run: Run,
        operations: Iterable[Operation[T] | InPieces[T]]
        | AsyncIterable[Operation[T] | InPieces[T]],
        *,
        concurrency: int,
        ordered: bool = False,
        executor: Executor | None = None,
        timeouts: Timeouts | None = None,
        on_progress: Callable[[Progress], None] | None,
        clock: Clock,
        load: Load | None = None,
    ) -> None:
        chunk_size, run_chunk = 1, None
        if executor is not None:
            concurrency, chunk_size = executor.chunks_at_once, executor.chunk_size
            _require_count("chunk_size", chunk_size)
            run_chunk = self._of(executor, timeouts)
        _require_count("concurrency", concurrency)
        self.workers: WorkerPool[T] = WorkerPool(
            run,
            operations,
            clock,
            concurrency,
            ordered=ordered,
            run_chunk=run_chunk,
            chunk_size=chunk_size,
        )
        meter = None
        if on_progress is not None:
            total = len(operations) if isinstance(operations, Sized) else None
            if executor is not None:
                load = executor if isinstance(executor, Load) else None
            meter = Meter(on_progress, total, clock, load)
        self._outcomes: AsyncIterator[Outcome[T]] = _Outcomes(self.workers, meter)
        self._handed_over = False

    def _of(self, executor: Executor, timeouts: Timeouts | None) -> RunChunk:
        async def run_chunk(operations: Sequence[Operation[Any]]) -> Sequence[Outcome[Any]]:
            outcomes = await executor.run(operations, timeouts=timeouts)
            self.workers.widen(executor.chunks_at_once)
            return outcomes

        return run_chunk

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

    def __init__(self, workers: WorkerPool[T], meter: Meter | None) -> None:
        self._workers = workers
        self._meter = meter

    async def __anext__(self) -> Outcome[T]:
        if self._meter is None:
            return await self._workers.next()
        self._meter.begin()
        outcome = await self._workers.next()
        try:
            self._meter.count(failed=outcome.error is not None)
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


def _require_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{name} must be a whole number of at least 1")
