"""Commands for what is booked: orders, their tickets' beneficiaries, their documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from eguma_async.cli.options import day
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import amount, plain, print_json, say

from .options import DEFAULT_API, KorusApi, moment, open_session, read_all

if TYPE_CHECKING:
    from eguma_async.korus import Order, OrderTicket


async def orders(
    *,
    external_reference: Annotated[
        str | None, Parameter(help="Exactly this reference of yours.")
    ] = None,
    api: KorusApi = DEFAULT_API,
) -> None:
    """List the orders of your organization, latest first."""
    found = await read_all(
        api,
        lambda session: session.orders.list(external_reference=external_reference, order="desc"),
    )
    if api.json:
        print_json(found)
        return
    print_table(
        f"{len(found)} orders",
        ("Order", "Reference", "Your reference", "Created at", "Status", ">Total"),
        (
            (
                order.iri,
                order.reference,
                order.external_reference or "-",
                moment(order.created_at),
                order.status.value if order.status else "?",
                amount(order.total_amount_incl_tax),
            )
            for order in found
        ),
    )


async def order_show(
    order: Annotated[str, Parameter(help="IRI of an order.")],
    /,
    *,
    api: KorusApi = DEFAULT_API,
) -> None:
    """Show an order with its tickets, what they wait for, and its documents."""
    async with open_session(api) as session:
        found = await session.orders.get(order)
    if api.json:
        print_json(found)
        return
    _print_tickets(
        f"Order {found.reference}, {amount(found.total_amount_incl_tax)}",
        [ticket for item in found.items for ticket in item.tickets],
    )
    _print_documents(found)


def _print_documents(order: Order) -> None:
    print_table("Documents", ("Document",), ((iri,) for iri in order.documents))
    say("Store one: eguma korus document DOCUMENT --to FILE.pdf")


def _print_tickets(title: str, tickets: list[OrderTicket]) -> None:
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
    api: KorusApi = DEFAULT_API,
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
    async with open_session(api) as session:
        named = await session.beneficiaries.update(ticket, person)
    if api.json:
        print_json(named)
    else:
        _print_tickets("Beneficiary named", [named])


async def document(
    document: Annotated[str, Parameter(help="IRI of a document as `order-show` lists it.")],
    /,
    *,
    to: Annotated[Path, Parameter(help="File to write, replaced if it exists.")],
    api: KorusApi = DEFAULT_API,
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


def add_to(app: App) -> None:
    """Add the commands of this module."""
    for command in (orders, order_show, beneficiary, document):
        app.command(command)
