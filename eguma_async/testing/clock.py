"""A clock that tests move."""

from __future__ import annotations

import asyncio
import heapq
import math
from datetime import UTC, datetime, timedelta

from eguma_async.core.clock import SideBySide

_START = datetime(2026, 1, 1, 12, tzinfo=UTC)
_MAX_TURNS = 1000


class FakeClock:
    """Time that passes only when told to, so that no test waits.

    Args:
        start: The first `now`, an aware datetime.
        auto: With True, `sleep` moves the time on by itself and waits for nothing; tasks that sleep
            side by side share the time. With False, sleepers wait until `advance` passes theirs.

    Attributes:
        sleeps: Every duration slept, in seconds and in order.
    """

    def __init__(self, start: datetime = _START, *, auto: bool = True) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be an aware datetime")
        self.sleeps: list[float] = []
        self._start = start.astimezone(UTC)
        self._auto = auto
        self._elapsed = 0.0
        self._side_by_side = SideBySide()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Return the seconds passed since the start."""
        return self._elapsed

    @property
    def sleeping(self) -> int:
        """How many tasks wait for `advance`."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def sleep(self, seconds: float, /) -> None:
        """Let the time pass, or wait until a test does."""
        self.sleeps.append(seconds)
        if self._auto or seconds <= 0:
            await self._side_by_side.sleep(self._elapsed + max(0.0, seconds), self._move_to)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # The count keeps those who sleep until the same moment in the order they came.
        heapq.heappush(self._sleepers, (self._elapsed + seconds, len(self.sleeps), future))
        await future

    def _move_to(self, moment: float) -> None:
        self._elapsed = max(self._elapsed, moment)

    def advance(
        self,
        seconds: float = 0.0,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
    ) -> datetime:
        """Move the time on, wake those whose time has come, the earliest first, and return it.

        They run at the next turn of the event loop.

        Raises:
            ValueError: Time does not go back.
        """
        seconds += timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes).total_seconds()
        if not 0 <= seconds < math.inf:
            raise ValueError("time does not go back, and not on for ever")
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            _, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
        return self.now()

    async def until_sleeping(self, count: int = 1) -> None:
        """Let other tasks run until so many of them wait on this clock.

        Raises:
            AssertionError: They do not come to wait.
        """
        for _ in range(_MAX_TURNS):
            if self.sleeping >= count:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"{self.sleeping} tasks sleep on the clock, not {count}")
