"""What cancels the waiting does not cancel the giving back, and no clock makes a hold longer."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import anyio
import attrs
import pytest

from eguma_async import (
    AsyncSession,
    NotSentError,
    OutcomeUnknownError,
    RetryPolicy,
    SessionStateError,
    TicketItem,
    unknown_outcome,
)
from eguma_async.sandbox import DropAfter, DropBefore, EgumaSandbox, Park
from eguma_async.testing import FakeClock, json_reply

NOW = datetime(2027, 6, 1, 10, tzinfo=UTC)
RELEASE = "*/cancel-reservation.json"
RESERVE = "*/reservation.json"
HOUR = timedelta(hours=1)


@pytest.fixture
def sandbox():
    return EgumaSandbox(FakeClock(NOW))


def session_on(sandbox, **options):
    options = {"clock": sandbox.clock, "random": lambda: 0.5} | options
    return AsyncSession(sandbox.demo_key, transport=sandbox.transport(), **options)


def places(sandbox):
    slot = sandbox.example("time")
    return {
        "product_id": slot.product_id,
        "starts_at": datetime.fromisoformat(slot.starts_at),
        "items": [TicketItem(slot.category_ids[0], 1)],
    }


async def until(condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come to that")


async def turns(count=30):
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("fault", [None, DropBefore, DropAfter], ids=["quiet", "before", "after"])
@pytest.mark.parametrize("session_is", ["inside", "outside"])
async def test_a_hold_left_by_a_cancel_scope_is_given_back(sandbox, fault, session_is):
    """As frameworks do that cancel a task again and again until it has left."""
    if fault is not None:
        sandbox.faults.add(fault(path=RELEASE))
    entered = []

    async def hold(session):
        async with session.ticketing.reservations.hold(**places(sandbox)):
            entered.append(True)
            await anyio.sleep_forever()

    async def within(scope):
        async with anyio.create_task_group() as group:

            async def cancel():
                await until(lambda: entered)
                scope.cancel()

            group.start_soon(cancel)
            if session_is == "inside":
                async with session_on(sandbox) as session:
                    await hold(session)
            else:
                await hold(outside)

    async with session_on(sandbox) as outside:
        with anyio.CancelScope() as scope:
            await within(scope)
        assert scope.cancelled_caught
    assert sandbox.holds() == ()


@pytest.mark.parametrize("cancels", [1, 2, 5])
async def test_a_hold_that_is_left_by_cancellations_is_given_back(sandbox, cancels):
    park = sandbox.faults.add(Park(path=RELEASE))
    inside = asyncio.Event()

    async def sell():
        async with session_on(sandbox) as session:
            async with session.ticketing.reservations.hold(**places(sandbox)):
                inside.set()
                await asyncio.Event().wait()

    task = asyncio.create_task(sell())
    await inside.wait()
    for _ in range(cancels):
        task.cancel()
        await turns()
    await until(lambda: park.parked)
    assert not task.done()  # the session waits for the release under way
    park.release()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sandbox.holds() == ()


async def test_closing_a_session_that_is_entered_elsewhere_waits_for_the_release(sandbox):
    park = sandbox.faults.add(Park(path=RELEASE))
    session = session_on(sandbox)
    await session.__aenter__()
    context = session.ticketing.reservations.hold(**places(sandbox))
    hold = await context.__aenter__()
    leaving = asyncio.create_task(context.__aexit__(None, None, None))
    await until(lambda: park.parked)
    leaving.cancel()
    await turns()
    assert leaving.done()
    closing = asyncio.create_task(session.aclose())
    await turns()
    assert not closing.done()
    park.release()
    await closing
    assert sandbox.holds() == ()
    assert not hold.must_be_released


async def test_releasing_by_hand_goes_on_when_it_is_cancelled_and_closing_waits(sandbox):
    park = sandbox.faults.add(Park(path=RELEASE))
    session = session_on(sandbox)
    await session.__aenter__()
    hold = await session.ticketing.reservations.hold(**places(sandbox)).__aenter__()
    task = asyncio.create_task(hold.release())
    await until(lambda: park.parked)
    task.cancel()
    await turns()
    assert task.cancelled()
    assert not hold.must_be_released  # it is under way
    closing = asyncio.create_task(session.aclose())
    await turns()
    assert not closing.done()
    park.release()
    await closing
    assert sandbox.holds() == ()
    assert repr(hold).endswith("released>")


async def test_a_release_by_hand_that_fails_unseen_is_no_ones_error(sandbox, caplog):
    sandbox.faults.add(DropBefore(path=RELEASE, times=None))
    async with session_on(sandbox, retry=RetryPolicy(attempts=1)) as session:
        hold = await session.ticketing.reservations.hold(**places(sandbox)).__aenter__()
        task = asyncio.create_task(hold.release())
        await asyncio.sleep(0)
        task.cancel()
        await turns()
        assert hold.must_be_released
    del task
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_once_the_session_is_closed_a_hold_cannot_be_released(sandbox):
    async with session_on(sandbox) as session:
        context = session.ticketing.reservations.hold(**places(sandbox))
        hold = await context.__aenter__()
    with pytest.raises(SessionStateError, match="is closed"):
        await hold.release()
    assert hold.must_be_released
    await context.__aexit__(None, None, None)  # no error of its own
    assert len(sandbox.holds()) == 1


async def test_no_hold_is_made_on_a_closed_session(sandbox):
    session = session_on(sandbox)
    async with session:
        pass
    with pytest.raises(SessionStateError, match="is closed"):
        await session.ticketing.reservations.hold(**places(sandbox)).__aenter__()
    assert len(sandbox.requests) == 0


@pytest.mark.parametrize("cancels", [1, 3])
async def test_entering_that_is_cancelled_gives_back_what_was_held(sandbox, cancels):
    park = sandbox.faults.add(Park(path=RESERVE))

    async def sell():
        async with session_on(sandbox) as session:
            async with session.ticketing.reservations.hold(**places(sandbox)):
                raise AssertionError("never entered")

    task = asyncio.create_task(sell())
    await until(lambda: park.parked)
    for _ in range(cancels):
        task.cancel()
        await turns()
    park.release()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert sandbox.holds() == ()
    assert (unknown_outcome(caught.value) is None) is (cancels == 1)


# How long is left.


def held(expires_at="2027-06-01T13:00:00.0000000", **headers):
    return json_reply({"reservation_id": "r1", "expires_at": expires_at}, headers=headers)


RELEASED = json_reply({"reservation_id": "r1"})


@pytest.mark.parametrize("zone", ["zurich", "utc"])
@pytest.mark.parametrize("wrong_by", [-600, -60, 0, 1], ids=lambda s: f"{s} s")
async def test_a_slow_clock_makes_no_hold_longer(sandbox, wrong_by, zone):
    sandbox.options = attrs.evolve(sandbox.options, expires_at_zone=zone)
    clock = FakeClock(NOW + timedelta(seconds=wrong_by))
    async with session_on(sandbox, clock=clock) as session:
        async with session.ticketing.reservations.hold(**places(sandbox)) as hold:
            assert HOUR - timedelta(seconds=1) <= hold.remaining <= HOUR
            clock.advance(600)
            assert HOUR - timedelta(seconds=601) <= hold.remaining <= HOUR - timedelta(seconds=600)


@pytest.mark.parametrize("hours", [-30, -5, -1, 0, 1, 5, 30])
@pytest.mark.parametrize("expires_at", ["2027-06-01T13:00:00.0000000", "2027-06-01T11:00:00Z"])
async def test_a_clock_that_is_hours_wrong_is_put_right_by_the_servers(
    scripted, wanted, hours, expires_at
):
    reply = held(expires_at, date=format_datetime(NOW, usegmt=True))
    clock = FakeClock(NOW + timedelta(hours=hours))
    async with scripted(reply, RELEASED, clock=clock) as (session, _):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            assert hold.expires_at_utc == NOW + HOUR
            assert hold.remaining == HOUR
            clock.advance(3600)
            assert hold.remaining == timedelta(0)


@pytest.mark.parametrize("date", ["yesterday", "", "Tue, 31 Feb 2027 10:00:00 GMT"])
@pytest.mark.parametrize("hours", [-5, 0, 5])
async def test_without_a_servers_clock_a_hold_is_an_hour_long_at_most(
    scripted, wanted, hours, date
):
    clock = FakeClock(NOW + timedelta(hours=hours))
    async with scripted(held(date=date), RELEASED, clock=clock) as (session, _):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            assert hold.remaining == HOUR


async def test_a_server_whose_holds_are_shorter_is_believed(scripted, wanted):
    clock = FakeClock(NOW)
    async with scripted(held("2027-06-01T12:15:00"), RELEASED, clock=clock) as (session, _):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            assert hold.reservation.length == hold.remaining == timedelta(minutes=15)


class TwoHands(FakeClock):
    """A clock whose time of day can be set, as a machine's is."""

    shift = timedelta()

    def now(self):
        return super().now() + self.shift


async def test_a_clock_that_is_set_brings_no_time_back(scripted, wanted):
    clock = TwoHands(NOW)
    async with scripted(held(), RELEASED, clock=clock) as (session, _):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            clock.advance(600)
            clock.shift = -timedelta(minutes=30)
            assert hold.remaining == timedelta(minutes=50)
            clock.shift = timedelta(minutes=5)  # a machine that slept, and its timer with it
            assert hold.remaining == timedelta(minutes=45)
            clock.shift = timedelta(hours=9)
            assert hold.remaining == timedelta(0)


async def test_a_server_cannot_set_when_its_answer_came(scripted, wanted):
    reply = json.loads(held().body) | {"received_at": "web", "answered_at": {"a": 1}}
    clock = FakeClock(NOW)
    async with scripted(json_reply(reply), clock=clock) as (session, _):
        reservation = await session.ticketing.reservations.create(**wanted)
    assert (reservation.received_at, reservation.answered_at) == (NOW, None)


# Entering that fails.


@pytest.mark.parametrize("error", [NotSentError("no route"), OutcomeUnknownError("lost")])
async def test_an_entering_that_fails_raises_its_error(scripted, wanted, error):
    async with scripted(error, retry=RetryPolicy(attempts=1)) as (session, transport):
        with pytest.raises(type(error)):
            await session.ticketing.reservations.hold(**wanted).__aenter__()
    assert len(transport.requests) == 1
