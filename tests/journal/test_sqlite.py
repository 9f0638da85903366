"""What only a file has: rights, damage, full disks, other processes, forks, traces of the erased."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from eguma_async.core.errors import ConfigurationError, JournalCorruptError, JournalError
from eguma_async.journal.stores._sqlite_kind import JOURNAL
from eguma_async.journal.stores.sqlite import SQLiteStore
from eguma_async.storage import forks, sqlite_schema
from eguma_async.storage.files import filesystem_of
from tests.journal.stores import name, row
from tests.support.commands import PATIENCE

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX rights and signals")


@contextlib.asynccontextmanager
async def opened(store):
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


@pytest.fixture
async def store(path):
    async with opened(SQLiteStore(path)) as made:
        yield made


def files(path):
    """Return the bytes of a database and what lies beside it."""
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


def rights(path):
    return stat.S_IMODE(path.stat().st_mode)


async def refusal(store, kind=JournalError):
    """Return what opening a store fails with; nothing of it may be left."""
    with pytest.raises(kind) as caught:
        await store.open()
    assert type(caught.value) is kind
    assert caught.value.__cause__ is None
    with pytest.raises(JournalError, match="is not open"):
        await store.rows()
    return caught.value.message


class Traced(sqlite3.Connection):
    """Notes statements, and fails those it is told to.

    Attributes:
        log: All statements of all connections.
        failing: Part of a statement, with the name of the error it fails with.
    """

    log: list[str]
    failing: dict[str, str]

    def execute(self, statement, *values):
        self.log.append(statement)
        for part, error_name in self.failing.items():
            if part in statement:
                error = sqlite3.OperationalError("injected")
                error.sqlite_errorname = error_name
                raise error
        return super().execute(statement, *values)


class TracedStore(SQLiteStore):
    """One whose connections are traced."""

    def __init__(self, *given, **options) -> None:
        super().__init__(*given, **options)
        self.log: list[str] = []
        self.failing: dict[str, str] = {}
        self.connections = 0

    def _connect(self, path, mode):
        self.connections += mode == "rw"
        factory = type("Here", (Traced,), {"log": self.log, "failing": self.failing})
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout,
            isolation_level=None,
            factory=factory,
        )


# Arguments


@pytest.mark.parametrize(
    "given", ["", " ", ":memory:", "file:x?mode=memory", "a\0b", 5, None, b"bytes"], ids=repr
)
def test_a_path_that_is_none_is_refused(given):
    with pytest.raises(ConfigurationError, match="path must be that of a file"):
        SQLiteStore(given)


@pytest.mark.parametrize("given", [-1, "5", True, float("nan"), float("inf"), None], ids=repr)
def test_a_timeout_that_is_none_is_refused(given):
    with pytest.raises(ConfigurationError, match="busy_timeout"):
        SQLiteStore("x.db", busy_timeout=given)


async def test_one_that_is_not_open_says_so(path):
    store = SQLiteStore(path)
    for work in (store.rows(), store.insert(row()), store.secret(), store.backup("x")):
        with pytest.raises(JournalError, match="is not open"):
            await work
    await store.close()
    assert not path.exists()


# Rights


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@posix
async def test_only_the_owner_can_read_it_whatever_the_umask(open_umask, tmp_path):
    path = tmp_path / "new" / "rooms" / "journal.db"
    async with opened(SQLiteStore(path)) as store:
        await store.insert(row())
        found = {each.name: rights(each) for each in path.parent.iterdir()}
        assert found == dict.fromkeys(("journal.db", "journal.db-wal", "journal.db-shm"), 0o600)
        assert rights(path.parent) == rights(path.parent.parent) == 0o700
        copy = tmp_path / "copies" / "copy.db"
        await store.backup(copy)
        assert rights(copy) == 0o600
        assert rights(copy.parent) == 0o700


@posix
async def test_a_directory_that_is_there_keeps_its_rights(tmp_path):
    tmp_path.chmod(0o755)
    async with opened(SQLiteStore(tmp_path / "journal.db")):
        assert rights(tmp_path) == 0o755


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o666, 0o604, 0o777])
async def test_what_others_could_read_is_taken_from_them(path, mode):
    async with opened(SQLiteStore(path)) as store:
        await store.insert(row())
        others = SQLiteStore(path)
        for each in path.parent.iterdir():
            each.chmod(mode)
        async with opened(others):
            assert {rights(each) for each in path.parent.iterdir()} == {0o600}


PRELUDE = """
import asyncio, os, sys
from eguma_async.core.errors import JournalError
from eguma_async.journal.stores.sqlite import SQLiteStore
from eguma_async.storage import forks, sqlite_schema
from eguma_async.storage.files import filesystem_of
from tests.journal.stores import name, row
from tests.support.commands import PATIENCE
"""

TELL = """
async def main():
    store = SQLiteStore(sys.argv[1])
    try:
        await store.open()
        await store.insert(row(2))
    except JournalError as error:
        print(type(error).__name__, error)
    else:
        print("written")
asyncio.run(main())
"""


def as_somebody(code, path):
    """Run Python as a user without rights."""
    return run(WITHOUT_RIGHTS + code, path)


WITHOUT_RIGHTS = """
import sqlite3
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""


@pytest.fixture
def common():
    """Return a directory that everybody can enter."""
    directory = Path(tempfile.mkdtemp(dir="/tmp"))  # noqa: S108
    directory.chmod(0o755)
    yield directory
    directory.chmod(0o755)
    shutil.rmtree(directory)


@posix
def test_a_directory_that_cannot_be_written_is_refused(common):
    common.chmod(0o555)
    told = as_somebody(TELL, common / "journal.db")
    assert told.startswith("JournalError")
    assert "give it a directory that this user can write to" in told
    assert list(common.iterdir()) == []


@posix
async def test_a_file_that_cannot_be_written_is_refused(common):
    path = common / "journal.db"
    async with opened(SQLiteStore(path)) as store:
        await store.insert(row())
    if os.geteuid() == 0:
        os.chown(common, 65534, 65534)
        os.chown(path, 65534, 65534)
    path.chmod(0o400)
    told = as_somebody(TELL, path)
    assert told.startswith("JournalError")
    assert "cannot be written: this user needs the right to" in told
    path.chmod(0o600)
    assert as_somebody(TELL, path) == "written\n"


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root gives files away")
async def test_a_file_of_others_that_all_can_read_is_refused(common):
    path = common / "journal.db"
    async with opened(SQLiteStore(path)):
        pass
    os.chown(common, 65534, 65534)
    path.chmod(0o666)  # root's
    told = as_somebody(TELL, path)
    assert told.startswith("JournalError")
    assert "can be read by others, and this user may not change that" in told


async def test_a_directory_is_no_file(path):
    path.mkdir()
    assert "is no file" in await refusal(SQLiteStore(path))


async def test_a_file_is_no_directory(path):
    path.write_text("")
    assert "cannot be made" in await refusal(SQLiteStore(path / "journal.db"))


# Settings

SETTINGS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "secure_delete": 1,
    "cell_size_check": 1,
    "trusted_schema": 0,
    "temp_store": 2,
    "mmap_size": 0,
    "busy_timeout": 1500,
    "wal_autocheckpoint": 10000,
    "fullfsync": 1,
    "checkpoint_fullfsync": 1,
    "application_id": JOURNAL.application_id,
    "user_version": 1,
}


async def test_the_settings_are_those_of_the_promise(path):
    async with opened(SQLiteStore(path, busy_timeout=1.5)) as store:
        found = {
            each: await store._do(partial(sqlite_schema.value, statement=f"PRAGMA {each}"))
            for each in SETTINGS
        }
    assert found == SETTINGS


class Deaf(Traced):
    """A build of SQLite that does not know a setting, or keeps its own."""

    setting = ""

    def execute(self, statement, *values):
        if statement.startswith(f"PRAGMA {self.setting} ="):
            statement = "SELECT 1"
        return super().execute(statement, *values)


@pytest.mark.parametrize("setting", ["synchronous", "secure_delete", "journal_mode"])
async def test_a_setting_that_does_not_take_is_an_error(path, setting):
    class Here(TracedStore):
        def _connect(self, path, mode):
            kind = type(
                "Here", (Deaf,), {"log": self.log, "failing": self.failing, "setting": setting}
            )
            made: Any = sqlite3.connect(path, isolation_level=None, factory=kind)
            sqlite3.Connection.execute(made, "PRAGMA synchronous = NORMAL")
            sqlite3.Connection.execute(made, "PRAGMA secure_delete = OFF")
            return made

    assert f"needs {setting} to be" in await refusal(Here(path))


async def test_what_waits_together_is_committed_together(path):
    commits = []

    class Here(SQLiteStore):
        def _commit(self, connection):
            commits.append(1)
            super()._commit(connection)

    async with opened(Here(path)) as store:
        commits.clear()
        kept = await asyncio.gather(*(store.insert(row(n)) for n in range(200)))
        assert len(commits) <= 3
        assert len(await store.rows()) == 200
        await asyncio.gather(*(store.delete(each) for each in kept))
        assert len(commits) <= 6


async def test_reading_needs_no_lock(path, store):
    await store.insert(row())
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await store.rows() == (row(),)
        other.execute("ROLLBACK")


# The loop


async def test_the_loop_goes_on_while_a_disk_is_slow(path):
    gate = threading.Event()

    class Slow(SQLiteStore):
        def _connect(self, path, mode):
            gate.wait(10)
            return super()._connect(path, mode)

        def _commit(self, connection):
            gate.wait(10)
            super()._commit(connection)

    store = Slow(path)
    opening = asyncio.ensure_future(store.open())
    for _ in range(50):
        await asyncio.sleep(0)
    assert not opening.done()
    gate.set()
    await opening
    gate.clear()
    writing = asyncio.ensure_future(store.insert(row()))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not writing.done()
    closing = asyncio.ensure_future(store.close())
    await asyncio.sleep(0)
    assert not closing.done()
    gate.set()
    assert await writing == row()
    await closing


def our_threads():
    return [each for each in threading.enumerate() if each.name == "eguma_async journal"]


async def test_no_thread_is_left(path):
    for _ in range(5):
        async with opened(SQLiteStore(path)) as store:
            await store.insert(row())
            (mine,) = our_threads()
        mine.join(10)  # it has told us, and is on its way out
    with pytest.raises(JournalError):
        await SQLiteStore(path.parent).open()
    for thread in our_threads():
        thread.join(10)
    assert our_threads() == []


async def test_it_serves_one_loop_after_the_other(path):
    store = SQLiteStore(path)
    await store.open()
    found = await asyncio.to_thread(asyncio.run, store.insert(row()))
    assert found == row()
    assert await store.rows() == (row(),)
    await store.close()


async def test_a_loop_that_is_gone_stops_nothing(path):
    gate = threading.Event()

    class Slow(SQLiteStore):
        def _commit(self, connection):
            gate.wait(10)
            super()._commit(connection)

    gate.set()
    store = Slow(path)
    await store.open()
    gate.clear()

    async def ask():
        asyncio.ensure_future(store.insert(row()))  # noqa: RUF006  # the loop goes before it ends
        await asyncio.sleep(0)

    await asyncio.to_thread(asyncio.run, ask())
    gate.set()
    assert await store.insert(row(2)) == row(2)
    assert len(await store.rows()) == 2
    await store.close()


# Foreign, damaged, cut


async def test_a_database_of_another_program_is_left_as_it_is(path):
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE orders(a)")
        other.execute("INSERT INTO orders VALUES('x')")
        other.commit()
    path.chmod(0o644)
    before = files(path)
    message = await refusal(SQLiteStore(path), JournalCorruptError)
    assert "of another program" in message
    assert "nothing was changed" in message
    assert files(path) == before
    assert os.name != "posix" or rights(path) == 0o644


@posix
@pytest.mark.parametrize("content", [b"x" * 5000, b"SQLite format 3\0" + b"x" * 5000])
async def test_a_file_that_is_none_keeps_its_rights(path, content):
    path.write_bytes(content)
    path.chmod(0o644)
    await refusal(SQLiteStore(path), JournalCorruptError)
    assert path.read_bytes() == content
    assert rights(path) == 0o644


@posix
async def test_a_log_of_another_program_is_left_as_it_is(path):
    code = """
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("PRAGMA journal_mode=WAL")
c.execute("CREATE TABLE orders(a)")
c.execute("INSERT INTO orders VALUES('x')")
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code, path], check=True)
    before = files(path)
    assert len(before["journal.db-wal"]) > 4096
    await refusal(SQLiteStore(path), JournalCorruptError)
    after = files(path)
    assert after["journal.db"] == before["journal.db"]
    assert after["journal.db-wal"] == before["journal.db-wal"]


@posix
async def test_an_open_transaction_of_another_program_is_left_as_it_is(path):
    code = """
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("CREATE TABLE orders(a)")
c.execute("INSERT INTO orders VALUES(zeroblob(200000))")
c.execute("PRAGMA cache_size = 1")
c.execute("BEGIN IMMEDIATE")
c.execute("UPDATE orders SET a = randomblob(200000)")
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code, path], check=True)
    before = files(path)
    assert len(before["journal.db-journal"]) > 512
    message = await refusal(SQLiteStore(path), JournalCorruptError)
    assert "a transaction was left open" in message
    assert files(path) == before


@pytest.mark.parametrize(
    "content",
    [b"x", b"hello, this is a diary\n" * 400, bytes(8192), b"SQLite format 3\0" + b"\xff" * 5000],
    ids=["one byte", "text", "zeros", "a header alone"],
)
async def test_what_is_no_database_is_left_as_it_is(path, content):
    path.write_bytes(content)
    path.chmod(0o600)
    assert "no journal" in await refusal(SQLiteStore(path), JournalCorruptError)
    assert files(path) == {"journal.db": content}


async def test_an_empty_file_becomes_a_journal(path):
    path.write_bytes(b"")
    async with opened(SQLiteStore(path)) as store:
        assert await store.insert(row()) == row()


async def make(path, count=200):
    async with opened(SQLiteStore(path)) as store:
        kept = [row(n, created_at=float(n), data=bytes([n % 256]) * 300) for n in range(count)]
        await asyncio.gather(*map(store.insert, kept))
    return kept


def alter(path, statement):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(statement)


async def test_a_newer_version_is_refused_and_left_as_it_is(path):
    await make(path, 3)
    alter(path, "PRAGMA user_version = 2")
    before = files(path)
    message = await refusal(SQLiteStore(path), JournalCorruptError)
    assert "newer version of this package (schema 2, known is 1)" in message
    assert "update the package" in message
    after = files(path)
    assert after["journal.db"] == before["journal.db"]
    assert after.get("journal.db-wal", b"") == b""


@pytest.mark.parametrize(
    "statement",
    [
        "DROP INDEX entry_open",
        "DROP TABLE secret",
        "DELETE FROM secret",
        "UPDATE secret SET value = x'00'",
        "PRAGMA user_version = 0",
        "ALTER TABLE entry RENAME COLUMN remote TO remote_id",
    ],
)
async def test_tables_that_are_not_ours_are_refused(path, statement):
    await make(path, 3)
    alter(path, statement)
    await refusal(SQLiteStore(path), JournalCorruptError)


async def test_what_a_tool_has_added_does_no_harm(path):
    kept = await make(path, 3)
    alter(path, "ANALYZE")
    alter(path, "UPDATE slot SET bytes = CAST(bytes AS TEXT) WHERE id = 2")
    alter(path, "DELETE FROM slot WHERE id = 3")
    async with opened(SQLiteStore(path)) as store:
        assert list(await store.rows()) == [*kept[:2], attrs.evolve(kept[2], data=b"")]
        emptied = kept[2].next(is_open=False, remote=None, data=b"found")
        assert await store.replace(emptied)
        assert await store.latest(kept[2].series) == emptied


@pytest.mark.parametrize("part", [0.01, 0.3, 0.5, 0.99])
async def test_a_file_that_was_cut_off_is_refused(path, part):
    await make(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    await refusal(SQLiteStore(path), JournalCorruptError)


@posix
async def test_a_file_that_was_emptied_under_its_log_is_refused(path):
    await make(path, 3)
    kill_while_it_writes(path, 5)
    assert path.with_name("journal.db-wal").stat().st_size > 0
    path.write_bytes(b"")
    assert "it is empty, its log is not" in await refusal(SQLiteStore(path), JournalCorruptError)


@pytest.mark.parametrize("seed", range(25))
async def test_flipped_bits_are_found_or_do_no_harm(path, seed):
    kept = await make(path)
    content = bytearray(path.read_bytes())
    chance = random.Random(seed)
    page = chance.randrange(len(content) // 4096)
    for _ in range(40):
        content[page * 4096 + chance.randrange(4096)] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    store = SQLiteStore(path)
    with contextlib.suppress(JournalCorruptError):
        await store.open()
        # Of the rows alone, which the journal has a checksum for.
        assert len(await store.rows()) == len(kept)
    await store.close()


async def test_damage_that_is_found_later_is_told_and_closed(path):
    await make(path, 3)
    store = TracedStore(path)
    await store.open()
    store.failing["ORDER BY created_at"] = "SQLITE_CORRUPT_INDEX"
    with pytest.raises(JournalCorruptError, match="SQLITE_CORRUPT_INDEX"):
        await store.rows()
    assert store.connections == 1
    store.failing.clear()
    assert len(await store.rows()) == 3
    assert store.connections == 2
    await store.close()


async def test_a_large_file_is_not_read_whole_to_open_it(path):
    await make(path, 10)
    alter(path, f"CREATE TABLE filler AS SELECT zeroblob({sqlite_schema.CHECKED_PAGES * 4096})")
    store = TracedStore(path)
    async with opened(store):
        assert not any("quick_check" in each for each in store.log)
        assert any("is_open = 1" in each for each in store.log)
        store.log.clear()
    async with opened(small := TracedStore(path.with_name("small.db"))):
        assert any("quick_check" in each for each in small.log)


PLANS = {
    "rows": "SCAN entry USING INDEX entry_place",
    "rows after": "SEARCH entry USING INDEX entry_place (created_at>?)",
    "open": "SCAN entry USING INDEX entry_open",
    "open after": "SEARCH entry USING INDEX entry_open (created_at>?)",
    "latest": "SEARCH entry USING INDEX sqlite_autoindex_entry_1 (series=?)",
    "made": "SEARCH entry USING INDEX entry_remote (remote=?)",
}


def explain(statement, values, connection):
    return connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()


async def test_every_question_is_answered_by_an_index(path):
    store = TracedStore(path)
    async with opened(store):
        asked = {
            "rows": store.rows(),
            "rows after": store.rows(after=(1.0, name(1), 1)),
            "open": store.rows(open_only=True),
            "open after": store.rows(open_only=True, after=(1.0, name(1), 1)),
            "latest": store.latest(name(1)),
            "made": store.made(name(1)),
        }
        plans = {}
        for what, work in asked.items():
            await work
            statement = store.log[-1]
            values = ["0"] * statement.count("?")
            plan = await store._do(partial(explain, statement, values))
            (plans[what], slot) = (line[3] for line in plan)
            assert "USING INTEGER PRIMARY KEY (rowid=?)" in slot
    assert {
        what: plan.replace("(created_at,series,generation)>(?,?,?)", "created_at>?")
        for what, plan in plans.items()
    } == PLANS


# Full, locked, moved, failing


class Small(SQLiteStore):
    """One whose disk is full at so many pages."""

    pages = 10**6

    def _connect(self, path, mode):
        made = super()._connect(path, mode)
        made.execute(f"PRAGMA max_page_count = {self.pages}").fetchall()
        return made

    async def allow(self, pages):
        await self._do(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchall())


async def test_a_full_disk_is_told_and_forgotten_when_there_is_room(path):
    async with opened(Small(path)) as store:
        first = await store.insert(row())
        await store.allow(12)
        with pytest.raises(JournalError, match="free some space"):
            await store.insert(row(2, data=bytes(200_000)))
        assert await store.rows() == (first,)
        assert await store.replace(first.next(is_open=False, remote=None, data=b""))
        await store.allow(10**6)
        assert await store.insert(row(2, data=bytes(200_000)))
        assert len(await store.rows()) == 2


async def test_what_finds_no_room_takes_no_other_with_it(path):
    async with opened(Small(path)) as store:
        await store.allow(30)
        done = await asyncio.gather(
            *(store.insert(row(n, data=bytes(10 if n % 3 else 200_000))) for n in range(9)),
            return_exceptions=True,
        )
        kinds = [type(each).__name__ for each in done]
        assert kinds == ["JournalError" if n % 3 == 0 else "Row" for n in range(9)]
        assert len({id(each) for each in done}) == 9
        assert [each.series for each in await store.rows()] == [name(n) for n in range(9) if n % 3]


@pytest.mark.parametrize(
    "change",
    [
        {"generation": 2**63},
        {"series": None},
        {"created_at": float("nan")},
        {"data": None},
        {"series": "\ud800"},
    ],
    ids=str,
)
async def test_what_cannot_be_kept_takes_no_other_with_it(store, change):
    good = [row(n) for n in range(4)]
    bad = attrs.evolve(row(9), **change)
    done = await asyncio.gather(
        store.insert(good[0]),
        store.insert(bad),
        *map(store.insert, good[1:]),
        return_exceptions=True,
    )
    assert isinstance(done[1], JournalError)
    assert [done[0], *done[2:]] == good
    assert list(await store.rows()) == good


async def test_an_error_shows_no_row(store):
    with pytest.raises(JournalError) as caught:
        await store.insert(row(2**62, generation=2**63, data=b"canary"))
    error = caught.value
    assert error.__cause__ is error.__context__ is None
    shown = [str(error), repr(error)]
    frame = error.__traceback__
    while frame is not None:
        inside = frame.tb_frame.f_code.co_filename
        shown += (
            [repr(each) for each in frame.tb_frame.f_locals.values()] if "stores" in inside else []
        )
        frame = frame.tb_next
    assert "canary" not in " ".join(shown)


async def test_a_lock_of_another_process_is_told_and_forgotten(path):
    async with opened(SQLiteStore(path, busy_timeout=0.05)) as store:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            done = await asyncio.gather(
                *(store.insert(row(n)) for n in range(50)), return_exceptions=True
            )
            assert {type(each) for each in done} == {JournalError}
            assert "locked by another process for more than 0.05 seconds" in str(done[0])
            other.execute("ROLLBACK")
        assert await store.insert(row()) == row()


async def test_a_lock_is_waited_for(path):
    async with opened(SQLiteStore(path, busy_timeout=20)) as store:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.ensure_future(store.insert(row()))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not writing.done()
            other.execute("ROLLBACK")
            assert await writing == row()


@posix
async def test_a_file_that_was_moved_is_not_written_in_silence(path):
    async with opened(SQLiteStore(path)) as store:
        await store.insert(row())
        path.rename(path.with_name("elsewhere.db"))
        with pytest.raises(JournalError, match="moved or deleted while it was in use"):
            await store.insert(row(2))
        with pytest.raises(JournalError, match="moved or deleted"):
            await store.rows()
        assert not path.exists()
        path.with_name("elsewhere.db").rename(path)
        assert await store.insert(row(3)) == row(3)
    async with opened(SQLiteStore(path)) as store:  # a new one only for who asks for it
        assert row(3) in await store.rows()


@posix
async def test_another_file_in_its_place_is_not_written(path):
    other = path.with_name("other.db")
    await make(other, 3)
    async with opened(SQLiteStore(path)) as store:
        await store.insert(row())
        for each in ("", "-wal", "-shm"):
            path.with_name(path.name + each).unlink()
        other.rename(path)
        with pytest.raises(JournalError, match="replaced by another"):
            await store.insert(row(7))
        with pytest.raises(JournalError, match="replaced by another"):
            await store.insert(row(7))
    async with opened(SQLiteStore(path)) as store:
        assert len(await store.rows()) == 3


@pytest.mark.parametrize("error", ["SQLITE_IOERR_FSYNC", "SQLITE_IOERR_WRITE", "SQLITE_IOERR"])
async def test_after_a_failure_of_the_disk_the_connection_is_not_used_again(path, error):
    store = TracedStore(path)
    async with opened(store):
        await store.insert(row())
        store.failing["COMMIT"] = error
        done = await asyncio.gather(*(store.insert(row(n)) for n in (2, 3)), return_exceptions=True)
        assert [error in str(each) for each in done] == [True, True]
        assert "the disk fails" in str(done[0])
        assert store.log.count("COMMIT") == 3  # that of the schema, the first row, and this one
        store.failing.clear()
        assert await store.rows() == (row(),)
        assert store.connections == 2
        assert await store.insert(row(2)) == row(2)


@posix
def test_a_limit_of_the_system_is_told(tmp_path):
    code = """
import resource
async def main():
    store = SQLiteStore(sys.argv[1])
    await store.open()
    await store.insert(row())
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
    try:
        await store.insert(row(2, data=bytes(200_000)))
    except JournalError as error:
        print("refused", error.message)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(await store.insert(row(2, data=bytes(200_000))) == row(2, data=bytes(200_000)))
    print(len(await store.rows()))
    await store.close()
asyncio.run(main())
"""
    told = run(code, tmp_path / "journal.db")
    assert "the disk fails" in told or "free some space" in told
    assert told.endswith("True\n2\n")


# Where it is kept


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "CIFS"])
async def test_a_network_file_system_is_refused(path, kind):
    message = await refusal(SQLiteStore(path, filesystem_of=lambda _: kind))
    assert f"network file system ({kind})" in message
    assert "use a local disk, or a journal on a database server" in message
    assert not path.exists()


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs", "overlay"])
async def test_a_place_that_is_lost_is_told_of(path, caplog, kind):
    async with opened(SQLiteStore(path, filesystem_of=lambda _: kind)):
        pass
    (told,) = caplog.records
    assert told.levelno == logging.WARNING
    assert "is lost with it" in told.getMessage()


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "apfs", "fuseblk", ""])
async def test_a_local_disk_is_fine(path, caplog, kind):
    async with opened(SQLiteStore(path, filesystem_of=lambda _: kind)):
        assert caplog.records == []


def test_the_kind_of_a_file_system_is_read_from_the_mounts(tmp_path):
    home, shared, odd = (tmp_path / each for each in ("home", "home/shared", "a b\\ü"))
    for each in (home, shared, odd):
        each.mkdir()
    mounts = tmp_path / "mounts"
    escaped = str(odd).replace("\\", "\\134").replace(" ", "\\040")
    mounts.write_text(
        f"/dev/a / ext4 rw 0 0\nserver:/x {shared} nfs4 rw 0 0\n/dev/b {home} xfs rw 0 0\n"
        f"//s/y {escaped} cifs rw 0 0\nbroken\n/dev/c {home}/over tmpfs rw 0 0\n"
        f"/dev/d {home}/over btrfs rw 0 0\n"
    )
    expected = {
        "x.db": "ext4",
        "home/x.db": "xfs",
        "home2/x.db": "ext4",
        "home/shared/deep/x.db": "nfs4",
        "a b\\ü/x.db": "cifs",
        "home/over/x.db": "btrfs",
    }
    found = {each: filesystem_of(tmp_path / each, mounts) for each in expected}
    assert found == expected
    (tmp_path / "link").symlink_to(shared)
    assert filesystem_of(tmp_path / "link" / "x.db", mounts) == "nfs4"
    assert filesystem_of(tmp_path / "x.db", tmp_path / "none") == ""


# Other processes


def run(code, *given):
    """Run Python with what the tests have, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code, *map(str, given)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


WRITER = """
async def main():
    store = SQLiteStore(sys.argv[1])
    await store.open()
    base, count = int(sys.argv[2]), int(sys.argv[3])
    for number in range(base, base + count):
        kept = await store.insert(row(number))
        assert await store.replace(kept.next(is_open=False, remote=None, data=b"done"))
        print(number, flush=True)
    await store.close()
asyncio.run(main())
"""


def start(code, *given):
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code, *map(str, given)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_while_it_writes(path, count, base=1000):
    """Run a process that writes, kill it after so many answers, and return those."""
    with start(WRITER, path, base, 10**6) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(count)]
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout if line.endswith("\n")]
    return told


async def test_processes_share_one_file(path):
    processes = [start(WRITER, path, 1000 * n, 60) for n in range(3)]
    for process in processes:
        assert process.communicate(timeout=60)[0].count("\n") == 60
        assert process.returncode == 0
    async with opened(SQLiteStore(path)) as store:
        rows = await store.rows()
    assert len(rows) == 180
    assert {(each.version, each.is_open, each.data) for each in rows} == {(2, False, b"done")}


@posix
async def test_what_was_acknowledged_outlives_a_kill(path):
    chance = random.Random(1)
    told = []
    for turn in range(6):
        told += kill_while_it_writes(path, chance.randrange(1, 25), base=10_000 * (turn + 1))
    async with opened(SQLiteStore(path)) as store:
        for number in told:
            found = await store.latest(name(number))
            assert found is not None
            assert found.version == 2
            assert found.data == b"done"
        assert await store._do(lambda c: sqlite_schema.value(c, "PRAGMA integrity_check")) == "ok"
    assert len(told) > 40


FORK = """
import gc, sqlite3
class Noisy(sqlite3.Connection):
    def __del__(self):
        os.write(1, b"a connection is gone\\n") if os.getpid() != parent else None
    def close(self):
        os.write(1, b"a connection is closed\\n") if os.getpid() != parent else None
        super().close()
class Here(SQLiteStore):
    def _connect(self, path, mode):
        return sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, isolation_level=None,
            factory=Noisy, timeout=5)
parent = os.getpid()
store = Here(sys.argv[1])
unopened = Here(sys.argv[1] + ".2")
async def tell(work):
    try:
        print("fine", await work, flush=True)
    except JournalError as error:
        print(type(error).__name__, error, flush=True)
async def child():
    await tell(store.insert(row(2)))
    await tell(store.open())
    await tell(store.close())
    await tell(Here(sys.argv[1]).open())
    await tell(unopened.open())
    await unopened.close()
async def begin():
    await store.open()
    await store.insert(row(1))
async def end():
    await store.insert(row(3))
    print([each.series[-1] for each in await store.rows()], flush=True)
    await store.close()
asyncio.run(begin())
pid = os.fork()
if pid == 0:
    asyncio.run(child())
    gc.collect()
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
asyncio.run(end())
"""


@posix
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_leaves_the_parents_file_alone(path):
    told = run(FORK, path).splitlines()
    refused = "was opened before this process was forked, and cannot be used in it"
    assert refused in told[0]
    assert refused in told[1]
    assert told[2] == "fine None"
    assert "was open when this process was forked" in told[3]
    # One that was not open is opened; its two connections are the only ones that go.
    assert "fine None" in told[4:]
    assert told.count("a connection is gone") == told.count("a connection is closed")
    assert told[-1] == "['1', '3']"


def test_what_a_child_must_not_close_outlives_all_that_hold_it():
    class Thing:
        pass

    kept, gone = Thing(), Thing()
    known = weakref.ref(kept), weakref.ref(gone)
    forks._immortal(kept)
    del kept, gone
    gc.collect()
    assert [each() is not None for each in known] == [True, False]


# What was erased

CANARY = b"CANARY-of-a-customer"


def holds_canary(path):
    return [each.name for each in path.parent.iterdir() if CANARY in each.read_bytes()]


async def _until_gone(path):
    for _ in range(500):
        if not holds_canary(path):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(holds_canary(path))


async def erase_some(store, seed, count=150):
    """Write rows of all sizes and erase what they say, or them."""
    chance = random.Random(seed)
    kept = []
    for number in range(count):
        size = chance.choice([30, 300, 1500, 4000, 9000, 40_000])
        data = (CANARY * (size // len(CANARY) + 1))[:size]
        kept.append(await store.insert(row(number, created_at=chance.random(), data=data)))
        if chance.random() < 0.6:
            old = kept.pop(chance.randrange(len(kept)))
            await erase(store, old, chance)
    for each in kept:
        await erase(store, each, chance)


async def erase(store, old, chance):
    if chance.random() < 0.3:
        assert await store.delete(old)
    else:
        data = b"-" * chance.choice([0, 20, 700, 6000])
        assert await store.replace(old.next(is_open=False, remote=name(5), data=data))


async def test_the_scan_finds_what_is_there(path, store):
    await store.insert(row(data=CANARY))
    assert holds_canary(path)


@pytest.mark.parametrize("seed", [100, 106, 110])
async def test_what_was_erased_is_in_no_file_once_it_is_closed(path, seed):
    async with opened(SQLiteStore(path)) as store:
        await erase_some(store, seed, 400)
    assert holds_canary(path) == []
    assert sorted(files(path)) == ["journal.db"]


async def test_the_place_of_the_erased_is_used_again(path, store):
    for _ in range(30):
        kept = [await store.insert(row(n, data=CANARY * 40)) for n in range(5)]
        await asyncio.gather(*map(store.delete, kept))
    slots = await store._do(lambda c: c.execute("SELECT id, is_free FROM slot").fetchall())
    assert slots == [(number, 1) for number in range(1, 6)]


async def test_what_grows_moves_to_another_place(path, store):
    kept = await store.insert(row())
    for size in (0, 200, 252, 253, 1000, 5000, 100, 30_000, 508, 4096, 4092):
        kept = kept.next(is_open=True, remote=None, data=bytes([size % 251]) * size)
        assert await store.replace(kept)
        assert await store.latest(name(1)) == kept
    used = await store._do(lambda c: c.execute("SELECT is_free FROM slot").fetchall())
    assert used.count((0,)) == 1


async def test_what_was_erased_is_in_no_file_after_a_moment(path, store):
    await erase_some(store, 9, 40)
    await _until_gone(path)


async def test_the_log_is_emptied_though_there_is_never_a_quiet_moment(path):
    store = TracedStore(path)
    async with opened(store):
        kept = await store.insert(row(data=CANARY))
        assert await store.replace(kept.next(is_open=False, remote=None, data=b""))
        assert holds_canary(path) == ["journal.db-wal"]
        number = 2
        while not any("wal_checkpoint" in each for each in store.log):
            number += 1
            await store.insert(row(number))
        assert 450 < number < 560
        await store.rows()  # it is done before the next thing
        assert holds_canary(path) == []


async def test_a_reader_elsewhere_delays_the_erasing_and_nobody(path):
    store = TracedStore(path, busy_timeout=3600)
    async with opened(store):
        kept = await store.insert(row(data=CANARY))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN")
            assert other.execute("SELECT count(*) FROM entry").fetchone() == (1,)
            assert await store.replace(kept.next(is_open=False, remote=None, data=b""))
            while not any("wal_checkpoint" in each for each in store.log):
                await asyncio.sleep(0.01)
            async with asyncio.timeout(PATIENCE):  # nothing of it waits for that reader
                assert await store.insert(row(2)) == row(2)
            assert holds_canary(path) == ["journal.db-wal"]
            other.execute("ROLLBACK")
        await _until_gone(path)


@posix
async def test_what_a_killed_process_left_is_gone_after_a_moment(path):
    code = """
async def main():
    store = SQLiteStore(sys.argv[1])
    await store.open()
    kept = await store.insert(row(data=b"CANARY-of-a-customer"))
    await store.replace(kept.next(is_open=False, remote=None, data=b""))
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    with start(code, path):
        pass
    assert holds_canary(path) == ["journal.db-wal"]
    async with opened(SQLiteStore(path)):
        await _until_gone(path)


# Backups


async def test_a_backup_is_the_journal_at_one_moment(tmp_path, path):
    kept = await make(path)
    copy = tmp_path / "copy.db"
    async with opened(SQLiteStore(path)) as store:
        await store.backup(copy)
        await store.insert(row(999))
        secret = await store.secret()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy.db", "journal.db"]
    async with opened(SQLiteStore(copy)) as store:
        assert list(await store.rows()) == kept
        assert await store.secret() == secret


async def test_a_backup_stops_nobody(tmp_path, path):
    async with opened(SQLiteStore(path)) as store:
        for number in range(8):
            await store.insert(row(number, data=bytes(1_000_000)))
        order = []
        tasks = []
        for what, work in (
            ("backup", store.backup(tmp_path / "copy.db")),
            ("insert", store.insert(row(100))),
            ("read", store.latest(name(1))),
        ):
            tasks.append(asyncio.ensure_future(work))
            tasks[-1].add_done_callback(lambda _, w=what: order.append(w))
        await asyncio.gather(*tasks)
        assert order == ["insert", "read", "backup"]
    async with opened(SQLiteStore(tmp_path / "copy.db")) as copy:
        assert len(await copy.rows()) >= 8


async def test_a_backup_overwrites_nothing(tmp_path, store):
    there = tmp_path / "copy.db"
    there.write_text("precious")
    there.chmod(0o600)
    with pytest.raises(JournalError, match="is there already"):
        await store.backup(there)
    assert there.read_text() == "precious"


async def test_a_backup_that_fails_leaves_nothing(tmp_path, path):
    store = TracedStore(path)
    async with opened(store):
        store.failing["PRAGMA synchronous = FULL"] = "SQLITE_FULL"
        with pytest.raises(JournalError, match="free some space"):
            await store.backup(tmp_path / "copy.db")
        assert not (tmp_path / "copy.db").exists()
        assert await store.insert(row()) == row()
