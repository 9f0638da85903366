"""The endpoints that read: products and availabilities."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from eguma_async.sandbox.engine.messages import (
    JSON_TYPE,
    SandboxRequest,
    SandboxResponse,
    encode_json,
    json_response,
)

from .catalog import Category, Price, Product, Slot
from .day_cache import CachedDay, DayCache
from .local_time import instant, parse_date, seconds_text, wall_clock
from .refusals import invalid
from .state import NEVER, Caller, State


def list_products(state: State, caller: Caller, request: SandboxRequest, _: str) -> SandboxResponse:
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


class AvailabilityReader:
    """Answers with the availabilities of a product.

    Each day is kept in its encoded form until something of it changes or the time makes a
    difference to it: a cut-off passes or a hold runs out. Everything else is asked anew for each
    answer: names, which days there are, and whether the product is for sale at all.
    """

    def __init__(self, state: State, kept: DayCache | None = None) -> None:
        self._state = state
        self._cache = DayCache() if kept is None else kept

    def forget(self) -> None:
        """Forget all days, as the options have changed."""
        self._cache.forget()

    def respond(
        self, state: State, caller: Caller, request: SandboxRequest, product_id: str
    ) -> SandboxResponse:
        """Answer with the open slots of a range."""
        product = state.product_for(caller, product_id)
        first, last = self._range(request)
        now = state.now()
        texts = (self._day(product, day, now) for day in state.days(product, first, last, now))
        # A day without open slots is empty and must not leave a comma.
        slots = b",".join(text for text in texts if text)
        head = encode_json(self._head(product)).removesuffix(b"}")
        body = b'%b,"availabilities":[%b]}' % (head, slots)
        return SandboxResponse(200, {"content-type": JSON_TYPE}, body)

    def _range(self, request: SandboxRequest) -> tuple[date, date]:
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

    def _head(self, product: Product) -> dict[str, Any]:
        merchant = product.merchant
        head: dict[str, Any] = {"company_name": merchant.name, "product_name": product.name}
        if self._state.options.generation == "B":
            head["currency"] = merchant.currency
        return head

    def _day(self, product: Product, day: date, now: datetime) -> bytes:
        version = product.version_on(day)
        kept = self._cache.find(product.id, day)
        if kept is None or not kept.is_right(version, now):
            kept = self._encode_day(product, day, now)
            self._cache.keep(product.id, day, kept)
        return kept.text

    def _encode_day(self, product: Product, day: date, now: datetime) -> CachedDay:
        options, stock = self._state.options, self._state.stock
        shown: list[dict[str, Any]] = []
        changes = [NEVER]
        for slot in product.slots_on(day):
            closes = self._state.closes(slot)
            if closes <= now:
                continue
            free = stock.free(product, slot, now)
            if free != 0 or not options.hide_sold_out_slots:
                shown.append(self._slot_json(product, slot, free))
            changes.append(closes)
            holds = stock.active_holds(product, slot.starts_at, now)
            changes.extend(hold.expires_at for hold in holds)
        text = encode_json(shown)[1:-1]
        return CachedDay(product.version_on(day), now, min(changes), text)

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
