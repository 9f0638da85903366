"""Places: how many are sold, how many are held, and until when."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .catalog import Product, Slot
from .sales import Hold, Items, places


class Stock:
    """The one pool that holds, bookings and desk sales draw on.

    A hold that stands is a promise. Its places can be booked even if the quota was lowered below
    what is held and sold; nothing else is held or sold until places are free again.
    """

    def __init__(self) -> None:
        self._sold: dict[tuple[str, datetime], int] = {}
        self._held: dict[tuple[str, datetime], dict[str, Hold]] = {}
        self.holds: dict[str, Hold] = {}

    def sold(self, product: Product, starts_at: datetime) -> int:
        """Return the places sold by this sandbox in a slot."""
        return self._sold.get((product.id, starts_at), 0)

    def active_holds(self, product: Product, starts_at: datetime, now: datetime) -> list[Hold]:
        """Return the holds of a slot that still stand."""
        # Those that ran out are kept: the clock of a sandbox may be set back.
        held = self._held.get((product.id, starts_at), {})
        return [hold for hold in held.values() if hold.is_active(now)]

    def free(self, product: Product, slot: Slot, now: datetime) -> int | None:
        """Return the places left in a slot; None if there is no limit."""
        if slot.quota is None:
            return None
        holds = self.active_holds(product, slot.starts_at, now)
        held = sum(places(hold.items) for hold in holds)
        return max(0, slot.quota - slot.sold_before - self.sold(product, slot.starts_at) - held)

    def has_room(
        self, product: Product, slot: Slot, items: Items, now: datetime, hold: Hold | None = None
    ) -> bool:
        """Tell whether items can be held or sold; the places of a hold count as theirs."""
        free = self.free(product, slot, now)
        promised = 0 if hold is None else places(hold.items)
        return free is None or places(items) - promised <= free

    def hold(self, hold: Hold) -> None:
        """Set places aside; whether they are there has been checked."""
        self.holds[hold.id] = hold
        self._held.setdefault((hold.product.id, hold.starts_at), {})[hold.id] = hold
        hold.product.touch(hold.starts_at.date())

    def release(self, hold: Hold, state: Literal["cancelled", "booked"]) -> None:
        """End a hold before its time."""
        hold.state = state
        self._held[hold.product.id, hold.starts_at].pop(hold.id, None)
        hold.product.touch(hold.starts_at.date())

    def sell(self, product: Product, starts_at: datetime, quantity: int) -> None:
        """Take places for good; a negative quantity gives them back."""
        key = (product.id, starts_at)
        self._sold[key] = self._sold.get(key, 0) + quantity
        product.touch(starts_at.date())
