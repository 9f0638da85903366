"""What makes a file of SQLite a journal: its settings, its tables, and the checks of them."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path
from typing import Any

from eguma_async.core.errors import JournalCorruptError, JournalError

from .sqlite_errors import damaged

APPLICATION_ID = 0x65674A31
"""``egJ1``: what tells a journal from other files of SQLite."""
SCHEMA_VERSION = 1
SECRET_BYTES = 32
CHECKED_PAGES = 2048
"""A file of up to so many pages is checked whole when it is opened; a larger one takes long."""
PRAGMAS: tuple[tuple[str, str, object], ...] = (
    ("trusted_schema", "OFF", 0),
    ("cell_size_check", "ON", 1),
    ("secure_delete", "ON", 1),
    ("temp_store", "MEMORY", 2),
    ("mmap_size", "0", 0),
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("wal_autocheckpoint", "10000", 10000),  # the log is emptied before it grows so long
    ("fullfsync", "ON", 1),  # these two matter on macOS, where a plain fsync is none
    ("checkpoint_fullfsync", "ON", 1),
)
"""Each with the value it is set to and the one it must be read back as: defaults differ."""

SCHEMA = (
    """CREATE TABLE entry(
        series TEXT NOT NULL, generation INTEGER NOT NULL, version INTEGER NOT NULL,
        is_open INTEGER NOT NULL, created_at REAL NOT NULL, remote TEXT,
        slot INTEGER NOT NULL, PRIMARY KEY(series, generation))""",
    "CREATE INDEX entry_place ON entry(created_at, series, generation)",
    "CREATE INDEX entry_open ON entry(created_at, series, generation) WHERE is_open = 1",
    "CREATE INDEX entry_remote ON entry(remote) WHERE remote IS NOT NULL",
    """CREATE TABLE slot(
        id INTEGER PRIMARY KEY, is_free INTEGER NOT NULL, size INTEGER NOT NULL,
        bytes BLOB NOT NULL)""",
    "CREATE INDEX slot_free ON slot(size) WHERE is_free = 1",
    "CREATE TABLE secret(value BLOB NOT NULL)",
)
_PROBES = (
    "SELECT * FROM entry ORDER BY created_at, series, generation LIMIT 1",
    "SELECT * FROM entry ORDER BY created_at DESC, series DESC, generation DESC LIMIT 1",
    "SELECT * FROM entry WHERE is_open = 1 ORDER BY created_at, series, generation LIMIT 100",
    "SELECT * FROM entry ORDER BY series, generation LIMIT 1",
    "SELECT * FROM entry WHERE remote > '' ORDER BY remote LIMIT 1",
    "SELECT id FROM slot ORDER BY id DESC LIMIT 1",
    "SELECT * FROM slot WHERE is_free = 1 ORDER BY size LIMIT 1",
)
"""What is read of a file that is too large to be checked whole: an end of each tree."""


def is_journal(connection: sqlite3.Connection, path: Path) -> bool:
    """Return True if a file is a journal, False if it is empty; within a transaction.

    Raises:
        JournalCorruptError: It is something else than a journal of this version.
    """
    kind = value(connection, "PRAGMA application_id")
    version = value(connection, "PRAGMA user_version")
    found = connection.execute("SELECT sql FROM sqlite_master").fetchall()
    if not (kind or version or found):
        return False
    if kind != APPLICATION_ID:
        raise JournalCorruptError(
            f"{path} is a database of another program; nothing was changed; give the journal a"
            " path of its own"
        )
    if version > SCHEMA_VERSION:
        raise JournalCorruptError(
            f"the journal {path} was written by a newer version of this package (schema {version},"
            f" known is {SCHEMA_VERSION}); nothing was changed; update the package"
        )
    if version < SCHEMA_VERSION or not set(SCHEMA) <= {sql for (sql,) in found}:
        raise damaged(path, "its tables are not those of a journal")
    return True


def check_pragma(connection: sqlite3.Connection, path: Path, name: str, expected: object) -> None:
    """Check that a setting holds.

    Raises:
        JournalError: It does not.
    """
    found = value(connection, f"PRAGMA {name}")
    if found != expected:
        raise JournalError(
            f"the journal {path} needs {name} to be {expected} and SQLite leaves it at {found};"
            f" this is SQLite {sqlite3.sqlite_version}: use another build"
        )


def make_tables(connection: sqlite3.Connection) -> None:
    """Make what an empty file needs to be a journal, within a transaction."""
    for statement in SCHEMA:
        connection.execute(statement)
    connection.execute("INSERT INTO secret VALUES(?)", (secrets.token_bytes(SECRET_BYTES),))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def checked_secret(connection: sqlite3.Connection, path: Path) -> bytes:
    """Check a journal as far as that takes no time, and return its secret.

    Raises:
        JournalCorruptError: It is damaged.
    """
    if value(connection, "PRAGMA page_count") <= CHECKED_PAGES:
        if value(connection, "PRAGMA quick_check(1)") != "ok":
            raise damaged(path, "its pages contradict each other")
    else:
        for statement in _PROBES:
            connection.execute(statement).fetchall()
    found = value(connection, "SELECT value FROM secret")
    if not isinstance(found, bytes) or len(found) != SECRET_BYTES:
        raise damaged(path, "its secret is gone")
    return found


def value(connection: sqlite3.Connection, statement: str) -> Any:
    """Return the only value that a statement yields; None if it yields none."""
    found = connection.execute(statement).fetchone()
    return None if found is None else found[0]
