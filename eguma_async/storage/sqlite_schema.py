"""What makes a file of SQLite one of its kind: its settings, its tables, and the checks of them."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path
from typing import Any

from .kind import FileKind
from .sqlite_errors import damaged

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

IDENTITY_TABLE = "CREATE TABLE secret(value BLOB NOT NULL)"
"""A table of every kind: its bytes tell one file from another of its kind."""


def is_of_kind(connection: sqlite3.Connection, path: Path, kind: FileKind) -> bool:
    """Return True if a file is of a kind, False if it is empty; within a transaction.

    Raises:
        EgumaError: It is something else than a file of this kind and version.
    """
    found_id = value(connection, "PRAGMA application_id")
    version = value(connection, "PRAGMA user_version")
    found = connection.execute("SELECT sql FROM sqlite_master").fetchall()
    if not (found_id or version or found):
        return False
    if found_id != kind.application_id:
        raise kind.corrupt(
            f"{path} is a database of another program; nothing was changed; give the {kind.noun} a"
            " path of its own"
        )
    if version > kind.version:
        raise kind.corrupt(
            f"the {kind.noun} {path} was written by a newer version of this package (schema"
            f" {version}, known is {kind.version}); nothing was changed; update the package"
        )
    if version < kind.version or not {IDENTITY_TABLE, *kind.tables} <= {sql for (sql,) in found}:
        raise damaged(path, f"its tables are not those of a {kind.noun}", kind)
    return True


def check_pragma(
    connection: sqlite3.Connection, path: Path, kind: FileKind, name: str, expected: object
) -> None:
    """Check that a setting holds.

    Raises:
        EgumaError: It does not.
    """
    found = value(connection, f"PRAGMA {name}")
    if found != expected:
        raise kind.error(
            f"the {kind.noun} {path} needs {name} to be {expected} and SQLite leaves it at {found};"
            f" this is SQLite {sqlite3.sqlite_version}: use another build"
        )


def make_tables(connection: sqlite3.Connection, kind: FileKind) -> None:
    """Make what an empty file needs to be of a kind, within a transaction."""
    for statement in (*kind.tables, IDENTITY_TABLE):
        connection.execute(statement)
    connection.execute("INSERT INTO secret VALUES(?)", (secrets.token_bytes(SECRET_BYTES),))
    connection.execute(f"PRAGMA application_id = {kind.application_id}")
    connection.execute(f"PRAGMA user_version = {kind.version}")


def checked_secret(connection: sqlite3.Connection, path: Path, kind: FileKind) -> bytes:
    """Check a file as far as that takes no time, and return its secret.

    Raises:
        EgumaError: It is damaged.
    """
    if value(connection, "PRAGMA page_count") <= CHECKED_PAGES:
        if value(connection, "PRAGMA quick_check(1)") != "ok":
            raise damaged(path, "its pages contradict each other", kind)
    else:
        for statement in kind.probes:
            connection.execute(statement).fetchall()
    found = value(connection, "SELECT value FROM secret")
    if not isinstance(found, bytes) or len(found) != SECRET_BYTES:
        raise damaged(path, "its secret is gone", kind)
    return found


def value(connection: sqlite3.Connection, statement: str) -> Any:
    """Return the only value that a statement yields; None if it yields none."""
    found = connection.execute(statement).fetchone()
    return None if found is None else found[0]
