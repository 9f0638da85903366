"""What the errors of SQLite mean, in words that say what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from eguma_async.core.errors import EgumaError

from .kind import FileKind

_ADVICE = {
    "SQLITE_FULL": "there is no room left: free some space on its disk, or lift the quota",
    "SQLITE_READONLY": (
        "it cannot be written: its file system or its directory is read-only, or it belongs to"
        " somebody else"
    ),
    "SQLITE_CANTOPEN": (
        "it cannot be opened: this user needs the right to read and write the file and its"
        " directory"
    ),
    "SQLITE_PERM": "this user lacks the right to read and write it",
    "SQLITE_IOERR": "the disk fails: look at the system's log, and at the free space",
    "SQLITE_NOMEM": "there is no memory left",
}
_BUSY = {"SQLITE_BUSY", "SQLITE_LOCKED"}
_DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT"}
# What concerns the file, and so everybody who waits for it: nothing is gained by another try.
_OF_ALL = _BUSY | _DAMAGED | {"SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_IOERR"}
# After a failed write of the system nobody knows what of it is on the disk; the connection's own
# idea of the file must not be trusted any more.
_DISTRUSTED = _DAMAGED | {"SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_NOMEM", "SQLITE_PROTOCOL"}


def kind_of(error: sqlite3.Error) -> str:
    """Return the name of an error without its details, such as ``SQLITE_IOERR``."""
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    return "_".join(name.split("_")[:2])


def concerns_all(error: Exception) -> bool:
    """Tell whether whatever else was to be done would fail in the same way, or is done already."""
    if isinstance(error, sqlite3.Error):
        return kind_of(error) in _OF_ALL
    return isinstance(error, (OSError, EgumaError))


def needs_new_connection(error: Exception) -> bool:
    """Tell whether the connection is not to be used again."""
    return isinstance(error, sqlite3.Error) and kind_of(error) in _DISTRUSTED


def failure(error: Exception, path: Path, busy_timeout: float, kind: FileKind) -> EgumaError:
    """Return what the caller gets.

    It is not raised here, and has no cause: a traceback that shows variables would show the rows.
    """
    if isinstance(error, EgumaError):
        return error
    if isinstance(error, OSError):
        return kind.error(f"the {kind.noun} {path} cannot be used: {error.strerror}")
    if not isinstance(error, sqlite3.Error):
        return kind.error(f"the {kind.noun} {path} cannot keep this ({type(error).__name__})")
    code = kind_of(error)
    name = getattr(error, "sqlite_errorname", None) or code
    if code in _DAMAGED:
        return damaged(path, name, kind)
    if code in _BUSY:
        return kind.error(
            f"the {kind.noun} {path} was locked by another process for more than {busy_timeout:g}"
            " seconds: find out which one keeps it, or raise busy_timeout"
        )
    advice = _ADVICE.get(code, "it refused what was asked")
    return kind.error(f"the {kind.noun} {path} cannot be used ({name}): {advice}")


def damaged(path: Path, detail: str, kind: FileKind) -> EgumaError:
    """Return the error for a file that cannot be read."""
    return kind.corrupt(
        f"the {kind.noun} {path} is damaged, or no {kind.noun} ({detail}): {kind.restore}"
    )
