"""What a journal holds, as an operator sees it: what is damaged, locked, resolved, erased, pruned."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from datetime import timedelta
from typing import Any, cast

import attrs
import keyring
import pytest
from keyring.backend import KeyringBackend

from eguma_async import (
    ClientRefConflictError,
    ConfigurationError,
    InvalidRequestError,
    JournalCorruptError,
    JournalError,
    MemoryJournal,
    OutcomeUnknownError,
    SQLiteJournal,
    State,
)
from eguma_async.journal import JournalRules, key_from_keyring
from eguma_async.journal.journal import Journal
from eguma_async.journal.line import Script
from eguma_async.journal.sealing import Sealer
from eguma_async.journal.stores.memory import MemoryStore
from eguma_async.sandbox import Reply

REF = "order-4711"
KEY = base64.b64encode(b"canary-journal-key-0123456789abc").decode()
OTHER_KEY = base64.b64encode(b"x" * 32).decode()


async def crashed(world, **options):
    async with world.process(dies="after", **options) as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    world.sandbox.clock.advance(minutes=2)


async def damage(world, change):
    (row,) = await world.store.rows()
    await world.store.delete(row)
    await world.store.insert(change(row))


DAMAGES = {
    "a bit of the content": lambda r: attrs.evolve(
        r, data=r.data[:-9] + bytes([r.data[-9] ^ 1]) + r.data[-8:]
    ),
    "the check": lambda r: attrs.evolve(r, data=bytes([r.data[0] ^ 1]) + r.data[1:]),
    "nothing left": lambda r: attrs.evolve(r, data=b""),
    "an older version put back": lambda r: attrs.evolve(r, version=r.version + 1),
    "what it stands for": lambda r: attrs.evolve(r, remote="f" * 64),
}


@pytest.mark.parametrize("change", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_entry_is_never_sent_and_hides_no_other(world, change):
    await crashed(world)
    await damage(world, change)
    async with world.process() as session:
        with pytest.raises(JournalCorruptError):
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
        await session.ticketing.bookings.create(**world.slot(), client_ref="another")
        recovery = await session.ticketing.bookings.recover()
    (damaged,) = recovery.entries
    assert damaged.entry.state is State.QUARANTINED
    assert isinstance(damaged.error, JournalCorruptError)
    assert len(world.posts) == 2


async def test_a_damaged_entry_is_resolved_by_hand(world):
    await crashed(world)
    await damage(world, DAMAGES["a bit of the content"])
    async with Journal(world.store) as journal:
        (entry,) = [entry async for entry in journal.entries(open_only=True)]
        resolved = await journal.resolve(
            entry.client_ref, State.CONFIRMED, result={"booking_id": "b1"}
        )
        assert resolved.state is State.CONFIRMED
        assert [e async for e in journal.entries(open_only=True)] == []
    async with world.process() as session:
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert booking.booking_id == "b1"
    assert len(world.posts) == 1


async def test_an_entry_is_resolved_as_confirmed_and_gives_the_booking(world):
    await crashed(world)
    async with Journal(world.store, clock=world.sandbox.clock) as journal:
        entry = await journal.resolve(
            REF, State.CONFIRMED, result={"booking_id": "b1", "booking_reference": "1000"}
        )
    assert entry.reason == "resolved"
    async with world.process() as session:
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert (booking.booking_id, booking.booking_reference, booking.tickets) == ("b1", "1000", ())


async def test_an_entry_that_is_resolved_as_absent_can_be_asked_for_anew(world):
    await crashed(world)
    async with Journal(world.store, clock=world.sandbox.clock) as journal:
        await journal.resolve(REF, State.ABSENT, kind="booking")
    async with world.process() as session:
        booking = await session.ticketing.bookings.create(
            **world.slot(), client_ref=REF, new_generation=True
        )
    assert not booking.replayed


async def test_what_is_worked_on_or_ended_is_not_resolved(world):
    async with world.process(dies="after") as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    async with Journal(world.store, clock=world.sandbox.clock) as journal:
        with pytest.raises(JournalError, match="works on it"):
            await journal.resolve(REF, State.ABSENT)
        world.sandbox.clock.advance(minutes=2)
        await journal.resolve(REF, State.ABSENT)
        with pytest.raises(JournalError, match="known already"):
            await journal.resolve(REF, State.CONFIRMED)
        with pytest.raises(ConfigurationError, match="resolved as one of"):
            await journal.resolve(REF, State.INFLIGHT)
        with pytest.raises(ConfigurationError, match="no such entry"):
            await journal.resolve("unknown", State.ABSENT)


async def test_a_person_has_to_look_where_two_orders_may_be_it(world):
    async with world.process() as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref="first")
        await session.ticketing.bookings.create(**world.slot(), client_ref="second")
    world.store = MemoryStore()
    await crashed(world)
    world.sandbox.clock.advance(hours=1)
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
        assert found.entry.state is State.NEEDS_OPERATOR
        assert found.entry.reason == "ambiguous"
        assert set(found.entry.candidates) == {order.id for order in world.sandbox.bookings()}
        (again,) = (await session.ticketing.bookings.recover()).entries
        assert isinstance(again.error, OutcomeUnknownError)
        with pytest.raises(OutcomeUnknownError, match="a person"):
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert len(world.posts) == 3


async def test_orders_that_other_entries_stand_for_are_not_taken_for_it(world):
    async with world.process() as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref="first")
        await session.ticketing.bookings.create(**world.slot(), client_ref="second")
    await crashed(world)
    world.sandbox.clock.advance(hours=1)
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.state is State.CONFIRMED
    assert found.value.booking_id == world.sandbox.bookings()[-1].id


async def test_erasing_leaves_the_fact_alone(world):
    async with world.process() as session:
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    async with Journal(world.store) as journal:
        entry = await journal.erase(REF)
    assert (entry.state, entry.result) == (State.CONFIRMED, None)
    (row,) = await world.store.rows()
    assert booking.tickets[0].ticket_number.encode() not in row.data
    async with world.process() as session:
        with pytest.raises(JournalError, match="erased"):
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert len(world.posts) == 1


async def test_erasing_forgets_all_generations(world):
    async with world.process() as session:
        first = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
        await session.ticketing.bookings.cancel(first.booking_id)
        await session.ticketing.bookings.create(**world.slot(), client_ref=REF, new_generation=True)
    async with Journal(world.store) as journal:
        entry = await journal.erase(REF)
    assert (entry.generation, entry.result) == (2, None)
    bookings = [e for e in await world.entries() if e.kind == "booking"]
    assert [(e.generation, e.result) for e in bookings] == [(1, None), (2, None)]


async def test_what_is_open_is_not_erased(world):
    await crashed(world)
    async with Journal(world.store) as journal:
        with pytest.raises(JournalError, match="not known yet"):
            await journal.erase(REF)


async def test_pruning_removes_what_has_ended_long_ago_and_nothing_else(world):
    await crashed(world)
    async with world.process() as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref="ended")
        world.sandbox.clock.advance(days=5)
        later = world.slot(label="unlimited", days=10)
        await session.ticketing.bookings.create(**later, client_ref="young")
    async with Journal(world.store, clock=world.sandbox.clock) as journal:
        with pytest.raises(ConfigurationError, match="4 days"):
            await journal.prune(older_than=timedelta(days=3))
        with pytest.raises(ConfigurationError, match="timedelta"):
            await journal.prune(older_than=cast("Any", 30))
        assert await journal.prune(older_than=timedelta(days=4)) == 1
    assert [entry.client_ref for entry in await world.entries()] == [REF, "young"]


async def test_what_was_asked_for_again_lately_is_not_pruned(world):
    unauthorized = Reply(401, body='{"error_code": "unauthorized"}', path="*/booking.json")
    world.sandbox.faults.add(unauthorized)
    later = world.slot(label="unlimited", days=10)
    async with world.process() as session:
        with pytest.raises(Exception, match="401"):
            await session.ticketing.bookings.create(**later, client_ref=REF)
        world.sandbox.clock.advance(days=5)
        await session.ticketing.bookings.create(**later, client_ref=REF)
    async with Journal(world.store, clock=world.sandbox.clock) as journal:
        assert await journal.prune(older_than=timedelta(days=4)) == 0
        world.sandbox.clock.advance(days=5)
        assert await journal.prune(older_than=timedelta(days=4)) == 1


async def test_a_conflict_is_pickled_without_the_tickets(world):
    async with world.process() as session:
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
        with pytest.raises(ClientRefConflictError) as caught:
            await session.ticketing.bookings.create(**world.slot(quantity=1), client_ref=REF)
    entry = caught.value.entry
    assert entry is not None
    assert entry.result is not None
    written = pickle.dumps(caught.value)
    assert booking.tickets[0].ticket_number.encode() not in written
    assert pickle.loads(written).entry == attrs.evolve(entry, result=None)


@pytest.mark.parametrize("code", ["canary@example.com wrote this", "x" * 65])
async def test_words_in_the_place_of_a_code_are_not_kept(world, code):
    answer = json.dumps({"error_code": code, "message": "no"})
    world.sandbox.faults.add(Reply(400, body=answer, path="*/booking.json"))
    async with world.process() as session:
        with pytest.raises(InvalidRequestError):
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    (row,) = await world.store.rows()
    assert code.encode() not in row.data


WRONG_RULES = {
    "resend_window": timedelta(hours=73),
    "verify_window": 30,
    "book_by": timedelta(0),
    "lease": timedelta(hours=2),
    "settle": timedelta(seconds=-1),
    "any_credentials": "yes",
}


@pytest.mark.parametrize("name", WRONG_RULES)
def test_rules_that_would_lose_or_double_something_are_refused(name):
    with pytest.raises(ConfigurationError, match=name):
        JournalRules(**cast("Any", {name: WRONG_RULES[name]}))


def test_rules_that_are_none_are_refused():
    with pytest.raises(ConfigurationError, match="JournalRules"):
        MemoryJournal(rules=cast("Any", timedelta(hours=1)))


# Encryption


async def test_with_a_key_nothing_of_the_customer_is_readable(world):
    await crashed(world, key=KEY)
    (row,) = await world.store.rows()
    assert b"Canary" not in row.data
    assert b"canary" not in row.data
    async with world.process(key=KEY) as session:
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    (row,) = await world.store.rows()
    assert booking.tickets[0].ticket_number.encode() not in row.data
    async with world.process(key=[OTHER_KEY, KEY]) as session:  # rotated: both open it
        again = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert again.tickets == booking.tickets


@pytest.mark.parametrize("key", ["", OTHER_KEY], ids=["none", "another"])
async def test_without_its_key_an_entry_is_neither_sent_nor_dropped(world, key):
    await crashed(world, key=KEY)
    async with world.process(key=key) as session:
        with pytest.raises(JournalError, match="key"):
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
        (found,) = (await session.ticketing.bookings.recover()).entries
        assert found.entry.locked
        assert found.entry.advice == "give the journal its key"
        assert isinstance(found.error, JournalError)
    assert len(world.posts) == 1
    async with world.process(key=KEY) as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.state is State.CONFIRMED


@pytest.mark.parametrize("key", ["short", b"short", "é" * 44, 7], ids=repr)
def test_a_key_that_is_none_is_refused_without_showing_it(key):
    with pytest.raises(ConfigurationError, match="32 bytes") as caught:
        MemoryJournal(key=[key])
    assert str(key) not in str(caught.value) or key == 7


def test_keys_are_shown_nowhere():
    journal = MemoryJournal(key=KEY)
    assert "canary" not in repr(journal)
    assert "canary" not in repr(vars(journal))
    for way in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            way(journal._records._sealer)


# Whose it is


async def test_another_environment_is_another_world(world):
    await crashed(world)
    async with world.process() as session:
        session._durable._wire.environment = "https://elsewhere.example"
        recovery = await session.ticketing.bookings.recover()
    assert (recovery.entries, recovery.others) == ((), 1)
    assert len(world.posts) == 1


async def test_other_credentials_do_not_go_on_unless_somebody_vouches_for_them(world):
    await crashed(world)
    new = world.new_key()
    async with world.process(api_key=new) as session:
        recovery = await session.ticketing.bookings.recover()
        assert (recovery.entries, recovery.others) == ((), 1)
        with pytest.raises(ClientRefConflictError, match="other credentials"):
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert len(world.posts) == 1
    async with world.process(api_key=new, any_credentials=True) as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.state is State.CONFIRMED
    assert len(world.sandbox.bookings()) == 1


async def test_under_a_named_account_any_credentials_go_on(world):
    await crashed(world, account="zoo")
    async with world.process(api_key=world.new_key(), account="zoo") as session:
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert booking.replayed
    async with world.process(account="museum") as session:
        recovery = await session.ticketing.bookings.recover()
    assert recovery.entries == ()


# Clocks


@pytest.mark.parametrize("days", [-1, -3650], ids=str)
async def test_a_clock_that_was_set_back_sends_nothing_again(world, days):
    await crashed(world)
    world.sandbox.clock.set(world.sandbox.clock.now() + timedelta(days=days, hours=1))
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.state in (State.CONFIRMED, State.NEEDS_OPERATOR)
    assert len(world.posts) == 1


async def test_a_clock_that_jumped_ahead_sends_nothing_again(world):
    await crashed(world)
    world.sandbox.clock.set(world.sandbox.clock.now() + timedelta(days=10))
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.state is State.CONFIRMED
    assert len(world.posts) == 1


async def test_journals_refuse_what_makes_no_sense():
    with pytest.raises(ConfigurationError, match="account"):
        MemoryJournal(account="a\nb")
    with pytest.raises(ConfigurationError, match="MemoryJournal"):
        SQLiteJournal(":memory:")
    journal = MemoryJournal()
    with pytest.raises(JournalError, match="not open"):
        [entry async for entry in journal.entries()]


async def test_a_refusal_under_a_new_reference_says_nothing_of_the_old(world):
    async with world.process() as session:
        create = session.ticketing.bookings.create
        with pytest.raises(InvalidRequestError):
            await create(**{**world.slot(), "language": "xx"}, client_ref="bad")
        world.sandbox.clock.advance(seconds=1)
        await create(**world.slot(), client_ref=REF)
    assert [e.state for e in await world.entries()] == [State.REJECTED, State.CONFIRMED]


class Ring(KeyringBackend):
    """The system's keyring, in memory."""

    priority = 1

    def get_password(self, service, username):
        return KEY if (service, username) == ("shop", "journal") else None

    def set_password(self, service, username, password):
        raise AssertionError("nothing is stored")

    def delete_password(self, service, username):
        raise AssertionError("nothing is deleted")


async def test_the_key_may_come_from_the_keyring_of_the_system(world):
    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    try:
        await crashed(world, key=key_from_keyring("shop", "journal"))
        with pytest.raises(ConfigurationError, match="has nothing for 'shop'"):
            key_from_keyring("shop", "other")
    finally:
        keyring.set_keyring(before)
    async with world.process(key=KEY) as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.state is State.CONFIRMED


async def test_whoever_can_write_to_the_store_but_has_no_key_can_forge_nothing(world):
    await crashed(world, key=KEY)
    (there,) = await world.store.rows()
    sealed = Script(await world.store.secret(), Sealer([base64.b64decode(KEY)]))
    line = sealed.line(there)
    assert line is not None
    assert line.body is not None
    plain = Script(await world.store.secret(), Sealer())
    forged = attrs.evolve(line, body=line.body.replace(b'"quantity":2', b'"quantity":9'))
    assert forged.body != line.body
    assert await world.store.replace(plain.next(forged, there, None))
    async with world.process(key=KEY) as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.locked
    assert len(world.posts) == 1
    async with world.process(key=[KEY, ""]) as session:  # asked for, as after a time without a key
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert not found.entry.locked


async def test_what_stands_beside_the_encrypted_part_cannot_be_changed_without_the_key(world):
    await crashed(world, key=KEY)
    (there,) = await world.store.rows()
    content = there.data[32:].replace(b'"late":"discover"', b'"late":"confirm"')
    assert content != there.data[32:]
    forger = Script(await world.store.secret(), Sealer())
    changed = attrs.evolve(there, data=forger._check(there, content) + content)
    await world.store.delete(there)
    await world.store.insert(changed)
    async with world.process(key=KEY) as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.state is State.QUARANTINED
    assert len(world.posts) == 1


async def test_a_journal_in_a_file_is_backed_up_while_it_is_in_use(tmp_path):
    async with SQLiteJournal(tmp_path / "bookings.db") as journal:
        await journal.backup(tmp_path / "copy.db")
        with pytest.raises(JournalError, match="there already"):
            await journal.backup(tmp_path / "copy.db")
    async with SQLiteJournal(tmp_path / "copy.db") as copy_of_it:
        assert [entry async for entry in copy_of_it.entries()] == []


async def test_the_key_may_come_from_the_environment(world, monkeypatch):
    monkeypatch.setenv("EGUMA_ASYNC_JOURNAL_KEY", f"{OTHER_KEY}, {KEY}")
    await crashed(world)
    (row,) = await world.store.rows()
    assert b"Canary" not in row.data
    async with world.process(key=OTHER_KEY) as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.state is State.CONFIRMED
