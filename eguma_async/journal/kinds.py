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

        self._file = SQLiteStore(path, busy_timeout=busy_timeout)
        super().__init__(self._file, **options)

    async def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the journal to a new file as it is at one moment, while it is in use.

        Only its owner can read the copy. It holds what the journal holds, open bookings and their
        customers included.

        Raises:
            JournalError: The journal is not open, there is such a file, or it cannot be written.
        """
        await self._file.backup(path)


class PostgresJournal(Journal):
    """A journal in PostgreSQL, for services on several machines. Needs the extra ``postgres``.

    Args:
        dsn: Where the server is, such as ``"postgresql://user@host/database"``. A password in it is
            shown nowhere.
        table: Begin of the names of its tables.
        connections: Connections at most.
        timeout: Seconds to wait for the server.
        accept_loss_after_power_cut: Use a server that does not sync what it commits.
        options: See `Journal`.

    Raises:
        ConfigurationError: An argument is malformed, or the package asyncpg is missing.
    """

    def __init__(
        self,
        dsn: str,
        *,
        table: str = "eguma_async_journal",
        connections: int = 4,
        timeout: float = 10.0,
        accept_loss_after_power_cut: bool = False,
        **options: Unpack[JournalOptions],
    ) -> None:
        from .stores.postgres import PostgresStore  # noqa: PLC0415  # an extra

        store = PostgresStore(
            dsn,
            table=table,
            connections=connections,
            timeout=timeout,
            accept_loss_after_power_cut=accept_loss_after_power_cut,
        )
        del dsn  # a traceback that shows variables must not show it
        super().__init__(store, **options)


class RedisJournal(Journal):
    """A journal in Redis or Valkey, for services on several machines. Needs the extra ``redis``.

    Args:
        url: Where the server is, such as ``"redis://host:6379/0"``. A password in it is shown
            nowhere.
        prefix: Begin of the names of its keys.
        connections: Connections at most.
        timeout: Seconds to wait for the server.
        accept_loss_after_crash: Use a server that does not sync each write.
        options: See `Journal`.

    Raises:
        ConfigurationError: An argument is malformed, or the package redis is missing.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "eguma_async:journal",
        connections: int = 8,
        timeout: float = 10.0,
        accept_loss_after_crash: bool = False,
        **options: Unpack[JournalOptions],
    ) -> None:
        from .stores.redis import RedisStore  # noqa: PLC0415  # an extra

        store = RedisStore(
            url,
            prefix=prefix,
            connections=connections,
            timeout=timeout,
            accept_loss_after_crash=accept_loss_after_crash,
        )
        del url  # a traceback that shows variables must not show it
        super().__init__(store, **options)
