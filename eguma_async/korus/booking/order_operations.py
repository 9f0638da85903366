"""Orders: how they are read."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fields import LENIENT
from eguma_async.core.operation import in_query
from eguma_async.korus.json_ld import Collection
from eguma_async.korus.operations import (
    GetOperation,
    PagedOperation,
    aware_instant,
    from_second,
    optional,
    order_of,
    to_second,
)

from .order_models import Order


def findable_reference(instance: object, field: checks.Field, value: object) -> None:
    """Accept a reference that the list of orders can find again."""
    checks.text(instance, field, value)
    if isinstance(value, str) and len(value) > 50:
        raise ConfigurationError(
            f"{field.name} must have at most 50 characters: the list of orders cannot look for"
            " longer ones, so that an order whose response was lost could not be found again"
        )


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
