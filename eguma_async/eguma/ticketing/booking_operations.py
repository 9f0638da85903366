"""Bookings: what is asked for, and how it is taken up again after a crash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import (
    EgumaError,
    NotFoundError,
    OutcomeUnknownError,
    ResultMismatchError,
    StatusError,
)
from eguma_async.core.listing import Listing
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import ResponseContext, Send
from eguma_async.core.resumable import Found, Resumable
from eguma_async.eguma.checks import slot_start

from .booking_models import (
    BookedTicket,
    Booking,
    CancelledBooking,
    CancelledTicket,
    Customer,
)
from .items import TicketItem, as_tuple, check_items
from .matching import member, require_same, same_id
from .orders import ListOrders, Order, OrderStatus
from .reconciling import are_alike, booking_of, look

if TYPE_CHECKING:
    from eguma_async.core.looking import Looking
    from eguma_async.core.session import Session


@attrs.frozen(kw_only=True)
class CancelBooking(Resumable[CancelledBooking]):
    """Cancel a booking with all of its tickets.

    It may be sent again, as it names one booking and can hit nothing else.

    Source: article "Cancel Booking" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/ticketing/cancel-booking.json"
    REPEAT: ClassVar[Repeat] = Repeat.IDEMPOTENT
    KIND: ClassVar[str] = "cancellation"
    WAITS: ClassVar[bool] = False  # it is wanted however late it comes

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
        try:
            orders = await send(self._orders_since(began_at))
        except EgumaError:
            orders = None
        if orders is None:
            raise self._unknown("the order list cannot be read to find out", refusal)
        order = self._ours(orders)
        if order is None and self._may_be_unreadable(orders):
            raise self._unknown("its row in the order list cannot be read", refusal)
        if order is None and not isinstance(refusal, NotFoundError):
            raise self._unknown("the order list does not show it yet", refusal)
        if order is None or order.status != OrderStatus.CANCELLED:
            raise refusal
        return _as_cancelled(order)

    def _orders_since(self, began_at: datetime) -> ListOrders:
        # The zone of updated_at is unknown: UTC less an hour is early enough for any reading.
        since = began_at.astimezone(UTC).replace(tzinfo=None) - timedelta(hours=1)
        return ListOrders(updated_at_after=since)

    def _ours(self, orders: Listing[Order]) -> Order | None:
        return next((order for order in orders if same_id(order.id, self.booking_id)), None)

    def _may_be_unreadable(self, orders: Listing[Order]) -> bool:
        """Tell whether an unreadable row may be ours; those of other bookings do not matter."""
        ids = (member(each.raw, "id") for each in orders.unreadable)
        return any(not isinstance(i, str) or same_id(i, self.booking_id) for i in ids)

    def _unknown(self, why: str, refusal: StatusError) -> OutcomeUnknownError:
        return OutcomeUnknownError(
            f"refused, but an earlier attempt may have cancelled it, and {why}", refusal=refusal
        )

    # What a journal asks for

    def reference(self) -> str:
        """Return the id of the booking: cancelling it twice is the same as once."""
        return self.booking_id

    def remote_id(self, value: CancelledBooking, /) -> str:
        """Return the id of the booking."""
        return value.booking_id

    def is_done(self, value: CancelledBooking, /) -> bool:
        """Tell whether it is this booking that was cancelled."""
        return same_id(value.booking_id, self.booking_id)

    def record(self, value: CancelledBooking, /) -> dict[str, Any]:
        """Return what is kept of a cancellation."""
        return {
            "booking_id": value.booking_id,
            "booking_reference": value.booking_reference,
            "tickets": [ticket.ticket_number for ticket in value.cancelled_tickets],
        }

    @classmethod
    async def recall(cls, record: Mapping[str, Any], session: Session, /) -> CancelledBooking:
        """Return a cancellation that was kept."""
        return CancelledBooking(
            booking_id=record["booking_id"],
            booking_reference=record.get("booking_reference", ""),
            cancelled_tickets=tuple(
                CancelledTicket(ticket_number=number) for number in record.get("tickets", ())
            ),
        )

    @classmethod
    def noted(cls, value: CancelledBooking, /, *, persisted: bool) -> CancelledBooking:
        """Say with a cancellation whether the journal has it."""
        return attrs.evolve(value, persisted=persisted)

    async def look_up(self, looking: Looking, /) -> Found[CancelledBooking]:
        """Look whether the list of orders shows it as cancelled."""
        orders = await looking.session.send(self._orders_since(looking.began_at))
        order = self._ours(orders)
        if order is None and self._may_be_unreadable(orders):
            return Found(candidates=(self.booking_id,))
        if order is None or order.status != OrderStatus.CANCELLED:
            return Found()
        return Found(value=_as_cancelled(order))


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


@attrs.frozen(kw_only=True)
class BookTickets(Resumable[Booking]):
    """Create the confirmed order and issue its tickets.

    Source: article "Book Tickets" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/ticketing/booking.json"
    REPEAT: ClassVar[Repeat] = Repeat.KEYED
    KIND: ClassVar[str] = "booking"

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

    # What a journal asks for

    def remote_id(self, value: Booking, /) -> str:
        """Return the id of the booking."""
        return value.booking_id

    def record(self, value: Booking, /) -> dict[str, Any]:
        """Return what is kept of a booking."""
        return {
            "booking_id": value.booking_id,
            "booking_reference": value.booking_reference,
            "language": value.language,
            "idempotency_key": value.idempotency_key,
            "tickets": [attrs.asdict(ticket) for ticket in value.tickets],
        }

    @classmethod
    async def recall(cls, record: Mapping[str, Any], session: Session, /) -> Booking:
        """Return a booking that was kept; one that a person has resolved may lack its tickets."""
        return Booking(
            booking_id=record["booking_id"],
            booking_reference=record.get("booking_reference", ""),
            tickets=tuple(BookedTicket(**ticket) for ticket in record.get("tickets", ())),
            language=record.get("language"),
            replayed=True,
            idempotency_key=record.get("idempotency_key"),
        )

    @classmethod
    def noted(cls, value: Booking, /, *, persisted: bool) -> Booking:
        """Say with a booking whether the journal has it."""
        return attrs.evolve(value, persisted=persisted)

    def is_like(self, other: Resumable[Any], /) -> bool:
        """Tell whether another booking looks the same in the list of orders."""
        return isinstance(other, BookTickets) and are_alike(self, other)

    async def look_up(self, looking: Looking, /) -> Found[Booking]:
        """Look for it in the list of orders, which tells no key."""
        found = await look(looking, self)
        order = found.order
        if order is None or order.status == OrderStatus.CANCELLED:
            some = (*found.orders, *found.similar)
            unreadable = (str(member(each.raw, "id")) for each in found.unreadable)
            return Found(candidates=(*(each.id for each in some), *unreadable))
        return Found(value=booking_of(order, self.items))

    @classmethod
    def undo(cls, record: Mapping[str, Any], /) -> CancelBooking | None:
        """Return the cancellation of the booking."""
        booking_id = record.get("booking_id")
        return None if booking_id is None else CancelBooking(booking_id=booking_id)

    @classmethod
    def was_there_before(cls, value: Booking, /) -> bool:
        """Tell whether the server has marked it as a repetition."""
        return value.replayed


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
