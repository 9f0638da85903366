"""Reservations: places held for 60 minutes while the customer pays."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError, NotFoundError, StatusError
from eguma_async.core.fields import LOCAL
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.operation import Operation, ResponseContext, Send
from eguma_async.core.provider import http_date
from eguma_async.eguma.checks import slot_start

from .expiry import Expiry, expiry
from .hold import Hold, HoldContext
from .items import TicketItem, as_tuple, check_items
from .matching import require_same

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


@attrs.frozen(kw_only=True)
class Reservation:
    """Places held.

    Attributes:
        reservation_id: Id of the hold.
        expires_at: When the hold ends by itself, as the server wrote it: without zone.
        received_at: When the answer came, by the session's clock, aware, in UTC; None for an
            object made by hand.
        answered_at: The same by the server's clock, as its ``Date`` header says; None without one.
    """

    reservation_id: str
    expires_at: datetime
    received_at: datetime | None = attrs.field(default=None, metadata=LOCAL)
    answered_at: datetime | None = attrs.field(default=None, metadata=LOCAL)

    @property
    def expires_at_utc(self) -> datetime:
        """When the hold ends by itself, aware, in UTC."""
        return self._expiry.at

    @property
    def length(self) -> timedelta:
        """How long the hold lasts from the answer on: 60 minutes at most, by whichever clock."""
        return self._expiry.length

    @property
    def _expiry(self) -> Expiry:
        return expiry(self.expires_at, self.received_at, self.answered_at)


@attrs.frozen(kw_only=True)
class ReleasedReservation:
    """A hold that is gone.

    Attributes:
        reservation_id: Id of the hold.
    """

    reservation_id: str


@attrs.frozen(kw_only=True)
class ReserveTickets(Operation[Reservation]):
    """Hold places for 60 minutes.

    The API takes no idempotency key here, so a second request would hold a second time: it is
    not sent again once it may have arrived. A hold whose answer was lost expires by itself.

    Source: article "Reserve Tickets" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/ticketing/reservation.json"
    REPEAT: ClassVar[Repeat] = Repeat.ONCE

    product_id: str = attrs.field(validator=checks.identifier)
    starts_at: datetime | date = attrs.field(validator=slot_start)
    items: tuple[TicketItem, ...] = attrs.field(converter=as_tuple, validator=check_items)

    def complete(self, value: Reservation, context: ResponseContext, /) -> Reservation:
        """Add when the answer came, from which the zone of `expires_at` follows.

        The answer repeats nothing of what was asked for, so there is nothing to compare.
        """
        return attrs.evolve(
            value,
            received_at=context.received_at,
            answered_at=http_date(context.response.headers.get("date", "")),
        )


@attrs.frozen(kw_only=True)
class CancelReservation(Operation[ReleasedReservation]):
    """Give held places back at once.

    It may be sent again, as it names one hold and can hit nothing else.

    Source: article "Cancel Reservation" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/ticketing/cancel-reservation.json"
    REPEAT: ClassVar[Repeat] = Repeat.IDEMPOTENT

    reservation_id: str = attrs.field(validator=checks.identifier)

    def complete(
        self, value: ReleasedReservation, context: ResponseContext, /
    ) -> ReleasedReservation:
        """Check that the right hold was given back: else its places are still taken.

        Raises:
            ResultMismatchError: It is another one.
        """
        require_same("reservation_id", self.reservation_id, value.reservation_id, value)
        return value

    async def reconcile(
        self, refusal: StatusError, send: Send, began_at: datetime, /
    ) -> ReleasedReservation:
        """Take "unknown" after an attempt of unknown outcome for what it is: the hold is gone."""
        if isinstance(refusal, NotFoundError):
            return ReleasedReservation(reservation_id=self.reservation_id)
        raise refusal


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
            self.cancel,
            expected_total_in_cents=expected,
            timeouts=timeouts,
        )
