"""Rows in a file, by SQLite: what was written is on the disk before anybody is told so."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from eguma_async.core.errors import ConfigurationError, JournalError
from eguma_async.storage.files import filesystem_of, make_private, sync_directory
from eguma_async.storage.sqlite_errors import failure
from eguma_async.storage.sqlite_file import SQLiteFile
from eguma_async.storage.writer import Writer

from . import _sqlite_rows
from .base import Place, Row, Store

T = TypeVar("T")

BACKUP_PAGES = 512
"""How much a backup copies before what waits gets its turn."""


class SQLiteStore(Store):
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
        self._path = _file_path(path)
        if (
            not isinstance(busy_timeout, (int, float))
            or isinstance(busy_timeout, bool)
            or not 0 <= busy_timeout <= 3600
        ):
            raise ConfigurationError("busy_timeout must be a number of seconds, 0 to 3600")
        self._busy_timeout = busy_timeout
        self._filesystem_of = filesystem_of
        self._writer: Writer[sqlite3.Connection] | None = None
        self._process = 0

    def describe(self) -> str:
        """Return the path."""
        return str(self._path)

    async def open(self) -> None:
        """Make the file ready, and make it if there is none."""
        while True:
            self._check_process()
            writer = self._writer
            if writer is None:
                writer = self._writer = self._start()
            try:
                await asyncio.shield(asyncio.wrap_future(writer.started))
            except JournalError:
                if self._writer is writer:
                    self._writer = None
                raise
            if self._writer is writer:  # else it was closed meanwhile
                return

    async def close(self) -> None:
        """Finish what is under way, move it from the log into the file, and close that."""
        if self._process != os.getpid():
            return  # not ours, or not open
        writer, self._writer = self._writer, None
        if writer is not None:
            await asyncio.shield(asyncio.wrap_future(writer.stop()))

    # What a store does

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

    async def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the journal to another file as it is at one moment, while it is in use.

        The copy can be read by its owner only. It holds what the journal holds, customers' data
        of open rows included.

        Raises:
            JournalError: There is such a file already, or it cannot be written.
        """
        target = _file_path(path)
        await self._do(lambda c: self._copy(c, target), is_alone=True)

    async def _do(
        self,
        run: Callable[[sqlite3.Connection], T],
        *,
        writes: bool = False,
        is_alone: bool = False,
    ) -> T:
        self._check_process()
        writer = self._writer
        if writer is None or not writer.is_ready:
            raise JournalError(f"the journal {self._path} is not open")
        return await writer.do(run, writes=writes, is_alone=is_alone)

    def _check_process(self) -> None:
        if self._writer is not None and self._process != os.getpid():
            raise JournalError(
                f"the journal {self._path} was opened before this process was forked, and cannot be"
                " used in it: open it after the fork, or start processes by spawning them"
            )

    def _start(self) -> Writer[sqlite3.Connection]:
        self._process = os.getpid()
        file = SQLiteFile(
            self._path,
            busy_timeout=self._busy_timeout,
            connect=self._connect,
            commit=self._commit,
            filesystem_of=self._filesystem_of,
        )
        return Writer("eguma_async journal", file)

    # On the thread

    def _connect(self, path: Path, mode: str) -> sqlite3.Connection:
        """Open a file that exists.

        Args:
            path: The file.
            mode: ``"ro"`` to look at it, or ``"rw"``.
        """
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout,
            isolation_level=None,
        )

    def _commit(self, connection: sqlite3.Connection) -> None:
        """End a transaction: it is on the disk when this returns."""
        connection.execute("COMMIT")

    def _copy(self, connection: sqlite3.Connection, target: Path) -> None:
        writer = self._writer
        if not make_private(target):
            raise JournalError(f"{target} is there already; a backup goes to a new file")
        copy: sqlite3.Connection | None = None
        try:
            copy = self._connect(target, "rw")
            copy.execute("PRAGMA synchronous = FULL")
            connection.backup(
                copy,
                pages=BACKUP_PAGES,
                progress=lambda *_: None if writer is None else writer.run_waiting(),
            )
            copy.close()
            sync_directory(target.parent)
        except BaseException as error:
            if copy is not None:
                copy.close()
            target.unlink(missing_ok=True)
            if not isinstance(error, (sqlite3.Error, OSError)):
                raise
            told = failure(error, target, self._busy_timeout)
        else:
            return
        raise told


def _file_path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise ConfigurationError(f"path must be that of a file, not {type(path).__name__}")
    text = os.fspath(path)
    if not isinstance(text, str) or not text.strip() or "\0" in text or text.startswith("file:"):
        raise ConfigurationError("path must be that of a file")
    if text == ":memory:":
        raise ConfigurationError(
            "path must be that of a file; for a journal in memory there is MemoryJournal"
        )
    return Path(text)
