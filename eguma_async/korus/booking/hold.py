"""A hold: reservations for the length of a block, to be ordered before they expire."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType

import attrs

from eguma_async.core.errors import (
    EgumaError,
    OutcomeUnknownError,
    PriceChangedError,
    ResultMismatchError,
    SessionStateError,
    unknown_outcome,
)
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.session import Session
from eguma_async.korus.errors import ViolationsError

from .accounting import order_differences
from .order_creation import CreateOrders, finish
from .order_models import BulkOrders, Customer, Order
from .orders import either
from .reconciliation import in_doubt
from .reservation_models import BulkReservations, Reservation


class Hold:
    """Reservations to be ordered before they expire. Made by `Reservations.hold`.

    They may expire at different times. What the server says has expired, and what it has ordered,
    is not sent again; the rest can still be ordered.

    Attributes:
        result: The response, failures included.
        orders: The orders made so far.
    """

    def __init__(self, session: Session, result: BulkReservations, *, began: float) -> None:
        """Make a hold.

        Args:
            session: Sends the orders.
            result: What is held.
            began: When it was asked for, by the session's monotonic clock.
        """
        self.result = result
        self.orders: tuple[Order, ...] = ()
        self._session = session
        self._began = began
        self._expired: set[str] = {r.iri for r in result.reservations if r.expired}
        self._pending: tuple[CreateOrders, datetime, EgumaError] | None = None
        self._closed: str | None = None

    def __repr__(self) -> str:
        state = self._closed or f"until {self.expires_at:%Y-%m-%d %H:%M:%S %Z}"
        return f"<Hold of {len(self.reservations)} reservations, {state}>"

    @property
    def reservations(self) -> tuple[Reservation, ...]:
        """What was held on entering."""
        return self.result.reservations

    @property
    def expired(self) -> tuple[Reservation, ...]:
        """What the server says has expired. Reserve it anew."""
        return tuple(r for r in self.reservations if r.iri in self._expired)

    @property
    def orderable(self) -> tuple[Reservation, ...]:
        """What is not ordered so far and has not expired, as far as the server has told."""
        done = self._expired | {order.reservation for order in self.orders}
        return tuple(r for r in self.reservations if r.iri not in done)

    @property
    def expires_at(self) -> datetime:
        """When the first of what can be ordered expires."""
        return min(r.expires_at for r in self.orderable or self.reservations)

    @property
    def remaining(self) -> timedelta:
        """Time left to order what can be ordered; never below zero.

        By the session's clock, but never more than the server gave: a clock that is wrong makes it
        too short at most.
        """
        clock = self._session.clock
        now, passed = clock.now(), timedelta(seconds=clock.monotonic() - self._began)
        left = (
            min(r.expires_at - now, r.expires_at - r.created_at - passed)
            for r in self.orderable or self.reservations
        )
        return max(min(left), timedelta(0))

    async def order(
        self,
        customer: Customer,
        *,
        external_reference: str,
        notes: str | None = None,
        reconcile_unknown: bool = True,
        settle_unknown: bool | None = None,
        timeouts: Timeouts | None = None,
    ) -> BulkOrders:
        """Order all that can be ordered: at first all that is held.

        Call it again after a `ViolationsError` that names expired reservations, to order those that
        still live; or after a result with failures, to try those again. After an error with an
        unknown outcome, call it again with the same arguments: it then looks for the orders first
        and sends only what is missing.

        Args:
            customer: Who buys.
            external_reference: As for `Orders.create`.
            notes: As for `Orders.create`.
            reconcile_unknown: As for `Orders.create`, but done unless you say otherwise.
            settle_unknown: The name of `reconcile_unknown` before.
            timeouts: Limits of each attempt; the session's if not given.

        Returns:
            What this call ordered; `orders` has what all calls did.

        Raises:
            SessionStateError: Nothing is left to order, it is being ordered by another task, or it
                is unknown whether it was ordered with another reference.
            ViolationsError: Nothing was ordered; a reservation has expired, say.
            OutcomeUnknownError: Orders may have been made. A refusal that came after a lost
                response is its `refusal`.
            ResultMismatchError: Something was ordered at another price than it was held at, with
                fewer units, or without having been asked for. It is ordered all the same.
            InconsistentAnswerError: The server contradicts itself. The hold takes no further
                order: look at the orders.
        """
        self._check_may_order()
        operation = CreateOrders(
            reservations=tuple(reservation.iri for reservation in self.orderable),
            customer=customer,
            external_reference=external_reference,
            notes=notes,
        )
        del notes  # a traceback that shows variables must not show it
        self._check_is_the_same(operation)
        began_at = self._session.clock.now() if self._pending is None else self._pending[1]
        reconcile = either(reconcile_unknown, settle_unknown)
        self._closed = "being ordered"
        try:
            result = await self._carry_out(operation, began_at, reconcile, timeouts)
        except ResultMismatchError:
            self._closed = "closed by a contradictory response"
            raise
        except BaseException as error:
            self._closed = None
            if isinstance(error, ViolationsError):
                self._expired.update(error.expired_reservations)
            raise
        self._take(operation, began_at, result)
        return result

    def _check_may_order(self) -> None:
        if self._closed is not None:
            raise SessionStateError(f"this hold is {self._closed} already")
        if not self.orderable:
            raise SessionStateError("nothing is left to order: the rest has expired; reserve anew")

    def _check_is_the_same(self, operation: CreateOrders) -> None:
        if self._pending is not None and self._pending[0] != operation:
            raise SessionStateError(
                "it is not known what became of the last try: order again with the same arguments"
            )

    async def _carry_out(
        self,
        operation: CreateOrders,
        began_at: datetime,
        reconcile: bool,
        timeouts: Timeouts | None,
    ) -> BulkOrders:
        session = self._session
        if self._pending is not None:
            return await finish(session, operation, began_at, self._pending[2], timeouts=timeouts)
        try:
            return await session.send(operation, timeouts=timeouts)
        except BaseException as error:
            if not in_doubt(error):
                raise
            doubt = _doubt(error)
            self._pending = (operation, began_at, doubt)
            if not (reconcile and isinstance(error, EgumaError)):
                raise
        return await finish(session, operation, began_at, doubt, timeouts=timeouts)

    def _take(self, operation: CreateOrders, began_at: datetime, result: BulkOrders) -> None:
        """Note what was ordered, and what is left to order.

        Raises:
            ResultMismatchError: An order is not what was held.
        """
        self.orders += result.orders
        self._expired.update(f.reservation for f in result.failed if f.expired and f.reservation)
        self._pending, self._closed = None, None
        left = tuple(reservation.iri for reservation in self.orderable)
        if not left and not self._expired:
            self._closed = "ordered"
        elif left and result.unaccounted:
            doubt = OutcomeUnknownError(
                "a reservation stands on neither side of the response", operation=operation.name()
            )
            self._pending = (attrs.evolve(operation, reservations=left), began_at, doubt)
        differences = tuple(_differences(result.orders, self.reservations))
        if differences:
            raise ResultMismatchError(
                "ordered, but not as it was held", result=result, differences=differences
            )


def _doubt(error: BaseException) -> EgumaError:
    if isinstance(error, EgumaError):
        return error.with_traceback(None)
    unknown = unknown_outcome(error)
    return unknown or OutcomeUnknownError(f"the transport failed ({type(error).__name__})")


def _differences(orders: Iterable[Order], reservations: Iterable[Reservation]) -> Iterable[str]:
    held = {reservation.iri: reservation for reservation in reservations}
    for order in orders:
        yield from order_differences(order, held[order.reservation])


class HoldContext:
    """``async with`` around a hold: offers are held on entering. Leaving gives nothing back."""

    def __init__(
        self,
        session: Session,
        operation: Operation[BulkReservations],
        *,
        allow_partial: bool = False,
        expected_total: Decimal | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._session = session
        self._operation = operation
        self._allow_partial = allow_partial
        self._expected_total = expected_total
        self._timeouts = timeouts

    async def __aenter__(self) -> Hold:
        began = self._session.clock.monotonic()
        result = await self._session.send(self._operation, timeouts=self._timeouts)
        if not (self._allow_partial and result.reservations):
            result.raise_for_failures()
        total, expected = result.total_amount_incl_tax, self._expected_total
        if expected is not None and total > expected:
            raise PriceChangedError(
                expected=expected,
                actual=total,
                result=result,
                operation=self._operation.name(),
            )
        return Hold(self._session, result, began=began)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Do nothing: the API has no call to give a reservation back."""
