"""Time as an argument, so that nothing in a test has to wait."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar, Protocol, cast

from .errors import ConfigurationError


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


def is_clock(given: object) -> bool:
    """Tell whether something looks like a clock."""
    functions = (getattr(given, name, None) for name in ("now", "monotonic", "sleep"))
    return not isinstance(given, type) and all(map(callable, functions))


def checked_clock(given: object) -> Clock:
    """Return what was given as a clock, if it looks like one.

    Raises:
        ConfigurationError: It does not; the message says what to pass instead.
    """
    if is_clock(given):
        return cast("Clock", given)
    hint = f"; pass an instance: {given.__name__}(...)" if isinstance(given, type) else ""
    kind = given.__name__ if isinstance(given, type) else type(given).__name__
    raise ConfigurationError(
        f"clock must have `now`, `monotonic` and `sleep`, as SystemClock() has; got {kind}{hint}"
    )


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


class SideBySide:
    """Lets sleepers pass the time instead of waiting: the earliest first, all of them at once.

    Each moves the clock on to its own moment. Ten that sleep a second side by side pass one
    second, not ten; the one with the earliest moment goes first.
    """

    def __init__(self) -> None:
        self._moments: list[tuple[float, int]] = []
        self._count = 0

    async def sleep(self, until: float, move_to: Callable[[float], None]) -> None:
        """Pass the time until a moment.

        Args:
            until: The moment, on the clock's monotonic time.
            move_to: Moves the clock on to a moment, unless it is there already.
        """
        self._count += 1  # keeps those of one moment in the order they came
        mine = until, self._count
        heapq.heappush(self._moments, mine)
        try:
            await asyncio.sleep(0)
            while self._moments[0] is not mine:  # noqa: ASYNC110  # a turn or two, no polling
                await asyncio.sleep(0)
            move_to(until)
        finally:
            self._moments.remove(mine)
            heapq.heapify(self._moments)


class ServersTime(SystemClock):
    """The machine's clock, but for the time of day: that is of a server that has one of its own.

    A simulated server may live in another year. Pauses still take as long as they take here.

    Args:
        server: The server's clock.
    """

    def __init__(self, server: Clock) -> None:
        self._server = server

    def now(self) -> datetime:
        """Return the server's time in UTC."""
        return self._server.now()
