"""Orders: how they are made, and taken up again after a lost response or a crash."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import (
    EgumaError,
    JournalError,
    OutcomeUnknownError,
    ResultMismatchError,
    StatusError,
)
from eguma_async.core.journal import Intent
from eguma_async.core.listing import refuse_unreadable
from eguma_async.core.looking import Looking
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.operation import ResponseContext
from eguma_async.core.resumable import Found, Resumable
from eguma_async.core.session import Session
from eguma_async.korus.errors import InconsistentAnswerError, ViolationsError, says_expired
from eguma_async.korus.operations import as_tuple, free_text, iris, optional
from eguma_async.pipeline.call import cancelled_as

from .order_models import BulkOrders, Customer, FailedOrder
from .order_operations import GetOrder, findable_reference
from .reconciliation import CLOCK_SKEW, Reconciler


@attrs.frozen(kw_only=True)
class CreateOrders(Resumable[BulkOrders]):
    """Turn reservations into orders. It books for real.

    The API takes no idempotency key, so it is never sent again once it may have arrived.

    Source: ``POST /v1/booking/orders/_bulk``, docs.korusticket.com.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/booking/orders/_bulk"
    REPEAT: ClassVar[Repeat] = Repeat.ONCE
    KIND: ClassVar[str] = "order"

    reservations: tuple[str, ...] = attrs.field(converter=as_tuple, validator=iris)
    customer: Customer = attrs.field(validator=checks.instance_of(Customer, "a korus.Customer"))
    external_reference: str = attrs.field(validator=findable_reference)
    notes: str | None = attrs.field(default=None, validator=optional(free_text), repr=False)

    def complete(self, value: BulkOrders, context: ResponseContext, /) -> BulkOrders:
        """Compare what was asked for with what came back, if any of it can be read."""
        refuse_unreadable((*value.orders, *value.failed), "$.orders", value.unreadable)
        done = {order.reservation for order in value.orders}
        refused = {failure.reservation for failure in value.failed}
        accounted = done | refused
        value = attrs.evolve(
            value, unaccounted=tuple(r for r in self.reservations if r not in accounted)
        )
        if len(done) < len(value.orders) or done & refused:
            raise InconsistentAnswerError(
                "a reservation stands twice in the response",
                result=value,
            )
        if strange := sorted(done.difference(self.reservations)):
            raise ResultMismatchError(
                "something was ordered that was not asked for",
                result=value,
                differences=tuple(f"{reservation} was not sent" for reservation in strange),
            )
        return value

    def of_only(self, reservations: tuple[str, ...]) -> CreateOrders:
        """Return the same for some of the reservations."""
        return attrs.evolve(self, reservations=reservations)

    def explain(self, refusal: StatusError, /) -> StatusError:
        """Tell which of the reservations have expired."""
        if isinstance(refusal, ViolationsError):
            refusal.expired_reservations = tuple(
                self.reservations[violation.index]
                for violation in refusal.violations
                if says_expired(violation.path, violation.code)
                and violation.index is not None
                and violation.index < len(self.reservations)
            )
        return refusal

    # What a journal asks for

    def reference(self) -> str:
        """Return your reference and what tells these reservations from others under it."""
        named = "|".join(sorted(self.reservations)).encode()
        return f"{self.external_reference}#{hashlib.sha256(named).hexdigest()[:12]}"

    def remote_id(self, value: BulkOrders, /) -> str | None:
        """Return the IRI of the first order; None if nothing was ordered."""
        return value.orders[0].iri if value.orders else None

    def record(self, value: BulkOrders, /) -> dict[str, Any]:
        """Return what is kept of the orders."""
        return {
            "orders": [order.iri for order in value.orders],
            "references": [order.reference for order in value.orders],
            "failed": [failure.reservation for failure in value.failed],
            "unaccounted": list(value.unaccounted),
        }

    def leaves_doubt(self, answer: BulkOrders, /) -> bool:
        """Tell whether a reservation stands on neither side of an answer."""
        return bool(answer.unaccounted)

    @classmethod
    async def recall(cls, record: Mapping[str, Any], session: Session, /) -> BulkOrders:
        """Read the orders that were made. Why others failed is not kept."""
        orders = [await session.send(GetOrder(iri=iri)) for iri in record["orders"]]
        return BulkOrders(
            orders=tuple(orders),
            failed=tuple(
                FailedOrder(raw={"reservation": reservation, "message": "refused before"})
                for reservation in record.get("failed", ())
            ),
            unaccounted=tuple(record.get("unaccounted", ())),
        )

    @classmethod
    def noted(cls, value: BulkOrders, /, *, persisted: bool) -> BulkOrders:
        """Say with the orders whether the journal has them."""
        return attrs.evolve(value, persisted=persisted)

    async def resume(
        self, looking: Looking, repeat: Callable[[], Awaitable[BulkOrders]], /
    ) -> BulkOrders:
        """Look for the orders first, and send again only what is not there."""
        doubt = OutcomeUnknownError("it is not known what became of the orders")
        reconciler = Reconciler(looking.session, before_sending=looking.before_sending)
        return await reconciler.finish(self, looking.began_at, doubt)

    async def look_up(self, looking: Looking, /) -> Found[BulkOrders]:
        """Look for the orders by the reference and by each reservation."""
        since = looking.began_at - CLOCK_SKEW
        known = await Reconciler(looking.session).look_up(
            self.external_reference, self.reservations, since
        )
        if not known.orders:
            return Found()
        return Found(value=BulkOrders(orders=known.orders, unaccounted=known.missing))


async def finish(
    session: Session,
    operation: CreateOrders,
    began_at: datetime,
    doubt: EgumaError,
    *,
    timeouts: Timeouts | None,
    intent: Intent | None = None,
) -> BulkOrders:
    """Bring orders of unknown outcome to their end.

    What a journal has, it does so by itself when asked again. What is left of an answer that was
    silent about it is not in a journal as such: it is looked for first, as without one.

    Args:
        session: Sends.
        operation: What was sent.
        began_at: When it was sent first.
        doubt: What it raised.
        timeouts: Limits of each attempt.
        intent: Under which reference a journal keeps it.
    """
    asked = intent or Intent()
    try:
        with cancelled_as(doubt):
            if await _is_kept(session, operation, asked):
                return await session.send(operation, timeouts=timeouts, intent=asked)
            return await Reconciler(session, timeouts).finish(operation, began_at, doubt)
    except JournalError as error:
        if error.outcome_unknown:
            raise
        unread = error.with_traceback(None)
    raise doubt from unread  # what keeps the journal from looking settles nothing


async def _is_kept(session: Session, operation: CreateOrders, intent: Intent) -> bool:
    reference = intent.client_ref or operation.reference()
    return session.keeps_journal and await session.entry(CreateOrders, reference) is not None
