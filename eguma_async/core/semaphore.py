"""A bound on how much happens at once."""

from __future__ import annotations

import asyncio


class Semaphore:
    """A semaphore that is only a number while permits are free.

    `asyncio.Semaphore` alone takes six calls for a permit that nobody contends for, and every
    request of every session takes one. Usage::

        if not semaphore.try_acquire():
            await semaphore.acquire()
        try:
            ...
        finally:
            semaphore.release()
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting = 0
        self._turns = asyncio.Semaphore(0)

    def try_acquire(self) -> bool:
        """Take a permit if one is free."""
        if self._free > 0:
            self._free -= 1
            return True
        return False

    async def acquire(self) -> None:
        """Wait for a permit, first come, first served, and take it."""
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1

    def release(self) -> None:
        """Give a permit to whoever waits longest, or set it free."""
        if self._waiting > 0:
            self._turns.release()
        else:
            self._free += 1
