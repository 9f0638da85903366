"""Timeouts at the price of an attribute.

A timer of its own for every request, made and cancelled again, takes 3 % of the whole call. So
all requests and connections of a transport share one timer, set to the earliest deadline.
"""

from __future__ import annotations

import asyncio
import math
from operator import attrgetter
from typing import Protocol, TypeVar

NEVER = math.inf
_deadline_of = attrgetter("deadline")

W = TypeVar("W", bound="Watch")


class Alarm(Protocol):
    """Something with a deadline. `NEVER` means that it waits for nothing now."""

    deadline: float

    def ring(self) -> None:
        """Act on the deadline. It is `NEVER` by then, so it rings once."""
        ...


class Watch:
    """A request under way and when it must have ended."""

    __slots__ = ("cancelling", "deadline", "expired", "outer", "task")

    def __init__(self, task: asyncio.Task[object], deadline: float) -> None:
        self.task = task
        self.deadline = deadline
        self.outer: Watch | None = None
        self.cancelling = task.cancelling()
        self.expired = False

    def ring(self) -> None:
        """Cancel the task: once, as `Deadlines.end` takes back one cancellation."""
        if not self.expired:
            self.expired = True
            self.task.cancel()


class Deadlines:
    """Rings alarms whose time is up.

    A watch cancels its task, as `asyncio.timeout` does. It is started and ended in the task that
    waits, around the waiting. So whenever the timer fires, that task is suspended in between, and
    the cancellation arrives there.

    Attributes:
        watches: The innermost watch of each task.
    """

    def __init__(self) -> None:
        self._alarms: set[Alarm] = set()
        self.watches: dict[asyncio.Task[object] | None, Watch] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = NEVER

    def start(self, seconds: float, kind: type[W]) -> W:
        """Begin to watch the current task."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101  # a coroutine runs in a task
        deadline = loop.time() + seconds
        watch = kind(task, deadline)
        if task in self.watches:
            watch.outer = self.watches[task]  # its sink sends a request in its turn
        self.watches[task] = watch
        if deadline < self._next:
            self._set_timer(loop, deadline)
        return watch

    def end(self, watch: Watch) -> bool:
        """Stop watching; tell whether the time was up, and nobody else asked to cancel."""
        if watch.outer is None:
            del self.watches[watch.task]
        else:
            self.watches[watch.task] = watch.outer
        return watch.expired and watch.task.uncancel() <= watch.cancelling

    def add(self, alarm: Alarm) -> None:
        """Take an alarm in, whose deadline `set` then moves."""
        self._alarms.add(alarm)

    def discard(self, alarm: Alarm) -> None:
        """Forget an alarm."""
        self._alarms.discard(alarm)

    def set(self, alarm: Alarm, seconds: float) -> None:
        """Move the deadline of an alarm that was taken in: so many seconds from now."""
        self.set_at(alarm, asyncio.get_running_loop().time() + seconds)

    def set_at(self, alarm: Alarm, deadline: float) -> None:
        """Move the deadline of an alarm that was taken in, to a time on the loop's clock."""
        alarm.deadline = deadline
        if deadline < self._next:
            self._set_timer(asyncio.get_running_loop(), deadline)

    def close(self) -> None:
        """Let go of the timer, unless there is something left to watch."""
        waits = any(alarm.deadline < NEVER for alarm in self._all())
        if self._timer is not None and not waits:
            self._timer.cancel()
            self._timer, self._next = None, NEVER

    def _set_timer(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._next = loop.call_at(when, self._sweep, loop), when

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, self._next = None, NEVER
        now = loop.time()
        due = [alarm for alarm in self._all() if alarm.deadline <= now]
        due.sort(key=_deadline_of)  # a loop that was busy sweeps up several at once
        for alarm in due:
            if alarm.deadline <= now:  # the one before may have moved it
                alarm.deadline = NEVER
                alarm.ring()
        earliest = min((alarm.deadline for alarm in self._all()), default=NEVER)
        if earliest < self._next:
            self._set_timer(loop, earliest)

    def _all(self) -> list[Alarm]:
        found: list[Alarm] = [*self._alarms]
        for innermost in self.watches.values():
            watch: Watch | None = innermost
            while watch is not None:
                found.append(watch)
                watch = watch.outer
        return found
