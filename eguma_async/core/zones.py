"""Time zones by name, also on a system that has no database of them, as small containers are."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any

from .errors import ConfigurationError

_CENTRAL_EUROPE = frozenset(
    f"Europe/{city}" for city in ("Berlin", "Paris", "Rome", "Vaduz", "Vienna", "Zurich")
)
_HOUR = timedelta(hours=1)


@cache
def zone(name: str) -> tzinfo:
    """Return a time zone by its name in the IANA database.

    Without a database, the clocks of Central Europe are told from the rule they go by.

    Args:
        name: Such as ``"Europe/Zurich"``.

    Raises:
        ConfigurationError: There is no zone of that name, or no database to find it in.
    """
    # Not with this module: models know the zone of their times without ever converting one.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # missing, or there and no good
        if name in _CENTRAL_EUROPE:
            return CentralEuropeanTime(name)
    raise ConfigurationError(f"no data for the time zone {name!r}; install the package tzdata")


class CentralEuropeanTime(tzinfo):
    """Central European time by the rule of directive 2000/84/EC, which has held since 1996.

    Summer time begins on the last Sunday of March and ends on the last Sunday of October, each
    time at 01:00 UTC. It knows `datetime.fold` as `zoneinfo` does.

    Args:
        name: Name of the zone.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"CentralEuropeanTime({self._name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return zone, (self._name,)  # whoever loads it may have a database

    def utcoffset(self, dt: datetime | None, /) -> timedelta | None:
        """Return the distance from UTC at a local time; None without one."""
        return None if dt is None else _HOUR + self._summer(dt)

    def dst(self, dt: datetime | None, /) -> timedelta | None:
        """Return what summer time adds at a local time; None without one."""
        return None if dt is None else self._summer(dt)

    def tzname(self, dt: datetime | None, /) -> str | None:
        """Return CET or CEST; None without a local time."""
        if dt is None:
            return None
        return "CEST" if self._summer(dt) else "CET"

    def fromutc(self, dt: datetime, /) -> datetime:
        """Return the local time of a moment in UTC that carries this zone."""
        is_summer = _is_between(dt, changes_at=1)
        local = dt + _HOUR * (2 if is_summer else 1)
        repeated = not is_summer and _is_between(dt - _HOUR, changes_at=1)
        return local.replace(fold=int(repeated))

    def _summer(self, local: datetime) -> timedelta:
        # In March, 02:00 to 03:00 does not exist, in October it comes twice: the first reading
        # goes by the time before the change, the second one by the time after it.
        is_summer = _is_between(local, changes_at=2 if local.fold else 3)
        return _HOUR if is_summer else timedelta(0)


def _is_between(moment: datetime, *, changes_at: int) -> bool:
    """Tell whether a moment lies between the two changes, each at a full hour of its day."""
    begins = (3, _last_sunday(moment.year, 3), changes_at)
    ends = (10, _last_sunday(moment.year, 10), changes_at)
    return begins <= (moment.month, moment.day, moment.hour) < ends


@cache
def _last_sunday(year: int, month: int) -> int:
    """Return the day of the last Sunday of a month that has 31 days."""
    return 31 - date(year, month, 31).isoweekday() % 7
