"""What a booking says beside its items: the customer, the language, the hold."""

from __future__ import annotations

from typing import Any

import attrs

from .catalog import Product, Slot
from .options import EgumaOptions
from .refusals import invalid, refused
from .request_checks import text_member
from .reservation_checks import Selection
from .sales import Hold
from .state import Caller, State


@attrs.frozen(repr=False)
class CustomerInput:
    """Who books."""

    first_name: str
    last_name: str
    email: str


def parse_customer(members: dict[str, Any]) -> CustomerInput:
    """Return the customer.

    Raises:
        RefusedError: The customer or one of the three members is missing or blank.
    """
    customer = members.get("customer")
    if not isinstance(customer, dict):
        raise invalid("customer is required.")
    return CustomerInput(
        text_member(customer, "first_name"),
        text_member(customer, "last_name"),
        text_member(customer, "email"),
    )


def choose_language(members: dict[str, Any], product: Product, options: EgumaOptions) -> str:
    """Return the language of the tickets.

    Raises:
        RefusedError: The product does not have the language asked for.
    """
    language = members.get("language") if options.generation == "B" else None
    if language is None:
        return product.default_language
    if not isinstance(language, str) or language not in product.name_translations:
        raise invalid("language is not supported by this product.")
    return language


def find_hold(state: State, caller: Caller, members: dict[str, Any]) -> Hold | None:
    """Return the hold a booking names, or None if it names none.

    Raises:
        RefusedError: It is not the caller's, or does not stand any more.
    """
    if members.get("reservation_id") is None:
        return None
    hold = state.stock.holds.get(text_member(members, "reservation_id"))
    if hold is None or hold.user_id != caller.user.id or hold.state != "held":
        raise refused(state.options.unknown_hold_status, "The reservation was not found.")
    if not hold.is_active(state.now()):
        raise refused(state.options.expired_hold_status, "The reservation has expired.")
    return hold


def check_match(state: State, hold: Hold, selection: Selection, slot: Slot) -> None:
    """Check that a booking asks for what its hold holds.

    Raises:
        RefusedError: It does not.
    """
    if hold.product.id != selection.product_id or hold.starts_at != slot.starts_at:
        raise invalid("The reservation is for another product or slot.")
    same = {item for item in hold.items if item[1]} == {item for item in selection.items if item[1]}
    if state.options.hold_must_match and not same:
        raise invalid("The reservation is for other items.")
