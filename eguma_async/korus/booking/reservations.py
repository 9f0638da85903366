"""Reservations: offers held for some minutes while the customer pays."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import ClassVar

import attrs

from eguma_async.core.errors import ConfigurationError, ResultMismatchError
from eguma_async.core.fields import LENIENT
from eguma_async.core.listing import refuse_unreadable
from eguma_async.core.messages import Repeat, Timeouts
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

from .accounting import account
from .hold import HoldContext
from .reservation_models import BulkReservations, OfferItem, Reservation, offer_items


@attrs.frozen(kw_only=True)
class ReserveOffers(Operation[BulkReservations]):
    """Hold offers.

    The API takes no idempotency key here, so it is not sent again once it may have arrived. A
    hold whose response was lost expires by itself.

    Source: ``POST /v1/booking/reservations/_bulk``, docs.korusticket.com.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/booking/reservations/_bulk"
    REPEAT: ClassVar[Repeat] = Repeat.ONCE

    items: tuple[OfferItem, ...] = attrs.field(converter=as_tuple, validator=offer_items)

    def complete(self, value: BulkReservations, context: ResponseContext, /) -> BulkReservations:
        """Compare what was asked for with what came back, if any of it can be read."""
        known = (*value.reservations, *value.failed)
        refuse_unreadable(known, "$.reservations", value.unreadable)
        held = [r for r in value.reservations if not r.expired and r.order is None]
        found = account(self.items, held, value.failed)
        value = attrs.evolve(value, missing=found.missing)
        if found.contradicted:
            raise InconsistentAnswerError(
                "what is held is called refused as well",
                result=value,
                differences=tuple(f"{offer} is held and refused" for offer in found.contradicted),
            )
        if found.unexpected:
            raise ResultMismatchError(
                "something is held that was not asked for",
                result=value,
                differences=found.unexpected,
            )
        return value


@attrs.frozen(kw_only=True)
class ReservationPage(Collection[Reservation]):
    """One page of reservations."""

    member: tuple[Reservation, ...] = attrs.field(metadata=LENIENT)


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

    async def create(
        self, items: Iterable[OfferItem], *, timeouts: Timeouts | None = None
    ) -> BulkReservations:
        """Hold offers at a fixed price. Look at both sides of the result.

        Args:
            items: At least one. Equal ones are held each for itself.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            ViolationsError: A combination that cannot be reserved; nothing is held.
            OutcomeUnknownError: Something may be held; it expires by itself.
            ResultMismatchError: Something is held that was not asked for, such as another session;
                it is on the error, with what is held as it was asked for.
            InconsistentAnswerError: The response contradicts itself.
        """
        return await self._session.send(ReserveOffers(items=items), timeouts=timeouts)

    async def get(self, iri: str, *, timeouts: Timeouts | None = None) -> Reservation:
        """Read one reservation.

        Raises:
            ResultMismatchError: The response is another resource.
        """
        return await self._session.send(GetReservation(iri=iri), timeouts=timeouts)

    def list(
        self, *, order: str | None = None, timeouts: Timeouts | None = None
    ) -> Pager[Reservation]:
        """List the reservations.

        Args:
            order: By the moment of creation, ``"asc"`` or ``"desc"``.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            IncompleteListError: While it is read, if it ends before its end.
        """
        return pager(self._session, ListReservations(order=order), timeouts)

    def hold(
        self,
        items: Iterable[OfferItem],
        *,
        allow_partial: bool = False,
        expected_total: Decimal | None = None,
        timeouts: Timeouts | None = None,
    ) -> HoldContext:
        """Hold offers for an ``async with`` block.

        The API has no call to give a reservation back: what is not ordered in the block, or was
        held when entering failed, stays held until it expires, usually after 15 minutes.

        Args:
            items: At least one. Equal ones are held each for itself.
            allow_partial: Go on with what could be held, as long as it is anything at all.
            expected_total: The price that was shown for all of the items, in euro, tax included.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            ConfigurationError: `expected_total` is no `Decimal` of 0 or more.
            PartialFailureError: On entering, if something could not be held, or not all of it.
            PriceChangedError: On entering, if what is held costs more than `expected_total`.
            EgumaError: On entering, as for `create`.
        """
        return HoldContext(
            self._session,
            ReserveOffers(items=items),
            allow_partial=allow_partial,
            expected_total=_checked_total(expected_total),
            timeouts=timeouts,
        )


def _checked_total(total: Decimal | None) -> Decimal | None:
    if total is None or (isinstance(total, Decimal) and total.is_finite() and total >= 0):
        return total
    raise ConfigurationError('expected_total must be a Decimal of 0 or more, as Decimal("95.00")')
