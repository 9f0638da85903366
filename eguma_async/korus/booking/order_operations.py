"""Orders: what is asked for."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError, ResultMismatchError, StatusError
from eguma_async.core.fields import LENIENT
from eguma_async.core.listing import refuse_unreadable
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, ResponseContext, in_query
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
    to_second,
)

from .order_models import BulkOrders, Customer, Order


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
