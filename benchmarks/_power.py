"""A disk whose every write is known, so that it can be shown as a power cut would leave it.

The files are real, and are written as usual; beside that, all that is asked of the system is noted.
From the notes follows what is on the disk at any moment: what was synced is there, and of what was
written since, anything may be missing, sector by sector and in any order.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import apsw
import attrs

from eguma_async.journal.stores.sqlite import SQLiteStore

T = TypeVar("T")

VFS_NAME = "noting"
SECTOR = 512
LOSSES = ("all", "none", "the last", "any")
"""What is lost of the writes since the last sync: all of them, none, those from some moment on, or
any sectors of them, which is what torn and reordered writes look like afterwards."""


@attrs.frozen
class Event:
    """One thing that was asked of the system.

    Attributes:
        kind: ``create``, ``write``, ``truncate``, ``sync``, ``delete``, ``sync directory``, or
            ``commit`` for a mark of the store.
        name: Of the file.
        at: Where it was written, or how long the file is from then on.
        data: What was written.
    """

    kind: str
    name: str = ""
    at: int = 0
    data: bytes = attrs.field(default=b"", repr=False)


Keep = Callable[[], bool]


def always() -> bool:
    """Keep everything."""
    return True


@attrs.define(eq=False)
class _File:
    """What the disk has of a file, and what was asked since it was last synced."""

    durable: bytearray = attrs.field(factory=bytearray)
    pending: list[Event] = attrs.field(factory=list)

    def settle(self, events: list[Event], keep: Keep) -> None:
        for event in events:
            if event.kind == "write":
                self._write(event, keep)
            elif keep():
                del self.durable[event.at :]
                self.durable.extend(bytes(event.at - len(self.durable)))
        self.pending = []

    def _write(self, event: Event, keep: Keep) -> None:
        """Write what is kept, sector by sector: a disk writes no less at once."""
        at, last = event.at, event.at + len(event.data)
        while at < last:
            end = min(last, (at // SECTOR + 1) * SECTOR)
            if keep():
                self.durable.extend(bytes(max(0, end - len(self.durable))))
                self.durable[at:end] = event.data[at - event.at : end - event.at]
            at = end


class _Directory:
    """Names and files. What is made or removed is not on the disk before the directory is synced.

    A file that was removed and made anew is another one: until then the disk has the old.
    """

    def __init__(self) -> None:
        self.names: dict[str, _File] = {}
        self._durable: dict[str, _File] = {}
        self._pending: list[tuple[str, _File | None]] = []

    def carry_out(self, event: Event) -> None:
        if event.kind == "create" and event.name not in self.names:
            self.names[event.name] = _File()
            self._pending.append((event.name, self.names[event.name]))
        elif event.kind == "delete":
            self.names.pop(event.name, None)
            self._pending.append((event.name, None))
        elif event.kind == "sync directory":
            self._settle(self._pending)
        elif event.kind == "sync":
            file = self.names[event.name]
            file.settle(file.pending, always)
        elif event.kind in ("write", "truncate"):
            self.names[event.name].pending.append(event)

    def _settle(self, changes: list[tuple[str, _File | None]]) -> None:
        for name, file in changes:
            if file is None:
                self._durable.pop(name, None)
            else:
                self._durable[name] = file
        self._pending = []

    def after_cut(self, loss: str, chance: random.Random) -> dict[str, bytes]:
        count = {"all": 0, "none": len(self._pending)}.get(loss)
        if count is None:
            count = chance.randint(0, len(self._pending))
        self._settle(self._pending[:count])
        for file in self._durable.values():
            file.settle(*_kept(file.pending, loss, chance))
        return {name: bytes(file.durable) for name, file in self._durable.items()}


def _kept(pending: list[Event], loss: str, chance: random.Random) -> tuple[list[Event], Keep]:
    if loss == "all":
        return [], always
    if loss == "none":
        return pending, always
    if loss == "the last":
        return pending[: chance.randint(0, len(pending))], always
    return pending, lambda: chance.random() < 0.5


class Disk:
    """Notes what is asked of it, and shows what a cut leaves."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def after_cut(self, moment: int, loss: str, chance: random.Random) -> dict[str, bytes]:
        """Return the files as they are found after a power cut.

        Args:
            moment: How many events there were.
            loss: One of `LOSSES`.
            chance: Chooses what is lost.
        """
        directory = _Directory()
        for event in self.events[:moment]:
            directory.carry_out(event)
        return directory.after_cut(loss, chance)


class Vfs(apsw.VFS):
    """The way of SQLite to the system, with a disk that notes it."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        super().__init__(VFS_NAME, base="unix")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802
        return VfsFile(self.disk, name, flags)

    def xDelete(self, name: str, sync_directory: bool) -> None:  # noqa: N802
        super().xDelete(name, sync_directory)
        self.disk.events.append(Event("delete", Path(name).name))
        if sync_directory:
            self.disk.events.append(Event("sync directory"))


class VfsFile(apsw.VFSFile):
    """One open file; shared memory goes past it, as it is none of the disk's."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._events = disk.events
        text = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._name = Path(text).name
        super().__init__("unix", name, flags)
        self._is_synced = self._name.endswith(".db")  # the store does that for its own file
        self._events.append(Event("create", self._name))

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._events.append(Event("write", self._name, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._events.append(Event("truncate", self._name, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802
        # Nothing is really lost here, so nothing needs to be really synced.
        self._events.append(Event("sync", self._name))
        if not self._is_synced:  # as SQLite does the first time it syncs a log or a journal
            self._events.append(Event("sync directory"))
            self._is_synced = True


class Answer:
    """All that a statement has yielded."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> list[Any]:
        return self._rows


class Connection:
    """A connection of apsw in the clothes of one of the standard library.

    Args:
        path: Of the file.
        mode: ``"ro"`` or ``"rw"``.
        synchronous: What `PRAGMA synchronous` is really set to; asked for, it says FULL.
    """

    def __init__(self, path: Path, mode: str, synchronous: str) -> None:
        flag = apsw.SQLITE_OPEN_READONLY if mode == "ro" else apsw.SQLITE_OPEN_READWRITE
        self._synchronous = synchronous
        self._inner = _translated(
            lambda: apsw.Connection(
                f"{path.absolute().as_uri()}?mode={mode}",
                flags=flag | apsw.SQLITE_OPEN_URI,
                vfs=VFS_NAME,
            )
        )

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> Answer:
        if statement == "PRAGMA synchronous":
            statement = "SELECT 2"
        elif statement.startswith("PRAGMA synchronous ="):
            statement = f"PRAGMA synchronous = {self._synchronous}"
        return Answer(_translated(lambda: list(self._inner.execute(statement, values))))

    @property
    def in_transaction(self) -> bool:
        return bool(self._inner.in_transaction)

    def close(self) -> None:
        # A file that is open for reading alone cannot be locked for writing. SQLite takes that for
        # "somebody else has it"; apsw makes an exception of it, after it has closed the file.
        with contextlib.suppress(apsw.IOError):
            self._inner.close()


def _translated(work: Callable[[], T]) -> T:
    """Return what something returns, with errors as those of the standard library."""
    try:
        return work()
    except apsw.Error as error:
        told = sqlite3.OperationalError(str(error))
        told.sqlite_errorname = str(apsw.mapping_result_codes[getattr(error, "result", 1)])
    raise told


class NotedStore(SQLiteStore):
    """A store, with its own statements and settings, on a disk that notes what it does."""

    def __init__(self, path: Path, vfs: Vfs, synchronous: str) -> None:
        super().__init__(path, filesystem_of=lambda _: "ext4")
        self._vfs = vfs
        self._synchronous = synchronous

    def _connect(self, path: Path, mode: str) -> Any:
        return Connection(path, mode, self._synchronous)

    async def open(self) -> None:
        await super().open()
        # The store has synced the directory, past the file system of SQLite.
        self._vfs.disk.events.append(Event("sync directory"))

    def _commit(self, connection: Any) -> None:
        super()._commit(connection)
        self._vfs.disk.events.append(Event("commit"))
