"""Bookings: the confirmed order, and its cancellation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import (
    ConfigurationError,
    EgumaError,
    NotFoundError,
    OutcomeUnknownError,
    StatusError,
)
from eguma_async.core.listing import Listing
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.operation import Operation, ResponseContext, Send

from .booking_models import (
    BookedTicket,
    Booking,
    BookTickets,
    CancelledBooking,
    CancelledTicket,
    Customer,
)
from .items import TicketItem, as_tuple
from .matching import member, require_same, same_id
from .orders import ListOrders, Order, OrderStatus
from .reconciling import CLOCK_SKEW, BookingSearch, Window, search

if TYPE_CHECKING:
    from eguma_async.core.session import Session

__all__ = [
    "BookTickets",
    "BookedTicket",
    "Booking",
    "Bookings",
    "CancelBooking",
    "CancelledBooking",
    "CancelledTicket",
    "Customer",
]


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

    def complete(self, value: CancelledBooking, context: ResponseContext, /) -> CancelledBooking:
        """Check that the right booking was cancelled. How many tickets it had is not known here.

        Raises:
            ResultMismatchError: It is another one.
        """
        require_same("booking_id", self.booking_id, value.booking_id, value)
        return value

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
            raise self._unknown("the order list cannot be read to find out", refusal)
        order = next((order for order in orders if same_id(order.id, self.booking_id)), None)
        if order is None and self._may_be_unreadable(orders):
            raise self._unknown("its row in the order list cannot be read", refusal)
        if order is None and not isinstance(refusal, NotFoundError):
            raise self._unknown("the order list does not show it yet", refusal)
        if order is None or order.status != OrderStatus.CANCELLED:
            raise refusal
        return _as_cancelled(order)

    def _may_be_unreadable(self, orders: Listing[Order]) -> bool:
        """Tell whether an unreadable row may be ours; those of other bookings do not matter."""
        ids = (member(each.raw, "id") for each in orders.unreadable)
        return any(not isinstance(i, str) or same_id(i, self.booking_id) for i in ids)

    def _unknown(self, why: str, refusal: StatusError) -> OutcomeUnknownError:
        return OutcomeUnknownError(
            f"refused, but an earlier attempt may have cancelled it, and {why}", refusal=refusal
        )


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


def _aware(name: str, moment: object) -> datetime:
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise ConfigurationError(
            f"{name} must be a datetime with a time zone, such as datetime.now(UTC)"
        )
    return moment.astimezone(UTC)


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
        timeouts: Timeouts | None = None,
    ) -> Booking:
        """Book tickets: create the confirmed order. Take the payment first.

        Every attempt carries the same key and the same bytes, so a lost reply cannot book twice.

        The server keeps its answer under the key for 72 hours, a refusal too, and repeats it
        whatever has changed since. An error whose `StatusError.replayed` is True is such a
        repetition: the reason may be gone. If you know that the refusal is final, try again with
        a new key; if an earlier try may have booked, call `reconcile` first.

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
            timeouts: Limits of each attempt of this call.

        Raises:
            InvalidRequestError: Sold out, past the cut-off, hold expired, language not offered.
            NotFoundError: Product or hold unknown.
            AccessDeniedError: The product is not enabled for this key.
            IdempotencyMismatchError: The key was used with another booking.
            ResultMismatchError: It was booked, but with other tickets than asked for: the booking
                is its `result`, with the key it was made with.
            OutcomeUnknownError: It may have been booked; `idempotency_key` on the error resumes it.
            ServerError: The same, after answers with 5xx; its `outcome_unknown` is True. If
                resuming only repeats it, `reconcile` finds out.
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
        return await self._session.send(
            operation, idempotency_key=idempotency_key, timeouts=timeouts
        )

    async def cancel(
        self, booking_id: str, *, timeouts: Timeouts | None = None
    ) -> CancelledBooking:
        """Cancel a booking with all of its tickets. Money is not refunded by this.

        Args:
            booking_id: `Booking.booking_id`.
            timeouts: Limits of each attempt of this call.

        Raises:
            InvalidRequestError: Already cancelled, already begun, or a ticket is checked in.
            NotFoundError: Unknown, or made by another user's key.
            ResultMismatchError: The server says that it cancelled another booking.
            OutcomeUnknownError: It may have been cancelled; so after a `ServerError` or a
                `DecodingError` whose `outcome_unknown` is True.
        """
        return await self._session.send(CancelBooking(booking_id=booking_id), timeouts=timeouts)

    async def reconcile(
        self,
        *,
        product_id: str,
        starts_at: datetime | date,
        items: Iterable[TicketItem],
        customer: Customer,
        began_at: datetime,
        ended_at: datetime | None = None,
        other_bookings: Iterable[str] = (),
        timeouts: Timeouts | None = None,
    ) -> BookingSearch:
        """Find out by the list of orders whether a booking was made.

        This is for a booking that cannot be resumed with its key: the server keeps an error under
        it, or the 72 hours are over. The list does not tell the key, so the order is recognised by
        its customer, product, start and quantities, and by when it was made. If nothing is found
        at once, the list is read again after 2, 5 and 15 seconds, as it may lag behind.

        Args:
            product_id: As it was to be booked.
            starts_at: The same.
            items: The same. The list tells no categories, only how many tickets each line has.
            customer: The same.
            began_at: When it was first sent, by your clock, with a time zone.
            ended_at: When it was last sent; now if not given. An hour is added at either end, for
                clocks that are wrong.
            other_bookings: Ids of bookings you know to belong to other sales.
            timeouts: Limits of each attempt of each look.

        Returns:
            What was found: one order, none, or several that may be it. Nothing is guessed.

        Raises:
            ConfigurationError: A moment has no time zone, or another argument is malformed.
            AccessDeniedError: The key may not read the orders.
            EgumaError: The list cannot be read, so nothing is known.
        """
        wanted = BookTickets(
            product_id=product_id, starts_at=starts_at, items=as_tuple(items), customer=customer
        )
        window = Window(
            begins=_aware("began_at", began_at) - CLOCK_SKEW,
            ends=_aware("ended_at", ended_at or self._session.clock.now()) + CLOCK_SKEW,
        )
        if window.ends < window.begins:
            raise ConfigurationError("ended_at must not be before began_at")
        if isinstance(other_bookings, str):
            raise ConfigurationError("other_bookings must be several ids, not one text")
        others = frozenset(booking_id.casefold() for booking_id in other_bookings)
        return await search(self._session, wanted, window, others, timeouts)

    settle = reconcile
    """Another word for the same."""
