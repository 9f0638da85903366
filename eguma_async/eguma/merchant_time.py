"""The merchant's wall clock: what most times of this API are written in, without saying so.

The API names no zone. Its merchants are Swiss and their neighbours, who share one clock.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

from eguma_async.core.zones import zone

_SECOND, _HOUR = timedelta(seconds=1), timedelta(hours=1)


def merchant_zone() -> tzinfo:
    """Return the zone of the merchant's wall clock."""
    return zone("Europe/Zurich")


def today(now: datetime) -> date:
    """Return the merchant's day at a moment."""
    return now.astimezone(merchant_zone()).date()


def wall_clock(start: datetime | date) -> datetime:
    """Return a start as naive wall-clock time; a day stands for its midnight."""
    if not isinstance(start, datetime):
        return datetime(start.year, start.month, start.day)  # noqa: DTZ001  # naive on purpose
    if start.tzinfo is None:
        return start
    try:
        return _local(start)
    except OverflowError:
        return start.replace(tzinfo=None)


def in_utc(moment: datetime) -> datetime:
    """Return an aware moment in UTC, or next to it at the very ends of the calendar."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # servers write the first or last day of the calendar for "none"
        return moment.replace(tzinfo=UTC)


def readings(local: datetime) -> tuple[datetime, datetime]:
    """Return the two moments that a naive time may mean, in UTC.

    They differ in the hour that autumn repeats and in the one that spring leaves out; the first
    one goes by the clock before the change, the second one by the clock after it.
    """
    aware = local.replace(tzinfo=merchant_zone())
    return in_utc(aware.replace(fold=0)), in_utc(aware.replace(fold=1))


def lower_bound(local: datetime) -> datetime:
    """Return whole seconds that are not after a naive time, whichever way it is read.

    In the hour that autumn repeats this is the last second before it: some servers take its
    times for summer time, some for winter time, and some compare the bare texts.
    """
    floor = local.replace(microsecond=0, fold=0)
    before, after = readings(floor)
    if before < after:
        return floor.replace(minute=0, second=0) - _SECOND
    return floor if before == after else _local(after)


def upper_bound(local: datetime) -> datetime:
    """Return whole seconds that are not before a naive time, whichever way it is read.

    In the hour that autumn repeats this is its end, after which there is one reading again.
    """
    ceiling = local.replace(microsecond=0, fold=0)
    if local.microsecond:
        try:
            ceiling += _SECOND
        except OverflowError:
            return ceiling  # the end of the calendar, for "no bound"
    before, after = readings(ceiling)
    if before < after:
        return ceiling.replace(minute=0, second=0) + _HOUR
    return ceiling if before == after else _local(before)


def _local(moment: datetime) -> datetime:
    return moment.astimezone(merchant_zone()).replace(tzinfo=None, fold=0)
