"""Rows and the bytes they hold in tables of SQLite.

The bytes lie in slots of their own, which never change their size and are never removed, only
filled with zeros and used again. That is what makes erasing sure: with ``secure_delete`` SQLite
overwrites what is deleted, but not the copies that it leaves behind in a page when it moves
records to another one to balance its tree. Slots are appended, and so never moved.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from .base import Place, Row

_STEP = 256
_PREFIX = 4

_COLUMNS = "series, generation, version, is_open, created_at, remote, slot"
_INSERT = (
    f"INSERT INTO entry({_COLUMNS}) VALUES(?,?,?,?,?,?,?)"
    " ON CONFLICT(series, generation) DO NOTHING"
)
_REPLACE = (
    "UPDATE entry SET version = ?, is_open = ?, remote = ?, slot = ?"
    " WHERE series = ? AND generation = ?"
)
_DELETE = "DELETE FROM entry WHERE series = ? AND generation = ?"
_SLOT_OF = "SELECT slot FROM entry WHERE series = ? AND generation = ? AND version = ?"
_FREE = (
    "SELECT id, size FROM slot WHERE is_free = 1 AND size >= ? AND size <= ? ORDER BY size LIMIT 1"
)
_APPEND = "INSERT INTO slot(is_free, size, bytes) VALUES(0, ?, ?)"
_FILL = "UPDATE slot SET is_free = ?, bytes = ? WHERE id = ?"
# The bytes as such, whatever somebody has made of them with another tool.
_SELECT = (
    "SELECT series, generation, version, is_open, created_at, remote, CAST(bytes AS BLOB)"
    " FROM entry LEFT JOIN slot ON slot.id = entry.slot"
)
_ORDER = " ORDER BY created_at, series, generation LIMIT ?"


def insert(connection: sqlite3.Connection, row: Row) -> Row:
    """Keep a row and return what stands at its place."""
    there = _first(
        connection, f"{_SELECT} WHERE series = ? AND generation = ?", row.series, row.generation
    )
    if there is not None:
        return there
    slot = _keep(connection, row.data)
    values = (row.series, row.generation, row.version, row.is_open, row.created_at, row.remote)
    connection.execute(_INSERT, (*values, slot)).fetchall()
    return row


def replace(connection: sqlite3.Connection, row: Row) -> bool:
    """Write a row in the place of the version before it; False if that is not there."""
    found = connection.execute(_SLOT_OF, (row.series, row.generation, row.version - 1)).fetchone()
    if found is None:
        return False
    slot = _keep_instead(connection, found[0], row.data)
    values = (row.version, row.is_open, row.remote, slot, row.series, row.generation)
    connection.execute(_REPLACE, values).fetchall()
    return True


def delete(connection: sqlite3.Connection, row: Row) -> bool:
    """Remove a row; False if it is not there in this version."""
    found = connection.execute(_SLOT_OF, (row.series, row.generation, row.version)).fetchone()
    if found is None:
        return False
    _erase(connection, found[0])
    connection.execute(_DELETE, (row.series, row.generation)).fetchall()
    return True


def latest(connection: sqlite3.Connection, series: str) -> Row | None:
    """Return the row of the highest generation of a series."""
    return _first(
        connection, f"{_SELECT} WHERE series = ? ORDER BY generation DESC LIMIT 1", series
    )


def made(connection: sqlite3.Connection, remote: str) -> Row | None:
    """Return a row that stands for what the server made."""
    return _first(connection, f"{_SELECT} WHERE remote = ? LIMIT 1", remote)


def rows(
    connection: sqlite3.Connection, *, open_only: bool, after: Place | None, limit: int
) -> tuple[Row, ...]:
    """Return rows in the order of their places."""
    conditions = ["is_open = 1"] if open_only else []
    if after is not None:
        conditions.append("(created_at, series, generation) > (?, ?, ?)")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    found = connection.execute(_SELECT + where + _ORDER, (*(after or ()), limit)).fetchall()
    return tuple(map(_row, found))


def _keep(connection: sqlite3.Connection, data: bytes) -> int:
    """Put bytes into a slot, and return which."""
    size = -(-(len(data) + _PREFIX) // _STEP) * _STEP
    found = connection.execute(_FREE, (size, 2 * size)).fetchone()
    if found is not None:
        slot, size = found
        connection.execute(_FILL, (0, _padded(data, size), slot)).fetchall()
        return int(slot)
    connection.execute(_APPEND, (size, _padded(data, size))).fetchall()
    return int(connection.execute("SELECT last_insert_rowid()").fetchone()[0])


def _keep_instead(connection: sqlite3.Connection, slot: int, data: bytes) -> int:
    """Put bytes in the place of those of a slot, or into another if they do not fit."""
    size = _size_of(connection, slot)
    if size is not None and len(data) + _PREFIX <= size:
        connection.execute(_FILL, (0, _padded(data, size), slot)).fetchall()
        return slot
    _erase(connection, slot)
    return _keep(connection, data)


def _erase(connection: sqlite3.Connection, slot: int) -> None:
    size = _size_of(connection, slot)
    if size is not None:
        connection.execute(_FILL, (1, bytes(size), slot)).fetchall()


def _size_of(connection: sqlite3.Connection, slot: int) -> int | None:
    found = connection.execute("SELECT size FROM slot WHERE id = ?", (slot,)).fetchone()
    return None if found is None else int(found[0])


def _padded(data: bytes, size: int) -> bytes:
    return (len(data).to_bytes(_PREFIX, "big") + data).ljust(size, b"\0")


def _first(connection: sqlite3.Connection, text: str, *values: object) -> Row | None:
    found = connection.execute(text, values).fetchone()
    return None if found is None else _row(found)


def _row(values: tuple[Any, ...]) -> Row:
    series, generation, version, is_open, created_at, remote, raw = values
    content = raw or b""  # a slot that is gone is for the journal to find out
    return Row(
        series=series,
        generation=generation,
        version=version,
        is_open=bool(is_open),
        created_at=created_at,
        remote=remote,
        data=content[_PREFIX : _PREFIX + int.from_bytes(content[:_PREFIX], "big")],
    )
