"""A cache for the encoded days of calendars."""

from __future__ import annotations

from collections import OrderedDict
from datetime import date, datetime

import attrs

MAX_BYTES = 32 * 1024 * 1024
ENTRY_BYTES = 512
"""What a cached day takes beside its text, about."""


@attrs.frozen
class CachedDay:
    """The open slots of one day of a product, as they stand in a response.

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
        entry = self._days.get(key)
        if entry is not None:
            self._days.move_to_end(key)
        return entry

    def keep(self, product_id: str, day: date, entry: CachedDay) -> None:
        """Keep a day in place of the one that was."""
        key = (product_id, day)
        replaced = self._days.pop(key, None)
        if replaced is not None:
            self._bytes -= _size(replaced)
        self._days[key] = entry
        self._bytes += _size(entry)
        while self._bytes > self._max_bytes:
            self._bytes -= _size(self._days.popitem(last=False)[1])

    def forget(self) -> None:
        """Forget all days."""
        self._days.clear()
        self._bytes = 0


def _size(entry: CachedDay) -> int:
    return ENTRY_BYTES + len(entry.text)
