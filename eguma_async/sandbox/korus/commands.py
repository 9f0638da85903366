"""What the control plane can do to the simulated Korus: the issuer's side, for people with curl."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from eguma_async.sandbox.engine.checks import COUNT, DURATION, FILLED, FLAG, OBJECT, TEXT
from eguma_async.sandbox.engine.commands import NO_CHANGES, Acts, Command
from eguma_async.sandbox.engine.errors import ControlError

from .backoffice import BackOffice
from .demo import EXAMPLE_RESERVATION


def commands(sandbox: BackOffice) -> Mapping[str, Command]:
    """Return the commands by name; each takes a JSON object and returns JSON.

    Offers, sessions, reservations and orders are given by IRI or id, offers also by the name of
    their example.

    ::

        set-price            {"offer", "price"}             the price is a text, such as "80.00"
        set-capacity         {"offer", "capacity"} or {"session", "capacity"}   null: no limit
        set-active           {"offer", "is_active"}         put its product on sale, or take it off
        release-reservation  {"reservation"}                end a hold now
        cancel-order         {"order"}
        update-order         {"order"[, "customer"][, "notes"][, "externalReference"]}
        set-hold             {"offer", "seconds"}           null: the default
        hold-example         {} or {"reservation"}          hold the example under a given id
        fail-offer           {"offer", "at"[, "times"][, "message"]}
                             at: "reservation", "ordering" or null to let it work again
        revoke-tokens        {}

    ``set-stock`` does what ``set-capacity`` does, with a member ``stock``.
    """
    acts = _Acts(sandbox)
    pools = {"offer": FILLED, "session": FILLED}
    return {
        "set-price": Command(acts.set_price, {"offer": FILLED, "price": FILLED}),
        "set-capacity": Command(acts.set_capacity, {"capacity": COUNT.or_null()}, pools),
        "set-active": Command(acts.set_active, {"offer": FILLED, "is_active": FLAG}),
        "release-reservation": Command(acts.release_reservation, {"reservation": FILLED}),
        "cancel-order": Command(acts.cancel_order, {"order": FILLED}),
        "update-order": Command(
            acts.update_order,
            {"order": FILLED},
            {"customer": OBJECT, "notes": TEXT, "externalReference": TEXT},
        ),
        "set-hold": Command(acts.set_hold, {"offer": FILLED, "seconds": DURATION.or_null()}),
        "hold-example": Command(acts.hold_example, optional={"reservation": FILLED}),
        "fail-offer": Command(
            acts.fail_offer,
            {"offer": FILLED, "at": FILLED.or_null()},
            {"times": COUNT.or_null(), "message": FILLED},
        ),
        "revoke-tokens": Command(acts.revoke_tokens),
        # An earlier name of the same act.
        "set-stock": Command(acts.set_stock, {"stock": COUNT.or_null()}, pools),
    }


class _Acts(Acts[BackOffice]):
    def set_price(self, offer: str, price: str) -> object:
        self._sandbox.set_price(offer, price)
        return {"price": price}

    def set_capacity(
        self, capacity: int | None, offer: str | None = None, session: str | None = None
    ) -> object:
        pool = offer if session is None else session
        if pool is None or None not in (offer, session):
            raise ControlError("send either offer or session")
        self._sandbox.set_capacity(pool, capacity)
        return {"available": self._sandbox.availability(pool)}

    def set_stock(self, stock: int | None, **pool: str) -> object:
        return self.set_capacity(stock, **pool)

    def set_active(self, offer: str, is_active: bool) -> object:
        self._sandbox.set_active(offer, is_active)
        return {"is_active": is_active}

    def release_reservation(self, reservation: str) -> object:
        self._sandbox.release_reservation(reservation)
        return {"released": reservation}

    def update_order(
        self,
        order: str,
        customer: Mapping[str, object] = NO_CHANGES,
        notes: str | None = None,
        externalReference: str | None = None,  # noqa: N803  # a member's name
    ) -> object:
        self._sandbox.update_order(
            order, customer=customer, notes=notes, external_reference=externalReference
        )
        return {"updated": order}

    def set_hold(self, offer: str, seconds: int | None) -> object:
        self._sandbox.set_hold(offer, seconds)
        return {"seconds": seconds}

    def hold_example(self, reservation: str = EXAMPLE_RESERVATION) -> object:
        return {"reservation": self._sandbox.hold_example(reservation).iri}

    def fail_offer(self, offer: str, at: str | None, **details: Any) -> object:
        self._sandbox.fail_offer(offer, at, **details)
        return {"at": at}

    def revoke_tokens(self) -> object:
        self._sandbox.revoke_tokens()
        return {"tokens_issued": self._sandbox.tokens_issued}


def state_json(sandbox: BackOffice) -> dict[str, Any]:
    """Return the state at a glance."""
    names = sandbox.example_names
    return {
        "organizations": [
            {
                "name": organization.name,
                "client_id": organization.client_id,
                "client_secret": organization.client_secret,
                "catalogs": len(organization.catalogs),
            }
            for organization in sandbox.organizations()
        ],
        "examples": [
            {**attrs.asdict(sandbox.example(name)), "available": sandbox.availability(name)}
            for name in names
        ],
        "reservations": len(sandbox.reservations()),
        "orders": len(sandbox.orders()),
        "tokens_issued": sandbox.tokens_issued,
    }
