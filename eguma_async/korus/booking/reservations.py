"""Reservations: offers held for some minutes while the customer pays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import ClassVar

import attrs

from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, ResponseContext, in_query
from eguma_async.core.session import Session
from eguma_async.korus.errors import InconsistentAnswerError
from eguma_async.korus.json_ld import Collection
from eguma_async.korus.operations import (
    GetOperation,
    PagedOperation,
    as_tuple,
    optional,
    order_of,
    pager,
)
from eguma_async.pipeline.pages import Pager

from .hold import HoldContext
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


class Reservations:
    """``session.reservations``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, items: Iterable[OfferItem]) -> BulkReservations:
        """Hold offers at a fixed price. Look at both sides of the answer.

        Args:
            items: At least one.

        Raises:
            ViolationsError: A combination that cannot be reserved; nothing is held.
            OutcomeUnknownError: Something may be held; it expires by itself.
            InconsistentAnswerError: The answer contradicts itself.
        """
        return await self._session.send(ReserveOffers(items=items))

    async def get(self, iri: str) -> Reservation:
        """Read one reservation."""
        return await self._session.send(GetReservation(iri=iri))

    def list(self, *, order: str | None = None) -> Pager[Reservation]:
        """List the reservations.

        Args:
            order: By the moment of creation, ``"asc"`` or ``"desc"``.
        """
        return pager(self._session, ListReservations(order=order))

    def hold(self, items: Iterable[OfferItem], *, allow_partial: bool = False) -> HoldContext:
        """Hold offers for an ``async with`` block.

        The API has no call to give a reservation back: what is not ordered in the block, or was
        held when entering failed, stays held until it expires, usually after 15 minutes.

        Args:
            items: At least one.
            allow_partial: Go on with what could be held, as long as it is anything at all.

        Raises:
            PartialFailureError: On entering, if something could not be held.
            EgumaError: On entering, as for `create`.
        """
        return HoldContext(self._session, ReserveOffers(items=items), allow_partial=allow_partial)
