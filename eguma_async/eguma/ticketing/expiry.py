"""When a hold ends: a time that is sent without its zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

HOLD = timedelta(minutes=60)


def deadline(expires_at: datetime, received_at: datetime) -> datetime:
    """Return the end of a hold as an aware datetime in UTC.

    The API sends `expires_at` without a zone and does not say which it means. Read once as
    Europe/Zurich and once as UTC, the two lie an hour or two apart, and a hold lasts 60 minutes:
    the reading nearest to that is the right one.
    """
    if expires_at.tzinfo is not None:
        return _in_utc(expires_at)
    zurich = ZoneInfo("Europe/Zurich")
    readings = (  # in the hour that autumn repeats, the first pass and the second
        _in_utc(expires_at.replace(tzinfo=zurich, fold=0)),
        _in_utc(expires_at.replace(tzinfo=zurich, fold=1)),
        expires_at.replace(tzinfo=UTC),
    )
    return min(readings, key=lambda reading: abs(reading - received_at - HOLD))


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # servers write the first or last day of the calendar for "none"
        return moment.replace(tzinfo=UTC)
