"""How many reads a second a server takes: unknown until it refuses one for being too many.

From then on reads go out evenly, a tenth slower than the server was seen to answer them, and
faster again along a cubic curve: back to where it refused soon, and beyond that with care first.
"""

from __future__ import annotations

import math
from collections import deque

BUCKET = 0.25
LONGEST = 60.0
"""Seconds back that are remembered."""
CUT = 0.9
LEAST_SHARE = 0.5
"""A single cut takes no more than half: what was measured may lack the time a gate was closed."""
SLOWEST = 0.5
"""Reads a second, however few were answered."""
RECOVERY = 2.5
"""Seconds until the rate is back where it was cut."""


class Pacer:
    """The rate itself: plain arithmetic on moments that it is told.

    Args:
        ceiling: Reads a second that are known to be the most; None if that is not known.

    Attributes:
        is_armed: True once there is a rate to keep.
    """

    __slots__ = ("_answers", "_ceiling", "_cut_at", "_next", "_peak", "is_armed")

    is_armed: bool

    def __init__(self, ceiling: float | None = None) -> None:
        self._ceiling = math.inf if ceiling is None else ceiling
        self._peak = math.inf
        self._cut_at = 0.0
        self._next = -math.inf
        self._answers: deque[list[float]] = deque(maxlen=int(LONGEST / BUCKET))
        self.is_armed = ceiling is not None

    def rate(self, now: float) -> float:
        """Return the reads a second that may go out at a moment."""
        if self._peak == math.inf:
            return self._ceiling
        return min(self._ceiling, cubic(self._peak, now - self._cut_at))

    def reserve(self, now: float) -> float:
        """Take the next turn, and return the seconds until then."""
        turn = max(self._next, now)
        self._next = turn + 1.0 / self.rate(now)
        return turn - now

    def not_before(self, moment: float) -> None:
        """Let no turn that is still to be taken come before a moment."""
        self._next = max(self._next, moment)

    def answered(self, now: float) -> None:
        """Count an answer."""
        if self._answers and now < self._answers[-1][0] + BUCKET:
            self._answers[-1][1] += 1
        else:
            self._answers.append([now, 1])

    def refused(self, now: float, asked: float) -> None:
        """Slow down.

        Args:
            now: When the server refused.
            asked: Seconds it asked to wait. What it answered in that time, or in one second, is
                what it takes in so long.
        """
        span = min(LONGEST, max(1.0, asked))
        seen = sum(count for moment, count in self._answers if moment > now - span) / span
        if self._peak < math.inf:
            rate = self.rate(now)
            seen = min(rate, max(seen, LEAST_SHARE * rate))
        self._peak = min(self._ceiling, max(SLOWEST / CUT, seen))
        self._cut_at = now
        self.is_armed = True


def cubic(peak: float, elapsed: float) -> float:
    """Return the rate some seconds after it was cut at a peak: that of CUBIC (RFC 9438), to scale.

    With a constant of its own for each rate: one for all is careless with a server that takes two
    a second, and takes minutes with one that takes a thousand.
    """
    return peak * (1.0 + (1.0 - CUT) * ((elapsed - RECOVERY) / RECOVERY) ** 3)
