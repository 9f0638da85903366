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
_BEGINNING = 512


def are_plain(body: bytes) -> bool:
    """Tell, without parsing it, whether the starts in an answer are in the form we write.

    Without a full stop there is no fraction. Whether seconds, or the "T", are left out is a
    server's habit, which shows at the beginning. A zone is not looked for: a slot shows its own.
    """
    return _ODD.search(body, 0, len(body) if b"." in body else _BEGINNING) is None


def as_written(slots: tuple[Availability, ...], body: bytes) -> tuple[Availability, ...]:
    """Return slots whose starts remember their text, where it is not the one we would write.

    The API wants the very text back, and what is decoded has lost it: "Z", a fraction of zeros.

    Args:
        slots: As decoded.
        body: What they were decoded from.
    """
    if are_plain(body) and all(slot.starts_at.tzinfo is None for slot in slots):
        return slots
    rows = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))["availabilities"]
    skipped = {each.index for each in unreadable_of(slots)}
    texts = [row["starts_at"] for index, row in enumerate(rows) if index not in skipped]
    kept = (
        attrs.evolve(slot, starts_at=WrittenDatetime.kept(slot.starts_at, text))
        for slot, text in zip(slots, texts, strict=True)
    )
    return Listing(kept, unreadable_of(slots))


def same_start(one: datetime | date, other: datetime | date) -> bool:
    """Tell whether two starts are the same on the merchant's clock; a day is its midnight."""
    return wall_clock(one) == wall_clock(other)
