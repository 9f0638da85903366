"""The order operations."""

from __future__ import annotations

from typing import Any

from eguma_async.sandbox.engine.messages import SandboxResponse

from .call import KorusCall, ld_response
from .lookups import named_in_path
from .order_checks import OrderInput, read_order
from .pages import RANGE_OPERATORS, collection, in_range, ordered
from .refusals import RefusedError
from .sales import (
    VALIDATED,
    WAITING,
    Document,
    HeldItem,
    HeldTicket,
    Order,
    OrderItem,
    OrderTicket,
    Reservation,
)
from .sales_views import BookingViews
from .state import State

ORDER_FILTERS = (
    "external_reference",
    "order[createdAt]",
    *(f"createdAt[{operator}]" for operator in RANGE_OPERATORS),
)
LONGEST_FILTER = 50
FIRST_CONNECTOR_REFERENCE = 3875
LAST_USED_VOUCHER = 8553501100013198


class Orders:
    """Turns reservations into orders."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._views = BookingViews(state)
        self._last_reference = 0
        self._last_voucher = LAST_USED_VOUCHER

    def create(self, call: KorusCall) -> SandboxResponse:
        """Order all reservations that the issuers' systems accept, or refuse the request."""
        purchase = read_order(self._state, call)
        orders: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for reservation in purchase.reservations:
            message = _refusal(reservation)
            if message is None:
                orders.append(self._views.new_order(self._order(reservation, purchase)))
            else:
                members = {"reservation": reservation.iri, "message": message}
                failed.append(self._views.failure("FailedOrder", members))
        arrays: dict[str, Any] = {"orders": orders}
        if failed or self._state.options.body_format.failed_orders:
            arrays["failedOrders"] = failed
        return ld_response(self._views.bulk(call.origin, "CreateOrderBulkOutput", arrays))

    def list_orders(self, call: KorusCall) -> SandboxResponse:
        """List the organization's orders that pass all filters."""
        mine = [order for order in self._state.orders if order.organization is call.caller]
        for reference in call.values("external_reference"):
            if not 1 <= len(reference) <= LONGEST_FILTER:
                raise RefusedError(400, '"external_reference" must have 1 to 50 characters.')
            mine = [order for order in mine if order.external_reference == reference]
        in_time = in_range(call, mine, "createdAt", lambda order: order.created_at)
        listed = ordered(call, in_time, "createdAt", lambda order: order.created_at)
        body = collection(call, "BookingOrder", listed, self._views.order, filters=ORDER_FILTERS)
        return ld_response(body)

    def get(self, call: KorusCall) -> SandboxResponse:
        """Return one order."""
        order = named_in_path(self._state, call, Order, call.path)
        return ld_response({"@context": "/contexts/BookingOrder", **self._views.order(order)})

    def _order(self, reservation: Reservation, purchase: OrderInput) -> Order:
        order = Order(
            id=self._state.new_id(),
            reference=self._new_reference(),
            connector_reference=str(FIRST_CONNECTOR_REFERENCE + len(self._state.orders)),
            created_at=self._state.now(),
            reservation=reservation,
            customer=purchase.customer,
            external_reference=purchase.external_reference,
            notes=purchase.notes,
        )
        order.items = [self._item(order, held) for held in reservation.items]
        order.documents = [Document(id=self._state.new_id(), order=order)]
        reservation.order = order
        self._state.orders.append(order)
        self._state.register(order)
        parts: list[Document | OrderTicket] = [*order.documents, *order.tickets]
        for part in parts:
            self._state.register(part)
        return order

    def _item(self, order: Order, held: HeldItem) -> OrderItem:
        item = OrderItem(id=self._state.new_id(), order=order, held=held)
        item.tickets = [
            self._ticket(item, held_ticket, unit)
            for unit in range(held.quantity)
            for held_ticket in held.tickets
        ]
        return item

    def _ticket(self, item: OrderItem, held: HeldTicket, unit: int) -> OrderTicket:
        offered = held.chosen.ticket
        return OrderTicket(
            id=self._state.new_id(),
            item=item,
            chosen=held.chosen,
            voucher=self._new_voucher() if offered.vouchers else None,
            seat=held.seats[unit] if held.seats else None,
            status=WAITING if offered.asked else VALIDATED,
        )

    def _new_voucher(self) -> str:
        self._last_voucher += 1
        return str(self._last_voucher)

    def _new_reference(self) -> str:
        """Make a reference of a time in microseconds that was not used before."""
        now = self._state.now()
        wanted = int(now.timestamp()) * 10**6 + self._state.random.randrange(10**6)
        self._last_reference = max(wanted, self._last_reference + 1)
        seconds, micros = divmod(self._last_reference, 10**6)
        return f"KT-ORD-{seconds:08X}{micros:05X}"


def _refusal(reservation: Reservation) -> str | None:
    messages = [item.offer.fails("ordering") for item in reservation.items]
    return next((message for message in messages if message is not None), None)
