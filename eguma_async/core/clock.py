"""Time as an argument, so that nothing in a test has to wait."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import ClassVar, Protocol


class Clock(Protocol):
    """Where a session and a sandbox read the time and sleep."""

    def now(self) -> datetime:
        """Return the wall-clock time as an aware datetime in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow, for measuring spans."""
        ...

    async def sleep(self, seconds: float, /) -> None:
        """Wait for a number of seconds on this clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    # No frame of its own: every call reads the time twice at least.
    monotonic: ClassVar[staticmethod[[], float]] = staticmethod(time.monotonic)

    async def sleep(self, seconds: float, /) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(seconds)
