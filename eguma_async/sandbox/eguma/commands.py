"""What the control plane can do to e-guma's state: the merchant's side, for people with curl."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from eguma_async.sandbox.engine.base import ControlCommand, ControlError

from .backoffice import BackOffice
from .catalog import Merchant
from .local_time import parse_date, seconds_text
from .stock import Hold


def commands(sandbox: BackOffice) -> Mapping[str, ControlCommand]:
    """Return the commands by name; each takes a JSON object and returns JSON.

    ::

        desk-sales  {"product_id", "starts_at", "quantity"}   sell at the desk
        capacity    {"product_id", "starts_at", "capacity"}   set a slot's quota; null: no limit
        block-day   {"product_id", "day"}                     take a day out of the calendar
        product     {"product_id", "is_active", "channel_is_on"}   one of the two or both
        key         {"key", "is_active"}                      switch an API key
        check-in    {"ticket_number"}                         at the merchant's gate
        check-out   {"ticket_number"}
    """
    return {
        "desk-sales": lambda given: _desk_sale(sandbox, given),
        "capacity": lambda given: _capacity(sandbox, given),
        "block-day": lambda given: _block_day(sandbox, given),
        "product": lambda given: _product(sandbox, given),
        "key": lambda given: _key(sandbox, given),
        "check-in": lambda given: _gate(sandbox.check_in, given),
        "check-out": lambda given: _gate(sandbox.check_out, given),
    }


def state_json(sandbox: BackOffice) -> dict[str, Any]:
    """Return the state at a glance."""
    labels = [product.label for product in sandbox.products() if product.label]
    return {
        "merchants": [_merchant_json(merchant) for merchant in sandbox.merchants],
        "examples": [attrs.asdict(sandbox.example(label)) for label in labels],
        "holds": [_hold_json(hold) for hold in sandbox.holds()],
        "orders": len(sandbox.orders()),
        "bookings": len(sandbox.bookings()),
    }


def _merchant_json(merchant: Merchant) -> dict[str, Any]:
    users = [
        {
            "name": user.name,
            "is_approved": user.is_approved,
            "keys": [attrs.asdict(key) for key in user.keys],
        }
        for user in merchant.users
    ]
    return {"name": merchant.name, "currency": merchant.currency, "users": users}


def _hold_json(hold: Hold) -> dict[str, Any]:
    return {
        "reservation_id": hold.id,
        "product_id": hold.product.id,
        "starts_at": seconds_text(hold.starts_at),
        "items": [
            {"category_id": category_id, "quantity": quantity}
            for category_id, quantity in hold.items
        ],
        "expires_at": hold.expires_at.isoformat(),
    }


def _desk_sale(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    _members(given, {"product_id", "starts_at", "quantity"})
    left = sandbox.desk_sale(
        _text(given, "product_id"), _text(given, "starts_at"), _whole(given, "quantity")
    )
    return {"availability_count": left}


def _capacity(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    _members(given, {"product_id", "starts_at", "capacity"})
    product_id, starts_at = _text(given, "product_id"), _text(given, "starts_at")
    capacity = None if given["capacity"] is None else _whole(given, "capacity")
    sandbox.set_capacity(product_id, starts_at, capacity)
    return {"availability_count": sandbox.availability(product_id, starts_at)}


def _block_day(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    _members(given, {"product_id", "day"})
    day = parse_date(_text(given, "day"))
    if day is None:
        raise ControlError("day must have the form YYYY-MM-DD")
    sandbox.block_day(_text(given, "product_id"), day)
    return {"blocked": day.isoformat()}


def _product(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    switches = {"is_active": sandbox.set_active, "channel_is_on": sandbox.set_channel}
    chosen = given.keys() & switches.keys()
    if not chosen:
        raise ControlError("send is_active or channel_is_on")
    _members(given, {"product_id", *chosen})
    values = {name: _flag(given, name) for name in chosen}
    product = sandbox.product(_text(given, "product_id"))
    for name, value in values.items():
        switches[name](product.id, value)
    return {"is_active": product.is_active, "channel_is_on": product.channel_is_on}


def _key(sandbox: BackOffice, given: Mapping[str, object]) -> object:
    _members(given, {"key", "is_active"})
    is_active = _flag(given, "is_active")
    sandbox.set_key_active(_text(given, "key"), is_active)
    return {"is_active": is_active}


def _gate(act: Callable[[str], dict[str, Any]], given: Mapping[str, object]) -> object:
    _members(given, {"ticket_number"})
    return act(_text(given, "ticket_number"))


def _members(given: Mapping[str, object], wanted: set[str]) -> None:
    if given.keys() != wanted:
        raise ControlError(f"send an object with exactly {', '.join(sorted(wanted))}")


def _text(given: Mapping[str, object], name: str) -> str:
    value = given[name]
    if not isinstance(value, str) or not value:
        raise ControlError(f"{name} must be a text")
    return value


def _whole(given: Mapping[str, object], name: str) -> int:
    value = given[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ControlError(f"{name} must be a whole number, 0 or more")
    return value


def _flag(given: Mapping[str, object], name: str) -> bool:
    value = given[name]
    if not isinstance(value, bool):
        raise ControlError(f"{name} must be true or false")
    return value
