"""A hold: reservations for the length of a block, to be ordered before the first expires."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING

from eguma_async.core.errors import (
    EgumaError,
    OutcomeUnknownError,
    SessionStateError,
    unknown_outcome,
)
from eguma_async.core.session import Session
from eguma_async.korus.errors import InconsistentAnswerError

from .order_models import BulkOrders, Customer
from .orders import CreateOrders, Orders
from .reconciliation import Reconciler, in_doubt
from .reservation_models import BulkReservations, Reservation

if TYPE_CHECKING:
    from .reservations import ReserveOffers


class Hold:
    """Reservations to be ordered before the first of them expires. Made by `Reservations.hold`.

    Attributes:
        result: The answer, failures included.
    """

    def __init__(self, session: Session, result: BulkReservations) -> None:
        self.result = result
        self._session = session
        self._reconciler = Reconciler(session, Orders(session))
        self._pending: tuple[CreateOrders, datetime, EgumaError] | None = None
        self._closed: str | None = None

    def __repr__(self) -> str:
        state = self._closed or f"until {self.expires_at:%Y-%m-%d %H:%M:%S %Z}"
        return f"<Hold of {len(self.reservations)} reservations, {state}>"

    @property
    def reservations(self) -> tuple[Reservation, ...]:
        """What is held."""
        return self.result.reservations

    @property
    def expires_at(self) -> datetime:
        """When the first of the reservations expires."""
        return min(reservation.expires_at for reservation in self.reservations)

    @property
    def remaining(self) -> timedelta:
        """Time left to order, by the session's clock; never below zero."""
        return max(self.expires_at - self._session.clock.now(), timedelta(0))

    async def order(
        self,
        customer: Customer,
        *,
        external_reference: str,
        notes: str | None = None,
        settle_unknown: bool = True,
    ) -> BulkOrders:
        """Order all that is held.

        After an error with an unknown outcome, call it again with the same arguments: it then
        looks for the orders first and sends only what is missing.

        Args:
            customer: Who buys.
            external_reference: As for `Orders.create`.
            notes: As for `Orders.create`.
            settle_unknown: As for `Orders.create`, but done unless you say otherwise.

        Raises:
            SessionStateError: Ordered already, being ordered by another task, or unknown whether
                it was ordered with another reference.
            ViolationsError: Nothing was ordered; a reservation has expired, say.
            OutcomeUnknownError: Orders may have been made. A refusal that came after a lost answer
                is its `refusal`.
            InconsistentAnswerError: The server contradicts itself. The hold takes no further
                order: look at the orders.
        """
        operation = CreateOrders(
            reservations=tuple(reservation.iri for reservation in self.reservations),
            customer=customer,
            external_reference=external_reference,
            notes=notes,
        )
        self._check_may_order(operation)
        self._closed = "being ordered"
        try:
            result = await self._carry_out(operation, settle_unknown=settle_unknown)
        except InconsistentAnswerError:
            self._closed = "closed by a contradictory answer"
            raise
        except BaseException:
            self._closed = None
            raise
        self._pending, self._closed = None, "ordered"
        return result

    def _check_may_order(self, operation: CreateOrders) -> None:
        if self._closed is not None:
            raise SessionStateError(f"this hold is {self._closed} already")
        if self._pending is not None and self._pending[0] != operation:
            raise SessionStateError(
                "it is not known what became of the last try: order again with the same arguments"
            )

    async def _carry_out(self, operation: CreateOrders, *, settle_unknown: bool) -> BulkOrders:
        if self._pending is not None:
            _, began_at, doubt = self._pending
            return await self._reconciler.finish(operation, began_at, doubt)
        began_at = self._session.clock.now()
        try:
            return await self._session.send(operation)
        except BaseException as error:
            if not in_doubt(error):
                raise
            doubt = _doubt(error)
            self._pending = (operation, began_at, doubt)
            if not (settle_unknown and isinstance(error, EgumaError)):
                raise
        return await self._reconciler.finish(operation, began_at, doubt)


def _doubt(error: BaseException) -> EgumaError:
    if isinstance(error, EgumaError):
        return error.with_traceback(None)
    unknown = unknown_outcome(error)
    return unknown or OutcomeUnknownError(f"the transport failed ({type(error).__name__})")


class HoldContext:
    """``async with`` around a hold: offers are held on entering. Leaving gives nothing back."""

    def __init__(self, session: Session, operation: ReserveOffers, *, allow_partial: bool) -> None:
        self._session = session
        self._operation = operation
        self._allow_partial = allow_partial

    async def __aenter__(self) -> Hold:
        result = await self._session.send(self._operation)
        if not (self._allow_partial and result.reservations):
            result.raise_for_failures()
        return Hold(self._session, result)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Do nothing: the API has no call to give a reservation back."""
