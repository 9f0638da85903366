"""How many reads a second a server takes: unknown until it refuses one for being too many.

From then on reads go out evenly, a tenth slower than the server was seen to answer them, and
faster again along a cubic curve: back to where it refused soon, and beyond that with care first.
"""

from __future__ import annotations

import math
from collections import deque

REMEMBERED = 1000
"""Answers by which the rate is told."""
BRIEFEST = 0.5
"""Seconds it is told by, where the server does not say how long to wait."""
STEADY = 2.0
"""The same, once there is a rate: what a bucket on the server held must not be taken for more."""
CUT = 0.9
LEAST_SHARE = 0.5
"""A single cut takes no more than half: what was seen may lack the time a gate was closed."""
SLOWEST = 0.5
"""Reads a second, however few were answered."""
MARGIN = 0.97
"""Share of what was seen to keep to where each refusal costs the time the server asks to wait."""
RECOVERY = 4.0
LONGEST_RECOVERY = 10.0
"""Seconds until the rate is back where it was cut: longer where it was cut before."""
ALIKE = 0.15


class Pacer:
    """The rate itself: plain arithmetic on moments that it is told.

    Args:
        ceiling: Reads a second that are known to be the most; None if that is not known.

    Attributes:
        cuts: How often the rate was cut: turns that were taken before the last time are void.
        is_armed: True once there is a rate to keep.
    """

    __slots__ = (
        "_answers",
        "_ceiling",
        "_most",
        "_next",
        "_opens_at",
        "_peak",
        "_recovery",
        "_refused_at",
        "_resumed_at",
        "_span",
        "cuts",
        "is_armed",
    )

    cuts: int
    is_armed: bool

    def __init__(self, ceiling: float | None = None) -> None:
        self._ceiling = math.inf if ceiling is None else ceiling
        self._peak = math.inf
        self._most = math.inf
        self._span = 1.0
        self._refused_at = self._resumed_at = -math.inf
        self._recovery = RECOVERY
        self._next = self._opens_at = -math.inf
        self._answers: deque[float] = deque(maxlen=REMEMBERED)
        self.cuts = 0
        self.is_armed = ceiling is not None

    def rate(self, now: float) -> float:
        """Return the reads a second that may go out at a moment."""
        if self._peak == math.inf:
            return self._ceiling
        return min(self._ceiling, cubic(self._peak, (now - self._resumed_at) / self._recovery))

    def reserve(self, now: float) -> float:
        """Take the next turn, and return the seconds until then."""
        turn = max(self._next, now)
        self._next = turn + 1.0 / self.rate(turn)
        return turn - now

    def answered(self, began: float, now: float) -> None:
        """Count an answer.

        Args:
            began: When the read went out. One that did so before the last cut was not counted
                then, and shows that the server takes more.
            now: When it was answered.
        """
        self._answers.append(now)
        if began < self._refused_at:
            self._peak = min(self._most, self._peak + 1.0 / self._span)

    def refused(self, now: float, asked: float) -> None:
        """Slow down, and let no turn that is still to be taken come before the server asked to.

        Args:
            now: When the server refused.
            asked: Seconds it asked to wait; 0 if it did not. What it answered in so long is what
                it takes in so long.
        """
        self.not_before(now + asked)
        since = now - self._resumed_at
        if since < BRIEFEST:
            return  # what the last cut came to cannot be seen yet
        is_first = self._peak == math.inf
        span = max(1.0, asked) if asked else BRIEFEST
        if not is_first:
            span = max(span, min(since, STEADY))
        seen: float = self._seen(now, span)
        most = math.inf
        if is_first and not seen:
            return  # there is nothing to tell a rate by
        if not is_first:
            most = self.rate(now)
            seen = min(most, max(seen, LEAST_SHARE * most))
        peak = max(SLOWEST / CUT, seen)
        known = abs(peak - self._peak) <= ALIKE * peak and since >= self._recovery
        self._recovery = min(LONGEST_RECOVERY, self._recovery * 2) if known else RECOVERY
        self._peak, self._most, self._span = peak, most, span
        if asked:
            self._peak *= MARGIN
        self._refused_at, self._resumed_at = now, now + asked
        self._next = max(self._resumed_at, self._opens_at)
        self.cuts += 1
        self.is_armed = True

    def not_before(self, moment: float) -> None:
        """Let no turn that is still to be taken come before a moment."""
        self._opens_at = max(self._opens_at, moment)
        self._next = max(self._next, moment)

    def _seen(self, now: float, span: float) -> float:
        """Return the answers a second in the last seconds, as far as they are remembered."""
        answers = self._answers
        if len(answers) == REMEMBERED and answers[0] > now - span:
            return REMEMBERED / max(now - answers[0], BRIEFEST)
        return sum(moment > now - span for moment in answers) / span


def cubic(peak: float, elapsed: float) -> float:
    """Return the rate some time after it was cut at a peak: that of CUBIC (RFC 9438), to scale.

    With a constant of its own for each rate: one for all is careless with a server that takes two
    a second, and takes minutes with one that takes a thousand.

    Args:
        peak: The rate before.
        elapsed: In units of the time until it is reached again.
    """
    return peak * (1.0 + (1.0 - CUT) * (max(0.0, elapsed) - 1.0) ** 3)
