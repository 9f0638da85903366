"""What an observer is told of the entries of a journal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from eguma_async import AsyncSession, Customer, MemoryTransport, TicketItem
from eguma_async.core.errors import EgumaError, JournalError, OutcomeUnknownError
from eguma_async.core.hooks import EntryRecovered, EntryWritten, Observer
from eguma_async.core.journal import State
from eguma_async.journal.journal import Journal
from eguma_async.journal.stores.memory import MemoryStore
from eguma_async.testing import FakeClock, json_reply
from tests.support.calls import BOOKED

SLOT: dict[str, Any] = {
    "product_id": "p1",
    "starts_at": datetime(2026, 3, 19, 10, 0),
    "items": (TicketItem("adult", 2),),
    "customer": Customer("Canary-Ada", "Canary-Lovelace", "canary@example.com"),
    "client_ref": "canary-reference",
}


class Hearing(Observer):
    """Keeps what it is told of entries."""

    def __init__(self):
        self.events = []

    def entry_written(self, entry, /):
        self.events.append(entry)

    def entry_recovered(self, entry, /):
        self.events.append(entry)

    def written(self):
        return [(e.kind, e.state, e.done, e.error) for e in self.events]


class SlowStore(MemoryStore):
    """Takes a quarter of a second by the clock for each write; may fail."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock
        self.fails = 0

    async def insert(self, row):
        self.clock.advance(0.25)
        return await super().insert(row)

    async def replace(self, row):
        self.clock.advance(0.25)
        if self.fails:
            self.fails -= 1
            raise JournalError("the disk is full")
        return await super().replace(row)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(clock):
    return SlowStore(clock)


def session_on(store, answer, heard):
    async def answered(request):
        if isinstance(answer, Exception):
            raise answer
        return answer

    return AsyncSession(
        "key",
        transport=MemoryTransport(answered),
        clock=store.clock,
        journal=Journal(store),
        observer=heard,
        random=lambda: 0.5,
    )


async def test_each_write_with_the_time_it_took(store):
    heard = Hearing()
    async with session_on(store, json_reply(BOOKED), heard) as session:
        await session.ticketing.bookings.create(**SLOT)
    common: dict[str, Any] = {
        "provider": "e-guma",
        "kind": "booking",
        "seconds": 0.25,
        "done": True,
        "error": None,
    }
    assert heard.events == [
        EntryWritten(state=State.INFLIGHT, **common),
        EntryWritten(state=State.CONFIRMED, **common),
    ]
    assert "canary" not in repr(heard.events).lower()


async def test_a_write_that_fails(store):
    heard = Hearing()
    store.fails = 1
    async with session_on(store, json_reply(BOOKED), heard) as session:
        assert not (await session.ticketing.bookings.create(**SLOT)).persisted
    assert heard.written() == [
        ("booking", State.INFLIGHT, True, None),
        ("booking", State.CONFIRMED, False, "JournalError"),
    ]


async def test_what_a_recovery_finds(store):
    heard = Hearing()
    lost = OutcomeUnknownError("lost")
    async with session_on(store, lost, heard) as session:
        with pytest.raises(EgumaError):
            await session.ticketing.bookings.create(**SLOT)
    heard.events.clear()
    async with session_on(store, lost, heard) as session:
        await session.ticketing.bookings.recover(wait=False)
    assert heard.events[-1] == EntryRecovered(
        provider="e-guma", kind="booking", state=State.INFLIGHT, error="OutcomeUnknownError"
    )
    async with session_on(store, json_reply(BOOKED), heard) as session:
        await session.ticketing.bookings.recover(wait=False)
    assert heard.events[-1] == EntryRecovered(
        provider="e-guma", kind="booking", state=State.CONFIRMED, error=None
    )


async def test_an_observer_that_fails_harms_nothing(store, caplog):
    class Broken(Observer):
        def entry_written(self, entry, /):
            raise ZeroDivisionError

    async with session_on(store, json_reply(BOOKED), Broken()) as session:
        assert (await session.ticketing.bookings.create(**SLOT)).persisted
    assert [r.getMessage() for r in caplog.records] == ["the observer failed; the call goes on"] * 2
