"""Holds that another request, or another process, goes on with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from eguma_async import (
    ClientRefConflictError,
    ConfigurationError,
    Customer,
    InvalidRequestError,
    OutcomeUnknownError,
    RefundDueError,
    RetryPolicy,
)
from eguma_async.sandbox import DropAfter

BOOKING = "*/booking.json"
REF = "order-4711"
ADA = Customer("Canary-Ada", "Canary-Lovelace", "canary@example.com")
BOB = Customer("Canary-Bob", "Canary-Babbage", "bob@example.com")


def wanted(world):
    return {name: value for name, value in world.slot().items() if name != "customer"}


async def stored(world):
    """Hold places in a process that ends, and return what it has stored."""
    async with world.process() as session:
        hold = await session.ticketing.reservations.hold(**wanted(world)).__aenter__()
        return {"reservation_id": hold.reservation_id, "expires_at_utc": hold.expires_at_utc}


def resumed(world, session, store):
    return session.ticketing.reservations.resume(**store, **wanted(world))


async def test_it_is_booked_by_the_next_process(world):
    store = await stored(world)
    world.sandbox.clock.advance(minutes=40)
    async with world.process() as session:
        hold = resumed(world, session, store)
        assert timedelta(minutes=19) < hold.remaining <= timedelta(minutes=20)
        assert hold.expires_at_utc == store["expires_at_utc"]
        await hold.book(ADA, client_ref=REF, even_without_hold=True)
        assert hold.is_booked
    assert world.sandbox.holds() == ()
    assert [entry.generation for entry in await world.entries()] == [1]
    assert len(world.sandbox.bookings()) == 1


async def test_it_is_given_back_by_the_next_process(world):
    store = await stored(world)
    async with world.process() as session:
        hold = resumed(world, session, store)
        assert hold.must_be_released
        await hold.release()
    assert world.sandbox.holds() == ()


async def test_what_was_booked_before_is_not_booked_again_without_the_hold(world):
    store = await stored(world)
    async with world.process() as session:
        first = await resumed(world, session, store).book(ADA, client_ref=REF)
    world.sandbox.clock.advance(minutes=61)
    async with world.process() as session:
        hold = resumed(world, session, store)
        assert hold.remaining == timedelta(0)
        again = await hold.book(ADA, client_ref=REF, even_without_hold=True)
    assert again.booking_id == first.booking_id
    assert len(world.sandbox.bookings()) == 1


async def test_in_doubt_since_before_it_is_settled_first(world):
    store = await stored(world)
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    async with world.process(retry=RetryPolicy(attempts=1)) as session:
        with pytest.raises(OutcomeUnknownError):
            await resumed(world, session, store).book(ADA, client_ref=REF, even_without_hold=True)
    world.sandbox.clock.advance(minutes=61)
    async with world.process() as session:
        hold = resumed(world, session, store)
        await hold.book(ADA, client_ref=REF, even_without_hold=True)
    assert len(world.sandbox.bookings()) == 1
    assert [entry.generation for entry in await world.entries()] == [1]


async def test_expired_it_is_booked_without_the_hold_and_once_only(world):
    store = await stored(world)
    world.sandbox.clock.advance(minutes=61)
    bookings = []
    for _ in range(2):
        async with world.process() as session:
            hold = resumed(world, session, store)
            bookings.append(await hold.book(ADA, client_ref=REF, even_without_hold=True))
    assert bookings[0].booking_id == bookings[1].booking_id
    assert len(world.sandbox.bookings()) == 1
    assert [entry.generation for entry in await world.entries()] == [1, 2]


async def test_expired_and_gone_the_money_is_due(world):
    store = await stored(world)
    world.sandbox.clock.advance(minutes=61)
    world.sandbox.set_capacity(world.slot()["product_id"], world.slot()["starts_at"], 0)
    for _ in range(2):
        async with world.process() as session:
            with pytest.raises(RefundDueError):
                await resumed(world, session, store).book(
                    ADA, client_ref=REF, even_without_hold=True
                )
    assert world.sandbox.bookings() == ()


async def test_expired_and_sold_to_somebody_else_under_this_reference_is_no_refund(world):
    store = await stored(world)
    async with world.process() as session:
        await resumed(world, session, store).book(BOB, client_ref=REF)
    world.sandbox.clock.advance(minutes=61)
    async with world.process() as session:
        with pytest.raises(ClientRefConflictError):
            await resumed(world, session, store).book(ADA, client_ref=REF, even_without_hold=True)
    assert len(world.sandbox.bookings()) == 1


async def test_while_it_is_held_another_request_is_a_conflict_and_no_sale_without_hold(world):
    store = await stored(world)
    async with world.process() as session:
        with pytest.raises(InvalidRequestError):
            await resumed(world, session, store).book(ADA, language="xx", client_ref=REF)
        with pytest.raises(ClientRefConflictError):
            await resumed(world, session, store).book(ADA, client_ref=REF, even_without_hold=True)
    assert world.sandbox.bookings() == ()


async def test_without_a_reference_nobody_knows_whether_it_was_booked(world):
    store = await stored(world)
    async with world.process() as session:
        with pytest.raises(ConfigurationError, match="client_ref"):
            await resumed(world, session, store).book(ADA, even_without_hold=True)
    assert world.posts == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"reservation_id": "not/an id"},
        {"expires_at_utc": datetime(2026, 3, 19, 10)},
        {"expires_at_utc": "2026-03-19T10:00:00Z"},
        {"items": []},
    ],
)
async def test_what_is_malformed_is_refused_at_once(world, wrong):
    store = {"reservation_id": "a", "expires_at_utc": datetime(2026, 3, 19, 10, tzinfo=UTC)}
    async with world.process() as session:
        with pytest.raises(ConfigurationError):
            session.ticketing.reservations.resume(**{**store, **wanted(world), **wrong})
        assert len(world.sandbox.requests) == 0


async def test_a_wrong_clock_makes_no_hold_longer_than_one_is(world):
    async with world.process() as session:
        far = session.clock.now() + timedelta(days=3)
        store = {"reservation_id": "a", "expires_at_utc": far}
        assert resumed(world, session, store).remaining == timedelta(minutes=60)
