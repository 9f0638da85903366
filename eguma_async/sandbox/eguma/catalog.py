"""Merchants and what they sell: users, keys, products and their calendars."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Literal

import attrs

SlotType = Literal["day", "time"]
Incompatibility = Literal[
    "seat plan",
    "mandatory note",
    "mandatory questions",
    "mandatory contact per ticket",
    "medium other than QR",
]

# A calendar without an end is planned this far ahead, so that no range is endless.
HORIZON = timedelta(days=730)


@attrs.define
class ApiKey:
    """A key in clear text: keys of a sandbox are no secrets, yet they stay out of its logs."""

    value: str = attrs.field(repr=False)
    is_active: bool = True


@attrs.define(eq=False)
class User:
    """A user of a merchant; keys belong to users.

    Attributes:
        is_approved: Whether the user is approved for third-party integrations.
    """

    id: str
    name: str
    is_approved: bool = True
    keys: list[ApiKey] = attrs.field(factory=list)


@attrs.define(eq=False)
class Merchant:
    """A company with its users."""

    id: str
    name: str
    default_language: str
    currency: str
    users: list[User] = attrs.field(factory=list)


@attrs.frozen
class Category:
    """A person category of a product.

    Attributes:
        ticket_type_id: Id used for it in orders and at check-in.
    """

    id: str
    ticket_type_id: str
    name: str
    age_from: int | None = None
    age_to: int | None = None


@attrs.frozen
class Price:
    """What one category costs in one slot, and how many may be ordered at once."""

    category_id: str
    price_in_cents: int
    min_quantity: int | None = None
    max_quantity: int | None = None
    allow_zero_quantity: bool = True


@attrs.frozen(kw_only=True)
class SlotPlan:
    """A slot that repeats.

    Attributes:
        at: Start, wall clock; midnight for day slots.
        prices: Categories sold in it.
        quota: Places; None for no limit.
        sold_before: Places already sold elsewhere in each of these slots.
        cut_off: How long before the start sales close; negative after it; None for never.
        weekdays: Days of the week, Monday is 0.
    """

    at: time = time()
    prices: tuple[Price, ...]
    quota: int | None = None
    sold_before: int = 0
    cut_off: timedelta | None = None
    weekdays: frozenset[int] = frozenset(range(7))


@attrs.frozen
class Slot:
    """One slot of a calendar; times are the merchant's wall clock."""

    starts_at: datetime
    closing_at: datetime | None
    quota: int | None
    sold_before: int
    prices: tuple[Price, ...]

    def price_of(self, category_id: str) -> Price | None:
        """Return the price of a category, or None if it is not sold in this slot."""
        return next((price for price in self.prices if price.category_id == category_id), None)


@attrs.define(eq=False, kw_only=True)
class Product:
    """An admission with its calendar.

    Attributes:
        label: What it demonstrates; `EgumaSandbox.example` finds it by this.
        name_translations: Language to name; the first language is the fallback.
        channel_is_on: Whether the channel "third party integrations" is on.
        allowed_users: Ids of the users on its allow-list.
        incompatibility: Why it cannot be sold through the API, or None.
        first_day: Start of the calendar; None for always.
        last_day: End of the calendar; None for two years ahead.
        blocked_days: Days without slots.
        quotas: Quotas set for single slots by their start.
        version: Grows with each change that concerns all days.
        day_versions: Grow with each change of the stock of one day.
    """

    id: str
    merchant: Merchant
    label: str
    slot_type: SlotType
    name_translations: Mapping[str, str]
    description_translations: Mapping[str, str]
    categories: tuple[Category, ...]
    plans: tuple[SlotPlan, ...]
    updated_at: datetime
    is_active: bool = True
    channel_is_on: bool = True
    allowed_users: set[str] = attrs.field(factory=set)
    incompatibility: Incompatibility | None = None
    first_day: date | None = None
    last_day: date | None = None
    blocked_days: set[date] = attrs.field(factory=set)
    quotas: dict[datetime, int | None] = attrs.field(factory=dict)
    version: int = 0
    day_versions: dict[date, int] = attrs.field(factory=dict)

    @property
    def default_language(self) -> str:
        """The merchant's language if the product has it, else the product's first one."""
        if self.merchant.default_language in self.name_translations:
            return self.merchant.default_language
        return next(iter(self.name_translations))

    @property
    def name(self) -> str:
        """Name in the default language."""
        return self.name_translations[self.default_language]

    def is_enabled_for(self, user: User) -> bool:
        """Tell whether a user's keys may see and sell it."""
        return self.channel_is_on and user.id in self.allowed_users and self.incompatibility is None

    def days(self, first: date, last: date, today: date) -> tuple[date, ...]:
        """Return the days of a range that the calendar covers, from `today` on."""
        start = max(first, today, self.first_day or date.min)
        end = min(last, self.last_day or today + HORIZON)
        count = (end - start).days + 1
        days = (start + timedelta(days=step) for step in range(max(0, count)))
        return tuple(day for day in days if day not in self.blocked_days)

    def slots_on(self, day: date) -> tuple[Slot, ...]:
        """Return the slots of a day in the order of their start."""
        plans = sorted(self.plans, key=lambda plan: plan.at)
        return tuple(self._slot(day, plan) for plan in plans if day.weekday() in plan.weekdays)

    def _slot(self, day: date, plan: SlotPlan) -> Slot:
        starts_at = datetime.combine(day, plan.at)
        closing_at = None if plan.cut_off is None else starts_at - plan.cut_off
        quota = self.quotas.get(starts_at, plan.quota)
        return Slot(starts_at, closing_at, quota, plan.sold_before, plan.prices)

    def touch(self, day: date | None = None) -> None:
        """Note that something changed, on one day or on all, so that nothing stale is answered."""
        if day is None:
            self.version += 1
        else:
            self.day_versions[day] = self.day_versions.get(day, 0) + 1

    def version_on(self, day: date) -> int:
        """Return a number that grows with each change that concerns a day."""
        return self.version + self.day_versions.get(day, 0)
