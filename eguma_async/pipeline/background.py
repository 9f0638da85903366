"""What goes on beside the calls of a session until that is closed.

Work that outlives whoever began it is waited for then; reading that somebody iterates over ends.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from contextvars import ContextVar, copy_context
from typing import Any, Protocol, TypeVar

from eguma_async.core.errors import EgumaError, SessionStateError

T = TypeVar("T")

_LAST_SECONDS = 1.0
_RUNS_IN: ContextVar[Background | None] = ContextVar("eguma_async.background", default=None)


class Background:
    """The tasks of one session that outlive their callers."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin work in a task of its own, which nobody's cancellation reaches."""
        context = copy_context()
        context.run(_RUNS_IN.set, self)
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def runs_here(self) -> bool:
        """Tell whether the current task is one of these, or was made by one."""
        return _RUNS_IN.get() is self

    async def drain(self, seconds: float) -> None:
        """Wait until all work is done, for so many seconds at most, and cancel what is left.

        What does not end within another second is left to itself.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks:  # what is begun meanwhile is waited for as well
                    await asyncio.wait(self._tasks)
        late = tuple(self._tasks)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=_LAST_SECONDS)


class Reading(Protocol):
    """Something that reads as somebody iterates over it."""

    async def stop(self, reason: EgumaError | None = None) -> None:
        """End it; whoever asks for more is told the reason."""
        ...


class Readings:
    """The fan-outs and streams of one session that somebody holds."""

    def __init__(self) -> None:
        self._held: weakref.WeakSet[Reading] = weakref.WeakSet()

    def __len__(self) -> int:
        return len(self._held)

    def add(self, reading: Reading) -> None:
        """Take in what ends with the session."""
        self._held.add(reading)

    async def stop(self) -> None:
        """End them all: the session is being closed."""
        async with AsyncExitStack() as steps:  # whatever one of them raises
            for reading in tuple(self._held):
                reason = SessionStateError("the session was closed meanwhile")
                steps.push_async_callback(reading.stop, reason)


async def see_through(task: asyncio.Task[T]) -> T:
    """Wait for a task to the end, however often the waiting is cancelled; pass that on then.

    Some frameworks cancel a task again and again until it has left the scope they guard.
    """
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as again:
            cancelled = again
    if cancelled is not None:
        raise cancelled
    return task.result()
