"""Orders and their tickets, and how they look in the list of orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import attrs

from .catalog import Category, Merchant, Product
from .local_time import seconds_text, wall_clock
from .options import EgumaOptions

OneSecond = timedelta(seconds=1)


@attrs.define(eq=False)
class Ticket:
    """One issued ticket. Times are aware, in UTC."""

    id: str
    number: str
    category: Category
    price_in_cents: int
    checked_in_at: datetime | None = None
    was_in: bool = False
    answers: tuple[Mapping[str, str | None], ...] = ()


@attrs.frozen(repr=False)
class Customer:
    """The person of an order. API bookings know names and e-mail only."""

    id: str
    first_name: str
    last_name: str
    email: str
    title: str | None = None
    company: str = ""
    street: str = ""
    zip: str = ""
    city: str = ""
    country: str = ""
    accepts_marketing: bool = False
    double_opt_in_confirmed_at: str | None = None
    phone: str = ""


@attrs.frozen
class Payment:
    """How a part of an order was paid."""

    payment_id: str
    name: str
    amount_in_cents: int
    is_complimentary: bool = False


@attrs.define(eq=False, kw_only=True)
class Order:
    """A booking of the API or an order of the web shop. Times are aware, in UTC.

    Attributes:
        user_id: User whose key booked it; None for orders of the shop.
    """

    id: str
    number: str
    merchant: Merchant
    product: Product
    starts_at: datetime
    tickets: tuple[Ticket, ...]
    language: str
    created_at: datetime
    updated_at: datetime
    location: Literal["web", "local"]
    customer: Customer | None
    user_id: str | None = None
    status: Literal["completed", "cancelled"] = "completed"
    payments: tuple[Payment, ...] = ()
    discount_in_cents: int = 0
    promocode: str | None = None
    promocode_name: str | None = None
    tags: tuple[str, ...] = ()
    note: str = ""

    def touch(self, now: datetime) -> None:
        """Move `updated_at`, at least to the next second: the list shows no fractions."""
        self.updated_at = max(now, self.updated_at + OneSecond)

    @property
    def grand_total_in_cents(self) -> int:
        """All tickets less the discount."""
        return sum(ticket.price_in_cents for ticket in self.tickets) - self.discount_in_cents


class OrderBook:
    """All orders of a sandbox."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self._by_ticket: dict[str, Order] = {}

    def add(self, order: Order) -> None:
        """Keep an order; its tickets can be found from now on."""
        self.orders[order.id] = order
        self._by_ticket.update((ticket.number, order) for ticket in order.tickets)

    def of_merchant(self, merchant: Merchant) -> tuple[Order, ...]:
        """Return a merchant's orders, oldest first."""
        return tuple(order for order in self.orders.values() if order.merchant is merchant)

    def with_ticket(self, number: str, merchant: Merchant) -> tuple[Order, Ticket] | None:
        """Return a merchant's ticket with its order, or None."""
        order = self._by_ticket.get(number)
        if order is None or order.merchant is not merchant:
            return None
        return order, next(ticket for ticket in order.tickets if ticket.number == number)


def order_json(order: Order, options: EgumaOptions) -> dict[str, Any]:
    """Return an order as an element of the list."""
    stamp = _stamper(options)
    customer = None if order.customer is None else attrs.asdict(order.customer)
    return {
        "id": order.id,
        "created_at": stamp(order.created_at),
        "updated_at": stamp(order.updated_at),
        "order_number": order.number,
        "status": order.status,
        "currency": order.merchant.currency,
        "language": order.language,
        "location": order.location,
        "discount_in_cents": order.discount_in_cents,
        "grand_total_in_cents": order.grand_total_in_cents,
        "promocode": order.promocode,
        "promocode_name": order.promocode_name,
        "customer": customer,
        "order_lines": _lines(order),
        "payments": [attrs.asdict(payment) for payment in order.payments],
        "tags": list(order.tags),
        "note": order.note,
    }


def ticket_json(order: Order, ticket: Ticket, options: EgumaOptions) -> dict[str, Any]:
    """Return the information about one ticket."""
    stamp = _stamper(options)
    checked_in_at = ticket.checked_in_at
    return {
        "id": ticket.id,
        "ticket_number": ticket.number,
        "created_at": stamp(order.created_at),
        "price_in_cents": ticket.price_in_cents,
        "is_checked_in": checked_in_at is not None,
        "checked_in_at": None if checked_in_at is None else stamp(checked_in_at),
        "event_or_admission_id": order.product.id,
    }


def _stamper(options: EgumaOptions) -> Callable[[datetime], str]:
    return lambda moment: seconds_text(wall_clock(moment, options.updated_at_zone))


def _lines(order: Order) -> list[dict[str, Any]]:
    by_category: dict[str, list[Ticket]] = {}
    for ticket in order.tickets:
        by_category.setdefault(ticket.category.id, []).append(ticket)
    return [_line(order, tickets) for tickets in by_category.values()]


def _line(order: Order, tickets: list[Ticket]) -> dict[str, Any]:
    first = tickets[0]
    return {
        "product_id": order.product.id,
        "name": order.product.name_translations.get(order.language, order.product.name),
        "starts_at": seconds_text(order.starts_at),
        "ticket_type_id": first.category.ticket_type_id,
        "ticket_type_name": first.category.name,
        "unit_price_in_cents": first.price_in_cents,
        "quantity": len(tickets),
        "total_price_in_cents": sum(ticket.price_in_cents for ticket in tickets),
        "total_count_people": len(tickets),
        "tags": [],
        "tickets": [
            {
                "number": ticket.number,
                "count_people": 1,
                "answers": [dict(answer) for answer in ticket.answers],
            }
            for ticket in tickets
        ],
    }
