"""Bookings: what is asked for and what comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import (
    ResultMismatchError,
)
from eguma_async.core.fields import LOCAL
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, ResponseContext
from eguma_async.eguma.checks import slot_start

from .items import TicketItem, as_tuple, check_items


@attrs.frozen
class Customer:
    """Who buys. It is in no ``repr``.

    Attributes:
        first_name: Not empty.
        last_name: Not empty.
        email: Not empty.
    """

    first_name: str = attrs.field(validator=checks.text, repr=False)
    last_name: str = attrs.field(validator=checks.text, repr=False)
    email: str = attrs.field(validator=checks.text, repr=False)


@attrs.frozen(kw_only=True)
class BookedTicket:
    """One ticket for one unit of quantity.

    Attributes:
        ticket_number: 19 digits, the payload of the QR code.
        category_id: The person category it is for.
    """

    ticket_number: str
    category_id: str


@attrs.frozen(kw_only=True)
class Booking:
    """A confirmed order. Its tickets are valid at once.

    Attributes:
        booking_id: Store it: it is what a cancellation needs.
        booking_reference: Order number for humans.
        tickets: One for each unit of quantity, in no promised order.
        language: ISO 639-1 language the tickets are rendered in; None from older servers.
        replayed: True if the server marked this answer as the repetition of an earlier one with
            the same key. False does not prove the opposite.
        idempotency_key: Key the booking was made with.
    """

    booking_id: str
    booking_reference: str
    tickets: tuple[BookedTicket, ...]
    language: str | None = None
    replayed: bool = attrs.field(default=False, metadata=LOCAL)
    idempotency_key: str | None = attrs.field(default=None, metadata=LOCAL)


@attrs.frozen(kw_only=True)
class CancelledTicket:
    """A ticket that is no longer valid.

    Attributes:
        ticket_number: As it was issued.
    """

    ticket_number: str


@attrs.frozen(kw_only=True)
class CancelledBooking:
    """A booking that was cancelled as a whole.

    Attributes:
        booking_id: The booking.
        booking_reference: Its order number.
        cancelled_tickets: All of its tickets.
    """

    booking_id: str
    booking_reference: str
    cancelled_tickets: tuple[CancelledTicket, ...]


@attrs.frozen(kw_only=True)
class BookTickets(Operation[Booking]):
    """Create the confirmed order and issue its tickets.

    Source: article "Book Tickets" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/ticketing/booking.json"
    REPEAT: ClassVar[Repeat] = Repeat.KEYED

    reservation_id: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(checks.identifier)
    )
    product_id: str = attrs.field(validator=checks.identifier)
    starts_at: datetime | date = attrs.field(validator=slot_start)
    items: tuple[TicketItem, ...] = attrs.field(converter=as_tuple, validator=check_items)
    customer: Customer = attrs.field(validator=checks.instance_of(Customer, "a Customer"))
    language: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(checks.text)
    )

    def complete(self, value: Booking, context: ResponseContext, /) -> Booking:
        """Add the key and whether the answer is a repetition, and count the tickets.

        Another language than the one asked for is no mismatch: the tickets are valid, and
        `Booking.language` tells.

        Raises:
            ResultMismatchError: The tickets are not those that were asked for.
        """
        booking = attrs.evolve(
            value, replayed=context.replayed, idempotency_key=context.idempotency_key
        )
        differences = ticket_differences(self.items, booking.tickets)
        if differences:
            raise ResultMismatchError(
                "booked, but not with the tickets that were asked for",
                result=booking,
                differences=differences,
            )
        return booking


def ticket_differences(
    items: Iterable[TicketItem], tickets: Iterable[BookedTicket]
) -> tuple[str, ...]:
    """Compare the tickets of a booking with what was to be booked: one for each unit of quantity.

    The lines name no ticket and no category of the server's: a ticket's number opens the gate.
    """
    tickets = tuple(tickets)
    given = Counter(ticket.category_id.casefold() for ticket in tickets)
    differences = []
    for item in items:
        count = given.pop(item.category_id.casefold(), 0)
        if count != item.quantity:
            asked = f"{item.quantity} asked for, {count} given"
            differences.append(f"category {item.category_id}: {asked}")
    if given:
        differences.append(f"other categories: none asked for, {given.total()} given")
    repeated = len(tickets) - len({ticket.ticket_number for ticket in tickets})
    if repeated:
        differences.append(f"ticket numbers: {repeated} of {len(tickets)} given before")
    return tuple(differences)
