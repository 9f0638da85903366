"""What came back is compared with what was asked, and a difference carries what was done."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eguma_async import (
    AsyncSession,
    BookedTicket,
    Booking,
    OutcomeUnknownError,
    ResultMismatchError,
    RetryPolicy,
    SessionStateError,
    TicketItem,
    unknown_outcome,
)
from eguma_async.eguma.ticketing.booking_operations import ticket_differences
from eguma_async.testing import ScriptedTransport, json_reply

ADULT, CHILD = "64ad1bb1973b861c040c99c1", "64ad1bb1973b861c040c99c2"
HELD = json_reply({"reservation_id": "r1", "expires_at": "2026-03-19T09:00:00.0000000"})
NUMBERS = ("4666825950402448933", "5520724186522287244", "6620724186522287245")


def tickets(*categories, numbers=NUMBERS):
    return [
        {"ticket_number": number, "category_id": category}
        for number, category in zip(numbers, categories, strict=False)
    ]


def booked(*categories, numbers=NUMBERS, headers=None):
    content = {"booking_id": "b1", "booking_reference": "1000053"}
    return json_reply(content | {"tickets": tickets(*categories, numbers=numbers)}, headers=headers)


SHORT = {
    "none": ((), NUMBERS, (f"category {ADULT}: 2 asked for, 0 given",)),
    "one": ((ADULT,), NUMBERS, (f"category {ADULT}: 2 asked for, 1 given",)),
    "three": ((ADULT,) * 3, NUMBERS, (f"category {ADULT}: 2 asked for, 3 given",)),
    "another category": (
        (CHILD, CHILD),
        NUMBERS,
        (f"category {ADULT}: 2 asked for, 0 given", "other categories: none asked for, 2 given"),
    ),
    "one too many": (
        (ADULT, ADULT, CHILD),
        NUMBERS,
        ("other categories: none asked for, 1 given",),
    ),
    "one number twice": (
        (ADULT, ADULT),
        NUMBERS[:1] * 2,
        ("ticket numbers: 1 of 2 given before",),
    ),
}


@pytest.mark.parametrize("case", SHORT)
async def test_a_booking_with_other_tickets_is_an_error_that_carries_it(
    scripted, wanted, ada, case
):
    categories, numbers, differences = SHORT[case]
    reply = booked(*categories, numbers=numbers, headers={"Idempotency-Replayed": "true"})
    async with scripted(reply) as (session, transport):
        with pytest.raises(ResultMismatchError) as caught:
            await session.ticketing.bookings.create(**wanted, customer=ada, idempotency_key="mine")
    error = caught.value
    assert error.differences == differences
    assert error.result == Booking(
        booking_id="b1",
        booking_reference="1000053",
        tickets=tuple(
            BookedTicket(ticket_number=number, category_id=category)
            for number, category in zip(numbers, categories, strict=False)
        ),
        replayed=True,
        idempotency_key="mine",
    )
    assert (error.operation, error.idempotency_key, error.attempts) == ("BookTickets", "mine", 1)
    assert not error.outcome_unknown
    assert len(transport.requests) == 1
    assert not any(number in str(error) + repr(error) for number in NUMBERS)


async def test_it_is_definite_even_after_a_lost_answer(scripted, wanted, ada):
    lost = OutcomeUnknownError("the answer was lost")
    async with scripted(lost, booked(ADULT)) as (session, transport):
        with pytest.raises(ResultMismatchError) as caught:
            await session.ticketing.bookings.create(**wanted, customer=ada)
    assert caught.value.attempts == 2
    assert unknown_outcome(caught.value) is None
    first, second = (request.headers["Idempotency-Key"] for request in transport.requests)
    assert first == second == caught.value.result.idempotency_key
    assert pickle.loads(pickle.dumps(caught.value)).idempotency_key == first


async def test_the_case_of_an_id_is_no_difference(scripted, wanted, ada):
    async with scripted(booked(ADULT.upper(), ADULT.upper())) as (session, _):
        booking = await session.ticketing.bookings.create(**wanted, customer=ada)
    assert len(booking.tickets) == 2


async def test_another_language_is_told_and_no_error(scripted, wanted, ada):
    reply = json.loads(booked(ADULT, ADULT).body) | {"language": "de"}
    async with scripted(json_reply(reply)) as (session, _):
        booking = await session.ticketing.bookings.create(**wanted, customer=ada, language="en")
    assert booking.language == "de"


async def test_a_hold_that_was_booked_otherwise_is_booked(scripted, wanted, ada):
    async with scripted(HELD, booked(ADULT)) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            assert not hold.is_booked
            with pytest.raises(ResultMismatchError) as caught:
                await hold.book(ada, idempotency_key="mine")
            assert hold.is_booked
            assert not hold.must_be_released
            assert hold.idempotency_key is None
            assert repr(hold) == "<Hold r1 booked>"
            with pytest.raises(SessionStateError, match="is booked"):
                await hold.book(ada)
    assert [request.operation for request in transport.requests] == [
        "ReserveTickets",
        "BookTickets",
    ]
    assert caught.value.result.booking_id == "b1"


async def test_a_booking_in_doubt_that_turns_out_otherwise_ends_the_doubt(scripted, wanted, ada):
    lost = OutcomeUnknownError("the answer was lost")
    async with scripted(HELD, lost, booked(ADULT), retry=RetryPolicy(attempts=1)) as (session, _):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            with pytest.raises(OutcomeUnknownError):
                await hold.book(ada)
            assert hold.idempotency_key is not None
            with pytest.raises(ResultMismatchError):
                await hold.book(ada)
            assert (hold.is_booked, hold.idempotency_key) == (True, None)


@settings(max_examples=200, deadline=None)
@given(
    asked=st.dictionaries(st.sampled_from("abcd"), st.integers(1, 4), min_size=1),
    given_=st.lists(st.sampled_from("abcde"), max_size=10),
    repeats=st.integers(0, 2),
)
def test_there_is_a_difference_exactly_if_the_tickets_are_others(asked, given_, repeats):
    items = [TicketItem(category, quantity) for category, quantity in asked.items()]
    numbers = [str(max(0, n - repeats)) for n in range(len(given_))]
    found = [
        BookedTicket(ticket_number=number, category_id=category)
        for number, category in zip(numbers, given_, strict=True)
    ]
    same = Counter(given_) == Counter(asked) and len(set(numbers)) == len(numbers)
    assert (ticket_differences(items, found) == ()) is same


# Elsewhere.

CANCELLED = {"booking_id": "b1", "booking_reference": "1000053", "cancelled_tickets": []}
INFO = {
    "id": "i1",
    "ticket_number": NUMBERS[0],
    "created_at": "2019-03-20T21:20:39",
    "price_in_cents": 4900,
    "is_checked_in": False,
    "event_or_admission_id": "p1",
}
ELSEWHERE = {
    "cancelled booking": (
        lambda t, id_: t.bookings.cancel(id_),
        CANCELLED,
        "booking_id",
        "b1",
    ),
    "released hold": (
        lambda t, id_: t.reservations.cancel(id_),
        {"reservation_id": "b1"},
        "reservation_id",
        "b1",
    ),
    "ticket": (lambda t, id_: t.tickets.get(id_), INFO, "ticket_number", NUMBERS[0]),
}


@pytest.mark.parametrize(("call", "answer", "name", "id_"), ELSEWHERE.values(), ids=ELSEWHERE)
async def test_an_answer_about_something_else_is_an_error_that_carries_it(
    scripted, call, answer, name, id_
):
    async with scripted(json_reply(answer), json_reply(answer)) as (session, transport):
        await call(session.ticketing, id_)
        with pytest.raises(ResultMismatchError) as caught:
            await call(session.ticketing, "x1")
    assert caught.value.differences == (f"{name}: not the one that was asked for",)
    assert getattr(caught.value.result, name) == id_
    assert len(transport.requests) == 2


async def test_a_uuid_may_come_back_in_capitals(scripted):
    hold = "50b6d149-49c4-4d2d-a96d-59d251de1edb"
    async with scripted(json_reply({"reservation_id": hold.upper()})) as (session, _):
        await session.ticketing.reservations.cancel(hold)


async def test_a_hold_of_which_another_one_was_released_still_has_to_be(scripted, wanted):
    other, own = json_reply({"reservation_id": "r2"}), json_reply({"reservation_id": "r1"})
    async with scripted(HELD, other, own) as (session, transport):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            with pytest.raises(ResultMismatchError):
                await hold.release()
            assert hold.must_be_released
    assert [json.loads(r.body)["reservation_id"] for r in transport.requests[1:]] == ["r1", "r1"]


async def test_leaving_a_hold_of_which_another_one_was_released_is_no_error(scripted, wanted):
    async with scripted(HELD, json_reply({"reservation_id": "r2"})) as (session, _):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            pass
        assert hold.must_be_released


def slot(starts_at):
    return {
        "slot_type": "time",
        "starts_at": starts_at,
        "availability_count": 4,
        "prices": [{"category_id": ADULT, "price_in_cents": 4500}],
    }


DAYS: dict[str, Any] = {"from_date": date(2026, 3, 19), "to_date": date(2026, 3, 20)}
LISTED = {
    "2026-03-18T23:59:59": False,
    "2026-03-19T00:00:00": True,
    "2026-03-20T23:59:59": True,
    "2026-03-21T00:00:00": False,
    "2026-03-18T23:30:00Z": True,  # half past midnight at the merchant's
    "2026-03-20T23:30:00Z": True,  # as it is written
    "2026-03-21T23:30:00Z": False,
    "2026-03-19T10:00:00+01:00": True,
}


async def test_a_slot_of_a_day_that_was_not_asked_for_is_left_out(scripted):
    content = {"company_name": "c", "product_name": "p", "availabilities": list(map(slot, LISTED))}
    async with scripted(json_reply(content)) as (session, _):
        found = await session.ticketing.availabilities.list("p1", **DAYS)
    starts = [datetime.fromisoformat(text) for text, is_in in LISTED.items() if is_in]
    assert [each.starts_at for each in found.availabilities] == starts
    assert found.unreadable == ()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-50, 100), max_size=8))
async def test_naive_starts_are_kept_by_their_day(hours):
    starts = [datetime(2026, 3, 19) + timedelta(hours=h) for h in hours]
    content = {
        "company_name": "c",
        "product_name": "p",
        "availabilities": [slot(start.isoformat()) for start in starts],
    }
    transport = ScriptedTransport(json_reply(content))
    async with AsyncSession("k" * 24, transport=transport) as session:
        found = await session.ticketing.availabilities.list("p1", **DAYS)
    assert [each.starts_at for each in found.availabilities] == [
        start for start, h in zip(starts, hours, strict=True) if 0 <= h < 48
    ]


def order(number, **more):
    return {
        "id": f"o{number}",
        "order_number": number,
        "status": "completed",
        "created_at": "2026-03-19T08:00:00",
        "updated_at": "2026-03-19T08:00:01",
        "currency": "CHF",
        "language": "de",
        "location": "web",
        "discount_in_cents": 0,
        "grand_total_in_cents": 0,
        "payments": [],
        "order_lines": [],
    } | more


async def test_orders_of_other_numbers_are_left_out(scripted):
    rows = [
        order("1000053"),
        order("1000054"),
        order("1000054", status=None),
        order("1000053", status=None),
        order(None),
    ]
    async with scripted(json_reply(rows), json_reply(rows)) as (session, transport):
        found = await session.ticketing.orders.list(order_number="1000053")
        everything = await session.ticketing.orders.list()
    assert transport.requests[0].query == (("order_number", "1000053"),)
    assert [each.id for each in found] == ["o1000053"]
    assert [each.index for each in found.unreadable] == [3, 4]  # which may be the one
    assert (len(everything), len(everything.unreadable)) == (2, 3)


async def test_orders_of_another_name_are_the_servers_to_choose(scripted):
    async with scripted(json_reply([order("1")])) as (session, _):
        assert len(await session.ticketing.orders.list(last_name="Lovelace")) == 1
