"""A total that the customer was told: checked once the places are held, and before any payment."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime

import attrs
import pytest

from eguma_async import (
    AsyncSession,
    ConfigurationError,
    NotFoundError,
    PriceChangedError,
    RetryPolicy,
    TicketItem,
    Timeouts,
)
from eguma_async.sandbox import EgumaOptions, EgumaSandbox
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply

ADULT = "64ad1bb1973b861c040c99c1"
HELD = json_reply({"reservation_id": "r1", "expires_at": "2026-03-19T09:00:00.0000000"})
RELEASED = json_reply({"reservation_id": "r1"})


def priced(cents=4500, starts_at="2026-03-19T10:00:00", **more):
    slot = {
        "slot_type": "time",
        "starts_at": starts_at,
        "availability_count": 4,
        "prices": [{"category_id": ADULT, "price_in_cents": cents}],
    }
    other = slot | {"starts_at": "2026-03-19T11:00:00", "prices": []}
    return json_reply(
        {"company_name": "c", "product_name": "p", "availabilities": [other, slot | more]}
    )


def asked(transport):
    return [request.operation for request in transport.requests]


async def test_the_price_is_read_once_the_places_are_held(scripted, wanted):
    async with scripted(HELD, priced(), RELEASED) as (session, transport):
        async with session.ticketing.reservations.hold(
            **wanted, expected_total_in_cents=9000
        ) as hold:
            assert hold.total_in_cents == 9000
    assert asked(transport) == ["ReserveTickets", "ListAvailabilities", "CancelReservation"]
    read = transport.requests[1]
    assert read.url.endswith("/v1/ticketing/products/64ad1bb1973b861c040c99bd/availabilities.json")
    assert read.query == (("from", "2026-03-19"), ("to", "2026-03-19"))


async def test_without_an_expected_total_nothing_is_read(scripted, wanted):
    async with scripted(HELD, RELEASED) as (session, _):
        async with session.ticketing.reservations.hold(**wanted) as hold:
            assert hold.total_in_cents is None


async def test_a_price_that_has_risen_gives_the_places_back(scripted, wanted):
    async with scripted(HELD, priced(4501), RELEASED) as (session, transport):
        with pytest.raises(PriceChangedError) as caught:
            async with session.ticketing.reservations.hold(**wanted, expected_total_in_cents=9000):
                pytest.fail("nobody must pay")
    error = caught.value
    assert (error.expected, error.actual) == (9000, 9002)
    assert str(error) == "the price has risen: 9000 expected, now 9002"
    assert asked(transport) == ["ReserveTickets", "ListAvailabilities", "CancelReservation"]
    assert json.loads(transport.requests[2].body) == {"reservation_id": "r1"}


async def test_a_price_that_has_fallen_is_told(scripted, wanted):
    async with scripted(HELD, priced(4000), RELEASED) as (session, _):
        async with session.ticketing.reservations.hold(
            **wanted, expected_total_in_cents=9000
        ) as hold:
            assert hold.total_in_cents == 8000


UNKNOWN = {
    "no such slot": priced(starts_at="2026-03-19T12:00:00"),
    "no price": priced(None),
    "no category": priced(prices=[]),
}


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN)
async def test_a_price_that_is_not_known_gives_the_places_back(scripted, wanted, answer):
    async with scripted(HELD, answer, RELEASED) as (session, _):
        with pytest.raises(PriceChangedError) as caught:
            async with session.ticketing.reservations.hold(**wanted, expected_total_in_cents=9000):
                pytest.fail("nobody must pay")
    assert (caught.value.expected, caught.value.actual) == (9000, None)
    assert "not known" in str(caught.value)


async def test_a_price_that_cannot_be_read_gives_the_places_back(scripted, wanted):
    gone = json_reply({"error_code": "not_found"}, 404)
    async with scripted(HELD, gone, RELEASED) as (session, _):
        with pytest.raises(NotFoundError):
            async with session.ticketing.reservations.hold(**wanted, expected_total_in_cents=9000):
                pytest.fail("nobody must pay")


async def test_a_failed_release_does_not_hide_the_price(scripted, wanted):
    steps = (HELD, priced(9999), json_reply({}, 500))
    async with scripted(*steps, retry=RetryPolicy(attempts=1)) as (session, _):
        with pytest.raises(PriceChangedError) as caught:
            async with session.ticketing.reservations.hold(**wanted, expected_total_in_cents=9000):
                pytest.fail("nobody must pay")
    assert caught.value.actual == 19998


async def test_entering_that_is_cancelled_while_the_price_is_read_gives_the_places_back(wanted):
    reading = asyncio.Event()

    async def never(_):
        reading.set()
        await asyncio.Event().wait()

    transport = ScriptedTransport(HELD, never, RELEASED)
    async with AsyncSession("k" * 24, transport=transport) as session:
        context = session.ticketing.reservations.hold(**wanted, expected_total_in_cents=9000)
        task = asyncio.create_task(context.__aenter__())
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert asked(transport)[-1] == "CancelReservation"
    transport.assert_done()


@pytest.mark.parametrize("total", [-1, 45.0, "4500", True])
async def test_an_expected_total_is_a_whole_number_of_cents(scripted, wanted, total):
    async with scripted() as (session, _):
        with pytest.raises(ConfigurationError, match="whole number of cents"):
            session.ticketing.reservations.hold(**wanted, expected_total_in_cents=total)


async def test_two_slots_of_one_start_count_as_the_dearer_one(scripted, wanted):
    answer = json.loads(priced().body)
    twin = answer["availabilities"][1] | {"prices": [{"category_id": ADULT, "price_in_cents": 1}]}
    answer["availabilities"].append(twin)
    async with scripted(HELD, json_reply(answer), RELEASED) as (session, _):
        async with session.ticketing.reservations.hold(
            **wanted, expected_total_in_cents=9000
        ) as hold:
            assert hold.total_in_cents == 9000


@pytest.mark.parametrize(
    ("starts_at", "query"),
    [
        (date(2026, 3, 19), ("2026-03-19", "2026-03-19")),
        (datetime(2026, 3, 19), ("2026-03-19", "2026-03-19")),
    ],
)
async def test_a_day_slot_is_found_by_its_date(scripted, wanted, starts_at, query):
    wanted["starts_at"] = starts_at
    answer = priced(starts_at="2026-03-19T00:00:00")
    async with scripted(HELD, answer, RELEASED) as (session, transport):
        async with session.ticketing.reservations.hold(
            **wanted, expected_total_in_cents=9000
        ) as hold:
            assert hold.total_in_cents == 9000
    assert tuple(value for _, value in transport.requests[1].query) == query


async def test_a_start_in_another_zone_is_looked_for_on_both_its_days(scripted, wanted):
    listed = priced(starts_at="2026-03-18T23:30:00Z")
    steps = (listed, HELD, listed, RELEASED)
    async with scripted(*steps) as (session, transport):
        found = await session.ticketing.availabilities.list(
            wanted["product_id"], from_date=date(2026, 3, 18), to_date=date(2026, 3, 19)
        )
        wanted["starts_at"] = found.availabilities[-1].starts_at
        async with session.ticketing.reservations.hold(**wanted, expected_total_in_cents=9000):
            pass
    assert transport.requests[2].query == (("from", "2026-03-18"), ("to", "2026-03-19"))


async def test_the_timeouts_hold_for_every_request_of_a_hold(scripted, wanted, ada):
    short, shorter = Timeouts(total=7), Timeouts(total=3)
    booked = json_reply(
        {
            "booking_id": "b1",
            "booking_reference": "1",
            "tickets": [{"ticket_number": n, "category_id": ADULT} for n in "12"],
        }
    )
    hold_steps = (HELD, priced(), RELEASED)
    async with scripted(*hold_steps, HELD, booked, HELD, RELEASED) as (session, transport):
        reservations = session.ticketing.reservations
        async with reservations.hold(**wanted, expected_total_in_cents=9000, timeouts=short):
            pass
        async with reservations.hold(**wanted, timeouts=short) as hold:
            await hold.book(ada, timeouts=shorter)
        async with reservations.hold(**wanted, timeouts=short) as hold:
            await hold.release(timeouts=shorter)
    assert [request.timeouts for request in transport.requests] == [
        *[short] * 3,
        short,
        shorter,
        short,
        shorter,
    ]


# Against the sandbox.


@pytest.fixture
def sandbox():
    return EgumaSandbox(FakeClock(datetime(2027, 6, 1, 8, tzinfo=UTC)))


@pytest.mark.parametrize("label", ["time", "day", "unlimited"])
async def test_the_last_places_can_be_held_at_the_expected_total(sandbox, label):
    example = sandbox.example(label)
    start = datetime.fromisoformat(example.starts_at)
    if label != "unlimited":
        sandbox.set_capacity(example.product_id, example.starts_at, 1)
    async with AsyncSession(
        sandbox.demo_key, transport=sandbox.transport(), clock=sandbox.clock
    ) as session:
        found = await session.ticketing.availabilities.list(
            example.product_id, from_date=start.date(), to_date=start.date()
        )
        slot = next(each for each in found.availabilities if each.starts_at == start)
        items = [TicketItem(example.category_ids[0], 1)]
        assert slot.can_book(items)
        total = slot.total_in_cents(items)
        assert total is not None
        async with session.ticketing.reservations.hold(
            product_id=example.product_id,
            starts_at=slot.starts_at,
            items=items,
            expected_total_in_cents=total,
        ) as hold:
            assert hold.total_in_cents == total
        with pytest.raises(PriceChangedError) as caught:
            await session.ticketing.reservations.hold(
                product_id=example.product_id,
                starts_at=slot.starts_at,
                items=items,
                expected_total_in_cents=total - 1,
            ).__aenter__()
    assert (caught.value.expected, caught.value.actual) == (total - 1, total)
    assert sandbox.holds() == ()


async def test_a_server_that_hides_full_slots_tells_no_price_of_the_last_places(sandbox):
    sandbox.options = attrs.evolve(EgumaOptions(), hide_sold_out_slots=True)
    example = sandbox.example("time")
    sandbox.set_capacity(example.product_id, example.starts_at, 1)
    async with AsyncSession(
        sandbox.demo_key, transport=sandbox.transport(), clock=sandbox.clock
    ) as session:
        with pytest.raises(PriceChangedError) as caught:
            await session.ticketing.reservations.hold(
                product_id=example.product_id,
                starts_at=datetime.fromisoformat(example.starts_at),
                items=[TicketItem(example.category_ids[0], 1)],
                expected_total_in_cents=10**6,
            ).__aenter__()
    assert caught.value.actual is None
    assert sandbox.holds() == ()
