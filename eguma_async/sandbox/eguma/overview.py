"""What there is in the sandbox, to be looked at."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import attrs

from eguma_async.sandbox.engine.errors import NoSuchRecordError

from .builder import Builder
from .catalog import Event, Merchant, Product, Slot
from .local_time import seconds_text
from .options import EgumaOptions
from .sales import Hold, Order
from .state import slot_start

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

    @property
    def start(self) -> datetime:
        """The start of the slot, as a client takes it.

        Raises:
            ValueError: The product has no open slot.
        """
        if self.starts_at is None:
            raise ValueError(f"the product {self.label!r} has no open slot")
        return datetime.fromisoformat(self.starts_at)


class Overview(Builder):
    """The part of the back office that reads.

    An id that does not exist raises `NoSuchRecordError`.
    """

    def merchants(self) -> tuple[Merchant, ...]:
        """Return the merchants with their users and keys."""
        return tuple(self._state.merchants)

    @property
    def demo_key(self) -> str:
        """First key of the first merchant that has one.

        Raises:
            NoSuchRecordError: No merchant has one yet.
        """
        return _first_key(*self.merchants())

    @property
    def example_names(self) -> tuple[str, ...]:
        """Labels that `example` takes."""
        return tuple(product.label for product in self.products() if product.label)

    def example(self, label: str) -> Example:
        """Return the product that demonstrates something, with a slot to book.

        Args:
            label: One of `example_names`, such as ``"time"``, ``"day"``, ``"small"`` or
                ``"sold-out"``.

        Raises:
            NoSuchRecordError: No product has this label.
        """
        for product in self.products():
            if product.label == label:
                return self._example(product)
        raise NoSuchRecordError(f"no product is labelled {label!r}")

    def today(self) -> date:
        """Return the merchants' date."""
        return self._state.today()

    def products(self) -> tuple[Product, ...]:
        """Return the products of all merchants, also those no key can see."""
        return tuple(self._state.products.values())

    def product(self, product_id: str) -> Product:
        """Return a product by its id."""
        product = self._state.products.get(product_id)
        if product is None:
            raise NoSuchRecordError("no product has this id")
        return product

    def events(self) -> tuple[Event, ...]:
        """Return the events of all merchants, also those that are not published."""
        return tuple(self._state.events.values())

    def event(self, event_id: str) -> Event:
        """Return an event by its id."""
        event = self._state.events.get(event_id)
        if event is None:
            raise NoSuchRecordError("no event has this id")
        return event

    def availability(self, product_id: str, starts_at: str | date) -> int | None:
        """Return the free places of a slot, open or not; None if there is no limit.

        Raises:
            NoSuchRecordError: There is no such slot.
        """
        product, slot = self._slot(product_id, starts_at)
        return self._state.stock.free(product, slot, self._state.now())

    def holds(self) -> tuple[Hold, ...]:
        """Return the holds that still stand."""
        now = self._state.now()
        return tuple(hold for hold in self.reservations() if hold.is_active(now))

    def reservations(self) -> tuple[Hold, ...]:
        """Return all holds, oldest first, those that ended included."""
        return tuple(self._state.stock.holds.values())

    def orders(self) -> tuple[Order, ...]:
        """Return all orders of all merchants, oldest first."""
        return tuple(self._state.book.orders.values())

    def bookings(self) -> tuple[Order, ...]:
        """Return the orders that were booked through the API, oldest first."""
        return tuple(order for order in self.orders() if order.user_id is not None)

    @property
    def options(self) -> EgumaOptions:
        """The switches; set a changed copy to change them."""
        return self._state.options

    @options.setter
    def options(self, options: EgumaOptions) -> None:
        self._state.options = options

    def _slot(self, product_id: str, starts_at: str | date) -> tuple[Product, Slot]:
        product = self.product(product_id)
        if isinstance(starts_at, date):
            start: datetime | None = datetime.fromisoformat(starts_at.isoformat())
        else:
            start = slot_start(product, starts_at)
        if start is None:
            raise ValueError("starts_at must have the form in which slots are listed")
        slot = self._state.find_slot(product, start)
        if slot is None:
            raise NoSuchRecordError("the product has no such slot")
        return product, slot

    def _order(self, id_or_number: str) -> Order:
        order = self._state.book.find(id_or_number)
        if order is None:
            raise NoSuchRecordError("no order has this id or number")
        return order

    def _merchant_of(self, ticket_number: str) -> Merchant:
        for merchant in self.merchants():
            if self._state.book.with_ticket(ticket_number, merchant):
                return merchant
        raise NoSuchRecordError("no ticket has this number")

    def _example(self, product: Product) -> Example:
        slot = self._slot_for_example(product)
        sold = set() if slot is None else {price.category_id for price in slot.prices}
        return Example(
            product.label,
            product.name,
            _first_key(product.merchant),
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


def _first_key(*merchants: Merchant) -> str:
    for merchant in merchants:
        for user in merchant.users:
            for key in user.keys:
                return key.value
    raise NoSuchRecordError("there is no key yet: use add_merchant, add_user and add_key")
