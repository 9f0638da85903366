"""Bookings: the confirmed order, and its cancellation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import EgumaError, NotFoundError, OutcomeUnknownError, StatusError
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, ResponseContext, Send

from .items import TicketItem, as_tuple, check_items
from .orders import ListOrders, Order, OrderStatus

if TYPE_CHECKING:
    from eguma_async.core.session import Session


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
    replayed: bool = False
    idempotency_key: str | None = None


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
    starts_at: datetime | date = attrs.field(validator=checks.wall_clock)
    items: tuple[TicketItem, ...] = attrs.field(converter=as_tuple, validator=check_items)
    customer: Customer = attrs.field(validator=checks.instance_of(Customer, "a Customer"))
    language: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(checks.text)
    )

    def complete(self, value: Booking, context: ResponseContext, /) -> Booking:
        """Add the key and whether the answer is a repetition."""
        return attrs.evolve(
            value, replayed=context.replayed, idempotency_key=context.idempotency_key
        )


@attrs.frozen(kw_only=True)
class CancelBooking(Operation[CancelledBooking]):
    """Cancel a booking with all of its tickets.

    It may be sent again, as it names one booking and can hit nothing else.

    Source: article "Cancel Booking" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/ticketing/cancel-booking.json"
    REPEAT: ClassVar[Repeat] = Repeat.IDEMPOTENT

    booking_id: str = attrs.field(validator=checks.identifier)

    async def reconcile(
        self, refusal: StatusError, send: Send, began_at: datetime, /
    ) -> CancelledBooking:
        """Look the order up: a refusal may mean that the attempt before it did cancel."""
        # The zone of updated_at is unknown: UTC less an hour is early enough for any reading.
        since = began_at.astimezone(UTC).replace(tzinfo=None) - timedelta(hours=1)
        try:
            orders = await send(ListOrders(updated_at_after=since))
        except EgumaError:
            orders = None
        if orders is None:
            raise OutcomeUnknownError(
                "refused, but an earlier attempt may have cancelled it, and the order list"
                " cannot be read to find out",
                refusal=refusal,
            )
        order = next((order for order in orders if order.id == self.booking_id), None)
        if order is None and not isinstance(refusal, NotFoundError):
            raise OutcomeUnknownError(
                "refused, but an earlier attempt may have cancelled it, and the order list does"
                " not show it yet",
                refusal=refusal,
            )
        if order is None or order.status != OrderStatus.CANCELLED:
            raise refusal
        return _as_cancelled(order)


def _as_cancelled(order: Order) -> CancelledBooking:
    return CancelledBooking(
        booking_id=order.id,
        booking_reference=order.order_number,
        cancelled_tickets=tuple(
            CancelledTicket(ticket_number=ticket.number)
            for line in order.order_lines
            for ticket in line.tickets
        ),
    )


class Bookings:
    """``session.ticketing.bookings``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self,
        *,
        product_id: str,
        starts_at: datetime | date,
        items: Iterable[TicketItem],
        customer: Customer,
        reservation_id: str | None = None,
        language: str | None = None,
        idempotency_key: str | None = None,
    ) -> Booking:
        """Book tickets: create the confirmed order. Take the payment first.

        Every attempt carries the same key and the same bytes, so a lost reply cannot book twice.

        Args:
            product_id: Id of an active product.
            starts_at: The slot's own `starts_at`; for a day slot a date will do.
            items: At least one, each category once; exactly those held, if there is a hold.
            customer: Who buys.
            reservation_id: A hold to consume.
            language: ISO 639-1 language of the tickets, one of the product's; the merchant's
                default if not given.
            idempotency_key: Your own key for this booking, kept for 72 hours by the server; a
                UUID4 if not given. Give it again to resume a booking whose outcome is unknown.

        Raises:
            InvalidRequestError: Sold out, past the cut-off, hold expired, language not offered.
            NotFoundError: Product or hold unknown.
            AccessDeniedError: The product is not enabled for this key.
            IdempotencyMismatchError: The key was used with another booking.
            OutcomeUnknownError: It may have been booked; `idempotency_key` on the error resumes it.
            ServerError: The same, after answers with 5xx; its `outcome_unknown` is True.
            DecodingError: It was booked, but the answer cannot be read; resume it likewise.
        """
        operation = BookTickets(
            reservation_id=reservation_id,
            product_id=product_id,
            starts_at=starts_at,
            items=as_tuple(items),
            customer=customer,
            language=language,
        )
        return await self._session.send(operation, idempotency_key=idempotency_key)

    async def cancel(self, booking_id: str) -> CancelledBooking:
        """Cancel a booking with all of its tickets. Money is not refunded by this.

        Raises:
            InvalidRequestError: Already cancelled, already begun, or a ticket is checked in.
            NotFoundError: Unknown, or made by another user's key.
            OutcomeUnknownError: It may have been cancelled; so after a `ServerError` or a
                `DecodingError` whose `outcome_unknown` is True.
        """
        return await self._session.send(CancelBooking(booking_id=booking_id))
