"""``eguma ticket qr`` and ``eguma ticket pdf``: tickets that people can show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from cyclopts import App, Parameter

from eguma_async.cli.errors import Exit, Stop, usage
from eguma_async.cli.journal.options import DEFAULT_CHOICE, JournalChoice
from eguma_async.cli.options import JsonOption
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import clean, counted, is_plain, is_utf8, print_json, say, say_unreadable

from .options import DEFAULT_API, Api, open_session

if TYPE_CHECKING:
    from eguma_async.eguma.session import AsyncSession
    from eguma_async.eguma.ticketing.orders import Order
    from eguma_async.rendering.pdf import TicketPage
    from eguma_async.rendering.qr import TicketCode

STDOUT = "-"
Format: TypeAlias = Literal["text", "png", "svg", "pdf"]


async def qr(
    number: Annotated[str, Parameter(help="The number of the ticket, to the letter.")],
    /,
    *,
    to: Annotated[
        str,
        Parameter(
            metavar="FILE",
            allow_leading_hyphen=True,
            help="A file ending in .png, .svg or .pdf, replaced if it exists; - for stdout.",
        ),
    ] = STDOUT,
    format_: Annotated[
        Format | None,
        Parameter(
            name="--format",
            show_default=False,
            help="What goes to stdout: text, which draws the code, if not given.",
        ),
    ] = None,
    scale: Annotated[int, Parameter(metavar="PIXELS", help="Side of a square of a png.")] = 8,
    json: JsonOption = False,
) -> None:
    """Draw the code of a ticket, for a terminal or into a file.

    It needs no key and no network. Whoever has the code has the ticket: a file can be read by its
    owner alone.
    """
    from eguma_async.rendering.qr import TicketCode

    code = TicketCode(number)
    if to == STDOUT:
        if json:
            raise usage("--json goes with --to FILE")
        _to_stdout(code, format_ or "text", scale)
        return
    if format_ is not None:
        raise usage("--format goes with --to -; the name of a file says what it becomes")
    size = _stored(code, to, scale)
    if json:
        print_json({"path": to, "size": size})
    else:
        print_table("Code stored", ("File", ">Bytes"), [(to, str(size))])


def _stored(code: TicketCode, to: str, scale: int) -> int:
    """Write a code to a file, and return its size."""
    code.save(to, scale=scale)
    return Path(to).stat().st_size


def _to_stdout(code: TicketCode, kind: Format, scale: int) -> None:
    if kind != "text":
        made = {"png": lambda: code.png(scale=scale), "svg": code.svg, "pdf": code.pdf}
        _write_bytes(made[kind]())
        return
    if not is_utf8(sys.stdout):
        raise usage("stdout takes no UTF-8, which a drawn code needs; give --to FILE.png")
    sys.stdout.write(code.terminal(color=not is_plain(sys.stdout)))
    sys.stdout.flush()


def _write_bytes(data: bytes) -> None:
    if sys.stdout.isatty():
        raise usage("that is nothing for a terminal; give --to FILE, or send stdout elsewhere")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


async def pdf(
    booking: Annotated[
        str | None,
        Parameter(help="Reference of the booking, which `book` and `orders` show as its number."),
    ] = None,
    /,
    *,
    to: Annotated[
        str,
        Parameter(
            metavar="FILE",
            allow_leading_hyphen=True,
            help="File to write, replaced if it exists; - for stdout.",
        ),
    ],
    client_ref: Annotated[
        str | None,
        Parameter(
            metavar="REF",
            help="Instead of BOOKING, the reference it was booked under; needs a journal.",
        ),
    ] = None,
    size: Annotated[Literal["a4", "a6"], Parameter(help="Of the paper.")] = "a4",
    font: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="A font (.ttf) for letters that are not western European."),
    ] = None,
    chosen: JournalChoice = DEFAULT_CHOICE,
    api: Api = DEFAULT_API,
) -> None:
    """Print the tickets of a booking, a page for each, into a PDF.

    It is read from the orders of the merchant, since a booking itself cannot be read. Those of a
    cancelled one are refused.
    """
    from eguma_async.core.files import check_is_plain, replacing
    from eguma_async.rendering.pdf import tickets_pdf

    if (booking is None) == (client_ref is None):
        raise usage("give either the reference of a booking, or --client-ref")
    if to == STDOUT and api.json:
        raise usage("--json goes with --to FILE")
    if to != STDOUT:
        check_is_plain(Path(to))
    if client_ref is None and chosen != DEFAULT_CHOICE:
        raise usage("--journal and --account go with --client-ref")
    journal = None if client_ref is None else chosen.for_command(sandbox=api.sandbox)
    if journal is None and client_ref is not None:
        raise usage("--client-ref needs --journal, or EGUMA_JOURNAL")
    async with open_session(api, journal=journal) as session:
        number = booking if client_ref is None else await _reference(session, client_ref)
        pages = await _pages(session, await _order(session, number or ""))
    data = tickets_pdf(pages, size=size, font=font)
    _say_missing(pages, font)
    if to == STDOUT:
        _write_bytes(data)
        return
    with replacing(Path(to)) as file:
        file.write(data)
    if api.json:
        print_json({"path": to, "size": len(data), "tickets": len(pages)})
        return
    row = (to, str(len(pages)), str(len(data)))
    print_table("Tickets stored", ("File", ">Tickets", ">Bytes"), [row])


async def _reference(session: AsyncSession, client_ref: str) -> str:
    """Return the reference of the booking that was made under a name of the user's own."""
    entry = await session.ticketing.bookings.entry(client_ref)
    result = entry.result if entry is not None else None
    if entry is None:
        raise Stop("the journal knows no booking under this reference", Exit.NOT_FOUND)
    if entry.state.is_open:
        raise Stop(
            "it is not known yet whether it was booked; find out with `eguma journal recover`",
            Exit.UNKNOWN,
        )
    if not result or not result.get("booking_reference"):
        raise Stop(f"the journal has no booking: it is {entry.state.value}", Exit.NOT_FOUND)
    return str(result["booking_reference"])


async def _order(session: AsyncSession, number: str) -> Order:
    found = await session.ticketing.orders.list(order_number=number)
    say_unreadable(found)
    if not found:
        raise Stop(
            f"there is no order with the number {clean(number)}; give the reference of the booking"
            " and not its id",
            Exit.NOT_FOUND,
        )
    if len(found) > 1:
        raise Stop(f"{counted(found, 'order')} have the number {clean(number)}")
    return found[0]


async def _pages(session: AsyncSession, order: Order) -> tuple[TicketPage, ...]:
    """Return what to print of an order, with what the catalogue adds to it if it can be read."""
    from eguma_async.core.errors import StatusError
    from eguma_async.eguma.ticketing.orders import OrderStatus

    if order.status is OrderStatus.CANCELLED:
        raise Stop("the booking was cancelled: its tickets are not valid", Exit.REFUSED)
    try:
        catalogue = await session.ticketing.products.list()
    except StatusError:
        pages = order.pages()
    else:
        pages = order.pages(catalogue.products, merchant=catalogue.company_name)
    if not pages:
        raise Stop("the order has no tickets", Exit.NOT_FOUND)
    return pages


def _say_missing(pages: tuple[TicketPage, ...], font: Path | None) -> None:
    from eguma_async.rendering.pdf import missing_characters

    missing = missing_characters(pages, font=font)
    if missing:
        which = clean(" ".join(sorted(missing)))
        say(f"The font has no {which}: a box stands for each. Give one that has, with --font.")


def add_to(tickets: App) -> None:
    """Add the commands of this module to those of a ticket."""
    tickets.command(qr)
    tickets.command(pdf)
