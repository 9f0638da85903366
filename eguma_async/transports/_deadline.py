"""Total timeouts at the price of a dictionary entry.

A timer of its own for every request, made and cancelled again, takes 3 % of the whole call.
So all requests of a transport share one timer, set to the earliest deadline.
"""

from __future__ import annotations

import asyncio


class Watch:
    """A request under way and when it must have ended."""

    __slots__ = ("cancelling", "deadline", "expired", "task")

    def __init__(self, task: asyncio.Task[object], deadline: float) -> None:
        self.task = task
        self.deadline = deadline
        self.cancelling = task.cancelling()
        self.expired = False


class Deadlines:
    """Cancels the tasks of requests whose time is up, as `asyncio.timeout` does.

    A watch is started and ended in the task that waits, around the waiting. So whenever the timer
    fires, that task is suspended in between, and the cancellation arrives there.
    """

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._timer: asyncio.TimerHandle | None = None

    def start(self, seconds: float) -> Watch:
        """Begin to watch the current task."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # a coroutine runs in a task
        watch = Watch(task, loop.time() + seconds)
        self._watches.add(watch)
        if self._timer is None or watch.deadline < self._timer.when():
            self._set_timer(loop, watch.deadline)
        return watch

    def end(self, watch: Watch) -> bool:
        """Stop watching; tell whether the time was up, and nobody else asked to cancel."""
        self._watches.discard(watch)
        return watch.expired and watch.task.uncancel() <= watch.cancelling

    def close(self) -> None:
        """Let go of the timer, unless there is something left to watch."""
        if self._timer is not None and not self._watches:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(when, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for watch in self._watches:
            if not watch.expired and watch.deadline <= now:
                watch.expired = True
                watch.task.cancel()
        waiting = [watch.deadline for watch in self._watches if not watch.expired]
        if waiting:
            self._set_timer(loop, min(waiting))
