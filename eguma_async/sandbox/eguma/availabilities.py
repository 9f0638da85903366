"""The list of availabilities of a product."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from eguma_async.sandbox.engine.messages import JSON_TYPE, SandboxResponse, encode_json

from .catalog import Product
from .catalog_views import slot_json
from .day_cache import CachedDay, DayCache
from .request_checks import read_range
from .state import NEVER, Call, State


class Availabilities:
    """Answers with the availabilities of a product.

    Each day is cached in its encoded form until something of it changes, the options among it, or
    the time makes a difference to it: a cut-off passes or a hold runs out. Everything else is asked
    anew for each response: names, which days there are, and whether the product is for sale at all.
    """

    def __init__(self, state: State, cache: DayCache | None = None) -> None:
        self._state = state
        self._cache = DayCache() if cache is None else cache
        self._cached_for = state.options

    def list(self, call: Call) -> SandboxResponse:
        """List the open slots of a range."""
        state = self._state
        if self._cached_for is not state.options:
            self._cache.forget()
            self._cached_for = state.options
        product = state.product_for(call.caller, call.parts["id"])
        first, last = read_range(call.request, state.options)
        now = state.now()
        texts = (self._day(product, day, now) for day in state.days(product, first, last, now))
        # A day without open slots is empty and must not leave a comma.
        slots = b",".join(text for text in texts if text)
        head = encode_json(self._head(product)).removesuffix(b"}")
        body = b'%b,"availabilities":[%b]}' % (head, slots)
        return SandboxResponse(200, {"content-type": JSON_TYPE}, body)

    def _head(self, product: Product) -> dict[str, Any]:
        merchant = product.merchant
        head: dict[str, Any] = {"company_name": merchant.name, "product_name": product.name}
        if self._state.options.generation == "B":
            head["currency"] = merchant.currency
        return head

    def _day(self, product: Product, day: date, now: datetime) -> bytes:
        version = product.version_on(day)
        cached = self._cache.find(product.id, day)
        if cached is None or not cached.is_right(version, now):
            cached = self._encode_day(product, day, now)
            self._cache.keep(product.id, day, cached)
        return cached.text

    def _encode_day(self, product: Product, day: date, now: datetime) -> CachedDay:
        state, options, stock = self._state, self._state.options, self._state.stock
        shown: list[dict[str, Any]] = []
        changes = [NEVER]
        for slot in product.slots_on(day):
            closes = state.closes(slot)
            if closes is not None and closes <= now:
                continue
            free = stock.free(product, slot, now)
            if free != 0 or not options.hide_sold_out_slots:
                shown.append(slot_json(product, slot, closes, free, options))
            changes.append(closes or NEVER)
            holds = stock.active_holds(product, slot.starts_at, now)
            changes.extend(hold.expires_at for hold in holds)
        text = encode_json(shown)[1:-1]
        return CachedDay(product.version_on(day), now, min(changes), text)
