"""The list of products."""

from __future__ import annotations

from typing import Any

from eguma_async.sandbox.engine.messages import SandboxResponse, json_response

from .catalog_views import product_json
from .state import Call, State


class Products:
    """Answers what a caller can sell."""

    def __init__(self, state: State) -> None:
        self._state = state

    def list(self, call: Call) -> SandboxResponse:
        """List the merchant's products that are enabled for the caller."""
        caller, options = call.caller, self._state.options
        head: dict[str, Any] = {"company_name": caller.merchant.name}
        if options.generation == "B":
            head["currency"] = caller.merchant.currency
        products = [
            product_json(product, options)
            for product in self._state.products.values()
            if product.merchant is caller.merchant and product.is_enabled_for(caller.user)
        ]
        return json_response(200, {**head, "products": products})
