"""Bookings: the confirmed order, and its cancellation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from eguma_async.core.errors import ConfigurationError, OutcomeUnknownError
from eguma_async.core.journal import (
    ClientRefConflictError,
    Entry,
    Intent,
    LatePolicy,
    OnRecovered,
    Recovery,
    State,
)
from eguma_async.core.messages import Timeouts

from .booking_models import (
    BookedTicket,
    Booking,
    CancelledBooking,
    CancelledTicket,
    Customer,
)
from .booking_operations import BookTickets, CancelBooking
from .items import TicketItem, as_tuple
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
        client_ref: str | None = None,
        book_by: datetime | None = None,
        late: LatePolicy = LatePolicy.DISCOVER,
        new_generation: bool = False,
        timeouts: Timeouts | None = None,
    ) -> Booking:
        """Book tickets: create the confirmed order. Take the payment first.

        Every attempt carries the same key and the same bytes, so a lost reply cannot book twice.

        The server keeps its answer under the key for 72 hours, a refusal too, and repeats it
        whatever has changed since. An error whose `StatusError.replayed` is True is such a
        repetition: the reason may be gone. If you know that the refusal is final, try again with
        a new key; if an earlier try may have booked, call `reconcile` first.

        With a journal it is written down before it leaves, and what came of it when that is known.
        Ask again under the same `client_ref`, from this process or another, and you get the same
        booking: it is sent again with the same key, or read from the journal. Cancelling the wait
        does not end it; `recover` finishes what a crash has left.

        Args:
            product_id: Id of an active product.
            starts_at: The slot's own `starts_at`; for a day slot a date will do.
            items: At least one, each category once; exactly those held, if there is a hold.
            customer: Who buys.
            reservation_id: A hold to consume.
            language: ISO 639-1 language of the tickets, one of the product's; the merchant's
                default if not given.
            idempotency_key: Your own key for this booking, kept for 72 hours by the server; a
                UUID4 if not given. Give it again to resume a booking whose outcome is unknown. With
                a journal it need not be given: it follows from the `client_ref`.
            client_ref: Your own name for this booking, such as the number of the order: the same
                for every try, and for nothing else. Needs a journal. Put nothing in it that tells
                who the customer is.
            book_by: Until when a recovery may still book it, aware; 15 minutes from now if not
                given.
            late: What a recovery does after that.
            new_generation: Book anew what was refused, was not made, or was cancelled since.
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
            ClientRefConflictError: The `client_ref` stands for something else, or has ended.
            JournalError: The journal cannot be used. Nothing was sent by this call; if its
                `outcome_unknown` is True, an earlier one may have.
        """
        operation = BookTickets(
            reservation_id=reservation_id,
            product_id=product_id,
            starts_at=starts_at,
            items=as_tuple(items),
            customer=customer,
            language=language,
        )
        intent = Intent(
            client_ref=client_ref, book_by=book_by, late=late, new_generation=new_generation
        )
        return await self._session.send(
            operation, idempotency_key=idempotency_key, timeouts=timeouts, intent=intent
        )

    async def recover(
        self,
        *,
        wait: bool = True,
        client_ref: str | None = None,
        on_recovered: OnRecovered | None = None,
    ) -> Recovery:
        """Bring what the journal holds of bookings and cancellations to its end.

        Call it when your service starts, and from time to time. What may have been sent is sent
        again with the same key and the same bytes, within 48 hours and until its `book_by`;
        after that it is looked for in the list of orders. Nothing is booked under a new key. What
        another process works on is left to it.

        Args:
            wait: Wait a minute for a second look, if the list does not show a booking: it may lag
                behind. Without it, another recovery takes that look.
            client_ref: Only what was asked for under this reference.
            on_recovered: Called after each entry.

        Raises:
            ConfigurationError: The session has no journal.
            JournalError: The journal cannot be used.
        """
        return await self._session.recover(
            BookTickets,
            CancelBooking,
            wait=wait,
            client_ref=client_ref,
            on_recovered=on_recovered,
        )

    async def entry(self, client_ref: str) -> Entry | None:
        """Return what the journal knows of a booking; None if nothing. It sends nothing.

        Raises:
            ConfigurationError: The session has no journal.
            JournalError: The journal cannot be used.
        """
        return await self._session.entry(BookTickets, client_ref)

    async def cancel(
        self,
        booking_id: str | None = None,
        *,
        client_ref: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> CancelledBooking:
        """Cancel a booking with all of its tickets. Money is not refunded by this.

        With a journal it is written down before it leaves, and a recovery finishes it.

        Args:
            booking_id: `Booking.booking_id`.
            client_ref: Instead of it, the reference the booking was made under: if it is not known
                yet what came of that, it is found out first.
            timeouts: Limits of each attempt of this call.

        Raises:
            InvalidRequestError: Already cancelled, already begun, or a ticket is checked in.
            NotFoundError: Unknown, or made by another user's key.
            ClientRefConflictError: Under `client_ref` no booking was made.
            ResultMismatchError: The server says that it cancelled another booking.
            OutcomeUnknownError: It may have been cancelled; so after a `ServerError` or a
                `DecodingError` whose `outcome_unknown` is True. Or it is not known yet whether it
                was booked under `client_ref`, and nothing was cancelled.
        """
        if client_ref is not None:
            if booking_id is not None:
                raise ConfigurationError("pass either booking_id or client_ref, not both")
            booking_id = await self._booked_under(client_ref)
        operation = CancelBooking(booking_id=booking_id)  # type: ignore[arg-type]  # it refuses None
        return await self._session.send(operation, timeouts=timeouts)

    async def _booked_under(self, client_ref: str) -> str:
        """Return the id of the booking that was made under a reference.

        Raises:
            ClientRefConflictError: None was, or its id was erased.
            OutcomeUnknownError: That is not known yet.
        """
        entry = await self.entry(client_ref)
        if entry is not None and entry.state.is_open:
            await self.recover(client_ref=client_ref)
            entry = await self.entry(client_ref)
        if entry is not None and entry.state.is_open:
            unknown = OutcomeUnknownError(
                "it is not known yet whether it was booked: cancel it again later",
                operation=CancelBooking.name(),
            )
            unknown.client_ref = client_ref
            raise unknown
        is_made = entry is not None and entry.state is State.CONFIRMED
        booking_id = (entry.result or {}).get("booking_id") if entry and is_made else None
        if booking_id is None:
            raise ClientRefConflictError(
                "it was booked, but its id is not known here: cancel it by its booking_id"
                if is_made
                else "no booking is known under this client_ref",
                entry=entry,
                client_ref=client_ref,
            )
        return str(booking_id)

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
