"""What every store promises, on each of them."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import attrs
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from eguma_async.journal.stores.base import Row, place_of
from tests.journal import stores
from tests.journal.stores import name, row

BACKENDS = [
    "memory",
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.servers),
    pytest.param("redis", marks=pytest.mark.servers),
    pytest.param("valkey", marks=pytest.mark.servers),
]


@pytest.fixture(params=BACKENDS)
def opening(request, tmp_path):
    """Make stores that keep the same rows."""
    if request.param in ("memory", "sqlite"):
        return getattr(stores, request.param)(tmp_path)
    return request.getfixturevalue(f"{request.param}_opening")


@pytest.fixture
async def store(opening):
    made = opening()
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def another(opening, store):
    """Return a second one with the same rows, as another process has it."""
    made = opening()
    await made.open()
    yield made
    if made is not store:
        await made.close()


async def everything(store, **options):
    """Read all rows, page by page."""
    found, after = [], None
    while page := await store.rows(after=after, limit=3, **options):
        found += page
        after = place_of(page[-1])
    return found


# Life


async def test_it_is_opened_and_closed_as_often_as_one_likes(opening):
    store = opening()
    await store.open()
    await store.open()
    assert await store.insert(row()) == row()
    await store.close()
    await store.close()
    await store.open()
    assert await store.latest(name(1)) == row()
    await store.close()


async def test_many_open_it_at_once(opening):
    store = opening()
    await asyncio.gather(*(store.open() for _ in range(10)))
    assert await store.rows() == ()
    await store.close()


async def test_several_stores_make_it_at_once(opening):
    made = [opening() for _ in range(6)]
    await asyncio.gather(*(store.open() for store in made))
    assert len({await store.secret() for store in made}) == 1
    await asyncio.gather(*(store.close() for store in made))


async def test_rows_outlive_the_store(opening):
    store = opening()
    await store.open()
    kept = [await store.insert(row(n, created_at=float(n))) for n in range(5)]
    await store.replace(kept[2].next(is_open=False, remote=name(7), data=b"new"))
    await store.close()
    again = opening()
    await again.open()
    assert await everything(again) == [
        *kept[:2],
        kept[2].next(is_open=False, remote=name(7), data=b"new"),
        *kept[3:],
    ]
    await again.close()


async def test_what_is_under_way_is_finished_by_close(opening):
    store = opening()
    await store.open()
    tasks = [asyncio.ensure_future(store.insert(row(n))) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*tasks) == [row(n) for n in range(20)]
    await store.open()
    assert len(await store.rows()) == 20
    await store.close()


async def test_the_secret_is_made_once(store, another):
    secret = await store.secret()
    assert isinstance(secret, bytes)
    assert len(secret) == 32
    assert len(set(secret)) > 8
    assert await store.secret() == await another.secret() == secret


async def test_the_secret_outlives_the_store(opening):
    store = opening()
    await store.open()
    secret = await store.secret()
    await store.close()
    again = opening()
    await again.open()
    assert await again.secret() == secret
    await again.close()


async def test_it_says_where_it_is(opening):
    told = opening().describe()
    assert isinstance(told, str)
    assert told
    assert "secret" not in told


async def test_its_time_is_none_or_that_of_all(store, another):
    first, second = await store.now(), await another.now()
    assert (first is None) == (second is None)
    if first is not None:
        assert second is not None
        assert 1.7e9 < first <= second < first + 60


# Insert


async def test_a_row_is_kept(store):
    assert await store.insert(row()) == row()
    assert await store.latest(name(1)) == row()


async def test_one_that_is_there_is_returned(store):
    await store.insert(row())
    assert await store.insert(row(data=b"other", created_at=5.0, is_open=False)) == row()
    assert await store.rows() == (row(),)


async def test_one_that_is_there_is_returned_in_its_present_version(store):
    first = await store.insert(row())
    second = first.next(is_open=False, remote=name(9), data=b"")
    assert await store.replace(second)
    assert await store.insert(row()) == second


async def test_a_deleted_row_can_be_inserted_anew(store):
    assert await store.delete(await store.insert(row()))
    assert await store.insert(row(data=b"anew")) == row(data=b"anew")
    assert await store.rows() == (row(data=b"anew"),)


async def test_generations_are_rows_of_their_own(store):
    for generation in (1, 2, 3):
        kept = row(generation=generation, data=str(generation).encode())
        assert await store.insert(kept) == kept
    assert [each.generation for each in await store.rows()] == [1, 2, 3]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00", b"\r\n'\"\\;--", bytes(range(256)), b"x" * 300_000, "Zürich ✓".encode()],
    ids=["empty", "nul", "quotes", "all bytes", "long", "text"],
)
async def test_data_comes_back_byte_for_byte(store, data):
    await store.insert(row(data=data))
    found = await store.latest(name(1))
    assert found == row(data=data)
    assert type(found.data) is bytes
    assert await store.replace(found.next(is_open=True, remote=None, data=data + b"!"))
    assert (await store.latest(name(1))).data == data + b"!"


@pytest.mark.parametrize(
    "moment",
    [0.0, 0.1, 1.0, 1772438400.123456, 1772438400.1234567, 4102444800.5, 5e-324, -86400.5, 1e15],
    ids=str,
)
async def test_the_moment_comes_back_exactly(store, moment):
    await store.insert(row(created_at=moment))
    (found,) = await store.rows()
    assert found.created_at == moment
    assert type(found.created_at) is float


@pytest.mark.parametrize("generation", [1, 2, 10, 2**31 - 1])
async def test_generation_and_version_come_back_exactly(store, generation):
    kept = row(generation=generation, version=2**31 - 2, is_open=False, remote=name(2))
    await store.insert(kept)
    (found,) = await store.rows()
    assert found == kept
    assert type(found.generation) is type(found.version) is int
    assert type(found.is_open) is bool


# Replace


async def test_the_next_version_takes_the_place(store):
    second = row().next(is_open=False, remote=name(5), data=b"done")
    await store.insert(row())
    assert await store.replace(second)
    assert await store.rows() == (second,)


@pytest.mark.parametrize("version", [1, 3, 4, 100])
async def test_another_version_does_not(store, version):
    await store.insert(row())
    assert not await store.replace(row(version=version, data=b"lost"))
    assert await store.rows() == (row(),)


async def test_what_is_not_there_is_not_replaced(store):
    assert not await store.replace(row(version=2))
    assert not await store.replace(row(version=1))
    assert await store.rows() == ()


async def test_another_generation_is_not_replaced(store):
    await store.insert(row())
    assert not await store.replace(row(generation=2, version=2))
    assert await store.rows() == (row(),)


async def test_where_a_row_stands_never_changes(store):
    await store.insert(row(created_at=10.0))
    assert await store.replace(row(created_at=99.0, version=2))
    assert (await store.rows())[0].created_at == 10.0


async def test_a_replaced_row_is_closed_and_opened(store):
    kept = await store.insert(row())
    for number in range(6):
        kept = kept.next(is_open=bool(number % 2), remote=None, data=b"")
        assert await store.replace(kept)
        assert await store.rows(open_only=True) == ((kept,) if kept.is_open else ())


# Delete


async def test_a_deleted_row_is_nowhere(store):
    kept = row(remote=name(3))
    await store.insert(kept)
    assert await store.delete(kept)
    assert await store.rows() == await store.rows(open_only=True) == ()
    assert await store.latest(name(1)) is None
    assert await store.made(name(3)) is None


@pytest.mark.parametrize("version", [2, 3])
async def test_another_version_is_not_deleted(store, version):
    await store.insert(row())
    assert not await store.delete(row(version=version))
    assert await store.rows() == (row(),)


async def test_what_is_not_there_is_not_deleted(store):
    assert not await store.delete(row())
    await store.insert(row())
    assert await store.delete(row())
    assert not await store.delete(row())


async def test_deleting_leaves_the_others(store):
    rows = [await store.insert(row(n, remote=name(4))) for n in (1, 2, 3)]
    assert await store.delete(rows[1])
    assert await store.rows() == (rows[0], rows[2])
    assert await store.made(name(4)) in (rows[0], rows[2])


# Latest and made


async def test_latest_is_the_highest_generation(store):
    for generation in (2, 10, 9, 1):
        await store.insert(row(generation=generation, created_at=float(-generation)))
    assert (await store.latest(name(1))).generation == 10
    assert await store.delete(row(generation=10))
    assert (await store.latest(name(1))).generation == 9


async def test_latest_knows_one_series_from_another(store):
    await store.insert(row(1, generation=3))
    await store.insert(row(2, generation=5))
    assert (await store.latest(name(1))).generation == 3
    assert (await store.latest(name(2))).generation == 5
    assert await store.latest(name(3)) is None


async def test_made_finds_by_what_the_server_made(store):
    await store.insert(row(1))
    kept = await store.insert(row(2, remote=name(8)))
    assert await store.made(name(8)) == kept
    assert await store.made(name(9)) is None


async def test_made_follows_what_is_written(store):
    first = await store.insert(row())
    second = first.next(is_open=False, remote=name(8), data=b"")
    assert await store.replace(second)
    assert await store.made(name(8)) == second
    third = second.next(is_open=False, remote=name(9), data=b"")
    assert await store.replace(third)
    assert await store.made(name(8)) is None
    assert await store.made(name(9)) == third
    assert await store.replace(third.next(is_open=True, remote=None, data=b""))
    assert await store.made(name(9)) is None


async def test_two_rows_may_stand_for_the_same(store):
    one = await store.insert(row(1, remote=name(8)))
    other = await store.insert(row(2, remote=name(8)))
    assert await store.made(name(8)) in (one, other)
    assert await store.delete(one)
    assert await store.made(name(8)) == other


# Rows


async def test_rows_are_in_the_order_of_their_places(store):
    moments = [3.0, 1.0, 2.0, 1.0, 10.0, -1.0, 2.5]
    rows = [row(9 - n, created_at=at) for n, at in enumerate(moments)]
    rows += [row(2, generation=g, created_at=1.0) for g in (12, 2, 3)]
    random.Random(1).shuffle(rows)
    for each in rows:
        await store.insert(each)
    expected = sorted(rows, key=place_of)
    assert list(await store.rows()) == expected
    assert await everything(store) == expected


async def test_rows_begin_behind_a_place(store):
    rows = [await store.insert(row(n, created_at=float(n // 3))) for n in range(10)]
    for number, each in enumerate(rows):
        assert list(await store.rows(after=place_of(each))) == rows[number + 1 :]


async def test_the_place_need_not_be_that_of_a_row(store):
    rows = [await store.insert(row(n, created_at=float(n))) for n in range(4)]
    assert list(await store.rows(after=(1.5, name(0), 1))) == rows[2:]
    assert list(await store.rows(after=(2.0, name(1), 1))) == rows[2:]
    assert list(await store.rows(after=(2.0, name(3), 1))) == rows[3:]
    assert await store.rows(after=(9.0, name(0), 1)) == ()


async def test_rows_end_at_the_limit(store):
    rows = [await store.insert(row(n, created_at=float(n))) for n in range(5)]
    assert list(await store.rows(limit=2)) == rows[:2]
    assert list(await store.rows(limit=2, after=place_of(rows[1]))) == rows[2:4]
    assert list(await store.rows(limit=5)) == rows
    assert await store.rows(limit=0) == ()


async def test_open_rows_alone(store):
    rows = [row(n, created_at=float(n), is_open=n % 3 == 0) for n in range(12)]
    for each in rows:
        await store.insert(each)
    expected = [each for each in rows if each.is_open]
    assert list(await store.rows(open_only=True)) == expected
    assert await everything(store, open_only=True) == expected
    assert list(await store.rows(open_only=True, after=place_of(rows[1]), limit=2)) == expected[1:3]


async def test_a_full_page_is_five_hundred(store):
    await asyncio.gather(*(store.insert(row(n, created_at=float(n))) for n in range(501)))
    assert len(await store.rows()) == 500
    assert len(await store.rows(limit=1000)) == 501


async def test_rows_are_read_while_others_are_written(store, another):
    for number in range(40):
        await store.insert(row(number, created_at=float(number)))

    async def write():
        for number in range(40, 80):
            await another.insert(row(number, created_at=float(number)))

    writing = asyncio.ensure_future(write())
    seen = [each.series for each in await everything(store)]
    await writing
    assert seen[:40] == [name(number) for number in range(40)]
    assert len(set(seen)) == len(seen)


# Many at once


async def test_of_many_inserts_one_wins(store, another):
    tried = [row(data=str(n).encode()) for n in range(40)]
    found = await asyncio.gather(*((store, another)[n % 2].insert(r) for n, r in enumerate(tried)))
    assert len(set(found)) == 1
    assert found[0] in tried
    assert await store.rows() == (found[0],)


async def test_of_many_that_replace_one_wins(store, another):
    kept = await store.insert(row())
    tried = [kept.next(is_open=True, remote=None, data=str(n).encode()) for n in range(40)]
    won = await asyncio.gather(*((store, another)[n % 2].replace(r) for n, r in enumerate(tried)))
    assert won.count(True) == 1
    assert await store.rows() == (tried[won.index(True)],)


async def test_of_a_replacement_and_a_deletion_one_wins(store, another):
    for number in range(10):
        kept = await store.insert(row(number))
        new = kept.next(is_open=False, remote=None, data=b"new")
        won = await asyncio.gather(store.replace(new), another.delete(kept))
        assert won.count(True) == 1
        assert await store.latest(name(number)) == (new if won[0] else None)


async def test_no_write_is_lost_among_many_that_look_again(store, another):
    await store.insert(row(data=b"0"))

    async def count(mine):
        for _ in range(10):
            while True:
                there = await mine.latest(name(1))
                more = str(int(there.data) + 1).encode()
                if await mine.replace(there.next(is_open=True, remote=None, data=more)):
                    break

    await asyncio.gather(*(count((store, another)[n % 2]) for n in range(6)))
    assert (await store.latest(name(1))).data == b"60"
    assert (await store.latest(name(1))).version == 61


async def test_what_one_has_written_the_other_reads(store, another):
    for number in range(20):
        kept = await store.insert(row(number))
        assert await another.latest(name(number)) == kept
        assert await another.replace(kept.next(is_open=False, remote=name(number), data=b""))
        assert (await store.made(name(number))).version == 2


async def test_a_write_goes_on_when_nobody_waits_for_it_any_more(store):
    for number in range(20):
        task = asyncio.ensure_future(store.insert(row(number)))
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):  # in memory it is done already
            await task
    # What is asked for later is done later.
    last = row(99)
    assert await store.insert(last) == last
    written = await _until(store, 21)
    assert [each.series for each in written] == [*(name(n) for n in range(20)), name(99)]


async def _until(store, count):
    """Read rows until there are as many."""
    for _ in range(10_000):
        found = await store.rows()
        if len(found) == count:
            return found
        await asyncio.sleep(0)
    raise AssertionError(len(found))


async def test_a_cancelled_wait_harms_no_other(store):
    tasks = [asyncio.ensure_future(store.insert(row(n))) for n in range(30)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert done[1::2] == [row(n) for n in range(1, 30, 2)]
    assert len(await _until(store, 30)) == 30


# Against a model

SERIES = st.integers(1, 3)
GENERATIONS = st.integers(1, 3)
MOMENTS = st.sampled_from([1.0, 1.5, 2.0])
REMOTES = st.sampled_from([None, name(1), name(2)])


class Machine(RuleBasedStateMachine):
    """Does the same to a store and to a dictionary."""

    opening: stores.Opening

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.model: dict[tuple[str, int], Row] = {}
        self.store = self.opening()
        self.run(self.store.open())

    def run(self, work):
        return self.loop.run_until_complete(work)

    def teardown(self):
        self.run(self.store.close())
        self.loop.close()

    @initialize()
    def begin_empty(self):
        for each in self.run(everything(self.store)):
            assert self.run(self.store.delete(each))

    @rule(series=SERIES, generation=GENERATIONS, at=MOMENTS, is_open=st.booleans(), remote=REMOTES)
    def insert(self, series, generation, at, is_open, remote):
        new = row(series, generation, created_at=at, is_open=is_open, remote=remote)
        there = self.model.setdefault((new.series, generation), new)
        assert self.run(self.store.insert(new)) == there

    @rule(
        series=SERIES,
        generation=GENERATIONS,
        lag=st.integers(-1, 1),
        changes=st.fixed_dictionaries(
            {"is_open": st.booleans(), "remote": REMOTES, "data": st.binary(max_size=40)}
        ),
    )
    def replace(self, series, generation, lag, changes):
        there = self.model.get((name(series), generation)) or row(series, generation)
        new = attrs.evolve(there, version=there.version + 1 + lag, **changes)
        fits = lag == 0 and (new.series, generation) in self.model
        assert self.run(self.store.replace(new)) is fits
        if fits:
            self.model[new.series, generation] = new

    @rule(series=SERIES, generation=GENERATIONS, lag=st.integers(0, 1))
    def delete(self, series, generation, lag):
        there = self.model.get((name(series), generation)) or row(series, generation)
        fits = lag == 0 and (there.series, generation) in self.model
        given_row = attrs.evolve(there, version=there.version + lag)
        assert self.run(self.store.delete(given_row)) is fits
        if fits:
            del self.model[there.series, generation]

    @rule()
    def reopen(self):
        self.run(self.store.close())
        self.store = self.opening()
        self.run(self.store.open())

    @invariant()
    def holds_the_same(self):
        kept = sorted(self.model.values(), key=place_of)
        assert list(self.run(self.store.rows())) == kept
        assert list(self.run(self.store.rows(open_only=True))) == [r for r in kept if r.is_open]
        for number in (1, 2, 3):
            of_series = [r for r in kept if r.series == name(number)]
            newest = max(of_series, key=lambda r: r.generation, default=None)
            assert self.run(self.store.latest(name(number))) == newest
        for number in (1, 2):
            standing = [r for r in kept if r.remote == name(number)]
            found = self.run(self.store.made(name(number)))
            assert found in standing if standing else found is None


def test_it_does_what_a_dictionary_does(opening):
    class Here(Machine):
        pass

    Here.opening = staticmethod(opening)
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
