"""What the errors of PostgreSQL mean for a journal, in words that say what to do."""

from __future__ import annotations

import asyncpg

from eguma_async.core.errors import JournalCorruptError, JournalError

from ._server import unreachable

_ADVICE = {
    "28": "the server refuses this user or its password: look at the DSN",
    "3D": "the server has no such database: make it, or look at the DSN",
    "42501": "this user may not do that: grant it SELECT, INSERT, UPDATE and DELETE on the tables"
    " of the journal, and CREATE on the schema once",
    "22": "this does not fit into the table",
    "23": "this does not fit into the table",
    "25006": "the server is read-only, as a standby is: use the primary",
    "53100": "the server's disk is full: free some space there",
    "53300": "the server has no connection left: raise max_connections, or use fewer processes",
    "53": "the server lacks resources: look at its log",
    "57014": "the server took too long: find out what blocks it, or raise timeout",
    "55P03": "another session keeps a lock for too long: find out which one",
    "57P03": "the server is starting or stopping: try again",
    "58": "the server's disk fails: look at its log",
}
_FOREIGN = ("42P01", "42703", "42804", "42883", "42P10", "22P02")
_DAMAGED = ("XX001", "XX002")


def is_lost(error: BaseException) -> bool:
    """Tell whether the connection ended, so that nobody knows whether a statement was done."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state.startswith("08") or state in ("57P01", "57P02", "57P05")
    if isinstance(error, asyncpg.InterfaceError):
        # The connection was closed while it was waited for; or a value does not fit its column.
        return not isinstance(error, ValueError)
    return isinstance(error, OSError) and not isinstance(error, TimeoutError)


def failure(error: BaseException, what: str) -> JournalError:
    """Return what the caller gets. It has no cause: the driver's frames show the password.

    Nor does it repeat the server's words, which show what was to be written.
    """
    if isinstance(error, JournalError):
        return error
    if is_lost(error):
        return unreachable(what)
    if isinstance(error, asyncpg.PostgresError):
        return _of_server(error.sqlstate or "", what)
    if isinstance(error, TimeoutError):
        return JournalError(
            f"the journal {what} did not answer in time; what was to be written may have been:"
            " look at the server, or raise timeout"
        )
    return JournalError(f"the journal {what} cannot keep this ({type(error).__name__})")


def _of_server(state: str, what: str) -> JournalError:
    if state in _DAMAGED:
        return JournalCorruptError(
            f"the journal {what} is damaged ({state}): restore a backup of the database"
        )
    if state in _FOREIGN:
        return JournalCorruptError(
            f"the tables {what} are not those of a journal ({state}): give it another table"
        )
    advice = _ADVICE.get(state) or _ADVICE.get(state[:2]) or "look at the server's log"
    return JournalError(f"the journal {what} cannot be used (SQLSTATE {state}): {advice}")
