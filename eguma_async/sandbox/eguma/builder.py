"""Filling a state with merchants and what they sell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .catalog import (
    ApiKey,
    Category,
    Event,
    Merchant,
    Product,
    SlotPlan,
    SlotType,
    TicketType,
    User,
    Venue,
)
from .state import State


class Builder:
    """Makes records and adds them to a state."""

    _state: State

    def add_merchant(
        self, name: str, *, default_language: str = "de", currency: str = "CHF"
    ) -> Merchant:
        """Add a merchant without users."""
        merchant = Merchant(self._state.ids.hexadecimal(), name, default_language, currency)
        self._state.merchants.append(merchant)
        return merchant

    def add_user(self, merchant: Merchant, name: str, *, is_approved: bool = True) -> User:
        """Add a user without keys."""
        user = User(self._state.ids.hexadecimal(), name, is_approved)
        merchant.users.append(user)
        return user

    def add_key(self, merchant: Merchant, user: User, *, is_active: bool = True) -> str:
        """Give a user a further key and return it."""
        key = ApiKey(self._state.ids.hexadecimal(), is_active)
        return self._state.add_key(merchant, user, key).value

    def add_category(
        self, name: str, age_from: int | None = None, age_to: int | None = None
    ) -> Category:
        """Make a category with ids of its own, to build a product with."""
        ids = self._state.ids
        return Category(ids.hexadecimal(), ids.uuid(), name, age_from, age_to)

    def add_product(
        self,
        merchant: Merchant,
        names: Mapping[str, str],
        categories: tuple[Category, ...],
        plans: tuple[SlotPlan, ...],
        *,
        slot_type: SlotType = "time",
        **details: Any,
    ) -> Product:
        """Add a product that all users of the merchant may sell.

        Its `plans` are the slots that repeat day by day, `names` maps languages to names, and
        `details` are further fields of `Product`, such as ``label`` or ``is_active``.
        """
        fields: dict[str, Any] = {
            "label": "",
            "description_translations": dict.fromkeys(names, ""),
            "updated_at": self._state.now(),
            "allowed_users": {user.id for user in merchant.users},
            **details,
        }
        product = Product(
            id=self._state.ids.hexadecimal(),
            merchant=merchant,
            slot_type=slot_type,
            name_translations=names,
            categories=categories,
            plans=plans,
            **fields,
        )
        self._state.products[product.id] = product
        return product

    def add_event(
        self,
        merchant: Merchant,
        names: Mapping[str, str],
        starts_at: datetime,
        ticket_types: tuple[TicketType, ...],
        *,
        venue: Venue,
        quota: int,
        **details: Any,
    ) -> Event:
        """Add an event of the merchant's shop.

        It begins at `starts_at`, naive, on the merchant's wall clock; `names` maps languages to
        names, and `details` are further fields of `Event`, such as ``tags`` or ``is_published``.
        """
        fields: dict[str, Any] = {
            "description_translations": dict.fromkeys(names, ""),
            "updated_at": self._state.now(),
            **details,
        }
        event = Event(
            id=self._state.ids.hexadecimal(),
            merchant=merchant,
            name_translations=names,
            starts_at=starts_at,
            ticket_types=ticket_types,
            venue=venue,
            quota=quota,
            **fields,
        )
        self._state.events[event.id] = event
        return event

    def add_ticket_type(
        self, names: Mapping[str, str], price_in_cents: int, descriptions: Mapping[str, str]
    ) -> TicketType:
        """Make a ticket type with an id of its own, to build an event with."""
        return TicketType(
            id=self._state.ids.uuid(),
            name=names,
            description=descriptions,
            price_in_cents=price_in_cents,
        )
