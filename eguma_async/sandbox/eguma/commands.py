"""What the control plane can do to e-guma's state: the merchant's side, for people with curl."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import attrs

from eguma_async.sandbox.engine.checks import COUNT, FILLED, FLAG, OBJECT, TEXT, Check, whole
from eguma_async.sandbox.engine.commands import NO_CHANGES, Acts, Command
from eguma_async.sandbox.engine.errors import ControlError

from .backoffice import BackOffice
from .catalog import Event, Merchant
from .local_time import parse_date, seconds_text
from .sales import Hold

_DAY = Check(
    "a day in the form YYYY-MM-DD",
    lambda value: isinstance(value, str) and parse_date(value) is not None,
)
_TEXTS = Check("a list of texts", lambda value: isinstance(value, list))
_SLOT = {"product_id": FILLED, "starts_at": FILLED}


def commands(sandbox: BackOffice) -> Mapping[str, Command]:
    """Return the commands by name; each takes a JSON object and returns JSON.

    ::

        set-price            {"product_id", "category_id", "price_in_cents"[, "starts_at"]}
        set-capacity         {"product_id", "starts_at", "capacity"}   a slot's quota; null: no limit
        set-active           {"id", "is_active"}                 publish a product or an event
        set-channel          {"product_id", "channel_is_on"}     third party integrations
        block-day            {"product_id", "day"}               take a day out of the calendar
        release-reservation  {"reservation_id"}                  end a hold now
        cancel-order         {"order"}                           by id or number
        update-order         {"order"[, "customer"][, "note"][, "tags"]}
        desk-sales           {"product_id", "starts_at", "quantity"}   sell at the desk
        event-sales          {"event_id", "quantity"}            sell in the shop
        key                  {"key", "is_active"}                switch an API key
        check-in             {"ticket_number"}                   at the merchant's gate
        check-out            {"ticket_number"}

    ``capacity`` does what ``set-capacity`` does. ``product`` takes ``{"product_id"}`` with
    ``is_active`` or ``channel_is_on`` or both.
    """  # noqa: E501  # a table reads best unbroken
    acts = _Acts(sandbox)
    capacity = Command(acts.set_capacity, {**_SLOT, "capacity": COUNT.or_null()})
    gate = {"ticket_number": FILLED}
    return {
        "set-price": Command(
            acts.set_price,
            {"product_id": FILLED, "category_id": FILLED, "price_in_cents": COUNT},
            {"starts_at": FILLED},
        ),
        "set-capacity": capacity,
        "set-active": Command(acts.set_active, {"id": FILLED, "is_active": FLAG}),
        "set-channel": Command(acts.product, {"product_id": FILLED, "channel_is_on": FLAG}),
        "block-day": Command(acts.block_day, {"product_id": FILLED, "day": _DAY}),
        "release-reservation": Command(acts.release_reservation, {"reservation_id": FILLED}),
        "cancel-order": Command(acts.cancel_order, {"order": FILLED}),
        "update-order": Command(
            acts.update_order,
            {"order": FILLED},
            {"customer": OBJECT, "note": TEXT, "tags": _TEXTS},
        ),
        "desk-sales": Command(acts.desk_sale, {**_SLOT, "quantity": COUNT}),
        "event-sales": Command(acts.sell_event, {"event_id": FILLED, "quantity": whole(1)}),
        "key": Command(acts.key, {"key": FILLED, "is_active": FLAG}),
        "check-in": Command(sandbox.check_in, gate),
        "check-out": Command(sandbox.check_out, gate),
        # Earlier names of the same acts.
        "capacity": capacity,
        "product": Command(
            acts.product, {"product_id": FILLED}, {"is_active": FLAG, "channel_is_on": FLAG}
        ),
    }


class _Acts(Acts[BackOffice]):
    def set_price(
        self, product_id: str, category_id: str, price_in_cents: int, starts_at: str | None = None
    ) -> object:
        self._sandbox.set_price(product_id, category_id, price_in_cents, starts_at=starts_at)
        return {"price_in_cents": price_in_cents}

    def set_capacity(self, product_id: str, starts_at: str, capacity: int | None) -> object:
        self._sandbox.set_capacity(product_id, starts_at, capacity)
        return {"availability_count": self._sandbox.availability(product_id, starts_at)}

    def set_active(self, id: str, is_active: bool) -> object:  # noqa: A002  # a member's name
        self._sandbox.set_active(id, is_active)
        return {"is_active": is_active}

    def product(
        self, product_id: str, is_active: bool | None = None, channel_is_on: bool | None = None
    ) -> object:
        if is_active is None and channel_is_on is None:
            raise ControlError("send is_active or channel_is_on")
        product = self._sandbox.product(product_id)
        if is_active is not None:
            self._sandbox.set_active(product_id, is_active)
        if channel_is_on is not None:
            self._sandbox.set_channel(product_id, channel_is_on)
        return {"is_active": product.is_active, "channel_is_on": product.channel_is_on}

    def block_day(self, product_id: str, day: str) -> object:
        self._sandbox.block_day(product_id, date.fromisoformat(day))
        return {"blocked": day}

    def release_reservation(self, reservation_id: str) -> object:
        self._sandbox.release_reservation(reservation_id)
        return {"released": reservation_id}

    def update_order(
        self,
        order: str,
        customer: Mapping[str, object] = NO_CHANGES,
        note: str | None = None,
        tags: list[str] | None = None,
    ) -> object:
        self._sandbox.update_order(order, customer=customer, note=note, tags=tags)
        return {"updated": order}

    def desk_sale(self, product_id: str, starts_at: str, quantity: int) -> object:
        left = self._sandbox.desk_sale(product_id, starts_at, quantity)
        return {"availability_count": left}

    def sell_event(self, event_id: str, quantity: int) -> object:
        return {"count_available_tickets": self._sandbox.sell_event(event_id, quantity)}

    def key(self, key: str, is_active: bool) -> object:
        self._sandbox.set_key_active(key, is_active)
        return {"is_active": is_active}


def state_json(sandbox: BackOffice) -> dict[str, Any]:
    """Return the state at a glance."""
    return {
        "merchants": [_merchant_json(merchant) for merchant in sandbox.merchants()],
        "examples": [attrs.asdict(sandbox.example(name)) for name in sandbox.example_names],
        "events": [_event_json(event) for event in sandbox.events()],
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


def _event_json(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.id,
        "name": next(iter(event.name_translations.values())),
        "starts_at": seconds_text(event.starts_at),
        "is_published": event.is_published,
        "count_available_tickets": event.free,
    }


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
