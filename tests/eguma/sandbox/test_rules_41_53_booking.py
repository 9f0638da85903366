"""Rules 41 to 53: selling tickets, with and without a hold."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from eguma_async.sandbox import Park


@pytest.mark.parametrize("headers", [{}, {"idempotency-key": ""}, {"idempotency-key": "  "}])
async def test_rule_41_without_an_idempotency_key_nothing_is_booked(api, refused, headers):
    response = await api.post("booking", api.order(), headers=headers)
    refused(response, 400, "validation_error")
    assert api.sandbox.bookings() == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"product_id": None},
        {"starts_at": ""},
        {"starts_at": "2026-03-03T09:01:00"},
        {"starts_at": "2026-03-02T09:30:00"},
        {"items": []},
        {"items": [{"category_id": "0" * 24, "quantity": 1}]},
        {"reservation_id": ""},
        {"reservation_id": 5},
    ],
)
async def test_rule_42_the_rules_of_reservations_hold_for_bookings(api, refused, changes):
    refused(await api.book(api.order(**changes)), 400, "validation_error")
    assert api.sandbox.bookings() == ()


async def test_rule_42_quantities_and_cut_off_are_checked_for_bookings(api, refused):
    for quantity in (0, -1, 11, 1.0, True):
        refused(await api.book(api.order("time", quantity)), 400, "validation_error")
    twice = api.order("time", 1)["items"] * 2
    refused(await api.book(api.order(items=twice)), 400, "validation_error")
    api.sandbox.clock.advance(hours=1)
    late = api.order(starts_at="2026-03-02T11:00:00")
    refused(await api.book(late), 400, "validation_error")
    refused(await api.book(api.order("sold-out")), 400, "validation_error")


async def test_rule_42_the_limits_hold_for_bookings_even_if_not_for_holds(api, refused):
    api.change(limits_on_reservation=False)
    refused(await api.book(api.order("time", 11)), 400, "validation_error")


@pytest.mark.parametrize("name", ["first_name", "last_name", "email"])
@pytest.mark.parametrize("value", ["absent", None, "", " ", 5])
async def test_rule_43_the_three_texts_of_the_customer_are_required(
    api, refused, leave_out, name, value
):
    customer = api.order()["customer"]
    changed = leave_out(customer, name) if value == "absent" else {**customer, name: value}
    refused(await api.book(api.order(customer=changed)), 400, "validation_error")


async def test_rule_43_the_customer_is_required(api, refused):
    customers: tuple[Any, ...] = (None, "John", [], {})
    for customer in customers:
        refused(await api.book(api.order(customer=customer)), 400, "validation_error")
    assert api.sandbox.bookings() == ()


@pytest.mark.parametrize("language", ["it", "DE", "", 5, ["de"]])
async def test_rule_44_a_language_the_product_lacks_is_a_validation_error(api, refused, language):
    refused(await api.book(api.order(language=language)), 400, "validation_error")


async def test_rule_45_the_language_is_echoed_and_chosen_if_left_out(api):
    assert (await api.book(api.order(language="en"))).json()["language"] == "en"
    assert (await api.book(api.order())).json()["language"] == "de"
    assert (await api.book(api.order(language=None))).json()["language"] == "de"
    assert (await api.book(api.order("languages"))).json()["language"] == "fr"


async def test_rule_46_an_inactive_product_is_refused(api, refused):
    body = api.order("time", 1)
    api.sandbox.set_active(body["product_id"], False)
    refused(await api.book(body), 400, "validation_error")
    api.sandbox.set_active(body["product_id"], True)
    assert (await api.book(body)).status == 200


async def test_rule_47_one_ticket_is_issued_for_each_unit_of_quantity(api):
    body = api.order("time", 3, 2)
    response = await api.book(body)
    assert response.status == 200
    value = response.json()
    assert list(value) == ["booking_id", "booking_reference", "language", "tickets"]
    assert re.fullmatch("[0-9a-f]{24}", value["booking_id"])
    assert re.fullmatch("[0-9]{7}", value["booking_reference"])
    adult, child = (item["category_id"] for item in body["items"])
    assert sorted(ticket["category_id"] for ticket in value["tickets"]) == sorted(
        [adult] * 3 + [child] * 2
    )
    more = (await api.book(body)).json()
    numbers = [ticket["ticket_number"] for ticket in value["tickets"] + more["tickets"]]
    assert all(re.fullmatch("[0-9]{19}", number) for number in numbers)
    assert len(set(numbers)) == 10
    assert int(more["booking_reference"]) == int(value["booking_reference"]) + 1


async def test_rule_48_in_generation_a_zero_creates_no_ticket_and_a_total_of_zero_is_refused(
    api, refused
):
    api.change(generation="A")
    value = (await api.book(api.order("time", 2, 0))).json()
    assert len(value["tickets"]) == 2
    assert list(value) == ["booking_id", "booking_reference", "tickets"]
    assert re.fullmatch("T[0-9]{5}", value["booking_reference"])
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value["booking_id"])
    refused(await api.book(api.order("time", 0, 0)), 400, "validation_error")


async def test_rule_49_capacity_is_checked_at_booking_and_held_places_count_as_free(api, refused):
    held = (await api.reserve(api.selection("small", 5))).json()["reservation_id"]
    refused(await api.book(api.order("small", 4)), 400, "validation_error")
    assert (await api.book(api.order("small", 3))).status == 200
    assert (await api.book(api.order("small", 5, reservation_id=held))).status == 200
    assert await api.count(api.example("small")) == 0
    refused(await api.book(api.order("small", 1)), 400, "validation_error")


async def test_rule_49_a_hold_that_stands_is_booked_although_the_quota_was_lowered(api, refused):
    example = api.example("small")
    held = (await api.reserve(api.selection("small", 5))).json()["reservation_id"]
    api.sandbox.set_capacity(example.product_id, example.starts_at, 4)
    assert await api.count(example) == 0
    refused(await api.reserve(api.selection("small", 1)), 400, "validation_error")
    refused(await api.book(api.order("small", 1)), 400, "validation_error")
    assert (await api.book(api.order("small", 5, reservation_id=held))).status == 200
    assert await api.count(example) == 0
    api.sandbox.set_capacity(example.product_id, example.starts_at, 6)
    assert await api.count(example) == 1


async def test_rule_49_what_goes_beyond_a_hold_needs_places_that_are_free(api, refused):
    api.change(hold_must_match=False)
    example = api.example("small")
    held = (await api.reserve(api.selection("small", 5))).json()["reservation_id"]
    api.sandbox.set_capacity(example.product_id, example.starts_at, 4)
    refused(await api.book(api.order("small", 6, reservation_id=held)), 400, "validation_error")
    api.sandbox.set_capacity(example.product_id, example.starts_at, 6)
    assert (await api.book(api.order("small", 6, reservation_id=held))).status == 200


async def test_rule_50_a_hold_is_consumed_exactly_once(api, refused):
    held = (await api.reserve(api.selection("small", 2))).json()["reservation_id"]
    body = api.order("small", 2, reservation_id=held)
    assert (await api.book(body)).status == 200
    refused(await api.book(body), 404, "not_found")
    api.change(unknown_hold_status=400)
    refused(await api.book(body), 400, "validation_error")
    assert await api.count(api.example("small")) == 6


async def test_rule_50_an_unknown_or_foreign_hold_is_not_found(api, refused):
    held = (await api.reserve(api.selection("small", 2))).json()["reservation_id"]
    body = api.order("small", 2, reservation_id=held)
    refused(await api.book(body, key=api.key_of("Partner portal")), 404, "not_found")
    refused(await api.book({**body, "reservation_id": "0" * 24}), 404, "not_found")


async def test_rule_51_a_hold_for_something_else_is_a_validation_error(api, refused):
    held = (await api.reserve(api.selection("time", 2))).json()["reservation_id"]
    for body in (
        api.order("time", 1, reservation_id=held),
        api.order("time", 2, 1, reservation_id=held),
        api.order("small", 2, reservation_id=held),
        api.order("time", 2, reservation_id=held, starts_at="2026-03-04T09:00:00"),
    ):
        refused(await api.book(body), 400, "validation_error")
    api.change(hold_must_match=False)
    assert (await api.book(api.order("time", 1, reservation_id=held))).status == 200


async def test_rule_52_a_refused_booking_leaves_the_hold_untouched(api, refused):
    held = (await api.reserve(api.selection("small", 2))).json()["reservation_id"]
    wrong: tuple[Any, ...] = ({"language": "xx"}, {"customer": {}}, {"items": []})
    for changes in wrong:
        body = api.order("small", 2, reservation_id=held, **changes)
        refused(await api.book(body), 400, "validation_error")
    refused(await api.book(api.order("small", 1, reservation_id=held)), 400, "validation_error")
    assert await api.count(api.example("small")) == 6
    assert (await api.book(api.order("small", 2, reservation_id=held))).status == 200


async def test_rule_53_concurrent_bookings_never_exceed_the_quota(api):
    body = api.order("small", 1)
    answers = await asyncio.gather(*(api.book(body) for _ in range(50)))
    assert sorted(answer.status for answer in answers) == [200] * 8 + [400] * 42
    assert sum(len(order.tickets) for order in api.sandbox.bookings()) == 8
    assert await api.count(api.example("small")) == 0


async def test_rule_53_bookings_that_are_all_in_flight_at_once_never_exceed_the_quota(api):
    park = api.sandbox.faults.add(Park(times=None, path="*/booking.json"))
    body = api.order("small", 3)
    calls = [asyncio.ensure_future(api.book(body)) for _ in range(10)]
    await park.arrived()
    park.release()
    statuses = [(await call).status for call in calls]
    assert (sorted(statuses), park.fired) == ([200] * 2 + [400] * 8, 10)
    assert await api.count(api.example("small")) == 2


async def test_a_created_booking_may_be_answered_with_201(api):
    api.change(success_status=201)
    assert (await api.book(api.order())).status == 201
    assert (await api.reserve(api.selection())).status == 201
    assert (await api.products()).status == 200
