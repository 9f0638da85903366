"""Rows in a file, by SQLite: what was written is on the disk before anybody is told so."""

from __future__ import annotations

import asyncio
import ctypes
import os
import secrets
import sqlite3
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from eguma_async.core.errors import ConfigurationError, JournalCorruptError, JournalError
from eguma_async.core.log import logger

from ._files import filesystem_of, is_network, make_private
from ._writer import Job, Writer
from .base import Place, Row, Store

T = TypeVar("T")

APPLICATION_ID = 0x65674A31
"""``egJ1``: what tells a journal from other files of SQLite."""
SCHEMA_VERSION = 1
CHECKED_BYTES = 8 * 1024 * 1024
"""A file up to this size is checked whole when it is opened; a larger one takes too long."""

PRAGMAS: tuple[tuple[str, str, object], ...] = (
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("secure_delete", "ON", 1),
    ("cell_size_check", "ON", 1),
    ("trusted_schema", "OFF", 0),
    *(
        (("fullfsync", "ON", 1), ("checkpoint_fullfsync", "ON", 1))
        if sys.platform == "darwin"
        else ()
    ),
)
"""Each with the value it is set to and the one it must be read back as: defaults differ."""

SCHEMA = (
    """CREATE TABLE entry(
        series TEXT NOT NULL, generation INTEGER NOT NULL, version INTEGER NOT NULL,
        is_open INTEGER NOT NULL, created_at REAL NOT NULL, remote TEXT, data BLOB NOT NULL,
        PRIMARY KEY(series, generation))""",
    "CREATE INDEX entry_place ON entry(created_at, series, generation)",
    "CREATE INDEX entry_open ON entry(created_at, series, generation) WHERE is_open = 1",
    "CREATE INDEX entry_remote ON entry(remote) WHERE remote IS NOT NULL",
    "CREATE TABLE secret(value BLOB NOT NULL)",
)
_COLUMNS = "series, generation, version, is_open, created_at, remote, data"
_INSERT = (
    f"INSERT INTO entry({_COLUMNS}) VALUES(?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"  # our own columns
)
_REPLACE = (
    "UPDATE entry SET version = ?, is_open = ?, remote = ?, data = ?"
    " WHERE series = ? AND generation = ? AND version = ?"
)
_DELETE = "DELETE FROM entry WHERE series = ? AND generation = ? AND version = ?"
_SELECT = f"SELECT {_COLUMNS} FROM entry"  # noqa: S608  # as above
_ORDER = " ORDER BY created_at, series, generation LIMIT ?"

_FULL = {"SQLITE_FULL"}
_DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}


class SQLiteStore(Store):
    """Keeps rows in one file. Several processes of one machine may share it.

    Args:
        path: Where. It, and a directory that is made for it, can be read by its owner only.
        busy_timeout: Seconds to wait for another process that writes.
        filesystem_of: Tells the kind of file system that holds a path.

    Raises:
        ConfigurationError: The path is none.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        busy_timeout: float = 5.0,
        filesystem_of: Callable[[Path], str] = filesystem_of,
    ) -> None:
        if not isinstance(path, (str, os.PathLike)) or str(path) in ("", ":memory:"):
            raise ConfigurationError(
                "path must be that of a file; for a journal in memory there is MemoryJournal"
            )
        self._path = Path(path)
        self._busy_timeout = busy_timeout
        self._filesystem_of = filesystem_of
        self._connection: sqlite3.Connection | None = None
        self._writer: Writer[sqlite3.Connection] | None = None
        self._process = 0
        self._opening = asyncio.Lock()

    def describe(self) -> str:
        """Return the path."""
        return str(self._path)

    async def open(self) -> None:
        """Make the file ready, and make it if there is none."""
        async with self._opening:
            if self._writer is not None:
                return
            self._process = os.getpid()
            writer: Writer[sqlite3.Connection] = Writer(
                "eguma_async journal", group=self._in_one_commit, idle=self._when_idle
            )
            opening = asyncio.ensure_future(asyncio.shield(writer.do(self._open, writes=False)))
            try:
                await opening
            except BaseException:
                await writer.stop()
                raise
            self._writer = writer
            _OPEN.add(self)

    async def close(self) -> None:
        """Finish what is under way, move it from the log into the file, and close that."""
        writer, self._writer = self._writer, None
        if writer is None or self._process != os.getpid():
            return
        _OPEN.discard(self)
        await asyncio.shield(writer.do(self._close, writes=False))
        await writer.stop()

    # What a store does

    async def secret(self) -> bytes:
        """Return the bytes that were made with the file."""
        return await self._do(lambda c: bytes(c.execute("SELECT value FROM secret").fetchone()[0]))

    async def now(self) -> float | None:
        """Return nothing: all users are on this machine."""
        return None

    async def insert(self, row: Row) -> Row:
        """Keep a row, unless there is one."""
        return await self._do(lambda c: _insert(c, row), writes=True)

    async def replace(self, row: Row) -> bool:
        """Write the next version of a row."""
        values = (row.version, row.is_open, row.remote, row.data)
        where = (row.series, row.generation, row.version - 1)
        return await self._do(
            lambda c: c.execute(_REPLACE, (*values, *where)).rowcount == 1, writes=True
        )

    async def delete(self, row: Row) -> bool:
        """Remove a row."""
        where = (row.series, row.generation, row.version)
        return await self._do(lambda c: c.execute(_DELETE, where).rowcount == 1, writes=True)

    async def latest(self, series: str) -> Row | None:
        """Return the row of the highest generation."""
        text = f"{_SELECT} WHERE series = ? ORDER BY generation DESC LIMIT 1"
        return await self._do(lambda c: _first(c, text, series))

    async def made(self, remote: str) -> Row | None:
        """Return a row that stands for what the server made."""
        return await self._do(lambda c: _first(c, f"{_SELECT} WHERE remote = ? LIMIT 1", remote))

    async def rows(
        self, *, open_only: bool = False, after: Place | None = None, limit: int = 500
    ) -> tuple[Row, ...]:
        """Return rows in the order of their places."""
        conditions = ["is_open = 1"] if open_only else []
        if after is not None:
            conditions.append("(created_at, series, generation) > (?, ?, ?)")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        text, values = _SELECT + where + _ORDER, (*(after or ()), limit)
        return await self._do(lambda c: tuple(map(_row, c.execute(text, values))))

    async def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the journal to another file, whole and at one moment, while it is in use.

        Raises:
            JournalError: There is such a file already, or it cannot be written.
        """
        target = Path(path)
        if not await asyncio.to_thread(make_private, target):
            raise JournalError(f"{target} is there already; a backup goes to a new file")

        def copy(connection: sqlite3.Connection) -> None:
            with sqlite3.connect(target) as other:
                connection.backup(other)
            other.close()

        await self._do(copy)

    async def _do(self, run: Callable[[sqlite3.Connection], T], *, writes: bool = False) -> T:
        if self._process not in (0, os.getpid()):
            raise JournalError(
                "the journal was opened before this process was forked; open one here"
            )
        if self._writer is None:
            raise JournalError("the journal is not open")
        return await self._writer.do(run, writes=writes)

    # On the thread

    def _in_one_commit(self, jobs: list[Job[sqlite3.Connection, Any]]) -> list[Any]:
        """Carry out jobs, and commit what they write all at once."""
        connection: Any = self._connection  # none yet for the job that opens it
        try:
            if not any(job.writes for job in jobs):
                return [job.run(connection) for job in jobs]
            connection.execute("BEGIN IMMEDIATE")
            try:
                results = [job.run(connection) for job in jobs]
                self._commit(connection)
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            failure = self._failure(error)
        else:
            return results
        raise failure

    def _commit(self, connection: sqlite3.Connection) -> None:
        connection.execute("COMMIT")

    def _when_idle(self) -> None:
        """Move what was written from the log into the file, and empty the log.

        What was erased is then nowhere any more.
        """
        if self._connection is None:
            return
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            logger.debug("the journal's log was not emptied: %s", type(error).__name__)

    def _open(self, _: sqlite3.Connection) -> None:
        kind = self._filesystem_of(self._path)
        if is_network(kind):
            raise JournalError(
                f"the journal {self._path} is on a network file system ({kind}), where it is not"
                " safe; use a local disk, or a journal on a database server"
            )
        if kind == "tmpfs":
            logger.warning("the journal %s is in memory: a power cut loses it", self._path)
        make_private(self._path)
        connection = self._connect()
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=self._busy_timeout, isolation_level=None)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Check that the file is a journal, or make it one; nothing of another's is changed."""
        is_empty = self._check_kind(connection)
        for name, value, expected in PRAGMAS:
            connection.execute(f"PRAGMA {name} = {value}").fetchone()
            (found,) = connection.execute(f"PRAGMA {name}").fetchone()
            if found != expected:
                raise JournalError(f"SQLite does not take {name}={value}: it stays {found}")
        if is_empty:
            self._make_schema(connection)
        elif self._path.stat().st_size <= CHECKED_BYTES:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise self._damaged()

    def _check_kind(self, connection: sqlite3.Connection) -> bool:
        """Return True if the file is empty.

        Raises:
            JournalCorruptError: It is something else than a journal of this version.
        """
        (kind,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not (kind or version or tables):
            return True
        if kind != APPLICATION_ID:
            raise JournalCorruptError(
                f"{self._path} is a database, but no journal; nothing was changed"
            )
        if version != SCHEMA_VERSION:
            raise JournalCorruptError(
                f"the journal {self._path} was written by another version of this package"
                f" (schema {version}, known is {SCHEMA_VERSION}); nothing was changed"
            )
        return False

    def _make_schema(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if self._check_kind(connection):  # else another process was faster
                for statement in SCHEMA:
                    connection.execute(statement)
                value = secrets.token_bytes(32)
                connection.execute("INSERT INTO secret VALUES(?)", (value,))
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._commit(connection)
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _close(self, connection: sqlite3.Connection) -> None:
        self._when_idle()
        self._connection = None
        connection.close()

    def _failure(self, error: sqlite3.Error) -> JournalError:
        """Return what an error of SQLite means, in words that say what to do."""
        name = getattr(error, "sqlite_errorname", "") or type(error).__name__
        base = "_".join(name.split("_")[:2])
        if base in _DAMAGED:
            return self._damaged()
        if base in _FULL:
            return JournalError(f"the disk of the journal {self._path} is full; make room")
        if base in ("SQLITE_BUSY", "SQLITE_LOCKED"):
            return JournalError(
                f"the journal {self._path} is locked by another process for more than"
                f" {self._busy_timeout:g} seconds"
            )
        return JournalError(f"the journal {self._path} cannot be used ({name})")

    def _damaged(self) -> JournalCorruptError:
        return JournalCorruptError(
            f"the journal {self._path} is damaged, or no journal; keep the file, and begin a new"
            " one under another name"
        )


def _insert(connection: sqlite3.Connection, row: Row) -> Row:
    values = (row.series, row.generation, row.version, row.is_open, row.created_at)
    if connection.execute(_INSERT, (*values, row.remote, row.data)).rowcount == 1:
        return row
    text = f"{_SELECT} WHERE series = ? AND generation = ?"
    found = connection.execute(text, (row.series, row.generation)).fetchone()
    return _row(found)


def _first(connection: sqlite3.Connection, text: str, value: str) -> Row | None:
    found = connection.execute(text, (value,)).fetchone()
    return None if found is None else _row(found)


def _row(values: tuple[Any, ...]) -> Row:
    series, generation, version, is_open, created_at, remote, data = values
    return Row(
        series=series,
        generation=generation,
        version=version,
        is_open=bool(is_open),
        created_at=created_at,
        remote=remote,
        data=bytes(data),
    )


_OPEN: weakref.WeakSet[SQLiteStore] = weakref.WeakSet()


def _keep_in_child() -> None:
    """Never close, in a forked child, a connection of the parent's: SQLite forbids it.

    One reference too many keeps the interpreter from doing so when the child ends.
    """
    for store in _OPEN:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(store._connection))  # noqa: SLF001  # of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_in_child)
