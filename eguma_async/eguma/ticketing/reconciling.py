"""What became of a booking whose answer cannot be had: it is looked for among the orders.

An order tells no idempotency key. It is recognised by what the list does tell; where that fits
more than one order, or one but for a detail, the caller is told so, and nothing is guessed.
"""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from eguma_async.core.listing import Listing, UnreadableElement
from eguma_async.core.messages import Timeouts
from eguma_async.eguma.merchant_time import in_utc, readings

from .booking_models import BookedTicket, Booking, Customer
from .items import TicketItem
from .matching import member, same_id
from .orders import ListOrders, Order, OrderCustomer, OrderLine
from .starts import same_start

if TYPE_CHECKING:
    from eguma_async.core.looking import Looking
    from eguma_async.core.session import Session


PAUSES = (0.0, 2.0, 5.0, 15.0)
"""Seconds before each look; an order may show only some time after it was made."""
CLOCK_SKEW = timedelta(hours=1)
"""How far the server's clock may be from ours."""


class Wanted(Protocol):
    """What was to be booked."""

    @property
    def product_id(self) -> str:
        """The product."""
        ...

    @property
    def starts_at(self) -> datetime | date:
        """The slot's start."""
        ...

    @property
    def items(self) -> tuple[TicketItem, ...]:
        """How many of each category."""
        ...

    @property
    def customer(self) -> Customer:
        """Who buys."""
        ...


class BookingOutcome(enum.Enum):
    """What the list of orders tells of a booking."""

    FOUND = "found"
    """It was made."""
    NOT_FOUND = "not found"
    """No order is it, as far as the list goes."""
    AMBIGUOUS = "ambiguous"
    """It cannot be told: a person has to look."""


@attrs.frozen(kw_only=True)
class BookingSearch:
    """What was found of a booking in the list of orders.

    Attributes:
        orders: Orders that agree in everything: customer, product, start, quantities and time. One
            may have been cancelled since: its `Order.status` tells.
        similar: Orders of the same product, start and time by the same person that differ in the
            quantities or in a part of the name or address.
        unreadable: Rows of the list that may be the order, but cannot be read.
    """

    orders: tuple[Order, ...] = ()
    similar: tuple[Order, ...] = ()
    unreadable: tuple[UnreadableElement, ...] = ()

    @property
    def outcome(self) -> BookingOutcome:
        """Whether the booking was made, as far as that can be told."""
        if len(self.orders) == 1 and not self.unreadable:
            return BookingOutcome.FOUND
        if self.orders or self.similar or self.unreadable:
            return BookingOutcome.AMBIGUOUS
        return BookingOutcome.NOT_FOUND

    @property
    def order(self) -> Order | None:
        """The order, if there is no doubt that it is the one. Its `id` is the booking's."""
        return self.orders[0] if self.outcome is BookingOutcome.FOUND else None


@attrs.frozen(kw_only=True)
class Window:
    """When a booking may have been made.

    Attributes:
        begins: Aware.
        ends: Aware.
    """

    begins: datetime
    ends: datetime

    def may_hold(self, created_at: datetime) -> bool:
        """Tell whether a moment lies in it, in whichever zone it was written."""
        if created_at.tzinfo is not None:
            moments: tuple[datetime, ...] = (in_utc(created_at),)
        else:
            moments = (*readings(created_at), created_at.replace(tzinfo=UTC))
        return any(self.begins <= moment <= self.ends for moment in moments)


async def search(
    session: Session,
    wanted: Wanted,
    window: Window,
    others: frozenset[str],
    timeouts: Timeouts | None,
) -> BookingSearch:
    """Look for a booking until something is found, four times at most.

    Args:
        session: Reads the list.
        wanted: What was to be booked.
        window: When it was sent.
        others: Ids of orders that are not it, in lower case.
        timeouts: Limits of each attempt of each look.
    """
    found = BookingSearch()
    for pause in PAUSES:
        if pause:
            await session.clock.sleep(pause)
        orders = await session.send(_orders_in(window), timeouts=timeouts)
        found = _among(orders, wanted, window, others)
        if found.outcome is not BookingOutcome.NOT_FOUND:
            break
    return found


async def look(looking: Looking, wanted: Wanted) -> BookingSearch:
    """Look for a booking once, among the orders that no other entry of the journal stands for."""
    window = Window(begins=looking.began_at - CLOCK_SKEW, ends=looking.ended_at + CLOCK_SKEW)
    orders = await looking.session.send(_orders_in(window))
    found = _among(orders, wanted, window, frozenset())
    near = (order.id for order in (*found.orders, *found.similar))
    taken = frozenset([i.casefold() for i in near if await looking.is_taken(i)])
    return _among(orders, wanted, window, taken) if taken else found


def are_alike(one: Wanted, other: Wanted) -> bool:
    """Tell whether the list of orders cannot tell two bookings apart: neither hold nor language."""
    return (
        same_id(one.product_id, other.product_id)
        and same_start(one.starts_at, other.starts_at)
        and sorted(item.quantity for item in one.items)
        == sorted(item.quantity for item in other.items)
        and all(_agreement(one.customer, other.customer))
    )


def booking_of(order: Order, items: tuple[TicketItem, ...]) -> Booking:
    """Return the booking that an order is, as far as the list tells it.

    It tells no category. Where the quantities are all different, each line can only be one.
    """
    quantities = [item.quantity for item in items]
    is_clear = len(set(quantities)) == len(quantities)
    categories = {item.quantity: item.category_id for item in items} if is_clear else {}
    return Booking(
        booking_id=order.id,
        booking_reference=order.order_number,
        tickets=tuple(
            BookedTicket(ticket_number=ticket.number, category_id=categories.get(line.quantity, ""))
            for line in order.order_lines
            for ticket in line.tickets
        ),
        language=order.language,
        replayed=True,
    )


def _orders_in(window: Window) -> ListOrders:
    # By the UTC clock, which no merchant is behind of: the zone of the list's times is unknown.
    return ListOrders(updated_at_after=window.begins.astimezone(UTC).replace(tzinfo=None))


def _among(
    orders: Listing[Order], wanted: Wanted, window: Window, others: frozenset[str]
) -> BookingSearch:
    near = [
        order
        for order in orders
        if order.id.casefold() not in others
        and window.may_hold(order.created_at)
        and _is_near(order, wanted)
    ]
    exact = [order for order in near if _is_exact(order, wanted)]
    unreadable = (each for each in orders.unreadable if _may_be(each.raw, wanted.customer, others))
    return BookingSearch(
        orders=tuple(exact),
        similar=tuple(order for order in near if order not in exact),
        unreadable=tuple(unreadable),
    )


def _is_near(order: Order, wanted: Wanted) -> bool:
    """Tell whether the person, the product and the start are the same."""
    if order.customer is None:
        return False
    first_name, last_name, email = _agreement(order.customer, wanted.customer)
    lines = any(
        same_id(line.product_id, wanted.product_id)
        and (line.starts_at is None or same_start(line.starts_at, wanted.starts_at))
        for line in order.order_lines
    )
    return lines and (email or (first_name and last_name))


def _is_exact(order: Order, wanted: Wanted) -> bool:
    lines = order.order_lines
    quantities = sorted(line.quantity for line in lines)
    return (
        order.customer is not None
        and all(_agreement(order.customer, wanted.customer))
        and all(_is_of(line, wanted) for line in lines)
        and quantities == sorted(item.quantity for item in wanted.items)
    )


def _is_of(line: OrderLine, wanted: Wanted) -> bool:
    return (
        same_id(line.product_id, wanted.product_id)
        and line.starts_at is not None
        and same_start(line.starts_at, wanted.starts_at)
    )


def _agreement(found: OrderCustomer | Customer, wanted: Customer) -> tuple[bool, bool, bool]:
    return (
        _same(found.first_name, wanted.first_name),
        _same(found.last_name, wanted.last_name),
        _same(found.email, wanted.email),
    )


def _same(found: object, wanted: str) -> bool:
    return isinstance(found, str) and found.strip().casefold() == wanted.strip().casefold()


def _may_be(raw: Any, customer: Customer, others: frozenset[str]) -> bool:
    """Tell whether an unreadable row may be the order: not if it names another person."""
    if str(member(raw, "id")).casefold() in others:
        return False
    person = member(raw, "customer")
    names, email = (member(person, "last_name"), member(person, "email"))
    known = [(names, customer.last_name), (email, customer.email)]
    told = [(found, wanted) for found, wanted in known if isinstance(found, str) and found]
    return not told or any(_same(found, wanted) for found, wanted in told)
