"""Rows in memory: for tests, and for a journal that need not outlive its process."""

from __future__ import annotations

import secrets

from .base import Place, Row, Store, place_of


class MemoryStore(Store):
    """Keeps rows in a dictionary. It is gone with the process."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, int], Row] = {}
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
        return self._rows.setdefault((row.series, row.generation), row)

    async def replace(self, row: Row) -> bool:
        """Write the next version of a row."""
        return self._swap(row, row.version - 1, row)

    async def delete(self, row: Row) -> bool:
        """Remove a row."""
        return self._swap(row, row.version, None)

    def _swap(self, row: Row, version: int, new: Row | None) -> bool:
        key = row.series, row.generation
        kept = self._rows.get(key)
        if kept is None or kept.version != version:
            return False
        if new is None:
            del self._rows[key]
        else:
            self._rows[key] = new
        return True

    async def latest(self, series: str) -> Row | None:
        """Return the row of the highest generation."""
        found = [row for row in self._rows.values() if row.series == series]
        return max(found, key=lambda row: row.generation, default=None)

    async def made(self, remote: str) -> Row | None:
        """Return a row that stands for what the server made."""
        return next((row for row in self._rows.values() if row.remote == remote), None)

    async def rows(
        self, *, open_only: bool = False, after: Place | None = None, limit: int = 500
    ) -> tuple[Row, ...]:
        """Return rows in the order of their places."""
        found = [
            row
            for row in self._rows.values()
            if (row.is_open or not open_only) and (after is None or place_of(row) > after)
        ]
        return tuple(sorted(found, key=place_of)[:limit])
