"""Encoded days of calendars, kept while they are right."""

from __future__ import annotations

from collections import OrderedDict
from datetime import date, datetime

import attrs

MAX_BYTES = 32 * 1024 * 1024
ENTRY_BYTES = 512
"""What a kept day takes beside its text, about."""


@attrs.frozen
class CachedDay:
    """The open slots of one day of a product, as they stand in an answer.

    Attributes:
        version: `Product.version_on` this day when it was encoded.
        since: When it was encoded; aware, in UTC.
        until: When the time next makes a difference to it; aware, in UTC.
        text: The slots as JSON, with commas between them; empty if there is none.
    """

    version: int
    since: datetime
    until: datetime
    text: bytes

    def is_right(self, version: int, now: datetime) -> bool:
        """Tell whether encoding the day anew would give the same."""
        return self.version == version and self.since <= now < self.until


class DayCache:
    """Days by product id and date; those not asked for the longest go first.

    Args:
        max_bytes: How much memory they may take, about.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._days: OrderedDict[tuple[str, date], CachedDay] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._days)

    def find(self, product_id: str, day: date) -> CachedDay | None:
        """Return a day, right or not, or None."""
        key = (product_id, day)
        kept = self._days.get(key)
        if kept is not None:
            self._days.move_to_end(key)
        return kept

    def keep(self, product_id: str, day: date, kept: CachedDay) -> None:
        """Keep a day in place of the one that was."""
        key = (product_id, day)
        replaced = self._days.pop(key, None)
        if replaced is not None:
            self._bytes -= _size(replaced)
        self._days[key] = kept
        self._bytes += _size(kept)
        while self._bytes > self._max_bytes:
            self._bytes -= _size(self._days.popitem(last=False)[1])

    def forget(self) -> None:
        """Forget all days."""
        self._days.clear()
        self._bytes = 0


def _size(kept: CachedDay) -> int:
    return ENTRY_BYTES + len(kept.text)
