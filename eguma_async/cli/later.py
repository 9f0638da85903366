"""A command as if it were run later: ``python -m eguma_async.cli.later SECONDS COMMAND ...``.

The demos recover what a killed process has left. Others leave that alone as long as it may still
live, and nobody who watches a demo wants to wait for so long.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta

from eguma_async.core.clock import SystemClock

from . import main
from .connection import session_clock


class LaterClock:
    """The machine's clock, moved on. Pauses are skipped: they move it on further.

    Args:
        seconds: How far.
    """

    def __init__(self, seconds: float) -> None:
        self._clock = SystemClock()
        self._ahead = seconds

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self._clock.now() + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        """Return the seconds on the monotonic clock, as many further on."""
        return self._clock.monotonic() + self._ahead

    async def sleep(self, seconds: float, /) -> None:
        """Move on instead of waiting."""
        self._ahead += max(0.0, seconds)
        await self._clock.sleep(0)


def run(arguments: Sequence[str]) -> int:
    """Carry out a command line later; return its exit code.

    Args:
        arguments: The seconds, and the command line.
    """
    session_clock.set(LaterClock(float(arguments[0])))
    return main(arguments[1:])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
