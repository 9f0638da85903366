"""How many reads at once a server takes well: a limit that learns from how it answers.

A limit that only heeds refusals fills any queue it is given; one that only heeds latency takes
noise for congestion and crawls. This one grows while answers take about as long as the fastest
did, stays where they take longer, shrinks a little where they take twice as long, and a lot where
the server refuses.
"""

from __future__ import annotations

import math

import attrs

from eguma_async.core.errors import ConfigurationError

WINDOW_SECONDS = 0.25
WINDOW_SAMPLES = 16
BASELINE_DRIFT = 1.005
GROW_UP_TO = 1.5
SHRINK_FROM = 2.0
SHRINK = 0.9
CUT = 0.7


def _count(instance: object, attribute: attrs.Attribute[int], value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{attribute.name} must be a whole number of at least 1")


@attrs.frozen(kw_only=True)
class AdaptiveLimits:
    """Bounds of the limit on reads under way that adapts to the server.

    Attributes:
        start: Reads at once to begin with.
        lowest: Never fewer.
        highest: Never more.
    """

    start: int = attrs.field(default=4, validator=_count)
    lowest: int = attrs.field(default=1, validator=_count)
    highest: int = attrs.field(default=64, validator=_count)

    def __attrs_post_init__(self) -> None:
        if not self.lowest <= self.start <= self.highest:
            raise ConfigurationError("start must lie between lowest and highest")


class AdaptiveLimit:
    """The limit itself: plain arithmetic on moments that it is told.

    Args:
        bounds: Where it begins, and what it stays within.

    Attributes:
        limit: Reads that may be under way at once; a fraction counts once it makes one more.
        under_way: How many are.
    """

    __slots__ = (
        "_baseline",
        "_bounds",
        "_busiest",
        "_last_cut",
        "_samples",
        "_slow_start",
        "_total",
        "_window_began",
        "limit",
        "under_way",
    )

    limit: float
    under_way: int

    def __init__(self, bounds: AdaptiveLimits) -> None:
        self._bounds = bounds
        self.limit = float(bounds.start)
        self.under_way = 0
        self._slow_start = True
        self._baseline = math.inf
        self._last_cut = -math.inf
        self._begin_window(-math.inf)

    def _begin_window(self, now: float) -> None:
        self._window_began = now
        self._samples = 0
        self._total = 0.0
        self._busiest = self.under_way

    def started(self) -> None:
        """Count a read that goes out."""
        self.under_way += 1
        self._busiest = max(self._busiest, self.under_way)

    def ended(self) -> None:
        """Count one that is over, whatever became of it."""
        self.under_way -= 1

    def answered(self, began: float, now: float) -> None:
        """Learn from a read that succeeded; it is still counted as under way.

        Args:
            began: When it went out.
            now: When it was answered.
        """
        if self._window_began < 0:
            self._begin_window(began)
        if self._slow_start and self.under_way * 2 >= self.limit:
            self._set(self.limit + 1)
        self._samples += 1
        self._total += now - began
        if self._samples >= WINDOW_SAMPLES and now - self._window_began >= WINDOW_SECONDS:
            self._judge(self._total / self._samples)
            self._begin_window(now)

    def _judge(self, mean: float) -> None:
        """Move the limit by what the answers of a window took."""
        self._baseline = min(mean, self._baseline * BASELINE_DRIFT)
        if mean <= GROW_UP_TO * self._baseline:
            # One that nobody makes use of says nothing of how much more the server would take.
            if not self._slow_start and self._busiest * 2 >= self.limit:
                self._set(self.limit + max(1.0, math.sqrt(self.limit) / 2))
            return
        self._slow_start = False
        if mean > SHRINK_FROM * self._baseline:
            self._set(self.limit * SHRINK)

    def is_news(self, began: float) -> bool:
        """Tell whether what went out at a moment tells more than the last cut did already."""
        return began > self._last_cut or self._last_cut == -math.inf

    def refused(self, began: float, now: float) -> None:
        """Learn from a read that the server had no room for, or no time.

        Those that went out before the last cut tell nothing new: it is made once for all of them.

        Args:
            began: When it went out.
            now: When that was known.
        """
        if not self.is_news(began):
            return
        self._last_cut = now
        self._slow_start = False
        self._set(self.limit * CUT)
        self._begin_window(now)

    def _set(self, limit: float) -> None:
        self.limit = min(float(self._bounds.highest), max(float(self._bounds.lowest), limit))
