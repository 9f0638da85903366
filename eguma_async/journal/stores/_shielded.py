"""Work on a database server that goes on when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

from eguma_async.core.errors import JournalError

T = TypeVar("T")


class Shielded:
    """Runs coroutines in tasks of their own, in the process and the event loop it began in.

    Args:
        what: What they belong to, for messages.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._tasks: set[asyncio.Task[Any]] = set()
        self._process = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> None:
        """Belong to the running loop, unless it belongs to one already.

        Raises:
            JournalError: That is another one, or of the process this one was forked from.
        """
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._process = os.getpid()
        self.check(is_ready=True)

    def end(self) -> None:
        """Belong to no loop any more."""
        self._loop = None

    @property
    def is_of_parent(self) -> bool:
        """True in a process that was forked from the one it belongs to."""
        return self._loop is not None and self._process != os.getpid()

    def check(self, *, is_ready: bool) -> None:
        """Check that what is open can be used here.

        Args:
            is_ready: False if it is not open yet.

        Raises:
            JournalError: It is not open, or belongs to another process or loop.
        """
        if self._loop is None or not is_ready:
            raise JournalError(f"the journal {self._what} is not open")
        if self.is_of_parent:
            raise JournalError(
                f"the journal {self._what} was opened before this process was forked, and cannot"
                " be used in it: make a new one here"
            )
        if self._loop is not asyncio.get_running_loop():
            raise JournalError(
                f"the journal {self._what} was opened in another event loop: close it there, or"
                " make one for each loop"
            )

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns; it goes on if the caller is cancelled."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # it was told to whoever waited, if anybody did

    async def all_done(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))
