"""A clock that can be moved by hand, on top of any other clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from eguma_async.core.clock import Clock, SideBySide, SystemClock

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Ids and references count from here."""
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""Calendars, tokens and links reach far beyond the present, and Python's time ends with 9999."""


class SandboxClock:
    """A settable clock. It runs on with the clock below it, shifted by what it was moved.

    A session may be given the clock of a sandbox: its pauses move the time on and take none; those
    that are made side by side share it. The sandbox itself uses `wait` for what is to be late,
    which takes its time.

    Args:
        base: Clock to run with; the machine's own by default.
    """

    def __init__(self, base: Clock | None = None) -> None:
        self._base: Clock = base or SystemClock()
        self._shift = timedelta()
        self._skipped = 0.0
        self._moved = asyncio.Event()
        self._side_by_side = SideBySide()

    def now(self) -> datetime:
        """Return the simulated time as an aware datetime in UTC."""
        return self._base.now() + self._shift

    def monotonic(self) -> float:
        """Return seconds that only grow, the ones skipped by `advance` included."""
        return self._base.monotonic() + self._skipped

    def advance(
        self,
        seconds: float | timedelta = 0.0,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
    ) -> datetime:
        """Move the time forward and return the new time.

        Args:
            seconds: How far; the other units are added to it.
            weeks: Weeks of 7 days.
            days: Days of 24 hours.
            hours: Hours.
            minutes: Minutes.

        Raises:
            ValueError: The time would run backwards, which `set` is for, or beyond the year 8999.
        """
        try:
            step = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
            step += seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
        except OverflowError:
            raise ValueError("the clock goes from 1970 to 8999; that is too far") from None
        if step < timedelta():
            raise ValueError("advance() only moves forward; use set() to go back")
        return self._move(step)

    def set(self, moment: datetime) -> datetime:
        """Set the time, also backwards, and return it.

        Raises:
            ValueError: `moment` has no time zone, or is not from 1970 to 8999.
        """
        if moment.utcoffset() is None:
            raise ValueError("set() needs a datetime with a time zone")
        return self._move(moment - self.now())

    async def sleep(self, seconds: float, /) -> None:
        """Let time pass for a session, without taking any: the clock moves on by itself.

        A clock below that is not the machine's own decides for itself: one for tests passes its
        time at once, or waits until the test does.

        Raises:
            ValueError: The time would run beyond the year 8999.
        """
        if not isinstance(self._base, SystemClock):
            await self.wait(seconds)
            return
        await self._side_by_side.sleep(self.monotonic() + max(0.0, seconds), self._move_to)

    async def wait(self, seconds: float, /) -> None:
        """Wait on the clock below; moving this one forward wakes those whose time has come."""
        deadline = self.monotonic() + seconds
        left = seconds
        while left > 0 and await self._wait_was_cut_short(left):
            left = deadline - self.monotonic()

    def _move_to(self, moment: float) -> None:
        left = moment - self.monotonic()
        if left > 0:
            self.advance(left)

    def _move(self, step: timedelta) -> datetime:
        now = self.now()
        if not EARLIEST - now <= step < LATEST - now:
            raise ValueError("the clock goes from 1970 to 8999; that is too far")
        self._shift += step
        self._skipped += max(0.0, step.total_seconds())
        self._moved.set()
        self._moved = asyncio.Event()
        return now + step

    async def _wait_was_cut_short(self, seconds: float) -> bool:
        asleep = asyncio.ensure_future(self._base.sleep(seconds))
        moved = asyncio.ensure_future(self._moved.wait())
        try:
            await asyncio.wait((asleep, moved), return_when=asyncio.FIRST_COMPLETED)
            return not asleep.done()
        finally:
            asleep.cancel()
            moved.cancel()
            await asyncio.wait((asleep, moved))
