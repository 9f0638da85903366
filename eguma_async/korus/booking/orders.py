"""Orders: reservations turned into bookings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError, EgumaError, StatusError
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, ResponseContext, in_query
from eguma_async.core.session import Session
from eguma_async.korus.errors import InconsistentAnswerError, ViolationsError, says_expired
from eguma_async.korus.json_ld import Collection
from eguma_async.korus.operations import (
    GetOperation,
    PagedOperation,
    as_tuple,
    aware_instant,
    iris,
    optional,
    order_of,
    pager,
)
from eguma_async.pipeline.pages import Pager

from .order_models import BulkOrders, Customer, Order
from .reconciliation import Reconciler, Reconciliation, in_doubt


def findable_reference(instance: object, field: checks.Field, value: object) -> None:
    """Accept a reference that the list of orders can find again."""
    checks.text(instance, field, value)
    if isinstance(value, str) and len(value) > 50:
        raise ConfigurationError(
            f"{field.name} must have at most 50 characters: the list of orders cannot look for"
            " longer ones, so that an order whose answer was lost could not be found again"
        )


@attrs.frozen(kw_only=True)
class CreateOrders(Operation[BulkOrders]):
    """Turn reservations into orders. It books for real.

    The API takes no idempotency key, so it is never sent again once it may have arrived.

    Source: ``POST /v1/booking/orders/_bulk``, docs.korusticket.com.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/booking/orders/_bulk"
    REPEAT: ClassVar[Repeat] = Repeat.ONCE

    reservations: tuple[str, ...] = attrs.field(converter=as_tuple, validator=iris)
    customer: Customer = attrs.field(validator=checks.instance_of(Customer, "a korus.Customer"))
    external_reference: str = attrs.field(validator=findable_reference)
    notes: str | None = attrs.field(default=None, repr=False)

    def complete(self, value: BulkOrders, context: ResponseContext, /) -> BulkOrders:
        """Compare what was asked for with what came back."""
        done = {order.reservation for order in value.orders}
        refused = {failure.reservation for failure in value.failed}
        twice = len(done) < len(value.orders)
        if twice or done & refused:
            raise InconsistentAnswerError(
                "a reservation stands twice in the answer",
                result=value,
            )
        accounted = done | refused
        return attrs.evolve(
            value, unaccounted=tuple(r for r in self.reservations if r not in accounted)
        )

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


@attrs.frozen(kw_only=True)
class OrderPage(Collection[Order]):
    """One page of orders."""

    member: tuple[Order, ...]


_IS_INSTANT = optional(aware_instant)


@attrs.frozen(kw_only=True)
class ListOrders(PagedOperation[OrderPage]):
    """List the organization's orders.

    Source: ``GET /v1/booking/orders``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "/v1/booking/orders"

    external_reference: str | None = attrs.field(
        default=None,
        validator=optional(findable_reference),
        metadata=in_query("external_reference"),
    )
    created_at_after: datetime | None = attrs.field(
        default=None, validator=_IS_INSTANT, metadata=in_query("createdAt[after]")
    )
    created_at_strictly_after: datetime | None = attrs.field(
        default=None, validator=_IS_INSTANT, metadata=in_query("createdAt[strictly_after]")
    )
    created_at_before: datetime | None = attrs.field(
        default=None, validator=_IS_INSTANT, metadata=in_query("createdAt[before]")
    )
    created_at_strictly_before: datetime | None = attrs.field(
        default=None, validator=_IS_INSTANT, metadata=in_query("createdAt[strictly_before]")
    )
    order: str | None = attrs.field(
        default=None, validator=optional(order_of), metadata=in_query("order[createdAt]")
    )


@attrs.frozen(kw_only=True)
class GetOrder(GetOperation[Order]):
    """Read one order.

    Source: ``GET /v1/booking/orders/{id}``, docs.korusticket.com.
    """


class Orders:
    """``session.orders``."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._reconciler = Reconciler(session, self)

    async def create(
        self,
        reservations: Iterable[str],
        customer: Customer,
        external_reference: str,
        *,
        notes: str | None = None,
        settle_unknown: bool = False,
    ) -> BulkOrders:
        """Turn reservations into orders. Take the payment first.

        Args:
            reservations: IRIs of reservations that have not expired.
            customer: Who buys.
            external_reference: Your reference, 50 characters at most. Make it unique: it is how
                an order is found again whose answer was lost.
            notes: A remark, such as a need for assistance.
            settle_unknown: Finish the call if its answer is lost: look for the orders after 2, 5
                and 15 seconds, and send again only what is not there. An order that was made and
                then cancelled is there. If the second request is refused and some orders are
                there, what it breaks rules with stands among the failures.

        Raises:
            ViolationsError: Nothing was ordered; `expired_reservations` on it tells which
                reservations have expired.
            OutcomeUnknownError: Orders may have been made; `settle` finds out. A refusal that came
                after a lost answer is its `refusal`: it proves nothing.
            DecodingError: The same, if the answer came but cannot be read.
            InconsistentAnswerError: The answer contradicts itself.
        """
        operation = CreateOrders(
            reservations=reservations,
            customer=customer,
            external_reference=external_reference,
            notes=notes,
        )
        began_at = self._session.clock.now()
        try:
            return await self._session.send(operation)
        except EgumaError as error:
            if not (settle_unknown and in_doubt(error)):
                raise
            doubt = error.with_traceback(None)
        return await self._reconciler.finish(operation, began_at, doubt)

    async def settle(
        self,
        external_reference: str,
        reservations: Iterable[str],
        *,
        created_at_after: datetime | None = None,
    ) -> Reconciliation:
        """Find out which reservations have become orders, after an answer was lost.

        It only reads: the list of orders, and each reservation whose order is not in it. An order
        may still be on its way: ask again before you send again.

        Args:
            external_reference: The reference that was sent.
            reservations: IRIs of the reservations that were sent.
            created_at_after: Look at orders made since then, aware; at all if not given.

        Raises:
            InconsistentAnswerError: A reservation has two orders. Look at them at once.
            EgumaError: Something could not be read, so that nothing is known.
        """
        return await self._reconciler.look_up(
            external_reference, as_tuple(reservations), created_at_after
        )

    async def get(self, iri: str) -> Order:
        """Read one order, with the IRIs of its tickets."""
        return await self._session.send(GetOrder(iri=iri))

    def list(
        self,
        *,
        external_reference: str | None = None,
        created_at_after: datetime | None = None,
        created_at_strictly_after: datetime | None = None,
        created_at_before: datetime | None = None,
        created_at_strictly_before: datetime | None = None,
        order: str | None = None,
    ) -> Pager[Order]:
        """List the orders that match all of the given filters.

        Args:
            external_reference: Exactly this reference.
            created_at_after: At this moment or later, aware.
            created_at_strictly_after: Later than this moment.
            created_at_before: At this moment or earlier.
            created_at_strictly_before: Earlier than this moment.
            order: By the moment of creation, ``"asc"`` or ``"desc"``.
        """
        operation = ListOrders(
            external_reference=external_reference,
            created_at_after=created_at_after,
            created_at_strictly_after=created_at_strictly_after,
            created_at_before=created_at_before,
            created_at_strictly_before=created_at_strictly_before,
            order=order,
        )
        return pager(self._session, operation)
