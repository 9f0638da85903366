"""The journals there are, one for each store."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypedDict, Unpack

from eguma_async.core.clock import Clock

from .journal import Journal
from .rules import JournalRules
from .stores.memory import MemoryStore


class JournalOptions(TypedDict, total=False):
    """What every journal takes; see `Journal`."""

    account: str
    key: str | bytes | Iterable[str | bytes] | None
    any_credentials: bool
    rules: JournalRules | None
    clock: Clock | None


class MemoryJournal(Journal):
    """A journal in memory, for tests: it is gone with the process.

    Args:
        options: See `Journal`.
    """

    def __init__(self, **options: Unpack[JournalOptions]) -> None:
        super().__init__(MemoryStore(), **options)


class SQLiteJournal(Journal):
    """A journal in a file, which several processes of one machine may share.

    ::

        async with AsyncSession(journal=SQLiteJournal("bookings.db")) as session:
            await session.ticketing.bookings.recover()

    Args:
        path: Where. Only its owner can read it. Not on a network file system.
        busy_timeout: Seconds to wait for another process that writes.
        options: See `Journal`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        busy_timeout: float = 5.0,
        **options: Unpack[JournalOptions],
    ) -> None:
        # Imported here: not every program needs SQLite, and it takes a while.
        from .stores.sqlite import SQLiteStore  # noqa: PLC0415

        super().__init__(SQLiteStore(path, busy_timeout=busy_timeout), **options)
