"""Orders at the merchant's desk, and what the list of orders makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import attrs

from eguma_async.sandbox.engine.checks import FLAG, OBJECT, SECONDS

from .bookings import issue_tickets
from .overview import Overview
from .sales import Customer, Order
from .sales_views import order_json
from .state import Listed


class OrderDesk(Overview):
    """The part of the back office that is about single orders.

    An id that does not exist raises `NoSuchRecordError`.
    """

    def sell_order(
        self,
        product_id: str,
        starts_at: str | date,
        quantity: int = 1,
        *,
        customer: Customer | None = None,
    ) -> str:
        """Sell tickets of the first category in the web shop, and return the id of the order.

        Raises:
            NoSuchRecordError: There is no such slot.
            ValueError: It has not that many places.
        """
        product, slot = self._slot(product_id, starts_at)
        state, now = self._state, self._state.now()
        free = state.stock.free(product, slot, now)
        if quantity < 1 or (free is not None and quantity > free):
            raise ValueError(f"cannot sell {quantity}: {free} places are free")
        items = ((product.categories[0].id, quantity),)
        order = Order(
            id=state.ids.hexadecimal(),
            number=state.ids.order_number(state.options.generation),
            merchant=product.merchant,
            product=product,
            starts_at=slot.starts_at,
            tickets=issue_tickets(state, product, slot, items),
            language=product.merchant.default_language,
            created_at=now,
            updated_at=now,
            location="web",
            customer=customer,
        )
        state.book.add(order)
        state.stock.sell(product, slot.starts_at, quantity)
        return order.id

    def reopen_order(self, order: str) -> None:
        """Take the cancellation of an order back; one that stands is left alone.

        Args:
            order: Id or number.
        """
        found = self._order(order)
        if found.status == "cancelled":
            found.status = "completed"
            found.touch(self._state.now())
            self._state.stock.sell(found.product, found.starts_at, len(found.tickets))

    def hide_order(self, order: str, seconds: float) -> None:
        """Leave an order out of the list for a time, as one whose transaction takes that long.

        Args:
            order: Id or number.
            seconds: How long; 0 shows it at once.
        """
        self._list(order, seconds, None)

    def freeze_order(self, order: str, seconds: float) -> None:
        """Let the list show an order for a time as it is now, whatever is done to it meanwhile.

        Args:
            order: Id or number.
            seconds: How long; 0 shows at once what has become of it.
        """
        found = self._order(order)
        shown = self._state.listed.get(found.id)
        if shown is not None and self._state.now() < shown.until:
            self._list(order, seconds, shown.order)
        else:
            self._list(order, seconds, attrs.evolve(found))

    def distort_order(self, order: str, members: Mapping[str, Any]) -> None:
        """Let the list show an order with other values than it has; with none, as it is.

        Args:
            order: Id or number.
            members: Names of its members with what to show; None for a member that is left out.
        """
        OBJECT("members", members)
        found = self._order(order)
        self._state.distorted.pop(found.id, None)
        if members:
            self._state.distorted[found.id] = dict(members)

    def touch_order(self, order: str, *, note: str, moves: bool = True) -> None:
        """Change the note of an order.

        Args:
            order: Id or number.
            note: New note.
            moves: Whether `updated_at` moves with it: not every change of a shop does that.
        """
        FLAG("moves", moves)
        found = self._order(order)
        found.note = note
        if moves:
            found.touch(self._state.now())

    def listed_orders(self) -> list[dict[str, Any]]:
        """Return what the list of orders is to show of all merchants in the end, as JSON."""
        return [order_json(order, self._state.options) for order in self.orders()]

    def _list(self, order: str, seconds: float, shown: Order | None) -> None:
        SECONDS("seconds", seconds)
        until = self._state.now() + timedelta(seconds=seconds)
        self._state.listed[self._order(order).id] = Listed(until, shown)
