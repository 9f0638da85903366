"""Reservations: places held for 60 minutes while the customer pays."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import NotFoundError, StatusError
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, ResponseContext, Send
from eguma_async.eguma.checks import wall_clock

from .expiry import deadline
from .hold import Hold, HoldContext
from .items import TicketItem, as_tuple, check_items

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
        received_at: When the answer came, aware, in UTC; None for an object made by hand.
    """

    reservation_id: str
    expires_at: datetime
    received_at: datetime | None = None

    @property
    def expires_at_utc(self) -> datetime:
        """When the hold ends by itself, aware, in UTC."""
        return deadline(self.expires_at, self.received_at or self.expires_at.replace(tzinfo=UTC))


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
    starts_at: datetime | date = attrs.field(validator=wall_clock)
    items: tuple[TicketItem, ...] = attrs.field(converter=as_tuple, validator=check_items)

    def complete(self, value: Reservation, context: ResponseContext, /) -> Reservation:
        """Add when the answer came, from which the zone of `expires_at` follows."""
        return attrs.evolve(value, received_at=context.received_at)


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
        self, *, product_id: str, starts_at: datetime | date, items: Iterable[TicketItem]
    ) -> Reservation:
        """Hold places for 60 minutes. `hold` does the same and releases them when left.

        Args:
            product_id: Id of an active product.
            starts_at: The slot's own `starts_at`; for a day slot a date will do.
            items: At least one, each category once.

        Raises:
            InvalidRequestError: Sold out, past the cut-off, no such slot or category.
            NotFoundError: The product is unknown, or another merchant's.
            AccessDeniedError: The product is not enabled for this key.
            OutcomeUnknownError: A hold may exist; it expires by itself after 60 minutes. So after
                any error whose `outcome_unknown` is True.
        """
        return await self._session.send(
            ReserveTickets(product_id=product_id, starts_at=starts_at, items=as_tuple(items))
        )

    async def cancel(self, reservation_id: str) -> ReleasedReservation:
        """Give held places back at once.

        Raises:
            NotFoundError: Unknown, expired, released or booked already: nothing is held.
        """
        return await self._session.send(CancelReservation(reservation_id=reservation_id))

    def hold(
        self, *, product_id: str, starts_at: datetime | date, items: Iterable[TicketItem]
    ) -> HoldContext:
        """Hold places for the length of an ``async with`` block.

        Leaving the block without a booking gives them back, as well as that can be done in
        5 seconds; failing that, they expire by themselves. An error in the block is never masked.

        Args:
            product_id: Id of an active product.
            starts_at: The slot's own `starts_at`; for a day slot a date will do.
            items: At least one, each category once.

        Raises:
            EgumaError: On entering, as for `create`.
        """
        return HoldContext(
            self._session,
            ReserveTickets(product_id=product_id, starts_at=starts_at, items=as_tuple(items)),
            self.cancel,
        )
