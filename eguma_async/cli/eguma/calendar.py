"""``eguma availabilities --calendar``: which days are free, on the terminal or as a picture."""

# Annotations are no strings here: see `cli.options`.

import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from eguma_async.cli.connection import session_clock
from eguma_async.cli.errors import usage
from eguma_async.cli.exporting import STDOUT, Form, check_place, check_value
from eguma_async.cli.options import day
from eguma_async.cli.text import clean, say, say_unreadable

from .options import Api, open_session

if TYPE_CHECKING:
    from eguma_async.calendars.model import Calendar

_SVG = ".svg"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Whether a calendar is drawn, and where."""

    calendar: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Show a calendar of one product: free places of each day, to the end of the next"
            " month if --to names no day.",
        ),
    ] = False
    to_svg: Annotated[
        str | None,
        Parameter(
            metavar="FILE",
            allow_leading_hyphen=True,
            help="Draw that calendar as a picture; - for stdout.",
        ),
    ] = None


NOT_DRAWN = Drawn()


@dataclass(frozen=True)
class Drawing:
    """Where a calendar goes.

    Attributes:
        to: The picture; None for the terminal, ``-`` for stdout.
    """

    to: str | None


def checked(
    drawn: Drawn, products: tuple[str, ...], file: str | None, form: Form, *, json: bool
) -> Drawing:
    """Return where a calendar goes.

    Raises:
        Stop: It cannot, or other options ask for something else.
    """
    if len(products) != 1:
        raise usage("--calendar shows one product")
    if json or form.format is not None:
        raise usage("--calendar goes with neither --json nor --format")
    if file is not None and drawn.to_svg is not None:
        raise usage("give one file")
    check_value("--to-svg", drawn.to_svg)
    check_value("--to", file)
    to = drawn.to_svg or file
    if drawn.to_svg is None and to not in (None, STDOUT) and Path(str(to)).suffix.lower() != _SVG:
        raise usage(f"what is {clean(str(to))} to be? A calendar is written to FILE{_SVG}")
    if to not in (None, STDOUT):
        check_place(Path(str(to)))
    return Drawing(to)


async def draw(
    drawing: Drawing, product: str, first: str | None, last: str | None, api: Api
) -> None:
    """Read the slots of a product, and draw their calendar."""
    from eguma_async.eguma.merchant_time import today
    from eguma_async.eguma.ticketing.calendar import availability_calendar

    clock = session_clock.get()
    now = datetime.now(UTC) if clock is None else clock.now()
    from_date = today(now) if first is None else day(first, "--from")
    to_date = _end_of_next_month(from_date) if last is None else day(last, "--to")
    if to_date < from_date:
        raise usage("--to must not be before --from")
    async with open_session(api) as session:
        slots = await session.ticketing.availabilities.list(
            product, from_date=from_date, to_date=to_date
        )
        calendar = availability_calendar(slots, from_date=from_date, to_date=to_date, now=now)
    say_unreadable(slots.availabilities)
    _show(calendar, drawing)


def _end_of_next_month(start: date) -> date:
    next_month = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return (next_month + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _show(calendar: "Calendar", drawing: Drawing) -> None:
    if drawing.to is None:
        from eguma_async.cli.month_grid import print_calendar

        print_calendar(calendar)
        return
    from eguma_async.calendars.svg import calendar_svg

    picture = calendar_svg(calendar)
    if drawing.to == STDOUT:
        sys.stdout.write(picture)
        sys.stdout.flush()
        return
    from eguma_async.core.files import replacing

    with replacing(Path(drawing.to), private=False) as file:
        file.write(picture.encode())
    if sys.stderr.isatty():
        say(f"Drawn into {clean(drawing.to)}.")
