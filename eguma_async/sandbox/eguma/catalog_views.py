"""Products, slots and events as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from .catalog import Category, Event, Price, Product, Slot, TicketType
from .local_time import instant, seconds_text, wall_clock
from .options import EgumaOptions

SHOP = "https://shop.sandbox.invalid"
"""Addresses below it lead nowhere."""


def product_json(product: Product, options: EgumaOptions) -> dict[str, Any]:
    """Return a product as an element of the list."""
    language = product.default_language
    shown: dict[str, Any] = {"id": product.id, "name": product.name}
    if options.generation == "B":
        shown["name_translations"] = dict(product.name_translations)
    shown["description"] = product.description_translations.get(language, "")
    if options.generation == "B":
        shown["description_translations"] = dict(product.description_translations)
    shown["is_active"] = product.is_active
    shown["slot_type"] = product.slot_type
    shown["updated_at"] = seconds_text(wall_clock(product.updated_at, options.updated_at_zone))
    shown["categories"] = [_category_json(category) for category in product.categories]
    return shown


def slot_json(
    product: Product,
    slot: Slot,
    closes: datetime | None,
    free: int | None,
    options: EgumaOptions,
) -> dict[str, Any]:
    """Return a slot as an availability, given when it closes and how many places are left."""
    known = {category.id for category in product.categories}
    zone = options.closing_at_zone
    return {
        "slot_type": product.slot_type,
        "starts_at": seconds_text(slot.starts_at),
        "closing_at": None if closes is None else seconds_text(wall_clock(closes, zone)),
        "availability_count": free,
        "prices": [
            _price_json(price, options.price_field)
            for price in slot.prices
            if price.category_id in known
        ],
    }


def event_json(event: Event, now: datetime, options: EgumaOptions) -> dict[str, Any]:
    """Return an event as an element of the list."""
    is_open = event.sales_open and instant(event.starts_at) > now
    names = event.name_translations
    return {
        "id": event.id,
        "name": dict(names),
        "description_html": dict(event.description_translations),
        "url": {language: f"{SHOP}/{language}/events/{event.id}" for language in names},
        "bookable": is_open and event.free > 0,
        "count_available_tickets": event.free,
        "start": seconds_text(event.starts_at),
        "image_url": f"{SHOP}/images/{event.id}.jpg",
        "organizer": {"name": event.merchant.name, "url": SHOP},
        "venue": attrs.asdict(event.venue),
        "ticket_types": [_ticket_type_json(kind) for kind in event.ticket_types],
        "ticket_type_groups": [
            {"name": dict(group.name), "ticket_type_ids": list(group.ticket_type_ids)}
            for group in event.ticket_type_groups
        ],
        "category_id": event.category_id,
        "tags": list(event.tags),
        "updated_at": seconds_text(wall_clock(event.updated_at, options.updated_at_zone)),
    }


def _category_json(category: Category) -> dict[str, Any]:
    return {
        "id": category.id,
        "name": category.name,
        "age_from": category.age_from,
        "age_to": category.age_to,
    }


def _price_json(price: Price, price_field: str) -> dict[str, Any]:
    return {
        "category_id": price.category_id,
        price_field: price.price_in_cents,
        "min_quantity": price.min_quantity,
        "max_quantity": price.max_quantity,
        "allow_zero_quantity": price.allow_zero_quantity,
    }


def _ticket_type_json(kind: TicketType) -> dict[str, Any]:
    texts: Mapping[str, Any] = {"name": dict(kind.name), "description": dict(kind.description)}
    return {"id": kind.id, **texts, "price_in_cents": kind.price_in_cents}
