"""A file of SQLite as the one thread sees it that uses it: opened, checked, written."""

from __future__ import annotations

import copy
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eguma_async.core.errors import EgumaError
from eguma_async.core.log import logger

from . import forks, sqlite_errors
from .files import (
    filesystem_of,
    is_network,
    keep_from_others,
    make_private,
    sync_directory,
    what_loses_it,
)
from .kind import FileKind
from .sqlite_schema import (
    PRAGMAS,
    check_pragma,
    checked_secret,
    is_of_kind,
    make_tables,
    value,
)
from .writer import Job

QUIET_SECONDS = 0.2
LARGEST_PAGE = 65536
COMMITS_TO_TIDY = 512
"""The log is emptied after a moment without work, or after so many commits."""


class SQLiteFile:
    """One opening of a file. All of it runs on one thread.

    Args:
        path: Of the file.
        kind: What it is for.
        busy_timeout: Seconds to wait for another process that writes.
        filesystem_of: Tells the kind of file system that holds a path.
        connect: Opens a file that exists; its second argument is ``"ro"`` or ``"rw"``.
        commit: Ends a transaction.
    """

    def __init__(
        self,
        path: Path,
        kind: FileKind,
        *,
        busy_timeout: float,
        connect: Callable[[Path, str], sqlite3.Connection],
        commit: Callable[[sqlite3.Connection], None],
        filesystem_of: Callable[[Path], str] = filesystem_of,
    ) -> None:
        self._path = path
        self._kind = kind
        self._what = f"the {kind.noun} {path}"
        self._busy_timeout = busy_timeout
        self._filesystem_of = filesystem_of
        self._connect = connect
        self._commit = commit
        self._secret: bytes | None = None
        self._commits = 0
        self._is_tidy = False  # a process that was killed may have left a log
        self._quiet = QUIET_SECONDS
        self.identity: forks.Identity | None = None
        self.connection: sqlite3.Connection | None = None

    # What the thread does

    def enter(self) -> None:
        """Check the place, make the file if there is none, and open it."""
        failure: EgumaError | None = None
        try:
            self._check_place()
            make_private(self._path, self._kind)
            self._open()
            sync_directory(self._path.parent, self._kind)
        except Exception as error:  # noqa: BLE001  # it goes to whoever waits
            failure = self._failure(error)
        if failure is not None:
            raise failure

    def carry_out(self, jobs: Sequence[Job[Any, Any]]) -> list[Any]:
        """Carry out jobs, and commit what they write all at once.

        If that fails, each is tried alone, unless none of them could succeed.
        """
        try:
            return self._attempt(jobs)
        except Exception as error:  # noqa: BLE001  # it goes to whoever waits
            self._give_up(error)
            is_of_all = len(jobs) == 1 or sqlite_errors.concerns_all(error)
            failure = self._failure(error)
        if is_of_all:
            return [copy.copy(failure) for _ in jobs]
        return [outcome for job in jobs for outcome in self.carry_out([job])]

    def tidy(self, *, is_idle: bool) -> float | None:
        """Empty the log when nobody waits, or it has grown for long.

        What was erased stands in no file any more then.
        """
        if self._is_tidy:
            return None
        if not is_idle and self._commits < COMMITS_TO_TIDY:
            return self._quiet
        self._commits = 0
        try:
            self._is_tidy = self._empty_log()
        except (sqlite3.Error, OSError, EgumaError) as error:
            self._give_up(error)
            logger.debug("the log of %s was not emptied: %s", self._what, type(error).__name__)
        # Where another process is in the way, or a disk is full, ask less and less often.
        self._quiet = QUIET_SECONDS if self._is_tidy else min(2 * self._quiet, 60.0)
        return None if self._is_tidy else self._quiet

    def leave(self) -> None:
        """Empty the log and close the file."""
        if not self._is_tidy and self.connection is not None:
            try:
                self._empty_log()
            except sqlite3.Error as error:
                logger.debug("the log of %s was not emptied: %s", self._what, type(error).__name__)
        self._drop()

    # Its steps

    def _attempt(self, jobs: Sequence[Job[Any, Any]]) -> list[Any]:
        connection = self._ready()
        if not any(job.writes for job in jobs):
            return [job.run(connection) for job in jobs]
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [job.run(connection) for job in jobs]
        self._is_tidy = False
        self._commits += 1
        self._commit(connection)
        self._check_unmoved()
        return outcomes

    def _ready(self) -> sqlite3.Connection:
        """Return the connection; open the same file anew if it had to be given up."""
        if self.connection is None:
            self._check_there()
            self._open()
        assert self.connection is not None  # noqa: S101  # `_open` sets it
        return self.connection

    def _check_place(self) -> None:
        filesystem = self._filesystem_of(self._path)
        if is_network(filesystem):
            raise self._kind.error(
                f"{self._what} is on a network file system ({filesystem}), where locks do not hold;"
                f" use a local disk, or {self._kind.elsewhere}"
            )
        home = what_loses_it(filesystem)
        if home is not None:
            logger.warning("%s is kept in %s, and is lost with it", self._what, home)

    def _open(self) -> None:
        try:
            self._open_checked()
        except BaseException:
            self._drop()
            raise

    def _open_checked(self) -> None:
        self._check_log()
        self.identity = self._identity()
        if forks.is_barred(self.identity):
            raise self._kind.error(
                f"{self._what} was open when this process was forked, and cannot be"
                " used in it: open it after the fork, or start processes by spawning them"
            )
        self._check_writable()
        forks.hold(self)
        self._look_before_touching()
        keep_from_others(self._path, self._kind)
        self.connection = self._connect(self._path, "rw")
        self.connection.execute(f"PRAGMA busy_timeout = {round(self._busy_timeout * 1000)}")
        self._set_pragmas(self.connection)
        self._make_tables(self.connection)
        self._check_same(checked_secret(self.connection, self._path, self._kind))
        keep_from_others(self._path, self._kind)  # the log too, if a process of old had made it

    def _check_log(self) -> None:
        """Refuse a file without content whose log has some: its beginning was cut off."""
        log = self._path.with_name(self._path.name + "-wal")
        # In this order: whoever makes a file writes its first page before there is a log.
        has_log = log.exists() and log.stat().st_size > 0
        if has_log and self._path.stat().st_size == 0:
            raise sqlite_errors.damaged(self._path, "it is empty, its log is not", self._kind)

    def _look_before_touching(self) -> None:
        """Check whose file it is on a connection that cannot change it, not even by closing."""
        size = self._path.stat().st_size
        if size == 0:
            return
        if size == 1:  # which SQLite takes for an empty one
            raise sqlite_errors.damaged(self._path, "it is too short", self._kind)
        connection = self._connect(self._path, "ro")
        try:
            # One moment for all that is read: another process may just be making it.
            connection.execute("BEGIN")
            is_of_kind(connection, self._path, self._kind)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", "") != "SQLITE_READONLY_ROLLBACK":
                raise
            # Whoever made it was interrupted. If it was one of ours, it had one page.
            if size > LARGEST_PAGE:
                raise sqlite_errors.damaged(
                    self._path, "a transaction was left open", self._kind
                ) from None
        finally:
            connection.close()

    def _set_pragmas(self, connection: sqlite3.Connection) -> None:
        for name, text, expected in PRAGMAS:
            self._patiently(connection, f"PRAGMA {name} = {text}")
            check_pragma(connection, self._path, self._kind, name, expected)

    def _patiently(self, connection: sqlite3.Connection, statement: str) -> None:
        """Execute a statement that does not wait by itself while another process has a lock."""
        pause = 0.005
        for left in range(int(self._busy_timeout / pause), -1, -1):
            try:
                connection.execute(statement).fetchall()
            except sqlite3.OperationalError as error:
                if not left or sqlite_errors.kind_of(error) != "SQLITE_BUSY":
                    raise
                threading.Event().wait(pause)
            else:
                return

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        if value(connection, "PRAGMA application_id") == self._kind.application_id:
            return  # looked at before
        connection.execute("BEGIN IMMEDIATE")
        if not is_of_kind(connection, self._path, self._kind):  # else another process was faster
            make_tables(connection, self._kind)
        self._commit(connection)

    def _check_same(self, secret: bytes) -> None:
        """Check that a file that is opened anew is the one that was open before."""
        if self._secret not in (None, secret):
            raise self._kind.error(
                f"{self._what} was replaced by another while it was in use: close it,"
                " and open it again"
            )
        self._secret = secret

    def _check_writable(self) -> None:
        if not os.access(self._path, os.R_OK | os.W_OK):
            raise self._kind.error(
                f"{self._what} cannot be written: this user needs the right to, and a"
                " file system that is not read-only"
            )

    def _identity(self) -> forks.Identity:
        status = self._path.stat()
        return status.st_dev, status.st_ino

    def _check_there(self) -> None:
        if not self._path.is_file():
            raise self._kind.error(
                f"{self._what} was moved or deleted while it was in use: put it back,"
                " or close it and open it again to begin a new one"
            )

    def _check_unmoved(self) -> None:
        """Check that what was written went into the file that the next process will open."""
        try:
            self._check_there()
            if self._identity() == self.identity:
                return
        except (EgumaError, OSError):
            self._drop()
            raise
        self._drop()
        raise self._kind.error(
            f"{self._what} was replaced by another file while it was in use: put it"
            " back, or close it and open it again"
        )

    def _empty_log(self) -> bool:
        connection = self._ready()
        # Nobody is made to wait for this: another process that reads is let alone.
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            (is_busy, *_), *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {round(self._busy_timeout * 1000)}")
        return not is_busy

    def _give_up(self, error: Exception) -> None:
        """Undo what was begun, and the connection with it if it is not to be trusted."""
        connection = self.connection
        if connection is None:
            return
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop()
        if sqlite_errors.needs_new_connection(error):
            self._drop()

    def _drop(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as error:
                logger.debug("%s was not closed in order: %s", self._what, type(error).__name__)
        forks.release(self)

    def _failure(self, error: Exception) -> EgumaError:
        return sqlite_errors.failure(error, self._path, self._busy_timeout, self._kind)
