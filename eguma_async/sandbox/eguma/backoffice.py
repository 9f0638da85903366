"""The merchant's side of the sandbox: what there is, and what is done at desk and back office."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import attrs

from . import tickets
from .catalog import ApiKey, Category, Merchant, Product, Slot, SlotPlan, SlotType, User
from .local_time import seconds_text
from .sales import Order
from .state import State, slot_start
from .stock import Hold

EXAMPLE_DAYS = 60
ROOMY = 4


@attrs.frozen
class Example:
    """A product of the demo data with what it takes to book it.

    Attributes:
        label: What the product demonstrates.
        api_key: First key of its merchant.
        starts_at: An open slot from tomorrow on, with free places if there is one; None if the
            product has no open slot.
        category_ids: Categories sold in that slot.
    """

    label: str
    name: str
    api_key: str = attrs.field(repr=False)
    product_id: str
    starts_at: str | None
    category_ids: tuple[str, ...]


class BackOffice:
    """State read and set through Python methods.

    Times of slots are given as listed (``"2026-03-19T10:00:00"``) or as naive values.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    # What there is

    @property
    def merchants(self) -> tuple[Merchant, ...]:
        """The merchants with their users and keys."""
        return tuple(self._state.merchants)

    @property
    def demo_key(self) -> str:
        """First key of the first merchant."""
        return self.merchants[0].users[0].keys[0].value

    def today(self) -> date:
        """Return the merchants' date."""
        return self._state.today()

    def products(self) -> tuple[Product, ...]:
        """Return the products of all merchants, also those no key can see."""
        return tuple(self._state.products.values())

    def product(self, product_id: str) -> Product:
        """Return a product by its id.

        Raises:
            ValueError: There is no such product.
        """
        product = self._state.products.get(product_id)
        if product is None:
            raise ValueError("no product has this id")
        return product

    def example(self, label: str) -> Example:
        """Return the product that demonstrates something, with a slot to book.

        Args:
            label: Such as ``"time"``, ``"day"``, ``"small"`` or ``"sold-out"``; `products` has
                them all.

        Raises:
            ValueError: No product has this label.
        """
        for product in self.products():
            if product.label == label:
                return self._example(product)
        raise ValueError(f"no product is labelled {label!r}")

    def availability(self, product_id: str, starts_at: str | date) -> int | None:
        """Return the free places of a slot, open or not; None if there is no limit."""
        product, start = self._slot(product_id, starts_at)
        slot = self._state.find_slot(product, start)
        if slot is None:
            raise ValueError("the product has no such slot")
        return self._state.stock.free(product, slot, self._state.now())

    def holds(self) -> tuple[Hold, ...]:
        """Return the holds that still stand."""
        now = self._state.now()
        return tuple(hold for hold in self._state.stock.holds.values() if hold.is_active(now))

    def orders(self) -> tuple[Order, ...]:
        """Return all orders of all merchants, oldest first."""
        return tuple(self._state.book.orders.values())

    def bookings(self) -> tuple[Order, ...]:
        """Return the orders that were booked through the API, oldest first."""
        return tuple(order for order in self.orders() if order.user_id is not None)

    # What a merchant does in the back office and at the desk

    def add_merchant(
        self, name: str, *, default_language: str = "de", currency: str = "CHF"
    ) -> Merchant:
        """Add a merchant without users."""
        merchant = Merchant(self._state.ids.hexadecimal(), name, default_language, currency)
        self._state.merchants.append(merchant)
        return merchant

    def add_user(self, merchant: Merchant, name: str, *, is_approved: bool = True) -> User:
        """Add a user without keys."""
        user = User(self._state.ids.hexadecimal(), name, is_approved)
        merchant.users.append(user)
        return user

    def add_key(self, merchant: Merchant, user: User, *, is_active: bool = True) -> str:
        """Give a user a further key and return it."""
        key = ApiKey(self._state.ids.hexadecimal(), is_active)
        return self._state.add_key(merchant, user, key).value

    def set_key_active(self, key: str, is_active: bool) -> None:
        """Activate or deactivate a key.

        Raises:
            ValueError: There is no such key.
        """
        found = self._state.find_key(key)
        if found is None:
            raise ValueError("there is no such key")
        found.is_active = is_active

    def add_category(
        self, name: str, age_from: int | None = None, age_to: int | None = None
    ) -> Category:
        """Make a category with ids of its own, to build a product with."""
        ids = self._state.ids
        return Category(ids.hexadecimal(), ids.uuid(), name, age_from, age_to)

    def add_product(
        self,
        merchant: Merchant,
        names: Mapping[str, str],
        categories: tuple[Category, ...],
        plans: tuple[SlotPlan, ...],
        *,
        slot_type: SlotType = "time",
        **details: Any,
    ) -> Product:
        """Add a product that all users of the merchant may sell.

        Its `plans` are the slots that repeat day by day, `names` maps languages to names, and
        `details` are further fields of `Product`, such as ``label`` or ``is_active``.
        """
        fields: dict[str, Any] = {
            "label": "",
            "description_translations": dict.fromkeys(names, ""),
            "updated_at": self._state.now(),
            "allowed_users": {user.id for user in merchant.users},
            **details,
        }
        product = Product(
            id=self._state.ids.hexadecimal(),
            merchant=merchant,
            slot_type=slot_type,
            name_translations=names,
            categories=categories,
            plans=plans,
            **fields,
        )
        self._state.products[product.id] = product
        return product

    def set_capacity(self, product_id: str, starts_at: str | date, capacity: int | None) -> None:
        """Set the quota of one slot; None for no limit."""
        product, start = self._slot(product_id, starts_at)
        product.quotas[start] = capacity
        product.touch(start.date())

    def block_day(self, product_id: str, day: date) -> None:
        """Take all slots of a day out of the calendar."""
        product = self.product(product_id)
        product.blocked_days.add(day)
        product.touch()

    def set_active(self, product_id: str, is_active: bool) -> None:
        """Publish or unpublish a product."""
        self._edit(product_id, is_active=is_active)

    def set_channel(self, product_id: str, is_on: bool) -> None:
        """Switch the channel "third party integrations" of a product."""
        self._edit(product_id, channel_is_on=is_on)

    def desk_sale(self, product_id: str, starts_at: str | date, quantity: int) -> int | None:
        """Sell places at the desk, also after the cut-off, and return how many are left.

        Raises:
            ValueError: There is no such slot, or it has not that many places.
        """
        free = self.availability(product_id, starts_at)
        if quantity < 1 or (free is not None and quantity > free):
            raise ValueError(f"cannot sell {quantity}: {free} places are free")
        product, start = self._slot(product_id, starts_at)
        self._state.stock.sell(product, start, quantity)
        return self.availability(product_id, starts_at)

    def check_in(self, ticket_number: str) -> dict[str, Any]:
        """Let a ticket of any merchant in and return what the API would answer."""
        return tickets.enter(self._state, self._merchant_of(ticket_number), ticket_number)

    def check_out(self, ticket_number: str) -> dict[str, Any]:
        """Let a ticket of any merchant out and return what the API would answer."""
        return tickets.leave(self._state, self._merchant_of(ticket_number), ticket_number)

    def _edit(self, product_id: str, **changes: bool) -> None:
        product = self.product(product_id)
        for name, value in changes.items():
            setattr(product, name, value)
        product.updated_at = self._state.now()
        product.touch()

    def _slot(self, product_id: str, starts_at: str | date) -> tuple[Product, datetime]:
        product = self.product(product_id)
        if isinstance(starts_at, date):
            return product, datetime.fromisoformat(starts_at.isoformat())
        start = slot_start(product, starts_at)
        if start is None:
            raise ValueError("starts_at must have the form in which slots are listed")
        return product, start

    def _merchant_of(self, ticket_number: str) -> Merchant:
        for merchant in self.merchants:
            if self._state.book.with_ticket(ticket_number, merchant):
                return merchant
        raise ValueError("no ticket has this number")

    def _example(self, product: Product) -> Example:
        slot = self._slot_for_example(product)
        sold = set() if slot is None else {price.category_id for price in slot.prices}
        return Example(
            product.label,
            product.name,
            product.merchant.users[0].keys[0].value,
            product.id,
            None if slot is None else seconds_text(slot.starts_at),
            tuple(category.id for category in product.categories if category.id in sold),
        )

    def _slot_for_example(self, product: Product) -> Slot | None:
        first, now = self.today() + timedelta(days=1), self._state.now()
        slots = self._state.slots(product, first, first + timedelta(days=EXAMPLE_DAYS))
        for slot in slots:
            free = self._state.stock.free(product, slot, now)
            if free is None or free >= ROOMY:
                return slot
        return next(iter(slots), None)
