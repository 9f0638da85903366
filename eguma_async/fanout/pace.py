"""A rate that the workers of a cluster share: each keeps to its part of it.

No worker asks another one before it sends: there is nothing to wait for, and nothing to lose with
a worker. Whoever started the work divides the rate, and lowers it when a worker tells of a 429.
"""

from __future__ import annotations

from eguma_async.core.clock import Clock
from eguma_async.core.errors import ConfigurationError

LOWERED_TO = 0.7
"""What a 429 leaves of the rate."""
RECOVERY = 0.02
"""By how much of itself the rate grows in a second without a 429."""
REACTION = 1.0
"""Seconds in which further 429s are taken for answers to what went out before the first."""
SLOWEST = 0.1
"""Requests a second below which the rate is not lowered."""


class SharedRate:
    """The rate of all workers together.

    A 429 lowers it; where none was given, the rate of the last results is what is lowered. Then it
    grows again, up to the one that was given.

    Args:
        most: Requests a second; None for no limit before the first 429.
        clock: Tells the time.

    Attributes:
        workers: How many share it.
    """

    def __init__(self, most: float | None, clock: Clock) -> None:
        self.workers = 1
        self._clock = clock
        self._most = self._rate = most
        self._count, self._counted_since = 0, clock.monotonic()
        self._steady_until = clock.monotonic()

    @property
    def rate(self) -> float | None:
        """Requests a second at present; None while there is no limit."""
        now = self._clock.monotonic()
        if self._rate is not None and now > self._steady_until:
            self._rate *= (1 + RECOVERY) ** (now - self._steady_until)
            self._steady_until = now
            if self._most is not None:
                self._rate = min(self._rate, self._most)
        return self._rate

    @property
    def share(self) -> float | None:
        """The part of one worker."""
        rate = self.rate
        return None if rate is None else rate / max(1, self.workers)

    def count(self, results: int) -> None:
        """Count results, to know how many came a second."""
        now = self._clock.monotonic()
        if now - self._counted_since > 10 * REACTION:  # what was long ago says little of now
            self._count, self._counted_since = 0, now - REACTION
        self._count += results

    def lower(self) -> bool:
        """Lower it after a 429; tell whether it was. It is not, so soon after the last time."""
        now = self._clock.monotonic()
        rate = self.rate
        if rate is None:
            rate = max(self._count, 1) / max(now - self._counted_since, REACTION)
        elif now < self._steady_until:
            return False
        self._rate = max(rate * LOWERED_TO, SLOWEST)
        self._steady_until = now + REACTION
        return True


class Pacer:
    """Keeps the requests of one worker to its share, one by one.

    Args:
        clock: Tells the time.

    Attributes:
        rate: Requests a second; None for no limit.
    """

    def __init__(self, clock: Clock) -> None:
        self.rate: float | None = None
        self._clock = clock
        self._free_at = clock.monotonic()

    async def turn(self) -> None:
        """Wait until the next request may go out."""
        if self.rate is None:
            return
        now = self._clock.monotonic()
        begin = max(now, self._free_at)
        self._free_at = begin + 1 / self.rate
        if begin > now:
            await self._clock.sleep(begin - now)


def checked_rate(rate: float | None) -> float | None:
    """Return a rate, or None.

    Raises:
        ConfigurationError: It is no number above 0.
    """
    if rate is None:
        return None
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate < float("inf"):
        raise ConfigurationError("rate must be a number of requests a second above 0")
    return float(rate)
