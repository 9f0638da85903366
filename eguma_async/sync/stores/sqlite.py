"""A replica in a file, by SQLite."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from eguma_async.storage.files import filesystem_of
from eguma_async.storage.kind import FileKind
from eguma_async.storage.sqlite import FileStore
from eguma_async.sync.errors import ReplicaCorruptError, ReplicaError
from eguma_async.sync.records import Kept, State

from . import _checkpoints, _planning
from ._rows import COLUMNS, kept_of, row_of
from .base import ANCHORS, NEWEST, PAGE, Batch, Contents, ReplicaStore, Written

REPLICA = FileKind(
    noun="copy of orders",
    in_memory="MemoryOrders",
    elsewhere="a copy in PostgreSQL",
    restore=(
        "if it was one, delete it: the next synchronisation makes it anew, and what was erased from"
        " it is to be erased again"
    ),
    error=ReplicaError,
    corrupt=ReplicaCorruptError,
    application_id=0x65674F31,  # "egO1"
    version=1,
    tables=(
        """CREATE TABLE orders(
        id TEXT PRIMARY KEY, number TEXT, earliest REAL, latest REAL, is_final INTEGER NOT NULL,
        problems TEXT, found_from REAL, found_to REAL, kind TEXT NOT NULL,
        revision INTEGER NOT NULL UNIQUE, first_revision INTEGER NOT NULL,
        is_missing INTEGER NOT NULL, tries INTEGER NOT NULL, ask_at REAL, data BLOB NOT NULL)""",
        "CREATE INDEX orders_number ON orders(number)",
        "CREATE INDEX orders_earliest ON orders(earliest)",
        "CREATE INDEX orders_ask_at ON orders(ask_at) WHERE ask_at IS NOT NULL",
        """CREATE TABLE checkpoint(
        number INTEGER PRIMARY KEY, is_anchor INTEGER NOT NULL, said TEXT NOT NULL)""",
        "CREATE TABLE lease(owner TEXT NOT NULL, until REAL NOT NULL)",
        "CREATE TABLE origin(said TEXT NOT NULL)",
        "CREATE TABLE feed(revision INTEGER NOT NULL)",
    ),
    probes=(
        "SELECT * FROM orders ORDER BY id LIMIT 1",
        "SELECT * FROM orders ORDER BY id DESC LIMIT 1",
        "SELECT * FROM orders ORDER BY revision DESC LIMIT 1",
        "SELECT * FROM orders WHERE number > '' ORDER BY number DESC LIMIT 1",
        "SELECT * FROM orders WHERE earliest > 0 ORDER BY earliest DESC LIMIT 1",
        "SELECT * FROM checkpoint",
        "SELECT * FROM lease",
        "SELECT * FROM origin",
        "SELECT * FROM feed",
    ),
)

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM orders"  # noqa: S608  # names of ours
_PUT = (
    f"INSERT OR REPLACE INTO orders({', '.join(COLUMNS)}) VALUES({', '.join('?' for _ in COLUMNS)})"
)
_AT_ONCE = 500


class SQLiteOrders(FileStore, ReplicaStore):
    """Keeps a copy of orders in one file. Several processes of one machine may share it.

    The file can be read by its owner only: it holds the customers of all orders. What is erased is
    overwritten.

    Args:
        path: Where. Not on a network file system.
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
        super().__init__(path, REPLICA, busy_timeout=busy_timeout, filesystem_of=filesystem_of)

    async def begin(self, origin: str, owner: str, *, now: float, lease: float) -> State:
        """Let one syncer write."""
        return await self._do(lambda c: _begin(c, origin, owner, now, lease), writes=True)

    async def write(self, batch: Batch) -> Written:
        """Keep a batch. It is on the disk when this returns."""
        return await self._do(lambda c: _write(c, batch), writes=True, is_alone=True)

    async def end(self, owner: str) -> None:
        """Let others write."""
        await self._do(
            lambda c: c.execute("DELETE FROM lease WHERE owner = ?", (owner,)), writes=True
        )

    async def known(self, start: float, end: float) -> tuple[str, ...]:
        """Return the ids of records that surely changed last within a range."""
        statement = (
            "SELECT id FROM orders WHERE earliest >= ? AND earliest < ? AND latest < ?"
            " AND is_missing = 0 ORDER BY id"
        )
        found = await self._do(lambda c: c.execute(statement, (start, end, end)).fetchall())
        return tuple(id_ for (id_,) in found)

    async def due(self, now: float, limit: int = 100) -> tuple[Kept, ...]:
        """Return records that are to be asked for again."""
        where = "WHERE ask_at IS NOT NULL AND ask_at <= ? ORDER BY ask_at, id LIMIT ?"
        return await self._select(where, now, limit)

    async def get(self, name: str) -> Kept | None:
        """Return a record by its id or number."""
        found = await self._select("WHERE id = ?", name) or await self._select(
            "WHERE number = ? ORDER BY revision DESC LIMIT 1", name
        )
        return found[0] if found else None

    async def page(self, after: str = "", *, limit: int = PAGE) -> tuple[Kept, ...]:
        """Return records in the order of their ids."""
        return await self._select("WHERE id > ? ORDER BY id LIMIT ?", after, limit)

    async def changes(self, after: int = 0, *, limit: int = PAGE) -> tuple[Kept, ...]:
        """Return what changed after a revision."""
        return await self._select("WHERE revision > ? ORDER BY revision LIMIT ?", after, limit)

    async def contents(self) -> Contents:
        """Return what there is."""
        return await self._do(_contents)

    async def erase(self, ids: Sequence[str]) -> int:
        """Erase the content of records; it is overwritten on the disk."""
        return await self._do(lambda c: _erase(c, ids), writes=True, is_alone=True)

    async def _select(self, where: str, *values: object) -> tuple[Kept, ...]:
        found = await self._do(lambda c: c.execute(f"{_SELECT} {where}", values).fetchall())
        return tuple(map(kept_of, found))


def _begin(c: sqlite3.Connection, origin: str, owner: str, now: float, lease: float) -> State:
    found = c.execute("SELECT said FROM origin").fetchone()
    if found is None:
        c.execute("INSERT INTO origin VALUES(?)", (origin,))
    else:
        _planning.check_origin(found[0], origin)
    _planning.check_lease(_holder(c), owner, now, lease)
    _hold(c, owner, now + lease)
    return _state(c)


def _write(c: sqlite3.Connection, batch: Batch) -> Written:
    version = _state(c).version
    _planning.check_turn(_holder(c), version, batch, batch.now)
    revision = _revision(c)
    plan = _planning.plan(_there(c, _planning.ids_of(batch)), batch, revision)
    _put(c, plan.puts, revision)
    c.executemany("DELETE FROM orders WHERE id = ?", ((id_,) for id_ in plan.drops))
    _hold(c, batch.owner, batch.now + batch.lease)
    if batch.checkpoint is not None:
        version += 1
        text = _checkpoints.as_text(version, batch.checkpoint)
        c.execute("INSERT INTO checkpoint VALUES(?, ?, ?)", (version, int(batch.is_anchor), text))
        c.execute(
            "DELETE FROM checkpoint WHERE number <= ? AND number NOT IN"
            " (SELECT number FROM checkpoint WHERE is_anchor = 1 ORDER BY number DESC LIMIT ?)",
            (version - NEWEST, ANCHORS),
        )
    return Written(version=version, changed=plan.changed, unchanged=plan.unchanged)


def _holder(c: sqlite3.Connection) -> tuple[str, float] | None:
    found: tuple[str, float] | None = c.execute("SELECT owner, until FROM lease").fetchone()
    return found


def _hold(c: sqlite3.Connection, owner: str, until: float) -> None:
    c.execute("DELETE FROM lease")
    c.execute("INSERT INTO lease VALUES(?, ?)", (owner, until))


def _state(c: sqlite3.Connection) -> State:
    found = c.execute("SELECT number, said FROM checkpoint ORDER BY number DESC").fetchall()
    return _checkpoints.state_of(found)


def _revision(c: sqlite3.Connection) -> int:
    found = c.execute("SELECT revision FROM feed").fetchone()
    return found[0] if found else 0


def _there(c: sqlite3.Connection, ids: Sequence[str]) -> dict[str, Kept]:
    found: dict[str, Kept] = {}
    for begin in range(0, len(ids), _AT_ONCE):
        some = ids[begin : begin + _AT_ONCE]
        marks = ", ".join("?" for _ in some)
        for row in c.execute(f"{_SELECT} WHERE id IN ({marks})", some):
            found[row[0]] = kept_of(row)
    return found


def _put(c: sqlite3.Connection, puts: Sequence[Kept], revision: int) -> None:
    c.executemany(_PUT, map(row_of, puts))
    # Not the highest of the records: one that is dropped must not give its number to another.
    c.execute("DELETE FROM feed")
    c.execute("INSERT INTO feed VALUES(?)", (max([revision, *(k.revision for k in puts)]),))


def _contents(c: sqlite3.Connection) -> Contents:
    counts = "SELECT count(*), count(problems), coalesce(sum(is_missing), 0) FROM orders"
    records, unreadable, missing = c.execute(counts).fetchone()
    checkpoints = _state(c).checkpoints
    return Contents(
        records=records,
        unreadable=unreadable,
        missing=missing,
        revision=_revision(c),
        checkpoint=checkpoints[0] if checkpoints else None,
    )


def _erase(c: sqlite3.Connection, ids: Sequence[str]) -> int:
    there = _there(c, list(dict.fromkeys(ids)))
    revision = _revision(c)
    left = _planning.erasures(list(there.values()), revision)
    _put(c, left, revision)
    return len(left)
