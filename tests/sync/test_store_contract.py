"""What every store of a replica promises, on each of them."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from eguma_async import ReplicaBusyError, ReplicaError
from eguma_async.sync import Batch, ChangeKind, Checkpoint, Record, Window


def record(id_: str = "a", at: float | None = 100.0, data: bytes = b'{"v":1}', **changes) -> Record:
    values = {"id": id_, "number": f"n-{id_}", "earliest": at, "latest": at, "data": data}
    return Record(**{**values, **changes})


class Syncer:
    """Writes as one that has begun."""

    def __init__(self, store, owner="me", lease=60.0):
        self.store, self.owner, self.lease, self.version = store, owner, lease, 0

    async def begin(self, now=1000.0):
        state = await self.store.begin("it", self.owner, now=now, lease=self.lease)
        self.version = state.version
        return state

    async def write(self, *records, covered=None, now=1000.0, **options):
        batch = Batch(
            owner=self.owner,
            version=self.version,
            now=now,
            lease=self.lease,
            records=records,
            checkpoint=None if covered is None else Checkpoint(covered=covered),
            **options,
        )
        written = await self.store.write(batch)
        self.version = written.version
        return written


@pytest.fixture
async def syncer(store):
    made = Syncer(store)
    await made.begin()
    return made


async def kept(store):
    return {each.record.id: each for each in await store.page()}


# Records


async def test_what_is_written_comes_back_byte_for_byte(syncer, store):
    strange = bytes(range(256))
    given = [
        record("a"),
        record("b", None, strange, number=None, is_final=True),
        record("c", 5.25, latest=3605.25),
        record("?x", None, b"", problems=("p @ $", "é"), found=Window(start=None, end=7.5)),
    ]
    written = await syncer.write(*given)
    assert [each.record for each in written.changed] == given
    found = await kept(store)
    assert list(found) == ["?x", "a", "b", "c"]
    assert [found[each.id].record for each in given] == given
    assert [found[each.id].revision for each in given] == [1, 2, 3, 4]
    assert {each.kind for each in found.values()} == {ChangeKind.NEW}


async def test_a_batch_outlives_the_store(opening):
    store = opening()
    await store.open()
    syncer = Syncer(store)
    await syncer.begin()
    await syncer.write(record(), covered=7.0)
    await store.close()
    again = opening()
    await again.open()
    assert [each.record for each in await again.page()] == [record()]
    state = await Syncer(again).begin()
    assert state.checkpoints == (Checkpoint(covered=7.0),)
    await again.close()


async def test_the_higher_time_of_change_wins_in_whichever_order(syncer, store):
    new, old = record(at=200.0, data=b'{"v":2}'), record(at=100.0)
    for first, second in ((old, new), (new, old)):
        await syncer.write(attrs.evolve(first, id=first.data.decode()), first, second)
        assert (await store.get("a")).record == new


async def test_at_the_same_time_the_later_reading_wins_and_is_told(syncer, store):
    await syncer.write(record())
    written = await syncer.write(record(data=b'{"v":2}'))
    assert [each.kind for each in written.changed] == [ChangeKind.REWRITTEN]
    assert (await store.get("a")).record.data == b'{"v":2}'


async def test_where_times_repeat_the_later_reading_wins(syncer, store):
    first = record(at=3000.0, latest=6600.0)
    later = record(at=600.0, latest=4200.0, data=b'{"v":2}')
    await syncer.write(first)
    written = await syncer.write(later)
    assert [each.kind for each in written.changed] == [ChangeKind.UPDATED]
    assert (await store.get("a")).record == later


async def test_what_says_the_same_changes_nothing(syncer, store):
    await syncer.write(record(data=b'{"a":1,"b":2}'))
    written = await syncer.write(record(data=b'{"b":2,"a":1}'))
    assert (written.changed, written.unchanged) == ((), 1)
    assert (await store.contents()).revision == 1


async def test_kinds_of_changes(syncer):
    end = record(at=200.0, data=b"2", is_final=True)
    kinds = []
    for each in (record(), end, record(at=300.0, data=b"3")):
        kinds += [k.kind for k in (await syncer.write(each)).changed]
    kinds += [k.kind for k in (await syncer.write(missing=["a", "unknown"])).changed]
    kinds += [k.kind for k in (await syncer.write(missing=["a"])).changed]
    kinds += [k.kind for k in (await syncer.write(record(at=300.0, data=b"3"))).changed]
    assert [kind.value for kind in kinds] == ["new", "updated", "reopened", "missing", "found"]


async def test_missing_deletes_nothing_but_what_had_no_id(syncer, store):
    await syncer.write(record(), record("?b", problems=("p",)))
    await syncer.write(missing=["a", "?b"])
    found = await kept(store)
    assert list(found) == ["a"]
    assert found["a"].is_missing
    assert found["a"].record == record()
    written = await syncer.write(record("c"))
    assert written.changed[0].revision == 4  # none is given twice, not that of what is gone either


async def test_many_records_at_once(syncer, store):
    many = [record(f"{n:05}", float(n)) for n in range(1201)]
    written = await syncer.write(*many)
    assert len(written.changed) == 1201
    found, after = [], ""
    while page := await store.page(after):
        after = page[-1].record.id
        found += [each.record for each in page]
    assert found == many
    assert (await syncer.write(*many)).unchanged == 1201


async def test_the_feed_tells_each_record_once_in_the_order_of_changes(syncer, store):
    await syncer.write(record("a"), record("b"))
    await syncer.write(record("a", 200.0, b"2"), record("c"))
    feed = await store.changes()
    assert [(k.record.id, k.revision, k.first_revision) for k in feed] == [
        ("b", 2, 2),
        ("a", 3, 1),
        ("c", 4, 4),
    ]
    assert [k.record.id for k in await store.changes(2, limit=1)] == ["a"]
    assert await store.changes(4) == ()


async def test_known_are_those_that_surely_lie_within(syncer, store):
    await syncer.write(
        record("in", 100.0),
        record("end", 200.0),
        record("before", 99.0),
        record("two", 150.0, latest=3750.0),
        record("gone", 150.0),
        record("unknown", None),
        missing=["gone"],
    )
    assert await store.known(100.0, 200.0) == ("in",)


async def test_found_by_id_and_by_number(syncer, store):
    await syncer.write(record("a"), record("n-a", number="other"))
    assert (await store.get("n-a")).record.id == "n-a"
    assert (await store.get("other")).record.id == "n-a"
    assert (await store.get("a")).record.id == "a"
    assert await store.get("b") is None


async def test_what_cannot_be_read_is_asked_for_less_and_less_often(syncer, store):
    broken = record(problems=("p",))
    waits = []
    for _ in range(4):
        await syncer.write(broken, now=1000.0)
        (found,) = await store.due(1e9)
        waits.append(found.ask_at - 1000.0)
    assert waits == [120.0, 240.0, 480.0, 960.0]
    assert await store.due(1959.0) == ()
    await syncer.write(record())
    assert await store.due(1e12) == ()


async def test_contents_are_counted(syncer, store):
    await syncer.write(record("a"), record("b", problems=("p",)), record("c"), missing=["c"])
    await syncer.write(covered=5.0)
    found = await store.contents()
    assert (found.records, found.unreadable, found.missing, found.revision) == (3, 1, 1, 4)
    assert found.checkpoint == Checkpoint(covered=5.0)


async def test_erased_content_does_not_come_back(syncer, store):
    await syncer.write(record("a"), record("b"))
    assert await store.erase(["a", "a", "unknown"]) == 1
    assert await store.erase(["a"]) == 0
    await syncer.write(record("a", 900.0, b"again"), missing=["a"])
    left = await store.get("a")
    assert (left.kind, left.record) == (ChangeKind.ERASED, Record(id="a", data=b""))
    assert (await store.get("b")).record == record("b")
    assert [k.record.id for k in await store.changes(2)] == ["a"]


# Checkpoints and turns


async def test_checkpoints_are_kept_the_newest_first(syncer):
    for number in range(30):
        await syncer.write(covered=float(number), is_anchor=number % 10 == 0)
    state = await syncer.begin()
    assert [each.covered for each in state.checkpoints] == [*range(29, 21, -1), 20, 10, 0]
    assert (state.version, state.damaged) == (30, 0)


async def test_one_writes_at_a_time(store, another, syncer):
    other = Syncer(another, "other")
    with pytest.raises(ReplicaBusyError, match="60 seconds"):
        await other.begin()
    await store.end("nobody")
    with pytest.raises(ReplicaBusyError):
        await other.begin()
    await store.end("me")
    assert (await other.begin()).version == 0


async def test_who_was_overtaken_writes_nothing(store, another, syncer):
    await syncer.write(record("a"), covered=1.0)
    await store.end("me")
    other = Syncer(another, "other")
    await other.begin()
    await other.write(record("b"), covered=2.0)
    with pytest.raises(ReplicaBusyError):
        await syncer.write(record("c"), covered=3.0)
    assert list(await kept(store)) == ["a", "b"]
    await store.end("other")
    assert (await syncer.begin()).checkpoints[0] == Checkpoint(covered=2.0)


async def test_who_lost_its_turn_writes_nothing_before_the_other_has_written(
    store, another, syncer
):
    await store.end("me")
    other = Syncer(another, "other")
    await other.begin()
    with pytest.raises(ReplicaBusyError, match="60 seconds"):
        await syncer.write(record("a"))
    assert await kept(store) == {}
    await other.write(record("b"), covered=1.0)


async def test_of_many_that_write_at_once_one_does(opening):
    made = [Syncer(opening(), "me") for _ in range(6)]
    await asyncio.gather(*(each.store.open() for each in made))
    await asyncio.gather(*(each.begin() for each in made))
    tried = (each.write(record(f"{n}"), covered=1.0) for n, each in enumerate(made))
    done = await asyncio.gather(*tried, return_exceptions=True)
    assert sum(isinstance(each, ReplicaBusyError) for each in done) == 5
    assert len(await kept(made[0].store)) == 1
    await asyncio.gather(*(each.store.close() for each in made))


async def test_a_copy_of_something_else_is_refused(store, syncer):
    await store.end("me")
    with pytest.raises(ReplicaError, match="copy of it, not of others"):
        await store.begin("others", "me", now=1000.0, lease=60.0)


async def test_it_is_opened_and_closed_as_often_as_one_likes(opening):
    store = opening()
    for _ in range(2):
        await asyncio.gather(store.open(), store.open())
        assert (await store.contents()).records == 0
        await store.close()
        await store.close()
    assert store.describe()
    assert "secret" not in repr(store)


async def test_a_server_that_insists_on_an_earlier_time_is_believed(syncer, store):
    new, old = record(at=4e9, data=b'{"v":1}'), record(at=100.0, data=b'{"v":2}')
    await syncer.write(new)
    for _ in range(5):  # now and then a cache is behind
        await syncer.write(old)
        assert (await store.get("a")).record == new
        await syncer.write(new)
    assert not (await syncer.write(old)).changed
    assert not (await syncer.write(old)).changed
    written = await syncer.write(old)
    assert [each.kind for each in written.changed] == [ChangeKind.UPDATED]
    assert (await store.get("a")).record == old
