"""Commands for the tickets of an order: who uses them, and their documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from eguma_async.cli.dry_run import DryRun, DryRunOption
from eguma_async.cli.options import day
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import moment, plain, print_json

from .options import DEFAULT_API, Api, open_session

if TYPE_CHECKING:
    from eguma_async.korus import OrderTicket


async def beneficiary(
    ticket: Annotated[str, Parameter(help="IRI of a ticket as `order-show` lists it.")],
    /,
    *,
    first_name: Annotated[str, Parameter(help="Of the person.")],
    last_name: Annotated[str, Parameter(help="Of the person.")],
    date_of_birth: Annotated[str | None, Parameter(help="YYYY-MM-DD.")] = None,
    place_of_birth: Annotated[str | None, Parameter(help="A town.")] = None,
    nationality: Annotated[str | None, Parameter(help="ISO 3166-1, such as FR.")] = None,
    title: Annotated[
        Literal["mr", "mrs", "mx"] | None, Parameter(help="How to address the person.")
    ] = None,
    email: Annotated[str | None, Parameter(help="Of the person.")] = None,
    phone: Annotated[str | None, Parameter(help="Of the person.")] = None,
    dry_run: DryRunOption = False,
    api: Api = DEFAULT_API,
) -> None:
    """Tell who uses a ticket. Some issuers allow it only once."""
    born = None if date_of_birth is None else day(date_of_birth, "--date-of-birth")

    from eguma_async.korus import Beneficiary, Title

    person = Beneficiary(
        firstname=first_name,
        lastname=last_name,
        title=None if title is None else Title(title),
        nationality=nationality,
        date_of_birth=born,
        place_of_birth=place_of_birth,
        email=email,
        phone=phone,
    )
    async with open_session(api, dry=DryRun() if dry_run else None) as session:
        named = await session.beneficiaries.update(ticket, person)
    if api.json:
        print_json(named)
    else:
        print_tickets("Beneficiary named", [named])


async def document(
    document: Annotated[str, Parameter(help="IRI of a document as `order-show` lists it.")],
    /,
    *,
    to: Annotated[Path, Parameter(help="File to write, replaced if it exists.")],
    api: Api = DEFAULT_API,
) -> None:
    """Store a document of an order, as a rule its tickets in PDF."""
    async with open_session(api) as session:
        stored = await session.documents.download(document, to=to)
    if api.json:
        print_json({**plain(stored), "path": str(to)})
        return
    print_table(
        "Document stored",
        ("File", "Language", ">Bytes"),
        [(str(to), stored.language or "?", str(stored.size))],
    )


def print_tickets(title: str, tickets: list[OrderTicket]) -> None:
    """Print tickets of an order, and what they wait for."""
    print_table(
        title,
        ("Ticket", "Starts at", "Status", "Still asked of its user", "Until"),
        (
            (
                ticket.iri,
                moment(ticket.occurs_at),
                ticket.status.value if ticket.status else "?",
                ", ".join(ticket.required_beneficiary_fields) or "-",
                moment(ticket.beneficiary_designation_deadline),
            )
            for ticket in tickets
        ),
    )


def add_to(app: App) -> None:
    """Add the commands of this module."""
    app.command(beneficiary)
    app.command(document)
