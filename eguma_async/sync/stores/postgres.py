"""A replica in PostgreSQL, for processes on many machines. Needs the extra ``postgres``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from eguma_async.core.errors import ConfigurationError, EgumaError
from eguma_async.core.server_urls import place_of, postgres_problem
from eguma_async.sync.errors import ReplicaCorruptError, ReplicaError
from eguma_async.sync.records import Kept, State

from . import _checkpoints, _planning
from ._rows import COLUMNS, kept_of, row_of
from .base import ANCHORS, NEWEST, PAGE, Batch, Contents, ReplicaStore, Written

_TABLE = re.compile(r"([a-z_][a-z0-9_]{0,40}\.)?[a-z_][a-z0-9_]{0,40}", re.ASCII)
VERSION = 1
_FOREIGN = ("42P01", "42703", "42804", "42883", "42P10", "22P02", "42P07")


class PostgresOrders(ReplicaStore):
    """Keeps a copy of orders in tables. Processes on all machines that reach the server share it.

    What is erased leaves the server's disk by its own rules, its log and its backups included.

    Args:
        dsn: Where, as ``postgresql://user:password@host/database``. Its password is shown nowhere.
        table: Name of the table, with a schema before it if need be; two more are named after it.
            They are made if they are missing.
        connections: How many at most.
        timeout: Seconds to wait for a connection, and for an answer.

    Raises:
        ConfigurationError: An argument is malformed, or asyncpg is missing.
    """

    def __init__(
        self,
        dsn: str,
        *,
        table: str = "eguma_async_orders",
        connections: int = 4,
        timeout: float = 30.0,
    ) -> None:
        problem = postgres_problem(dsn, table, _TABLE, timeout, connections)
        if problem is not None:
            del dsn  # a traceback that shows variables must not show it
            raise ConfigurationError(problem)
        driver = _driver()
        self._make_pool: Callable[[], Awaitable[Any]] = lambda: driver.create_pool(
            dsn, min_size=0, max_size=connections, command_timeout=timeout, timeout=timeout
        )
        self._what = f"{place_of(dsn)} table {table}"
        self._table = table
        self._timeout = timeout
        self._pool: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening = asyncio.Lock()
        columns = ", ".join(COLUMNS)
        marks = ", ".join(f"${number}" for number, _ in enumerate(COLUMNS, 1))
        changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS[1:])
        self._select = f"SELECT {columns} FROM {table}"
        self._put = (
            f"INSERT INTO {table}({columns}) VALUES({marks})"
            f" ON CONFLICT (id) DO UPDATE SET {changes}"
        )

    def describe(self) -> str:
        """Return the server and the table, without user and password."""
        return self._what

    async def open(self) -> None:
        """Connect, and make the tables if they are missing."""
        async with self._opening:
            if self._pool is not None:
                return
            pool = None
            try:
                pool = await self._make_pool()
                async with pool.acquire(timeout=self._timeout) as connection:
                    await self._make_tables(connection)
            except Exception as error:  # noqa: BLE001  # it is told in our words
                told = _failure(error, self._what)
                if pool is not None:
                    pool.terminate()
            else:
                self._pool, self._loop = pool, asyncio.get_running_loop()
                return
        raise told

    async def close(self) -> None:
        """Disconnect."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        driver = _driver()
        try:
            async with asyncio.timeout(self._timeout):
                await pool.close()
        except (driver.PostgresError, driver.InterfaceError, OSError):
            pool.terminate()

    async def begin(self, origin: str, owner: str, *, now: float, lease: float) -> State:
        """Let one syncer write. The server's clock tells until when."""
        async with self._alone() as (c, meta):
            if meta["origin"] is None:
                await c.execute(f"UPDATE {self._table}_meta SET origin = $1", origin)
            else:
                _planning.check_origin(meta["origin"], origin)
            _planning.check_lease(_holder(meta), owner, meta["now"], lease)
            await self._hold(c, owner, meta["now"] + lease)
            return await self._state(c)

    async def write(self, batch: Batch) -> Written:
        """Keep a batch."""
        async with self._alone() as (c, meta):
            version = (await self._state(c)).version
            _planning.check_turn(_holder(meta), version, batch, meta["now"])
            there = await self._there(c, _planning.ids_of(batch))
            plan = _planning.plan(there, batch, meta["revision"])
            await self._keep(c, plan.puts, meta["revision"])
            if plan.drops:
                await c.execute(
                    f"DELETE FROM {self._table} WHERE id = ANY($1::text[])",
                    list(plan.drops),
                )
            await self._hold(c, batch.owner, meta["now"] + batch.lease)
            if batch.checkpoint is not None:
                version += 1
                await self._note(c, version, batch)
            return Written(version=version, changed=plan.changed, unchanged=plan.unchanged)

    async def end(self, owner: str) -> None:
        """Let others write."""
        async with self._connected() as c:
            await c.execute(
                f"UPDATE {self._table}_meta SET owner = NULL, until = NULL WHERE owner = $1",
                owner,
            )

    async def known(self, start: float, end: float) -> tuple[str, ...]:
        """Return the ids of records that surely changed last within a range."""
        statement = (
            f"SELECT id FROM {self._table} WHERE earliest >= $1 AND earliest < $2"
            ' AND latest < $2 AND is_missing = 0 ORDER BY id COLLATE "C"'
        )
        async with self._connected() as c:
            return tuple(row["id"] for row in await c.fetch(statement, start, end))

    async def due(self, now: float, limit: int = 100) -> tuple[Kept, ...]:
        """Return records that are to be asked for again."""
        return await self._find("WHERE ask_at <= $1 ORDER BY ask_at, id LIMIT $2", now, limit)

    async def get(self, name: str) -> Kept | None:
        """Return a record by its id or number."""
        found = await self._find("WHERE id = $1", name) or await self._find(
            "WHERE number = $1 ORDER BY revision DESC LIMIT 1", name
        )
        return found[0] if found else None

    async def page(self, after: str = "", *, limit: int = PAGE) -> tuple[Kept, ...]:
        """Return records in the order of their ids."""
        where = 'WHERE id COLLATE "C" > $1 ORDER BY id COLLATE "C" LIMIT $2'
        return await self._find(where, after, limit)

    async def changes(self, after: int = 0, *, limit: int = PAGE) -> tuple[Kept, ...]:
        """Return what changed after a revision."""
        return await self._find("WHERE revision > $1 ORDER BY revision LIMIT $2", after, limit)

    async def contents(self) -> Contents:
        """Return what there is."""
        counts = (
            "SELECT count(*) AS records, count(problems) AS unreadable,"
            f" coalesce(sum(is_missing), 0)::int AS missing FROM {self._table}"
        )
        async with self._connected() as c, c.transaction(isolation="repeatable_read"):
            found = await c.fetchrow(counts)
            revision = await c.fetchval(f"SELECT revision FROM {self._table}_meta")
            checkpoints = (await self._state(c)).checkpoints
        return Contents(
            records=found["records"],
            unreadable=found["unreadable"],
            missing=found["missing"],
            revision=revision,
            checkpoint=checkpoints[0] if checkpoints else None,
        )

    async def erase(self, ids: Sequence[str]) -> int:
        """Erase the content of records."""
        async with self._alone() as (c, meta):
            there = await self._there(c, list(dict.fromkeys(ids)))
            left = _planning.erasures(list(there.values()), meta["revision"])
            await self._keep(c, left, meta["revision"])
            return len(left)

    # Its parts

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        told: EgumaError | None = None
        if self._pool is None or self._loop is not asyncio.get_running_loop():
            raise ReplicaError(f"the copy of orders {self._what} is not open in this event loop")
        try:
            async with self._pool.acquire(timeout=self._timeout) as connection:
                yield connection
        except Exception as error:  # noqa: BLE001  # it is told in our words
            told = _failure(error, self._what)
        if told is not None:
            raise told

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[tuple[Any, Any]]:
        """Begin a transaction that others wait for, and so write one after another."""
        statement = (
            "SELECT origin, owner, until, revision,"
            f" extract(epoch FROM clock_timestamp())::float8 AS now FROM {self._table}_meta"
            " FOR UPDATE"
        )
        async with self._connected() as connection, connection.transaction():
            yield connection, await connection.fetchrow(statement)

    async def _find(self, where: str, *values: object) -> tuple[Kept, ...]:
        async with self._connected() as c:
            return tuple(
                kept_of(tuple(r)) for r in await c.fetch(f"{self._select} {where}", *values)
            )

    async def _there(self, c: Any, ids: Sequence[str]) -> dict[str, Kept]:
        rows = await c.fetch(f"{self._select} WHERE id = ANY($1::text[])", list(ids))
        return {row["id"]: kept_of(tuple(row)) for row in rows}

    async def _keep(self, c: Any, puts: Sequence[Kept], revision: int) -> None:
        if puts:
            await c.executemany(self._put, [row_of(kept) for kept in puts])
            newest = max([revision, *(kept.revision for kept in puts)])
            await c.execute(f"UPDATE {self._table}_meta SET revision = $1", newest)

    async def _hold(self, c: Any, owner: str, until: float) -> None:
        await c.execute(
            f"UPDATE {self._table}_meta SET owner = $1, until = $2",
            owner,
            until,
        )

    async def _state(self, c: Any) -> State:
        rows = await c.fetch(
            f"SELECT number, said FROM {self._table}_checkpoint ORDER BY number DESC"
        )
        return _checkpoints.state_of((row["number"], row["said"]) for row in rows)

    async def _note(self, c: Any, version: int, batch: Batch) -> None:
        assert batch.checkpoint is not None  # noqa: S101  # asked before
        table = f"{self._table}_checkpoint"
        await c.execute(
            f"INSERT INTO {table} VALUES($1, $2, $3)",
            version,
            int(batch.is_anchor),
            _checkpoints.as_text(version, batch.checkpoint),
        )
        await c.execute(
            f"DELETE FROM {table} WHERE number <= $1 AND number NOT IN (SELECT number FROM {table}"
            " WHERE is_anchor = 1 ORDER BY number DESC LIMIT $2)",
            version - NEWEST,
            ANCHORS,
        )

    async def _make_tables(self, c: Any) -> None:
        table = self._table
        # Taken outside of a transaction: within one, the catalogue may be seen as it was before.
        await c.execute("SELECT pg_advisory_lock(hashtext($1))", table)
        try:
            if await c.fetchval("SELECT to_regclass($1) IS NULL", f"{table}_meta"):
                async with c.transaction():
                    for statement in _tables(table):
                        await c.execute(statement)
            version = await c.fetchval(f"SELECT version FROM {table}_meta")
        finally:
            await c.execute("SELECT pg_advisory_unlock(hashtext($1))", table)
        if version != VERSION:
            raise ReplicaCorruptError(
                f"the copy of orders {self._what} was written by another version of this package;"
                " nothing was changed: update the package, or give the copy another table"
            )


def _driver() -> Any:
    """Return the package that speaks to the server."""
    try:
        import asyncpg  # noqa: PLC0415  # an extra
    except ImportError:
        raise ConfigurationError(
            "a copy in PostgreSQL needs asyncpg: pip install 'eguma_async[postgres]'"
        ) from None
    return asyncpg


def _holder(meta: Any) -> tuple[str, float] | None:
    return None if meta["owner"] is None else (meta["owner"], meta["until"])


def _tables(table: str) -> tuple[str, ...]:
    name = table.rpartition(".")[2]
    return (
        f"""CREATE TABLE {table}(
        id TEXT PRIMARY KEY, number TEXT, earliest FLOAT8, latest FLOAT8, is_final INT NOT NULL,
        problems TEXT, found_from FLOAT8, found_to FLOAT8, kind TEXT NOT NULL,
        revision BIGINT NOT NULL, first_revision BIGINT NOT NULL, is_missing INT NOT NULL,
        tries INT NOT NULL, ask_at FLOAT8, data BYTEA NOT NULL)""",
        f'CREATE INDEX {name}_in_order ON {table}(id COLLATE "C")',
        f"CREATE INDEX {name}_revision ON {table}(revision)",
        f"CREATE INDEX {name}_number ON {table}(number)",
        f"CREATE INDEX {name}_earliest ON {table}(earliest)",
        f"CREATE INDEX {name}_ask_at ON {table}(ask_at) WHERE ask_at IS NOT NULL",
        (
            f"CREATE TABLE {table}_checkpoint(number BIGINT PRIMARY KEY, is_anchor INT NOT NULL,"
            " said TEXT NOT NULL)"
        ),
        (
            f"CREATE TABLE {table}_meta(version INT NOT NULL, origin TEXT, owner TEXT,"
            " until FLOAT8, revision BIGINT NOT NULL)"
        ),
        f"INSERT INTO {table}_meta(version, revision) VALUES({VERSION}, 0)",
    )


def _failure(error: Exception, what: str) -> EgumaError:
    """Return what the caller gets: without a cause, which would show the password or a customer."""
    if isinstance(error, EgumaError):
        return error
    driver = _driver()
    if isinstance(error, driver.PostgresError):
        state = error.sqlstate or ""
        if state in _FOREIGN:
            return ReplicaCorruptError(
                f"the tables {what} are not those of a copy of orders ({state}): give it another"
                " table"
            )
        return ReplicaError(f"the copy of orders {what} cannot be used (SQLSTATE {state})")
    if isinstance(error, TimeoutError):
        return ReplicaError(f"the copy of orders {what} did not answer in time")
    if isinstance(error, (driver.InterfaceError, OSError)):
        return ReplicaError(f"the copy of orders {what} cannot be reached")
    return ReplicaError(f"the copy of orders {what} cannot keep this ({type(error).__name__})")
