"""Orders: reservations turned into bookings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError, EgumaError, ResultMismatchError, StatusError
from eguma_async.core.fields import LENIENT
from eguma_async.core.listing import refuse_unreadable
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.operation import Operation, ResponseContext, in_query
from eguma_async.core.session import Session
from eguma_async.korus.errors import InconsistentAnswerError, ViolationsError, says_expired
from eguma_async.korus.json_ld import Collection
from eguma_async.korus.operations import (
    GetOperation,
    PagedOperation,
    as_tuple,
    aware_instant,
    free_text,
    from_second,
    iris,
    optional,
    order_of,
    pager,
    to_second,
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
            " longer ones, so that an order whose response was lost could not be found again"
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

    member: tuple[Order, ...] = attrs.field(metadata=LENIENT)


_IS_INSTANT = optional(aware_instant)


@attrs.frozen(kw_only=True)
class ListOrders(PagedOperation[OrderPage]):
    """List the organization's orders.

    The server knows whole seconds: bounds with a fraction are rounded outwards.

    Source: ``GET /v1/booking/orders``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "/v1/booking/orders"

    external_reference: str | None = attrs.field(
        default=None,
        validator=optional(findable_reference),
        metadata=in_query("external_reference"),
    )
    created_at_after: datetime | None = attrs.field(
        default=None,
        converter=from_second,
        validator=_IS_INSTANT,
        metadata=in_query("createdAt[after]"),
    )
    created_at_strictly_after: datetime | None = attrs.field(
        default=None,
        converter=from_second,
        validator=_IS_INSTANT,
        metadata=in_query("createdAt[strictly_after]"),
    )
    created_at_before: datetime | None = attrs.field(
        default=None,
        converter=to_second,
        validator=_IS_INSTANT,
        metadata=in_query("createdAt[before]"),
    )
    created_at_strictly_before: datetime | None = attrs.field(
        default=None,
        converter=to_second,
        validator=_IS_INSTANT,
        metadata=in_query("createdAt[strictly_before]"),
    )
    order: str | None = attrs.field(
        default=None, validator=optional(order_of), metadata=in_query("order[createdAt]")
    )


@attrs.frozen(kw_only=True)
class GetOrder(GetOperation[Order]):
    """Read one order.

    Source: ``GET /v1/booking/orders/{id}``, docs.korusticket.com.
    """


def either(value: bool, before: bool | None) -> bool:
    """Return an option, or what was passed under the name it had before."""
    return value if before is None else before


class Orders:
    """``session.orders``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self,
        reservations: Iterable[str],
        customer: Customer,
        external_reference: str,
        *,
        notes: str | None = None,
        reconcile_unknown: bool = False,
        settle_unknown: bool | None = None,
        timeouts: Timeouts | None = None,
    ) -> BulkOrders:
        """Turn reservations into orders. Take the payment first.

        Args:
            reservations: IRIs of reservations that have not expired.
            customer: Who buys.
            external_reference: Your reference, 50 characters at most. Make it unique: it is how
                an order is found again whose response was lost.
            notes: A remark, such as a need for assistance.
            reconcile_unknown: Finish the call if its response is lost: look for the orders after
                2, 5 and 15 seconds, and send again only what is not there. An order that was made
                and then cancelled is there. If the second request is refused and some orders are
                there, what it breaks rules with stands among the failures.
            settle_unknown: The name of `reconcile_unknown` before.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            ViolationsError: Nothing was ordered; `expired_reservations` on it tells which
                reservations have expired.
            OutcomeUnknownError: Orders may have been made; `reconcile` finds out. A refusal that
                came after a lost response is its `refusal`: it proves nothing.
            DecodingError: The same, if the response came but cannot be read.
            ResultMismatchError: A reservation was ordered that was not sent.
            InconsistentAnswerError: The response contradicts itself.
        """
        operation = CreateOrders(
            reservations=reservations,
            customer=customer,
            external_reference=external_reference,
            notes=notes,
        )
        del notes  # a traceback that shows variables must not show it
        began_at = self._session.clock.now()
        try:
            return await self._session.send(operation, timeouts=timeouts)
        except EgumaError as error:
            if not (either(reconcile_unknown, settle_unknown) and in_doubt(error)):
                raise
            doubt = error.with_traceback(None)
        reconciler = Reconciler(self._session, self, timeouts)
        return await reconciler.finish(operation, began_at, doubt)

    async def reconcile(
        self,
        external_reference: str,
        reservations: Iterable[str],
        *,
        created_at_after: datetime | None = None,
        timeouts: Timeouts | None = None,
    ) -> Reconciliation:
        """Find out which reservations have become orders, after a response was lost.

        It only reads: the list of orders, and each reservation whose order is not in it. An order
        may still be on its way: ask again before you send again.

        Args:
            external_reference: The reference that was sent.
            reservations: IRIs of the reservations that were sent.
            created_at_after: Look at orders made since then, aware; at all if not given.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            InconsistentAnswerError: A reservation has two orders. Look at them at once.
            EgumaError: Something could not be read, so that nothing is known.
        """
        reconciler = Reconciler(self._session, self, timeouts)
        return await reconciler.look_up(
            external_reference, as_tuple(reservations), created_at_after
        )

    settle = reconcile

    async def get(self, iri: str, *, timeouts: Timeouts | None = None) -> Order:
        """Read one order, with the IRIs of its tickets.

        Raises:
            ResultMismatchError: The response is another resource.
        """
        return await self._session.send(GetOrder(iri=iri), timeouts=timeouts)

    def list(
        self,
        *,
        external_reference: str | None = None,
        created_at_after: datetime | None = None,
        created_at_strictly_after: datetime | None = None,
        created_at_before: datetime | None = None,
        created_at_strictly_before: datetime | None = None,
        order: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> Pager[Order]:
        """List the orders that match all of the given filters.

        The server knows whole seconds: a fraction in a bound makes the list wider, by less than a
        second, never narrower.

        Args:
            external_reference: Exactly this reference.
            created_at_after: At this moment or later, aware.
            created_at_strictly_after: Later than this moment.
            created_at_before: At this moment or earlier.
            created_at_strictly_before: Earlier than this moment.
            order: By the moment of creation, ``"asc"`` or ``"desc"``.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            IncompleteListError: While it is read, if it ends before its end.
        """
        operation = ListOrders(
            external_reference=external_reference,
            created_at_after=created_at_after,
            created_at_strictly_after=created_at_strictly_after,
            created_at_before=created_at_before,
            created_at_strictly_before=created_at_strictly_before,
            order=order,
        )
        return pager(self._session, operation, timeouts)
