"""Orders: each that can be read, answers of any kind, and a cancellation found out by the list."""

from __future__ import annotations

import pytest

from eguma_async import (
    DecodingError,
    InvalidRequestError,
    Listing,
    NotFoundError,
    OutcomeUnknownError,
    TicketAnswer,
)
from eguma_async.testing import json_reply

BOOKING = "69d86bc39927d941d4dab89a"
ALREADY = json_reply({"error_code": "validation_error", "message": "already cancelled"}, 400)
GONE = json_reply({"error_code": "not_found", "message": ""}, 404)


def lost():
    return OutcomeUnknownError("the answer was lost")


def order(order_id=BOOKING, status="cancelled", **more):
    return {
        "id": order_id,
        "order_number": "1000053",
        "status": status,
        "created_at": "2026-03-19T08:00:00",
        "updated_at": "2026-03-19T08:00:01",
        "currency": "CHF",
        "language": "de",
        "location": "web",
        "discount_in_cents": 0,
        "grand_total_in_cents": 4500,
        "payments": [],
        "order_lines": [line()],
    } | more


def line(**more):
    return {
        "product_id": "p1",
        "name": "Entry",
        "ticket_type_id": "t1",
        "ticket_type_name": "Adult",
        "quantity": 1,
        "total_price_in_cents": 4500,
        "total_count_people": 1,
        "tickets": [{"number": "4666825950402448933"}],
    } | more


def with_answers(*answers):
    ticket = {"number": "4666825950402448933", "answers": list(answers)}
    return order(order_lines=[line(tickets=[ticket])])


SPOILT = {
    "no status": order(status=None),
    "francs": order(grand_total_in_cents=45.00),
    "a line": order(order_lines=[line(), line(quantity="many")]),
    "a ticket": order(order_lines=[line(tickets=[{"number": None}])]),
    "a payment": order(payments=[{"payment_id": "1", "name": "VISA"}]),
    "no object": "an order",
}


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
async def test_an_order_is_read_whole_or_told_beside_the_others(scripted, spoilt):
    rows = [order("o1"), spoilt, order("o2")]
    async with scripted(json_reply(rows)) as (session, _):
        found = await session.ticketing.orders.list()
    assert isinstance(found, Listing)
    assert [each.id for each in found] == ["o1", "o2"]
    (left,) = found.unreadable
    assert (left.index, left.raw) == (1, spoilt)
    assert left.problems


async def test_a_list_without_a_readable_product_is_an_error(scripted):
    body = {"company_name": "c", "products": [{"id": "p1"}, 5]}
    async with scripted(json_reply(body)) as (session, _):
        with pytest.raises(DecodingError) as caught:
            await session.ticketing.products.list()
    assert "required field missing @ $.products[0].name" in caught.value.problems
    assert "expected an object, got int @ $.products[1]" in caught.value.problems
    assert caught.value.operation == "ListProducts"


async def test_a_list_without_a_readable_order_is_an_error(scripted):
    async with scripted(json_reply([order(status=None)])) as (session, _):
        with pytest.raises(DecodingError, match=r"\$\[0\]\.status"):
            await session.ticketing.orders.list()


ANSWERS = [None, "", "text", "1990-12-31", 5, 5.5, True, [], ["a", {"b": None}], {"a": [1]}]


@pytest.mark.parametrize("value", ANSWERS, ids=repr)
async def test_an_answer_of_any_kind_is_read_as_it_is(scripted, value):
    answer = {"name": "Question?", "type": "new", "value": value}
    async with scripted(json_reply([with_answers(answer)])) as (session, _):
        (found,) = await session.ticketing.orders.list()
    (ticket,) = found.order_lines[0].tickets
    assert ticket.answers == (TicketAnswer(name="Question?", type="new", value=value),)
    assert hash(ticket) == hash(ticket)
    assert str(value) not in repr(ticket) or value in (None, "", 5, [])


@pytest.mark.parametrize("answer", [{}, {"name": None, "type": None}, {"value": None}])
async def test_an_answer_without_anything_does_not_matter(scripted, answer):
    async with scripted(json_reply([with_answers(answer)])) as (session, _):
        (found,) = await session.ticketing.orders.list()
    assert found.order_lines[0].tickets[0].answers == (TicketAnswer(),)


async def test_an_answer_that_cannot_be_read_does_not_hide_the_order(scripted):
    rows = [with_answers({"name": "Question?", "type": "text"}, "an answer")]
    async with scripted(json_reply(rows), json_reply([with_answers("x")])) as (session, _):
        (found,) = await session.ticketing.orders.list()
        (other,) = await session.ticketing.orders.list()
    (ticket,) = other.order_lines[0].tickets
    assert (ticket.answers, [each.raw for each in ticket.answers.unreadable]) == ((), ["x"])
    answers = found.order_lines[0].tickets[0].answers
    assert [answer.name for answer in answers] == ["Question?"]
    assert [each.raw for each in answers.unreadable] == ["an answer"]


# A cancellation is found out by its own row, whatever the others look like.


async def test_rows_of_others_that_cannot_be_read_do_not_matter(scripted):
    rows = [order("other", status=None), order(), order("another", grand_total_in_cents="45")]
    async with scripted(lost(), ALREADY, json_reply(rows)) as (session, _):
        cancelled = await session.ticketing.bookings.cancel(BOOKING)
    assert cancelled.booking_id == BOOKING


async def test_a_row_of_another_that_cannot_be_read_does_not_hinder_a_refusal(scripted):
    rows = [order("other", status=None), order(status="completed")]
    async with scripted(lost(), ALREADY, json_reply(rows)) as (session, _):
        with pytest.raises(InvalidRequestError):
            await session.ticketing.bookings.cancel(BOOKING)


OURS = {
    "by its id": order(status=None),
    "by its id in capitals": order(BOOKING.upper(), status=None),
    "perhaps": {"no": "id"},
    "perhaps, too": "no object",
    "with an odd id": order(5, status=None),
}


@pytest.mark.parametrize("row", OURS.values(), ids=OURS)
@pytest.mark.parametrize("refusal", [ALREADY, GONE], ids=["400", "404"])
async def test_a_row_of_ours_that_cannot_be_read_leaves_it_unknown(scripted, row, refusal):
    rows = [order("other"), row]
    async with scripted(lost(), refusal, json_reply(rows)) as (session, _):
        with pytest.raises(OutcomeUnknownError, match="its row in the order list") as caught:
            await session.ticketing.bookings.cancel(BOOKING)
    assert caught.value.refusal is not None
    assert caught.value.operation == "CancelBooking"


async def test_a_row_of_ours_that_can_be_read_settles_it_beside_one_that_may_be(scripted):
    rows = [{"no": "id"}, order()]
    async with scripted(lost(), ALREADY, json_reply(rows)) as (session, _):
        assert (await session.ticketing.bookings.cancel(BOOKING)).booking_id == BOOKING


async def test_unknown_after_a_lost_cancellation_and_not_in_the_list_is_unknown_to_it(scripted):
    async with scripted(lost(), GONE, json_reply([order("other")])) as (session, _):
        with pytest.raises(NotFoundError):
            await session.ticketing.bookings.cancel(BOOKING)


# Products.


def product(number, **more):
    return {
        "id": f"p{number}",
        "name": "Tageskarte",
        "is_active": True,
        "slot_type": "day",
        "updated_at": "2027-02-01T08:30:00",
        "categories": [],
    } | more


@pytest.mark.parametrize("field", ["name_translations", "description_translations"])
async def test_a_language_that_is_not_filled_in_is_none(scripted, field):
    texts = {"de": "Tageskarte", "en": None}
    body = {"company_name": "c", "products": [product(1), product(2, **{field: texts})]}
    async with scripted(json_reply(body)) as (session, _):
        found = await session.ticketing.products.list()
    assert [getattr(each, field) for each in found.products] == [{}, texts]
    assert found.unreadable == ()


async def test_a_category_has_languages_that_are_not_filled_in_too(scripted):
    category = {"id": "c1", "name": "Adult", "name_translations": {"en": None}}
    body = {"company_name": "c", "products": [product(1, categories=[category])]}
    async with scripted(json_reply(body)) as (session, _):
        found = await session.ticketing.products.list()
    assert found.products[0].categories[0].name_translations == {"en": None}


async def test_a_product_that_cannot_be_read_does_not_hide_the_others(scripted):
    odd = product(2, categories=[{"id": "c1"}])
    body = {"company_name": "c", "products": [product(1), odd]}
    async with scripted(json_reply(body)) as (session, _):
        found = await session.ticketing.products.list()
    assert [each.id for each in found.products] == ["p1"]
    assert [each.problems for each in found.unreadable] == [
        ("required field missing @ $.categories[0].name",)
    ]
