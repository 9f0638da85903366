"""What is set aside and what is sold: holds, orders and their tickets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import attrs

from .catalog import Category, Merchant, Product

HOLD_TIME = timedelta(minutes=60)
ONE_SECOND = timedelta(seconds=1)

Items: TypeAlias = tuple[tuple[str, int], ...]
"""Category ids with their quantities, each category once, in the order of the request."""


def places(items: Items) -> int:
    """Return how many places the items take."""
    return sum(quantity for _, quantity in items)


@attrs.define(eq=False)
class Hold:
    """Places set aside for one user.

    Attributes:
        expires_at: When it ends by itself; aware, in UTC.
    """

    id: str
    user_id: str
    product: Product
    starts_at: datetime
    items: Items
    expires_at: datetime
    state: Literal["held", "cancelled", "booked"] = "held"

    def is_active(self, now: datetime) -> bool:
        """Tell whether the places are still set aside."""
        return self.state == "held" and now < self.expires_at


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
        self.updated_at = max(now, self.updated_at + ONE_SECOND)

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

    def find(self, id_or_number: str) -> Order | None:
        """Return an order by its id or its number, or None."""
        order = self.orders.get(id_or_number)
        if order is not None:
            return order
        numbered = (order for order in self.orders.values() if order.number == id_or_number)
        return next(numbered, None)

    def of_merchant(self, merchant: Merchant) -> tuple[Order, ...]:
        """Return a merchant's orders, oldest first."""
        return tuple(order for order in self.orders.values() if order.merchant is merchant)

    def with_ticket(self, number: str, merchant: Merchant) -> tuple[Order, Ticket] | None:
        """Return a merchant's ticket with its order, or None."""
        order = self._by_ticket.get(number)
        if order is None or order.merchant is not merchant:
            return None
        return order, next(ticket for ticket in order.tickets if ticket.number == number)
