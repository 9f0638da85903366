"""What became of an order whose response was lost: look first, and only then send again.

An order carries no idempotency key. What names it is the reference that was sent with it and the
reservation it is made of. The list of orders is searched for both; it may lag behind, or be cut
off by a clock that is ahead, so the last look also asks each reservation for its order.

A refusal of the second request says nothing of the first one, whose outcome is unknown.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

import attrs

from eguma_async.core.errors import (
    DecodingError,
    EgumaError,
    OutcomeUnknownError,
    ResultMismatchError,
    StatusError,
    unknown_outcome,
)
from eguma_async.core.listing import UnreadableElement
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.session import Session
from eguma_async.korus.errors import InconsistentAnswerError, Violation, ViolationsError
from eguma_async.korus.json_ld import Iri, Resource, link_of
from eguma_async.korus.operations import GetOperation, pager
from eguma_async.pipeline.call import cancelled_as
from eguma_async.pipeline.pages import Pager

from .order_models import BulkOrders, FailedOrder, Order, OrderStatus
from .order_operations import GetOrder, ListOrders

PAUSES = (2.0, 5.0, 15.0)
"""Seconds before each look; an order may show only some time after it was made."""
CLOCK_SKEW = timedelta(hours=1)
"""How far the server's clock may be behind ours for its list to be of use."""

_PLACE = re.compile(r"reservations\[([0-9]{1,6})\]", re.ASCII)


class Ordering(Protocol):
    """What was to be ordered."""

    @property
    def reservations(self) -> tuple[str, ...]:
        """IRIs of the reservations."""
        ...

    @property
    def external_reference(self) -> str:
        """Reference of the orders."""
        ...

    @classmethod
    def name(cls) -> str:
        """Return the name of the operation."""
        ...

    def of_only(self, reservations: tuple[str, ...], /) -> Operation[BulkOrders]:
        """Return what orders some of the reservations."""
        ...


@attrs.frozen(kw_only=True)
class Reconciliation:
    """Which reservations have become orders.

    Attributes:
        orders: The orders that exist, in the order of the reservations. One may have been
            cancelled since: its `Order.status` tells, and it is not to be sent again.
        missing: Reservations without an order.
    """

    orders: tuple[Order, ...]
    missing: tuple[str, ...]


@attrs.frozen(kw_only=True)
class OrderLink(Resource):
    """Whether a reservation has become an order.

    Attributes:
        order: IRI of the order; None without one.
    """

    order: Iri | None = None


@attrs.frozen(kw_only=True)
class GetOrderLink(GetOperation[OrderLink]):
    """Read whether a reservation has become an order, whatever the rest of it looks like.

    Source: ``GET /v1/booking/reservations/{id}``, docs.korusticket.com.
    """


def in_doubt(error: BaseException) -> bool:
    """Tell whether orders may have been made although this was raised."""
    if isinstance(error, InconsistentAnswerError):
        return False  # the response is there, and looking again does not resolve it
    if isinstance(error, EgumaError):
        return error.outcome_unknown  # not what may stand behind it: the caller's own handling
    if isinstance(error, asyncio.CancelledError):
        return unknown_outcome(error) is not None
    return True  # a transport that breaks its contract: what is not sure, may be


@attrs.frozen
class Reconciler:
    """Looks orders up, and brings calls of unknown outcome to their end.

    Attributes:
        session: Reads, and sends what is missing.
        timeouts: Limits of each attempt; the session's if not given.
        before_sending: Asked before anything is sent again; what it raises keeps it back.
    """

    session: Session
    timeouts: Timeouts | None = None
    before_sending: Callable[[], Awaitable[None]] | None = None

    async def look_up(
        self,
        external_reference: str,
        reservations: tuple[str, ...],
        since: datetime | None,
        *,
        ask_reservations: bool = True,
    ) -> Reconciliation:
        """Find the orders that were made of our reservations.

        Args:
            external_reference: Reference of the orders.
            reservations: Ours, as IRIs.
            since: Read the list of orders from this moment on.
            ask_reservations: Also read each reservation whose order the list does not show.

        Raises:
            InconsistentAnswerError: A reservation has two orders.
            EgumaError: Something could not be read.
        """
        reservations = tuple(dict.fromkeys(reservations))
        found = await self._listed(external_reference, frozenset(reservations), since)
        if ask_reservations:
            for reservation in reservations:
                if reservation not in found:
                    order = await self._order_of(reservation)
                    if order is not None:
                        found[reservation] = order
        return Reconciliation(
            orders=tuple(found[r] for r in reservations if r in found),
            missing=tuple(r for r in reservations if r not in found),
        )

    async def finish(
        self, operation: Ordering, began_at: datetime, doubt: EgumaError
    ) -> BulkOrders:
        """Bring a call of unknown outcome to its end.

        Args:
            operation: What was sent.
            began_at: When it was sent first.
            doubt: What it raised.

        Raises:
            EgumaError: It is still not known what was ordered. Its `outcome_unknown` is True.
        """
        meaning = OutcomeUnknownError(
            "cancelled before it was known what became of the orders",
            operation=operation.name(),
            attempts=doubt.attempts,
        )
        with cancelled_as(meaning):
            return await _Resumption(self, operation, began_at - CLOCK_SKEW, doubt).run()

    async def _listed(
        self, external_reference: str, wanted: frozenset[str], since: datetime | None
    ) -> dict[str, Order]:
        """Read all orders of a reference and pick those made of our reservations."""
        # Oldest first: what is added meanwhile comes last and moves nothing to another page.
        listing = ListOrders(
            external_reference=external_reference, created_at_after=since, order="asc"
        )
        orders: Pager[Order] = pager(self.session, listing, self.timeouts)
        # By name: an order that stands on two pages is still one.
        ours = {order.iri: order async for order in orders if order.reservation in wanted}
        for element in orders.unreadable:
            _check_is_not_ours(element, wanted)
        valid = [order for order in ours.values() if order.status != OrderStatus.CANCELLED]
        if len({order.reservation for order in valid}) < len(valid):
            raise InconsistentAnswerError(
                "a reservation has more than one order", result=BulkOrders(orders=tuple(valid))
            )
        found: dict[str, Order] = {order.reservation: order for order in ours.values()}
        return found | {order.reservation: order for order in valid}

    async def _order_of(self, reservation: str) -> Order | None:
        """Follow a reservation to its order."""
        read = await self.session.send(GetOrderLink(iri=reservation), timeouts=self.timeouts)
        if read.order is None:
            return None
        order = await self.session.send(GetOrder(iri=read.order), timeouts=self.timeouts)
        if order.reservation != reservation:
            raise InconsistentAnswerError(
                "a reservation leads to the order of another one",
                result=BulkOrders(orders=(order,)),
            )
        return order


@attrs.frozen
class _Resumption:
    """One more request at most, with looks before and after it until the outcome is known."""

    reconciler: Reconciler
    operation: Ordering
    since: datetime
    doubt: EgumaError

    async def run(self) -> BulkOrders:
        known = await self._look()
        if known is None:
            raise self.doubt
        if not known.missing:
            return BulkOrders(orders=known.orders)
        again = self.operation.of_only(known.missing)
        try:
            if self.reconciler.before_sending is not None:
                await self.reconciler.before_sending()
            rest = await self.reconciler.session.send(again, timeouts=self.reconciler.timeouts)
        except ResultMismatchError:
            raise  # it was carried out, and the result tells how
        except EgumaError as error:
            refusal = error.with_traceback(None)
        else:
            return await self._after_response(known, rest)
        return await self._after_refusal(refusal, known.missing)

    async def _after_response(self, before: Reconciliation, rest: BulkOrders) -> BulkOrders:
        """Look once more for what failed: the first request may have come late, and be why."""
        if not (rest.failed or rest.unaccounted):
            return attrs.evolve(rest, orders=before.orders + rest.orders)
        known = await self._look()
        if known is None:
            raise self._still_unknown("what it did not order could not be looked for")
        orders = _together(self.operation.reservations, (*rest.orders, *known.orders))
        made = {order.reservation for order in orders}
        left = [r for r in self.operation.reservations if r not in made]
        return BulkOrders(
            orders=orders,
            failed=tuple(f for f in rest.failed if left and f.reservation not in made),
            unaccounted=tuple(r for r in rest.unaccounted if r not in made),
        )

    async def _after_refusal(self, refusal: EgumaError, sent: tuple[str, ...]) -> BulkOrders:
        """Look once more: the first request may have come late, and be what refused the second."""
        asked = self.operation.reservations
        if isinstance(refusal, ViolationsError):
            _number_as_asked(refusal, sent, asked)
        known = await self._look()
        if known is not None and not known.missing:
            return BulkOrders(orders=known.orders)
        if in_doubt(refusal):
            raise refusal
        # Only where some of the orders exist was the first request surely carried out. What it left
        # has no order, as its reservation says, and the server has told what is wrong.
        if known is None or not known.orders or not isinstance(refusal, ViolationsError):
            raise self._still_unknown("it was refused", refusal)
        failed = _failures(refusal, asked, frozenset(known.missing))
        return BulkOrders(orders=known.orders, failed=failed)

    def _still_unknown(self, why: str, refusal: EgumaError | None = None) -> EgumaError:
        error = OutcomeUnknownError(
            f"sent again after an attempt of unknown outcome, and {why}:"
            " the earlier attempt may have been processed all the same",
            operation=self.operation.name(),
            attempts=self.doubt.attempts + (refusal.attempts if refusal else 1),
            refusal=refusal if isinstance(refusal, StatusError) else None,
        )
        error.__cause__ = refusal or self.doubt
        return error

    async def _look(self) -> Reconciliation | None:
        """Look until everything is found; return what the last look told, None if it failed."""
        known: Reconciliation | None = None
        for number, pause in enumerate(PAUSES, start=1):
            await self.reconciler.session.clock.sleep(pause)
            try:
                known = await self.reconciler.look_up(
                    self.operation.external_reference,
                    self.operation.reservations,
                    self.since,
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


def _check_is_not_ours(element: UnreadableElement, wanted: frozenset[str]) -> None:
    """Check that an order that cannot be read is none of ours.

    One that does not even tell its reservation is passed over: no reservation is taken for one
    without an order before it has been asked itself.

    Raises:
        DecodingError: It is ours, so that it is there.
    """
    if _reservation_of(element.raw) in wanted:
        raise DecodingError("unreadable order", problems=element.problems)


def _reservation_of(raw: object) -> str | None:
    """Return the reservation of an order as parsed, which holds a customer: no frame keeps it."""
    return link_of(raw.get("reservation")) if isinstance(raw, dict) else None


def _together(reservations: tuple[str, ...], orders: Iterable[Order]) -> tuple[Order, ...]:
    made: dict[str, Order] = {order.reservation: order for order in orders}
    return tuple(made[r] for r in reservations if r in made)


# The refusal of a whole order, told for each of its reservations.


def _number_as_asked(
    refusal: ViolationsError, sent: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    """Make the violations speak of the list that the caller knows.

    Args:
        refusal: Speaks of `sent`; changed in place.
        sent: Reservations that were sent again.
        asked: Reservations of the call they are left of.
    """
    refusal.violations = tuple(_moved(v, sent, asked) for v in refusal.violations)


def _moved(violation: Violation, sent: tuple[str, ...], asked: tuple[str, ...]) -> Violation:
    place = _place(violation)
    if place is None or place >= len(sent):
        return violation
    index = asked.index(sent[place])
    path = _PLACE.sub(f"reservations[{index}]", violation.path, count=1)
    return attrs.evolve(violation, path=path, index=index)


def _place(violation: Violation) -> int | None:
    found = _PLACE.match(violation.path)
    return int(found.group(1)) if found else None


def _failures(
    refusal: ViolationsError, asked: tuple[str, ...], missing: frozenset[str]
) -> tuple[FailedOrder, ...]:
    """Return a failure for each missing reservation, with the violations that are its own."""
    return tuple(
        _failure(reservation, [v for v in refusal.violations if _place(v) == index])
        for index, reservation in enumerate(asked)
        if reservation in missing
    )


def _failure(reservation: str, own: list[Violation]) -> FailedOrder:
    words = "; ".join(violation.message for violation in own if violation.message)
    raw: dict[str, Any] = {
        "reservation": reservation,
        "message": words if own else "not ordered because the call was refused",
        "violations": [{"propertyPath": v.path, "message": v.message, "code": v.code} for v in own],
    }
    return FailedOrder(raw=raw)
