"""One thread that owns a connection: jobs that wait together are committed together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

import attrs

from eguma_async.core.errors import EgumaError

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
        is_alone: True if it takes long, and must not be in a group with others.
        future: Gets what comes of it.
    """

    run: Callable[[C], T]
    writes: bool
    is_alone: bool
    future: asyncio.Future[T]


class Work(Protocol):
    """What the thread does. All of it is called on the thread."""

    def enter(self) -> None:
        """Make ready; what it raises ends the thread."""
        ...

    def carry_out(self, jobs: list[Job[Any, Any]], /) -> list[Any]:
        """Run jobs in one transaction; return for each what came of it, or an exception."""
        ...

    def tidy(self, *, is_idle: bool) -> float | None:
        """Do what can wait, and return the seconds until it wants to be called again.

        Args:
            is_idle: True if nobody waits for anything.
        """
        ...

    def leave(self) -> None:
        """Let go of everything; it must not raise."""
        ...


class Writer(Generic[C]):
    """Runs jobs on a thread of its own, in the order they come.

    Args:
        name: Of the thread.
        work: What it does.
        error: Told where a mistake of ours comes between.

    Attributes:
        started: Done once the thread is ready; it has the exception if it cannot be.
        stopped: Done as the thread ends.
    """

    def __init__(self, name: str, work: Work, error: type[EgumaError]) -> None:
        self.started: Future[None] = Future()
        self.stopped: Future[None] = Future()
        self._work = work
        self._error = error
        self._jobs: queue.SimpleQueue[Job[C, Any] | None] = queue.SimpleQueue()
        # A daemon: a program that forgets to close its store must be able to end.
        threading.Thread(target=self._live, name=name, daemon=True).start()

    @property
    def is_ready(self) -> bool:
        """True once the thread takes jobs."""
        return self.started.done() and self.started.exception() is None

    def do(
        self, run: Callable[[C], T], *, writes: bool = False, is_alone: bool = False
    ) -> asyncio.Future[T]:
        """Hand in a job. Cancelling the future does not take it back."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(Job(run, writes, is_alone, future))
        return future

    def stop(self) -> Future[None]:
        """End the thread when all jobs are done."""
        self._jobs.put(None)
        return self.stopped

    def run_waiting(self) -> None:
        """Run what waits, from within a job that takes long."""
        batch, goes_on = self._take(0)
        self._run(batch)
        if not goes_on:
            self._jobs.put(None)

    def _live(self) -> None:
        self.started.set_running_or_notify_cancel()
        try:
            self._work.enter()
        except BaseException as error:  # noqa: BLE001  # whatever it is, whoever waits gets it
            self.started.set_exception(error.with_traceback(None))
        else:
            self.started.set_result(None)
            self._serve()
            self._work.leave()
        self.stopped.set_result(None)

    def _serve(self) -> None:
        patience, goes_on = self._work.tidy(is_idle=False), True
        while goes_on:
            patience, goes_on = self._round(patience)

    def _round(self, patience: float | None) -> tuple[float | None, bool]:
        # A frame of its own, so that what was written is not kept until the next job comes.
        batch, goes_on = self._take(patience)
        self._run(batch)
        return self._work.tidy(is_idle=not batch), goes_on

    def _take(self, patience: float | None) -> tuple[list[Job[C, Any]], bool]:
        """Wait for jobs; return them, and whether more may come."""
        batch: list[Job[C, Any]] = []
        with suppress(queue.Empty):
            job = self._jobs.get(timeout=patience) if patience else self._first(patience)
            while job is not None:
                batch.append(job)
                if len(batch) == GROUP:
                    return batch, True
                job = self._jobs.get_nowait()
            return batch, False
        return batch, True

    def _first(self, patience: float | None) -> Job[C, Any] | None:
        return self._jobs.get() if patience is None else self._jobs.get_nowait()

    def _run(self, batch: list[Job[C, Any]]) -> None:
        self._run_group([job for job in batch if not job.is_alone])
        for job in batch:  # last, so that nobody waits for what takes long
            if job.is_alone:
                self._run_group([job])

    def _run_group(self, group: list[Job[C, Any]]) -> None:
        if not group:
            return
        try:
            outcomes = self._work.carry_out(group)
        except Exception as error:  # noqa: BLE001  # a mistake of ours must not leave them waiting
            outcomes = [self._error(f"unexpected: {type(error).__name__}") for _ in group]
        _tell(group, outcomes)


def _tell(group: list[Job[C, Any]], outcomes: list[Any]) -> None:
    """Hand the outcomes to the loops that wait for them, with one call for each loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, outcome in zip(group, outcomes, strict=True):
        by_loop.setdefault(job.future.get_loop(), []).append((job.future, outcome))
    for loop, told in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, told)


def _resolve(told: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, outcome in told:
        if future.done():
            continue  # nobody waits any more; what was done is done
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
