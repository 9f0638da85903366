"""What only PostgreSQL has: settings of server and session, tables, rights."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from eguma_async.core.errors import ConfigurationError, JournalCorruptError, JournalError
from eguma_async.journal.stores.postgres import PostgresStore
from tests.journal.server_rules import PASSWORD, ServerRules
from tests.journal.servers import run_postgres
from tests.journal.stores import row

asyncpg = pytest.importorskip("asyncpg")
pytestmark = pytest.mark.servers

_numbers = itertools.count(1)


@pytest.fixture
def server(postgres_server):
    return postgres_server


@pytest.fixture(scope="module")
def own_server():
    """Return one that may be stopped, and whose settings may be changed."""
    with run_postgres() as server:
        yield server


@pytest.fixture
async def admin(own_server):
    """Return a connection that undoes what was set."""
    connection = await asyncpg.connect(own_server.dsn)
    yield connection
    await connection.execute("ALTER SYSTEM RESET ALL")
    await connection.execute("ALTER ROLE tester RESET ALL")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


async def set_and_wait(admin, name, value):
    await admin.execute(f"ALTER SYSTEM SET {name} = {value}")
    await admin.execute("SELECT pg_reload_conf()")
    while await admin.fetchval(f"SHOW {name}") != value:
        pass


@pytest.fixture
def table():
    return f"own_{next(_numbers)}"


class TestRules(ServerRules):
    @pytest.fixture(autouse=True)
    def fresh_table(self, table):
        self.table = table

    def address(self, server):
        return server.dsn

    def place(self, server, directory):
        return f"postgresql://tester@/postgres?host={directory}", directory / ".s.PGSQL.5432"

    def make(self, address, **options):
        return PostgresStore(address, **{"table": self.table, **options})

    def dead_address(self):
        return f"postgresql://someone:{PASSWORD}@not-there.invalid:5432/bookings"

    def source(self, server):
        return (
            "__import__('eguma_async.journal.stores.postgres', fromlist=['x'])"
            f".PostgresStore({server.dsn!r}, table={self.table!r})"
        )


@pytest.mark.parametrize(
    "given", ["", "x; DROP TABLE y", "UPPER", "a.b.c", "a" * 60, 'a"b', "1a", None, "ä"], ids=repr
)
def test_a_name_of_a_table_is_checked(given):
    with pytest.raises(ConfigurationError, match="table must be"):
        PostgresStore("postgresql://h/d", table=given)


async def open_and_close(store):
    await store.open()
    kept = await store.insert(row())
    await store.close()
    return kept


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_a_server_that_may_lose_is_refused_unless_accepted(own_server, admin, setting, table):
    await set_and_wait(admin, setting, "off")
    with pytest.raises(JournalError, match=f"{setting}=off.*accept_loss_after_power_cut=True"):
        await PostgresStore(own_server.dsn, table=table).open()
    accepting = PostgresStore(own_server.dsn, table=table, accept_loss_after_power_cut=True)
    assert await open_and_close(accepting) == row()
    await set_and_wait(admin, setting, "on")
    assert await open_and_close(PostgresStore(own_server.dsn, table=table)) == row()


@pytest.mark.parametrize(
    ("before", "after"),
    [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply"), ("on", "on")],
)
async def test_the_session_commits_to_the_disk(own_server, admin, table, before, after):
    await admin.execute(f"ALTER ROLE tester SET synchronous_commit = {before}")
    store = PostgresStore(own_server.dsn, table=table)
    await store.open()
    found = await store._read("SHOW synchronous_commit")
    assert [tuple(each) for each in found] == [(after,)]
    assert await store.insert(row()) == row()
    await store.close()


async def test_a_session_that_lost_its_setting_is_told(server, table):
    store = PostgresStore(server.dsn, table=table, connections=1)
    await store.open()
    first = await store.insert(row())
    await store._read("SELECT set_config('synchronous_commit', 'off', false)")
    writes = (
        store.insert(row(2)),
        store.replace(first.next(is_open=True, remote=None, data=b"")),
    )
    for work in writes:
        with pytest.raises(JournalError, match="a pooler between"):
            await work
    await store.close()


async def test_tables_of_another_program_are_refused(server, table):
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(f"CREATE TABLE {table}(a int)")
    with pytest.raises(JournalCorruptError, match="not those of a journal; nothing was changed"):
        await PostgresStore(server.dsn, table=table).open()
    await connection.execute(f"DROP TABLE {table}; CREATE TABLE {table}_meta(a int)")
    with pytest.raises(JournalCorruptError, match="not those of a journal"):
        await PostgresStore(server.dsn, table=table).open()
    found = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relname LIKE $1", f"{table}\\_%"
    )
    assert [each["relname"] for each in found] == [f"{table}_meta"]
    await connection.close()


@pytest.mark.parametrize("version", [b"2", b"17", b"x"])
async def test_another_version_is_refused(server, table, version):
    await open_and_close(PostgresStore(server.dsn, table=table))
    connection = await asyncpg.connect(server.dsn)
    update = f"UPDATE {table}_meta SET value = $1 WHERE name = 'version'"  # noqa: S608
    await connection.execute(update, version)
    await connection.close()
    with pytest.raises(JournalCorruptError, match="nothing was changed"):
        await PostgresStore(server.dsn, table=table).open()


async def test_a_table_that_no_crash_spares_is_refused(server, table):
    await open_and_close(PostgresStore(server.dsn, table=table))
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(f"ALTER TABLE {table} SET UNLOGGED")
    with pytest.raises(JournalError, match=f"ALTER TABLE {table} SET LOGGED"):
        await PostgresStore(server.dsn, table=table).open()
    await connection.execute(f"ALTER TABLE {table} SET LOGGED")
    await connection.close()
    assert await open_and_close(PostgresStore(server.dsn, table=table)) == row()


async def test_a_schema_of_its_own(server, table):
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("CREATE SCHEMA IF NOT EXISTS journals")
    await connection.close()
    store = PostgresStore(server.dsn, table=f"journals.{table}")
    assert await open_and_close(store) == row()
    assert await open_and_close(store) == row()


async def test_a_server_that_only_reads_is_told(own_server, admin, table):
    await open_and_close(PostgresStore(own_server.dsn, table=table))
    await admin.execute("ALTER ROLE tester SET default_transaction_read_only = on")
    store = PostgresStore(own_server.dsn, table=table)
    await store.open()
    with pytest.raises(JournalError, match="25006.*use the primary"):
        await store.insert(row(2))
    assert await store.rows() == (row(),)
    await store.close()


async def test_rights_that_are_missing_are_told(server, table):
    await open_and_close(PostgresStore(server.dsn, table=table))
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(f"CREATE ROLE {table} LOGIN")
    guest = server.dsn.replace("tester@", f"{table}@")
    with pytest.raises(JournalError, match="42501.*grant it SELECT, INSERT, UPDATE and DELETE"):
        await PostgresStore(guest, table=table).open()
    for each in (table, f"{table}_meta"):
        await connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {each} TO {table}")
    await connection.close()
    assert await open_and_close(PostgresStore(guest, table=table)) == row()


async def test_a_database_that_is_not_there_is_told(server):
    with pytest.raises(JournalError, match="3D000.*no such database"):
        await PostgresStore(server.dsn.replace("/postgres", "/none")).open()


async def test_a_number_too_large_is_refused(server, table):
    store = PostgresStore(server.dsn, table=table)
    await store.open()
    with pytest.raises(JournalError, match="22000.*does not fit into the table"):
        await store.insert(row(generation=2**63))
    await store.close()


async def test_every_question_is_answered_by_an_index(server, table):
    store = PostgresStore(server.dsn, table=table, connections=1)
    await store.open()
    await store._read("SELECT set_config('enable_seqscan', 'off', false)")
    sql = store._sql
    place = (1.0, row().series, 1)
    asked: dict[str, Any] = {
        "place": [(sql.rows(open_only=False, is_after=True), (5, *place))],
        "open": [(sql.rows(open_only=True, is_after=True), (5, *place))],
        "remote": [(sql.made, ("x",))],
        "pkey": [(sql.latest, ("x",)), (sql.at, ("x", 1))],
    }
    for index, statements in asked.items():
        for statement, values in statements:
            plan = await store._read(f"EXPLAIN {statement}", *values)
            text = "\n".join(each[0] for each in plan)
            assert f"{table}_{index}" in text
            assert "Sort" not in text
    await store.close()
