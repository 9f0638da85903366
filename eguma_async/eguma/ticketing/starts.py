"""The starts of slots: they go back to the server to the letter."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING

import attrs
import msgspec

from eguma_async.core.listing import Listing, unreadable_of
from eguma_async.core.scalars import WrittenDatetime
from eguma_async.eguma.merchant_time import wall_clock

if TYPE_CHECKING:
    from .availabilities import Availability

_ODD = re.compile(rb'"starts_at"\s*:\s*"(?!\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")')
_BEGINNING = 2048


def as_written(slots: tuple[Availability, ...], body: bytes) -> tuple[Availability, ...]:
    """Return slots whose starts remember their text, where it is not the one we would write.

    The API wants the very text back, and what is decoded has lost it: "Z", a fraction of zeros.
    As a rule there is nothing to remember, and the same tuple comes back.

    Args:
        slots: As decoded.
        body: What they were decoded from.
    """
    if not _may_be_odd(slots, body):
        return slots
    rows = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))["availabilities"]
    skipped = {each.index for each in unreadable_of(slots)}
    texts = [row["starts_at"] for index, row in enumerate(rows) if index not in skipped]
    kept = (
        attrs.evolve(slot, starts_at=_remembered(slot.starts_at, text))
        for slot, text in zip(slots, texts, strict=True)
    )
    return Listing(kept, unreadable_of(slots))


def same_start(one: datetime | date, other: datetime | date) -> bool:
    """Tell whether two starts are the same on the merchant's clock; a day is its midnight."""
    return wall_clock(one) == wall_clock(other)


def _may_be_odd(slots: tuple[Availability, ...], body: bytes) -> bool:
    """Tell whether a text may differ, without looking at each: one server writes all alike.

    Only a fraction may be there or not, as it is zero or not; without a full stop there is none.
    """
    if _ODD.search(body, 0, len(body) if b"." in body else _BEGINNING):
        return True
    return bool(slots) and slots[0].starts_at.tzinfo is not None


def _remembered(start: datetime, text: str) -> datetime:
    return start if start.isoformat() == text else WrittenDatetime.of(start, text)
