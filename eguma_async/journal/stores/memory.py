"""Rows in memory: for tests, and for a journal that need not outlive its process."""

from __future__ import annotations

import bisect
import secrets

import attrs

from .base import Place, Row, Store, place_of


class MemoryStore(Store):
    """Keeps rows in dictionaries. It is gone with the process."""

    def __init__(self) -> None:
        self._series: dict[str, dict[int, Row]] = {}
        self._by_remote: dict[str, dict[tuple[str, int], Row]] = {}
        self._places: list[Place] = []
        self._open_places: list[Place] = []
        self._secret = secrets.token_bytes(32)

    def describe(self) -> str:
        """Return that it is in memory."""
        return "memory"

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing: another session may go on with it."""

    async def secret(self) -> bytes:
        """Return the store's own bytes."""
        return self._secret

    async def now(self) -> float | None:
        """Return nothing: the clock is the machine's."""
        return None

    async def insert(self, row: Row) -> Row:
        """Keep a row, unless there is one."""
        there = self._series.get(row.series, {}).get(row.generation)
        if there is None:
            self._put(row)
            return row
        return there

    async def replace(self, row: Row) -> bool:
        """Write the next version of a row."""
        there = self._standing(row, row.version - 1)
        if there is None:
            return False
        self._take(there)
        self._put(attrs.evolve(row, created_at=there.created_at))  # where it stands never changes
        return True

    async def delete(self, row: Row) -> bool:
        """Remove a row."""
        there = self._standing(row, row.version)
        if there is None:
            return False
        self._take(there)
        return True

    async def latest(self, series: str) -> Row | None:
        """Return the row of the highest generation."""
        rows = self._series.get(series)
        return rows[max(rows)] if rows else None

    async def made(self, remote: str) -> Row | None:
        """Return a row that stands for what the server made."""
        return next(iter(self._by_remote.get(remote, {}).values()), None)

    async def rows(
        self, *, open_only: bool = False, after: Place | None = None, limit: int = 500
    ) -> tuple[Row, ...]:
        """Return rows in the order of their places."""
        places = self._open_places if open_only else self._places
        first = 0 if after is None else bisect.bisect_right(places, after)
        return tuple(self._series[s][g] for _, s, g in places[first : first + limit])

    def _standing(self, row: Row, version: int) -> Row | None:
        there = self._series.get(row.series, {}).get(row.generation)
        return there if there is not None and there.version == version else None

    def _put(self, row: Row) -> None:
        self._series.setdefault(row.series, {})[row.generation] = row
        bisect.insort(self._places, place_of(row))
        if row.is_open:
            bisect.insort(self._open_places, place_of(row))
        if row.remote is not None:
            self._by_remote.setdefault(row.remote, {})[row.series, row.generation] = row

    def _take(self, row: Row) -> None:
        rows = self._series[row.series]
        del rows[row.generation]
        if not rows:
            del self._series[row.series]
        _remove(self._places, place_of(row))
        if row.is_open:
            _remove(self._open_places, place_of(row))
        if row.remote is not None:
            del self._by_remote[row.remote][row.series, row.generation]
            if not self._by_remote[row.remote]:
                del self._by_remote[row.remote]


def _remove(places: list[Place], place: Place) -> None:
    del places[bisect.bisect_left(places, place)]
