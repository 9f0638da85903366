"""Cancels a coroutine at a chosen point, as asyncio itself would.

A suspension is counted each time the coroutine hands something to the event loop to wait for. What
tasks of its own do meanwhile is not counted: they are reached through what they wait for.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import attrs


class Timing(enum.Enum):
    """When a coroutine is cancelled."""

    AT_SUSPENSION = "at the suspension"
    """As soon as it waits: what it waits for is cancelled before anything else runs."""
    AFTER_DONE = "after what it waits for is done"
    """What it waited for is there, but the coroutine has not seen it yet."""
    ON_EVENT = "on an event of the server"
    """When the server has got so far; the coroutine may be anywhere."""


class Events:
    """What happens at the server, in its order. One listener at a time.

    Attributes:
        seen: The events.
        under_way: How many requests have begun to arrive and are not over.
        listener: Called at each event.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.under_way = 0
        self.listener: Callable[[], None] | None = None

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request while it is under way."""
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1

    async def happened(self, event: str) -> None:
        """Tell of an event, and give the client time to react before the server goes on."""
        self.seen.append(event)
        if self.listener is not None:
            self.listener()
        for _ in range(3):
            await asyncio.sleep(0)


@attrs.frozen
class Ending:
    """How a coroutine ended.

    Attributes:
        fired: Whether it was cancelled. If not, it had fewer suspensions, or events, than that.
        error: What it raised.
        result: What it returned.
    """

    fired: bool
    error: BaseException | None = None
    result: Any = None

    @property
    def was_cancelled(self) -> bool:
        return isinstance(self.error, asyncio.CancelledError)


class CancelAt:
    """Cancels a coroutine at its k-th suspension, or at the k-th event of the server, from 0.

    Args:
        k: Which one.
        when: In which way.
        again: Cancel at every suspension behind it as well, as frameworks do that end a scope.
    """

    def __init__(self, k: int, when: Timing, *, again: bool = False) -> None:
        self.fired = False
        self._left = k
        self._when = when
        self._again = again
        self._task: asyncio.Task[Any] | None = None

    async def run(
        self, coroutine: Coroutine[Any, Any, Any], events: Events | None = None
    ) -> Ending:
        """Run a coroutine in a task of its own until it ends, and say how it did."""
        events = events or Events()
        if self._when is Timing.ON_EVENT:
            events.listener = lambda: self._count(self._cancel)
            watched = coroutine  # it may be cancelled before its first step
        else:
            watched = self._watched(coroutine)
        self._task = asyncio.get_running_loop().create_task(watched)
        try:
            await asyncio.wait({self._task})
        finally:
            events.listener = None
        task, self._task = self._task, None
        try:
            return Ending(self.fired, result=task.result())
        except BaseException as error:
            # Without its frames, which would keep alive what the coroutine has left.
            return Ending(self.fired, error.with_traceback(None) if self.fired else error)

    def _count(self, strike: Callable[[], None]) -> None:
        if self._left == 0 or (self._again and self.fired):
            strike()
        self._left -= 1

    def _cancel(self) -> None:
        # One that is done cannot be cancelled any more: it came too late.
        if self._task is not None and self._task.cancel():
            self.fired = True

    async def _watched(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return await _Watched(coroutine, self._suspended)

    def _suspended(self, waits_for: object) -> None:
        if self._when is Timing.AT_SUSPENSION:
            # The task is running: asyncio cancels what it is about to wait for.
            self._count(self._cancel)
        elif self._when is Timing.AFTER_DONE:
            self._count(lambda: self._cancel_after(waits_for))

    def _cancel_after(self, waits_for: object) -> None:
        if isinstance(waits_for, asyncio.Future):
            # Added before the task's own callback: it comes before the task goes on.
            waits_for.add_done_callback(lambda _: self._cancel())
        else:  # a bare turn of the loop
            asyncio.get_running_loop().call_soon(self._cancel)


class _Watched:
    """Passes on what a coroutine waits for, and tells of it."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], tell: Callable[[object], None]) -> None:
        self._coroutine = coroutine
        self._tell = tell

    def __await__(self) -> Generator[Any, Any, Any]:
        failure: BaseException | None = None
        while True:
            try:
                if failure is None:
                    waits_for = self._coroutine.send(None)
                else:
                    waits_for = self._coroutine.throw(failure)
            except StopIteration as stop:
                return stop.value
            self._tell(waits_for)
            failure = None
            try:
                yield waits_for
            except BaseException as error:
                failure = error
