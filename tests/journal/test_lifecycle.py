"""A journal and what happens around it: cancelled callers, closing sessions, disks that fail."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import timedelta
from typing import Any, ClassVar, cast

import attrs
import pytest

from eguma_async import (
    AsyncSession,
    BookTickets,
    ClientRefConflictError,
    ConfigurationError,
    Customer,
    Intent,
    InvalidRequestError,
    JournalError,
    ListProducts,
    MemoryJournal,
    NotSentError,
    OutcomeUnknownError,
    RefundDueError,
    ResultMismatchError,
    RetryPolicy,
    SessionStateError,
    State,
    unknown_outcome,
)
from eguma_async.core import Repeat, Resumable
from eguma_async.journal.journal import Journal
from eguma_async.journal.stores.memory import MemoryStore
from eguma_async.sandbox import DropAfter, Park, Reply

BOOKING = "*/booking.json"
REF = "order-4711"
ONCE = RetryPolicy(attempts=1)
ADA = Customer("Canary-Ada", "Canary-Lovelace", "canary@example.com")


class SickStore(MemoryStore):
    """A store whose disk fails when told to.

    Attributes:
        fails: Which writes fail: of new rows, or of what becomes of them.
    """

    def __init__(self, *fails: str) -> None:
        super().__init__()
        self.fails = set(fails)

    async def insert(self, row):
        if "insert" in self.fails:
            raise JournalError("the disk is full")
        return await super().insert(row)

    async def replace(self, row):
        if "replace" in self.fails:
            raise JournalError("the disk is full")
        return await super().replace(row)


class SlowStore(MemoryStore):
    """A store that writes a new row only when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = asyncio.Event()
        self.asked = asyncio.Event()

    async def insert(self, row):
        self.asked.set()
        await self.goes_on.wait()
        return await super().insert(row)


def booked(world, session, **more):
    return session.ticketing.bookings.create(**world.slot(), client_ref=REF, **more)


async def only_entry(world):
    (entry,) = await world.entries()
    return entry


# Whoever asks is cancelled


async def test_a_cancelled_caller_does_not_end_what_is_under_way(world):
    parked = world.sandbox.faults.add(Park(path=BOOKING))
    async with world.process() as session:
        asking = asyncio.create_task(booked(world, session))
        await parked.arrived()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await asking
        unknown = unknown_outcome(caught.value)
        assert unknown is not None
        assert unknown.client_ref == REF
        assert unknown.idempotency_key == (await only_entry(world)).idempotency_key
        parked.release()
    entry = await only_entry(world)
    assert entry.state is State.CONFIRMED
    assert entry.result["booking_id"] == world.sandbox.bookings()[0].id


async def test_a_timeout_around_it_leaves_it_to_be_found_by_its_reference(world):
    parked = world.sandbox.faults.add(Park(path=BOOKING))
    async with world.process() as session:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.01):
                await booked(world, session)
        assert unknown_outcome(caught.value) is not None
        parked.release()
        booking = await booked(world, session)
    assert booking.booking_id == world.sandbox.bookings()[0].id
    assert len(world.posts) == 1


async def test_cancelled_before_it_is_written_down_it_is_never_sent(world):
    world.store = SlowStore()
    async with world.process() as session:
        asking = asyncio.create_task(booked(world, session))
        await world.store.asked.wait()
        asking.cancel()
        await asyncio.sleep(0)
        world.store.goes_on.set()
        with pytest.raises(asyncio.CancelledError) as caught:
            await asking
        assert isinstance(caught.value.__cause__, NotSentError)
        assert await world.entries() == []  # before it is told
    assert world.posts == []


@pytest.mark.parametrize("again", [False, True], ids=["for a second", "until cancelled again"])
async def test_a_disk_that_hangs_is_not_waited_for_and_nothing_is_promised(world, again):
    world.store = SlowStore()
    async with world.process() as session:
        asking = asyncio.create_task(booked(world, session))
        await world.store.asked.wait()
        asking.cancel()
        await asyncio.sleep(0)
        if again:
            asking.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await asking
        assert unknown_outcome(caught.value) is not None
        world.store.goes_on.set()
    assert world.posts == []
    assert await world.entries() == []


async def test_one_of_two_who_wait_is_cancelled_and_the_other_gets_the_booking(world):
    parked = world.sandbox.faults.add(Park(path=BOOKING))
    async with world.process() as session:
        first, second = (asyncio.create_task(booked(world, session)) for _ in range(2))
        await parked.arrived()
        first.cancel()
        parked.release()
        booking = await second
        assert first.cancelled() or first.cancelling()
    assert booking.persisted
    assert len(world.posts) == 1


async def test_a_task_group_that_fails_leaves_the_booking_to_its_end(world, caplog):
    parked = world.sandbox.faults.add(Park(path=BOOKING))

    async def fail():
        await parked.arrived()
        raise RuntimeError("another task")

    async with world.process() as session:
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(booked(world, session))
                group.create_task(fail())
        parked.release()
    assert (await only_entry(world)).state is State.CONFIRMED
    assert REF in caplog.text
    assert "anary" not in caplog.text


async def test_closing_waits_ten_seconds_and_leaves_the_rest_to_a_recovery(world):
    parked = world.sandbox.faults.add(Park(path=BOOKING))
    async with world.process() as session:
        asking = asyncio.create_task(booked(world, session))
        await parked.arrived()
        session._background._tasks.copy().pop().cancel()  # what closing does when it waits no more
        with pytest.raises(OutcomeUnknownError) as caught:
            await asking
        assert caught.value.client_ref == REF
        parked.release()
    assert (await only_entry(world)).state is State.INFLIGHT
    world.sandbox.clock.advance(minutes=2)
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.entry.state is State.CONFIRMED
    assert len(world.sandbox.bookings()) == 1


# The disk fails


async def test_what_cannot_be_written_down_is_not_sent(world):
    world.store = SickStore("insert")
    async with world.process() as session:
        with pytest.raises(JournalError, match="full"):
            await booked(world, session)
        assert world.posts == []
        world.store.fails.clear()
        assert (await booked(world, session)).persisted


async def test_an_intent_that_was_written_although_it_failed_is_taken_back(world):
    class Liar(MemoryStore):
        async def insert(self, row):
            await super().insert(row)
            raise JournalError("the answer was lost")

    world.store = Liar()
    async with world.process() as session:
        with pytest.raises(JournalError, match="the answer was lost$"):
            await booked(world, session)
        assert (await session.ticketing.bookings.recover()).entries == ()

    class Deaf(Liar):
        async def delete(self, row):
            raise JournalError("no answer either")

    world.store = Deaf()
    async with world.process() as session:
        with pytest.raises(JournalError, match="a recovery would send it"):
            await booked(world, session)
    assert world.posts == []


async def test_a_booking_that_cannot_be_noted_is_handed_over_all_the_same(world):
    world.store = SickStore("replace")
    async with world.process() as session:
        booking = await booked(world, session)
        assert booking.persisted is False
        assert booking.booking_id == world.sandbox.bookings()[0].id
    world.store.fails.clear()
    world.sandbox.clock.advance(minutes=2)
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
    assert found.value.booking_id == booking.booking_id
    assert found.value.persisted is True
    assert len(world.sandbox.bookings()) == 1


async def test_a_failure_that_cannot_be_noted_is_still_told_as_it_is(world):
    world.store = SickStore("replace")
    body = json.dumps({"error_code": "validation_error", "message": "no"})
    world.sandbox.faults.add(Reply(400, body=body, path=BOOKING))
    async with world.process() as session:
        with pytest.raises(InvalidRequestError, match="validation_error") as caught:
            await booked(world, session)
    assert caught.value.outcome_unknown  # a recovery may send it again


async def test_it_is_not_sent_a_second_time_if_that_cannot_be_noted(world):
    world.store = SickStore("replace")
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    async with world.process() as session:
        with pytest.raises(OutcomeUnknownError) as caught:
            await booked(world, session)
    assert caught.value.client_ref == REF
    assert len(world.posts) == 1


async def test_a_journal_that_cannot_be_opened_keeps_the_session_shut(world):
    class Broken(MemoryStore):
        async def open(self):
            raise JournalError("no permission")

    with pytest.raises(JournalError, match="permission"):
        async with world.process(store=Broken()):
            raise AssertionError("it was opened")


async def test_retries_are_counted_before_they_are_sent(world):
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    async with world.process() as session:
        await booked(world, session)
    assert (await only_entry(world)).attempts == 2


async def test_whoever_lost_the_line_does_not_send_again(world):
    world.sandbox.faults.add(DropAfter(path=BOOKING))
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


class Counted(MemoryStore):
    """A store that knows whether it is open, and can be slow to open.

    Attributes:
        is_open: True between opening and closing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_open = False
        self.may_open = asyncio.Event()
        self.may_open.set()

    async def secret(self):
        await self.may_open.wait()
        return await super().secret()

    async def open(self):
        self.is_open = True

    async def close(self):
        self.is_open = False


def session_with(world, journal):
    return AsyncSession(
        world.sandbox.demo_key,
        base_url="https://api.e-guma.ch",
        transport=world.sandbox.transport(),
        clock=world.sandbox.clock,
        journal=journal,
    )


async def test_sessions_that_share_a_journal_close_it_once_the_last_one_does(world):
    store = Counted()
    journal = Journal(store)
    never_entered = session_with(world, journal)
    async with session_with(world, journal) as first:
        await never_entered.aclose()
        async with session_with(world, journal) as second:
            await booked(world, second)
        assert store.is_open
        assert (await booked(world, first)).persisted
    assert not store.is_open


async def test_a_session_whose_entering_is_cancelled_leaves_no_journal_open(world):
    store = Counted()
    store.may_open.clear()
    session = session_with(world, Journal(store))
    entering = asyncio.create_task(session.__aenter__())
    await asyncio.sleep(0)
    with pytest.raises(SessionStateError, match="entered before"):
        await session.__aenter__()
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert not store.is_open
    await session.aclose()


async def test_a_recovery_says_of_each_open_entry_why_it_is_open(world):
    async with world.process(dies="before") as session:
        await booked(world, session)
    world.sandbox.clock.advance(hours=73)
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover(wait=False)).entries
    assert found.entry.state is State.VERIFY
    assert isinstance(found.error, OutcomeUnknownError)
    assert found.error.client_ref == REF
    assert "do not show it" in found.error.message


# Processes and loops


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_sessions_that_were_made_before_a_fork_do_not_share_their_leases(world):
    session = session_with(world, MemoryJournal())

    async def owner():
        async with session:
            return session._durable._desk.owner

    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, asyncio.run(owner()).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    of_child = os.read(read, 1000).decode()
    os.close(read)
    assert f"/{child}/" in of_child
    assert asyncio.run(owner()) != of_child


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
async def test_a_forked_child_is_told_to_open_a_journal_of_its_own(world):
    async with Journal(world.store) as journal:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:  # no event loop here: the coroutine is stepped by hand
            try:
                cast("Any", journal.entries().__anext__()).send(None)
            except JournalError as error:
                os.write(write, str(error).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(write)
        told = os.read(read, 1000).decode()
        os.close(read)
        assert "forked" in told
        assert [entry async for entry in journal.entries()] == []


async def test_a_session_without_a_journal_says_so(world):
    session = AsyncSession(
        world.sandbox.demo_key, base_url="https://x.test", transport=world.sandbox.transport()
    )
    async with session:
        bookings = session.ticketing.bookings
        for call in (
            bookings.create(**world.slot(), client_ref=REF),
            bookings.recover(),
            bookings.entry(REF),
            bookings.cancel(client_ref=REF),
        ):
            with pytest.raises(ConfigurationError, match="no journal"):
                await call
        booking = await bookings.create(**world.slot())
        assert booking.persisted is None
        with pytest.raises(ConfigurationError, match="only what books"):
            await session.send(ListProducts(), intent=Intent(client_ref=REF))


async def test_arguments_that_make_no_sense_are_refused_before_anything_is_written(world):
    async with world.process() as session:
        now = session.clock.now()
        wrong: list[dict[str, Any]] = [
            {"client_ref": ""},
            {"client_ref": " "},
            {"client_ref": "a\nb"},
            {"client_ref": "x" * 201},
            {"client_ref": 7},
            {"book_by": now.replace(tzinfo=None)},
            {"book_by": now - timedelta(seconds=1)},
            {"late": "never"},
            {"idempotency_key": "a\nb"},
        ]
        for options in wrong:
            with pytest.raises(ConfigurationError):
                await session.ticketing.bookings.create(**world.slot(), **options)
        with pytest.raises(ConfigurationError, match="keeps BookTickets"):
            await session.exchange(BookTickets(**world.slot()))
        with pytest.raises(ConfigurationError, match="say which"):
            await session.recover()
        for kind in (ListProducts, "BookTickets"):
            with pytest.raises(ConfigurationError, match="only what books"):
                await session.recover(cast("Any", kind))
        with pytest.raises(ConfigurationError, match="either"):
            await session.ticketing.bookings.cancel("b1", client_ref=REF)
    with pytest.raises(ConfigurationError, match="journal must be"):
        AsyncSession("0123456789abcdef", journal=cast("Any", MemoryJournal))
    assert await world.entries() == []


async def test_without_a_reference_it_is_kept_under_one_that_is_made_up(world):
    async with world.process() as session:
        first = await session.ticketing.bookings.create(**world.slot())
        second = await session.ticketing.bookings.create(**world.slot())
    assert first.booking_id != second.booking_id
    assert len({entry.client_ref for entry in await world.entries()}) == 2


async def test_a_key_of_ones_own_is_kept(world):
    async with world.process(dies="after") as session:
        await booked(world, session, idempotency_key="my-key")
    world.sandbox.clock.advance(minutes=2)
    async with world.process() as session:
        with pytest.raises(ClientRefConflictError, match="another idempotency key"):
            await booked(world, session, idempotency_key="your-key")
        booking = await booked(world, session, idempotency_key="my-key")
    assert booking.idempotency_key == "my-key"
    assert booking.replayed


# Cancellations


async def test_a_cancellation_is_finished_by_a_recovery(world):
    async with world.process() as session:
        booking = await booked(world, session)
    async with world.process(dies="after", path="cancel-booking.json") as session:
        await session.ticketing.bookings.cancel(booking.booking_id)
    world.sandbox.clock.advance(days=3)  # it is wanted however late
    async with world.process() as session:
        (found,) = (await session.ticketing.bookings.recover()).entries
        again = await session.ticketing.bookings.cancel(booking.booking_id)
    assert found.entry.state is State.CONFIRMED
    assert found.entry.kind == "cancellation"
    assert {t.ticket_number for t in again.cancelled_tickets} == {
        t.ticket_number for t in booking.tickets
    }
    assert world.sandbox.bookings()[0].status == "cancelled"


async def test_a_booking_of_unknown_outcome_is_found_out_and_then_cancelled(world):
    async with world.process(dies="after") as session:
        await booked(world, session)
    world.sandbox.clock.advance(minutes=2)
    async with world.process() as session:
        cancelled = await session.ticketing.bookings.cancel(client_ref=REF)
        assert cancelled.persisted is True
        with pytest.raises(ClientRefConflictError, match="cancelled since"):
            await booked(world, session)
        anew = await booked(world, session, new_generation=True)
    assert [order.status for order in world.sandbox.bookings()] == ["cancelled", "completed"]
    assert anew.booking_id == world.sandbox.bookings()[1].id


async def test_a_booking_whose_cancellation_is_in_doubt_is_not_told_as_booked(world):
    async with world.process() as session:
        booking = await booked(world, session)
    async with world.process(dies="after", path="cancel-booking.json") as session:
        await session.ticketing.bookings.cancel(booking.booking_id)
    async with world.process() as session:
        with pytest.raises(OutcomeUnknownError, match="cancelled since") as caught:
            await booked(world, session)
        assert caught.value.client_ref == REF
        world.sandbox.clock.advance(minutes=2)
        await session.ticketing.bookings.recover()
        with pytest.raises(ClientRefConflictError, match="cancelled since"):
            await booked(world, session)


async def test_what_was_never_booked_cannot_be_cancelled(world):
    async with world.process() as session:
        with pytest.raises(ClientRefConflictError, match="no booking"):
            await session.ticketing.bookings.cancel(client_ref=REF)


async def test_a_refused_cancellation_may_be_asked_for_again(world):
    async with world.process() as session:
        booking = await booked(world, session)
        ticket = booking.tickets[0].ticket_number
        await session.ticketing.tickets.check_in(ticket)
        for _ in range(2):
            with pytest.raises(Exception, match="HTTP 400"):
                await session.ticketing.bookings.cancel(booking.booking_id)
    cancels = [r for r in world.sandbox.requests if r.path.endswith("cancel-booking.json")]
    assert len(cancels) == 2


# Holds, and payments that come late


def held(world, session):
    wanted = {name: value for name, value in world.slot().items() if name != "customer"}
    return session.ticketing.reservations.hold(**wanted)


async def test_a_hold_is_booked_under_a_reference(world):
    async with world.process() as session:
        async with held(world, session) as hold:
            booking = await hold.book(ADA, client_ref=REF)
        entry = await session.ticketing.bookings.entry(REF)
        assert entry.result["booking_id"] == booking.booking_id
        assert entry.book_by == entry.created_at + timedelta(minutes=15)


async def test_a_hold_in_doubt_goes_on_with_its_reference(world):
    world.sandbox.faults.add(DropAfter(path=BOOKING))
    async with world.process(retry=ONCE) as session, held(world, session) as hold:
        with pytest.raises(OutcomeUnknownError):
            await hold.book(ADA)
        booking = await hold.book(ADA)
    assert booking.replayed
    assert len(await world.entries()) == 1


@pytest.mark.parametrize("journalled", [True, False])
async def test_paid_after_the_hold_ended_it_is_booked_without(world, journalled):
    async with world.process() as session:
        if not journalled:
            session._durable = None
        async with held(world, session) as hold:
            world.sandbox.clock.advance(minutes=61)
            booking = await hold.book(ADA, even_without_hold=True)
    assert booking.booking_id == world.sandbox.bookings()[0].id
    assert len(world.posts) == 1


@pytest.mark.parametrize("minutes", [0, 61], ids=["the server says so", "our clock says so"])
async def test_paid_after_the_places_are_gone_the_money_goes_back(world, minutes):
    async with world.process() as session, held(world, session) as hold:
        if minutes:
            world.sandbox.clock.advance(minutes=minutes)
        else:
            world.sandbox.faults.add(
                Reply(404, body=json.dumps({"error_code": "not_found"}), path=BOOKING)
            )
        full = json.dumps({"error_code": "sold_out", "message": "no"})
        world.sandbox.faults.add(Reply(400, body=full, path=BOOKING))
        with pytest.raises(RefundDueError, match="refund") as caught:
            await hold.book(ADA, client_ref=REF, even_without_hold=True)
    assert caught.value.refusal is not None
    assert caught.value.refusal.error_code == "sold_out"
    assert world.sandbox.bookings() == ()


async def test_a_refusal_for_another_reason_is_no_reason_to_go_without_the_hold(world):
    async with world.process() as session, held(world, session) as hold:
        with pytest.raises(Exception, match="validation_error"):
            await hold.book(ADA, language="xx", even_without_hold=True)
    assert len(world.posts) == 1


# What came back is not what was asked for


async def test_a_booking_with_other_tickets_is_confirmed_and_told_every_time(world):
    wrong = {
        "booking_id": "b9",
        "booking_reference": "1",
        "tickets": [{"ticket_number": "1234567890123456789", "category_id": "other"}],
    }
    world.sandbox.faults.add(Reply(200, body=json.dumps(wrong), path=BOOKING))
    async with world.process() as session:
        for _ in range(2):
            with pytest.raises(ResultMismatchError) as caught:
                await booked(world, session)
            assert caught.value.result.booking_id == "b9"
            assert caught.value.result.persisted is True
            assert caught.value.differences
    entry = await only_entry(world)
    assert (entry.state, entry.reason) == (State.CONFIRMED, "mismatch")
    assert len(world.posts) == 1


async def test_an_operation_that_lacks_what_a_journal_asks_is_refused_before_it_is_sent(world):
    @attrs.frozen(kw_only=True)
    class Half(Resumable[None]):
        METHOD: ClassVar[str] = "POST"
        PATH: ClassVar[str] = "/v1/half"
        REPEAT: ClassVar[Repeat] = Repeat.IDEMPOTENT
        KIND: ClassVar[str] = "half"

        def remote_id(self, value, /):
            return None

    async with world.process() as session:
        with pytest.raises(
            ConfigurationError, match="Half once it defines record, recall, look_up"
        ):
            await session.send(Half())
    assert len(world.sandbox.requests) == 0
    assert await world.entries() == []
