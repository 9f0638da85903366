"""Commands that read what is for sale: catalogs, product bases, products, offers, their tickets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from eguma_async.cli.exporting import (
    DEFAULT_FORM,
    DayOrFileOption,
    Form,
    Target,
    ToFileOption,
    counting,
    days_and_file,
    range_of,
    sum_up,
    target_of,
    write_export,
)
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import amount, counted, moment, plain, print_json, stock

from .options import DEFAULT_API, Api, open_session, read_all
from .words import ADVICE

if TYPE_CHECKING:
    from eguma_async.korus import KorusSession, Offer, OfferSession, OfferTicket
    from eguma_async.pipeline.pages import Pager

CatalogIri = Annotated[str, Parameter(help="IRI of a catalog.")]
OfferIri = Annotated[str, Parameter(help="IRI of an offer.")]


async def catalogs(*, api: Api = DEFAULT_API) -> None:
    """List the catalogs your organization may sell from."""
    found = await read_all(api, lambda session: session.catalogs.list())
    if api.json:
        print_json(found)
        return
    print_table(
        counted(found, "catalog"),
        ("Catalog", "Name", "Last synchronised"),
        ((catalog.iri, catalog.name, moment(catalog.last_synced_at)) for catalog in found),
    )


async def product_bases(catalog: CatalogIri, /, *, api: Api = DEFAULT_API) -> None:
    """List the main entries of a catalog that are for sale."""
    found = await read_all(api, lambda session: session.product_bases.list(catalog))
    if api.json:
        print_json(found)
        return
    print_table(
        counted(found, "product base"),
        ("Product base", "Name", "Needs sessions", "May need names"),
        (
            (
                base.iri,
                base.name,
                _yes(base.use_session),
                _yes(base.beneficiary_info_may_be_required),
            )
            for base in found
        ),
    )


async def products(
    parent: Annotated[str, Parameter(help="IRI of a product base, or of a catalog.")],
    /,
    *,
    api: Api = DEFAULT_API,
) -> None:
    """List the variants of a product base, or all products of a catalog."""
    found = await read_all(api, lambda session: session.products.list(parent))
    if api.json:
        print_json(found)
        return
    print_table(
        counted(found, "product"),
        ("Product", "Name", "For sale"),
        ((product.iri, product.name, _yes(not product.disabled)) for product in found),
    )


async def offers(
    catalog: CatalogIri,
    /,
    *,
    product: Annotated[
        list[str] | None,
        Parameter(help="IRI or id of a product; once for each.", negative="", show_default=False),
    ] = None,
    product_base: Annotated[str | None, Parameter(help="IRI or id of a product base.")] = None,
    first: Annotated[
        str | None, Parameter(name="--from", help="First day, YYYY-MM-DD; any if not given.")
    ] = None,
    to: DayOrFileOption = None,
    to_file: ToFileOption = None,
    form: Form = DEFAULT_FORM,
    api: Api = DEFAULT_API,
) -> None:
    """List the offers of a catalog: a product for a day, with price and stock.

    With --format, or a file that ends in .csv, .jsonl or .parquet, it exports one row for each.
    """
    last, file = days_and_file(to, to_file)
    date_after, date_before = range_of(first, last)
    target = target_of(file, form, json=api.json)

    def listing(session: KorusSession) -> Pager[Offer]:
        return session.offers.list(
            catalog,
            products=product or (),
            product_base=product_base,
            date_after=date_after,
            date_before=date_before,
        )

    if target is not None:
        await _export(listing, target, api)
        return
    found = await read_all(api, listing)
    if api.json:
        print_json(found)
        return
    print_table(
        counted(found, "offer"),
        ("Offer", "Date", "Product", ">Tickets", ">Price", ">Left"),
        map(_offer_row, found),
    )


async def _export(
    listing: Callable[[KorusSession], Pager[Offer]], target: Target, api: Api
) -> None:
    from eguma_async.korus.tables import OFFERS

    async with open_session(api) as session:
        with counting("offer") as count:
            report = await write_export(listing(session), OFFERS, target, on_item=count)
    sum_up(report, target, json=api.json, advice=ADVICE)


def _offer_row(offer: Offer) -> tuple[str, ...]:
    price = offer.price
    return (
        offer.iri,
        "any day" if offer.date is None else offer.date.isoformat(),
        offer.product.name or offer.product.id,
        str(len(offer.tickets)),
        "?" if price is None else amount(price.amount_incl_tax, price.currency),
        stock(offer.available_quantity),
    )


async def price(offer: OfferIri, /, *, api: Api = DEFAULT_API) -> None:
    """Ask for the price of an offer at this moment."""
    async with open_session(api) as session:
        found = await session.offers.price(offer)
    if api.json:
        print_json(found)
        return
    print_table(
        "Price of one unit",
        (">With tax", ">Without tax", ">Before discount"),
        [
            tuple(
                "-" if value is None else amount(value, found.currency)
                for value in (
                    found.amount_incl_tax,
                    found.amount_excl_tax,
                    found.original_amount_incl_tax,
                )
            )
        ],
    )


async def availability(offer: OfferIri, /, *, api: Api = DEFAULT_API) -> None:
    """Ask for the stock of an offer and its sessions at this moment. It holds nothing."""
    async with open_session(api) as session:
        found = await session.offers.availability(offer)
    if api.json:
        print_json(found)
        return
    rows = [("the offer", stock(found.available_quantity))]
    rows += [
        (f"session {one.session.rpartition('/')[2]}", stock(one.available_quantity))
        for one in found.sessions_availability
    ]
    print_table("Stock", ("Of", ">Left"), rows)


async def tickets(offer: OfferIri, /, *, api: Api = DEFAULT_API) -> None:
    """List the tickets of an offer with the sessions to choose from."""
    async with open_session(api) as session:
        found = [
            (ticket, [s async for s in session.offers.sessions(ticket.iri)])
            if ticket.date_access is False
            else (ticket, [])
            async for ticket in session.offers.tickets(offer)
        ]
    if api.json:
        print_json([{**plain(ticket), "sessions": sessions} for ticket, sessions in found])
        return
    print_table(
        counted(found, "ticket"),
        ("Ticket", "Name", "Session", "Starts at", ">Left"),
        (row for ticket, sessions in found for row in _ticket_rows(ticket, sessions)),
    )


def _ticket_rows(ticket: OfferTicket, sessions: list[OfferSession]) -> Iterator[tuple[str, ...]]:
    head = (ticket.id, ticket.name or "-")
    if ticket.date_access is not False:
        yield (*head, "none: whole day", "-", "-")
    for session in sessions:
        left = session.available_quantity
        yield (*head, session.id, moment(session.occurs_at), "?" if left is None else str(left))


def _yes(value: bool | None) -> str:
    return "?" if value is None else "yes" if value else "no"


def add_to(app: App) -> None:
    """Add the commands of this module."""
    for command in (catalogs, product_bases, products, offers, price, availability, tickets):
        app.command(command)
