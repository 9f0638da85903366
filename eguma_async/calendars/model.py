"""What a calendar shows: for each day whether something is free, and for how many at once."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby

import attrs

from eguma_async.core.errors import ConfigurationError

LONGEST = 3660
"""Days of a calendar at most: ten years."""
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class DayState(enum.Enum):
    """What a day is for somebody who wants to go."""

    FREE = "free"
    """One slot at least can be booked."""
    SOLD_OUT = "sold out"
    """There are slots, and none has places."""
    TOO_LATE = "too late"
    """There are places, and the time to book them is over."""
    CLOSED = "closed"
    """There are no slots."""
    PAST = "past"
    """The day is over: nothing is known of its slots."""


class Level(enum.Enum):
    """How many places a free day has: in no colour but this one is it shown."""

    PLENTY = "plenty"
    SOME = "some"
    FEW = "few"


@attrs.frozen(kw_only=True)
class Slot:
    """A slot, as far as a calendar is concerned.

    Attributes:
        day: The day it is on.
        places: Places left; None for no limit.
        is_sold_out: True if too few are left for any order.
        is_too_late: True if the time to book it is over.
    """

    day: date
    places: int | None
    is_sold_out: bool = False
    is_too_late: bool = False


@attrs.frozen(kw_only=True)
class CalendarDay:
    """A day of a calendar.

    Attributes:
        day: The day.
        state: What it is.
        places: If it is free, the most places that one slot has, which is the largest party that
            fits; None for no limit.
        slots: How many slots there are.
        bookable: How many of them can be booked.
    """

    day: date
    state: DayState
    places: int | None = 0
    slots: int = 0
    bookable: int = 0


@attrs.frozen(kw_only=True)
class Week:
    """A week of a month.

    Attributes:
        number: By ISO 8601.
        days: From Monday to Sunday; None for a day of another month, or outside of the range.
    """

    number: int
    days: tuple[CalendarDay | None, ...]


@attrs.frozen(kw_only=True)
class Month:
    """A month of a calendar.

    Attributes:
        first: Its first day.
        weeks: Those of which a day is in the range.
    """

    first: date
    weeks: tuple[Week, ...]

    @property
    def title(self) -> str:
        """Its name, such as ``December 2026``."""
        return f"{MONTHS[self.first.month - 1]} {self.first.year}"


@attrs.frozen(kw_only=True)
class Calendar:
    """What is free from one day to another.

    Attributes:
        title: What it is a calendar of.
        days: Each day of the range, in order.
        some_from: From so many places on a day has some, and not few.
        plenty_from: From so many on it has plenty.
    """

    title: str
    days: tuple[CalendarDay, ...]
    some_from: int = 10
    plenty_from: int = 50

    @property
    def has_times(self) -> bool:
        """True if some day has more than one slot, so that their number tells something."""
        return any(day.slots > 1 for day in self.days)

    def level(self, day: CalendarDay) -> Level | None:
        """Return how many places a day has; None if it is not free."""
        if day.state is not DayState.FREE:
            return None
        if day.places is None or day.places >= self.plenty_from:
            return Level.PLENTY
        return Level.SOME if day.places >= self.some_from else Level.FEW

    def meaning(self, level: Level) -> str:
        """Return which places a level stands for, such as ``10 to 49``."""
        match level:
            case Level.PLENTY:
                return f"{self.plenty_from} or more"
            case Level.SOME:
                return f"{self.some_from} to {self.plenty_from - 1}"
            case Level.FEW:
                return f"below {self.some_from}"

    @property
    def months(self) -> Iterator[Month]:
        """The months, in order."""
        for _, days in groupby(self.days, lambda each: (each.day.year, each.day.month)):
            yield _month(tuple(days))


def _month(days: Sequence[CalendarDay]) -> Month:
    weeks = groupby(days, lambda each: each.day.isocalendar().week)
    return Month(first=days[0].day.replace(day=1), weeks=tuple(_week(*week) for week in weeks))


def _week(number: int, days: Iterable[CalendarDay]) -> Week:
    known = {each.day.weekday(): each for each in days}
    return Week(number=number, days=tuple(map(known.get, range(7))))


def calendar_of(
    slots: Iterable[Slot],
    *,
    title: str,
    from_date: date,
    to_date: date,
    today: date,
    some_from: int = 10,
    plenty_from: int = 50,
) -> Calendar:
    """Return the calendar of slots.

    Args:
        slots: In any order; those of other days are left out.
        title: What it is a calendar of.
        from_date: First day.
        to_date: Last day, included.
        today: Days before are past, whatever their slots.
        some_from: As for `Calendar`.
        plenty_from: As for `Calendar`.

    Raises:
        ConfigurationError: The days are in the wrong order, or more than ten years; or the levels
            are.
    """
    if not 0 <= (to_date - from_date).days < LONGEST:
        raise ConfigurationError("to_date must not be before from_date, nor ten years after it")
    if not 1 <= some_from <= plenty_from:
        raise ConfigurationError("some_from must be 1 or more, and plenty_from not below it")
    by_day: defaultdict[date, list[Slot]] = defaultdict(list)
    for slot in slots:
        by_day[slot.day].append(slot)
    range_ = (from_date + timedelta(days=n) for n in range((to_date - from_date).days + 1))
    return Calendar(
        title=title,
        days=tuple(_day(day, by_day.get(day, ()), today) for day in range_),
        some_from=some_from,
        plenty_from=plenty_from,
    )


def _day(day: date, slots: Sequence[Slot], today: date) -> CalendarDay:
    free = [slot for slot in slots if not (slot.is_sold_out or slot.is_too_late)]
    if day < today:
        state = DayState.PAST
    elif free:
        state = DayState.FREE
    elif not slots:
        state = DayState.CLOSED
    elif all(slot.is_sold_out for slot in slots):
        state = DayState.SOLD_OUT
    else:
        state = DayState.TOO_LATE
    places: int | None = 0
    if state is DayState.FREE:
        counts = [slot.places for slot in free]
        places = None if None in counts else max(count for count in counts if count is not None)
    bookable = len(free) if state is DayState.FREE else 0
    return CalendarDay(day=day, state=state, places=places, slots=len(slots), bookable=bookable)
