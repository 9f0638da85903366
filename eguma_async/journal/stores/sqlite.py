"""Rows in a file, by SQLite: what was written is on the disk before anybody is told so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from eguma_async.storage.files import filesystem_of
from eguma_async.storage.sqlite import FileStore

from . import _sqlite_rows
from ._sqlite_kind import JOURNAL
from .base import Place, Row, Store


class SQLiteStore(FileStore, Store):
    """Keeps rows in one file. Several processes of one machine may share it.

    A thread of its own does all that touches the file; what waits for it together is committed
    together. Every commit is on the disk when it is told of (``synchronous=FULL``). What was
    erased is overwritten, and leaves the log after a moment without work, or when it is closed.

    It belongs to the process that opened it: in a fork it raises `JournalError`.

    Args:
        path: Where. It, and a directory that is made for it, can be read by its owner only.
        busy_timeout: Seconds to wait for another process that writes.
        filesystem_of: Tells the kind of file system that holds a path, such as ``"ext4"``.

    Raises:
        ConfigurationError: The path or the timeout is none.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        busy_timeout: float = 5.0,
        filesystem_of: Callable[[Path], str] = filesystem_of,
    ) -> None:
        super().__init__(path, JOURNAL, busy_timeout=busy_timeout, filesystem_of=filesystem_of)

    async def secret(self) -> bytes:
        """Return the bytes that were made with the file."""
        return await self._do(lambda c: bytes(c.execute("SELECT value FROM secret").fetchone()[0]))

    async def now(self) -> float | None:
        """Return nothing: all users are on this machine."""
        return None

    async def insert(self, row: Row) -> Row:
        """Keep a row, unless there is one."""
        return await self._do(lambda c: _sqlite_rows.insert(c, row), writes=True)

    async def replace(self, row: Row) -> bool:
        """Write the next version of a row."""
        return await self._do(lambda c: _sqlite_rows.replace(c, row), writes=True)

    async def delete(self, row: Row) -> bool:
        """Remove a row."""
        return await self._do(lambda c: _sqlite_rows.delete(c, row), writes=True)

    async def latest(self, series: str) -> Row | None:
        """Return the row of the highest generation."""
        return await self._do(lambda c: _sqlite_rows.latest(c, series))

    async def made(self, remote: str) -> Row | None:
        """Return a row that stands for what the server made."""
        return await self._do(lambda c: _sqlite_rows.made(c, remote))

    async def rows(
        self, *, open_only: bool = False, after: Place | None = None, limit: int = 500
    ) -> tuple[Row, ...]:
        """Return rows in the order of their places."""
        return await self._do(
            lambda c: _sqlite_rows.rows(c, open_only=open_only, after=after, limit=limit)
        )
