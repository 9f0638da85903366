"""What makes a table of PostgreSQL a journal, and a server one that keeps it."""

from __future__ import annotations

import secrets
from typing import Any

from eguma_async.core.errors import JournalCorruptError, JournalError

from ._server import Write
from .base import Row

SCHEMA_VERSION = 1
SECRET_BYTES = 32

SESSION = {
    "application_name": "eguma_async journal",
    # Each statement stands alone; a stricter level would only make some of them fail.
    "default_transaction_isolation": "read committed",
}
DURABLE = ("on", "remote_write", "remote_apply")
"""Levels of ``synchronous_commit`` at which a commit is on the server's disk."""

_COLUMNS = "series, generation, version, is_open, created_at, remote, data"
_TYPES = {
    "series": "text",
    "generation": "bigint",
    "version": "bigint",
    "is_open": "boolean",
    "created_at": "double precision",
    "remote": "text",
    "data": "bytea",
}
_ENDS = "RETURNING current_setting('synchronous_commit') AS durable"
_PLACE = "created_at, series, generation"


class Statements:
    """The statements for a table.

    Args:
        table: Its name, checked already.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        # Names are not values: they are checked, and come from the program's own settings.
        short = table.rpartition(".")[2]
        of_row = "WHERE series = $1 AND generation = $2"
        select = f"SELECT {_COLUMNS} FROM {table}"  # noqa: S608
        self._select = select
        insert = (
            f"INSERT INTO {table}({_COLUMNS}) VALUES($1, $2, $3, $4, $5, $6, $7)"
            f" ON CONFLICT (series, generation) DO NOTHING {_ENDS}"
        )
        replace = (
            f"UPDATE {table} SET version = $4, is_open = $5, remote = $6, data = $7"  # noqa: S608
            f" {of_row} AND version = $3 {_ENDS}"
        )
        delete = f"DELETE FROM {table} {of_row} AND version = $3 {_ENDS}"  # noqa: S608
        self.writes = {Write.INSERT: insert, Write.REPLACE: replace, Write.DELETE: delete}
        self.at = f"{select} {of_row}"
        self.latest = f"{select} WHERE series = $1 ORDER BY generation DESC LIMIT 1"
        self.made = f"{select} WHERE remote = $1 LIMIT 1"
        self.meta = f"SELECT value FROM {table}_meta WHERE name = $1"  # noqa: S608
        self.put_meta = f"INSERT INTO {table}_meta(name, value) VALUES($1, $2)"
        self.tables = (
            f"""CREATE TABLE {table}(
                series text COLLATE "C" NOT NULL, generation bigint NOT NULL,
                version bigint NOT NULL, is_open boolean NOT NULL,
                created_at double precision NOT NULL, remote text COLLATE "C",
                data bytea NOT NULL, PRIMARY KEY (series, generation))""",
            f"CREATE INDEX {short}_place ON {table}({_PLACE})",
            f"CREATE INDEX {short}_open ON {table}({_PLACE}) WHERE is_open",
            f"CREATE INDEX {short}_remote ON {table}(remote) WHERE remote IS NOT NULL",
            f"CREATE TABLE {table}_meta(name text PRIMARY KEY, value bytea NOT NULL)",
        )

    def rows(self, *, open_only: bool, is_after: bool) -> str:
        """Return the statement that reads a page."""
        conditions = ["is_open"] if open_only else []
        if is_after:
            conditions.append(f"({_PLACE}) > ($2, $3, $4)")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"{self._select}{where} ORDER BY {_PLACE} LIMIT $1"


def values(write: Write, row: Row) -> tuple[object, ...]:
    """Return the arguments of a statement that writes."""
    content = (row.is_open, row.remote, row.data)
    if write is Write.INSERT:
        is_open, remote, data = content
        return (row.series, row.generation, row.version, is_open, row.created_at, remote, data)
    if write is Write.REPLACE:
        return (row.series, row.generation, row.version - 1, row.version, *content)
    return (row.series, row.generation, row.version)


async def check_promises(connection: Any, what: str, *, accepts_loss: bool) -> None:
    """Check that what this connection writes stays written.

    Raises:
        JournalError: The server does not promise it.
    """
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        raise JournalError(
            f"the journal {what} is on a standby, which is read-only: use the primary"
        )
    for name in ("fsync", "full_page_writes"):
        if await connection.fetchval(f"SHOW {name}") != "on" and not accepts_loss:
            raise JournalError(
                f"the server of the journal {what} runs with {name}=off: what it has written may be"
                " gone or damaged after a power cut. Turn it on, or pass"
                " accept_loss_after_power_cut=True"
            )
    if await connection.fetchval("SHOW synchronous_commit") not in DURABLE:
        await connection.execute("SET SESSION synchronous_commit = on")
        found = await connection.fetchval("SHOW synchronous_commit")
        if found not in DURABLE:
            raise JournalError(
                f"the server of the journal {what} does not take synchronous_commit=on: it stays"
                f" {found}"
            )


async def make_tables(connection: Any, sql: Statements, what: str) -> None:
    """Make the tables if there are none, and check those there are.

    Raises:
        JournalCorruptError: They are not those of a journal of this version.
    """
    if not await _is_there(connection, sql):
        # Taken outside of a transaction: within one, the catalogue may be seen as it was before.
        await connection.execute("SELECT pg_advisory_lock(hashtext($1))", sql.table)
        try:
            if not await _is_there(connection, sql):  # else another process was faster
                await _make(connection, sql)
        finally:
            await connection.execute("SELECT pg_advisory_unlock(hashtext($1))", sql.table)
    await _check_tables(connection, sql, what)


async def _make(connection: Any, sql: Statements) -> None:
    async with connection.transaction():
        for statement in sql.tables:
            await connection.execute(statement)
        await connection.execute(sql.put_meta, "version", str(SCHEMA_VERSION).encode())
        await connection.execute(sql.put_meta, "secret", secrets.token_bytes(SECRET_BYTES))


async def _is_there(connection: Any, sql: Statements) -> bool:
    found = await connection.fetchval(
        "SELECT to_regclass($1) IS NOT NULL OR to_regclass($2) IS NOT NULL",
        sql.table,
        f"{sql.table}_meta",
    )
    return bool(found)


async def _check_tables(connection: Any, sql: Statements, what: str) -> None:
    found = await connection.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) AS type, relpersistence"
        " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
        " WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
        sql.table,
    )
    types = {each["attname"]: each["type"] for each in found}
    version = None
    if _TYPES.items() <= types.items():
        version = await connection.fetchval(sql.meta, "version")
    if version is None or not bytes(version).isdigit():
        raise JournalCorruptError(
            f"the tables {what} are not those of a journal; nothing was changed: give it another"
            " table"
        )
    if int(version) != SCHEMA_VERSION:
        raise JournalCorruptError(
            f"the journal {what} was written by another version of this package (schema"
            f" {int(version)}, known is {SCHEMA_VERSION}); nothing was changed; update the package"
        )
    if any(each["relpersistence"] != b"p" for each in found):
        raise JournalError(
            f"the journal {what} is in a table that does not outlive a crash: ALTER TABLE"
            f" {sql.table} SET LOGGED"
        )
