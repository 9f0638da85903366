"""Wall-clock time as e-guma writes it: without a zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from eguma_async.core.zones import zone

ZURICH = zone("Europe/Zurich")
_ZONES = {"zurich": ZURICH, "utc": UTC}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def wall_clock(moment: datetime, zone: str = "zurich") -> datetime:
    """Return an aware time as naive wall-clock time of a zone."""
    return moment.astimezone(_ZONES[zone]).replace(tzinfo=None)


def instant(local: datetime) -> datetime:
    """Return naive wall-clock time of Zurich as an aware time in UTC.

    A time that occurs twice, as the clocks go back, is the first of the two.
    """
    return local.replace(tzinfo=ZURICH).astimezone(UTC)


def instant_on(day: date, at: time) -> datetime | None:
    """Return a wall-clock time of a day in Zurich as an aware time in UTC.

    None if the day has no such time, as the clocks jump over it.
    """
    local = datetime.combine(day, at)
    offset = _offset_of(day)
    if offset is not None:
        return (local - offset).replace(tzinfo=UTC)
    moment = instant(local)
    return moment if wall_clock(moment) == local else None


@lru_cache(maxsize=4096)
def _offset_of(day: date) -> timedelta | None:
    """Return the offset to UTC that holds for a whole day; None on days the clocks change."""
    midnight = datetime.combine(day, time(), ZURICH)
    offset = midnight.utcoffset()
    return offset if (midnight + timedelta(days=1)).utcoffset() == offset else None


def seconds_text(local: datetime) -> str:
    """Format naive time without a fraction: ``2026-03-19T10:00:00``."""
    return local.isoformat(timespec="seconds")


def ticks_text(local: datetime) -> str:
    """Format naive time with seven digits of fraction: ``2026-03-19T09:00:00.0000000``."""
    return f"{seconds_text(local)}.{local.microsecond:06d}0"


def parse_date(text: str) -> date | None:
    """Parse ``YYYY-MM-DD``; None for anything else."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parse_local(text: str) -> datetime | None:
    """Parse a date-time without a zone; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is None and "T" in text else None
