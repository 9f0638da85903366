"""Slots: their starts go back to the letter, what can be ordered, and ranges of any length."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eguma_async import (
    AsyncSession,
    Availability,
    CategoryPrice,
    ConfigurationError,
    DecodingError,
    InvalidRequestError,
    ListAvailabilities,
    MemoryTransport,
    NotFoundError,
    ResultMismatchError,
    ServerError,
    SlotType,
    TicketItem,
    Timeouts,
)
from eguma_async.core.codec import Codec
from eguma_async.eguma.provider import EGUMA
from eguma_async.eguma.ticketing.availabilities import as_written
from eguma_async.eguma.ticketing.starts import same_start
from eguma_async.sandbox import EgumaOptions, EgumaSandbox
from eguma_async.testing import FakeClock, json_reply

ADULT = "64ad1bb1973b861c040c99c1"
HELD = {"reservation_id": "r1", "expires_at": "2027-03-19T09:00:00.0000000"}
DAY = date(2027, 3, 19)


def slot(starts_at="2027-03-19T10:00:00", **more):
    return {
        "slot_type": "time",
        "starts_at": starts_at,
        "availability_count": 4,
        "prices": [{"category_id": ADULT, "price_in_cents": 4500}],
    } | more


def listed(*slots, **more):
    return {"company_name": "c", "product_name": "p", "availabilities": list(slots)} | more


# A start goes back as it came.

STARTS = [
    "2027-03-19T10:00:00",
    "2027-03-19T10:00:00+01:00",
    "2027-03-19T09:00:00Z",
    "2027-03-19T09:00:00+00:00",
    "2027-03-19T09:00:00-00:00",
    "2027-03-19T09:00:00z",
    "2027-03-19T05:00:00-04:00",
    "2027-03-19T10:00:00.0000000",
    "2027-03-19T10:00:00.000",
    "2027-03-19T10:00:00.1234567",
    "2027-03-19T10:00:00.0000000+01:00",
    "2027-03-19 10:00:00",
    "2027-03-19T10:00",
    "2027-03-19",
]


async def round_trip(scripted, ada, body, position=0, change=lambda start: start):
    """List slots, hold and book one of them, and return what was sent as its start."""
    booked = {
        "booking_id": "b1",
        "booking_reference": "1",
        "tickets": [{"ticket_number": "1", "category_id": ADULT}],
    }
    async with scripted(body, json_reply(HELD), json_reply(booked)) as (session, transport):
        found = await session.ticketing.availabilities.list("p1", from_date=DAY, to_date=DAY)
        start = change(found.availabilities[position].starts_at)
        async with session.ticketing.reservations.hold(
            product_id="p1", starts_at=start, items=[TicketItem(ADULT, 1)]
        ) as hold:
            await hold.book(ada)
    reserved, sold = (json.loads(request.body)["starts_at"] for request in transport.requests[1:])
    assert reserved == sold
    return reserved


@pytest.mark.parametrize("written", STARTS)
async def test_the_start_of_a_slot_goes_back_to_the_letter(scripted, ada, written):
    body = json_reply(listed(slot(), slot(written), slot("2027-03-19T11:00:00")))
    assert await round_trip(scripted, ada, body, position=1) == written


@pytest.mark.parametrize("written", STARTS)
async def test_so_it_does_from_the_other_tier(scripted, ada, written):
    # A count in quotes is read by the tolerant tier, and one slot not at all.
    body = json_reply(listed({"no": "slot"}, slot(written, availability_count="4")))
    assert await round_trip(scripted, ada, body) == written


async def test_a_start_with_an_escape_and_spaces_goes_back(scripted, ada):
    text = json.dumps(listed(slot("TEXT")), indent=2).replace("TEXT", r"2027-03-19T10:00:00\u005a")
    body = attrs.evolve(json_reply({}), body=text.encode())
    assert await round_trip(scripted, ada, body) == "2027-03-19T10:00:00Z"


@pytest.mark.parametrize(
    "clone", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
async def test_a_start_that_was_kept_elsewhere_goes_back(scripted, ada, clone):
    body = json_reply(listed(slot("2027-03-19T09:00:00Z")))
    assert await round_trip(scripted, ada, body, change=clone) == "2027-03-19T09:00:00Z"


async def test_a_start_that_was_written_down_goes_back(scripted, ada):
    body = json_reply(listed(slot("2027-03-19T10:00:00+01:00")))

    def written_down(start):
        return datetime.fromisoformat(start.isoformat())

    sent = await round_trip(scripted, ada, body, change=written_down)
    assert sent == "2027-03-19T10:00:00+01:00"


async def test_a_slot_as_json_keeps_its_start(scripted):
    body = json_reply(listed(slot("2027-03-19T09:00:00Z")))
    async with scripted(body) as (session, _):
        found = await session.ticketing.availabilities.list("p1", from_date=DAY, to_date=DAY)
        as_json = session.converter.unstructure(found)
    assert as_json["availabilities"][0]["starts_at"] == "2027-03-19T09:00:00Z"


@pytest.mark.parametrize("written", STARTS)
async def test_so_it_does_when_it_was_kept_as_json(scripted, ada, written):
    converter = AsyncSession("k" * 24).converter

    def kept(start):
        kept = attrs.evolve(availability(4, price()), starts_at=start)
        text = json.dumps(converter.unstructure(kept))
        return converter.structure(json.loads(text), Availability).starts_at

    assert (
        await round_trip(scripted, ada, json_reply(listed(slot(written))), change=kept) == written
    )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda moment, text: moment.isoformat() + text,
            st.datetimes(datetime(2027, 3, 19), datetime(2027, 3, 19, 23, 59, 59)).map(
                lambda moment: moment.replace(microsecond=0)
            ),
            st.sampled_from(["", "", "", ".0", ".0000000", "+01:00", "Z"]),
        ),
        max_size=6,
    ),
    st.sampled_from(["Gipfel", "Gipfel 2.0", "x" * 3000]),
)
def test_every_start_of_a_list_is_as_it_was_written(texts, name):
    body = json.dumps(listed(*map(slot, texts), product_name=name)).encode()
    slots = Codec().decode(body, ListAvailabilities.RETURNS).availabilities
    found = as_written(slots, body)
    sent = json.loads(EGUMA.codec.encode([each.starts_at for each in found]))
    assert sent == texts


def test_as_a_rule_nothing_is_remembered():
    body = json.dumps(listed(slot(), product_name="Gipfel 2.0")).encode()
    slots = Codec().decode(body, ListAvailabilities.RETURNS).availabilities
    assert as_written(slots, body) is slots
    assert type(slots[0].starts_at) is datetime


REFUSED = {
    "UTC": datetime(2027, 3, 19, 9, tzinfo=UTC),
    "summer time in winter": datetime(2027, 3, 19, 11, tzinfo=timezone(timedelta(hours=2))),
    "a zone of Python's": datetime(2027, 3, 19, 10, tzinfo=ZoneInfo("Europe/Zurich")),
    "another zone of Python's": datetime(2027, 3, 19, 5, tzinfo=ZoneInfo("America/New_York")),
}


@pytest.mark.parametrize("start", REFUSED.values(), ids=REFUSED)
async def test_a_start_in_a_zone_that_no_slot_came_with_is_refused(scripted, wanted, start):
    async with scripted() as (session, transport):
        with pytest.raises(ConfigurationError, match="starts_at must have no time zone, unless"):
            await session.ticketing.reservations.create(**wanted | {"starts_at": start})
    assert transport.requests == []


async def test_what_was_computed_from_a_start_is_checked_like_any_other(scripted, wanted):
    async with scripted(json_reply(listed(slot("2027-03-19T09:00:00Z")))) as (session, _):
        found = await session.ticketing.availabilities.list("p1", from_date=DAY, to_date=DAY)
        later = found.availabilities[0].starts_at + timedelta(hours=1)
        with pytest.raises(ConfigurationError, match="no time zone"):
            await session.ticketing.reservations.create(**wanted | {"starts_at": later})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (datetime(2027, 3, 19), date(2027, 3, 19), True),
        (datetime(2027, 3, 19, 10), datetime(2027, 3, 19, 9, tzinfo=UTC), True),
        (datetime(2027, 3, 19, 9), datetime(2027, 3, 19, 9, tzinfo=UTC), False),
        (datetime(2027, 3, 19, 10), date(2027, 3, 19), False),
        (datetime.max.replace(tzinfo=UTC), datetime.max, True),
    ],
)
def test_starts_are_compared_on_the_merchants_clock(one, other, same):
    assert same_start(one, other) is same_start(other, one) is same


# What can be ordered.


def price(category="a", least=None, most=None, *, zero=True, cents=100):
    return CategoryPrice(
        category_id=category,
        price_in_cents=cents,
        min_quantity=least,
        max_quantity=most,
        allow_zero_quantity=zero,
    )


def availability(count, *prices):
    return Availability(
        slot_type=SlotType.TIME,
        starts_at=datetime(2027, 3, 19, 10),
        availability_count=count,
        prices=prices,
    )


def items(**quantities):
    return [TicketItem(category, quantity) for category, quantity in quantities.items()]


ORDERS = [
    # places
    (availability(2, price()), items(a=2), True),
    (availability(2, price()), items(a=3), False),
    (availability(None, price()), items(a=999), True),
    (availability(0, price()), items(a=1), False),
    (availability(3, price(), price("b")), items(a=2, b=2), False),
    # categories
    (availability(9, price()), items(b=1), False),
    (availability(9, price(), price("b")), items(a=1, c=1), False),
    (availability(9), items(a=1), False),
    (availability(9, price("A")), items(a=1), True),
    # quantities
    (availability(9, price(least=2)), items(a=1), False),
    (availability(9, price(least=2)), items(a=2), True),
    (availability(9, price(most=2)), items(a=2), True),
    (availability(9, price(most=2)), items(a=3), False),
    (availability(9, price(least=0)), items(a=1), True),
    (availability(9, price()), [*items(a=2), *items(a=2)], True),
    (availability(9, price(most=3)), [*items(a=2), *items(a=2)], False),
    # a category that must not be left out
    (availability(9, price(), price("b", 1, zero=False)), items(a=1), False),
    (availability(9, price(), price("b", 1, zero=False)), items(a=1, b=1), True),
    (availability(9, price(), price("b", 1, zero=True)), items(a=1), True),
    (availability(9, price(), price("b", None, zero=False)), items(a=1), True),
    # nothing
    (availability(9, price()), [], False),
]


@pytest.mark.parametrize(("slot", "wanted", "fits"), ORDERS)
def test_whether_an_order_fits_a_slot(slot, wanted, fits):
    assert slot.can_book(wanted) is fits
    assert slot.can_book(iter(wanted)) is fits


SOLD_OUT = [
    (availability(None, price(least=9)), False),
    (availability(0, price()), True),
    (availability(-1, price()), True),
    (availability(1, price()), False),
    (availability(1), False),
    (availability(1, price(least=2)), True),
    (availability(2, price(least=2)), False),
    (availability(1, price(least=2), price("b")), False),
    (availability(1, price(least=2), price("b", 3)), True),
    (availability(2, price("a", 1, zero=False), price("b", 2, zero=False)), True),
    (availability(3, price("a", 1, zero=False), price("b", 2, zero=False)), False),
    (availability(1, price("a", 2, zero=False), price("b")), True),
]


@pytest.mark.parametrize(("slot", "sold_out"), SOLD_OUT)
def test_a_slot_is_sold_out_if_no_order_is_small_enough(slot, sold_out):
    assert slot.is_sold_out is sold_out


async def test_a_listed_slot_is_sold_out_if_no_category_is_sold_in_so_few(scripted):
    prices = [{"category_id": name, "price_in_cents": 1} for name in "ab"]
    pairs = [{**price, "min_quantity": 2, "allow_zero_quantity": True} for price in prices]
    single = {**prices[1], "allow_zero_quantity": True}  # no minimum told
    slots = (
        slot(availability_count=1, prices=pairs),
        slot(availability_count=1, prices=[pairs[0], single]),
        slot(availability_count=2, prices=pairs),
    )
    async with scripted(json_reply(listed(*slots))) as (session, _):
        found = await session.ticketing.availabilities.list("p1", from_date=DAY, to_date=DAY)
    assert [each.is_sold_out for each in found.availabilities] == [True, False, False]


PRICES = st.builds(
    price,
    least=st.none() | st.integers(0, 3),
    most=st.none(),
    zero=st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(count=st.integers(0, 6), prices=st.lists(PRICES, min_size=1, max_size=3))
def test_a_slot_is_sold_out_exactly_if_nothing_can_be_booked(count, prices):
    named = [attrs.evolve(each, category_id=name) for name, each in zip("abc", prices)]  # noqa: B905
    slot = availability(count, *named)
    quantities = [range(count + 1)] * len(named)

    def orders(left, chosen=()):
        if not left:
            yield chosen
            return
        for quantity in left[0]:
            yield from orders(left[1:], (*chosen, quantity))

    some_fit = any(
        slot.can_book(
            [TicketItem(name, n) for name, n in zip("abc", chosen) if n]  # noqa: B905
        )
        for chosen in orders(quantities)
    )
    assert slot.is_sold_out is not some_fit


def test_the_total_of_an_order():
    slot = availability(9, price(cents=4500), price("b", cents=0), price("c", cents=None))
    assert slot.total_in_cents(items(a=2, b=3)) == 9000
    assert slot.total_in_cents(items(a=1, c=1)) is None
    assert slot.total_in_cents(items(a=1, d=1)) is None
    assert slot.total_in_cents([]) == 0


@pytest.mark.parametrize("wire_name", ["price", "amount_in_cents", "unit_price_in_cents"])
@pytest.mark.parametrize("amount", [45.0, 45.5, "45", "45.00"])
async def test_an_amount_that_may_be_francs_is_not_read_under_any_name(scripted, wire_name, amount):
    francs = slot("2027-03-19T11:00:00", prices=[{"category_id": ADULT, wire_name: amount}])
    async with scripted(json_reply(listed(slot(), francs))) as (session, _):
        found = await session.ticketing.availabilities.list("p1", from_date=DAY, to_date=DAY)
    assert [each.prices[0].price_in_cents for each in found.availabilities] == [4500]
    (lost,) = found.unreadable
    assert lost.problems[0].startswith("expected a whole number of cents, got ")
    assert lost.raw == francs


async def test_a_list_of_which_nothing_can_be_read_is_an_error(scripted):
    async with scripted(json_reply(listed({"slot_type": "time"}))) as (session, _):
        with pytest.raises(DecodingError, match=r"@ \$\.availabilities\[0\]\.starts_at"):
            await session.ticketing.availabilities.list("p1", from_date=DAY, to_date=DAY)


TOO_LONG = {"error_code": "validation_error", "message": "too long"}


async def test_a_part_of_which_nothing_can_be_read_does_not_hide_the_others(scripted):
    odd = {"slot_type": "time"}
    steps = (
        json_reply(TOO_LONG, 400),
        json_reply(listed(odd, odd)),
        json_reply(TOO_LONG, 400),  # a part of a part
        json_reply(listed(slot("2027-03-21T10:00:00"))),
        json_reply(listed(odd)),
    )
    async with scripted(*steps) as (session, transport):
        found = await session.ticketing.availabilities.list(
            "p1", from_date=DAY, to_date=date(2027, 3, 22)
        )
    assert [each.starts_at for each in found.availabilities] == [datetime(2027, 3, 21, 10)]
    assert [each.index for each in found.unreadable] == [0, 1, 3]
    assert [dict(request.query) for request in transport.requests] == [
        {"from": "2027-03-19", "to": "2027-03-22"},
        {"from": "2027-03-19", "to": "2027-03-20"},
        {"from": "2027-03-21", "to": "2027-03-22"},
        {"from": "2027-03-21", "to": "2027-03-21"},
        {"from": "2027-03-22", "to": "2027-03-22"},
    ]


async def test_parts_of_which_nothing_can_be_read_are_an_error_together(scripted):
    odd = {"slot_type": "time"}
    steps = json_reply(TOO_LONG, 400), json_reply(listed(odd)), json_reply(listed(odd))
    async with scripted(*steps) as (session, _):
        with pytest.raises(DecodingError) as caught:
            await session.ticketing.availabilities.list(
                "p1", from_date=DAY, to_date=date(2027, 3, 20)
            )
    places = {problem.rpartition(" @ ")[2] for problem in caught.value.problems}
    assert {f"$.availabilities[{n}].starts_at" for n in (0, 1)} <= places
    assert caught.value.operation == "ListAvailabilities"


# Ranges of any length.


class Calendar:
    """A server that has one slot a day and answers a number of days at once."""

    def __init__(self, longest, currency="CHF"):
        self.longest = longest
        self.asked = []
        self.currency = currency
        self.failing: tuple[date, ...] = ()

    async def __call__(self, request):
        query = dict(request.query)
        first, last = date.fromisoformat(query["from"]), date.fromisoformat(query["to"])
        days = (last - first).days + 1
        self.asked.append((first, days))
        if first in self.failing:
            return json_reply({"error_code": "x", "message": ""}, 500)
        if days > self.longest:
            return json_reply({"error_code": "validation_error", "message": "too long"}, 400)
        slots = [slot(f"{first + timedelta(days=n)}T10:00:00") for n in range(days)]
        slots += [{"odd": str(first)}] * (days > 1)
        currency = self.currency if isinstance(self.currency, str) else self.currency(first)
        return json_reply(listed(*slots, currency=currency))


def session_on(server):
    return AsyncSession(
        "k" * 24, transport=MemoryTransport(server), clock=FakeClock(), random=lambda: 0.5
    )


def days_from(first, count):
    return [datetime.combine(first + timedelta(days=n), datetime.min.time()) for n in range(count)]


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 400), longest=st.integers(1, 400))
@example(count=91, longest=31)
@example(count=62, longest=31)
@example(count=2, longest=1)
@example(count=400, longest=1)
async def test_no_slot_is_lost_or_doubled_at_the_seams(count, longest):
    server = Calendar(longest)
    async with session_on(server) as session:
        found = await session.ticketing.availabilities.list(
            "p1", from_date=DAY, to_date=DAY + timedelta(days=count - 1)
        )
    starts = [start.replace(hour=10) for start in days_from(DAY, count)]
    assert [each.starts_at for each in found.availabilities] == starts
    assert server.asked[0] == (DAY, count)  # asked for whole first
    answered = [days for _, days in server.asked if days <= longest]
    assert sum(answered) == count
    if count <= longest:
        assert len(server.asked) == 1
    seams = [each.index for each in found.unreadable]
    assert len(seams) == sum(days > 1 for days in answered)
    assert seams == sorted(set(seams))
    assert set(seams).isdisjoint(range(count)) or len(answered) > 1


async def test_the_rest_is_read_in_parts_of_the_length_that_was_taken():
    server = Calendar(31)
    async with session_on(server) as session:
        await session.ticketing.availabilities.list(
            "p1", from_date=DAY, to_date=DAY + timedelta(days=90)
        )
    assert [days for _, days in server.asked] == [91, 46, 23, 23, 23, 22]


async def test_a_later_part_may_be_halved_again():
    class Months(Calendar):
        """Takes a month at once, and a shorter one is less."""

        async def __call__(self, request):
            first = date.fromisoformat(dict(request.query)["from"])
            self.longest = 31 if first.month == 1 else 28  # from the day a range begins
            return await super().__call__(request)

    server, first = Months(31), date(2027, 1, 1)
    async with session_on(server) as session:
        found = await session.ticketing.availabilities.list(
            "p1", from_date=first, to_date=first + timedelta(days=61)
        )
    assert [days for _, days in server.asked] == [62, 31, 31, 16, 15]
    assert len(found.availabilities) == 62


async def test_what_is_refused_for_another_reason_is_refused():
    server = Calendar(0)
    async with session_on(server) as session:
        with pytest.raises(InvalidRequestError) as caught:
            await session.ticketing.availabilities.list(
                "p1", from_date=DAY, to_date=DAY + timedelta(days=364)
            )
    assert caught.value.message == "too long"
    assert [days for _, days in server.asked] == [365, 183, 92, 46, 23, 12, 6, 3, 2, 1]


async def test_a_single_day_is_not_split():
    server = Calendar(0)
    async with session_on(server) as session:
        with pytest.raises(InvalidRequestError):
            await session.ticketing.availabilities.list("p1", from_date=DAY, to_date=DAY)
    assert len(server.asked) == 1


async def test_a_part_that_fails_fails_the_whole():
    server = Calendar(31)
    server.failing = (DAY + timedelta(days=23),)
    async with session_on(server) as session:
        with pytest.raises(ServerError) as caught:
            await session.ticketing.availabilities.list(
                "p1", from_date=DAY, to_date=DAY + timedelta(days=90)
            )
    assert not caught.value.outcome_unknown


async def test_only_an_invalid_request_is_split(scripted):
    refused = json_reply({"error_code": "not_found"}, 404)
    async with scripted(refused) as (session, transport):
        with pytest.raises(NotFoundError):
            await session.ticketing.availabilities.list(
                "p1", from_date=DAY, to_date=DAY + timedelta(days=90)
            )
    assert len(transport.requests) == 1


async def test_prices_in_two_currencies_are_no_list():
    server = Calendar(31, currency=lambda first: "CHF" if first == DAY else "EUR")
    async with session_on(server) as session:
        with pytest.raises(ResultMismatchError) as caught:
            await session.ticketing.availabilities.list(
                "p1", from_date=DAY, to_date=DAY + timedelta(days=40)
            )
    assert caught.value.differences == ("currency: two of them in one list of prices",)
    assert len(caught.value.result.availabilities) == 41


async def test_the_slots_of_many_products_come_in_ranges_of_any_length():
    server, last = Calendar(31), DAY + timedelta(days=90)
    async with session_on(server) as session:
        fan_out = session.ticketing.availabilities.fan_out(["a", "b"], from_date=DAY, to_date=last)
        outcomes = [outcome async for outcome in fan_out]
    assert [len(outcome.unwrap().availabilities) for outcome in outcomes] == [91, 91]
    assert [outcome.attempts for outcome in outcomes] == [6, 6]
    assert {outcome.operation.product_id for outcome in outcomes} == {"a", "b"}


@pytest.mark.parametrize("longest", [1, 7, 31, None])
async def test_the_sandbox_gives_the_same_slots_whatever_it_takes_at_once(longest):
    sandbox = EgumaSandbox(FakeClock(datetime(2027, 3, 1, 8, tzinfo=UTC)))
    example, today = sandbox.example("time"), sandbox.today()
    span: dict[str, Any] = {"from_date": today, "to_date": today + timedelta(days=60)}
    async with AsyncSession(
        sandbox.demo_key, transport=sandbox.transport(), clock=sandbox.clock
    ) as session:
        whole = await session.ticketing.availabilities.list(example.product_id, **span)
        sandbox.options = EgumaOptions(max_range_days=longest)
        parts = await session.ticketing.availabilities.list(example.product_id, **span)
    assert parts == whole
    assert len(whole.availabilities) > 60


async def test_the_timeouts_of_a_call_hold_for_its_parts():
    short, seen = Timeouts(total=7), []
    server = Calendar(31)

    async def answer(request):
        seen.append(request.timeouts)
        return await server(request)

    async with session_on(answer) as session:
        await session.ticketing.availabilities.list(
            "p1", from_date=DAY, to_date=DAY + timedelta(days=40), timeouts=short
        )
    assert seen == [short] * 3


# The merchant's day.


@pytest.mark.parametrize(
    ("now", "today"),
    [
        (datetime(2027, 6, 1, 21, 59, tzinfo=UTC), date(2027, 6, 1)),
        (datetime(2027, 6, 1, 22, 0, tzinfo=UTC), date(2027, 6, 2)),
        (datetime(2027, 1, 1, 22, 59, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2027, 1, 1, 23, 0, tzinfo=UTC), date(2027, 1, 2)),
        (datetime(2027, 3, 28, 0, 59, tzinfo=UTC), date(2027, 3, 28)),
    ],
)
async def test_today_is_the_merchants_day(scripted, now, today):
    async with scripted(clock=FakeClock(now)) as (session, _):
        assert session.ticketing.today() == today
