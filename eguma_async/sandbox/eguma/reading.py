"""The endpoints that read: products and availabilities."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

import attrs

from eguma_async.sandbox.wire import WireRequest, WireResponse, json_response

from .catalogue import Category, Price, Product, Slot
from .local_time import instant, parse_date, seconds_text, wall_clock
from .refusals import invalid
from .state import Caller, State

MAX_CACHED = 4_096


def list_products(state: State, caller: Caller, request: WireRequest, _: str) -> WireResponse:
    """Answer with the merchant's products that are enabled for the caller."""
    products = [
        _product_json(state, product)
        for product in state.products.values()
        if product.merchant is caller.merchant and product.is_enabled_for(caller.user)
    ]
    head: dict[str, Any] = {"company_name": caller.merchant.name}
    if state.options.generation == "B":
        head["currency"] = caller.merchant.currency
    return json_response(200, {**head, "products": products})


def _product_json(state: State, product: Product) -> dict[str, Any]:
    language = product.default_language
    shown: dict[str, Any] = {"id": product.id, "name": product.name}
    if state.options.generation == "B":
        shown["name_translations"] = dict(product.name_translations)
    shown["description"] = product.description_translations.get(language, "")
    if state.options.generation == "B":
        shown["description_translations"] = dict(product.description_translations)
    shown["is_active"] = product.is_active
    shown["slot_type"] = product.slot_type
    updated_at = wall_clock(product.updated_at, state.options.updated_at_zone)
    shown["updated_at"] = seconds_text(updated_at)
    shown["categories"] = [_category_json(category) for category in product.categories]
    return shown


def _category_json(category: Category) -> dict[str, Any]:
    return {
        "id": category.id,
        "name": category.name,
        "age_from": category.age_from,
        "age_to": category.age_to,
    }


@attrs.frozen
class _Cached:
    """An encoded answer and what it rests on."""

    version: int
    since: datetime
    until: datetime
    response: WireResponse


class AvailabilityReader:
    """Answers with the availabilities of a product.

    An answer is kept until something of the product changes or the time makes a difference: a
    cut-off passes, a hold runs out, a day ends.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._cache: dict[tuple[str, date, date], _Cached] = {}

    def forget(self) -> None:
        """Forget all answers, as the options have changed."""
        self._cache.clear()

    def respond(
        self, state: State, caller: Caller, request: WireRequest, product_id: str
    ) -> WireResponse:
        """Answer with the open slots of a range."""
        product = state.product_for(caller, product_id)
        first, last = self._range(request)
        key, now = (product.id, first, last), state.now()
        kept = self._cache.get(key)
        if kept and kept.version == product.version and kept.since <= now < kept.until:
            return kept.response
        slots = state.slots(product, first, last)
        response = json_response(200, self._json(product, slots))
        if len(self._cache) >= MAX_CACHED:
            self._cache.clear()
        until = self._next_change(product, slots, now)
        self._cache[key] = _Cached(product.version, now, until, response)
        return response

    def _range(self, request: WireRequest) -> tuple[date, date]:
        first = parse_date(request.parameter("from") or "")
        last = parse_date(request.parameter("to") or "")
        if first is None or last is None:
            raise invalid("from and to are required in the form YYYY-MM-DD.")
        if last < first:
            raise invalid("to must not be before from.")
        longest = self._state.options.max_range_days
        if longest is not None and (last - first).days >= longest:
            raise invalid(f"The range must not be longer than {longest} days.")
        return first, last

    def _json(self, product: Product, slots: tuple[Slot, ...]) -> dict[str, Any]:
        merchant = product.merchant
        head: dict[str, Any] = {"company_name": merchant.name, "product_name": product.name}
        if self._state.options.generation == "B":
            head["currency"] = merchant.currency
        return {**head, "availabilities": list(self._shown_slots(product, slots))}

    def _shown_slots(self, product: Product, slots: tuple[Slot, ...]) -> Iterable[dict[str, Any]]:
        now = self._state.now()
        for slot in slots:
            free = self._state.stock.free(product, slot, now)
            if free != 0 or not self._state.options.hide_sold_out_slots:
                yield self._slot_json(product, slot, free)

    def _slot_json(self, product: Product, slot: Slot, free: int | None) -> dict[str, Any]:
        known = {category.id for category in product.categories}
        prices = [price for price in slot.prices if price.category_id in known]
        return {
            "slot_type": product.slot_type,
            "starts_at": seconds_text(slot.starts_at),
            "closing_at": self._closing_text(slot),
            "availability_count": free,
            "prices": [self._price_json(price) for price in prices],
        }

    def _closing_text(self, slot: Slot) -> str | None:
        closing_at = self._state.closing_at(slot)
        if closing_at is None:
            return None
        zone = self._state.options.closing_at_zone
        return seconds_text(wall_clock(instant(closing_at), zone))

    def _price_json(self, price: Price) -> dict[str, Any]:
        return {
            "category_id": price.category_id,
            self._state.options.price_field: price.price_in_cents,
            "min_quantity": price.min_quantity,
            "max_quantity": price.max_quantity,
            "allow_zero_quantity": price.allow_zero_quantity,
        }

    def _next_change(self, product: Product, slots: tuple[Slot, ...], now: datetime) -> datetime:
        midnight = datetime.combine(self._state.today() + timedelta(days=1), time())
        moments = [instant(midnight)]
        for slot in slots:
            closing_at = self._state.closing_at(slot)
            if closing_at is not None:
                moments.append(instant(closing_at))
            holds = self._state.stock.active_holds(product, slot.starts_at, now)
            moments.extend(hold.expires_at for hold in holds)
        return min(moments)
