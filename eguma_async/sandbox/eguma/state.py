"""Everything one e-guma sandbox knows, and the questions all endpoints ask it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any, TypeAlias

import attrs

from eguma_async.sandbox.engine.clock import SandboxClock
from eguma_async.sandbox.engine.routing import ApiCall

from .catalog import ApiKey, Event, Merchant, Product, Slot, User
from .idempotency import IdempotencyStore
from .ids import Ids
from .local_time import instant, parse_date, parse_local, seconds_text, wall_clock
from .options import EgumaOptions
from .refusals import invalid, refused
from .sales import Order, OrderBook
from .stock import Stock

NEVER = datetime.max.replace(tzinfo=UTC)
END_OF_DAY = time(23, 59, 59)


@attrs.frozen
class Caller:
    """Whose key a request carries."""

    merchant: Merchant
    user: User
    key: ApiKey


Call: TypeAlias = ApiCall[Caller]


@attrs.frozen
class Listed:
    """How the list shows an order for a time.

    Attributes:
        until: When it shows the order as it is again.
        order: What it shows until then; None for nothing.
    """

    until: datetime
    order: Order | None


class State:
    """The state of one sandbox.

    Args:
        clock: Time of the sandbox.
        ids: Where its identifiers come from.
        options: Its switches.
    """

    def __init__(self, clock: SandboxClock, ids: Ids, options: EgumaOptions) -> None:
        self.clock = clock
        self.ids = ids
        self.options = options
        self.merchants: list[Merchant] = []
        self.products: dict[str, Product] = {}
        self.events: dict[str, Event] = {}
        self.stock: Stock = Stock()
        self.book: OrderBook = OrderBook()
        self.idempotency: IdempotencyStore = IdempotencyStore()
        self.listed: dict[str, Listed] = {}
        self.distorted: dict[str, dict[str, Any]] = {}
        self._callers: dict[str, Caller] = {}

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        return self.clock.now()

    def today(self) -> date:
        """Return the merchants' date."""
        return wall_clock(self.now()).date()

    def add_key(self, merchant: Merchant, user: User, key: ApiKey) -> ApiKey:
        """Give a user a key."""
        user.keys.append(key)
        self._callers[key.value] = Caller(merchant, user, key)
        return key

    def find_key(self, value: str) -> ApiKey | None:
        """Return a key, active or not, by its text."""
        caller = self._callers.get(value)
        return None if caller is None else caller.key

    def authenticate(self, key: str | None) -> Caller:
        """Return who calls.

        Raises:
            RefusedError: The key is missing, unknown or deactivated.
        """
        caller = self._callers.get(key or "")
        if caller is None or not caller.key.is_active:
            raise refused(401, "The API key is missing or not valid.")
        return caller

    def product_for(self, caller: Caller, product_id: str) -> Product:
        """Return a product the caller may see and sell.

        Raises:
            RefusedError: It is unknown, another merchant's, or not enabled for the caller.
        """
        product = self.products.get(product_id)
        if product is None or product.merchant is not caller.merchant:
            raise refused(404, "The product was not found.")
        if not product.is_enabled_for(caller.user):
            raise refused(self.options.not_enabled_status, "The product is not enabled.")
        return product

    def slots(self, product: Product, first: date, last: date) -> tuple[Slot, ...]:
        """Return the slots of a range that are open for sale, sold out or not."""
        now = self.now()
        return tuple(
            slot
            for day in self.days(product, first, last, now)
            for slot in product.slots_on(day)
            if self.is_open(slot, now)
        )

    def days(self, product: Product, first: date, last: date, now: datetime) -> tuple[date, ...]:
        """Return the days of a range on which a product may be sold at all."""
        return product.days(first, last, wall_clock(now).date()) if product.is_active else ()

    def slot_for_sale(self, product: Product, starts_at: str) -> Slot:
        """Return the open slot a text from a request stands for.

        Raises:
            RefusedError: There is no such slot, its cut-off has passed, or the product is inactive.
        """
        if not product.is_active:
            raise invalid("The product is not active.")
        start = slot_start(product, starts_at)
        slot = None if start is None else self.find_slot(product, start)
        if slot is None:
            raise invalid("starts_at is not an available slot of this product.")
        if not self.is_open(slot, self.now()):
            raise invalid("The slot can no longer be booked.")
        return slot

    def find_slot(self, product: Product, starts_at: datetime) -> Slot | None:
        """Return the slot of the calendar that begins at a wall-clock time, open or not."""
        day = starts_at.date()
        if not product.days(day, day, self.today()):
            return None
        slots = product.slots_on(day)
        return next((slot for slot in slots if slot.starts_at == starts_at), None)

    def closes(self, slot: Slot) -> datetime | None:
        """Return when the cut-off of a slot passes, aware, in UTC; None without one.

        Generation A knows no slot without a cut-off: there it is the end of the day.
        """
        if slot.closes is None and self.options.generation == "A":
            return instant(datetime.combine(slot.starts_at, END_OF_DAY))
        return slot.closes

    def is_open(self, slot: Slot, now: datetime) -> bool:
        """Tell whether the cut-off of a slot has not passed."""
        closes = self.closes(slot)
        return closes is None or now < closes

    def cancel(self, order: Order) -> None:
        """Cancel an order that stands, and give its places back."""
        order.status = "cancelled"
        order.touch(self.now())
        self.stock.sell(order.product, order.starts_at, -len(order.tickets))

    def check_approved(self, caller: Caller) -> None:
        """Check that the caller may use the booking family.

        Raises:
            RefusedError: The user is not approved for third-party integrations.
        """
        if not caller.user.is_approved:
            raise refused(
                self.options.unapproved_status,
                "The user is not approved for third-party integrations.",
            )


def slot_start(product: Product, text: str) -> datetime | None:
    """Return the start a text stands for: exactly as listed; for day slots also the bare date."""
    if product.slot_type == "day":
        day = parse_date(text.removesuffix("T00:00:00"))
        return None if day is None else datetime(day.year, day.month, day.day)  # noqa: DTZ001
    start = parse_local(text)
    return start if start is not None and seconds_text(start) == text else None
