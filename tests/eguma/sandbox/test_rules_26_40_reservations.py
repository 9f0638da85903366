"""Rules 26 to 40: holding places and giving them back."""

from __future__ import annotations

import re

import pytest


def _items(api, *quantities, category=None):
    adult, child = (found.id for found in api.product("time").categories)
    ids = [category] if category else [adult, child]
    return [
        {"category_id": category_id, "quantity": quantity}
        for category_id, quantity in zip(ids, quantities, strict=False)
    ]


@pytest.mark.parametrize("name", ["product_id", "starts_at", "items"])
@pytest.mark.parametrize("value", ["absent", None, "", "  ", 7, [], {}])
async def test_rule_26_product_start_and_items_are_required(api, refused, leave_out, name, value):
    selection = api.selection()
    body = leave_out(selection, name) if value == "absent" else {**selection, name: value}
    refused(await api.reserve(body), 400, "validation_error")
    assert api.sandbox.holds() == ()


@pytest.mark.parametrize("item", [None, "x", [], {}, {"quantity": 1}, {"category_id": 5}])
async def test_rule_26_items_must_be_objects_with_their_members(api, refused, item):
    refused(await api.reserve(api.selection(items=[item])), 400, "validation_error")


async def test_rule_27_a_category_may_appear_only_once(api, refused):
    twice = _items(api, 1) + _items(api, 2)
    refused(await api.reserve(api.selection(items=twice)), 400, "validation_error")
    api.change(generation="A")
    assert (await api.reserve(api.selection(items=twice))).status == 200
    assert api.sandbox.holds()[0].items == ((twice[0]["category_id"], 3),)


@pytest.mark.parametrize("quantity", [0, -1, 1.0, 1.5, "1", None, True, [1]])
async def test_rule_28_the_quantity_must_be_a_positive_integer(api, refused, quantity):
    body = api.selection(items=_items(api, quantity))
    refused(await api.reserve(body), 400, "validation_error")


async def test_rule_29_the_category_must_belong_to_the_product(api, refused):
    foreign = api.product("day").categories[0].id
    for category in (foreign, "0" * 24):
        body = api.selection(items=_items(api, 1, category=category))
        refused(await api.reserve(body), 400, "validation_error")


async def test_rule_29_a_product_without_categories_cannot_be_reserved(api, refused):
    former = api.product("no-categories").plans[0].prices[0].category_id
    for items in (_items(api, 1), _items(api, 1, category=former)):
        body = api.selection("no-categories", items=items)
        refused(await api.reserve(body), 400, "validation_error")


@pytest.mark.parametrize(
    "starts_at",
    [
        "2026-03-03T09:01:00",
        "2026-03-03T09:00",
        "2026-03-03T09:00:00.0",
        "2026-03-03T09:00:00Z",
        "2026-03-03 09:00:00",
        "2026-03-03",
        "2020-03-03T09:00:00",
        "tomorrow",
    ],
)
async def test_rule_30_the_start_must_equal_an_offered_slot(api, refused, starts_at):
    assert (await api.reserve(api.selection(starts_at="2026-03-03T09:00:00"))).status == 200
    refused(await api.reserve(api.selection(starts_at=starts_at)), 400, "validation_error")


async def test_rule_30_a_day_may_be_given_with_or_without_midnight(api, refused):
    for starts_at in ("2026-03-19", "2026-03-19T00:00:00"):
        assert (await api.reserve(api.selection("day", starts_at=starts_at))).status == 200
    assert await api.count_of("day", "2026-03-19T00:00:00") == 398
    for starts_at in ("2026-03-19T10:00:00", "2026-03-19T00:00", "2026-03-19T00:00:00T00:00:00"):
        body = api.selection("day", starts_at=starts_at)
        refused(await api.reserve(body), 400, "validation_error")


async def test_rule_31_a_slot_past_its_cut_off_cannot_be_reserved(api, refused):
    body = api.selection(starts_at="2026-03-02T11:00:00")
    api.sandbox.clock.advance(minutes=59, seconds=59)
    assert (await api.reserve(body)).status == 200
    api.sandbox.clock.advance(seconds=1)
    refused(await api.reserve(body), 400, "validation_error")


async def test_rule_32_more_than_what_is_left_is_refused_and_holds_nothing(api, refused):
    assert (await api.reserve(api.selection("small", 3, 2))).status == 200
    refused(await api.reserve(api.selection("small", 2, 2)), 400, "validation_error")
    assert await api.count(api.example("small")) == 3
    api.change(sold_out_status=409, sold_out_code="sold_out")
    refused(await api.reserve(api.selection("small", 4)), 409, "sold_out")
    assert (await api.reserve(api.selection("small", 2, 1))).status == 200


@pytest.mark.parametrize(
    ("label", "quantities"),
    [("time", (11,)), ("limits", (9,)), ("limits", (26,)), ("limits", (10, 3))],
)
async def test_rule_33_the_limits_of_a_category_are_enforced(api, refused, label, quantities):
    body = api.selection(label, *quantities)
    refused(await api.reserve(body), 400, "validation_error")
    api.change(limits_on_reservation=False)
    assert (await api.reserve(body)).status == 200


async def test_rule_33_the_bounds_themselves_are_allowed(api):
    for label, quantities in (("time", (1,)), ("time", (10,)), ("limits", (25, 2))):
        assert (await api.reserve(api.selection(label, *quantities))).status == 200
    assert (await api.reserve(api.selection("limits", 10))).status == 200


async def test_rule_33_a_category_with_a_minimum_may_be_made_mandatory(api, refused):
    guide_only = api.selection("limits", 0, 1)
    guide_only["items"] = guide_only["items"][1:]
    assert (await api.reserve(guide_only)).status == 200
    api.change(mandatory_categories=True)
    refused(await api.reserve(guide_only), 400, "validation_error")


async def test_rule_33_generation_a_allows_zero_where_the_category_does(api, refused):
    api.change(generation="A")
    assert (await api.reserve(api.selection("time", 0, 1))).status == 200
    refused(await api.reserve(api.selection("limits", 0, 1)), 400, "validation_error")


@pytest.mark.parametrize(
    ("zone", "expires_at"),
    [("zurich", "2026-03-02T10:00:00.0000000"), ("utc", "2026-03-02T09:00:00.0000000")],
)
async def test_rule_34_a_hold_has_an_id_and_ends_in_60_minutes(api, zone, expires_at):
    api.change(expires_at_zone=zone)
    response = await api.reserve(api.selection())
    assert response.status == 200
    assert set(response.json()) == {"reservation_id", "expires_at"}
    assert re.fullmatch("[0-9a-f]{24}", response.json()["reservation_id"])
    assert response.json()["expires_at"] == expires_at


async def test_rule_34_seven_digits_of_fraction_are_written(api):
    api.sandbox.clock.advance(0.0015)
    response = await api.reserve(api.selection())
    assert response.json()["expires_at"] == "2026-03-02T10:00:00.0015000"


async def test_rule_35_a_hold_lowers_the_count_at_once(api):
    example = api.example("time")
    assert await api.count(example) == 50
    await api.reserve(api.selection("time", 2, 3))
    assert await api.count(example) == 45


async def test_rule_36_after_60_minutes_the_places_are_back_and_booking_with_it_fails(api, refused):
    example = api.example("small")
    held = (await api.reserve(api.selection("small", 8))).json()["reservation_id"]
    api.sandbox.clock.advance(minutes=59, seconds=59)
    assert await api.count(example) == 0
    api.sandbox.clock.advance(seconds=1)
    assert await api.count(example) == 8
    body = api.order("small", 8, reservation_id=held)
    refused(await api.book(body), 400, "validation_error")
    api.change(expired_hold_status=404)
    refused(await api.book(body), 404, "not_found")
    assert (await api.book(api.order("small", 8))).status == 200


async def test_rule_37_two_identical_posts_make_two_holds(api):
    ids = [(await api.reserve(api.selection("small", 2))).json() for _ in range(2)]
    assert ids[0]["reservation_id"] != ids[1]["reservation_id"]
    assert await api.count(api.example("small")) == 4


async def test_rule_38_an_idempotency_key_is_ignored_here_or_refused_when_strict(api, refused):
    headers = {"idempotency-key": "k"}
    first = await api.reserve(api.selection("small", 1), headers=headers)
    second = await api.reserve(api.selection("small", 1), headers=headers)
    assert first.json()["reservation_id"] != second.json()["reservation_id"]
    api.change(refuse_key_on_reservation=True)
    response = await api.reserve(api.selection("small", 1), headers=headers)
    refused(response, 400, "validation_error")
    assert len(api.sandbox.holds()) == 2


async def test_rule_39_cancelling_a_hold_gives_its_places_back_at_once(api):
    example = api.example("small")
    held = (await api.reserve(api.selection("small", 3))).json()["reservation_id"]
    assert await api.count(example) == 5
    response = await api.post("cancel-reservation", {"reservation_id": held})
    assert (response.status, response.json()) == (200, {"reservation_id": held})
    assert await api.count(example) == 8


async def test_rule_40_only_an_active_hold_of_the_same_user_can_be_cancelled(api, refused):
    async def cancel(reservation_id, **more):
        return await api.post("cancel-reservation", {"reservation_id": reservation_id}, **more)

    async def hold():
        return (await api.reserve(api.selection("time", 1))).json()["reservation_id"]

    refused(await cancel("0" * 24), 404, "not_found")
    cancelled = await hold()
    assert (await cancel(cancelled)).status == 200
    refused(await cancel(cancelled), 404, "not_found")
    consumed = await hold()
    assert (await api.book(api.order("time", 1, reservation_id=consumed))).status == 200
    refused(await cancel(consumed), 404, "not_found")
    foreign = await hold()
    refused(await cancel(foreign, key=api.key_of("Partner portal")), 404, "not_found")
    refused(await cancel(foreign, key=api.key_of("Ticket desk")), 404, "not_found")
    assert (await cancel(foreign, key=api.key_of("Web shop", 1))).status == 200
    expired = await hold()
    api.sandbox.clock.advance(minutes=60)
    refused(await cancel(expired), 404, "not_found")
    refused(await api.post("cancel-reservation", {}), 400, "validation_error")


async def test_a_hold_of_a_product_that_is_not_enabled_is_refused(api, refused):
    for label, status, code in (
        ("channel-off", 403, "forbidden"),
        ("euro-time", 404, "not_found"),
        ("inactive", 400, "validation_error"),
    ):
        body = api.selection(label, starts_at="2026-03-03T10:00:00")
        refused(await api.reserve(body), status, code)


async def test_more_tickets_than_the_sandbox_issues_at_once_are_refused(api, refused):
    refused(await api.reserve(api.selection("unlimited", 10**9)), 400, "validation_error")
