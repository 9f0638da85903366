"""Cancels a coroutine at a chosen suspension, in one of two ways."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Coroutine, Generator
from typing import Any


class When(enum.Enum):
    """When a task is cancelled."""

    WAITING = "while it waits"
    """The future it waits for is not done: the cancellation reaches what it waits for."""
    READY = "once it need not wait any more"
    """The future is done, and the task has not run yet: the result is there and gets lost."""


class CancelAt:
    """Awaits a coroutine and cancels the task that does so at one of its suspensions.

    Args:
        coroutine: What is awaited.
        suspension: Which one, from 1.
        when: In which way.

    Attributes:
        fired: Whether it came to that.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], suspension: int, when: When) -> None:
        self._coroutine = coroutine
        self._left = suspension
        self._when = when
        self.fired = False

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._coroutine.__await__()
        task = asyncio.current_task()
        assert task is not None
        answer: Any = None
        error: BaseException | None = None
        while True:
            try:
                waits_for = steps.throw(error) if error is not None else steps.send(answer)
            except StopIteration as end:
                return end.value
            self._left -= 1
            if self._left == 0:
                self._cancel(task, waits_for)
            answer, error = None, None
            try:
                answer = yield waits_for
            except BaseException as thrown:
                error = thrown

    def _cancel(self, task: asyncio.Task[Any], waits_for: Any) -> None:
        self.fired = True
        if waits_for is None or self._when is When.WAITING:
            task.cancel()
        else:
            # Before the task's own callback, which it adds when it gets the future.
            waits_for.add_done_callback(lambda _: task.cancel())
