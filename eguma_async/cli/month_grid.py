"""A calendar on a terminal: months beside each other, readable without colours, too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING

from .terminal import captured_output, output_console
from .text import clean, is_utf8

if TYPE_CHECKING:
    from rich.text import Text

    from eguma_async.calendars.model import Calendar, CalendarDay, Month

PIPE_WIDTH = 80
"""Columns of an output that is no terminal."""
_WEEK = 4
_BETWEEN = 3
_HEADS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_STYLES = {
    "plenty": "#000000 on #009e73",
    "some": "#000000 on #56b4e9",
    "few": "#000000 on #e69f00",
    "sold_out": "dim",
    "too_late": "dim",
    "closed": "dim",
    "past": "dim",
}
_LEVELS = {"plenty": ("\N{BLACK CIRCLE}", "#"), "some": ("\N{CIRCLE WITH LEFT HALF BLACK}", "+")}
_LEVELS["few"] = ("\N{WHITE CIRCLE}", "!")
_ASCII = {
    "\N{INFINITY}": "any",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{EN DASH}": "-",
    "\N{MIDDLE DOT}": ".",
}

_TIMES = "The number is the most places in one slot; 3/8 means that 3 of 8 slots can be booked."

Line = list[tuple[str, str]]
"""Pieces of text with their styles."""


def print_calendar(calendar: Calendar) -> None:
    """Print a calendar on stdout, as many months in a row as there is room for.

    Where there is no room for one, the days stand one below the other.
    """
    console = output_console(piped_width=PIPE_WIDTH)
    grid = _Grid(calendar, plain=not is_utf8(sys.stdout))
    with captured_output(console):
        console.print(clean(calendar.title), style="bold", soft_wrap=True)
        fits = grid.month_width <= console.width
        lines = grid.rows(console.width) if fits else grid.days()
        for line in lines:
            console.print(_styled(line), soft_wrap=True)
        for line in grid.legend(console.width, listed=not fits):
            console.print(_styled(line), soft_wrap=True)


def _styled(line: Line) -> Text:
    from rich.text import Text

    return Text.assemble(*line)


class _Grid:
    """Lays a calendar out.

    Args:
        calendar: What to show.
        plain: In ASCII alone.
    """

    def __init__(self, calendar: Calendar, *, plain: bool) -> None:
        self._calendar = calendar
        self._plain = plain
        shown = [self._mark(day) for day in calendar.days]
        if calendar.has_times:
            shown += map(_slots, calendar.days)
        self._cell = max(2, *map(len, shown)) + 1
        self.month_width = _WEEK + 7 * self._cell + 6

    def rows(self, width: int) -> Iterator[Line]:
        """Yield the lines of the months."""
        months = list(self._calendar.months)
        in_a_row = max(1, (width + _BETWEEN) // (self.month_width + _BETWEEN))
        for start in range(0, len(months), in_a_row):
            yield []
            blocks = [list(self._month(month)) for month in months[start : start + in_a_row]]
            for lines in zip_longest(*blocks, fillvalue=[(" " * self.month_width, "")]):
                yield [
                    piece
                    for index, line in enumerate(lines)
                    for piece in (*([(" " * _BETWEEN, "")] if index else []), *line)
                ]

    def _month(self, month: Month) -> Iterator[Line]:
        yield [(month.title.center(self.month_width), "bold")]
        heads = " ".join(head.rjust(self._cell) for head in _HEADS)
        yield [("Wk".ljust(_WEEK) + heads, "dim")]
        for week in month.weeks:
            number = f"{week.number:>2}".ljust(_WEEK)
            yield [(number, "dim"), *self._joined(week.days, _number, "date")]
            yield [(" " * _WEEK, ""), *self._joined(week.days, self._mark, "")]
            if self._calendar.has_times:
                yield [(" " * _WEEK, ""), *self._joined(week.days, _slots, "dim")]

    def _joined(
        self,
        week: tuple[CalendarDay | None, ...],
        text_of: Callable[[CalendarDay], str],
        style: str,
    ) -> Line:
        line: Line = []
        for column, day in enumerate(week):
            if column:
                line.append((" ", ""))
            text = "" if day is None else text_of(day)
            line.append((text.rjust(self._cell), self._style(day, style)))
        return line

    def _style(self, day: CalendarDay | None, style: str) -> str:
        if day is None:
            return ""
        if style == "date":
            return "dim" if self._calendar.level(day) is None else ""
        return style or _STYLES[self._kind(day)]

    def _kind(self, day: CalendarDay) -> str:
        from eguma_async.calendars.words import kind_of

        return kind_of(self._calendar, day)

    def _mark(self, day: CalendarDay) -> str:
        from eguma_async.calendars.words import mark_of

        mark = mark_of(day)
        if self._plain:
            mark = _ASCII.get(mark, mark)
        level = self._calendar.level(day)
        return mark if level is None or day.places is None else self._sign(level.value) + mark

    def _sign(self, kind: str) -> str:
        return _LEVELS[kind][self._plain]

    def days(self) -> Iterator[Line]:
        """Yield a line for each day."""
        for day in self._calendar.days:
            is_free = self._calendar.level(day) is not None
            shown = self._mark(day) if is_free else day.state.value
            yield [
                (f"{_HEADS[day.day.weekday()]} {day.day}  ", ""),
                (shown.rjust(self._cell), self._style(day, "")),
                (f"  {_slots(day)}" if is_free and self._calendar.has_times else "", "dim"),
            ]

    def legend(self, width: int, *, listed: bool) -> Iterator[Line]:
        """Yield what the marks stand for."""
        from eguma_async.calendars.words import legend_of

        yield []
        line: Line = []
        used = 0
        for kind, mark, words in legend_of(self._calendar):
            sign = (_ASCII.get(mark, mark) if self._plain else mark) or self._sign_of(kind)
            if not sign:
                continue
            said = f" {words}  "
            needed = len(sign) + 2 + len(said)
            if line and used + needed - 2 > width:
                yield line
                line, used = [], 0
            line += [(f" {sign} ", _STYLES[kind]), (said, "")]
            used += needed
        yield line
        if self._calendar.has_times:
            yield from ([(text, "")] for text in wrap(_TIMES, max(20, width)))

    def _sign_of(self, kind: str) -> str:
        return self._sign(kind) if kind in _LEVELS else ""


def _number(day: CalendarDay) -> str:
    return str(day.day.day)


def _slots(day: CalendarDay) -> str:
    shown = day.slots > 0 and day.state.value != "past"
    return f"{day.bookable}/{day.slots}" if shown else ""
