"""J, and what bookings and secrets owe to a journal: processes that die, disks that fail."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from benchmarks import crash
from eguma_async import (
    ClientRefConflictError,
    ConfigurationError,
    JournalCorruptError,
    JournalError,
    LatePolicy,
    OutcomeUnknownError,
    RetryPolicy,
    SQLiteJournal,
    State,
)
from eguma_async.journal.line import Script
from eguma_async.journal.sealing import Sealer
from eguma_async.journal.stores.memory import MemoryStore
from eguma_async.journal.stores.sqlite import SQLiteStore
from eguma_async.sandbox import DropAfter, EgumaOptions, Park, Reply

from .matrix import Row, check, id_of, row, rows_of
from .shops import BOOKING
from .stage import Stage
from .workers import REF, Workers, file_store

ROOT = Path(__file__).parents[2]


async def workers(stage: Stage, **options: Any) -> Workers:
    return Workers(stage, await stage.eguma(**options))


def refusal(status: int, code: str) -> Reply:
    return Reply(status, body=json.dumps({"error_code": code, "message": "no"}), path=BOOKING)


# Bookings


@row(
    "B3",
    "one client_ref for two requests: here, and in the server's eyes",
    "the second is refused here before any byte; the server's mismatch needs a person, no new key",
)
async def one_reference_for_two(stage: Stage) -> None:
    w = await workers(stage)
    async with w.process() as session:
        stage.reported(w.shop, await w.create(session))
        other = w.shop.wanted(1)["items"]
        await stage.fails(ClientRefConflictError, w.create(session, items=other))
        assert w.posts == 1
        w.shop.inject(refusal(409, "idempotency_key_reused"))
        with pytest.raises(Exception, match="idempotency_key_reused") as caught:
            await w.create(session, "another")
        stage.errors.append(caught.value)
        entry = await session.ticketing.bookings.entry("another")
    assert entry is not None
    assert entry.state is State.NEEDS_OPERATOR
    assert len({*w.shop.keys}) == w.posts
    await w.account()


@row(
    "B8",
    "a crash, and 73 hours until the recovery: the server has forgotten the key",
    "nothing is sent; the list of orders tells that the booking is there",
)
async def forgotten_key(stage: Stage) -> None:
    w = await workers(stage)
    w.proves_kills()
    await w.crashed(minutes=73 * 60, late=LatePolicy.CONFIRM)
    (found,) = (await w.recovered()).entries
    assert found.entry.state is State.CONFIRMED
    assert w.posts == w.shop.orders() == 1
    await w.account()


@row(
    "B9",
    "the machine sleeps for 73 hours between two attempts",
    "the age is looked at before each attempt: it is not sent again, its outcome is unknown",
)
async def asleep_between_attempts(stage: Stage) -> None:
    w = await workers(stage)
    w.wanted = w.shop.wanted(label="unlimited")
    w.wanted["starts_at"] += timedelta(days=10)
    w.shop.inject(DropAfter(path=BOOKING))
    slept: list[Any] = []

    def sleep(_: object) -> None:
        if w.posts and not slept:
            slept.append(w.shop.sandbox.clock.advance(hours=73))

    stop = w.shop.sandbox.requests.listen(sleep)
    stage.limit = 1e9
    async with w.process(retry=RetryPolicy(budget=1.0, deadline=1e9)) as session:
        await stage.fails(OutcomeUnknownError, w.create(session))
    stop()
    assert (w.posts, len(slept)) == (1, 1)
    (found,) = (await w.recovered()).entries
    assert found.entry.state is State.CONFIRMED
    assert w.posts == 1


@row(
    "B10",
    "the clock is set back or ahead, by a day and by ten years, before the recovery",
    "nothing is sent again; what is there is found, or a person has to look",
)
async def jumping_clocks(stage: Stage) -> None:
    jumps = []
    for days in (-1, 1, -3650, 3650):
        w = await workers(stage)
        await w.crashed(late=LatePolicy.CONFIRM)
        clock = w.shop.sandbox.clock
        jumps.append(clock.set(clock.now() + timedelta(days=days)))
        (found,) = (await w.recovered()).entries
        sent_again = w.posts - 1
        assert sent_again == 0 or days == 1, "a day is within the window"
        assert found.entry.state in (State.CONFIRMED, State.NEEDS_OPERATOR)
        assert w.shop.orders() == 1
    stage.proves("jumps", lambda: len(jumps), 4)


@row(
    "B11",
    "the list of orders shows none, one, one of another entry, or two that may be it",
    "absent after two looks; confirmed; absent; a person has to choose, and is told the ids",
)
async def looked_up(stage: Stage) -> None:
    states = []
    for dies, others in (("before", 0), ("after", 0), ("before", 1), ("after", 1)):
        w = await workers(stage)
        if others:
            async with w.process(store=MemoryStore() if dies == "after" else w.store) as session:
                await w.create(session, "other")
        await w.crashed(dies, minutes=60)
        (found,) = (await w.recovered()).entries
        states.append(found.entry.state)
        if found.entry.state is State.NEEDS_OPERATOR:
            made = {order.id for order in w.shop.sandbox.bookings()}
            assert set(found.entry.candidates) == made
            w.shop.check_made_once = lambda: None  # type: ignore[method-assign]  # asked for twice
    assert states == [State.ABSENT, State.CONFIRMED, State.ABSENT, State.NEEDS_OPERATOR]
    stage.proves("looks", lambda: len(states), 4)


@row(
    "B12",
    "the list of orders lags behind",
    "that it shows nothing is believed only after a second look, a minute later",
)
async def lagging_list(stage: Stage) -> None:
    w = await workers(stage, options=EgumaOptions(orders_delay_seconds=150))
    w.proves_kills()
    clock = w.shop.sandbox.clock
    await w.crashed(book_by=clock.now() + timedelta(seconds=1))
    begun = clock.now()
    (found,) = (await w.recovered()).entries
    assert clock.now() - begun == timedelta(seconds=60)
    assert found.entry.state is State.CONFIRMED
    await w.account()


@row(
    "B13",
    "a crash before anything was sent, and 20 hours until the recovery",
    "nothing is booked late: absent, without a request to book",
)
async def too_late(stage: Stage) -> None:
    w = await workers(stage)
    w.proves_kills()
    await w.crashed("before", minutes=20 * 60)
    (found,) = (await w.recovered()).entries
    assert found.entry.state is State.ABSENT
    assert w.posts == w.shop.orders() == 0


@row(
    "B14",
    "one client_ref from 50 tasks of each of 4 processes",
    "one request; all get the one booking",
)
async def asked_for_by_all(stage: Stage) -> None:
    w = await workers(stage)
    got: list[Any] = []

    async def process() -> None:
        async with w.process() as session:
            got.extend(await asyncio.gather(*(w.create(session) for _ in range(50))))

    await asyncio.gather(*(process() for _ in range(4)))
    stage.proves("tasks that ask", lambda: len(got), 200)
    assert len({(b.booking_id, b.tickets) for b in got}) == 1
    stage.reported(w.shop, got[0])
    assert w.posts == 1
    await w.account()


@row(
    "B15",
    "a crash, and a recovery by a version that writes bodies in another way",
    "the bytes of the journal are sent, not those that would be written today",
)
async def bytes_of_before(stage: Stage) -> None:
    w = await workers(stage)
    w.proves_kills()
    await w.crashed("before")
    (before,) = await w.store.rows()
    script = Script(await w.store.secret(), Sealer())
    line = script.line(before)
    assert line is not None
    assert line.body is not None
    other = json.dumps(json.loads(line.body), indent=3).encode()
    assert await w.store.replace(script.next(attrs.evolve(line, body=other), before, None))
    (found,) = (await w.recovered()).entries
    assert found.entry.state is State.CONFIRMED
    sent = next(r for r in w.shop.sandbox.requests if r.path == BOOKING)
    assert sent.body_sha256 == hashlib.sha256(other).hexdigest()


def second_key(w: Workers) -> str:
    users = (u for m in w.shop.sandbox.merchants() for u in m.users)
    keys = next(u.keys for u in users if u.keys and u.keys[0].value == w.shop.key)
    key: str = keys[1].value
    return key


@row(
    "B16",
    "a crash, and another API key at the recovery",
    "refused unless somebody vouches for it; for a named account it goes on",
)
async def renewed_key(stage: Stage) -> None:
    w = await workers(stage)
    w.proves_kills(2)
    await w.crashed()
    new = second_key(w)
    stage.hide(new)
    recovery = await w.recovered(api_key=new)
    assert (recovery.entries, recovery.others) == ((), 1)
    async with w.process(api_key=new) as session:
        await stage.fails(ClientRefConflictError, w.create(session))
    assert w.posts == 1
    (found,) = (await w.recovered(api_key=new, any_credentials=True)).entries
    assert found.entry.state is State.CONFIRMED
    async with w.process("after", account="zoo") as session:
        await w.create(session, "of the zoo", customer=stage.customer())
    w.shop.sandbox.clock.advance(minutes=2)
    (found,) = (await w.recovered(api_key=new, account="zoo")).entries
    assert found.entry.state is State.CONFIRMED
    await w.account()


@row(
    "B17",
    "a journal of the live API is opened with the base URL of a test server",
    "its entries are left alone, and counted as others",
)
async def another_environment(stage: Stage) -> None:
    w = await workers(stage)
    w.proves_kills()
    await w.crashed()
    recovery = await w.recovered(base_url="https://test.example")
    assert (recovery.entries, recovery.others) == ((), 1)
    assert w.posts == 1


@row(
    "B21",
    "a cancellation while it is unknown whether the booking was made",
    "found out first, then cancelled; both stand in the journal",
)
async def cancelled_in_doubt(stage: Stage) -> None:
    w = await workers(stage)
    w.proves_kills()
    await w.crashed()
    async with w.process() as session:
        cancelled = await session.ticketing.bookings.cancel(client_ref=REF)
    (order,) = w.shop.sandbox.bookings()
    assert (order.status, cancelled.booking_id) == ("cancelled", order.id)
    states = {entry.kind: entry.state for entry in await w.entries()}
    assert states == {"booking": State.CONFIRMED, "cancellation": State.CONFIRMED}


# A slow disk


class Slow(SQLiteStore):
    """A disk that syncs only when told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.waits, self.goes_on = threading.Event(), threading.Event()
        self.goes_on.set()

    def _commit(self, connection: sqlite3.Connection) -> None:
        if not self.goes_on.is_set():
            self.waits.set()
            self.goes_on.wait(30)
        super()._commit(connection)


@row(
    "A11",
    "a sync of the journal's disk that hangs",
    "the event loop goes on, other calls are answered; the booking waits, and is sent after it",
)
async def hanging_sync(stage: Stage) -> None:
    async with file_store(Slow) as store:
        w = Workers(stage, await stage.eguma(), store)
        async with w.process() as session:
            store.goes_on.clear()
            booking = asyncio.create_task(w.create(session))
            while not store.waits.is_set():
                await asyncio.sleep(0)
            for _ in range(100):
                assert await session.ticketing.products.list()
            assert w.posts == 0
            store.goes_on.set()
            stage.reported(w.shop, await booking)
    stage.proves("syncs that hung", store.waits.is_set)


# The journal


@row(
    "J1",
    "25 kills with SIGKILL at named points and at random, two workers, a server on a bad day",
    "nothing lost, nothing doubled, nothing late, nothing left open",
)
def killed(stage: Stage) -> None:
    given = argparse.Namespace(
        kills=25, workers=2, backend="sqlite", journal=None, seed=3, mutant=None
    )
    with tempfile.TemporaryDirectory() as directory:
        found = asyncio.run(crash.trial(given, Path(directory), None))
    assert {name: found[name] for name in crash.FAULTS} == dict.fromkeys(crash.FAULTS, 0)
    stage.proves("25 kills at least", lambda: found["kills"] >= 25)


@row(
    "J2",
    "the power is cut at writes and syncs of the journal",
    "all that was acknowledged is there",
)
def power_cut(stage: Stage) -> None:
    # In a process of its own: the stores that are cut off leave their threads behind.
    command = [sys.executable, "-m", "benchmarks.powercut", "--cuts", "40", "--json"]
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    found = json.loads(done.stdout)
    assert found["acknowledged_lost"] == found["corrupt"] == 0
    stage.proves("power cuts", lambda: found["cuts"], 40)


class Failing(SQLiteStore):
    """A disk whose syncs fail while told to."""

    fails = False
    failed = 0

    def _commit(self, connection: sqlite3.Connection) -> None:
        if self.fails:
            self.failed += 1
            raise sqlite3.OperationalError("disk I/O error")
        super()._commit(connection)


@row(
    "J3",
    "a sync fails: of the intent, and of the outcome",
    "nothing is sent; the booking is handed over as not persisted, and found by a recovery",
)
async def failing_sync(stage: Stage) -> None:
    async with file_store(Failing) as store:
        w = Workers(stage, await stage.eguma(), store)
        async with w.process() as session:
            store.fails = True
            await stage.fails(JournalError, w.create(session))
            assert w.posts == 0
            store.fails = False
            parked = w.shop.inject(Park(path=BOOKING))
            asking = asyncio.create_task(w.create(session))
            await parked.arrived()
            store.fails = True
            parked.release()
            booking = await asking
            assert booking.persisted is False
            stage.reported(w.shop, booking)
            store.fails = False
        w.shop.sandbox.clock.advance(minutes=2)
        (found,) = (await w.recovered()).entries
        assert found.value.booking_id == booking.booking_id
        stage.proves("syncs that failed", lambda: store.failed >= 2)
        await w.account()


class Small(SQLiteStore):
    """A disk that is full when told to be."""

    async def allow(self, pages: int) -> None:
        await self._do(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchall())


@row(
    "J4",
    "the disk is full before the intent is written",
    "JournalError, nothing is sent; with room again it is booked",
)
async def full_before(stage: Stage) -> None:
    async with file_store(Small) as store:
        w = Workers(stage, await stage.eguma(), store)
        async with w.process() as session:
            await store.allow(1)
            full = 0
            for number in range(40):  # until what is free within the file is used up
                try:
                    await w.create(session, f"{REF}-{number}", customer=stage.customer())
                except JournalError as error:
                    stage.errors.append(error)
                    full = number + 1
                    break
            sent = w.posts
            assert sent == full - 1
            await store.allow(10**6)
            stage.reported(w.shop, await w.create(session, f"{REF}-{full - 1}"))
        stage.proves("full disks", lambda: full > 0)
        await w.account()


@row(
    "J5",
    "the disk is full when the outcome is to be written",
    "the booking is handed over with persisted=False; the entry stays open, a recovery replays it",
)
async def full_after(stage: Stage) -> None:
    class Sick(MemoryStore):
        refused = 0

        async def replace(self, row: Any) -> bool:
            if not row.is_open and not self.refused:
                self.refused += 1
                raise JournalError("the disk is full")
            return await super().replace(row)

    store = Sick()
    w = Workers(stage, await stage.eguma(), store)
    async with w.process() as session:
        booking = await w.create(session)
    assert booking.persisted is False
    stage.reported(w.shop, booking)
    assert (await w.entry()).state is State.INFLIGHT
    w.shop.sandbox.clock.advance(minutes=2)
    (found,) = (await w.recovered()).entries
    assert found.value.booking_id == booking.booking_id
    stage.proves("full disks", lambda: store.refused)


@row(
    "J6",
    "the journal cannot be written to, or not even be made",
    "JournalError when the session is entered, or before anything is sent",
)
async def unwritable(stage: Stage) -> None:
    refused: list[Any] = []
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "a file"
        file.write_text("x")
        w = await workers(stage)
        for path in (file / "bookings.db", Path(name)):
            process = w.process(store=SQLiteStore(path))
            refused.append(await stage.fails(JournalError, process.__aenter__()))
    assert w.posts == 0
    stage.proves("refusals", lambda: len(refused), 2)


async def damaged(w: Workers) -> None:
    (there,) = await w.store.rows()
    data = bytearray(there.data)
    data[len(data) // 2] ^= 1
    await w.store.delete(there)
    await w.store.insert(attrs.evolve(there, data=bytes(data)))


@row(
    "J7",
    "a bit of an entry flips",
    "quarantined: never sent, told; other entries go on",
)
async def flipped_bit(stage: Stage) -> None:
    w = await workers(stage)
    await w.crashed()
    await damaged(w)
    async with w.process() as session:
        await stage.fails(JournalCorruptError, w.create(session))
        other = await w.create(session, "another", customer=stage.customer())
    stage.reported(w.shop, other)
    (found,) = (await w.recovered()).entries
    assert found.entry.state is State.QUARANTINED
    stage.proves("entries in quarantine", lambda: w.posts - 1)


@row(
    "J8",
    "the file is cut off, overwritten, or another program's",
    "JournalCorruptError on entering; nothing is sent, nothing of it is changed",
)
async def foreign_file(stage: Stage) -> None:
    refused: list[Any] = []
    w = await workers(stage)
    with tempfile.TemporaryDirectory() as name:
        good = Path(name) / "good.db"
        store = SQLiteStore(good)
        await store.open()
        await store.close()
        whole = good.read_bytes()
        other = Path(name) / "other.db"
        with sqlite3.connect(other) as foreign:
            foreign.execute("CREATE TABLE t(x)")
        foreign.close()
        for content in (whole[:-2000], b"no database" * 500, other.read_bytes()):
            path = Path(name) / f"{len(refused)}.db"
            path.write_bytes(content)
            process = w.process(store=SQLiteStore(path))
            refused.append(await stage.fails(JournalCorruptError, process.__aenter__()))
            assert path.read_bytes() == content
    assert w.posts == 0
    stage.proves("refused files", lambda: len(refused), 3)


@row(
    "J9",
    "the file is copied without its log, and the copy used",
    "what was in the log is missing; asked for again, it is sent with the same key: one booking",
)
async def copied_without_log(stage: Stage) -> None:
    async with file_store() as store:
        w = Workers(stage, await stage.eguma(), store)
        w.proves_kills()
        with tempfile.TemporaryDirectory() as name:
            copy = Path(name) / "copy.db"
            shutil.copy(store._path, copy)
            await w.crashed()
            w.store = SQLiteStore(copy)
            async with w.process() as session:
                booking = await w.create(session)
        assert booking.replayed
        stage.reported(w.shop, booking)
        assert w.shop.orders() == 1


@row(
    "J10",
    "two processes share a journal and ask for the same 40 bookings",
    "each is sent once, and both get it",
)
async def shared_journal(stage: Stage) -> None:
    async with file_store() as first:
        w = Workers(stage, await stage.eguma(), first)
        second = SQLiteStore(first._path)
        refs = [f"{REF}-{number}" for number in range(40)]
        people = [stage.customer() for _ in refs]
        got: list[dict[str, Any]] = []

        async def process(store: SQLiteStore) -> None:
            async with w.process(store=store) as session:
                asked = zip(refs, people, strict=True)
                made = await asyncio.gather(
                    *(w.create(session, r, customer=c, **w.shop.wanted(1)) for r, c in asked)
                )
            got.append({ref: b.booking_id for ref, b in zip(refs, made, strict=True)})

        async with asyncio.TaskGroup() as both:
            both.create_task(process(first))
            both.create_task(process(second))
        await second.close()
        await first.open()
        assert got[0] == got[1]
        assert w.posts == w.shop.orders() == 40
        stage.proves("bookings asked for twice", lambda: len(refs), 40)
        await w.account()


@row(
    "J11",
    "whoever has an entry is asleep beyond its lease, is taken over, and wakes up",
    "its answer is noted all the same; asked again, both tell of the one booking",
)
async def taken_over(stage: Stage) -> None:
    w = await workers(stage)
    stage.limit = 1e9  # it sleeps
    parked = w.shop.inject(Park(path=BOOKING))
    async with w.process() as sleeper, w.process() as other:
        asleep = asyncio.create_task(w.create(sleeper))
        await parked.arrived()
        w.shop.sandbox.clock.advance(minutes=5)
        taking = asyncio.create_task(w.create(other))
        while w.posts < 2:
            await asyncio.sleep(0)
        parked.release()
        first = await asleep
        await stage.fails(OutcomeUnknownError, taking)
        second = await w.create(other)
    assert first.booking_id == second.booking_id
    stage.reported(w.shop, second)
    assert len(set(w.shop.keys)) == 1
    assert (await w.entry()).state is State.CONFIRMED


@row(
    "J12",
    "20 processes write at once; one keeps the lock for ever",
    "all get their turn; then JournalError, and nothing is sent",
)
async def contended(stage: Stage) -> None:
    async with file_store(busy_timeout=20.0) as store:
        w = Workers(stage, await stage.eguma(), store)
        others = [SQLiteStore(store._path, busy_timeout=20.0) for _ in range(20)]

        async def buy(number: int, own: SQLiteStore) -> None:
            async with w.process(store=own) as session:
                wanted = w.shop.wanted(1, label="unlimited")
                await w.create(session, f"{number}", customer=stage.customer(), **wanted)

        await asyncio.gather(*(buy(number, own) for number, own in enumerate(others)))
        assert w.posts == 20
        impatient = SQLiteStore(store._path, busy_timeout=0.05)
        async with w.process(store=impatient) as session:
            lock = sqlite3.connect(store._path, isolation_level=None)
            lock.execute("BEGIN IMMEDIATE")
            error = await stage.fails(JournalError, w.create(session))
            lock.execute("ROLLBACK")
            lock.close()
        assert w.posts == 20
        stage.proves("locks that were kept", lambda: "lock" in str(error))


def _always(kind: str, _: Path) -> str:
    return kind


@row(
    "J13",
    "the journal is on a network file system, or in memory",
    "refused with what to do instead; in memory, a warning in the log",
)
async def odd_places(stage: Stage) -> None:
    with tempfile.TemporaryDirectory() as name:
        refused: list[Any] = []
        for kind in ("nfs", "nfs4", "cifs", "smb3", "9p"):
            store = SQLiteStore(Path(name) / "a.db", filesystem_of=partial(_always, kind))
            refused.append(await stage.fails(JournalError, store.open()))
        assert not (Path(name) / "a.db").exists()
        store = SQLiteStore(Path(name) / "b.db", filesystem_of=lambda _: "tmpfs")
        await store.open()
        await store.close()
    assert any("memory" in r.getMessage() for r in stage.records if r.name == "eguma_async")
    stage.proves("refused places", lambda: len(refused), 5)


@row(
    "J14",
    "a backup is made while the journal is in use",
    "through SQLite's own way: no lock is dropped, the copy is whole and private",
)
async def backed_up(stage: Stage) -> None:
    async with file_store() as store:
        w = Workers(stage, await stage.eguma(), store)
        async with w.process() as session:
            stage.reported(w.shop, await w.create(session))
            copy = store._path.with_name("copy.db")
            await store.backup(copy)
            await w.create(session, "another", customer=stage.customer())
        assert copy.stat().st_mode & 0o077 == 0
        async with SQLiteJournal(copy) as journal:
            kept = [entry.client_ref async for entry in journal.entries()]
    assert kept == [REF]
    stage.proves("backups", lambda: len(kept))


@row(
    "J15",
    "the journal is lost, and the program asks again",
    "the same client_ref is the same key: within 72 hours, the one booking",
)
async def lost_journal(stage: Stage) -> None:
    w = await workers(stage)
    w.proves_kills()
    await w.crashed(minutes=71 * 60)
    w.store = MemoryStore()
    async with w.process() as session:
        booking = await w.create(session)
    assert booking.replayed
    stage.reported(w.shop, booking)
    assert (len(set(w.shop.keys)), w.shop.orders()) == (1, 1)


@row(
    "J16",
    "the journal is restored from a backup of before the outcome",
    "the entry is open again; a recovery replays it, and finds the one booking",
)
async def restored(stage: Stage) -> None:
    async with file_store() as store:
        w = Workers(stage, await stage.eguma(), store)
        w.proves_kills()
        await w.crashed()
        copy = store._path.with_name("copy.db")
        await store.backup(copy)
        async with w.process() as session:
            booking = await w.create(session)
        await store.open()
        w.store = SQLiteStore(copy)
        (found,) = (await w.recovered()).entries
    assert found.value.booking_id == booking.booking_id
    assert w.shop.orders() == 1


@row(
    "J17",
    "the key of the journal is missing, wrong or renewed",
    "entries are locked: not sent, not dropped; with the old key beside the new one they go on",
)
async def missing_key(stage: Stage) -> None:
    old, new = b"o" * 32, b"n" * 32
    w = await workers(stage)
    w.proves_kills()
    async with w.process("after", key=old) as session:
        await w.create(session)
    w.shop.sandbox.clock.advance(minutes=2)
    for key in ("", new):
        async with w.process(key=key) as session:
            await stage.fails(JournalError, w.create(session))
            (found,) = (await session.ticketing.bookings.recover()).entries
            assert found.entry.locked
    assert w.posts == 1
    (found,) = (await w.recovered(key=[new, old])).entries
    assert found.entry.state is State.CONFIRMED


@row("J18", "the journal is of a newer version", "it is refused, and left as it is")
async def from_the_future(stage: Stage) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "bookings.db"
        store = SQLiteStore(path)
        await store.open()
        await store.close()
        newer = sqlite3.connect(path)
        (version,) = newer.execute("PRAGMA user_version").fetchone()
        newer.execute(f"PRAGMA user_version = {version + 1}")
        newer.close()
        content = path.read_bytes()
        w = await workers(stage)
        process = w.process(store=SQLiteStore(path))
        error = await stage.fails(JournalCorruptError, process.__aenter__())
        assert path.read_bytes() == content
    stage.proves("refusals", lambda: "version" in str(error))


@row(
    "J19",
    "a journal full of entries that have ended",
    "a recovery reads only the open ones: by an index of theirs",
)
async def full_of_ended_entries(stage: Stage) -> None:
    async with file_store() as store:
        w = Workers(stage, await stage.eguma(), store)
        w.proves_kills()
        await w.crashed()
        (open_one,) = await store.rows(open_only=True)
        many = [
            attrs.evolve(open_one, series=f"{n:064x}", is_open=False, created_at=float(n))
            for n in range(2000)
        ]
        await asyncio.gather(*(store.insert(each) for each in many))
        plan = await store._do(
            lambda c: c.execute(
                "EXPLAIN QUERY PLAN SELECT * FROM entry WHERE is_open = 1"
                " ORDER BY created_at, series, generation LIMIT 10"
            ).fetchall()
        )
        assert "INDEX entry_open" in str(plan), plan
        assert await store.rows(open_only=True) == (open_one,)
        (found,) = (await w.recovered()).entries
        assert found.entry.state is State.CONFIRMED


# Secrets


@row(
    "X13",
    "a journal is made under a umask of 000",
    "only its owner can read it: 0600, and 0700 for a directory that is made for it",
)
async def private_files(stage: Stage) -> None:
    rights = {}
    before = os.umask(0)
    try:
        with tempfile.TemporaryDirectory() as name:
            store = SQLiteStore(Path(name) / "new" / "bookings.db")
            await store.open()
            await store.secret()
            for path in (store._path.parent, *store._path.parent.iterdir()):
                rights[path.name] = path.stat().st_mode & 0o777
            await store.close()
    finally:
        os.umask(before)
    assert rights.pop("new") == 0o700
    assert set(rights.values()) == {0o600}
    stage.proves("files", lambda: len(rights) >= 1)


@row(
    "X14",
    "references that are statements of SQL",
    "kept to the letter, and nothing else happens",
)
async def statements_as_references(stage: Stage) -> None:
    hostile = ["'; DROP TABLE entry; --", '" OR 1=1', "%", "_", "\\", "a'b", "\u202e", "{}"]
    kept = []
    async with file_store() as store:
        w = Workers(stage, await stage.eguma(), store)
        async with w.process() as session:
            for ref in hostile:
                if not ref.isprintable():
                    await stage.fails(ConfigurationError, w.create(session, ref))
                    continue
                wanted = w.shop.wanted(1, label="unlimited")
                await w.create(session, ref, customer=stage.customer(), **wanted)
                entry = await session.ticketing.bookings.entry(ref)
                assert entry is not None
                kept.append(entry.client_ref)
        await store.open()
        assert len(await w.entries()) == len(hostile) - 1
    assert kept == [ref for ref in hostile if ref.isprintable()]
    stage.proves("references", lambda: len(kept), len(hostile) - 1)


@row(
    "X15",
    "checksums of entries are guessed byte by byte",
    "each guess is refused, and compared in a time that tells nothing",
)
async def guessed_checks(stage: Stage) -> None:
    w = await workers(stage)
    await w.crashed()
    (there,) = await w.store.rows()
    script = Script(await w.store.secret(), Sealer())
    guesses = [
        script.line(attrs.evolve(there, data=bytes([there.data[0] ^ guess]) + there.data[1:]))
        for guess in range(1, 256)
    ]
    assert guesses == [None] * 255
    assert script.line(there) is not None
    assert Script.line.__code__.co_names.count("compare_digest") == 1
    stage.proves("guesses", lambda: len(guesses), 255)


@pytest.mark.parametrize("row", rows_of(__name__), ids=id_of)
def test_row(row: Row) -> None:
    check(row)
