"""When a hold ends: a time that is sent without its zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from eguma_async.eguma.merchant_time import in_utc, readings

if TYPE_CHECKING:
    from eguma_async.core.clock import Clock

HOLD = timedelta(minutes=60)
"""How long a hold lasts, as the API documents it."""


@attrs.frozen
class Expiry:
    """The end of a hold, read by the clock that fits it best.

    Attributes:
        at: When the hold ends, aware, in UTC.
        length: How long it lasts from the response on, `HOLD` at most.
    """

    at: datetime
    length: timedelta


def expiry(expires_at: datetime, *answered_at: datetime | None) -> Expiry:
    """Read the end of a hold.

    The API sends `expires_at` without a zone and does not say which it means. Read once as
    Europe/Zurich and once as UTC, the two lie an hour or two apart, and a hold lasts 60 minutes:
    the reading nearest to that is the right one.

    Args:
        expires_at: As the server wrote it.
        answered_at: When the response came, by each clock there is: a machine's clock may be
            wrong, and a server's ``Date`` be a proxy's. The one that fits best is believed.
    """
    ends = _readings(expires_at)
    clocks = [clock for clock in answered_at if clock is not None]
    if not clocks:
        return Expiry(ends[-1], HOLD)
    pairs = ((end, end - clock) for end in ends for clock in clocks)
    end, length = min(pairs, key=lambda pair: abs(pair[1] - HOLD))
    # A hold that was just confirmed is not over: such a length is a clock's fault.
    return Expiry(end, length if timedelta(0) < length <= HOLD else HOLD)


def _readings(expires_at: datetime) -> tuple[datetime, ...]:
    if expires_at.tzinfo is not None:
        return (in_utc(expires_at),)
    return (*readings(expires_at), expires_at.replace(tzinfo=UTC))


class Countdown:
    """The time that is left of a hold.

    It is measured from its beginning on, so a machine whose clock is wrong counts down like any.

    Args:
        clock: Tells the time.
        length: How much is left at the beginning.
    """

    def __init__(self, clock: Clock, length: timedelta) -> None:
        self._clock = clock
        self._length = length
        self._began = clock.now()
        self._began_monotonic = clock.monotonic()

    @property
    def left(self) -> timedelta:
        """Time left, never below zero."""
        # A machine that slept has a monotonic clock that slept too, so the other one counts as
        # well; set back, it must not bring time back.
        measured = timedelta(seconds=self._clock.monotonic() - self._began_monotonic)
        elapsed = max(measured, self._clock.now() - self._began)
        return max(self._length - elapsed, timedelta(0))
