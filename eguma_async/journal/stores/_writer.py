"""One thread that owns a connection: jobs that wait together are committed together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs

C = TypeVar("C")
T = TypeVar("T")

GROUP = 256
"""Jobs of one commit at most."""


@attrs.frozen(eq=False)
class Job(Generic[C, T]):
    """Something to do on the thread.

    Attributes:
        run: Does it.
        writes: True if it needs a transaction.
        future: Gets what comes of it.
    """

    run: Callable[[C], T]
    writes: bool
    future: asyncio.Future[T]


class Writer(Generic[C]):
    """Runs jobs on a thread of its own, one after the other.

    Args:
        name: Of the thread.
        group: Runs jobs in one transaction; what it raises is told to all of them.
        idle: Called when there was nothing to do for a while after a write.
        idle_seconds: How long a while is.
    """

    def __init__(
        self,
        name: str,
        *,
        group: Callable[[list[Job[C, Any]]], list[Any]],
        idle: Callable[[], None],
        idle_seconds: float = 0.2,
    ) -> None:
        self._group = group
        self._idle = idle
        self._idle_seconds = idle_seconds
        self._jobs: queue.SimpleQueue[Job[C, Any] | None] = queue.SimpleQueue()
        # A daemon: a program that forgets to close its journal must be able to end.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def do(self, run: Callable[[C], T], *, writes: bool) -> asyncio.Future[T]:
        """Hand in a job. Cancelling the future does not take it back."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(Job(run, writes, future))
        return future

    async def stop(self) -> None:
        """End the thread when all jobs are done."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        is_idle, goes_on = True, True
        while goes_on:
            batch, goes_on = self._next(None if is_idle else self._idle_seconds)
            if batch:
                self._carry_out(batch)
            elif not is_idle:
                self._idle()
            is_idle = not any(job.writes for job in batch)

    def _next(self, timeout: float | None) -> tuple[list[Job[C, Any]], bool]:
        """Wait for jobs; return them, and whether more may come."""
        batch: list[Job[C, Any]] = []
        try:
            job = self._jobs.get(timeout=timeout)
            while job is not None and len(batch) < GROUP:
                batch.append(job)
                job = self._jobs.get_nowait()
            if job is not None:
                batch.append(job)
        except queue.Empty:
            return batch, True
        return batch, job is not None

    def _carry_out(self, batch: list[Job[C, Any]]) -> None:
        try:
            results = self._group(batch)
        except Exception as error:  # noqa: BLE001  # whatever it is, whoever waits gets it
            if len(batch) > 1:
                for job in batch:  # one of them may be to blame alone
                    self._carry_out([job])
                return
            _tell(batch, [error])
            return
        _tell(batch, results)


def _tell(batch: list[Job[C, Any]], results: list[Any]) -> None:
    """Hand the results to the loops that wait for them."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, result in zip(batch, results, strict=True):
        by_loop.setdefault(job.future.get_loop(), []).append((job.future, result))
    for loop, told in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, told)


def _resolve(told: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in told:
        if future.done():
            continue  # nobody waits any more; what was done is done
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
