"""A calendar on a terminal: how wide, in which colours, and what stands there without them."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest

from eguma_async.calendars import Calendar, Slot, calendar_of
from eguma_async.cli.month_grid import print_calendar

TODAY = date(2026, 12, 10)


class Screen(io.StringIO):
    """A terminal, as far as a program can tell."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class AsciiScreen(Screen):
    encoding = "ascii"


def calendar(*, times: bool = False) -> Calendar:
    def slots(day: int, places: int | None, **more: bool) -> list[Slot]:
        each = Slot(day=TODAY + timedelta(days=day), places=places, **more)
        return [each, each] if times else [each]

    return calendar_of(
        [
            *slots(0, 5, is_too_late=True),
            *slots(1, 60),
            *slots(2, 20),
            *slots(3, None),
            *slots(4, 0, is_sold_out=True),
            *slots(5, 3),
        ],
        title="M: P\x1b[2J",
        from_date=date(2026, 12, 8),
        to_date=date(2027, 1, 10),
        today=TODAY,
    )


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch):
    def show(what: Calendar, *, columns: int, screen: Screen | None = None, **env: str) -> str:
        into = screen or Screen()
        monkeypatch.delenv("NO_COLOR", raising=False)
        for name, value in {"TERM": "xterm-256color", "COLORTERM": "truecolor", **env}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr("sys.stdout", into)
        print_calendar(what)
        return into.getvalue()

    return show


def test_without_colours_all_is_said_by_signs(shown) -> None:
    lines = shown(calendar(), columns=80, NO_COLOR="1").splitlines()

    assert lines == [
        "M: P [2J",
        "",
        "            December 2026                             January 2027",
        "Wk    Mo   Tu   We   Th   Fr   Sa   Su   Wk    Mo   Tu   We   Th   Fr   Sa   Su",
        "50          8    9   10   11   12   13   53                         1    2    3",
        "                      –  ●60  ◐20    ∞                              ·    ·    ·",
        "51    14   15   16   17   18   19   20    1     4    5    6    7    8    9   10",
        "       ×   ○3    ·    ·    ·    ·    ·          ·    ·    ·    ·    ·    ·    ·",
        "52    21   22   23   24   25   26   27",
        "       ·    ·    ·    ·    ·    ·    ·",
        "53    28   29   30   31",
        "       ·    ·    ·    ·",
        "",
        " ●  50 or more places   ◐  10 to 49 places   ○  below 10 places   ∞  unlimited",
        " ×  sold out   –  too late   ·  closed",
    ]


def test_with_times_it_says_how_many_of_them(shown) -> None:
    lines = shown(calendar(times=True), columns=80, NO_COLOR="1").splitlines()

    assert lines[5].split() == ["–", "●60", "◐20", "∞", "·", "·", "·"]
    assert lines[6].split() == ["0/2", "2/2", "2/2", "2/2"]
    assert " ".join(lines[-2:]).endswith("in one slot; 3/8 means that 3 of 8 slots can be booked.")


@pytest.mark.parametrize("columns", [38, 78, 79, 80, 120, 200])
def test_no_line_is_longer_than_the_terminal(shown, columns: int) -> None:
    lines = shown(calendar(times=True), columns=columns, NO_COLOR="1").splitlines()

    assert max(map(len, lines)) <= columns
    assert any("2027" in line for line in lines)


def test_without_room_for_a_month_the_days_stand_one_below_the_other(shown) -> None:
    lines = shown(calendar(), columns=30, NO_COLOR="1").splitlines()

    assert lines[1:8] == [
        "Tu 2026-12-08  past",
        "We 2026-12-09  past",
        "Th 2026-12-10  too late",
        "Fr 2026-12-11   ●60",
        "Sa 2026-12-12   ◐20",
        "Su 2026-12-13     ∞",
        "Mo 2026-12-14  sold out",
    ]


def test_colours_say_it_too(shown) -> None:
    out = shown(calendar(), columns=80)

    assert "\x1b[38;2;0;0;0;48;2;0;158;115m ●60\x1b[0m" in out
    assert "\x1b[38;2;0;0;0;48;2;86;180;233m ◐20\x1b[0m" in out
    assert "\x1b[38;2;0;0;0;48;2;230;159;0m  ○3\x1b[0m" in out
    assert "\x1b[2J" not in out


def test_a_terminal_that_takes_ascii_gets_ascii(shown) -> None:
    out = shown(calendar(), columns=80, screen=AsciiScreen(), NO_COLOR="1")

    assert out.isascii()
    rows = out.splitlines()
    assert rows[5].split() == ["-", "#60", "+20", "any", ".", ".", "."]
    assert rows[7].split()[:2] == ["x", "!3"]


def test_a_dumb_terminal_gets_no_colours(shown) -> None:
    plain = shown(calendar(), columns=80, NO_COLOR="1")

    assert shown(calendar(), columns=80, TERM="dumb") == plain
