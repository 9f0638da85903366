"""``eguma cancel``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from eguma_async.cli.dry_run import DryRunOption
from eguma_async.cli.errors import usage
from eguma_async.cli.journal.options import DEFAULT_CHOICE, JournalChoice
from eguma_async.cli.options import YesOption
from eguma_async.cli.prompt import require_answerable, require_yes
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import clean, counted, print_json

from .options import DEFAULT_API, Api, base_url_of, open_session

if TYPE_CHECKING:
    from eguma_async.eguma.session import AsyncSession


async def cancel(
    booking: Annotated[str | None, Parameter(help="Id of a booking.")] = None,
    /,
    *,
    client_ref: Annotated[
        str | None,
        Parameter(
            metavar="REF",
            help="Instead of the id, the reference it was booked under; needs a journal.",
        ),
    ] = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    chosen: JournalChoice = DEFAULT_CHOICE,
    api: Api = DEFAULT_API,
) -> None:
    """Cancel a booking with all of its tickets. This refunds no money."""
    if (booking is None) == (client_ref is None):
        raise usage("give either the id of a booking, or --client-ref")
    if dry_run:
        await _show_request(booking, api)
        return
    require_answerable(yes=yes)
    journal = chosen.for_command(sandbox=api.sandbox)
    if journal is None and client_ref is not None:
        raise usage("--client-ref needs --journal, or EGUMA_JOURNAL")
    async with open_session(api, journal=journal) as session:
        what = await _name_of(session, booking, client_ref)
        where = clean(base_url_of(api))
        await require_yes(
            f"Cancel booking {what} with all of its tickets, at {where}?",
            yes=yes,
            otherwise="nothing was cancelled",
        )
        with chosen.naming_itself():
            cancelled = await session.ticketing.bookings.cancel(booking, client_ref=client_ref)
    if api.json:
        print_json(cancelled)
        return
    print_table(
        f"Booking {cancelled.booking_reference} cancelled",
        ("Ticket no longer valid",),
        [(ticket.ticket_number,) for ticket in cancelled.cancelled_tickets],
    )


async def _show_request(booking: str | None, api: Api) -> None:
    if booking is None:
        raise usage("--dry-run needs the id of the booking: `eguma journal show REF` tells it")
    async with open_session(api, dry_run=True) as session:
        await session.ticketing.bookings.cancel(booking)


async def _name_of(session: AsyncSession, booking: str | None, client_ref: str | None) -> str:
    """Name a booking, with what the journal knows of it: no read of the API finds one by its id."""
    if client_ref is None:
        return clean(booking or "")
    entry = await session.ticketing.bookings.entry(client_ref)
    made = (entry.result if entry is not None else None) or {}
    known = [
        *([f"reference {made['booking_reference']}"] if made.get("booking_reference") else ()),
        *([counted(made["tickets"], "ticket")] if made.get("tickets") else ()),
    ]
    return clean(f"{client_ref} ({', '.join(known)})" if known else client_ref)


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(cancel)
