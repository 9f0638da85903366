"""The calendar of a product: which days are free, and for how many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from eguma_async.calendars.model import Calendar, Slot, calendar_of
from eguma_async.eguma.merchant_time import wall_clock

from .availabilities import Availability, AvailabilityList


def availability_calendar(
    slots: AvailabilityList,
    *,
    from_date: date,
    to_date: date,
    now: datetime,
    some_from: int = 10,
    plenty_from: int = 50,
) -> Calendar:
    """Return the calendar of a product.

    A day is free if one slot at least can be booked now: it has places for the smallest order,
    minimum quantities included, and its `closing_at` is not over. Its number is that of the slot
    with the most places, which is the largest party that fits; the sum of all slots would be one
    that nobody can buy.

    Args:
        slots: What was listed from `from_date` to `to_date`.
        from_date: First day.
        to_date: Last day, included.
        now: The moment, such as ``session.clock.now()``; without zone, by the merchant's clock.
        some_from: From so many places on a day has some, and not few.
        plenty_from: From so many on it has plenty.

    Raises:
        ConfigurationError: The days or the levels are in the wrong order.
    """
    local = wall_clock(now)
    return calendar_of(
        _slots(slots.availabilities, local),
        title=f"{slots.company_name}: {slots.product_name}",
        from_date=from_date,
        to_date=to_date,
        today=local.date(),
        some_from=some_from,
        plenty_from=plenty_from,
    )


def _slots(found: tuple[Availability, ...], now: datetime) -> Iterator[Slot]:
    for slot in found:
        closing = None if slot.closing_at is None else wall_clock(slot.closing_at)
        yield Slot(
            day=wall_clock(slot.starts_at).date(),
            places=slot.availability_count,
            is_sold_out=slot.is_sold_out,
            is_too_late=closing is not None and closing <= now,
        )
