"""Permits for requests, some of which are kept for those that must not wait."""

from __future__ import annotations

import asyncio
from collections import deque


class Permits:
    """So many requests at once, and a few more of those that are never queued behind the others.

    ::

        if not permits.try_acquire():
            await permits.acquire()
        try:
            ...
        finally:
            permits.release()

    It is a number only while permits are free: every request of every session takes one.

    Args:
        count: Permits for all.
        reserved: Further ones, for those that are `ahead`: they have theirs even while the others
            hold as many as there are for all, and go first when one is given back.
    """

    __slots__ = ("_ahead", "_all", "_behind", "_count", "_taken")

    def __init__(self, count: int, reserved: int = 0) -> None:
        self._count = count
        self._all = count + reserved
        self._taken = 0
        self._ahead: deque[asyncio.Future[None]] = deque()
        self._behind: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many of those for all are free; negative while some that are reserved are taken."""
        return self._count - self._taken

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._taken

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._ahead) + len(self._behind)

    def try_acquire(self, *, ahead: bool = False) -> bool:
        """Take a permit if one is free, and nobody waits for it."""
        if self._taken < (self._all if ahead else self._count):
            self._taken += 1
            return True
        return False

    async def acquire(self, *, ahead: bool = False) -> None:
        """Wait for a permit, first come, first served, and take it."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._ahead if ahead else self._behind
        queue.append(turn)
        try:
            await turn
        except BaseException:  # not cancelled alone: its coroutine may be closed
            if turn.done() and not turn.cancelled():
                self.release()  # it was given one meanwhile
            elif turn in queue:  # else it was passed over meanwhile
                queue.remove(turn)
            raise

    def release(self) -> None:
        """Give a permit back, and to whoever has waited longest."""
        self._taken -= 1
        if self._ahead or self._behind:
            self._pass_on()

    def _pass_on(self) -> None:
        for queue, most in ((self._ahead, self._all), (self._behind, self._count)):
            while queue and self._taken < most:
                turn = queue.popleft()
                if not turn.done():
                    self._taken += 1
                    turn.set_result(None)
                    return
