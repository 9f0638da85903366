"""Holds under a journal: what is in doubt stays one booking, whatever happens between two tries."""

from __future__ import annotations

import json

import pytest

from eguma_async import (
    ClientRefConflictError,
    ConfigurationError,
    Customer,
    JournalError,
    OutcomeUnknownError,
    RetryPolicy,
)
from eguma_async.sandbox import DropAfter, Reply

BOOKING = "*/booking.json"
REF = "order-4711"
ONCE = RetryPolicy(attempts=1)
ADA = Customer("Canary-Ada", "Canary-Lovelace", "canary@example.com")


def held(world, session):
    wanted = {name: value for name, value in world.slot().items() if name != "customer"}
    return session.ticketing.reservations.hold(**wanted)


def released(world):
    return [r for r in world.sandbox.requests if "cancel-reservation" in r.path]


@pytest.mark.parametrize("method", ["insert", "replace"])
async def test_a_full_disk_between_two_tries_does_not_make_them_two_bookings(world, method):
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    async with world.process(retry=ONCE) as session, held(world, session) as hold:
        with pytest.raises(OutcomeUnknownError):
            await hold.book(ADA)
        write = getattr(world.store, method)

        async def full(row):
            raise JournalError("the disk is full")

        setattr(world.store, method, full)
        with pytest.raises(JournalError):
            await hold.book(ADA)
        setattr(world.store, method, write)
        booking = await hold.book(ADA)
    assert booking.replayed
    assert len(await world.entries()) == 1
    assert len({post.idempotency_key for post in world.posts}) == 1


async def test_another_reference_while_the_first_is_in_doubt_is_refused(world):
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    async with world.process(retry=ONCE) as session, held(world, session) as hold:
        with pytest.raises(OutcomeUnknownError):
            await hold.book(ADA, client_ref=REF)
        with pytest.raises(ConfigurationError, match="client_ref"):
            await hold.book(ADA, client_ref="another", even_without_hold=True)
        await hold.book(ADA, client_ref=REF)
    assert len(world.sandbox.bookings()) == 1


async def test_a_reference_that_is_taken_is_no_reason_for_a_refund(world):
    async with world.process() as session:
        await session.ticketing.bookings.create(**world.slot(quantity=1), client_ref=REF)
        async with held(world, session) as hold:
            world.sandbox.clock.advance(minutes=61)
            with pytest.raises(ClientRefConflictError):
                await hold.book(ADA, client_ref=REF, even_without_hold=True)


async def test_in_doubt_without_a_known_key_the_places_stay_held(world):
    async with world.process() as session:
        async with held(world, session) as hold:
            unknown = OutcomeUnknownError("the session was closed before it was known")
            unknown.client_ref = REF
            send = session.send

            async def closed(*_, **__):
                raise unknown

            session.send = closed
            with pytest.raises(OutcomeUnknownError):
                await hold.book(ADA, client_ref=REF)
            session.send = send
            assert not hold.must_be_released
        assert released(world) == []


async def test_paid_in_doubt_and_expired_it_is_gone_on_with_before_it_is_booked_without(world):
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    async with world.process(retry=ONCE) as session, held(world, session) as hold:
        with pytest.raises(OutcomeUnknownError):
            await hold.book(ADA, client_ref=REF, even_without_hold=True)
        hold._pending_key = None  # as when it is not known yet
        world.sandbox.clock.advance(minutes=61)
        booking = await hold.book(ADA, client_ref=REF, even_without_hold=True)
    assert booking.replayed
    assert len(world.sandbox.bookings()) == 1


async def test_refused_in_doubt_and_found_absent_later_it_is_booked_without_the_hold(world):
    gone = json.dumps({"error_code": "not_found", "message": "no"})
    async with world.process() as session, held(world, session) as hold:
        world.sandbox.clock.advance(minutes=59)
        world.sandbox.faults.add(Reply(404, body=gone, path=BOOKING))
        booking = await hold.book(ADA, client_ref=REF, even_without_hold=True)
    assert booking.persisted
    assert [e.generation for e in await world.entries()] == [1, 2]
