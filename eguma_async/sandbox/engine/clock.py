"""A clock that can be moved by hand, on top of any other clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from eguma_async.core.clock import Clock, SystemClock


class SandboxClock:
    """A settable clock. It runs on with the clock below it, shifted by what it was moved.

    Args:
        base: Clock to run with; the machine's own by default.
    """

    def __init__(self, base: Clock | None = None) -> None:
        self._base: Clock = base or SystemClock()
        self._shift = timedelta()
        self._skipped = 0.0
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """Return the simulated time as an aware datetime in UTC."""
        return self._base.now() + self._shift

    def monotonic(self) -> float:
        """Return seconds that only grow, the ones skipped by `advance` included."""
        return self._base.monotonic() + self._skipped

    def advance(self, by: timedelta | None = None, /, **parts: float) -> datetime:
        """Move the time forward and return the new time.

        Args:
            by: How far to move.
            parts: The same as arguments of `timedelta`, such as ``minutes=61``.

        Raises:
            ValueError: The time would run backwards; use `set` for that.
        """
        step = (by or timedelta()) + timedelta(**parts)
        if step < timedelta():
            raise ValueError("advance() only moves forward; use set() to go back")
        self._move(step)
        return self.now()

    def set(self, moment: datetime) -> datetime:
        """Set the time, also backwards, and return it.

        Raises:
            ValueError: `moment` has no time zone.
        """
        if moment.utcoffset() is None:
            raise ValueError("set() needs a datetime with a time zone")
        self._move(moment.astimezone(UTC) - self.now())
        return self.now()

    async def sleep(self, seconds: float, /) -> None:
        """Wait on this clock: moving it forward wakes those whose time has come."""
        deadline = self.monotonic() + seconds
        left = seconds
        while left > 0 and await self._sleep_was_cut_short(left):
            left = deadline - self.monotonic()

    def _move(self, step: timedelta) -> None:
        self._shift += step
        self._skipped += max(0.0, step.total_seconds())
        self._moved.set()
        self._moved = asyncio.Event()

    async def _sleep_was_cut_short(self, seconds: float) -> bool:
        asleep = asyncio.ensure_future(self._base.sleep(seconds))
        moved = asyncio.ensure_future(self._moved.wait())
        try:
            await asyncio.wait((asleep, moved), return_when=asyncio.FIRST_COMPLETED)
            return not asleep.done()
        finally:
            asleep.cancel()
            moved.cancel()
            await asyncio.wait((asleep, moved))
