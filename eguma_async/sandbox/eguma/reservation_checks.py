"""What a reservation or a booking asks for, and whether that can be sold."""

from __future__ import annotations

from typing import Any

import attrs

from .catalog import Product, Slot
from .options import EgumaOptions
from .refusals import RefusedError, invalid
from .request_checks import text_member
from .sales import Hold, Items, places
from .state import State

# Not a rule of e-guma: it keeps one request from issuing tickets until the memory is full.
MAX_TICKETS = 1_000


@attrs.frozen
class Selection:
    """What a reservation or a booking asks for: product, slot and quantities, as sent."""

    product_id: str
    starts_at: str
    items: Items


def parse_selection(members: dict[str, Any], options: EgumaOptions) -> Selection:
    """Return what is asked for, with the form of each item checked.

    Raises:
        RefusedError: A member is missing or malformed.
    """
    product_id = text_member(members, "product_id")
    starts_at = text_member(members, "starts_at")
    raw_items = members.get("items")
    if not isinstance(raw_items, list) or not raw_items:
        raise invalid("items is required and must have at least one entry.")
    lowest = 0 if options.generation == "A" else 1
    items: dict[str, int] = {}
    for raw in raw_items:
        category_id, quantity = _parse_item(raw, lowest)
        if category_id in items and options.generation == "B":
            raise invalid("items must contain each category_id only once.")
        items[category_id] = items.get(category_id, 0) + quantity
    return Selection(product_id, starts_at, tuple(items.items()))


def _parse_item(raw: object, lowest: int) -> tuple[str, int]:
    if not isinstance(raw, dict):
        raise invalid("items must contain objects.")
    quantity = raw.get("quantity")
    if not isinstance(quantity, int) or isinstance(quantity, bool):
        raise invalid("items[].quantity must be an integer.")
    if quantity < lowest:
        raise invalid(f"items[].quantity must be at least {lowest}.")
    return text_member(raw, "category_id"), quantity


def check_items(items: Items, product: Product, slot: Slot) -> None:
    """Check categories and the total.

    Raises:
        RefusedError: A category is not sold in this slot, or nothing or too much is ordered.
    """
    known = {category.id for category in product.categories}
    for category_id, _ in items:
        if category_id not in known or slot.price_of(category_id) is None:
            raise invalid("category_id does not belong to this product.")
    if places(items) == 0:
        raise invalid("At least one ticket must be ordered.")
    if places(items) > MAX_TICKETS:
        raise invalid(f"At most {MAX_TICKETS} tickets can be ordered at once.")


def check_limits(items: Items, slot: Slot, options: EgumaOptions) -> None:
    """Check the quantities against the limits of the slot's categories.

    Raises:
        RefusedError: A quantity is out of its limits.
    """
    ordered = dict(items)
    for price in slot.prices:
        quantity = ordered.get(price.category_id, 0)
        if price.category_id not in ordered and not options.mandatory_categories:
            continue
        if quantity == 0 and (price.allow_zero_quantity or not price.min_quantity):
            continue
        if price.min_quantity is not None and quantity < price.min_quantity:
            raise invalid(f"quantity must be at least {price.min_quantity}.")
        if price.max_quantity is not None and quantity > price.max_quantity:
            raise invalid(f"quantity must be at most {price.max_quantity}.")


def check_places(
    state: State, product: Product, slot: Slot, items: Items, hold: Hold | None = None
) -> None:
    """Check that there are places for the items; those of a hold count as theirs.

    Raises:
        RefusedError: There are not enough.
    """
    if not state.stock.has_room(product, slot, items, state.now(), hold):
        options = state.options
        message = "Not enough tickets are available."
        raise RefusedError(options.sold_out_status, options.sold_out_code, message)
