"""A clock that stands still, for sandboxes that are moved by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from eguma_async.sandbox import SandboxClock

# A Monday, 09:00 in Zurich.
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class StillClock:
    """Never moves by itself, and nobody who sleeps on it wakes up."""

    def now(self) -> datetime:
        return START

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


def still_clock() -> SandboxClock:
    return SandboxClock(StillClock())
