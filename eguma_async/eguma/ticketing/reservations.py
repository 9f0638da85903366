"""Reservations: places held for 60 minutes while the customer pays."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.messages import Timeouts

from .expiry import HOLD as LENGTH
from .hold import Hold, HoldContext
from .items import TicketItem, as_tuple
from .reservation_models import CancelReservation, ReleasedReservation, Reservation, ReserveTickets

if TYPE_CHECKING:
    from eguma_async.core.session import Session

__all__ = [
    "CancelReservation",
    "Hold",
    "HoldContext",
    "ReleasedReservation",
    "Reservation",
    "Reservations",
    "ReserveTickets",
]


class Reservations:
    """``session.ticketing.reservations``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self,
        *,
        product_id: str,
        starts_at: datetime | date,
        items: Iterable[TicketItem],
        timeouts: Timeouts | None = None,
    ) -> Reservation:
        """Hold places for 60 minutes. `hold` does the same and releases them when left.

        Args:
            product_id: Id of an active product.
            starts_at: The slot's own `starts_at`; for a day slot a date will do.
            items: At least one, each category once.
            timeouts: Limits of the attempt.

        Raises:
            InvalidRequestError: Sold out, past the cut-off, no such slot or category.
            NotFoundError: The product is unknown, or another merchant's.
            AccessDeniedError: The product is not enabled for this key.
            OutcomeUnknownError: A hold may exist; it expires by itself after 60 minutes. So after
                any error whose `outcome_unknown` is True.
        """
        operation = ReserveTickets(
            product_id=product_id, starts_at=starts_at, items=as_tuple(items)
        )
        return await self._session.send(operation, timeouts=timeouts)

    async def cancel(
        self, reservation_id: str, *, timeouts: Timeouts | None = None
    ) -> ReleasedReservation:
        """Give held places back at once.

        Args:
            reservation_id: `Reservation.reservation_id`.
            timeouts: Limits of each attempt of this call.

        Raises:
            NotFoundError: Unknown, expired, released or booked already: nothing is held.
            ResultMismatchError: The server says that it released another hold.
        """
        operation = CancelReservation(reservation_id=reservation_id)
        return await self._session.send(operation, timeouts=timeouts)

    def hold(
        self,
        *,
        product_id: str,
        starts_at: datetime | date,
        items: Iterable[TicketItem],
        expected_total_in_cents: int | None = None,
        timeouts: Timeouts | None = None,
    ) -> HoldContext:
        """Hold places for the length of an ``async with`` block.

        Leaving the block without a booking gives them back, as well as that can be done in
        5 seconds; failing that, they expire by themselves. An error in the block is never masked.
        What cancels the block does not cancel the giving back, and closing the session waits for
        it.

        Args:
            product_id: Id of an active product.
            starts_at: The slot's own `starts_at`; for a day slot a date will do.
            items: At least one, each category once.
            expected_total_in_cents: What the customer was told it costs. The slot's prices are
                read again once the places are held, since the API's answer to a reservation names
                none. If the total has risen, or is not told any more, as by a server that leaves
                out a slot without a free place, the places are given back and entering fails. A
                total that has fallen is no error: look at `Hold.total_in_cents`.
            timeouts: Limits of each attempt of each call on entering and leaving.

        Raises:
            ConfigurationError: An argument is malformed.
            PriceChangedError: On entering, before any payment.
            EgumaError: On entering, as for `create`.
        """
        expected = expected_total_in_cents
        if expected is not None and (type(expected) is not int or expected < 0):
            raise ConfigurationError("expected_total_in_cents must be a whole number of cents")
        return HoldContext(
            self._session,
            ReserveTickets(product_id=product_id, starts_at=starts_at, items=as_tuple(items)),
            expected_total_in_cents=expected,
            timeouts=timeouts,
        )

    def resume(
        self,
        reservation_id: str,
        *,
        product_id: str,
        starts_at: datetime | date,
        items: Iterable[TicketItem],
        expires_at_utc: datetime,
    ) -> Hold:
        """Go on with a hold that was made before, by another process say. It sends nothing.

        A web shop holds in one request and is paid in another one. It stores what was held, the
        id, and `Hold.expires_at_utc`; nothing but `Hold.release` and time gives the places back.
        Book with a journal and a `client_ref`: what another process has booked is found there.

        Args:
            reservation_id: `Hold.reservation_id`.
            product_id: As it was held.
            starts_at: The same.
            items: The same.
            expires_at_utc: When it ends, aware. It may have passed.

        Raises:
            ConfigurationError: An argument is malformed.
        """
        CancelReservation(reservation_id=reservation_id)  # checks the id
        held = ReserveTickets(product_id=product_id, starts_at=starts_at, items=as_tuple(items))
        ends = expires_at_utc
        if not isinstance(ends, datetime) or ends.utcoffset() is None:
            raise ConfigurationError("expires_at_utc must be a datetime with a time zone")
        left = min(max(ends - self._session.clock.now(), timedelta(0)), LENGTH)
        reservation = Reservation(reservation_id=reservation_id, expires_at=ends)
        return Hold(self._session, held, reservation, left)
