"""``eguma ticket``: check-in, check-out, what is known of a ticket, its code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from eguma_async.cli.dry_run import DryRunOption
from eguma_async.cli.errors import Exit, Stop
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import clean, moment, money, print_json

from . import ticket_files
from .options import DEFAULT_API, Api, open_session

if TYPE_CHECKING:
    from eguma_async.eguma.ticketing.tickets import TicketCheck

Number = Annotated[str, Parameter(help="The 19 digits of the ticket.")]


async def check_in(
    number: Number, /, *, dry_run: DryRunOption = False, api: Api = DEFAULT_API
) -> None:
    """Check a ticket in."""
    async with open_session(api, dry_run=dry_run) as session:
        check = await session.ticketing.tickets.check_in(number)
    _report(check, "checked in", number, api)


async def check_out(
    number: Number, /, *, dry_run: DryRunOption = False, api: Api = DEFAULT_API
) -> None:
    """Check a ticket out."""
    async with open_session(api, dry_run=dry_run) as session:
        check = await session.ticketing.tickets.check_out(number)
    _report(check, "checked out", number, api)


def _report(check: TicketCheck, done: str, number: str, api: Api) -> None:
    from eguma_async.eguma.ticketing.tickets import UnsuccessfulCode

    if api.json:
        print_json(check)
    if not check.is_successful:
        code = check.unsuccessful_code
        unknown = code == UnsuccessfulCode.TICKET_NOT_FOUND
        words = ": ".join(filter(None, (code and code.value, check.unsuccessful_message)))
        raise Stop(
            f"the ticket was not {done}: {clean(words) or 'no reason given'}",
            Exit.NOT_FOUND if unknown else Exit.REFUSED,
        )
    if not api.json:
        print_table(f"Ticket {done}", ("Ticket",), [(number,)])


async def info(number: Number, /, *, api: Api = DEFAULT_API) -> None:
    """Show what is known of a ticket."""
    async with open_session(api) as session:
        ticket = await session.ticketing.tickets.get(number)
    if api.json:
        print_json(ticket)
        return
    print_table(
        f"Ticket {ticket.ticket_number}",
        ("Product", "Created at", "Checked in", "Checked in at", ">Price"),
        [
            (
                ticket.event_or_admission_id,
                ticket.created_at.isoformat(),
                "yes" if ticket.is_checked_in else "no",
                moment(ticket.checked_in_at),
                money(ticket.price_in_cents, None),
            )
        ],
    )


def add_to(app: App) -> None:
    """Add the commands of this module."""
    tickets = App(name="ticket", help="Check tickets in and out at the gate, and draw them.")
    tickets.command(check_in)
    tickets.command(check_out)
    tickets.command(info)
    ticket_files.add_to(tickets)
    app.command(tickets)
