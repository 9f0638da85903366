"""What is said of a day, in words, in a number or a mark, and what the marks stand for."""

from __future__ import annotations

from collections.abc import Iterator

from .model import WEEKDAYS, Calendar, CalendarDay, DayState, Level

MARKS = {
    DayState.SOLD_OUT: "\N{MULTIPLICATION SIGN}",
    DayState.TOO_LATE: "\N{EN DASH}",
    DayState.CLOSED: "\N{MIDDLE DOT}",
    DayState.PAST: "",
}
UNLIMITED = "\N{INFINITY}"


def legend_of(calendar: Calendar) -> Iterator[tuple[str, str, str]]:
    """Yield kind, mark and words of what a calendar shows."""
    kinds = {kind_of(calendar, day) for day in calendar.days}
    for level in Level:
        if level.value in kinds:
            yield level.value, "", f"{calendar.meaning(level)} places"
    if any(day.state is DayState.FREE and day.places is None for day in calendar.days):
        yield Level.PLENTY.value, UNLIMITED, "unlimited"
    for state, mark in MARKS.items():
        if state.name.lower() in kinds:
            yield state.name.lower(), mark, state.value


def kind_of(calendar: Calendar, day: CalendarDay) -> str:
    """Return how a day is shown: its level if it is free, else its state."""
    level = calendar.level(day)
    return day.state.name.lower() if level is None else level.value


def mark_of(day: CalendarDay) -> str:
    """Return the number or the mark of a day."""
    if day.state is not DayState.FREE:
        return MARKS[day.state]
    return UNLIMITED if day.places is None else str(day.places)


def describe(day: CalendarDay) -> str:
    """Say what a day is, in words."""
    said = f"{WEEKDAYS[day.day.weekday()]} {day.day}: {day.state.value}"
    if day.state is not DayState.FREE:
        return said
    places = "unlimited places" if day.places is None else f"{day.places} places"
    if day.slots == 1:
        return f"{said}, {places}"
    return f"{said}, up to {places} at once, {day.bookable} of {day.slots} slots"
