"""The workers of one fan-out, and the buffer between them and the consumer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from copy import copy
from typing import Any, Generic, Protocol, TypeVar

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.errors import ConfigurationError, EgumaError, SessionStateError, StatusError
from eguma_async.core.fan_out import InPieces, Outcome
from eguma_async.core.operation import Operation
from eguma_async.core.permits import Permits

from .jobs import Job, jobs_of

T = TypeVar("T")
R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)

BUFFER = 2
"""Reads that are taken and not handed on, for each worker: one under way, one that waits."""
WINDOW = 4
"""The same where the order is kept, so that a slow one holds the others up less."""


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


RunChunk = Callable[[Sequence[Operation[Any]]], Awaitable[Sequence[Outcome[Any]]]]
"""Carries out several reads, and returns an outcome for each, in the same order."""


class WorkerPool(Generic[T]):
    """The workers of one fan-out and the buffer between them and the consumer.

    Room in the buffer is taken before an operation is, and given back as its outcome is handed on:
    that bounds what is in memory. When a worker ends, in whatever way, its task goes into the
    buffer as well; that needs no room, so it can always be told.

    Args:
        run: Sends one operation.
        operations: Any iterable or async iterable; taken lazily.
        clock: Measures the seconds.
        size: Number of workers.
        ordered: Hand outcomes on in the order of the input.
        run_chunk: Carries out several operations at once, instead of `run`.
        chunk_size: How many, at most.
    """

    def __init__(
        self,
        run: Run,
        operations: Iterable[Operation[T] | InPieces[T]]
        | AsyncIterable[Operation[T] | InPieces[T]],
        clock: Clock,
        size: int,
        *,
        ordered: bool = False,
        run_chunk: RunChunk | None = None,
        chunk_size: int = 1,
    ) -> None:
        self._run = run
        self._run_chunk = run_chunk
        self._chunk_size = chunk_size
        self._source = jobs_of(operations)
        self._clock = clock
        self._size = size
        self._per_worker = WINDOW if ordered else BUFFER
        self._room = Permits(size * chunk_size * self._per_worker)
        # Not an asyncio.Queue: one consumer and no bound of its own need none of its bookkeeping.
        self._buffer: deque[Outcome[T] | asyncio.Task[None]] = deque()
        self._early: dict[int, Outcome[T]] | None = {} if ordered else None
        self._turn = 0
        self._leaders: dict[Operation[T], Job[T]] = {}
        self._consumer: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._work_of_one = self._work
        self._running = 0
        self._stopped = False
        self._failed: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._reason: EgumaError | None = None
        self.is_finished: bool = False

    # The consumer's side

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
        work = self._work
        if self._run_chunk is not None:
            work = self._work_in_chunks
        elif self._source.plain is None:
            work = self._work_async
        self._work_of_one = work
        for _ in range(self._size):
            self._add_worker(self._loop)

    def _add_worker(self, loop: asyncio.AbstractEventLoop) -> None:
        worker = loop.create_task(self._work_of_one())
        worker.add_done_callback(self._put)
        self._tasks.append(worker)

    def widen(self, size: int) -> None:
        """Let more workers do it, as an executor may have more room than at first.

        Args:
            size: How many there are to be; fewer than there are changes nothing.
        """
        if self._loop is None or self._stopped:
            return
        for _ in range(self._size, size):
            self._size += 1
            self._running += 1
            self._add_worker(self._loop)
            for _ in range(self._chunk_size * self._per_worker):
                self._room.release()

    async def _wait(self) -> None:
        """Wait until the buffer holds something, or the workers are stopped."""
        if self._consumer is not None:
            raise SessionStateError("another task waits for the outcomes of this fan-out")
        self._consumer = asyncio.get_running_loop().create_future()
        try:
            await self._consumer
        finally:
            self._consumer = None

    # The workers' side

    async def _work(self) -> None:
        """Carry out jobs of a plain iterator."""
        assert self._source.plain is not None  # noqa: S101  # `_start` has looked
        room = self._room
        if not room.try_acquire():
            await room.acquire()
        for job in self._source.plain:
            if self._leads(job):
                await self._carry_out(job)
            if not room.try_acquire():
                await room.acquire()
        room.release()

    async def _work_async(self) -> None:
        """Carry out jobs of an async iterator."""
        while True:
            if not self._room.try_acquire():
                await self._room.acquire()
            job = await self._source.take()
            if job is None:
                self._room.release()
                return
            if self._leads(job):
                await self._carry_out(job)

    async def _work_in_chunks(self) -> None:
        """Let several jobs at once be carried out elsewhere."""
        assert self._run_chunk is not None  # noqa: S101  # `_start` has looked
        again: list[Job[T]] = []
        while chunk := again or await self._chunk():
            outcomes = await self._run_chunk([job.operation for job in chunk])
            _require_all(chunk, outcomes)
            settled = map(self._settle, chunk, outcomes)
            again = [job for job in settled if job is not None]

    async def _chunk(self) -> list[Job[T]]:
        """Take as many jobs as make a chunk, or as there are or is room for."""
        chunk: list[Job[T]] = []
        while len(chunk) < self._chunk_size:
            if not self._room.try_acquire():
                if chunk:
                    break
                await self._room.acquire()
            job = await self._source.take()
            if job is None:
                self._room.release()
                break
            if self._leads(job):
                chunk.append(job)
        return chunk

    async def _carry_out(self, job: Job[T]) -> None:
        """Make a request, and the next one as long as a twin needs one of its own."""
        following: Job[T] | None = job
        while following is not None:
            job, operation = following, following.operation
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
            outcome = Outcome(
                operation=operation,
                value=value,
                error=error,
                attempts=attempts,
                seconds=self._clock.monotonic() - began,
            )
            following = self._settle(job, outcome)

    # Equal reads that are under way at once are made once

    def _leads(self, job: Job[T]) -> bool:
        """Tell whether a job is to be carried out; False if an equal one is under way."""
        try:
            leader = self._leaders.setdefault(job.operation, job)
        except TypeError:  # a field that has no hash
            return True
        if leader is job:
            return True
        if leader.twins is None:
            leader.twins = []
        leader.twins.append(job)
        return False

    def _settle(self, job: Job[T], outcome: Outcome[T]) -> Job[T] | None:
        """Give a job and its twins their outcome; return one that has to be carried out itself.

        What the server answered holds for all of them. That a request was given up, as for its
        deadline, holds for itself alone: the others came later.
        """
        try:  # noqa: SIM105  # `suppress` takes as long as all the rest
            self._leaders.pop(job.operation, None)
        except TypeError:  # as above
            pass
        self._finish(job, outcome)
        if job.twins is None:
            return None
        if outcome.error is not None and not isinstance(outcome.error, StatusError):
            first, *rest = job.twins
            first.twins = rest or None
            self._leaders[first.operation] = first
            return first
        for twin in job.twins:
            # Two that raise one error would add to one traceback.
            error = None if outcome.error is None else copy(outcome.error)
            self._finish(twin, attrs.evolve(outcome, error=error))
        return None

    def _finish(self, job: Job[T], outcome: Outcome[T]) -> None:
        if outcome.operation is not job.operation:
            outcome = attrs.evolve(outcome, operation=job.operation)
        if job.whole is not None:
            together = job.whole.put(job.place, outcome)
            if together is None:
                self._room.release()  # the last one keeps its own for the whole
                return
            outcome = together
        if self._early is None:
            self._buffer.append(outcome)
            if self._consumer is not None:
                self._wake()
            return
        self._early[job.index] = outcome
        while (following := self._early.pop(self._turn, None)) is not None:
            self._turn += 1
            self._put(following)

    def _put(self, item: Outcome[T] | asyncio.Task[None]) -> None:
        self._buffer.append(item)
        self._wake()

    def _wake(self) -> None:
        if self._consumer is not None and not self._consumer.done():
            self._consumer.set_result(None)

    # The end

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


def _require_all(chunk: Sequence[Job[Any]], outcomes: Sequence[Outcome[Any]]) -> None:
    """Check what an executor returned.

    Raises:
        RuntimeError: It is not an outcome of each operation, in their order.
    """
    operations = [job.operation for job in chunk]
    if [outcome.operation for outcome in outcomes] != operations:
        raise RuntimeError(
            f"the executor returned {len(outcomes)} outcomes, and not one for each of the"
            f" {len(chunk)} operations of the chunk in their order"
        )
