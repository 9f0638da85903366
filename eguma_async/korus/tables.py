"""The tables of exports: what is on sale, and what was ordered, as rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from eguma_async.exports.columns import Column, ColumnType, Row, Table

from .booking.order_models import Order, OrderCustomer, OrderItem
from .catalog.offer_models import Offer

__all__ = ["OFFERS", "ORDERS", "ORDER_ITEMS", "TICKETS"]

_TEXT, _WORD, _INTEGER = ColumnType.TEXT, ColumnType.WORD, ColumnType.INTEGER
_DECIMAL, _BOOL, _DATE, _AWARE = (
    ColumnType.DECIMAL,
    ColumnType.BOOL,
    ColumnType.DATE,
    ColumnType.INSTANT,
)
_NOT_SENT = "the server sent none"


def _in_utc(moment: datetime | None) -> datetime | None:
    """Return a moment with a zone: what this API documents to be in UTC is, without one too.

    Starts and deadlines have the venue's offset. Without one, nobody knows which it is.
    """
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _offer_rows(offer: Offer) -> Iterator[Row]:
    price = offer.price
    yield (
        offer.iri,
        offer.product.iri,
        offer.product.name,
        offer.date,
        offer.available_quantity,
        None if price is None else price.currency,
        None if price is None else price.amount_incl_tax,
        None if price is None else price.amount_excl_tax,
        None if price is None else price.original_amount_incl_tax,
        len(offer.tickets),
        offer.availability_check_required,
        offer.realtime_price_required,
    )


OFFERS: Table[Offer] = Table(
    name="offers",
    columns=(
        Column("offer", _TEXT, "IRI of the offer."),
        Column("product", _WORD, "IRI of its product."),
        Column("product_name", _WORD, "Its name.", null=_NOT_SENT),
        Column("date", _DATE, "Day it is valid.", null="it is undated"),
        Column("available_quantity", _INTEGER, "Units left.", null="not limited"),
        Column("currency", _WORD, "ISO 4217, of the prices.", null="there is no price"),
        Column("amount_incl_tax", _DECIMAL, "Price of one unit.", null="there is no price"),
        Column("amount_excl_tax", _DECIMAL, "The same without tax.", null=_NOT_SENT),
        Column(
            "original_amount_incl_tax", _DECIMAL, "Price before a discount.", null="no discount"
        ),
        Column("ticket_count", _INTEGER, "Tickets it contains."),
        Column("availability_check_required", _BOOL, "Its stock should be asked for first."),
        Column("realtime_price_required", _BOOL, "Its price should be asked for first."),
    ),
    rows=_offer_rows,
)
"""One row for each offer, which is a product for a day."""

_ORDER_COLUMNS = (
    Column("order", _TEXT, "IRI of the order."),
    Column("reference", _TEXT, "The server's reference."),
    Column("external_reference", _TEXT, "Yours.", null="none was given"),
    Column("status", _WORD, "`confirmed` or `cancelled`.", null="an older server"),
    Column("created_at", _AWARE, "When it was made."),
)


def _head(order: Order) -> Row:
    return (
        order.iri,
        order.reference,
        order.external_reference,
        None if order.status is None else order.status.value,
        _in_utc(order.created_at),
    )


_CUSTOMER = (
    ("title", "`mr`, `mrs` or `mx`."),
    ("firstname", "First name."),
    ("lastname", "Last name."),
    ("email", "E-mail."),
    ("phone", "Phone."),
    ("country", "ISO 3166-1 alpha-2."),
    ("language", "ISO 639-1."),
)
_NOT_REPEATED = "the server does not repeat it"


def _order_rows(order: Order) -> Iterator[Row]:
    yield (
        *_head(order),
        _in_utc(order.cancelled_at),
        order.total_amount_incl_tax,
        order.total_amount_excl_tax,
        len(order.items),
        sum(len(item.tickets) for item in order.items),
        order.reservation,
        order.catalog,
        order.connector_reference,
        order.notes,
        *_customer_cells(order.customer),
    )


def _customer_cells(customer: OrderCustomer | None) -> Row:
    if customer is None:
        return (None,) * (len(_CUSTOMER) + 1)
    title = None if customer.title is None else customer.title.value
    values = (getattr(customer, name) for name, _ in _CUSTOMER[1:])
    return (title, *values, customer.optin)


ORDERS: Table[Order] = Table(
    name="orders",
    columns=(
        *_ORDER_COLUMNS,
        Column("cancelled_at", _AWARE, "When it was cancelled.", null="it was not"),
        Column("total_amount_incl_tax", _DECIMAL, "In euro."),
        Column("total_amount_excl_tax", _DECIMAL, "In euro.", null=_NOT_SENT),
        Column("item_count", _INTEGER, "Items: see the table of items."),
        Column("ticket_count", _INTEGER, "Tickets: see the table of tickets."),
        Column("reservation", _TEXT, "IRI of what it was made of."),
        Column("catalog", _WORD, "IRI of the catalog.", null="an older server"),
        Column("connector_reference", _TEXT, "Number in the issuer's system.", null=_NOT_SENT),
        Column("notes", _TEXT, "Notes.", null=_NOT_REPEATED, is_private=True),
        *(
            Column(f"customer_{name}", _TEXT, meaning, null=_NOT_REPEATED, is_private=True)
            for name, meaning in _CUSTOMER
        ),
        Column(
            "customer_optin", _BOOL, "Consent to marketing.", null=_NOT_REPEATED, is_private=True
        ),
    ),
    rows=_order_rows,
)
"""One row for each order, with its customer."""

_ITEM_COLUMNS = (
    Column("item", _INTEGER, "Number of the item in its order, from 1."),
    Column("product", _WORD, "IRI of the product.", null=_NOT_SENT),
    Column("date", _DATE, "Day of the offer.", null="it is undated"),
)


def _item_cells(number: int, item: OrderItem) -> Row:
    return number, item.product, item.date


def _item_rows(order: Order) -> Iterator[Row]:
    head = _head(order)
    for number, item in enumerate(order.items, 1):
        yield (
            *head,
            *_item_cells(number, item),
            item.quantity,
            item.unit_amount_incl_tax,
            item.unit_amount_excl_tax,
            item.total_amount_incl_tax,
            item.total_amount_excl_tax,
            item.amount_incl_tax,
            item.amount_excl_tax,
            len(item.tickets),
        )


ORDER_ITEMS: Table[Order] = Table(
    name="items",
    columns=(
        *_ORDER_COLUMNS,
        *_ITEM_COLUMNS,
        Column("quantity", _INTEGER, "How many.", null="the server does not say"),
        Column("unit_amount_incl_tax", _DECIMAL, "Price of one, in euro.", null=_NOT_SENT),
        Column("unit_amount_excl_tax", _DECIMAL, "The same without tax.", null=_NOT_SENT),
        Column("total_amount_incl_tax", _DECIMAL, "Price of all, in euro.", null=_NOT_SENT),
        Column("total_amount_excl_tax", _DECIMAL, "The same without tax.", null=_NOT_SENT),
        Column("amount_incl_tax", _DECIMAL, "Older name of an amount.", null=_NOT_SENT),
        Column("amount_excl_tax", _DECIMAL, "The same without tax.", null=_NOT_SENT),
        Column("ticket_count", _INTEGER, "Tickets: see the table of tickets."),
    ),
    rows=_item_rows,
)
"""One row for each item of each order. It names no customer."""


def _ticket_rows(order: Order) -> Iterator[Row]:
    head = _head(order)
    for number, item in enumerate(order.items, 1):
        for ticket in item.tickets:
            person, seat = ticket.beneficiary, ticket.seating
            yield (
                *head,
                *_item_cells(number, item),
                ticket.iri,
                ticket.ticket,
                None if ticket.status is None else ticket.status.value,
                ticket.occurs_at,
                ticket.voucher,
                ticket.required_beneficiary_fields,
                ticket.beneficiary_designation_deadline,
                None if person is None else person.firstname,
                None if person is None else person.lastname,
                None if seat is None else seat.stand,
                None if seat is None else seat.row,
                None if seat is None else seat.seat_number,
            )


TICKETS: Table[Order] = Table(
    name="tickets",
    columns=(
        *_ORDER_COLUMNS,
        *_ITEM_COLUMNS,
        Column("ticket", _TEXT, "IRI of the ticket."),
        Column("offer_ticket", _TEXT, "IRI of the offer's ticket.", null="a newer server"),
        Column("ticket_status", _WORD, "What it waits for.", null=_NOT_SENT),
        Column("occurs_at", _AWARE, "Start of the session.", null="it holds the whole day"),
        Column("voucher", _TEXT, "Entry code.", null="without one", is_private=True),
        Column(
            "required_beneficiary_fields",
            ColumnType.TEXTS,
            "What is still to be told of its user.",
        ),
        Column(
            "beneficiary_designation_deadline", _AWARE, "Until when.", null="the server names none"
        ),
        Column(
            "beneficiary_firstname", _TEXT, "Who uses it.", null="nobody is named", is_private=True
        ),
        Column("beneficiary_lastname", _TEXT, "The same.", null="nobody is named", is_private=True),
        Column("seat_stand", _TEXT, "Stand.", null="without one"),
        Column("seat_row", _TEXT, "Row.", null="without one"),
        Column("seat_number", _TEXT, "Seat.", null="without one"),
    ),
    rows=_ticket_rows,
)
"""One row for each ticket of each order. Whoever has its voucher can go in."""
