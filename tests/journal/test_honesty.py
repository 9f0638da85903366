"""What is told is what is so: nothing counts as not done that may still be done, or the reverse."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from eguma_async import (
    ClientRefConflictError,
    InvalidRequestError,
    JournalError,
    LatePolicy,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    RetryPolicy,
    State,
)
from eguma_async.journal.journal import Journal
from eguma_async.sandbox import DropAfter, DropBefore, Park, Reply
from tests.journal.test_lifecycle import SickStore
from tests.support.canaries import stack_text

BOOKING = "*/booking.json"
CANCEL = "*/cancel-booking.json"
REF = "order-4711"
ONCE = RetryPolicy(attempts=1)


def booked(world, session, **more):
    return session.ticketing.bookings.create(**world.slot(), **{"client_ref": REF, **more})


def refusal(status, code, path=BOOKING):
    return Reply(status, body=json.dumps({"error_code": code, "message": "no"}), path=path)


async def states(world):
    return {entry.kind: entry.state for entry in await world.entries()}


# What the journal still holds may still be done


async def test_whoever_lost_the_line_while_waiting_does_not_say_that_it_was_not_sent(world):
    world.sandbox.faults.add(refusal(503, "busy"))
    async with world.process() as session:
        replace = world.store.replace

        async def taken_over(row):
            (there,) = await world.store.rows()
            assert await replace(there.next(is_open=True, remote=None, data=there.data))
            return await replace(row)

        world.store.replace = taken_over
        with pytest.raises(OutcomeUnknownError):
            await booked(world, session)
    assert len(world.posts) == 1


async def test_a_refusal_that_cannot_be_noted_is_no_promise_that_nothing_will_be_done(world):
    world.store = SickStore("replace")
    world.sandbox.faults.add(refusal(401, "unauthorized"))
    async with world.process() as session:
        with pytest.raises(OutcomeUnknownError) as caught:
            await booked(world, session)
        assert caught.value.refusal is not None
        assert caught.value.refusal.status == 401
        assert caught.value.client_ref == REF
        world.store.fails.clear()
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.state is State.CONFIRMED  # that is why


async def test_not_sent_and_not_noted_is_in_doubt(world):
    class Unreachable:
        async def send(self, request, /):
            raise NotSentError("no route")

        async def aclose(self):
            """Do nothing."""

    world.store = SickStore("replace")
    async with world.process(retry=ONCE) as session:
        world.transport.inner = Unreachable()
        with pytest.raises(OutcomeUnknownError):
            await booked(world, session)


@pytest.mark.parametrize("moment", ["it is claimed", "it is sent again"])
async def test_a_full_disk_says_nothing_of_what_was_sent_before(world, moment):
    world.store = SickStore()
    async with world.process(dies="after") as session:
        await booked(world, session)
    world.sandbox.clock.advance(minutes=2)
    async with world.process() as session:
        replace = world.store.replace
        done: list[Any] = []

        async def full(row):
            if moment == "it is sent again" and not done:
                done.append(row)
                return await replace(row)
            raise JournalError("the disk is full")

        world.store.replace = full
        with pytest.raises(JournalError) as caught:
            await booked(world, session)
    assert caught.value.outcome_unknown
    assert caught.value.client_ref == REF
    assert len(world.posts) == 1


async def test_a_damaged_entry_may_stand_for_a_booking(world):
    async with world.process(dies="after") as session:
        await booked(world, session)
    (row,) = await world.store.rows()
    await world.store.replace(row.next(is_open=True, remote=None, data=b"x"))
    async with world.process() as session:
        with pytest.raises(JournalError) as caught:
            await booked(world, session)
    assert caught.value.outcome_unknown


async def test_what_is_not_known_yet_is_not_called_unknown_to_the_journal(world):
    world.sandbox.faults.add(DropBefore(path=BOOKING))
    world.sandbox.faults.add(refusal(400, "sold_out"))
    async with world.process(dies="after") as session:
        await booked(world, session)
    async with world.process() as session:  # whose lease has not run out
        with pytest.raises(OutcomeUnknownError, match="not known yet") as caught:
            await session.ticketing.bookings.cancel(client_ref=REF)
    assert caught.value.client_ref == REF
    assert caught.value.operation == "CancelBooking"


async def test_a_list_that_is_refused_is_no_refusal_of_the_booking(world):
    async with world.process(dies="after") as session:
        await booked(world, session)
    world.sandbox.clock.advance(hours=50)
    world.sandbox.faults.add(refusal(404, "not_found", "*/orders.json"))
    async with world.process() as session:
        with pytest.raises(OutcomeUnknownError, match="lists cannot be read") as caught:
            await booked(world, session)
        assert isinstance(caught.value.__cause__, NotFoundError)
        assert (await booked(world, session)).persisted


async def test_a_disk_that_fails_for_one_does_not_take_what_another_has_written_down(world):
    parked = world.sandbox.faults.add(Park(path=BOOKING))
    async with world.process() as first, world.process() as second:
        asking = asyncio.create_task(booked(world, first))
        await parked.arrived()
        insert = world.store.insert

        async def full(row):
            raise JournalError("the disk is full")

        world.store.insert = full
        with pytest.raises(JournalError):
            await booked(world, second)
        world.store.insert = insert
        assert [entry.state for entry in await world.entries()] == [State.INFLIGHT]
        parked.release()
        assert (await asking).persisted


# Booked too late, and cancelled


async def asked_for_and_late(world):
    async with world.process(dies="before") as session:
        await booked(world, session, late=LatePolicy.COMPENSATE)
    world.sandbox.clock.advance(hours=20)


async def test_a_crash_after_booking_late_leaves_no_booking(world):
    await asked_for_and_late(world)
    async with world.process(dies="after") as session:
        await session.ticketing.bookings.recover()
    assert [order.status for order in world.sandbox.bookings()] == ["completed"]
    world.sandbox.clock.advance(minutes=2)
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.state is State.CANCELLED
    assert found.value is None
    assert [order.status for order in world.sandbox.bookings()] == ["cancelled"]


async def test_a_late_booking_whose_answer_was_lost_is_cancelled(world):
    await asked_for_and_late(world)
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert (found.entry.state, found.value) == (State.CANCELLED, None)
    assert [order.status for order in world.sandbox.bookings()] == ["cancelled"]


async def test_a_late_booking_that_is_found_by_its_order_is_cancelled(world):
    await asked_for_and_late(world)
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    world.sandbox.faults.add(refusal(400, "sold_out"))
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert (found.entry.state, found.value) == (State.CANCELLED, None)
    assert [order.status for order in world.sandbox.bookings()] == ["cancelled"]


async def test_a_late_booking_with_other_tickets_is_cancelled(world):
    await asked_for_and_late(world)
    wrong = {
        "booking_id": "b9",
        "booking_reference": "1",
        "tickets": [{"ticket_number": "1234567890123456789", "category_id": "other"}],
    }
    world.sandbox.faults.add(Reply(200, body=json.dumps(wrong), path=BOOKING))
    gone = {"booking_id": "b9", "booking_reference": "1", "cancelled_tickets": []}
    world.sandbox.faults.add(Reply(200, body=json.dumps(gone), path=CANCEL))
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert (found.entry.state, found.value) == (State.CANCELLED, None)


async def test_a_late_booking_that_is_asked_for_again_stays(world):
    await asked_for_and_late(world)
    async with world.process(dies="after") as session:
        await session.ticketing.bookings.recover()
    world.sandbox.clock.advance(minutes=2)
    async with world.process() as session:
        booking = await booked(world, session)
    assert booking.persisted
    assert [order.status for order in world.sandbox.bookings()] == ["completed"]


async def test_a_late_booking_that_somebody_has_cancelled_by_hand_is_cancelled(world):
    await asked_for_and_late(world)
    world.sandbox.faults.add(refusal(401, "unauthorized", CANCEL))
    async with world.process() as session:
        await session.ticketing.bookings.recover()
    assert (await states(world))["booking"] is State.CANCELLING
    (made,) = world.sandbox.bookings()
    async with world.process(store=type(world.store)()) as session:
        await session.ticketing.bookings.cancel(made.id)
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.state is State.CANCELLED
    assert found.error is None


async def test_a_late_booking_that_cannot_be_cancelled_is_shown_to_a_person(world):
    await asked_for_and_late(world)
    for _ in range(3):
        world.sandbox.faults.add(refusal(400, "already_begun", CANCEL))
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
        assert isinstance(found.error, InvalidRequestError)
        assert (found.entry.state, found.entry.reason) == (State.NEEDS_OPERATOR, "late")
        (made,) = world.sandbox.bookings()
        assert found.entry.candidates == (made.id,)
        await session.ticketing.bookings.recover()
    assert len(await world.entries()) == 2  # no cancellation is asked for again and again


async def test_a_late_booking_that_another_process_took_over_is_left_to_it(world):
    await asked_for_and_late(world)
    async with world.process() as session:
        replace, writes = world.store.replace, []

        async def taken_over(row):
            writes.append(row)
            if len(writes) == 3:  # claimed, about to be sent, sent
                (there,) = await world.store.rows()
                assert await replace(there.next(is_open=True, remote=None, data=there.data))
            return await replace(row)

        world.store.replace = taken_over
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert isinstance(found.error, OutcomeUnknownError)
    assert [order.status for order in world.sandbox.bookings()] == ["completed"]


# What cannot be read from the journal was made all the same


async def test_what_a_person_has_resolved_in_another_shape_is_told_as_made(world):
    async with world.process(dies="after") as session:
        await booked(world, session)
    world.sandbox.clock.advance(minutes=2)
    async with Journal(world.store, clock=world.sandbox.clock) as journal:
        await journal.resolve(REF, State.CONFIRMED, result={"id": "b1"})
    async with world.process() as session:
        with pytest.raises(JournalError, match="was made"):
            await booked(world, session)
        with pytest.raises(ClientRefConflictError):
            await session.ticketing.bookings.cancel(client_ref=REF)


async def test_no_frame_of_a_transport_that_breaks_its_contract_shows_the_customer(world):
    class Broken:
        async def send(self, request, /):
            raise ZeroDivisionError

        async def aclose(self):
            """Do nothing."""

    async with world.process() as session:
        world.transport.inner = Broken()
        with pytest.raises(ZeroDivisionError) as caught:
            await booked(world, session)
    shown = stack_text(caught.value)
    assert "_request" in shown
    assert "anary" not in shown
