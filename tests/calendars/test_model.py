"""What a day of a calendar is, and which days stand in which week."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.calendars import Calendar, DayState, Level, Slot, calendar_of
from eguma_async.core.errors import ConfigurationError

TODAY = date(2026, 12, 10)


def slot(places: int | None = 5, **more: bool) -> Slot:
    return Slot(day=TODAY, places=places, **more)


def of(*slots: Slot, first: date = TODAY, last: date = TODAY, **more: int) -> Calendar:
    return calendar_of(slots, title="T", from_date=first, to_date=last, today=TODAY, **more)


@pytest.mark.parametrize(
    ("slots", "state", "places", "counts"),
    [
        ([], DayState.CLOSED, 0, (0, 0)),
        ([slot(7)], DayState.FREE, 7, (1, 1)),
        ([slot(3), slot(7), slot(0, is_sold_out=True)], DayState.FREE, 7, (3, 2)),
        ([slot(3), slot(None)], DayState.FREE, None, (2, 2)),
        ([slot(0, is_sold_out=True)], DayState.SOLD_OUT, 0, (1, 0)),
        ([slot(9, is_too_late=True)], DayState.TOO_LATE, 0, (1, 0)),
        ([slot(9, is_too_late=True), slot(2)], DayState.FREE, 2, (2, 1)),
        ([slot(0, is_sold_out=True), slot(9, is_too_late=True)], DayState.TOO_LATE, 0, (2, 0)),
        ([slot(0, is_sold_out=True, is_too_late=True)], DayState.SOLD_OUT, 0, (1, 0)),
    ],
)
def test_a_day_is_what_somebody_who_wants_to_go_needs_to_know(slots, state, places, counts) -> None:
    (day,) = of(*slots).days

    assert (day.state, day.places, (day.slots, day.bookable)) == (state, places, counts)


def test_a_day_that_is_over_is_past_whatever_its_slots() -> None:
    yesterday = TODAY - timedelta(days=1)
    calendar = of(Slot(day=yesterday, places=5), first=yesterday)

    assert [(d.state, d.bookable) for d in calendar.days] == [
        (DayState.PAST, 0),
        (DayState.CLOSED, 0),
    ]


@pytest.mark.parametrize(
    ("places", "level"),
    [(1, Level.FEW), (9, Level.FEW), (10, Level.SOME), (49, Level.SOME), (50, Level.PLENTY), (None, Level.PLENTY)],
)  # fmt: skip
def test_levels(places: int | None, level: Level) -> None:
    calendar = of(slot(places))

    assert calendar.level(calendar.days[0]) is level


def test_what_is_not_free_has_no_level() -> None:
    calendar = of(slot(0, is_sold_out=True))

    assert calendar.level(calendar.days[0]) is None


def test_levels_say_what_they_mean() -> None:
    calendar = of(some_from=3, plenty_from=20)

    assert list(map(calendar.meaning, Level)) == ["20 or more", "3 to 19", "below 3"]


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 400))
def test_each_day_stands_once_in_its_month_its_week_and_under_its_weekday(first, length) -> None:
    last = first + timedelta(days=length)
    calendar = of(first=first, last=last)

    found = []
    for month in calendar.months:
        assert month.first.day == 1
        for week in month.weeks:
            assert len(week.days) == 7
            for weekday, day in enumerate(week.days):
                if day is not None:
                    found.append(day.day)
                    assert day.day.weekday() == weekday
                    assert day.day.isocalendar().week == week.number
                    assert (day.day.year, day.day.month) == (month.first.year, month.first.month)
    assert found == [first + timedelta(days=n) for n in range(length + 1)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"last": TODAY - timedelta(days=1)},
        {"last": TODAY + timedelta(days=3660)},
        {"some_from": 0},
        {"some_from": 9, "plenty_from": 8},
    ],
)
def test_nonsense_is_refused(wrong) -> None:
    with pytest.raises(ConfigurationError):
        of(**wrong)
