"""What became of an order whose answer was lost: look first, and only then send again.

An order carries no idempotency key. What names it is the reference that was sent with it and the
reservation it is made of, so that is what is looked for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import attrs

from eguma_async.core.errors import (
    EgumaError,
    OutcomeUnknownError,
    unknown_outcome,
)
from eguma_async.pipeline.pages import Pager
from eguma_async.pipeline.session import BaseSession

from .errors import InconsistentAnswerError, ViolationsError
from .hydra import pager
from .order_models import BulkOrders, FailedOrder, Order, OrderStatus
from .order_operations import CreateOrders, ListOrders

PAUSES = (2.0, 5.0, 15.0)
"""Seconds before each look; an order may show only some time after it was made."""
CLOCK_SKEW = timedelta(hours=1)
"""How far the server's clock may be behind ours."""


@attrs.frozen(kw_only=True)
class Settlement:
    """Which reservations have become orders.

    Attributes:
        orders: The orders that exist.
        missing: Reservations without an order.
    """

    orders: tuple[Order, ...]
    missing: tuple[str, ...]


def in_doubt(error: BaseException) -> bool:
    """Tell whether orders may have been made although this was raised."""
    if isinstance(error, InconsistentAnswerError):
        return False  # the answer is there, and looking again does not resolve it
    if isinstance(error, EgumaError) and error.outcome_unknown:
        return True
    return unknown_outcome(error) is not None


async def look_up(
    session: BaseSession,
    external_reference: str,
    reservations: tuple[str, ...],
    since: datetime | None,
) -> Settlement:
    """Read all orders of a reference and pick those made of our reservations."""
    orders: Pager[Order] = pager(
        session, ListOrders(external_reference=external_reference, created_at_after=since)
    )
    wanted = set(reservations)
    found = [
        order
        async for order in orders
        if order.reservation in wanted and order.status != OrderStatus.CANCELLED
    ]
    made_of = Counter(order.reservation for order in found)
    if len(made_of) < len(found):
        raise InconsistentAnswerError(
            "a reservation has more than one order", result=BulkOrders(orders=tuple(found))
        )
    return Settlement(
        orders=tuple(found), missing=tuple(r for r in reservations if r not in made_of)
    )


async def finish(
    session: BaseSession, operation: CreateOrders, began_at: datetime, doubt: EgumaError
) -> BulkOrders:
    """Bring a call of unknown outcome to its end.

    Args:
        session: Looks, and sends what is missing.
        operation: What was sent.
        began_at: When it was sent first.
        doubt: What it raised.

    Raises:
        EgumaError: `doubt`, if the orders cannot be read; or the last refusal.
    """
    try:
        return await _Course(session, operation, began_at - CLOCK_SKEW).run(doubt)
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

    def __init__(self, session: BaseSession, operation: CreateOrders, since: datetime) -> None:
        self._session = session
        self._operation = operation
        self._since = since

    async def run(self, doubt: EgumaError) -> BulkOrders:
        known = await self._look(PAUSES, doubt)
        if not known.missing:
            return BulkOrders(orders=known.orders)
        try:
            rest = await self._session.send(
                attrs.evolve(self._operation, reservations=known.missing)
            )
        except InconsistentAnswerError:
            raise
        except EgumaError as error:
            refusal = error.with_traceback(None)
        else:
            return attrs.evolve(rest, orders=known.orders + rest.orders)
        return await self._after(refusal)

    async def _after(self, refusal: EgumaError) -> BulkOrders:
        """Look once more: the first request may have come late, and be what refused the second."""
        unsure = in_doubt(refusal)
        known = await self._look(PAUSES if unsure else PAUSES[:1], refusal)
        if known.missing and (unsure or not known.orders):
            raise refusal
        failed = tuple(_as_failure(reservation, refusal) for reservation in known.missing)
        return BulkOrders(orders=known.orders, failed=failed)

    async def _look(self, pauses: tuple[float, ...], doubt: EgumaError) -> Settlement:
        """Look until everything is found, or the last look tells what is missing."""
        reference, reservations = self._operation.external_reference, self._operation.reservations
        known: Settlement | None = None
        for pause in pauses:
            await self._session.clock.sleep(pause)
            try:
                known = await look_up(self._session, reference, reservations, self._since)
            except InconsistentAnswerError:
                raise
            except EgumaError:
                known = None  # proves nothing; the next look may
                continue
            if not known.missing:
                break
        if known is None:
            raise doubt
        return known


def _as_failure(reservation: str, refusal: EgumaError) -> FailedOrder:
    raw: dict[str, Any] = {"reservation": reservation, "message": refusal.message}
    if isinstance(refusal, ViolationsError):
        raw["violations"] = [
            {"propertyPath": v.path, "message": v.message, "code": v.code}
            for v in refusal.violations
        ]
    return FailedOrder(raw=raw)
