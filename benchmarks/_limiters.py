"""Limits on what is under way that the benchmark compares: the package's own, and others' rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from eguma_async.pipeline.adaptive import AdaptiveLimits
from eguma_async.pipeline.regulator import Regulator


class Limiter(Protocol):
    """Says how many may be under way, and learns from what becomes of them."""

    highest: int

    @property
    def limit(self) -> int: ...

    @property
    def cuts(self) -> int: ...

    def started(self) -> None: ...

    def ended(self) -> None: ...

    def answered(self, began: float, now: float) -> None: ...

    def refused(self, began: float, now: float, asked: float | None, *, too_many: bool) -> None: ...

    def reserve(self, now: float) -> float: ...


class Fixed:
    """The same number always."""

    cuts = 0

    def __init__(self, limit: float, highest: int = 0) -> None:
        self._value = float(limit)
        self.highest = highest or int(limit)
        self.under_way = 0

    @property
    def limit(self) -> int:
        return max(1, int(self._value))

    def started(self) -> None:
        self.under_way += 1

    def ended(self) -> None:
        self.under_way -= 1

    def answered(self, began: float, now: float) -> None: ...

    def refused(self, began: float, now: float, asked: float | None, *, too_many: bool) -> None: ...

    def reserve(self, now: float) -> float:
        return 0.0


class NetflixAimd(Fixed):
    """AIMDLimit of Netflix's concurrency-limits: x 0.9 for each drop, from 20 to 200."""

    def __init__(self) -> None:
        super().__init__(20, 200)

    def answered(self, began: float, now: float) -> None:
        if self.under_way * 2 >= self._value:
            self._value = min(200.0, self._value + 1)

    def refused(self, began: float, now: float, asked: float | None, *, too_many: bool) -> None:
        self._value = max(20.0, self._value * 0.9)


class Aimd(Fixed):
    """Slow start, then one more a round trip; x 0.7 once a round trip."""

    def __init__(self) -> None:
        super().__init__(4, 64)
        self._slow = True
        self._cut = -math.inf

    def answered(self, began: float, now: float) -> None:
        if self.under_way * 2 >= self._value:
            self._value = min(64.0, self._value + (1 if self._slow else 1 / self._value))

    def refused(self, began: float, now: float, asked: float | None, *, too_many: bool) -> None:
        if began > self._cut:
            self._cut, self._slow = now, False
            self._value = max(1.0, self._value * 0.7)


class Vegas(Fixed):
    """VegasLimit of Netflix's concurrency-limits: keeps the queue it reckons between two bounds."""

    def __init__(self) -> None:
        super().__init__(20, 200)
        self._fastest = math.inf

    def answered(self, began: float, now: float) -> None:
        took = now - began
        if took < self._fastest:
            self._fastest = took
            return
        if self.under_way * 2 < self._value:
            return
        log = max(1.0, math.log10(self._value))
        queue = math.ceil(self._value * (1 - self._fastest / took))
        if queue <= log:
            change = 6 * log
        elif queue < 3 * log:
            change = log
        elif queue > 6 * log:
            change = -log
        else:
            return
        self._value = min(200.0, max(1.0, self._value + change))

    def refused(self, began: float, now: float, asked: float | None, *, too_many: bool) -> None:
        self._value = max(1.0, self._value - max(1.0, math.log10(self._value)))


class Gradient2(Fixed):
    """Gradient2Limit of Netflix's concurrency-limits: follows long over short-term latency."""

    def __init__(self) -> None:
        super().__init__(20, 200)
        self._long: float | None = None

    def answered(self, began: float, now: float) -> None:
        took = now - began
        self._long = took if self._long is None else self._long + (took - self._long) * 2 / 601
        if self._long / took > 2:
            self._long *= 0.95
        if self.under_way < self._value / 2:
            return
        gradient = max(0.5, min(1.0, 1.5 * self._long / took))
        new = self._value * gradient + 4
        self._value = min(200.0, max(20.0, self._value * 0.8 + new * 0.2))

    def refused(self, began: float, now: float, asked: float | None, *, too_many: bool) -> None:
        self._value = max(20.0, self._value * 0.9)


def ours(*, pacing: bool) -> Callable[[], Limiter]:
    """Return what makes the package's own."""
    return lambda: Regulator(AdaptiveLimits(), pacing=pacing)


OURS, OURS_UNPACED = "eguma_async", "eguma_async, no pacing"

LIMITERS: dict[str, Callable[[], Limiter]] = {
    "fixed 8": lambda: Fixed(8),
    "fixed 64": lambda: Fixed(64),
    "AIMD x 0.9, min 20": NetflixAimd,
    "AIMD x 0.7": Aimd,
    "Vegas": Vegas,
    "Gradient2": Gradient2,
    OURS_UNPACED: ours(pacing=False),
    OURS: ours(pacing=True),
}
