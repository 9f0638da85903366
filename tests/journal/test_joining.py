"""Several who want the same thing at the same time: callers, recoveries, sessions."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from typing import Any

import pytest

from eguma_async import (
    ClientRefConflictError,
    ConfigurationError,
    InvalidRequestError,
    JournalError,
    OutcomeUnknownError,
    RetryPolicy,
    State,
    unknown_outcome,
)
from eguma_async.journal.stores.memory import MemoryStore
from eguma_async.sandbox import DropBefore, Park, Reply

BOOKING = "*/booking.json"
ORDERS = "*/orders.json"
REF = "order-4711"
ONCE = RetryPolicy(attempts=1)


def booked(world, session, **more):
    return session.ticketing.bookings.create(**world.slot(), **{"client_ref": REF, **more})


def refused(code="sold_out"):
    return Reply(400, body=json.dumps({"error_code": code, "message": "no"}), path=BOOKING)


async def verified_later(world, session):
    """Leave a booking that has to be looked for: refused after an attempt that never arrived."""
    world.sandbox.faults.add(DropBefore(path=BOOKING))
    world.sandbox.faults.add(refused())
    with pytest.raises(OutcomeUnknownError):
        await booked(world, session)


async def test_whoever_asks_while_a_recovery_looks_does_not_get_its_nothing(world):
    async with world.process() as session:
        await verified_later(world, session)
        parked = world.sandbox.faults.add(Park(path=ORDERS))
        recovering = asyncio.create_task(session.ticketing.bookings.recover(wait=False))
        await parked.arrived()
        asking = asyncio.create_task(booked(world, session))
        await asyncio.sleep(0)
        parked.release()
        with pytest.raises(OutcomeUnknownError, match="do not show it"):
            await asking
        await recovering


async def test_whoever_asks_while_a_recovery_sends_gets_the_booking(world):
    async with world.process(dies="after") as session:
        await booked(world, session)
    world.sandbox.clock.advance(minutes=2)
    async with world.process() as session:
        parked = world.sandbox.faults.add(Park(path=BOOKING))
        recovering = asyncio.create_task(session.ticketing.bookings.recover())
        await parked.arrived()
        asking = asyncio.create_task(booked(world, session))
        await asyncio.sleep(0)
        parked.release()
        booking = await asking
        await recovering
    assert booking.persisted
    assert booking.booking_id == world.sandbox.bookings()[0].id
    assert len(world.posts) == 2


class SlowToReplace(MemoryStore):
    """A store that tells of the next write of a row only when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on: asyncio.Event | None = None
        self.asked = asyncio.Event()

    async def replace(self, row):
        waiting, self.goes_on = self.goes_on, None
        is_written = await super().replace(row)
        if waiting is not None:
            self.asked.set()
            await waiting.wait()
        return is_written


async def test_a_recovery_leaves_it_to_whoever_asks_while_it_claims(world):
    world.store = SlowToReplace()
    async with world.process(dies="after") as session:
        await booked(world, session)
    world.sandbox.clock.advance(minutes=2)
    async with world.process() as session:
        parked = world.sandbox.faults.add(Park(path=BOOKING))
        world.store.goes_on = goes_on = asyncio.Event()
        recovering = asyncio.create_task(session.ticketing.bookings.recover())
        await world.store.asked.wait()
        asking = asyncio.create_task(booked(world, session))
        await parked.arrived()
        goes_on.set()
        recovery = await recovering
        parked.release()
        booking = await asking
        assert (recovery.entries, recovery.busy) == ((), 1)
        assert booking.persisted
        assert (await session.ticketing.bookings.entry(REF)).state is State.CONFIRMED
    assert len(world.posts) == 2


async def test_a_new_generation_waits_for_the_end_of_the_one_before(world):
    world.sandbox.faults.add(refused())
    async with world.process() as session:
        first = asyncio.create_task(booked(world, session))
        await asyncio.sleep(0)
        booking = await booked(world, session, new_generation=True)
        with pytest.raises(InvalidRequestError):
            await first
    assert booking.booking_id == world.sandbox.bookings()[0].id
    assert [entry.generation for entry in await world.entries()] == [1, 2]


async def test_two_keys_for_one_reference_are_refused_here(world):
    async with world.process() as session:
        first = asyncio.create_task(booked(world, session, idempotency_key="one"))
        await asyncio.sleep(0)
        with pytest.raises(ClientRefConflictError, match="key"):
            await booked(world, session, idempotency_key="two")
        assert (await first).idempotency_key == "one"


async def test_whoever_asks_while_it_is_withdrawn_gets_it_all_the_same(world):
    class SlowToDelete(MemoryStore):
        def __init__(self):
            super().__init__()
            self.inserts, self.deletes = asyncio.Event(), asyncio.Event()
            self.inserting, self.deleting = asyncio.Event(), asyncio.Event()

        async def insert(self, row):
            self.inserting.set()
            await self.inserts.wait()
            return await super().insert(row)

        async def delete(self, row):
            self.deleting.set()
            await self.deletes.wait()
            return await super().delete(row)

    world.store = SlowToDelete()
    async with world.process() as session:
        first = asyncio.create_task(booked(world, session))
        await world.store.inserting.wait()
        first.cancel()
        world.store.inserts.set()
        await world.store.deleting.wait()
        second = asyncio.create_task(booked(world, session))
        await asyncio.sleep(0)
        world.store.deletes.set()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await second).persisted
    assert len(world.posts) == 1


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks are never eager there")
async def test_tasks_that_begin_at_once_change_nothing(world):
    loop = asyncio.get_running_loop()
    loop.set_task_factory(vars(asyncio)["eager_task_factory"])
    try:
        async with world.process() as session:
            assert (await booked(world, session)).persisted
    finally:
        loop.set_task_factory(None)


async def test_what_cannot_be_withdrawn_is_told(world, caplog):
    class Stuck(MemoryStore):
        def __init__(self):
            super().__init__()
            self.inserts, self.inserting = asyncio.Event(), asyncio.Event()

        async def insert(self, row):
            self.inserting.set()
            await self.inserts.wait()
            return await super().insert(row)

        async def delete(self, row):
            raise JournalError("the disk is full")

    world.store = Stuck()
    async with world.process() as session:
        asking = asyncio.create_task(booked(world, session))
        await world.store.inserting.wait()
        asking.cancel()
        world.store.inserts.set()
        with pytest.raises(asyncio.CancelledError) as caught:
            await asking
        assert unknown_outcome(caught.value) is not None  # a recovery may send it
    assert "could not withdraw" in caplog.text
    assert world.posts == []


# Asked for again when its time is over


async def test_asked_for_again_with_a_time_that_has_passed_it_is_read_from_the_journal(world):
    until = world.sandbox.clock.now() + timedelta(minutes=5)
    async with world.process() as session:
        first = await booked(world, session, book_by=until)
        world.sandbox.clock.advance(minutes=10)
        again = await booked(world, session, book_by=until)
    assert again.booking_id == first.booking_id
    assert len(world.posts) == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_in_doubt_and_over_it_is_looked_for_and_not_sent(world, when):
    until = world.sandbox.clock.now() + timedelta(minutes=5)
    async with world.process(dies=when) as session:
        await booked(world, session, book_by=until)
    world.sandbox.clock.advance(minutes=10)
    sent = len(world.posts)
    async with world.process() as session:
        if when == "after":
            assert (await booked(world, session, book_by=until)).persisted
        else:
            with pytest.raises(OutcomeUnknownError):
                await booked(world, session, book_by=until)
    assert len(world.posts) == sent


async def test_what_was_not_sent_and_is_over_is_not_sent_either(world):
    until = world.sandbox.clock.now() + timedelta(minutes=5)
    world.sandbox.faults.add(Reply(401, body='{"error_code": "unauthorized"}', path=BOOKING))
    async with world.process() as session:
        with pytest.raises(Exception, match="401"):
            await booked(world, session, book_by=until)
        world.sandbox.clock.advance(minutes=10)
        with pytest.raises(ConfigurationError, match="passed"):
            await booked(world, session, book_by=until)
    assert len(world.posts) == 1


# One bad entry hides no other


async def test_what_cannot_be_read_by_this_version_hides_no_other(world):
    async with world.process(dies="after") as session:
        await booked(world, session, client_ref="old")
    world.sandbox.clock.advance(seconds=1)
    async with world.process(dies="after") as session:
        await booked(world, session)
    world.sandbox.clock.advance(minutes=2)
    async with world.process() as session:
        wire = session._durable._wire
        decode, seen = wire.decode, []

        def picky(kind, body):
            seen.append(body)
            if len(seen) == 1:
                raise TypeError("canary: a field of the future")
            return decode(kind, body)

        wire.decode = picky
        first, second = (await session.ticketing.bookings.recover()).entries
    assert first.entry.state is State.INFLIGHT
    assert first.error is not None
    assert first.error.outcome_unknown
    assert "canary" not in str(first.error)
    assert second.entry.state is State.CONFIRMED


async def test_a_transport_that_breaks_its_contract_hides_no_other(world):
    for reference in ("one", REF):
        async with world.process(dies="after") as session:
            await booked(world, session, client_ref=reference)
        world.sandbox.clock.advance(seconds=1)
    world.sandbox.clock.advance(minutes=2)

    async with world.process() as session:
        inner = world.transport.inner
        broken: list[Any] = []

        class Broken:
            async def send(self, request, /):
                if not broken:
                    broken.append(request)
                    raise ZeroDivisionError
                return await inner.send(request)

            async def aclose(self):
                """Do nothing."""

        world.transport.inner = Broken()
        first, second = (await session.ticketing.bookings.recover()).entries
    assert isinstance(first.error, OutcomeUnknownError)
    assert first.entry.state is State.INFLIGHT
    assert second.entry.state is State.CONFIRMED


async def test_a_new_generation_of_what_was_made_is_not_another_thing_under_its_name(world):
    async with world.process() as session:
        first = await booked(world, session)
        with pytest.raises(ClientRefConflictError, match="was made"):
            await session.ticketing.bookings.create(
                **world.slot(quantity=1), client_ref=REF, new_generation=True
            )
        again = await booked(world, session, new_generation=True)
    assert again.booking_id == first.booking_id
    assert len(world.posts) == 1
