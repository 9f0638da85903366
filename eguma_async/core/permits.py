"""A bound on how much happens at once."""

from __future__ import annotations

import asyncio


class Permits:
    """A semaphore that is only a number while permits are free.

    `asyncio.Semaphore` alone takes six calls for a permit that nobody contends for, and every
    request of every session takes one. Usage::

        if not permits.take():
            await permits.wait()
        try:
            ...
        finally:
            permits.give_back()
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting = 0
        self._turns = asyncio.Semaphore(0)

    def take(self) -> bool:
        """Take a permit if one is free."""
        if self._free > 0:
            self._free -= 1
            return True
        return False

    async def wait(self) -> None:
        """Wait for a permit, first come, first served, and take it."""
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1

    def give_back(self) -> None:
        """Give a permit to whoever waits longest, or set it free."""
        if self._waiting > 0:
            self._turns.release()
        else:
            self._free += 1
