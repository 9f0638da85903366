"""The calls that make, list and read reservations."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import attrs

from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, ResponseContext, in_query
from eguma_async.korus.errors import InconsistentAnswerError
from eguma_async.korus.json_ld import Collection
from eguma_async.korus.operations import (
    GetOperation,
    PagedOperation,
    as_tuple,
    optional,
    order_of,
)

from .reservation_models import BulkReservations, OfferItem, Reservation, offer_items


@attrs.frozen(kw_only=True)
class ReserveOffers(Operation[BulkReservations]):
    """Hold offers.

    The API takes no idempotency key here, so it is not sent again once it may have arrived. A
    hold whose answer was lost expires by itself.

    Source: ``POST /v1/booking/reservations/_bulk``, docs.korusticket.com.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/booking/reservations/_bulk"
    REPEAT: ClassVar[Repeat] = Repeat.ONCE

    items: tuple[OfferItem, ...] = attrs.field(converter=as_tuple, validator=offer_items)

    def complete(self, value: BulkReservations, context: ResponseContext, /) -> BulkReservations:
        """Compare what was asked for with what came back."""
        asked = Counter(item.offer for item in self.items)
        held = {item.offer for reservation in value.reservations for item in reservation.items}
        failed = {failure.offer for failure in value.failed}
        if any(asked[offer] == 1 for offer in held & failed if offer is not None):
            raise InconsistentAnswerError(
                "an offer is both held and failed in the answer",
                result=value,
            )
        accounted = held | failed
        return attrs.evolve(
            value, unaccounted=tuple(offer for offer in asked if offer not in accounted)
        )


@attrs.frozen(kw_only=True)
class ReservationPage(Collection[Reservation]):
    """One page of reservations."""

    member: tuple[Reservation, ...]


@attrs.frozen(kw_only=True)
class ListReservations(PagedOperation[ReservationPage]):
    """List the organization's reservations.

    Source: ``GET /v1/booking/reservations``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "/v1/booking/reservations"

    order: str | None = attrs.field(
        default=None, validator=optional(order_of), metadata=in_query("order[createdAt]")
    )


@attrs.frozen(kw_only=True)
class GetReservation(GetOperation[Reservation]):
    """Read one reservation.

    Source: ``GET /v1/booking/reservations/{id}``, docs.korusticket.com.
    """
