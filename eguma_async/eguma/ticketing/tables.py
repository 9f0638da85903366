"""The tables of exports: what is on sale, and what was sold, as rows.

Times are the merchant's wall clock, as everywhere in this API.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TypeAlias

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fan_out import Outcome
from eguma_async.core.listing import UnreadableElement
from eguma_async.eguma.merchant_time import wall_clock
from eguma_async.exports.columns import Column, ColumnType, Row, Table

from .availabilities import AvailabilityList
from .orders import Order, OrderCustomer, OrderLine

ProductSlots: TypeAlias = tuple[str, AvailabilityList]
"""The id of a product with its slots: the list itself does not say which product it is of."""

_TEXT, _WORD, _TEXTS = ColumnType.TEXT, ColumnType.WORD, ColumnType.TEXTS
_INTEGER, _CENTS, _BOOL = ColumnType.INTEGER, ColumnType.CENTS, ColumnType.BOOL
_LOCAL = ColumnType.WALL_CLOCK
_NO_LIMIT = "no limit"


def _of_outcome(outcome: Outcome[AvailabilityList]) -> ProductSlots:
    product_id = getattr(outcome.operation, "product_id", None)
    if product_id is None:
        raise ConfigurationError("the table of availabilities takes outcomes of availabilities")
    return product_id, outcome.unwrap()


def _unreadable_slots(found: ProductSlots) -> tuple[UnreadableElement, ...]:
    return _checked(found)[1].unreadable


def _checked(found: object) -> ProductSlots:
    match found:
        case (str() as product_id, AvailabilityList() as slots):
            return product_id, slots
    raise ConfigurationError(
        "the table of availabilities takes outcomes of a fan-out, or pairs (product_id, slots)"
    )


def _slot_rows(found: ProductSlots) -> Iterator[Row]:
    product_id, slots = _checked(found)
    for slot in slots.availabilities:
        head = (
            product_id,
            slots.product_name,
            slots.company_name,
            slots.currency,
            slot.slot_type.value,
            wall_clock(slot.starts_at),
            _local(slot.closing_at),
            slot.availability_count,
        )
        for price in slot.prices:
            limits = price.min_quantity, price.max_quantity, price.allow_zero_quantity
            yield (*head, price.category_id, price.price_in_cents, *limits)
        if not slot.prices:
            yield (*head, None, None, None, None, None)


def _local(moment: datetime | None) -> datetime | None:
    return None if moment is None else wall_clock(moment)


_NO_CATEGORY = "the slot has no category"

AVAILABILITIES: Table[ProductSlots] = Table(
    name="availabilities",
    columns=(
        Column("product_id", _WORD, "Product."),
        Column("product_name", _WORD, "Its name, in the merchant's default language."),
        Column("company_name", _WORD, "The merchant."),
        Column("currency", _WORD, "ISO 4217, of the price.", null="an older server"),
        Column("slot_type", _WORD, "`day` or `time`; another one as the server wrote it."),
        Column("starts_at", _LOCAL, "Start of the slot; midnight of a day slot."),
        Column("closing_at", _LOCAL, "Until when it can be booked.", null="no cut-off"),
        Column(
            "availability_count",
            _INTEGER,
            "Places left in the whole slot.",
            null="unlimited places",
        ),
        Column("category_id", _WORD, "Person category.", null=_NO_CATEGORY),
        Column("price_in_cents", _CENTS, "Price of one ticket of it.", null="the server sent none"),
        Column("min_quantity", _INTEGER, "Least quantity per booking.", null=_NO_LIMIT),
        Column("max_quantity", _INTEGER, "Greatest quantity per booking.", null=_NO_LIMIT),
        Column(
            "allow_zero_quantity",
            _BOOL,
            "The category may be left out although it has a minimum.",
            null=_NO_CATEGORY,
        ),
    ),
    rows=_slot_rows,
    of_outcome=_of_outcome,
    unreadable=_unreadable_slots,
)
"""One row for each category of each slot, with its price; one for a slot without categories."""

_ORDER_COLUMNS = (
    Column("order_id", _TEXT, "The order; the `booking_id` of one that this API made."),
    Column("order_number", _TEXT, "Its number for people."),
    Column("status", _WORD, "`completed` or `cancelled`; another one as the server wrote it."),
    Column("created_at", _LOCAL, "When it was made."),
    Column("updated_at", _LOCAL, "When it changed last."),
    Column("currency", _WORD, "ISO 4217, of all amounts."),
    Column("location", _WORD, "Where it was made: `web` or `local`."),
)


def _head(order: Order) -> Row:
    return (
        order.id,
        order.order_number,
        order.status.value,
        wall_clock(order.created_at),
        wall_clock(order.updated_at),
        order.currency,
        order.location.value,
    )


_CUSTOMER = (
    ("id", "Customer."),
    ("title", "`Mr`, `Mrs` or `Company`."),
    ("first_name", "First name."),
    ("last_name", "Last name."),
    ("company", "Company."),
    ("street", "Street."),
    ("zip", "Postal code."),
    ("city", "Town."),
    ("country", "ISO 3166-1 alpha-2."),
    ("email", "E-mail."),
    ("phone", "Phone."),
)
_NOT_ASKED = "not asked for, or nobody was named"


def _order_rows(order: Order) -> Iterator[Row]:
    lines = order.order_lines
    yield (
        *_head(order),
        order.language,
        order.discount_in_cents,
        order.grand_total_in_cents,
        sum(payment.amount_in_cents for payment in order.payments),
        len(lines),
        sum(len(line.tickets) for line in lines),
        sum(line.total_count_people for line in lines),
        order.tags,
        order.promocode,
        order.promocode_name,
        order.note,
        *_customer_cells(order.customer),
    )


def _customer_cells(customer: OrderCustomer | None) -> Row:
    if customer is None:
        return (None,) * (len(_CUSTOMER) + 2)
    values = [getattr(customer, name) for name, _ in _CUSTOMER]
    values[1] = None if customer.title is None else customer.title.value
    return (*values, customer.accepts_marketing, _local(customer.double_opt_in_confirmed_at))


ORDERS: Table[Order] = Table(
    name="orders",
    columns=(
        *_ORDER_COLUMNS,
        Column("language", _WORD, "ISO 639-1."),
        Column("discount_in_cents", _CENTS, "Discount in all."),
        Column("grand_total_in_cents", _CENTS, "Lines, shipping fee and discounts together."),
        Column("paid_in_cents", _CENTS, "All payments together; 0 without any."),
        Column("line_count", _INTEGER, "Lines: see the table of lines."),
        Column("ticket_count", _INTEGER, "Tickets: see the table of tickets."),
        Column("people_count", _INTEGER, "Persons its lines admit."),
        Column("tags", _TEXTS, "Tags; an empty list without any."),
        Column("promocode", _TEXT, "Code that was used.", null="none"),
        Column("promocode_name", _TEXT, "Its internal name.", null="none"),
        Column("note", _TEXT, "Notes; empty without any.", is_private=True),
        *(
            Column(f"customer_{name}", _TEXT, meaning, null=_NOT_ASKED, is_private=True)
            for name, meaning in _CUSTOMER
        ),
        Column(
            "customer_accepts_marketing",
            _BOOL,
            "Agreed to be written to.",
            null=_NOT_ASKED,
            is_private=True,
        ),
        Column(
            "customer_double_opt_in_confirmed_at",
            _LOCAL,
            "When that was confirmed.",
            null="it was not, or nobody was named",
            is_private=True,
        ),
    ),
    rows=_order_rows,
)
"""One row for each order, with its customer."""

_LINE_COLUMNS = (
    Column("line", _INTEGER, "Number of the line in its order, from 1."),
    Column("product_id", _WORD, "Event or admission."),
    Column("product_name", _WORD, "Its name."),
    Column("starts_at", _LOCAL, "Start of the slot.", null="an admission without a date"),
    Column("ticket_type_id", _WORD, "Ticket type; not known to be the same as a `category_id`."),
    Column("ticket_type_name", _WORD, "Its name."),
    Column("unit_price_in_cents", _CENTS, "Price of one.", null="the server sent none"),
)


def _line_cells(number: int, line: OrderLine) -> Row:
    return (
        number,
        line.product_id,
        line.name,
        _local(line.starts_at),
        line.ticket_type_id,
        line.ticket_type_name,
        line.unit_price_in_cents,
    )


def _line_rows(order: Order) -> Iterator[Row]:
    head = _head(order)
    for number, line in enumerate(order.order_lines, 1):
        yield (
            *head,
            *_line_cells(number, line),
            line.quantity,
            line.total_price_in_cents,
            line.total_count_people,
            len(line.tickets),
            line.tags,
        )


ORDER_LINES: Table[Order] = Table(
    name="lines",
    columns=(
        *_ORDER_COLUMNS,
        *_LINE_COLUMNS,
        Column("quantity", _INTEGER, "How many."),
        Column("total_price_in_cents", _CENTS, "Quantity times price."),
        Column("total_count_people", _INTEGER, "Persons it admits."),
        Column("ticket_count", _INTEGER, "Tickets: see the table of tickets."),
        Column("tags", _TEXTS, "Tags; an empty list without any."),
    ),
    rows=_line_rows,
)
"""One row for each line of each order. It names no customer."""


def _ticket_rows(order: Order) -> Iterator[Row]:
    head = _head(order)
    for number, line in enumerate(order.order_lines, 1):
        for ticket in line.tickets:
            answers = [
                {"name": answer.name, "type": answer.type, "value": answer.value}
                for answer in ticket.answers
            ]
            yield (
                *head,
                *_line_cells(number, line),
                ticket.number,
                ticket.count_people,
                json.dumps(answers, ensure_ascii=False) if answers else None,
            )


TICKETS: Table[Order] = Table(
    name="tickets",
    columns=(
        *_ORDER_COLUMNS,
        *_LINE_COLUMNS,
        Column("ticket_number", _TEXT, "19 digits, as in the QR code.", is_private=True),
        Column("count_people", _INTEGER, "Persons it admits."),
        Column(
            "answers",
            _TEXT,
            "Answers to the questions on it, as a JSON array.",
            null="none",
            is_private=True,
        ),
    ),
    rows=_ticket_rows,
)
"""One row for each ticket of each order. Whoever has its number can go in."""


def _payment_rows(order: Order) -> Iterator[Row]:
    head = _head(order)
    for payment in order.payments:
        yield (
            *head,
            payment.payment_id,
            payment.name,
            payment.amount_in_cents,
            payment.is_complimentary,
        )


PAYMENTS: Table[Order] = Table(
    name="payments",
    columns=(
        *_ORDER_COLUMNS,
        Column("payment_id", _WORD, "Payment."),
        Column("payment_name", _WORD, "How it was paid."),
        Column("amount_in_cents", _CENTS, "Amount."),
        Column("is_complimentary", _BOOL, "Nothing was paid."),
    ),
    rows=_payment_rows,
)
"""One row for each payment of each order."""
