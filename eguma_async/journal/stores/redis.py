"""Rows on a Redis or a Valkey server, for processes on many machines. Needs the extra ``redis``."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from eguma_async.core.errors import ConfigurationError, JournalCorruptError, JournalError
from eguma_async.core.server_urls import place_of, redis_problem

from . import _redis_scripts as scripts
from ._server import ServerStore, Write
from .base import Place, Row

try:
    import redis.asyncio as driver
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    from . import _redis_server
except ImportError:
    raise ConfigurationError(
        "a journal on a Redis server needs redis: pip install 'eguma_async[redis]'"
    ) from None

SECRET_BYTES = 32

_SCRIPTS = {
    Write.INSERT: scripts.INSERT,
    Write.REPLACE: scripts.REPLACE,
    Write.DELETE: scripts.DELETE,
}


class RedisStore(ServerStore):
    """Keeps rows as hashes. Processes on all machines that reach the server may share it.

    A write is told of when the server has it on its disk. A server that fails over to a replica
    may still lose the last ones: replicas are not waited for. Erased bytes stay in the server's
    append-only file until it is rewritten: to be sure, give the journal a key.

    Args:
        url: Where, as ``redis://user:password@host:6379/0``, ``rediss://`` with TLS or
            ``unix://``. Its password is shown nowhere.
        prefix: What the journal's keys begin with.
        connections: How many at most.
        timeout: Seconds to wait for a connection, and for an answer.
        accept_loss_after_crash: Use a server without ``appendonly yes``, ``appendfsync always``
            and ``maxmemory-policy noeviction``, or one that does not show them. What was written
            may be gone after it fails, or when its memory is full.

    Raises:
        ConfigurationError: An argument is malformed, or redis is missing.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "eguma_async:journal",
        connections: int = 8,
        timeout: float = 10.0,
        accept_loss_after_crash: bool = False,
    ) -> None:
        problem = redis_problem(url, prefix, timeout, connections)
        if problem is not None:
            del url  # a traceback that shows variables must not show it
            raise ConfigurationError(problem)
        super().__init__(f"{place_of(url)} {prefix}")
        # In braces: all keys of a journal belong together.
        self._key = f"{{{prefix}}}"
        self._timeout = timeout
        self._accepts_loss = accept_loss_after_crash
        self._waits = False
        self._secret = b""
        self._client: Any = None
        self._make_pool: Callable[[], Any] = lambda: driver.BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # A write that is sent again by itself would be refused by its own first attempt.
            retry=Retry(NoBackoff(), 0),
            retry_on_timeout=False,
            protocol=2,
        )

    # What a store is asked

    async def secret(self) -> bytes:
        """Return the bytes that were made with the journal."""
        (found,) = await self._ask(lambda: self._call(scripts.OPEN, *self._first_values()))
        return self._checked_meta(found)

    async def now(self) -> float | None:
        """Return the server's time."""
        seconds, microseconds = await self._ask(self._time)
        return int(seconds) + int(microseconds) / 1e6

    async def latest(self, series: str) -> Row | None:
        """Return the row of the highest generation."""
        return _first(await self._read(scripts.LATEST, series))

    async def made(self, remote: str) -> Row | None:
        """Return a row that stands for what the server made."""
        return _first(await self._read(scripts.MADE, remote))

    async def rows(
        self, *, open_only: bool = False, after: Place | None = None, limit: int = 500
    ) -> tuple[Row, ...]:
        """Return rows in the order of their places."""
        at, place = ("", "") if after is None else (repr(after[0]), _member(*after[1:]))
        index = ":open" if open_only else ":places"
        return await self._read(scripts.ROWS, index, limit, at, place)

    # What a server does

    async def _write(self, write: Write, row: Row) -> bool | None:
        found = await self._call(_SCRIPTS[write], *_values(write, row), waits=self._waits)
        if found is None:
            return None
        done, *synced = found
        if done and synced and synced[0][0] < 1:
            raise JournalError(
                f"the journal {self._what} was not on the server's disk in time; what was to be"
                " written may be: look at the server, or raise timeout"
            )
        return bool(done)

    async def _at(self, series: str, generation: int) -> tuple[Row, ...] | None:
        return await self._rows_of(scripts.AT, _member(series, generation))

    async def _read(self, script: str, *values: object) -> tuple[Row, ...]:
        return await self._ask(lambda: self._rows_of(script, *values))

    async def _rows_of(self, script: str, *values: object) -> tuple[Row, ...] | None:
        found = await self._call(script, *values)
        return None if found is None else tuple(_row(each) for each in found[0] if each)

    async def _time(self) -> tuple[int, int] | None:
        found = await self._reach(lambda pipe: pipe.time())
        return None if found is None else found[0]

    async def _call(self, script: str, *values: object, waits: bool = False) -> list[Any] | None:
        """Run a script; None if the connection ended before the answer."""

        def commands(pipe: Any) -> None:
            # As a whole each time: a server that has lost its scripts must not refuse a write.
            pipe.eval(script, 1, self._key, *values)
            if waits:  # on the same connection: it is about what this one has written
                pipe.execute_command("WAITAOF", 1, 0, int(self._timeout * 900))

        return await self._reach(commands)

    async def _reach(self, commands: Any) -> list[Any] | None:
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                commands(pipe)
                return list(await pipe.execute())
        except Exception as error:  # noqa: BLE001  # it is told in our words
            is_lost = _redis_server.is_lost(error)
            told = _redis_server.failure(error, self._what)
        if not is_lost:
            raise told
        # The others ended with it.
        await self._client.connection_pool.disconnect(inuse_connections=False)
        return None

    async def _connect(self) -> None:
        told: JournalError
        pool: Any = None
        try:
            pool = self._make_pool()
            self._client = driver.Redis(connection_pool=pool)
            self._waits = not self._accepts_loss and await self._knows_waitaof()
            await _redis_server.check_promises(
                self._client, self._what, waits=self._waits, accepts_loss=self._accepts_loss
            )
            found = await self._client.eval(scripts.OPEN, 1, self._key, *self._first_values())
            self._checked_meta(found)
        except Exception as error:  # noqa: BLE001  # it is told in our words
            told = _redis_server.failure(error, self._what)
        else:
            return
        if pool is not None:
            await pool.disconnect()
        raise told

    async def _knows_waitaof(self) -> bool:
        found = await self._client.info("server")
        version = str(found.get("redis_version", "0")).split(".")
        return tuple(int(part) for part in version[:2] if part.isdigit()) >= (7, 2)

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        await client.aclose()
        await client.connection_pool.disconnect()

    def _first_values(self) -> tuple[object, ...]:
        return scripts.SCHEMA_VERSION, secrets.token_bytes(SECRET_BYTES)

    def _checked_meta(self, found: list[Any]) -> bytes:
        version, secret = found
        if not isinstance(version, bytes) or not version.isdigit() or not secret:
            raise JournalCorruptError(
                f"the keys {self._what} are not those of a journal; nothing was changed: give it"
                " another prefix"
            )
        if int(version) != scripts.SCHEMA_VERSION:
            raise JournalCorruptError(
                f"the journal {self._what} was written by another version of this package (schema"
                f" {int(version)}, known is {scripts.SCHEMA_VERSION}); nothing was changed; update"
                " the package"
            )
        return bytes(secret)


def _member(series: str, generation: int) -> str:
    return f"{series}:{generation:0{scripts.DIGITS}d}"


def _values(write: Write, row: Row) -> tuple[object, ...]:
    """Return the arguments of a script that writes."""
    member = _member(row.series, row.generation)
    content = (row.version, int(row.is_open), row.remote or "", row.data)
    if write is Write.INSERT:
        version, is_open, *rest = content
        at = repr(row.created_at)
        return (row.series, row.generation, member, version, is_open, at, *rest)
    if write is Write.REPLACE:
        return (member, row.version - 1, *content)
    return (row.series, member, row.version)


def _first(found: tuple[Row, ...]) -> Row | None:
    return found[0] if found else None


def _row(values: list[Any]) -> Row:
    member, version, is_open, created_at, remote, data = values
    series, _, generation = member.decode("ascii").rpartition(":")
    # What is missing is for the journal to find out: it must not hide the other rows.
    return Row(
        series=series,
        generation=int(generation),
        version=int(version),
        is_open=is_open == b"1",
        created_at=float(created_at or 0),
        remote=(remote or b"").decode("ascii") or None,
        data=data or b"",
    )
