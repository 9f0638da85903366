"""What a caller got wrong is said before any byte is sent, and without repeating it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from eguma_async import (
    AsyncSession,
    AvailabilityList,
    BookTickets,
    ConfigurationError,
    Customer,
    ListAvailabilities,
    TicketItem,
)
from eguma_async.testing import ScriptedTransport, json_reply

PRODUCT = "64ad1bb1973b861c040c99bd"
ADULT = "64ad1bb1973b861c040c99c1"
START = datetime(2026, 3, 19, 10, 0)
ITEMS = (TicketItem(ADULT, 2),)
ADA = Customer("Ada", "Lovelace", "ada@example.com")

BAD_IDS = [
    "",
    " ",
    "a" * 65,
    ".",
    "..",
    "../../orders",
    "../../orders.json?x=",
    "a/../b",
    "a/b",
    "a\\b",
    "%2e%2e",
    "%2E",
    "a?b",
    "a#b",
    "a b",
    "abc\n",
    "abc\r\nX-Evil: 1",
    "a\x00b",
    "Ünicode",
    "١٢٣",
    "a;b",
    "a@b",
    None,
    123,
    b"64ad1bb1973b861c040c99bd",
    True,
]


@pytest.fixture
async def refuses():
    """Calls a method of `session.ticketing` and returns the error; nothing may have been sent."""
    transport = ScriptedTransport()
    async with AsyncSession("0123456789abcdef", transport=transport) as session:

        async def call(resource, method, *arguments, **named):
            with pytest.raises(ConfigurationError) as caught:
                await getattr(getattr(session.ticketing, resource), method)(*arguments, **named)
            error = caught.value
            assert error.__cause__ is None
            assert len(str(error)) > 20, "an error must say what to do"
            return error

        yield call
    assert transport.requests == []


@pytest.mark.parametrize("bad", BAD_IDS, ids=repr)
async def test_a_malformed_id_is_refused_wherever_it_stands(refuses, bad):
    days = {"from_date": date(2026, 3, 19), "to_date": date(2026, 3, 19)}
    slot = {"starts_at": START, "items": ITEMS}
    for error in [
        await refuses("availabilities", "list", bad, **days),
        await refuses("reservations", "create", product_id=bad, **slot),
        await refuses("reservations", "cancel", bad),
        await refuses("bookings", "create", product_id=bad, **slot, customer=ADA),
        await refuses("bookings", "cancel", bad),
        await refuses("tickets", "check_in", bad),
        await refuses("tickets", "check_out", bad),
        await refuses("tickets", "get", bad),
    ]:
        assert "must be an id as the API returned it" in str(error)
        assert "Evil" not in str(error)
    if bad is not None:
        await refuses(
            "bookings", "create", product_id=PRODUCT, **slot, customer=ADA, reservation_id=bad
        )
    with pytest.raises(ConfigurationError, match="category_id must be an id"):
        TicketItem(bad, 1)


@pytest.mark.parametrize("good", ["a", "A-_9", "a" * 64, "50b6d149-49c4-4d2d-a96d-59d251de1edb"])
def test_every_shape_of_id_the_api_gives_out_is_accepted(good):
    assert TicketItem(good, 1).category_id == good


@pytest.mark.parametrize("quantity", [0, -1, True, False, 1.5, 2.0, "2", None, float("nan")])
def test_a_quantity_is_a_whole_number_above_zero(quantity):
    with pytest.raises(ConfigurationError, match="quantity must be a whole number above 0"):
        TicketItem(ADULT, quantity)


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ([], "at least one"),
        ((), "at least one"),
        (range(0), "at least one"),
        ([TicketItem(ADULT, 1), TicketItem(ADULT, 2)], "twice; add the quantities"),
        ([{"category_id": ADULT, "quantity": 1}], "TicketItem objects only"),
        ([(ADULT, 1)], "TicketItem objects only"),
        ([None], "TicketItem objects only"),
        ("text", "TicketItem objects only"),
        ({"a": 1}, "TicketItem objects only"),
        (TicketItem(ADULT, 1), "a list of TicketItem"),
        (None, "a list of TicketItem"),
        (5, "a list of TicketItem"),
    ],
    ids=str,
)
@pytest.mark.parametrize("resource", ["reservations", "bookings"])
async def test_items_are_at_least_one_and_each_category_once(refuses, items, says, resource):
    more = {"customer": ADA} if resource == "bookings" else {}
    error = await refuses(
        resource, "create", product_id=PRODUCT, starts_at=START, items=items, **more
    )
    assert says in str(error)


async def test_hold_refuses_before_it_is_entered():
    transport = ScriptedTransport()
    async with AsyncSession("0123456789abcdef", transport=transport) as session:
        with pytest.raises(ConfigurationError):
            session.ticketing.reservations.hold(product_id=PRODUCT, starts_at=START, items=[])
    assert transport.requests == []


@pytest.mark.parametrize(
    ("starts_at", "says"),
    [
        (datetime(2026, 3, 19, 10, 0, tzinfo=UTC), "no time zone"),
        ("2026-03-19T10:00:00", "that the API returned for the slot"),
        (None, "that the API returned for the slot"),
        (1773914400, "that the API returned for the slot"),
    ],
)
@pytest.mark.parametrize("resource", ["reservations", "bookings"])
async def test_a_start_is_the_slots_own_wall_clock_time(refuses, starts_at, says, resource):
    more = {"customer": ADA} if resource == "bookings" else {}
    error = await refuses(
        resource, "create", product_id=PRODUCT, starts_at=starts_at, items=ITEMS, **more
    )
    assert says in str(error)


@pytest.mark.parametrize(
    ("from_date", "to_date", "says"),
    [
        (date(2026, 3, 20), date(2026, 3, 19), "to_date must not be before from_date"),
        (datetime(2026, 3, 19), date(2026, 3, 20), "from_date must be a datetime.date"),
        (date(2026, 3, 19), datetime(2026, 3, 20), "to_date must be a datetime.date"),
        ("2026-03-19", date(2026, 3, 20), "from_date must be a datetime.date"),
        (date(2026, 3, 19), None, "to_date must be a datetime.date"),
    ],
)
async def test_days_are_dates_in_order(refuses, from_date, to_date, says):
    error = await refuses("availabilities", "list", PRODUCT, from_date=from_date, to_date=to_date)
    assert says in str(error)


BAD_TEXTS = [
    "",
    "   ",
    "\t",
    "a\r\nb",
    "a\nb",
    "a\x00b",
    "a\x1bb",
    "a\x85b",
    "a\u2028b",
    5,
    None,
    b"a",
]


@pytest.mark.parametrize("bad", BAD_TEXTS, ids=repr)
@pytest.mark.parametrize("field", [0, 1, 2])
def test_a_customers_fields_are_text_without_control_characters(field, bad):
    values = ["Ada", "Lovelace", "ada@example.com"]
    values[field] = bad
    with pytest.raises(ConfigurationError) as caught:
        Customer(*values)
    name = ("first_name", "last_name", "email")[field]
    assert str(caught.value).startswith(f"{name} must ")


@pytest.mark.parametrize("bad", BAD_TEXTS, ids=repr)
async def test_a_language_and_the_filters_are_text_without_control_characters(refuses, bad):
    if bad is None:
        return
    slot = {"product_id": PRODUCT, "starts_at": START, "items": ITEMS}
    await refuses("bookings", "create", **slot, customer=ADA, language=bad)
    await refuses("orders", "list", order_number=bad)
    await refuses("orders", "list", last_name=bad)


def test_a_refused_text_is_not_repeated():
    with pytest.raises(ConfigurationError) as caught:
        Customer("Ada", "Love\nlace-Canary", "ada@example.com")
    assert "Canary" not in str(caught.value) + repr(caught.value) + repr(caught.value.__dict__)


@pytest.mark.parametrize(
    "customer", [None, "Ada", {"first_name": "Canary"}, ("Ada", "Canary", "e")], ids=repr
)
async def test_a_customer_is_a_customer(refuses, customer):
    error = await refuses(
        "bookings", "create", product_id=PRODUCT, starts_at=START, items=ITEMS, customer=customer
    )
    assert "customer must be a Customer" in str(error)
    assert "Canary" not in str(error)


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "x" * 256, "x" * 300, "schlüssel", "a\r\nX: 1", "a\x00", 77, b"key"]
)
async def test_an_idempotency_key_is_visible_ascii(refuses, key):
    error = await refuses(
        "bookings",
        "create",
        product_id=PRODUCT,
        starts_at=START,
        items=ITEMS,
        customer=ADA,
        idempotency_key=key,
    )
    assert str(error).startswith("idempotency_key must be 1 to 255 visible ASCII characters")
    assert repr(key) not in str(error)


@pytest.mark.parametrize("moment", [datetime(2026, 3, 19, tzinfo=UTC), date(2026, 3, 19), "2026"])
@pytest.mark.parametrize("name", ["updated_at_after", "updated_at_before"])
async def test_moments_have_a_time_and_no_zone(refuses, name, moment):
    error = await refuses("orders", "list", **{name: moment})
    assert str(error).startswith(f"{name} must be a datetime without time zone")


@pytest.mark.parametrize("key", ["", " ", "a b", "a\n", "ключ", "x" * 256, 77, b"key"])
def test_a_malformed_api_key_is_refused_and_not_repeated(key):
    with pytest.raises(ConfigurationError) as caught:
        AsyncSession(key, transport=ScriptedTransport())
    assert str(caught.value).startswith("api_key must be")
    assert repr(key) not in str(caught.value)


def test_without_a_key_the_error_says_where_one_may_come_from(monkeypatch):
    monkeypatch.delenv("EGUMA_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="EGUMA_API_KEY"):
        AsyncSession(transport=ScriptedTransport())


def test_operations_check_like_the_methods_and_are_values():
    with pytest.raises(ConfigurationError):
        BookTickets(product_id="../x", starts_at=START, items=ITEMS, customer=ADA)
    one, same = (
        BookTickets(product_id=PRODUCT, starts_at=START, items=items, customer=ADA)
        for items in (list(ITEMS), iter(ITEMS))
    )
    assert one == same
    assert hash(one) == hash(same)
    assert one.items == ITEMS


# What msgspec or the interpreter would refuse with an error of their own.


@pytest.mark.parametrize("text", ["Ada\ud800", "\udcff"])
def test_text_that_cannot_be_encoded_is_refused(text):
    with pytest.raises(ConfigurationError):
        Customer("Ada", text, "ada@example.com")


async def test_a_quantity_of_any_size_is_sent_or_refused(wanted, scripted):
    wanted["items"] = [TicketItem(ADULT, 10**9)]
    refusal = json_reply({"error_code": "validation_error"}, 400)
    async with scripted(refusal) as (session, transport):
        with pytest.raises(Exception, match="HTTP 400"):
            await session.ticketing.reservations.create(**wanted)
    assert b'"quantity":1000000000' in transport.requests[0].body
    with pytest.raises(ConfigurationError):
        TicketItem(ADULT, 10**30)


# Many products.


def slots_reply():
    return json_reply({"company_name": "c", "product_name": "p", "availabilities": []})


DAYS = {"from_date": date(2026, 3, 19), "to_date": date(2026, 3, 20)}


async def test_one_text_is_not_taken_for_many_ids(scripted):
    async with scripted() as (session, _):
        with pytest.raises(ConfigurationError, match="several ids"):
            session.ticketing.availabilities.fan_out(PRODUCT, **DAYS)


async def test_a_malformed_id_in_a_list_is_refused_before_any_request(scripted):
    async with scripted() as (session, _):
        with pytest.raises(ConfigurationError, match="product_id must be an id"):
            session.ticketing.availabilities.fan_out([PRODUCT, "../x"], **DAYS)


async def _later(ids):
    for product_id in ids:
        yield product_id


@pytest.mark.parametrize(
    ("make", "total"),
    [(list, 3), (tuple, 3), (iter, None), (_later, None)],
    ids=lambda v: getattr(v, "__name__", v),
)
async def test_slots_of_many_products_come_with_progress(scripted, make, total):
    progress: list[Any] = []
    async with scripted(*[slots_reply()] * 3) as (session, transport):
        fan_out = session.ticketing.availabilities.fan_out(
            make(["a", "b", "c"]), **DAYS, concurrency=2, on_progress=progress.append
        )
        outcomes = [outcome async for outcome in fan_out]
    assert sorted(outcome.operation.product_id for outcome in outcomes) == ["a", "b", "c"]
    assert {outcome.operation for outcome in outcomes} == {
        ListAvailabilities(product_id=product_id, **DAYS) for product_id in "abc"
    }
    assert all(isinstance(outcome.unwrap(), AvailabilityList) for outcome in outcomes)
    assert [(step.done, step.failed, step.total) for step in progress] == [
        (1, 0, total),
        (2, 0, total),
        (3, 0, total),
    ]
    assert len(transport.requests) == 3
