"""What the control plane can do to the simulated Korus: the issuer's side, for people with curl."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from eguma_async.sandbox.engine.base import ControlCommand, ControlError

from .backoffice import BackOffice
from .demo import EXAMPLE_RESERVATION


def commands(sandbox: BackOffice) -> Mapping[str, ControlCommand]:
    """Return the commands by name; each takes a JSON object and returns JSON.

    Offers, sessions, reservations and orders are given by IRI or id, offers also by the name of
    their example.

    ::

        cancel-order         {"order"}
        release-reservation  {"reservation"}
        hold-example         {} or {"reservation"}          hold the example under a given id
        set-price            {"offer", "price"}             the price is a text, such as "80.00"
        set-stock            {"offer", "stock"} or {"session", "stock"}   null: no limit
        set-hold             {"offer", "seconds"}           null: the default
        fail-offer           {"offer", "at"[, "times"][, "message"]}
                             at: "reservation", "ordering" or null to let it work again
        revoke-tokens        {}
    """
    return {
        "cancel-order": lambda given: _cancel_order(sandbox, given),
        "release-reservation": lambda given: _release(sandbox, given),
        "hold-example": lambda given: _hold_example(sandbox, given),
        "set-price": lambda given: _set_price(sandbox, given),
        "set-stock": lambda given: _set_stock(sandbox, given),
        "set-hold": lambda given: _set_hold(sandbox, given),
        "fail-offer": lambda given: _fail_offer(sandbox, given),
        "revoke-tokens": lambda given: _revoke(sandbox, given),
    }


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
            for organization in sandbox.organizations
        ],
        "examples": [
            {**attrs.asdict(sandbox.example(name)), "available": sandbox.available(name)}
            for name in names
        ],
        "reservations": len(sandbox.reservations),
        "orders": len(sandbox.orders),
        "tokens_issued": sandbox.tokens_issued,
    }


def _cancel_order(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    _members(given, {"order"})
    sandbox.cancel_order(_text(given, "order"))
    return {"cancelled": given["order"]}


def _release(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    _members(given, {"reservation"})
    sandbox.release_reservation(_text(given, "reservation"))
    return {"released": given["reservation"]}


def _hold_example(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    _members(given, set(), {"reservation"})
    wanted = _text(given, "reservation") if given else EXAMPLE_RESERVATION
    return {"reservation": sandbox.hold_example(wanted).iri}


def _set_price(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    _members(given, {"offer", "price"})
    sandbox.set_price(_text(given, "offer"), _text(given, "price"))
    return {"price": given["price"]}


def _set_stock(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    pool = "session" if "session" in given else "offer"
    _members(given, {pool, "stock"})
    sandbox.set_stock(_text(given, pool), _whole_or_none(given, "stock"))
    return {"available": sandbox.available(_text(given, pool))}


def _set_hold(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    _members(given, {"offer", "seconds"})
    sandbox.set_hold(_text(given, "offer"), _whole_or_none(given, "seconds"))
    return {"seconds": given["seconds"]}


def _fail_offer(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    _members(given, {"offer", "at"}, {"times", "message"})
    at = None if given["at"] is None else _text(given, "at")
    words = {"message": _text(given, "message")} if "message" in given else {}
    times = _whole_or_none(given, "times") if "times" in given else None
    sandbox.fail_offer(_text(given, "offer"), at, times=times, **words)
    return {"at": at}


def _revoke(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    _members(given, set())
    sandbox.revoke_tokens()
    return {"tokens_issued": sandbox.tokens_issued}


def _members(
    given: Mapping[str, object], wanted: set[str], optional: set[str] | None = None
) -> None:
    allowed = wanted | (optional or set())
    if not wanted <= given.keys() <= allowed:
        listed = ", ".join(sorted(allowed)) or "no members"
        raise ControlError(f"send an object with {listed}")


def _text(given: Mapping[str, object], name: str) -> str:
    value = given[name]
    if not isinstance(value, str) or not value:
        raise ControlError(f"{name} must be a text")
    return value


def _whole_or_none(given: Mapping[str, object], name: str) -> int | None:
    value = given[name]
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ControlError(f"{name} must be a whole number, 0 or more, or null")
    return value
