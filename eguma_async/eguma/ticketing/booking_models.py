"""Bookings: who buys, and what comes back."""

from __future__ import annotations

import attrs

from eguma_async.core import checks
from eguma_async.core.fields import LOCAL


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
        category_id: The person category it is for. Empty if the booking was found in the list of
            orders, which does not tell it, and it cannot be concluded from the quantities.
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
        persisted: True if the journal has it; False if it could not be written there, so that
            only this object tells of it; None without a journal.
    """

    booking_id: str
    booking_reference: str
    tickets: tuple[BookedTicket, ...]
    language: str | None = None
    replayed: bool = attrs.field(default=False, metadata=LOCAL)
    idempotency_key: str | None = attrs.field(default=None, metadata=LOCAL)
    persisted: bool | None = attrs.field(default=None, metadata=LOCAL)


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
        persisted: As that of a `Booking`.
    """

    booking_id: str
    booking_reference: str
    cancelled_tickets: tuple[CancelledTicket, ...]
    persisted: bool | None = attrs.field(default=None, metadata=LOCAL)
