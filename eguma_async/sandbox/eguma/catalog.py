"""Merchants and what they sell: users, keys, products with their calendars, events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, TypeVar

import attrs

from .local_time import instant, instant_on, wall_clock

SlotType: TypeAlias = Literal["day", "time"]
"""Whether a slot is a whole day, or begins at a time."""

Incompatibility: TypeAlias = Literal[
    "seat plan",
    "mandatory note",
    "mandatory questions",
    "mandatory contact per ticket",
    "medium other than QR",
]
"""Why a product cannot be sold by third parties."""

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
        cut_off: How long before the start sales close; negative after it; None for never. It is
            a span of real time, also across a change of the clocks.
        closing_time: Wall-clock time at which sales close on the day of the slot, instead of a
            cut-off.
        weekdays: Days of the week, Monday is 0.
    """

    at: time = time()
    prices: tuple[Price, ...]
    quota: int | None = None
    sold_before: int = 0
    cut_off: timedelta | None = None
    closing_time: time | None = None
    weekdays: frozenset[int] = frozenset(range(7))

    def closes(self, day: date, begins: datetime) -> datetime | None:
        """Return when sales of the slot of a day close, aware, in UTC, given when it begins."""
        if self.closing_time is not None:
            return instant(datetime.combine(day, self.closing_time))
        return None if self.cut_off is None else begins - self.cut_off


@attrs.frozen
class Slot:
    """One slot of a calendar.

    Attributes:
        starts_at: Start on the merchant's wall clock, naive.
        begins: The same moment, aware, in UTC.
        closes: When sales close, aware, in UTC; None for never.
    """

    starts_at: datetime
    begins: datetime
    closes: datetime | None
    quota: int | None
    sold_before: int
    prices: tuple[Price, ...]

    @property
    def closing_at(self) -> datetime | None:
        """When sales close on the merchant's wall clock, naive; None for never."""
        return None if self.closes is None else wall_clock(self.closes)

    def price_of(self, category_id: str) -> Price | None:
        """Return the price of a category, or None if it is not sold in this slot."""
        return next((price for price in self.prices if price.category_id == category_id), None)


def _note_change(product: Product, field: attrs.Attribute[Any], value: Any) -> Any:
    """Count a change of a product, whoever makes it: days that were encoded are stale now."""
    product.version += 1
    return value


_UNCOUNTED: Any = attrs.setters.NO_OP


K = TypeVar("K")
V = TypeVar("V")


def _read_only(values: Mapping[K, V]) -> Mapping[K, V]:
    return MappingProxyType(dict(values))


@attrs.define(
    eq=False, kw_only=True, on_setattr=[attrs.setters.convert, attrs.setters.validate, _note_change]
)
class Product:
    """An admission with its calendar. Attributes may be set; what is answered follows at once.

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
        prices: Prices in cents set for single slots by their start and category.
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
    quotas: Mapping[datetime, int | None] = attrs.field(factory=dict, converter=_read_only)
    prices: Mapping[tuple[datetime, str], int] = attrs.field(factory=dict, converter=_read_only)
    version: int = attrs.field(default=0, on_setattr=_UNCOUNTED)
    day_versions: dict[date, int] = attrs.field(factory=dict, on_setattr=_UNCOUNTED)

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

    @property
    def is_unlimited(self) -> bool:
        """Whether no slot has a quota."""
        quotas = [*(plan.quota for plan in self.plans), *self.quotas.values()]
        return all(quota is None for quota in quotas)

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
        """Return the slots of a day in the order of their start.

        There is none at a time that the clocks jump over on that day.
        """
        return tuple(self._slots_on(day))

    def _slots_on(self, day: date) -> Iterator[Slot]:
        for plan in sorted(self.plans, key=lambda plan: plan.at):
            begins = instant_on(day, plan.at)
            if begins is not None and day.weekday() in plan.weekdays:
                starts_at = datetime.combine(day, plan.at)
                quota = self.quotas.get(starts_at, plan.quota)
                prices = self._prices_at(starts_at, plan)
                closes = plan.closes(day, begins)
                yield Slot(starts_at, begins, closes, quota, plan.sold_before, prices)

    def _prices_at(self, starts_at: datetime, plan: SlotPlan) -> tuple[Price, ...]:
        if not self.prices:
            return plan.prices
        return tuple(
            attrs.evolve(
                price,
                price_in_cents=self.prices.get(
                    (starts_at, price.category_id), price.price_in_cents
                ),
            )
            for price in plan.prices
        )

    def touch(self, day: date | None = None) -> None:
        """Note that something changed, on one day or on all, so that nothing stale is answered."""
        if day is None:
            self.version += 1
        else:
            self.day_versions[day] = self.day_versions.get(day, 0) + 1

    def version_on(self, day: date) -> int:
        """Return a number that grows with each change that concerns a day."""
        return self.version + self.day_versions.get(day, 0)


@attrs.frozen(kw_only=True)
class TicketType:
    """A kind of ticket for an event, with its texts by language."""

    id: str
    name: Mapping[str, str]
    description: Mapping[str, str]
    price_in_cents: int


@attrs.frozen(kw_only=True)
class TicketTypeGroup:
    """Ticket types that are shown together."""

    name: Mapping[str, str]
    ticket_type_ids: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Venue:
    """Where an event takes place."""

    name: str
    street: str
    zip: str
    city: str
    country_code: str


@attrs.define(eq=False, kw_only=True)
class Event:
    """An event of a merchant's shop. It is sold there, not through the API.

    Attributes:
        starts_at: Start on the merchant's wall clock, naive.
        quota: Places in all.
        sold: Places sold.
        is_published: Whether it is listed.
        sales_open: Whether the shop sells it.
        category_id: Id of its category; empty if it has none.
    """

    id: str
    merchant: Merchant
    name_translations: Mapping[str, str]
    description_translations: Mapping[str, str]
    starts_at: datetime
    venue: Venue
    ticket_types: tuple[TicketType, ...]
    updated_at: datetime
    quota: int
    sold: int = 0
    is_published: bool = True
    sales_open: bool = True
    ticket_type_groups: tuple[TicketTypeGroup, ...] = ()
    category_id: str = ""
    tags: tuple[str, ...] = ()

    @property
    def free(self) -> int:
        """Places left."""
        return max(0, self.quota - self.sold)
