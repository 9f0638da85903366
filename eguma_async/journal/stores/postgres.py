"""Rows in a table of PostgreSQL, for processes on many machines. Needs the extra ``postgres``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from eguma_async.core.errors import ConfigurationError, JournalError
from eguma_async.core.server_urls import place_of, postgres_problem

from ._server import ServerStore, Write
from .base import Place, Row

try:
    import asyncpg

    from . import _postgres_errors, _postgres_schema
except ImportError:
    raise ConfigurationError(
        "a journal in PostgreSQL needs asyncpg: pip install 'eguma_async[postgres]'"
    ) from None

_TABLE = re.compile(r"([a-z_][a-z0-9_]{0,50}\.)?[a-z_][a-z0-9_]{0,50}", re.ASCII)


class PostgresStore(ServerStore):
    """Keeps rows in a table. Processes on all machines that reach the server may share it.

    A write is told of when the server has it on its disk, and on those of its standbys if it
    waits for them. If the connection ends before the answer, the row is looked at again. Erased
    bytes leave the server's disk by its own rules, its log and its backups included: to be sure,
    give the journal a key.

    Args:
        dsn: Where, as ``postgresql://user:password@host/database``. Its password is shown nowhere.
        table: Name of the table, with a schema before it if need be; a second one is named
            after it. They are made if they are missing.
        connections: How many at most.
        timeout: Seconds to wait for a connection, and for an answer.
        accept_loss_after_power_cut: Use a server with ``fsync`` or ``full_page_writes`` off. What
            was written may be gone after its machine fails.

    Raises:
        ConfigurationError: An argument is malformed, or asyncpg is missing.
    """

    def __init__(
        self,
        dsn: str,
        *,
        table: str = "eguma_async_journal",
        connections: int = 4,
        timeout: float = 10.0,
        accept_loss_after_power_cut: bool = False,
    ) -> None:
        problem = postgres_problem(dsn, table, _TABLE, timeout, connections)
        if problem is not None:
            del dsn  # a traceback that shows variables must not show it
            raise ConfigurationError(problem)
        self._make_pool: Callable[[], Awaitable[Any]] = lambda: asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=connections,
            command_timeout=timeout,
            timeout=timeout,
            init=self._prepare,
            reset=_leave_as_it_is,
            server_settings=_postgres_schema.SESSION,
        )
        super().__init__(f"{place_of(dsn)} table {table}")
        self._timeout = timeout
        self._accepts_loss = accept_loss_after_power_cut
        self._sql = _postgres_schema.Statements(table)
        self._pool: Any = None

    # What a store is asked

    async def secret(self) -> bytes:
        """Return the bytes that were made with the table."""
        (found,) = await self._read(self._sql.meta, "secret")
        return bytes(found["value"])

    async def now(self) -> float | None:
        """Return the server's time."""
        (found,) = await self._read("SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
        return float(found["now"])

    async def latest(self, series: str) -> Row | None:
        """Return the row of the highest generation."""
        return _first(await self._read(self._sql.latest, series))

    async def made(self, remote: str) -> Row | None:
        """Return a row that stands for what the server made."""
        return _first(await self._read(self._sql.made, remote))

    async def rows(
        self, *, open_only: bool = False, after: Place | None = None, limit: int = 500
    ) -> tuple[Row, ...]:
        """Return rows in the order of their places."""
        statement = self._sql.rows(open_only=open_only, is_after=after is not None)
        return tuple(map(_row, await self._read(statement, limit, *(after or ()))))

    # What a server does

    async def _write(self, write: Write, row: Row) -> bool | None:
        found = await self._fetch(self._sql.writes[write], *_postgres_schema.values(write, row))
        if not found:
            return None if found is None else False
        if found[0]["durable"] not in _postgres_schema.DURABLE:
            raise JournalError(
                f"the journal {self._what} lost a setting of its session (synchronous_commit): a"
                " pooler between must keep one connection for each session"
            )
        return True

    async def _at(self, series: str, generation: int) -> tuple[Row, ...] | None:
        found = await self._fetch(self._sql.at, series, generation)
        return None if found is None else tuple(map(_row, found))

    async def _read(self, statement: str, *values: object) -> list[Any]:
        return await self._ask(lambda: self._fetch(statement, *values))

    async def _fetch(self, statement: str, *values: object) -> list[Any] | None:
        """Execute a statement; None if the connection ended before the answer."""
        try:
            async with self._pool.acquire(timeout=self._timeout) as connection:
                return list(await connection.fetch(statement, *values))
        except Exception as error:  # noqa: BLE001  # it is told in our words
            is_lost = _postgres_errors.is_lost(error)
            told = _postgres_errors.failure(error, self._what)
        if not is_lost:
            raise told
        await self._pool.expire_connections()  # the others ended with it
        return None

    async def _connect(self) -> None:
        told: JournalError
        pool: Any = None
        try:
            pool = await self._make_pool()
            async with pool.acquire() as connection:
                await _postgres_schema.make_tables(connection, self._sql, self._what)
        except Exception as error:  # noqa: BLE001  # it is told in our words
            told = _postgres_errors.failure(error, self._what)
            if pool is not None:
                pool.terminate()
        else:
            self._pool = pool
            return
        raise told

    async def _prepare(self, connection: Any) -> None:
        await _postgres_schema.check_promises(
            connection, self._what, accepts_loss=self._accepts_loss
        )

    async def _disconnect(self) -> None:
        pool, self._pool = self._pool, None
        try:
            async with asyncio.timeout(self._timeout):
                await pool.close()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            pool.terminate()  # what was to be written is written


async def _leave_as_it_is(connection: Any) -> None:
    """Change nothing between uses: all of them want the same settings."""


def _first(found: list[Any]) -> Row | None:
    return _row(found[0]) if found else None


def _row(record: Any) -> Row:
    return Row(
        series=record["series"],
        generation=record["generation"],
        version=record["version"],
        is_open=record["is_open"],
        created_at=record["created_at"],
        remote=record["remote"],
        data=bytes(record["data"]),
    )
