"""An event loop in which nothing takes time but what waits for it, and that for no time at all.

Whenever everything waits, the loop's clock jumps to the next timer. So hours pass in milliseconds,
a run is the same each time, and a deadlock is an error and no hang.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class _Selector(selectors.DefaultSelector):
    """Waits for nothing: what the loop would wait passes on its clock."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everything waits, and for no time: a deadlock")
            self.elapsed += max(0.0, timeout)
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._passing = _Selector()
        super().__init__(self._passing)

    def time(self) -> float:
        return self._passing.elapsed


class VirtualClock:
    """The clock of a virtual loop; make it where that runs."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._begins = self._loop.time()

    def now(self) -> datetime:
        """Return the time of day."""
        return START + timedelta(seconds=self.elapsed())

    def elapsed(self) -> float:
        """Return the seconds since the clock was made."""
        return self._loop.time() - self._begins

    monotonic = elapsed

    async def sleep(self, seconds: float, /) -> None:
        """Let others go on until the time has passed."""
        await asyncio.sleep(seconds)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a virtual loop of its own."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
