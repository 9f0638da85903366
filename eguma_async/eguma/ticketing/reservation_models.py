"""Reservations: what is asked for and what comes back."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import NotFoundError, StatusError
from eguma_async.core.fields import LOCAL
from eguma_async.core.http_date import http_date
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, ResponseContext, Send
from eguma_async.eguma.checks import slot_start

from .expiry import Expiry, expiry
from .items import TicketItem, as_tuple, check_items
from .matching import require_same


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
