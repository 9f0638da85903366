"""A calendar as a picture: SVG that needs nothing from elsewhere, by light and by dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from .model import WEEKDAYS, Calendar, CalendarDay, DayState, Month
from .words import describe, kind_of, legend_of, mark_of

CELL_WIDTH, CELL_HEIGHT, GAP = 58, 50, 4
_WEEK_COLUMN = 26
_MONTH_HEAD = 50
_MARGIN = 20
_TITLE = 44
_BETWEEN = 28
_LEGEND = 22
_SPACE_FOR_WORDS = 7.0  # of a letter of the legend, at 12 px

# Of Okabe and Ito's colours, which people with any colour vision tell apart; the text on them is
# black by light and by dark, with a contrast of 6 to 1 and more.
_STYLE = """
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;\
fill:#1b1f24}
.page{fill:#ffffff}.title{font-size:18px;font-weight:600}.month{font-size:15px;font-weight:600}
.head,.week,.words{font-size:12px}.head,.week{fill:#5c6670}
.date{font-size:11px}.places{font-size:17px;font-weight:600}.slots{font-size:10px}
.plenty{fill:#009e73}.some{fill:#56b4e9}.few{fill:#e69f00}
.sold_out{fill:#d5d9de}.too_late,.closed,.past{fill:none;stroke:#d5d9de}
.on-plenty,.on-some,.on-few,.on-sold_out{fill:#111111}
.on-closed,.on-too_late{fill:#5c6670}.on-past{fill:#9aa2ab}
@media (prefers-color-scheme:dark){
text{fill:#e6e9ed}.page{fill:#15181c}.head,.week{fill:#a0a9b3}
.sold_out{fill:#4a525b}.too_late,.closed,.past{stroke:#4a525b}
.on-plenty,.on-some,.on-few{fill:#111111}.on-sold_out{fill:#ffffff}
.on-closed,.on-too_late{fill:#a0a9b3}.on-past{fill:#6c757f}
}
""".strip()
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def calendar_svg(calendar: Calendar, *, months_in_a_row: int = 3) -> str:
    """Return a calendar as an SVG document.

    Each day tells its date and what it is in a `<title>`, which browsers show under the pointer
    and read aloud. Numbers and marks say what the colours say.

    Args:
        calendar: What to draw.
        months_in_a_row: At most; 1 or more.
    """
    months = tuple(calendar.months)
    in_a_row = max(1, months_in_a_row)
    rows = [months[n : n + in_a_row] for n in range(0, len(months), in_a_row)]
    month_width = _WEEK_COLUMN + 7 * (CELL_WIDTH + GAP) - GAP
    most = max(map(len, rows))
    width = max(2 * _MARGIN + most * month_width + (most - 1) * _BETWEEN, 480)
    y = _MARGIN + _TITLE
    parts: list[str] = []
    for row in rows:
        for index, month in enumerate(row):
            x = _MARGIN + index * (month_width + _BETWEEN)
            parts += _month(calendar, month, x, y)
        y += _MONTH_HEAD + max(len(m.weeks) for m in row) * (CELL_HEIGHT + GAP) + _BETWEEN - GAP
    legend, bottom = _legend(calendar, width, y)
    return "\n".join((*_head(calendar, width, bottom + _MARGIN), *parts, *legend, "</svg>", ""))


def _head(calendar: Calendar, width: int, height: int) -> Iterator[str]:
    first, last = calendar.days[0].day, calendar.days[-1].day
    free = sum(day.state is DayState.FREE for day in calendar.days)
    said = f"Free places from {first} to {last}: {free} of {len(calendar.days)} days are free."
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" aria-labelledby="title said">'
    )
    yield f'<title id="title">{_text(calendar.title)}</title>'
    yield f'<desc id="said">{said}</desc>'
    yield f"<style>{_STYLE}</style>"
    yield f'<rect class="page" width="{width}" height="{height}"/>'
    yield _words(_MARGIN, _MARGIN + 18, "title", calendar.title)


def _month(calendar: Calendar, month: Month, x: int, y: int) -> Iterator[str]:
    yield _words(x + _WEEK_COLUMN, y + 14, "month", month.title)
    for index, name in enumerate(WEEKDAYS):
        centre = x + _WEEK_COLUMN + index * (CELL_WIDTH + GAP) + CELL_WIDTH // 2
        yield _words(centre, y + 38, "head", name[:2], anchor="middle")
    for row, week in enumerate(month.weeks):
        top = y + _MONTH_HEAD + row * (CELL_HEIGHT + GAP)
        middle = top + CELL_HEIGHT // 2 + 4
        yield _words(x + _WEEK_COLUMN - 8, middle, "week", str(week.number), anchor="end")
        for column, day in enumerate(week.days):
            if day is not None:
                left = x + _WEEK_COLUMN + column * (CELL_WIDTH + GAP)
                yield _cell(calendar, day, left, top)


def _cell(calendar: Calendar, day: CalendarDay, x: int, y: int) -> str:
    kind = kind_of(calendar, day)
    on = f"on-{kind}"
    size = f'width="{CELL_WIDTH}" height="{CELL_HEIGHT}"'
    parts = [
        f"<g><title>{describe(day)}</title>",
        f'<rect class="{kind}" x="{x}" y="{y}" {size} rx="6"/>',
        _words(x + 6, y + 14, f"date {on}", str(day.day.day)),
    ]
    centre, has_slots = x + CELL_WIDTH // 2, calendar.has_times and day.slots > 0
    if shown := mark_of(day):
        parts.append(
            _words(centre, y + (32 if has_slots else 36), f"places {on}", shown, anchor="middle")
        )
    if has_slots and day.state is DayState.FREE:
        slots = f"{day.bookable} of {day.slots}"
        parts.append(_words(centre, y + 45, f"slots {on}", slots, anchor="middle"))
    return "".join((*parts, "</g>"))


def _legend(calendar: Calendar, width: int, y: int) -> tuple[list[str], int]:
    """Return what the colours and marks stand for, and where it ends."""
    parts: list[str] = []
    x = _MARGIN
    for kind, mark, words in legend_of(calendar):
        needed = 24 + int(len(words) * _SPACE_FOR_WORDS) + 18
        if x > _MARGIN and x + needed > width - _MARGIN:
            x, y = _MARGIN, y + _LEGEND
        parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="16" height="16" rx="3"/>')
        if mark:
            parts.append(_words(x + 8, y + 13, f"words on-{kind}", mark, anchor="middle"))
        parts.append(_words(x + 24, y + 13, "words", words))
        x += needed
    if calendar.has_times:
        y += _LEGEND
        parts.append(_words(_MARGIN, y + 13, "words", TIMES))
    return parts, y + 16


TIMES = "The number is the most places in one slot; 3 of 8 means that 3 of 8 slots can be booked."


def _words(x: int, y: int, kind: str, words: str, *, anchor: str = "") -> str:
    anchored = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{kind}" x="{x}" y="{y}"{anchored}>{_text(words)}</text>'


def _text(words: str) -> str:
    """Return what may stand in XML: nothing a merchant wrote is markup."""
    return escape(_NO_XML.sub(" ", words))
