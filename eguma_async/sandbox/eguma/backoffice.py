"""The merchant's side of the sandbox: what is done at desk and back office."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import attrs

from eguma_async.sandbox.engine.checks import COUNT, FILLED, TEXT
from eguma_async.sandbox.engine.commands import NO_CHANGES
from eguma_async.sandbox.engine.errors import NoSuchRecordError

from . import tickets
from .catalog import Product
from .order_desk import OrderDesk
from .sales import Customer


class BackOffice(OrderDesk):
    """State read and set through Python methods.

    Times of slots are given as listed (``"2026-03-19T10:00:00"``) or as naive values. An id that
    does not exist raises `NoSuchRecordError`.
    """

    # What a merchant sells, and for how much

    def set_active(self, product_or_event_id: str, is_active: bool) -> None:
        """Publish or unpublish a product or an event."""
        event = self._state.events.get(product_or_event_id)
        if event is None:
            self._edit(self.product(product_or_event_id), is_active=is_active)
        else:
            event.is_published, event.updated_at = is_active, self._state.now()

    def set_channel(self, product_id: str, is_on: bool) -> None:
        """Switch the channel "third party integrations" of a product."""
        self._edit(self.product(product_id), channel_is_on=is_on)

    def block_day(self, product_id: str, day: date) -> None:
        """Take all slots of a day out of the calendar."""
        product = self.product(product_id)
        product.blocked_days.add(day)
        product.touch()

    def set_capacity(self, product_id: str, starts_at: str | date, capacity: int | None) -> None:
        """Set the quota of one slot; None for no limit.

        What is held and sold stays so, also above the quota: a hold that stands can be booked, and
        nothing else is held or sold until places are free again.

        Raises:
            NoSuchRecordError: There is no such slot.
            ValueError: The quota is no whole number from 0.
        """
        COUNT.or_null()("capacity", capacity)
        product, slot = self._slot(product_id, starts_at)
        product.quotas = {**product.quotas, slot.starts_at: capacity}

    def set_price(
        self,
        product_id: str,
        category_id: str,
        price_in_cents: int,
        *,
        starts_at: str | date | None = None,
    ) -> None:
        """Change what a category costs from now on.

        A hold keeps no price: what is booked with it costs the new one. What is sold keeps its own.

        Args:
            product_id: Product.
            category_id: Category of it.
            price_in_cents: New price of one ticket.
            starts_at: Slot whose price changes; None for all slots, also those with a price of
                their own.

        Raises:
            NoSuchRecordError: There is no such slot, or the category is not sold there.
            ValueError: The price is no whole number from 0.
        """
        COUNT("price_in_cents", price_in_cents)
        product = self.product(product_id)
        if starts_at is None:
            changes = _with_price(product, category_id, price_in_cents)
        else:
            _, slot = self._slot(product_id, starts_at)
            if slot.price_of(category_id) is None:
                raise NoSuchRecordError("this category is not sold in this slot")
            key = slot.starts_at, category_id
            changes = {"prices": {**product.prices, key: price_in_cents}}
        self._edit(product, **changes)

    # What is sold, and taken back

    def desk_sale(self, product_id: str, starts_at: str | date, quantity: int) -> int | None:
        """Sell places at the desk, also after the cut-off, and return how many are left.

        Raises:
            NoSuchRecordError: There is no such slot.
            ValueError: It has not that many places.
        """
        product, slot = self._slot(product_id, starts_at)
        free = self._state.stock.free(product, slot, self._state.now())
        if quantity < 1 or (free is not None and quantity > free):
            raise ValueError(f"cannot sell {quantity}: {free} places are free")
        self._state.stock.sell(product, slot.starts_at, quantity)
        return self.availability(product_id, starts_at)

    def sell_event(self, event_id: str, quantity: int) -> int:
        """Sell places of an event in the shop, and return how many are left.

        Raises:
            NoSuchRecordError: There is no such event.
            ValueError: It has not that many places.
        """
        event = self.event(event_id)
        if not 1 <= quantity <= event.free:
            raise ValueError(f"cannot sell {quantity}: {event.free} places are free")
        event.sold += quantity
        return event.free

    def release_reservation(self, reservation_id: str) -> None:
        """End a hold now, as its time would: its places return.

        Raises:
            NoSuchRecordError: There is no such hold.
            ValueError: It was booked.
        """
        hold = self._state.stock.holds.get(reservation_id)
        if hold is None:
            raise NoSuchRecordError("no reservation has this id")
        if hold.state == "booked":
            raise ValueError("this reservation was booked; cancel the order")
        if hold.state == "held":
            self._state.stock.release(hold, "cancelled")

    def cancel_order(self, order: str) -> None:
        """Cancel an order and return its places; a second time changes nothing.

        Other than through the API, it may have begun, and its tickets may have been checked in.

        Args:
            order: Id or number.
        """
        found = self._order(order)
        if found.status != "cancelled":
            self._state.cancel(found)

    def update_order(
        self,
        order: str,
        *,
        customer: Mapping[str, object] = NO_CHANGES,
        note: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> None:
        """Edit an order, as is done at the desk; it shows in the list as changed.

        Args:
            order: Id or number.
            customer: Fields of `Customer` to change.
            note: New note; None leaves it.
            tags: New tags; None leaves them.

        Raises:
            NoSuchRecordError: There is no such order.
            ValueError: It has no customer to change, or a value is wrong.
        """
        found = self._order(order)
        changed = _with_changes(found.customer, customer)
        if note is not None:
            TEXT("note", note)
        listed = found.tags if tags is None else tuple(tags)
        for tag in listed:
            FILLED("tags", tag)
        found.customer, found.tags = changed, listed
        found.note = found.note if note is None else note
        found.touch(self._state.now())

    def check_in(self, ticket_number: str) -> dict[str, Any]:
        """Let a ticket of any merchant in and return what the API would respond."""
        return tickets.enter(self._state, self._merchant_of(ticket_number), ticket_number)

    def check_out(self, ticket_number: str) -> dict[str, Any]:
        """Let a ticket of any merchant out and return what the API would respond."""
        return tickets.leave(self._state, self._merchant_of(ticket_number), ticket_number)

    # Keys

    def set_key_active(self, key: str, is_active: bool) -> None:
        """Activate or deactivate a key."""
        found = self._state.find_key(key)
        if found is None:
            raise NoSuchRecordError("there is no such key")
        found.is_active = is_active

    def _edit(self, product: Product, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(product, name, value)
        product.updated_at = self._state.now()


def _with_price(product: Product, category_id: str, price_in_cents: int) -> dict[str, Any]:
    """Return the fields of a product whose category costs something else in every slot."""
    if not any(price.category_id == category_id for plan in product.plans for price in plan.prices):
        raise NoSuchRecordError("the product does not sell this category")
    plans = tuple(
        attrs.evolve(
            plan,
            prices=tuple(
                attrs.evolve(price, price_in_cents=price_in_cents)
                if price.category_id == category_id
                else price
                for price in plan.prices
            ),
        )
        for plan in product.plans
    )
    own = {key: amount for key, amount in product.prices.items() if key[1] != category_id}
    return {"plans": plans, "prices": own}


def _with_changes(customer: Customer | None, changes: Mapping[str, Any]) -> Customer | None:
    if not changes:
        return customer
    if customer is None:
        raise ValueError("this order has no customer")
    known = attrs.asdict(customer)
    for name, value in changes.items():
        if name == "id" or name not in known:
            raise ValueError(f"a customer has no {name}")
        if type(value) is not type(known[name] if known[name] is not None else ""):
            raise ValueError(f"the customer's {name} is of another type")
        if isinstance(value, str):
            TEXT(f"the customer's {name}", value)
    return attrs.evolve(customer, **changes)
