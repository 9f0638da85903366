"""The circumstances that a sandbox with demo data has."""

from __future__ import annotations

from datetime import timedelta

from eguma_async.sandbox import EgumaSandbox

from .probe import Circumstances, key_credentials


def simulated_circumstances(sandbox: EgumaSandbox) -> Circumstances:
    """Return what the demo data of a sandbox has for each question."""
    by_label = {product.label: product for product in sandbox.products()}
    sold_out = by_label["sold-out"]
    slot = sold_out.slots_on(sandbox.today() + timedelta(days=3))[0]
    unapproved = next(
        key.value
        for merchant in sandbox.merchants()
        for user in merchant.users
        if not user.is_approved
        for key in user.keys
    )
    return Circumstances(
        product_id=by_label["time"].id,
        sold_out=(sold_out.id, slot.starts_at.isoformat(timespec="seconds")),
        disabled_product_id=by_label["not-allowed"].id,
        unapproved=key_credentials(unapproved),
    )
