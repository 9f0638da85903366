"""Places: how many are sold, how many are held, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import attrs

from .catalog import Product, Slot

HOLD_TIME = timedelta(minutes=60)

Items = tuple[tuple[str, int], ...]
"""Category ids with their quantities, each category once, in the order of the request."""


def places(items: Items) -> int:
    """Return how many places the items take."""
    return sum(quantity for _, quantity in items)


@attrs.define(eq=False)
class Hold:
    """Places set aside for one user.

    Attributes:
        expires_at: When it ends by itself; aware, in UTC.
    """

    id: str
    user_id: str
    product: Product
    starts_at: datetime
    items: Items
    expires_at: datetime
    state: Literal["held", "cancelled", "booked"] = "held"

    def is_active(self, now: datetime) -> bool:
        """Tell whether the places are still set aside."""
        return self.state == "held" and now < self.expires_at


class Stock:
    """The one pool that holds, bookings and desk sales draw on."""

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

    def free(
        self, product: Product, slot: Slot, now: datetime, *, besides: Hold | None = None
    ) -> int | None:
        """Return the places left in a slot; None if there is no limit.

        The places of the hold `besides` count as free.
        """
        if slot.quota is None:
            return None
        holds = self.active_holds(product, slot.starts_at, now)
        held = sum(places(hold.items) for hold in holds if hold is not besides)
        taken = slot.sold_before + self.sold(product, slot.starts_at) + held
        return max(0, slot.quota - taken)

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
