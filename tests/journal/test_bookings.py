"""Bookings under a journal: asked for again, after a crash, and when the answer is no answer."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import attrs
import pytest

from eguma_async import (
    AuthenticationError,
    ClientRefConflictError,
    InvalidRequestError,
    LatePolicy,
    NotSentError,
    OutcomeUnknownError,
    Recovered,
    RetryPolicy,
    State,
)
from eguma_async.sandbox import DropAfter, DropBefore, Reply

BOOKING = "*/booking.json"
ORDERS = "*/orders.json"
REF = "order-4711"
ONCE = RetryPolicy(attempts=1)


def refusal(status, code):
    return Reply(status, body=json.dumps({"error_code": code, "message": "no"}), path=BOOKING)


async def only_entry(world):
    (entry,) = await world.entries()
    return entry


async def test_what_is_asked_for_is_written_down_before_it_leaves(world):
    async with world.process(dies="before") as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    entry = await only_entry(world)
    assert (entry.state, entry.client_ref, entry.kind) == (State.INFLIGHT, REF, "booking")
    assert len(entry.idempotency_key) == 64
    assert world.posts == []


async def test_a_booking_is_confirmed_and_its_customer_forgotten(world):
    async with world.process() as session:
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert booking.persisted is True
    entry = await only_entry(world)
    assert entry.state is State.CONFIRMED
    assert entry.result["booking_id"] == booking.booking_id
    assert entry.idempotency_key == booking.idempotency_key
    assert world.posts[0].idempotency_key == booking.idempotency_key
    (row,) = await world.store.rows()
    assert b"Canary" not in row.data
    assert not row.is_open


async def test_the_same_reference_gives_the_same_booking_without_a_request(world):
    async with world.process() as session:
        first = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    async with world.process() as session:
        again = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert attrs.evolve(again, replayed=False) == first
    assert again.replayed
    assert len(world.posts) == 1
    assert len(world.sandbox.bookings()) == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_asking_again_after_a_crash_goes_on_with_the_same_bytes(world, when):
    async with world.process(dies=when) as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    world.sandbox.clock.advance(minutes=2)
    async with world.process() as session:
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert booking.replayed is (when == "after")
    assert len({post.body_sha256 for post in world.posts}) == 1
    assert {post.idempotency_key for post in world.posts} == {booking.idempotency_key}
    (made,) = world.sandbox.bookings()
    assert made.id == booking.booking_id


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_recovery_finishes_what_a_crash_has_left(world, when):
    async with world.process(dies=when) as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    world.sandbox.clock.advance(minutes=2)
    told: list[Recovered] = []
    async with world.process() as session:
        recovery = await session.ticketing.bookings.recover(on_recovered=told.append)
    (recovered,) = recovery.entries
    assert told == [recovered]
    assert recovered.entry.state is State.CONFIRMED
    assert recovered.error is None
    (made,) = world.sandbox.bookings()
    assert recovered.value.booking_id == made.id
    assert recovery.still_open == ()


async def test_what_somebody_else_works_on_is_left_to_them(world):
    async with world.process(dies="after") as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    async with world.process() as session:
        recovery = await session.ticketing.bookings.recover()
    assert (recovery.entries, recovery.busy) == ((), 1)
    assert len(world.posts) == 1


async def test_a_lost_journal_and_the_same_reference_still_give_one_booking(world):
    async with world.process(dies="after") as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    world.store = type(world.store)()
    async with world.process() as session:
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert booking.replayed
    assert len(world.sandbox.bookings()) == 1


async def test_another_request_under_a_reference_is_refused_here(world):
    async with world.process() as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
        with pytest.raises(ClientRefConflictError, match="something else") as caught:
            await session.ticketing.bookings.create(**world.slot(quantity=1), client_ref=REF)
    entry = caught.value.entry
    assert entry is not None
    assert entry.state is State.CONFIRMED
    assert caught.value.client_ref == REF
    assert len(world.posts) == 1


async def test_many_tasks_that_ask_for_one_thing_make_one_request(world):
    async with world.process() as session:
        create = session.ticketing.bookings.create
        asked = [create(**world.slot(), client_ref=REF) for _ in range(200)]
        bookings = await asyncio.gather(*asked)
    assert len(world.posts) == 1
    assert all(booking is bookings[0] for booking in bookings)


async def test_another_request_while_the_first_is_under_way_is_refused_here(world):
    async with world.process() as session:
        create = session.ticketing.bookings.create
        first = asyncio.create_task(create(**world.slot(), client_ref=REF))
        await asyncio.sleep(0)
        with pytest.raises(ClientRefConflictError):
            await create(**world.slot(quantity=1), client_ref=REF)
        await first


async def test_a_refusal_is_kept_and_not_asked_for_again(world):
    world.sandbox.faults.add(refusal(400, "validation_error"))
    async with world.process() as session:
        for _ in range(2):
            with pytest.raises(InvalidRequestError) as caught:
                await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert caught.value.replayed
    assert caught.value.error_code == "validation_error"
    assert len(world.posts) == 1
    assert (await only_entry(world)).state is State.REJECTED


async def test_a_new_generation_has_another_key_and_may_be_another_request(world):
    world.sandbox.faults.add(refusal(400, "validation_error"))
    async with world.process() as session:
        create = session.ticketing.bookings.create
        with pytest.raises(InvalidRequestError):
            await create(**world.slot(), client_ref=REF)
        booking = await create(**world.slot(quantity=1), client_ref=REF, new_generation=True)
    keys = [post.idempotency_key for post in world.posts]
    assert len(set(keys)) == 2
    assert booking.idempotency_key == keys[1]
    assert [e.state for e in await world.entries()] == [State.REJECTED, State.CONFIRMED]
    assert [e.generation for e in await world.entries()] == [1, 2]


async def test_a_lost_answer_is_resumed_by_asking_again(world):
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    async with world.process(retry=ONCE) as session:
        with pytest.raises(OutcomeUnknownError) as caught:
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
        entry = await session.ticketing.bookings.entry(REF)
        assert entry is not None
        assert (entry.state, entry.in_doubt) == (State.INFLIGHT, True)
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert caught.value.client_ref == REF
    assert caught.value.idempotency_key == booking.idempotency_key
    assert len(world.sandbox.bookings()) == 1


async def test_what_was_surely_not_sent_is_told_so_and_no_recovery_sends_it(world):
    class Unreachable:
        async def send(self, request, /):
            raise NotSentError("no route")

        async def aclose(self):
            """Do nothing."""

    async with world.process(retry=ONCE) as session:
        world.transport.inner = Unreachable()
        with pytest.raises(NotSentError):
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
        world.transport.inner = world.sandbox.transport()
        assert (await session.ticketing.bookings.recover()).entries == ()
        assert (await only_entry(world)).state is State.UNSENT
        world.sandbox.clock.advance(minutes=3)
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert booking.persisted
    assert len(world.posts) == 1


async def test_a_sold_out_slot_after_a_lost_answer_is_looked_up(world):
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    world.sandbox.faults.add(refusal(400, "sold_out"))
    async with world.process() as session:
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    (made,) = world.sandbox.bookings()
    assert booking.booking_id == made.id
    assert {t.ticket_number for t in booking.tickets} == {t.number for t in made.tickets}
    assert {t.category_id for t in booking.tickets} == {world.slot()["items"][0].category_id}
    assert (await only_entry(world)).state is State.CONFIRMED


async def test_a_refusal_after_an_attempt_that_never_arrived_is_believed_after_two_looks(world):
    world.sandbox.faults.add(DropBefore(path=BOOKING))
    world.sandbox.faults.add(refusal(400, "sold_out"))
    async with world.process() as session:
        with pytest.raises(OutcomeUnknownError):
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
        assert (await only_entry(world)).state is State.VERIFY
        begun = world.sandbox.clock.now()
        (recovered,) = (await session.ticketing.bookings.recover()).entries
        assert world.sandbox.clock.now() - begun == timedelta(seconds=60)
        assert recovered.entry.state is State.REJECTED
        with pytest.raises(InvalidRequestError):
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert world.sandbox.bookings() == ()


async def test_after_its_time_a_recovery_does_not_book(world):
    async with world.process(dies="before") as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    world.sandbox.clock.advance(hours=20)
    async with world.process() as session:
        (recovered,) = (await session.ticketing.bookings.recover()).entries
        assert recovered.entry.state is State.ABSENT
        with pytest.raises(ClientRefConflictError, match="not made"):
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    assert world.posts == []
    assert world.sandbox.bookings() == ()


async def test_after_its_time_what_was_booked_is_found(world):
    async with world.process(dies="after") as session:
        await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    world.sandbox.clock.advance(hours=20)
    async with world.process() as session:
        (recovered,) = (await session.ticketing.bookings.recover()).entries
    (made,) = world.sandbox.bookings()
    assert recovered.value.booking_id == made.id
    assert len(world.posts) == 1


async def test_the_policy_confirm_books_late(world):
    async with world.process(dies="before") as session:
        await session.ticketing.bookings.create(
            **world.slot(), client_ref=REF, late=LatePolicy.CONFIRM
        )
    world.sandbox.clock.advance(hours=20)
    async with world.process() as session:
        (recovered,) = (await session.ticketing.bookings.recover()).entries
    (made,) = world.sandbox.bookings()
    assert recovered.value.booking_id == made.id


@pytest.mark.parametrize("when", ["before", "after"])
async def test_the_policy_compensate_leaves_nothing_new(world, when):
    async with world.process(dies=when) as session:
        await session.ticketing.bookings.create(
            **world.slot(), client_ref=REF, late=LatePolicy.COMPENSATE
        )
    world.sandbox.clock.advance(hours=20)
    async with world.process() as session:
        (recovered,) = (await session.ticketing.bookings.recover()).entries
    (made,) = world.sandbox.bookings()
    if when == "after":
        assert recovered.entry.state is State.CONFIRMED
        assert made.status == "completed"
    else:
        assert recovered.entry.state is State.CANCELLED
        assert made.status == "cancelled"


async def test_a_crash_between_booking_late_and_cancelling_it_is_made_good(world):
    async with world.process(dies="before") as session:
        await session.ticketing.bookings.create(
            **world.slot(), client_ref=REF, late=LatePolicy.COMPENSATE
        )
    world.sandbox.clock.advance(hours=20)
    async with world.process(dies="before", path="cancel-booking.json") as session:
        await session.ticketing.bookings.recover()
    states = {entry.kind: entry.state for entry in await world.entries()}
    assert states == {"booking": State.CANCELLING, "cancellation": State.INFLIGHT}
    world.sandbox.clock.advance(minutes=2)
    async with world.process() as session:
        await session.ticketing.bookings.recover()
    states = {entry.kind: entry.state for entry in await world.entries()}
    assert states == {"booking": State.CANCELLED, "cancellation": State.CONFIRMED}
    (made,) = world.sandbox.bookings()
    assert made.status == "cancelled"


async def test_after_the_window_of_the_key_nothing_is_sent_again(world):
    async with world.process(dies="before") as session:
        await session.ticketing.bookings.create(
            **world.slot(), client_ref=REF, late=LatePolicy.CONFIRM
        )
    world.sandbox.clock.advance(hours=73)
    async with world.process() as session:
        (recovered,) = (await session.ticketing.bookings.recover()).entries
    assert recovered.entry.state is State.ABSENT
    assert world.posts == []


async def test_credentials_refused_in_doubt_block_it_and_nothing_is_concluded(world):
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    world.sandbox.faults.add(refusal(401, "unauthorized"))
    async with world.process() as session:
        with pytest.raises(OutcomeUnknownError):
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
        assert (await only_entry(world)).state is State.BLOCKED_AUTH
        (recovered,) = (await session.ticketing.bookings.recover()).entries
    assert recovered.entry.state is State.CONFIRMED
    assert len(world.sandbox.bookings()) == 1


async def test_credentials_refused_at_once_mean_that_nothing_was_done(world):
    world.sandbox.faults.add(refusal(401, "unauthorized"))
    async with world.process() as session:
        with pytest.raises(AuthenticationError):
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
        assert (await only_entry(world)).state is State.UNSENT
        assert (await session.ticketing.bookings.recover()).entries == ()
        await session.ticketing.bookings.create(**world.slot(), client_ref=REF)


async def test_the_order_of_an_earlier_generation_is_not_taken_for_the_new_one(world):
    late = {"client_ref": REF, "late": LatePolicy.DISCOVER}
    async with world.process() as session:
        await session.ticketing.bookings.create(**world.slot(), **late)
        await session.ticketing.bookings.cancel(client_ref=REF)
    async with world.process(dies="before") as session:
        await session.ticketing.bookings.create(**world.slot(), **late, new_generation=True)
    world.sandbox.clock.advance(minutes=16)
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert (found.entry.state, found.entry.generation) == (State.ABSENT, 2)
    assert len(world.posts) == 1
