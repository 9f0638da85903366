"""A store in one file of SQLite: what was written is on the disk before anybody is told so."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from eguma_async.core.errors import ConfigurationError, EgumaError

from .files import filesystem_of, make_private, sync_directory
from .kind import FileKind
from .sqlite_errors import failure
from .sqlite_file import SQLiteFile
from .writer import Writer

T = TypeVar("T")

BACKUP_PAGES = 512
"""How much a backup copies before what waits gets its turn."""


class FileStore:
    """The life of a store in a file, and its one way to the thread that uses it.

    Args:
        path: Where. It, and a directory that is made for it, can be read by its owner only.
        kind: What the file is for.
        busy_timeout: Seconds to wait for another process that writes.
        filesystem_of: Tells the kind of file system that holds a path, such as ``"ext4"``.

    Raises:
        ConfigurationError: The path or the timeout is none.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        kind: FileKind,
        *,
        busy_timeout: float = 5.0,
        filesystem_of: Callable[[Path], str] = filesystem_of,
    ) -> None:
        self._path = _file_path(path, kind)
        self._kind = kind
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
            except EgumaError:
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

    async def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the file to another file as it is at one moment, while it is in use.

        The copy can be read by its owner only. It holds what the file holds, customers' data
        included.

        Raises:
            EgumaError: There is such a file already, or it cannot be written.
        """
        target = _file_path(path, self._kind)
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
            raise self._kind.error(f"the {self._kind.noun} {self._path} is not open")
        return await writer.do(run, writes=writes, is_alone=is_alone)

    def _check_process(self) -> None:
        if self._writer is not None and self._process != os.getpid():
            raise self._kind.error(
                f"the {self._kind.noun} {self._path} was opened before this process was forked, and"
                " cannot be used in it: open it after the fork, or start processes by spawning them"
            )

    def _start(self) -> Writer[sqlite3.Connection]:
        self._process = os.getpid()
        file = SQLiteFile(
            self._path,
            self._kind,
            busy_timeout=self._busy_timeout,
            connect=self._connect,
            commit=self._commit,
            filesystem_of=self._filesystem_of,
        )
        return Writer(f"eguma_async {self._kind.noun}", file, self._kind.error)

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
        if not make_private(target, self._kind):
            raise self._kind.error(f"{target} is there already; a backup goes to a new file")
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
            sync_directory(target.parent, self._kind)
        except BaseException as error:
            if copy is not None:
                copy.close()
            target.unlink(missing_ok=True)
            if not isinstance(error, (sqlite3.Error, OSError)):
                raise
            told = failure(error, target, self._busy_timeout, self._kind)
        else:
            return
        raise told


def _file_path(path: Any, kind: FileKind) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise ConfigurationError(f"path must be that of a file, not {type(path).__name__}")
    text = os.fspath(path)
    if not isinstance(text, str) or not text.strip() or "\0" in text or text.startswith("file:"):
        raise ConfigurationError("path must be that of a file")
    if text == ":memory:":
        raise ConfigurationError(
            f"path must be that of a file; a {kind.noun} in memory is {kind.in_memory}()"
        )
    return Path(text)
