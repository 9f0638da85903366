"""What became of an order whose answer was lost: look first, and only then send again.

An order carries no idempotency key. What names it is the reference that was sent with it and the
reservation it is made of. The list of orders is searched for both; it may lag behind, or be cut
off by a clock that is ahead, so the last look also asks each reservation for its order.

A refusal of the second send says nothing of the first one, whose outcome is unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs

from eguma_async.core.errors import (
    EgumaError,
    OutcomeUnknownError,
    StatusError,
    unknown_outcome,
)
from eguma_async.core.session import Session
from eguma_async.korus.errors import InconsistentAnswerError, ViolationsError
from eguma_async.korus.operations import pager
from eguma_async.pipeline.pages import Pager

from .order_models import BulkOrders, Order, OrderStatus
from .order_operations import CreateOrders, GetOrder, ListOrders
from .refusals import failures, in_callers_order
from .reservation_operations import GetReservation

PAUSES = (2.0, 5.0, 15.0)
"""Seconds before each look; an order may show only some time after it was made."""
CLOCK_SKEW = timedelta(hours=1)
"""How far the server's clock may be behind ours for its list to be of use."""


@attrs.frozen(kw_only=True)
class Settlement:
    """Which reservations have become orders.

    Attributes:
        orders: The orders that exist, in the order of the reservations. One may have been
            cancelled since: its `Order.status` tells, and it is not to be sent again.
        missing: Reservations without an order.
    """

    orders: tuple[Order, ...]
    missing: tuple[str, ...]


def in_doubt(error: BaseException) -> bool:
    """Tell whether orders may have been made although this was raised."""
    if isinstance(error, InconsistentAnswerError):
        return False  # the answer is there, and looking again does not resolve it
    if isinstance(error, EgumaError):
        return error.outcome_unknown  # not what may stand behind it: the caller's own handling
    if isinstance(error, asyncio.CancelledError):
        return unknown_outcome(error) is not None
    return True  # a transport that breaks its contract: what is not sure, may be


async def look_up(
    session: Session,
    external_reference: str,
    reservations: tuple[str, ...],
    since: datetime | None,
    *,
    ask_reservations: bool = True,
) -> Settlement:
    """Find the orders that were made of our reservations.

    Args:
        session: Reads.
        external_reference: Reference of the orders.
        reservations: Ours, as IRIs.
        since: Read the list of orders from this moment on.
        ask_reservations: Also read each reservation whose order the list does not show.

    Raises:
        InconsistentAnswerError: A reservation has two orders.
        EgumaError: Something could not be read.
    """
    reservations = tuple(dict.fromkeys(reservations))
    found = await _listed(session, external_reference, frozenset(reservations), since)
    if ask_reservations:
        for reservation in reservations:
            if reservation not in found:
                order = await _order_of(session, reservation)
                if order is not None:
                    found[reservation] = order
    return Settlement(
        orders=tuple(found[r] for r in reservations if r in found),
        missing=tuple(r for r in reservations if r not in found),
    )


async def _listed(
    session: Session, external_reference: str, wanted: frozenset[str], since: datetime | None
) -> dict[str, Order]:
    """Read all orders of a reference and pick those made of our reservations."""
    # Oldest first: what is added meanwhile comes last and moves nothing to another page.
    orders: Pager[Order] = pager(
        session,
        ListOrders(external_reference=external_reference, created_at_after=since, order="asc"),
    )
    # By name: an order that stands on two pages is still one.
    ours = {order.iri: order async for order in orders if order.reservation in wanted}
    valid = [order for order in ours.values() if order.status != OrderStatus.CANCELLED]
    if len({order.reservation for order in valid}) < len(valid):
        raise InconsistentAnswerError(
            "a reservation has more than one order", result=BulkOrders(orders=tuple(valid))
        )
    found: dict[str, Order] = {order.reservation: order for order in ours.values()}
    return found | {order.reservation: order for order in valid}


async def _order_of(session: Session, reservation: str) -> Order | None:
    """Follow a reservation to its order."""
    link = (await session.send(GetReservation(iri=reservation))).order
    if link is None:
        return None
    order = await session.send(GetOrder(iri=link))
    if order.reservation != reservation:
        raise InconsistentAnswerError(
            "a reservation leads to the order of another one", result=BulkOrders(orders=(order,))
        )
    return order


async def finish(
    session: Session, operation: CreateOrders, began_at: datetime, doubt: EgumaError
) -> BulkOrders:
    """Bring a call of unknown outcome to its end.

    Args:
        session: Looks, and sends what is missing.
        operation: What was sent.
        began_at: When it was sent first.
        doubt: What it raised.

    Raises:
        EgumaError: It is still not known what was ordered. Its `outcome_unknown` is True.
    """
    try:
        return await _Course(session, operation, began_at - CLOCK_SKEW, doubt).run()
    except asyncio.CancelledError as cancelled:
        if unknown_outcome(cancelled) is None:
            cancelled.__cause__ = OutcomeUnknownError(
                "cancelled before it was known what became of the orders",
                operation=operation.name(),
                attempts=doubt.attempts,
            )
        raise


class _Course:
    """Two sends at most, each of them followed by looks until the outcome is known."""

    def __init__(
        self, session: Session, operation: CreateOrders, since: datetime, doubt: EgumaError
    ) -> None:
        self._session = session
        self._operation = operation
        self._since = since
        self._doubt = doubt

    async def run(self) -> BulkOrders:
        known = await self._look()
        if known is None:
            raise self._doubt
        if not known.missing:
            return BulkOrders(orders=known.orders)
        again = attrs.evolve(self._operation, reservations=known.missing)
        try:
            rest = await self._session.send(again)
        except InconsistentAnswerError:
            raise
        except EgumaError as error:
            refusal = error.with_traceback(None)
        else:
            return await self._after_answer(known, rest)
        return await self._after_refusal(refusal, known.missing)

    async def _after_answer(self, before: Settlement, rest: BulkOrders) -> BulkOrders:
        """Look once more for what failed: the first request may have come late, and be why."""
        if not (rest.failed or rest.unaccounted):
            return attrs.evolve(rest, orders=before.orders + rest.orders)
        known = await self._look()
        if known is None:
            raise self._still_unknown("what it did not order could not be looked for")
        orders = _together(self._operation.reservations, (*rest.orders, *known.orders))
        made = {order.reservation for order in orders}
        left = [r for r in self._operation.reservations if r not in made]
        return BulkOrders(
            orders=orders,
            failed=tuple(f for f in rest.failed if left and f.reservation not in made),
            unaccounted=tuple(r for r in rest.unaccounted if r not in made),
        )

    async def _after_refusal(self, refusal: EgumaError, sent: tuple[str, ...]) -> BulkOrders:
        """Look once more: the first request may have come late, and be what refused the second."""
        asked = self._operation.reservations
        if isinstance(refusal, ViolationsError):
            in_callers_order(refusal, sent, asked)
        known = await self._look()
        if known is not None and not known.missing:
            return BulkOrders(orders=known.orders)
        if in_doubt(refusal):
            raise refusal
        # Only where some of the orders exist was the first request surely carried out. What it left
        # has no order, as its reservation says, and the server has told what is wrong.
        if known is None or not known.orders or not isinstance(refusal, ViolationsError):
            raise self._still_unknown("it was refused", refusal)
        failed = failures(refusal, asked, frozenset(known.missing))
        return BulkOrders(orders=known.orders, failed=failed)

    def _still_unknown(self, why: str, refusal: EgumaError | None = None) -> EgumaError:
        error = OutcomeUnknownError(
            f"sent again after an attempt of unknown outcome, and {why}:"
            " the earlier attempt may have been processed all the same",
            operation=self._operation.name(),
            attempts=self._doubt.attempts + (refusal.attempts if refusal else 1),
            refusal=refusal if isinstance(refusal, StatusError) else None,
        )
        error.__cause__ = refusal or self._doubt
        return error

    async def _look(self) -> Settlement | None:
        """Look until everything is found; return what the last look told, None if it failed."""
        known: Settlement | None = None
        for number, pause in enumerate(PAUSES, start=1):
            await self._session.clock.sleep(pause)
            try:
                known = await look_up(
                    self._session,
                    self._operation.external_reference,
                    self._operation.reservations,
                    self._since,
                    ask_reservations=number == len(PAUSES),
                )
            except InconsistentAnswerError:
                raise
            except EgumaError:
                known = None  # proves nothing; the next look may
                continue
            if not known.missing:
                break
        return known


def _together(reservations: tuple[str, ...], orders: Iterable[Order]) -> tuple[Order, ...]:
    made: dict[str, Order] = {order.reservation: order for order in orders}
    return tuple(made[r] for r in reservations if r in made)
