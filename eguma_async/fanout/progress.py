"""How far a fan-out is: counted, timed, and told to whoever shows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from eguma_async.core.clock import Clock
from eguma_async.core.fan_out import Progress

_SPACING = 0.25
_MARKS = 20
"""The rate is that of the last five seconds or so."""


@runtime_checkable
class Load(Protocol):
    """What is known of how much a server takes."""

    @property
    def limit(self) -> int | None:
        """Requests that may be under way at once."""
        ...

    @property
    def pace(self) -> float | None:
        """Requests a second that it is known to take; None if it has refused none."""
        ...


class Meter:
    """Counts outcomes, and tells of each.

    Args:
        tell: Is told.
        total: How many there will be; None if that is not known.
        clock: Times them.
        load: Tells the limits in force; None if nobody knows.
    """

    def __init__(
        self,
        tell: Callable[[Progress], None],
        total: int | None,
        clock: Clock,
        load: Load | None,
    ) -> None:
        self._tell = tell
        self._total = total
        self._clock = clock
        self._load = load
        self._done = self._failed = 0
        self._began: float | None = None
        self._marks: deque[tuple[float, int]] = deque(maxlen=_MARKS)

    def begin(self) -> None:
        """Start the clock, once."""
        if self._began is None:
            self._began = self._clock.monotonic()
            self._marks.append((self._began, 0))

    def count(self, *, failed: bool) -> None:
        """Count an outcome and tell of it."""
        self.begin()
        self._done += 1
        self._failed += failed
        now = self._clock.monotonic()
        since, before = self._marks[0]
        rate = (self._done - before) / (now - since) if now > since else None
        if now - self._marks[-1][0] >= _SPACING:
            self._marks.append((now, self._done))
        left = None if self._total is None else self._total - self._done
        self._tell(
            Progress(
                done=self._done,
                failed=self._failed,
                total=self._total,
                seconds=now - (self._began or 0.0),
                rate=rate,
                limit=None if self._load is None else self._load.limit,
                pace=None if self._load is None else self._load.pace,
                seconds_left=left / rate if left is not None and rate else None,
            )
        )
