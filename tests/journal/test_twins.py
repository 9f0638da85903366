"""Two references that ask for the same: the list of orders cannot tell whose an order is."""

from __future__ import annotations

import pytest

from eguma_async import Customer, OutcomeUnknownError, RetryPolicy, State
from eguma_async.journal.journal import Journal
from eguma_async.sandbox import DropAfter

BOOKING = "*/booking.json"
ONCE = RetryPolicy(attempts=1)


def booked(world, session, reference, **more):
    return session.ticketing.bookings.create(**{**world.slot(), **more}, client_ref=reference)


async def never_sent(world, reference):
    async with world.process(dies="before") as session:
        await booked(world, session, reference)


async def lost(world, reference, **more):
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    async with world.process(retry=ONCE) as session:
        with pytest.raises(OutcomeUnknownError):
            await booked(world, session, reference, **more)


async def recovered(world):
    async with world.process() as session:
        for _ in range(2):
            await session.ticketing.bookings.recover()
            world.sandbox.clock.advance(minutes=2)
    return {entry.client_ref: entry for entry in await world.entries()}


async def test_an_order_is_not_taken_for_one_that_another_key_may_have_made(world):
    await never_sent(world, "first")
    world.sandbox.clock.advance(minutes=16)  # it is late, and looked for only
    await lost(world, "second")
    entries = await recovered(world)
    assert entries["first"].state is State.ABSENT
    assert entries["second"].state is State.CONFIRMED
    assert entries["second"].result["booking_id"] == world.sandbox.bookings()[0].id


async def test_an_order_that_may_be_that_of_either_is_left_to_a_person(world):
    await never_sent(world, "first")
    await lost(world, "second")
    world.sandbox.clock.advance(hours=73)  # no key tells any more
    entries = await recovered(world)
    (order,) = world.sandbox.bookings()
    for entry in entries.values():
        assert (entry.state, entry.candidates) == (State.NEEDS_OPERATOR, (order.id,))


async def test_what_a_person_says_of_one_settles_the_other(world):
    await never_sent(world, "first")
    await lost(world, "second")
    world.sandbox.clock.advance(hours=73)
    async with world.process() as session:
        await session.ticketing.bookings.recover(wait=False, client_ref="first")
    (order,) = world.sandbox.bookings()
    async with Journal(world.store) as journal:
        made = {"booking_id": order.id, "booking_reference": order.number}
        await journal.resolve("second", State.CONFIRMED, remote_id=order.id, result=made)
        await journal.resolve("first", State.ABSENT)
    async with world.process() as session:
        booking = await booked(world, session, "second")
    assert booking.booking_id == order.id
    assert len(world.posts) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"customer": Customer("Canary-Bob", "Canary-Lovelace", "bob@example.com")},
        {"starts_at": "later"},
    ],
    ids=["customer", "start"],
)
async def test_one_that_asks_for_something_else_keeps_nobody_waiting(world, other):
    if "starts_at" in other:
        other = {"starts_at": world.slot(days=1)["starts_at"]}
    await lost(world, "first")
    await lost(world, "second", **other)
    world.sandbox.clock.advance(hours=73)
    entries = await recovered(world)
    assert {entry.state for entry in entries.values()} == {State.CONFIRMED}
