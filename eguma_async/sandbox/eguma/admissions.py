"""The availability of an admission, whether or not it is released to third parties."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from eguma_async.sandbox.engine.messages import SandboxResponse, json_response

from .catalog import Product
from .local_time import seconds_text
from .refusals import refused
from .request_checks import read_range
from .state import Call, State


class Admissions:
    """Answers when a merchant's admissions have places."""

    def __init__(self, state: State) -> None:
        self._state = state

    def availability(self, call: Call) -> SandboxResponse:
        """Return the open slots of a range that have places."""
        product = self._state.products.get(call.parts["id"])
        if product is None or product.merchant is not call.caller.merchant:
            raise refused(404, "The admission was not found.")
        first, last = read_range(call.request, self._state.options)
        body = {
            "name": dict(product.name_translations),
            "is_all_day": product.slot_type == "day",
            "is_unlimited_availability": product.is_unlimited,
            "slots": list(self._slots(product, first, last)),
        }
        return json_response(200, body)

    def _slots(self, product: Product, first: date, last: date) -> Iterator[dict[str, Any]]:
        now = self._state.now()
        for slot in self._state.slots(product, first, last):
            free = self._state.stock.free(product, slot, now)
            if free == 0:
                continue
            counted = {} if free is None else {"availability_count": free}
            yield {"starts_at": seconds_text(slot.starts_at), **counted}
