"""How long ago something was, by more than one clock: the machine's time of day may jump."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import uuid4

import attrs

from eguma_async.core.clock import Clock

_SLACK = 5.0
"""Seconds by which the time of day may be set back without doubt about it."""


@attrs.frozen(kw_only=True)
class Moment:
    """When something was.

    Attributes:
        wall: Seconds since 1970, by the time of day.
        ticks: Seconds on the monotonic clock.
        boot: Names the start of the machine that the ticks count from.
    """

    wall: float
    ticks: float
    boot: str

    @property
    def time(self) -> datetime:
        """The time of day, aware, in UTC."""
        return as_time(self.wall)


def as_time(seconds: float) -> datetime:
    """Return seconds since 1970 as a datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


class Moments:
    """Tells the moment it is.

    Args:
        clock: The clock.
        boot: Names the start of the machine; moments of another start share no ticks with ours.
    """

    def __init__(self, clock: Clock, boot: str) -> None:
        self._clock = clock
        self._boot = boot

    def now(self) -> Moment:
        """Return the moment it is."""
        return Moment(
            wall=self._clock.now().timestamp(), ticks=self._clock.monotonic(), boot=self._boot
        )


def age(then: Moment, now: Moment) -> float | None:
    """Return how many seconds ago something was, by the clock that says more.

    None if the clocks contradict each other so that it cannot be told: the time of day was set
    back since, or was ahead then.
    """
    by_wall = now.wall - then.wall
    if then.boot != now.boot:
        return by_wall if by_wall >= 0 else None
    by_ticks = now.ticks - then.ticks
    if by_ticks < 0 or by_wall < -_SLACK:
        return None
    return max(by_wall, by_ticks)


@cache
def this_boot() -> str:
    """Return a name for this start of the machine; of this process, where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return uuid4().hex
