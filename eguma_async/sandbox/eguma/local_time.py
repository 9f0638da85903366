"""Wall-clock time as e-guma writes it: without a zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

ZURICH = ZoneInfo("Europe/Zurich")
_ZONES = {"zurich": ZURICH, "utc": UTC}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def wall_clock(moment: datetime, zone: str = "zurich") -> datetime:
    """Return an aware time as naive wall-clock time of a zone."""
    return moment.astimezone(_ZONES[zone]).replace(tzinfo=None)


def instant(local: datetime) -> datetime:
    """Return naive wall-clock time of Zurich as an aware time in UTC."""
    return local.replace(tzinfo=ZURICH).astimezone(UTC)


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
