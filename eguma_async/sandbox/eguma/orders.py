"""The merchant's list of orders."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from eguma_async.sandbox.engine.messages import SandboxResponse, json_response

from .local_time import wall_clock
from .refusals import refused
from .request_checks import read_moment
from .sales import Order
from .sales_views import order_json
from .state import Call, State


class Orders:
    """Answers what was sold, by the shop and through the API."""

    def __init__(self, state: State) -> None:
        self._state = state

    def list(self, call: Call) -> SandboxResponse:
        """List the merchant's orders that fit all filters."""
        options, request = self._state.options, call.request
        if not options.orders_allowed:
            raise refused(403, "This API key may not read orders.")
        after = read_moment(request, "updated_at_after")
        before = read_moment(request, "updated_at_before")
        number = request.parameter("order_number")
        last_name = request.parameter("last_name")
        newest = self._state.now() - timedelta(seconds=options.orders_delay_seconds)
        found = [
            self._json(order)
            for order in map(self._shown, self._state.book.of_merchant(call.caller.merchant))
            if order is not None
            and order.created_at <= newest
            and _is_within(self._shown_update(order), after, before)
            and number in (None, order.number)
            and _has_last_name(order, last_name)
        ]
        if options.max_orders is not None and len(found) > options.max_orders:
            raise refused(options.too_many_orders_status, "That are too many orders at once.")
        return json_response(200, found)

    def _json(self, order: Order) -> dict[str, Any]:
        members = order_json(order, self._state.options)
        for name, value in self._state.distorted.get(order.id, {}).items():
            if value is None:
                members.pop(name, None)
            else:
                members[name] = value
        return members

    def _shown(self, order: Order) -> Order | None:
        """Return an order as the list shows it now; None if it does not."""
        listed = self._state.listed.get(order.id)
        return order if listed is None or self._state.now() >= listed.until else listed.order

    def _shown_update(self, order: Order) -> datetime:
        local = wall_clock(order.updated_at, self._state.options.updated_at_zone)
        return local.replace(microsecond=0)


def _is_within(moment: datetime, after: datetime | None, before: datetime | None) -> bool:
    return (after is None or moment >= after) and (before is None or moment < before)


def _has_last_name(order: Order, last_name: str | None) -> bool:
    if last_name is None:
        return True
    return order.customer is not None and order.customer.last_name == last_name
