"""Holds: what is released, what is not, and that nothing is booked twice."""

from __future__ import annotations

import asyncio
import gc
import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eguma_async import (
    AsyncSession,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    Customer,
    DecodingError,
    HttpResponse,
    IdempotencyMismatchError,
    InvalidRequestError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    Reservation,
    RetryPolicy,
    ServerError,
    SessionStateError,
    unknown_outcome,
)
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply

ADULT = "64ad1bb1973b861c040c99c1"
HOLD = "69784d61a43bb308fdbf0a14"
HELD = json_reply({"reservation_id": HOLD, "expires_at": "2026-03-19T09:00:00.0000000"})
RELEASED = json_reply({"reservation_id": HOLD})
BOOKED = json_reply(
    {
        "booking_id": "69d86bc39927d941d4dab89a",
        "booking_reference": "1000053",
        "tickets": [
            {"ticket_number": number, "category_id": ADULT}
            for number in ("4666825950402448933", "5520724186522287244")
        ],
    }
)
REFUSED = json_reply({"error_code": "validation_error", "message": "sold out"}, 400)
ONCE = RetryPolicy(attempts=1)
UNREADABLE = json_reply({"booking_reference": "1000053"})


def lost():
    return OutcomeUnknownError("the answer was lost")


def asked(transport):
    """Return what was asked of the server: the last part of each path."""
    return [request.url.rsplit("/", 1)[1].removesuffix(".json") for request in transport.requests]


def keys(transport):
    return [
        request.headers["Idempotency-Key"]
        for request in transport.requests
        if "Idempotency-Key" in request.headers
    ]


async def test_entering_holds_once_and_leaving_gives_back_once(scripted, wanted):
    async with scripted(HELD, RELEASED) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            assert asked(transport) == ["reservation"]
            assert hold.reservation_id == HOLD
            assert hold.must_be_released
    assert asked(transport) == ["reservation", "cancel-reservation"]
    assert json.loads(transport.requests[1].body) == {"reservation_id": HOLD}


async def test_a_hold_that_could_not_be_made_is_not_released(scripted, wanted):
    async with scripted(REFUSED) as (session, _):
        with pytest.raises(InvalidRequestError):
            async with session.ticketing.reservations.hold(**wanted):
                pytest.fail("the block must not run")


async def test_a_lost_reservation_is_neither_repeated_nor_released(scripted, wanted):
    async with scripted(lost()) as (session, transport):
        with pytest.raises(OutcomeUnknownError) as caught:
            async with session.ticketing.reservations.hold(**wanted):
                pytest.fail("the block must not run")
    assert asked(transport) == ["reservation"]
    assert caught.value.operation == "ReserveTickets"


async def test_booking_books_exactly_what_is_held_and_releases_nothing(scripted, wanted, ada):
    async with scripted(HELD, BOOKED) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            booking = await hold.book(ada, language="en", idempotency_key="mine")
            assert not hold.must_be_released
    assert asked(transport) == ["reservation", "booking"]
    reserved, booked = (json.loads(request.body) for request in transport.requests)
    assert booked == {
        **reserved,
        "reservation_id": HOLD,
        "customer": {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"},
        "language": "en",
    }
    assert booking.idempotency_key == "mine"


class BrokenError(Exception):
    pass


def buggy(_):
    raise BrokenError("a bug in the transport")


def cancelling(_):
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    "release",
    [
        RELEASED,
        json_reply({"error_code": "not_found"}, 404),
        json_reply({"error_code": "validation_error"}, 400),
        HttpResponse(status=500),
        HttpResponse(status=200, body=b"not json"),
        NotSentError("no route"),
        lost(),
        buggy,
        cancelling,
    ],
    ids=["ok", "404", "400", "500", "no json", "not sent", "lost", "bug", "stray cancel"],
)
async def test_an_error_in_the_block_is_never_masked_by_the_release(scripted, wanted, release):
    async with scripted(HELD, release, retry=ONCE) as (session, transport):
        with pytest.raises(ZeroDivisionError) as caught:
            async with session.ticketing.reservations.hold(**wanted):
                raise ZeroDivisionError("mine")
    assert asked(transport) == ["reservation", "cancel-reservation"]
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("release", [HttpResponse(status=500), lost(), buggy])
async def test_a_failed_release_is_no_error_when_the_block_ended_well(scripted, wanted, release):
    async with scripted(HELD, release, retry=ONCE) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted):
            pass
    assert asked(transport) == ["reservation", "cancel-reservation"]


# Booking again after a failure.


async def test_after_an_unknown_outcome_the_hold_is_kept_and_the_key_is_used_again(
    scripted, wanted, ada
):
    async with scripted(HELD, lost(), BOOKED, retry=ONCE) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            with pytest.raises(OutcomeUnknownError) as caught:
                await hold.book(ada)
            assert not hold.must_be_released
            booking = await hold.book(ada)
    first, second = keys(transport)
    assert first == second == caught.value.idempotency_key == booking.idempotency_key
    assert transport.requests[1].body == transport.requests[2].body


IN_DOUBT = {
    "lost": lost(),
    "500": HttpResponse(status=500),
    "504": HttpResponse(status=504),
    "in progress": json_reply({"error_code": "idempotency_in_progress"}, 409),
    "no json": HttpResponse(status=200, body=b"<html>"),
    "unreadable": UNREADABLE,
    "bug": buggy,
}


@pytest.mark.parametrize("failure", IN_DOUBT.values(), ids=IN_DOUBT)
async def test_a_hold_that_may_be_booked_is_not_released(scripted, wanted, ada, failure):
    never = RetryPolicy(attempts=1, deadline=0.001)
    async with scripted(HELD, failure, retry=never) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            with pytest.raises(Exception):  # noqa: B017
                await hold.book(ada)
    assert asked(transport) == ["reservation", "booking"]


LATER = {
    "not sent": (NotSentError("no route"), NotSentError),
    "400": (REFUSED, InvalidRequestError),
    "401": (json_reply({"error_code": "unauthorized"}, 401), AuthenticationError),
    "404": (json_reply({"error_code": "not_found"}, 404), NotFoundError),
    "429": (HttpResponse(status=429), RateLimitedError),
    "mismatch": (json_reply({"error_code": "key_reused"}, 409), IdempotencyMismatchError),
}


@pytest.mark.parametrize(("later", "kind"), LATER.values(), ids=LATER)
async def test_a_later_failure_does_not_overrule_an_unknown_outcome(
    scripted, wanted, ada, later, kind
):
    async with scripted(HELD, lost(), later, BOOKED, retry=ONCE) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            with pytest.raises(OutcomeUnknownError):
                await hold.book(ada)
            with pytest.raises(kind):
                await hold.book(ada)
            assert not hold.must_be_released
            await hold.book(ada)
    assert len(set(keys(transport))) == 1
    assert len(keys(transport)) == 3


@pytest.mark.parametrize(("later", "kind"), LATER.values(), ids=LATER)
async def test_leaving_after_such_a_failure_releases_nothing(scripted, wanted, ada, later, kind):
    async with scripted(HELD, lost(), later, retry=ONCE) as (session, transport):
        with pytest.raises(kind):
            async with session.ticketing.reservations.hold(**wanted) as hold:
                with pytest.raises(OutcomeUnknownError):
                    await hold.book(ada)
                await hold.book(ada)
    assert "cancel-reservation" not in asked(transport)


async def test_another_key_is_refused_while_the_first_may_have_booked(scripted, wanted, ada):
    async with scripted(HELD, lost(), BOOKED, retry=ONCE) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            with pytest.raises(OutcomeUnknownError):
                await hold.book(ada, idempotency_key="mine")
            with pytest.raises(ConfigurationError, match="unknown whether this hold was booked"):
                await hold.book(ada, idempotency_key="other")
            await hold.book(ada, idempotency_key="mine")
    assert keys(transport) == ["mine", "mine"]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (REFUSED, InvalidRequestError),
        (json_reply({"error_code": "not_found"}, 404), NotFoundError),
        (NotSentError("no route"), NotSentError),
        (HttpResponse(status=429), RateLimitedError),
    ],
    ids=["400", "404", "not sent", "429"],
)
async def test_after_a_definite_failure_a_second_try_has_a_new_key_and_the_hold_is_released(
    scripted, wanted, ada, failure, kind
):
    async with scripted(HELD, failure, failure, RELEASED, retry=ONCE) as (session, transport):
        with pytest.raises(kind):
            async with session.ticketing.reservations.hold(**wanted) as hold:
                with pytest.raises(kind):
                    await hold.book(ada)
                assert hold.must_be_released
                await hold.book(ada)
    assert len(set(keys(transport))) == 2
    assert asked(transport)[-1] == "cancel-reservation"


async def test_a_refusal_met_while_handling_another_unknown_outcome_is_still_definite(
    scripted, wanted, ada
):
    async with scripted(HELD, REFUSED, RELEASED, retry=ONCE) as (session, transport):
        with pytest.raises(InvalidRequestError):
            async with session.ticketing.reservations.hold(**wanted) as hold:
                try:
                    raise OutcomeUnknownError("of something else")
                except OutcomeUnknownError:
                    await hold.book(ada)
    assert asked(transport)[-1] == "cancel-reservation"


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 300, "ä", "a\r\nb"])
async def test_a_malformed_key_is_refused_and_the_hold_stays_bookable(scripted, wanted, ada, key):
    async with scripted(HELD, BOOKED) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            with pytest.raises(ConfigurationError):
                await hold.book(ada, idempotency_key=key)
            await hold.book(ada)
    assert asked(transport) == ["reservation", "booking"]


async def test_a_wrong_customer_is_refused_and_the_hold_stays_bookable(scripted, wanted, ada):
    async with scripted(HELD, BOOKED) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            with pytest.raises(ConfigurationError, match="a Customer"):
                await hold.book({"first_name": "Ada"})
            await hold.book(ada)
    assert asked(transport) == ["reservation", "booking"]


async def test_after_the_end_a_hold_can_no_longer_be_booked(scripted, wanted, ada):
    async with scripted(HELD, BOOKED, HELD, RELEASED, HELD, RELEASED) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            await hold.book(ada)
            with pytest.raises(SessionStateError, match="is booked"):
                await hold.book(ada)
            await hold.release()
        async with session.ticketing.reservations.hold(**wanted) as hold:
            await hold.release()
            await hold.release()
            with pytest.raises(SessionStateError, match="is released"):
                await hold.book(ada)
        async with session.ticketing.reservations.hold(**wanted) as hold:
            pass
        with pytest.raises(SessionStateError, match="is released"):
            await hold.book(ada)
    assert asked(transport).count("booking") == 1


async def test_a_hold_that_is_gone_counts_as_released(scripted, wanted, ada):
    gone = json_reply({"error_code": "not_found"}, 404)
    async with scripted(HELD, gone) as (session, _):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            await hold.release()
            with pytest.raises(SessionStateError, match="is released"):
                await hold.book(ada)


async def test_a_failed_release_leaves_no_task_with_an_unseen_error(scripted, wanted, caplog):
    async with scripted(HELD, buggy) as (session, _):
        async with session.ticketing.reservations.hold(**wanted):
            pass
    gc.collect()
    assert [record for record in caplog.records if record.levelname in ("ERROR", "WARNING")] == []


async def test_a_release_that_failed_may_be_tried_again(scripted, wanted):
    async with scripted(HELD, lost(), RELEASED, retry=ONCE) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            with pytest.raises(OutcomeUnknownError):
                await hold.release()
    assert asked(transport) == ["reservation", "cancel-reservation", "cancel-reservation"]


async def test_a_hold_cannot_be_entered_twice(scripted, wanted):
    async with scripted(HELD, RELEASED) as (session, transport):
        context = session.ticketing.reservations.hold(**wanted)
        async with context:
            with pytest.raises(SessionStateError):
                await context.__aenter__()
        with pytest.raises(SessionStateError):
            await context.__aenter__()
    assert asked(transport) == ["reservation", "cancel-reservation"]


# Several tasks, and cancellation.


class Gate:
    """A step of a script that waits until a test lets it go on."""

    def __init__(self, reply):
        self.reached = asyncio.Event()
        self.open = asyncio.Event()
        self.passed = False
        self._reply = reply

    async def __call__(self, _):
        self.reached.set()
        await self.open.wait()
        self.passed = True
        return self._reply


async def test_a_hold_is_booked_by_one_task_only(scripted, wanted, ada):
    gate = Gate(BOOKED)
    async with scripted(HELD, gate) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            first = asyncio.create_task(hold.book(ada))
            await gate.reached.wait()
            assert not hold.must_be_released
            with pytest.raises(SessionStateError, match="being booked"):
                await hold.book(ada)
            with pytest.raises(SessionStateError, match="being booked"):
                await hold.release()
            gate.open.set()
            await first
    assert asked(transport) == ["reservation", "booking"]


async def test_leaving_while_another_task_books_releases_nothing(scripted, wanted, ada):
    gate = Gate(BOOKED)
    async with scripted(HELD, gate) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            task = asyncio.create_task(hold.book(ada))
            await gate.reached.wait()
        gate.open.set()
        assert (await task).booking_reference == "1000053"
    assert asked(transport) == ["reservation", "booking"]


async def test_a_hold_being_released_cannot_be_booked(scripted, wanted, ada):
    gate = Gate(RELEASED)
    async with scripted(HELD, gate) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            task = asyncio.create_task(hold.release())
            await gate.reached.wait()
            with pytest.raises(SessionStateError, match="being released"):
                await hold.book(ada)
            gate.open.set()
            await task
    assert asked(transport) == ["reservation", "cancel-reservation"]


async def test_a_cancelled_booking_keeps_the_hold_and_its_key(scripted, wanted, ada):
    gate = Gate(BOOKED)
    async with scripted(HELD, gate, BOOKED) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            task = asyncio.create_task(hold.book(ada))
            await gate.reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            assert not hold.must_be_released
            await hold.book(ada)
    found = unknown_outcome(caught.value)
    assert found is not None
    assert found.operation == "BookTickets"
    assert keys(transport) == [found.idempotency_key] * 2


async def test_a_timeout_around_a_booking_keeps_the_hold(scripted, wanted, ada):
    gate = Gate(BOOKED)
    async with scripted(HELD, gate) as (session, transport):
        with pytest.raises(TimeoutError) as caught:
            async with session.ticketing.reservations.hold(**wanted) as hold:
                async with asyncio.timeout(0):
                    await hold.book(ada)
    assert asked(transport) in (["reservation"], ["reservation", "booking"])
    found = unknown_outcome(caught.value)
    assert found is not None
    assert found.idempotency_key == keys(transport)[0]


async def test_a_cancel_in_the_block_still_releases(scripted, wanted):
    inside = asyncio.Event()

    async with scripted(HELD, RELEASED) as (session, transport):

        async def buy():
            async with session.ticketing.reservations.hold(**wanted):
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(buy())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert asked(transport) == ["reservation", "cancel-reservation"]


async def test_a_second_cancel_ends_the_waiting_but_not_the_release(scripted, wanted):
    inside, gate = asyncio.Event(), Gate(RELEASED)

    async with scripted(HELD, gate) as (session, _):

        async def buy():
            async with session.ticketing.reservations.hold(**wanted) as hold:
                held.append(hold)
                inside.set()
                await asyncio.Event().wait()

        held = []
        task = asyncio.create_task(buy())
        await inside.wait()
        task.cancel()
        await gate.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not gate.passed
        gate.open.set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert gate.passed
        with pytest.raises(SessionStateError, match="is released"):
            await held[0].book(Customer("A", "B", "c@example.com"))


# When a hold ends.

ZURICH = ZoneInfo("Europe/Zurich")
MINUTE = timedelta(minutes=1)


def received(expires_at, at):
    return Reservation(reservation_id=HOLD, expires_at=expires_at, received_at=at)


@pytest.mark.parametrize("zone", [UTC, ZURICH], ids=["UTC", "Zurich"])
@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 1, 15, 12, 0, tzinfo=UTC),
        datetime(2026, 7, 15, 12, 0, tzinfo=UTC),
        datetime(2026, 7, 15, 22, 30, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
        *(datetime(2026, 3, 28, 23, 0, tzinfo=UTC) + i * 20 * MINUTE for i in range(15)),
        *(datetime(2026, 10, 24, 22, 0, tzinfo=UTC) + i * 20 * MINUTE for i in range(15)),
    ],
    ids=lambda now: f"{now:%m-%d %H:%M}",
)
def test_the_deadline_is_found_whichever_zone_the_server_writes(zone, now):
    end = now + timedelta(hours=1)
    reservation = received(end.astimezone(zone).replace(tzinfo=None), now)
    assert reservation.expires_at_utc == end
    assert reservation.expires_at_utc.tzinfo is UTC


@settings(max_examples=300, deadline=None)
@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2039, 12, 31)),
    zone=st.sampled_from([UTC, ZURICH]),
    drift=st.integers(-29, 29),
)
@example(now=datetime(2026, 10, 25, 0, 30), zone=ZURICH, drift=0)
@example(now=datetime(2026, 10, 24, 23, 30), zone=ZURICH, drift=-29)
@example(now=datetime(2026, 3, 29, 0, 30), zone=UTC, drift=29)
def test_the_deadline_is_within_a_minute_of_an_hour_from_receipt(now, zone, drift):
    now = now.replace(tzinfo=UTC)
    true_end = now + timedelta(minutes=60, seconds=drift)
    written = true_end.astimezone(zone).replace(tzinfo=None)
    assert abs(received(written, now).expires_at_utc - (now + timedelta(hours=1))) <= MINUTE


def test_a_zone_the_server_sends_is_believed():
    end = datetime(2026, 3, 19, 11, 0, tzinfo=timezone(timedelta(hours=2)))
    now = datetime(2026, 3, 19, 3, 0, tzinfo=UTC)
    assert received(end, now).expires_at_utc == datetime(2026, 3, 19, 9, 0, tzinfo=UTC)


def test_a_reservation_made_by_hand_has_a_deadline_too():
    made = Reservation(reservation_id=HOLD, expires_at=datetime(2026, 3, 19, 9, 0))
    assert made.expires_at_utc == datetime(2026, 3, 19, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("written", [datetime.min, datetime.max.replace(microsecond=0)], ids=str)
@pytest.mark.parametrize("zone", [None, UTC, ZURICH, timezone(timedelta(hours=-5))], ids=str)
@pytest.mark.parametrize("at", [None, datetime(2026, 3, 19, tzinfo=UTC)])
def test_a_placeholder_for_no_date_is_read_without_a_crash(written, zone, at):
    found = received(written.replace(tzinfo=zone), at).expires_at_utc
    assert found.tzinfo is UTC
    assert abs(found.replace(tzinfo=None) - written) <= timedelta(hours=6)


async def test_the_time_left_runs_on_the_clock_of_the_session_and_stops_at_zero(scripted, wanted):
    clock = FakeClock(datetime(2026, 3, 19, 7, 0, tzinfo=UTC))
    async with scripted(HELD, RELEASED, clock=clock) as (session, _):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            # 09:00 in Zurich in winter.
            assert hold.expires_at_utc == datetime(2026, 3, 19, 8, 0, tzinfo=UTC)
            assert hold.remaining == timedelta(minutes=60)
            clock.advance(59 * 60)
            assert hold.remaining == MINUTE
            clock.advance(60)
            assert hold.remaining == timedelta(0)
            clock.advance(3600)
            assert hold.remaining == timedelta(0)


async def test_the_repr_of_a_hold_tells_its_state(scripted, wanted, ada):
    async with scripted(HELD, BOOKED) as (session, _):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            assert repr(hold) == f"<Hold {HOLD} held until 2026-03-19 08:00:00 UTC>"
            await hold.book(ada)
            assert repr(hold) == f"<Hold {HOLD} booked>"


# What a release means.


async def test_an_unknown_hold_is_not_released_but_gone(scripted):
    async with scripted(json_reply({"error_code": "not_found"}, 404)) as (session, _):
        with pytest.raises(NotFoundError):
            await session.ticketing.reservations.cancel(HOLD)


async def test_a_404_after_a_lost_release_means_it_worked(scripted):
    async with scripted(lost(), json_reply({"error_code": "not_found"}, 404)) as (session, _):
        released = await session.ticketing.reservations.cancel(HOLD)
    assert released.reservation_id == HOLD


async def test_another_refusal_after_a_lost_release_is_raised(scripted):
    async with scripted(lost(), REFUSED) as (session, _):
        with pytest.raises(InvalidRequestError) as caught:
            await session.ticketing.reservations.cancel(HOLD)
    assert caught.value.attempts == 2


# The order list settles a cancellation.


def order(status, booking_id="69d86bc39927d941d4dab89a"):
    return {
        "id": booking_id,
        "order_number": "1000053",
        "status": status,
        "created_at": "2026-03-19T08:00:00",
        "updated_at": "2026-03-19T08:00:01",
        "currency": "CHF",
        "language": "de",
        "location": "web",
        "discount_in_cents": 0,
        "grand_total_in_cents": 0,
        "payments": [],
        "order_lines": [
            {
                "product_id": "p",
                "name": "n",
                "ticket_type_id": "t",
                "ticket_type_name": "n",
                "quantity": 1,
                "total_price_in_cents": 0,
                "total_count_people": 1,
                "tickets": [{"number": "4666825950402448933"}],
            }
        ],
    }


BOOKING = "69d86bc39927d941d4dab89a"
ALREADY = json_reply({"error_code": "validation_error", "message": "already cancelled"}, 400)


async def test_a_refusal_after_a_lost_cancellation_is_settled_by_the_order_list(scripted):
    orders = json_reply([order("completed", "other"), order("cancelled")])
    async with scripted(lost(), ALREADY, orders) as (session, transport):
        cancelled = await session.ticketing.bookings.cancel(BOOKING)
    assert cancelled.booking_reference == "1000053"
    assert [ticket.ticket_number for ticket in cancelled.cancelled_tickets] == [
        "4666825950402448933"
    ]
    # Early enough whether the server's clock shows UTC or Zurich.
    assert transport.requests[2].query == (("updated_at_after", "2026-03-19T06:00:00"),)


@pytest.mark.parametrize("orders", [[], [order("cancelled", "other")]])
async def test_a_refused_cancellation_stays_unknown_if_the_orders_do_not_show_it(scripted, orders):
    async with scripted(lost(), ALREADY, json_reply(orders)) as (session, _):
        with pytest.raises(OutcomeUnknownError) as caught:
            await session.ticketing.bookings.cancel(BOOKING)
    assert isinstance(caught.value.refusal, InvalidRequestError)


@pytest.mark.parametrize("orders", [[order("completed")]])
async def test_a_refused_cancellation_stays_one_if_the_order_was_not_cancelled(scripted, orders):
    async with scripted(lost(), ALREADY, json_reply(orders)) as (session, _):
        with pytest.raises(InvalidRequestError) as caught:
            await session.ticketing.bookings.cancel(BOOKING)
    assert (caught.value.operation, caught.value.attempts) == ("CancelBooking", 3)


@pytest.mark.parametrize(
    "orders",
    [
        json_reply({"error_code": "forbidden"}, 403),
        NotSentError("no route"),
        HttpResponse(status=200, body=b"[{}]"),
    ],
    ids=["403", "not sent", "unreadable"],
)
async def test_a_cancellation_that_cannot_be_settled_stays_unknown(scripted, orders):
    retry = RetryPolicy(attempts=2, budget=1.0)
    script = [orders] * (2 if isinstance(orders, NotSentError) else 1)
    async with scripted(lost(), ALREADY, *script, retry=retry) as (session, _):
        with pytest.raises(OutcomeUnknownError) as caught:
            await session.ticketing.bookings.cancel(BOOKING)
    assert caught.value.operation == "CancelBooking"
    assert isinstance(caught.value.refusal, InvalidRequestError)


async def test_a_first_refusal_of_a_cancellation_is_believed_at_once(scripted):
    async with scripted(ALREADY) as (session, transport):
        with pytest.raises(InvalidRequestError):
            await session.ticketing.bookings.cancel(BOOKING)
    assert len(transport.requests) == 1


async def test_a_booking_refused_after_a_lost_answer_stays_unknown(scripted, wanted, ada):
    async with scripted(lost(), REFUSED) as (session, transport):
        with pytest.raises(OutcomeUnknownError) as caught:
            await session.ticketing.bookings.create(**wanted, customer=ada)
    assert isinstance(caught.value.refusal, InvalidRequestError)
    assert keys(transport) == [caught.value.idempotency_key] * 2


async def test_a_check_in_is_sent_once_whatever_becomes_of_it(scripted):
    async with scripted(lost(), HttpResponse(status=502)) as (session, transport):
        with pytest.raises(OutcomeUnknownError):
            await session.ticketing.tickets.check_in("4666825950402448933")
        with pytest.raises(ServerError) as caught:
            await session.ticketing.tickets.check_out("4666825950402448933")
    assert caught.value.outcome_unknown
    assert len(transport.requests) == 2


async def test_an_unreadable_booking_says_that_it_may_have_been_made(scripted, wanted, ada):
    async with scripted(UNREADABLE) as (session, _):
        with pytest.raises(DecodingError) as caught:
            await session.ticketing.bookings.create(**wanted, customer=ada, idempotency_key="mine")
    assert caught.value.outcome_unknown
    assert caught.value.idempotency_key == "mine"


async def test_a_hold_works_on_the_session_that_made_it(wanted):
    transport = ScriptedTransport(HELD)
    async with AsyncSession("0123456789abcdef", transport=transport) as session:
        hold = await session.ticketing.reservations.hold(**wanted).__aenter__()
    with pytest.raises(SessionStateError):
        await hold.book(Customer("A", "B", "c@example.com"))
    assert asked(transport) == ["reservation"]


async def test_entering_that_is_cancelled_gives_back_what_was_under_way(wanted):
    sandbox_answers = asyncio.Event()
    seen = []

    class Slow:
        async def send(self, request, /):
            seen.append(request.operation)
            if request.operation == "ReserveTickets":
                await sandbox_answers.wait()
                return json_reply({"reservation_id": "r1", "expires_at": "2026-03-19T09:00:00"})
            return json_reply({"reservation_id": "r1"})

        async def aclose(self):
            pass

    async with AsyncSession("0123456789abcdef01234567", transport=Slow()) as session:

        async def enter():
            async with session.ticketing.reservations.hold(**wanted):
                pytest.fail("never entered")

        task = asyncio.create_task(enter())
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        sandbox_answers.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert seen == ["ReserveTickets", "CancelReservation"]


@pytest.mark.parametrize("code", ["capacity_conflict", "sold_out_conflict", "slot_locked", "quota"])
async def test_a_409_about_the_stock_is_not_taken_for_one_about_the_key(
    scripted, wanted, ada, code
):
    refused = json_reply({"error_code": code, "message": ""}, 409)
    async with scripted(refused) as (session, _):
        with pytest.raises(ConflictError) as caught:
            await session.ticketing.bookings.create(**wanted, customer=ada)
    assert type(caught.value) is ConflictError
    assert caught.value.outcome_unknown is False


async def test_a_hold_tells_the_key_of_a_booking_in_doubt(scripted, wanted, ada):
    held = json_reply({"reservation_id": "r1", "expires_at": "2026-03-19T09:00:00"})
    once = RetryPolicy(attempts=1)
    async with scripted(held, OutcomeUnknownError("lost"), retry=once) as (session, _):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            assert hold.idempotency_key is None
            with pytest.raises(OutcomeUnknownError) as caught:
                await hold.book(ada)
            assert hold.idempotency_key == caught.value.idempotency_key is not None


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (json_reply({"error_code": "validation_error"}, 400), False),
        (HttpResponse(status=502, body=b"<html>"), True),
    ],
)
async def test_a_cancelled_entering_says_if_a_hold_may_be_left(wanted, answer, left):
    go_on = asyncio.Event()

    class Slow:
        async def send(self, request, /):
            await go_on.wait()
            return answer

        async def aclose(self):
            pass

    async with AsyncSession("0123456789abcdef01234567", transport=Slow()) as session:
        task = asyncio.create_task(session.ticketing.reservations.hold(**wanted).__aenter__())
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    assert (unknown_outcome(caught.value) is not None) is left


async def test_an_entering_that_is_cancelled_twice_still_says_that_a_hold_may_be_left(wanted):
    class Stuck:
        async def send(self, request, /):
            await asyncio.Event().wait()

        async def aclose(self):
            pass

    async with AsyncSession("0123456789abcdef01234567", transport=Stuck()) as session:
        task = asyncio.create_task(session.ticketing.reservations.hold(**wanted).__aenter__())
        for _ in range(10):
            await asyncio.sleep(0)
        for _ in range(2):
            task.cancel()
            for _ in range(5):
                await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        found = unknown_outcome(caught.value)
        assert found is not None
        assert found.operation == "ReserveTickets"
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
