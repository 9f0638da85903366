"""The merchant's side: prices, quotas, orders, holds; what it changes shows on the wire."""

from __future__ import annotations

from datetime import date, datetime

import attrs
import pytest

from eguma_async.sandbox import EgumaSandbox

BOOKED_AT, CHANGED_AT = "2026-03-02T09:00:00", "2026-03-02T10:00:00"


async def _cents(api, label, starts_at=None):
    """Return the prices of all categories in one slot."""
    example = api.example(label)
    starts_at = starts_at or example.starts_at
    slots = await api.slots(example.product_id, starts_at[:10], starts_at[:10])
    slot = next(slot for slot in slots if slot["starts_at"] == starts_at)
    return [price["price_in_cents"] for price in slot["prices"]]


async def _total(api, *arguments, **more):
    booking = (await api.book(api.order(*arguments, **more))).json()
    (order,) = await api.orders(order_number=booking["booking_reference"])
    return order["grand_total_in_cents"], order["order_lines"][0]["unit_price_in_cents"]


# Prices


async def test_a_new_price_holds_in_every_slot_for_the_list_and_for_orders(api):
    example, (adult, child) = api.example("small"), api.product("small").categories
    assert await _cents(api, "small") == [2500, 1500]
    assert await _total(api, "small", 2) == (5000, 2500)
    api.sandbox.set_price(example.product_id, adult.id, 3500)
    assert await _cents(api, "small") == [3500, 1500]
    assert await _cents(api, "small", "2026-03-10T20:30:00") == [3500, 1500]
    assert await _total(api, "small", 2) == (7000, 3500)
    api.sandbox.set_price(example.product_id, child.id, 0)
    assert await _cents(api, "small") == [3500, 0]


async def test_a_price_of_one_slot_leaves_the_others(api):
    example, (adult, _) = api.example("small"), api.product("small").categories
    other = "2026-03-10T20:30:00"
    api.sandbox.set_price(example.product_id, adult.id, 9900, starts_at=other)
    assert await _cents(api, "small") == [2500, 1500]
    assert await _cents(api, "small", other) == [9900, 1500]
    assert await _total(api, "small", 1, starts_at=other) == (9900, 9900)
    api.sandbox.set_price(example.product_id, adult.id, 100)
    assert await _cents(api, "small", other) == [100, 1500]


async def test_what_is_sold_keeps_its_price_and_what_is_held_does_not(api):
    example, (adult, _) = api.example("small"), api.product("small").categories
    before = (await api.book(api.order("small", 1))).json()["booking_reference"]
    held = (await api.reserve(api.selection("small", 1))).json()["reservation_id"]
    api.sandbox.set_price(example.product_id, adult.id, 3500)
    assert await _total(api, "small", 1, reservation_id=held) == (3500, 3500)
    (order,) = await api.orders(order_number=before)
    assert order["grand_total_in_cents"] == 2500


async def test_a_new_price_moves_the_date_of_the_product(api):
    example, (adult, _) = api.example("small"), api.product("small").categories
    api.sandbox.clock.advance(hours=1)
    api.sandbox.set_price(example.product_id, adult.id, 3500)
    products = (await api.products()).json()["products"]
    assert {item["id"]: item["updated_at"] for item in products}[example.product_id] == CHANGED_AT


@pytest.mark.parametrize(
    ("category", "cents", "starts_at", "text"),
    [
        (0, -1, None, "price_in_cents must be"),
        (0, 1.5, None, "price_in_cents must be"),
        (0, True, None, "price_in_cents must be"),
        (None, 100, None, "does not sell this category"),
        (None, 100, "2026-03-10T20:30:00", "not sold in this slot"),
        (0, 100, "2026-03-10T20:31:00", "no such slot"),
        (0, 100, "soon", "form in which slots are listed"),
    ],
)
async def test_a_price_that_cannot_be_is_refused(api, category, cents, starts_at, text):
    product = api.product("small")
    category_id = "x" if category is None else product.categories[category].id
    with pytest.raises(ValueError, match=text):
        api.sandbox.set_price(product.id, category_id, cents, starts_at=starts_at)
    assert await _cents(api, "small") == [2500, 1500]


async def test_a_change_of_the_product_itself_shows_at_once(api):
    product = api.product("small")
    assert await _cents(api, "small") == [2500, 1500]
    product.plans = tuple(
        attrs.evolve(
            plan, prices=tuple(attrs.evolve(price, price_in_cents=700) for price in plan.prices)
        )
        for plan in product.plans
    )
    assert await _cents(api, "small") == [700, 700]
    with pytest.raises(TypeError):
        product.quotas[datetime(2026, 3, 10, 20, 30)] = 5
    product.categories = product.categories[:1]
    assert await _cents(api, "small") == [700]


# Quotas


@pytest.mark.parametrize(
    "starts_at",
    ["2026-03-10T20:31:00", "2026-03-01T20:30:00", "2029-01-01T20:30:00", "2026-03-13T20:30:00"],
)
def test_a_quota_needs_a_slot_that_is_there(api, starts_at):
    product = api.product("small")
    product.blocked_days.add(api.sandbox.today().replace(day=13))
    with pytest.raises(ValueError, match="no such slot"):
        api.sandbox.set_capacity(product.id, starts_at, 5)
    assert product.quotas == {}


def test_slots_are_named_by_text_or_by_value(api):
    day, timed = api.product("day").id, api.product("small").id
    for starts_at in ("2026-03-10", "2026-03-10T00:00:00", date(2026, 3, 10)):
        assert api.sandbox.availability(day, starts_at) == 400
    for starts_at in ("2026-03-10T20:30:00", datetime(2026, 3, 10, 20, 30)):
        assert api.sandbox.availability(timed, starts_at) == 8


@pytest.mark.parametrize("capacity", [-1, 1.5, True, "5"])
def test_a_quota_is_a_whole_number_or_none(api, capacity):
    example = api.example("small")
    with pytest.raises(ValueError, match="capacity must be a whole number"):
        api.sandbox.set_capacity(example.product_id, example.starts_at, capacity)
    assert api.sandbox.availability(example.product_id, example.starts_at) == 8


# Orders and holds


async def test_a_cancelled_order_shows_it_and_returns_its_places(api):
    example = api.example("small")
    booking = (await api.book(api.order("small", 3))).json()
    api.sandbox.clock.advance(hours=1)
    api.sandbox.cancel_order(booking["booking_reference"])
    assert await api.count(example) == 8
    (order,) = await api.orders(order_number=booking["booking_reference"])
    assert (order["status"], order["created_at"], order["updated_at"]) == (
        "cancelled", BOOKED_AT, CHANGED_AT,
    )  # fmt: skip
    number = booking["tickets"][0]["ticket_number"]
    assert (await api.gate(number))["unsuccessful_code"] == "ticket_deleted"
    api.sandbox.clock.advance(hours=1)
    api.sandbox.cancel_order(booking["booking_id"])
    assert await api.count(example) == 8
    (order,) = await api.orders(order_number=booking["booking_reference"])
    assert order["updated_at"] == CHANGED_AT


async def test_the_merchant_may_cancel_what_has_begun_and_is_checked_in(api, refused):
    booking = (await api.book(api.order("small", 1))).json()
    api.sandbox.check_in(booking["tickets"][0]["ticket_number"])
    api.sandbox.clock.advance(days=3)
    body = {"booking_id": booking["booking_id"]}
    refused(await api.post("cancel-booking", body), 400, "validation_error")
    api.sandbox.cancel_order(booking["booking_id"])
    (order,) = await api.orders(order_number=booking["booking_reference"])
    assert order["status"] == "cancelled"


async def test_an_edited_order_shows_the_changes_and_their_time(api):
    booking = (await api.book(api.order("small", 1))).json()
    number = booking["booking_reference"]
    api.sandbox.clock.advance(hours=1)
    customer = {"last_name": "Byron", "city": "Bern", "accepts_marketing": True, "title": "Mrs"}
    api.sandbox.update_order(number, customer=customer, note="Rollstuhl", tags=["vip"])
    (order,) = await api.orders(updated_at_after=CHANGED_AT)
    assert order["order_number"] == number
    assert {name: order["customer"][name] for name in customer} == customer
    assert order["customer"]["first_name"] == "John"
    assert (order["note"], order["tags"]) == ("Rollstuhl", ["vip"])
    assert (order["created_at"], order["updated_at"]) == (BOOKED_AT, CHANGED_AT)
    assert [one["order_number"] for one in await api.orders(last_name="Byron")] == [number]
    api.sandbox.update_order(number, note="")
    (order,) = await api.orders(order_number=number)
    assert (order["note"], order["tags"], order["customer"]["city"]) == ("", ["vip"], "Bern")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"customer": {"id": "x"}}, "has no id"),
        ({"customer": {"age": 5}}, "has no age"),
        ({"customer": {"last_name": 5}}, "of another type"),
        ({"customer": {"accepts_marketing": "yes"}}, "of another type"),
        ({"customer": {"last_name": "\ud83d"}}, "must be a text"),
        ({"note": "\ud83d"}, "note must be a text"),
        ({"tags": ["a", ""]}, "tags must be"),
        ({"tags": [5]}, "tags must be"),
    ],
)
async def test_an_edit_that_cannot_be_changes_nothing(api, changes, text):
    number = (await api.book(api.order("small", 1))).json()["booking_reference"]
    before = await api.orders()
    api.sandbox.clock.advance(hours=1)
    with pytest.raises(ValueError, match=text):
        api.sandbox.update_order(number, **{"note": "new", **changes})
    assert await api.orders() == before


async def test_what_is_not_there_is_not_edited_cancelled_or_released(api):
    nameless = next(order for order in api.sandbox.orders() if order.customer is None)
    with pytest.raises(ValueError, match="has no customer"):
        api.sandbox.update_order(nameless.id, customer={"city": "Bern"})
    for act in (api.sandbox.cancel_order, api.sandbox.update_order):
        with pytest.raises(ValueError, match="no order"):
            act("1")
    with pytest.raises(ValueError, match="no reservation"):
        api.sandbox.release_reservation("1")


async def test_a_released_hold_is_over_at_once(api, refused):
    example = api.example("small")
    held = (await api.reserve(api.selection("small", 5))).json()["reservation_id"]
    assert await api.count(example) == 3
    api.sandbox.release_reservation(held)
    api.sandbox.release_reservation(held)
    assert (await api.count(example), api.sandbox.holds()) == (8, ())
    refused(await api.book(api.order("small", 5, reservation_id=held)), 404, "not_found")


async def test_a_booked_hold_is_not_released(api):
    held = (await api.reserve(api.selection("small", 5))).json()["reservation_id"]
    await api.book(api.order("small", 5, reservation_id=held))
    with pytest.raises(ValueError, match="cancel the order"):
        api.sandbox.release_reservation(held)
    assert await api.count(api.example("small")) == 3


def test_examples_are_listed_by_name():
    sandbox = EgumaSandbox()
    assert {"time", "day", "small", "inactive"} <= set(sandbox.example_names)
    assert [sandbox.example(name).label for name in sandbox.example_names] == list(
        sandbox.example_names
    )
