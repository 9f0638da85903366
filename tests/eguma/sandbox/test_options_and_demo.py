"""Switches, the demo data on any date, and the turns of the clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import attrs
import pytest

from eguma_async.sandbox import EgumaOptions, EgumaSandbox, Reply, SandboxRequest

SELLABLE = (
    "time", "day", "unlimited", "small", "season", "limits", "early-closing", "languages",
    "euro-time", "euro-day", "french-day", "french-time",
)  # fmt: skip


@pytest.mark.parametrize(
    "date", ["1999-12-31", "2024-02-29", "2026-03-02", "2026-07-15", "2099-01-01"]
)
def test_the_demo_has_slots_to_book_on_any_date(clock, date):
    clock.set(datetime.fromisoformat(date).replace(hour=21, tzinfo=UTC))
    sandbox = EgumaSandbox(clock)
    for label in SELLABLE:
        example = sandbox.example(label)
        assert example.starts_at is not None
        assert example.starts_at > clock.now().isoformat()
        assert len(example.category_ids) == 2
        free = sandbox.availability(example.product_id, example.starts_at)
        assert free is None or free >= 4
    assert sandbox.example("inactive").starts_at is None
    assert sandbox.example("no-categories").category_ids == ()
    with pytest.raises(ValueError, match="labelled"):
        sandbox.example("nothing")


def test_the_demo_still_works_after_the_clock_has_moved_for_years(clock):
    sandbox = EgumaSandbox(clock)
    clock.advance(days=2000)
    for label in SELLABLE:
        expected = None if label == "season" else sandbox.today().isoformat()
        assert (sandbox.example(label).starts_at or "")[:4] == (expected or "")[:4]


def test_the_seed_decides_on_all_ids(clock):
    def ids(seed):
        sandbox = EgumaSandbox(clock, seed=seed)
        return [product.id for product in sandbox.products()], sandbox.demo_key

    assert ids(1) == ids(1)
    assert ids(1) != ids(2)


def test_merchants_users_and_keys_are_there_to_be_printed(clock):
    sandbox = EgumaSandbox(clock)
    assert [merchant.name for merchant in sandbox.merchants()] == [
        "Bergbahn Muster AG", "Lakeside Discovery Park", "Musée du Chocolat Sàrl",
    ]  # fmt: skip
    keys = [key for merchant in sandbox.merchants() for user in merchant.users for key in user.keys]
    assert all(re.fullmatch("[0-9a-f]{24}", key.value) for key in keys)
    assert [key.is_active for key in keys].count(False) == 1
    assert sandbox.demo_key == keys[0].value
    assert sandbox.demo_key not in repr(sandbox.merchants())
    assert sandbox.demo_key not in repr(sandbox.example("time"))


def test_an_empty_sandbox_has_nothing(clock):
    sandbox = EgumaSandbox(clock, demo_data=False)
    assert (sandbox.merchants(), sandbox.products(), sandbox.orders()) == ((), (), ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mismatch_status", 200),
        ("mismatch_status", True),
        ("mismatch_code", ""),
        ("replay_header", ""),
        ("replay_header", "two words"),
        ("replay_header_value", "a\r\nb"),
        ("generation", "C"),
        ("max_range_days", 0),
        ("success_status", 400),
        ("orders_delay_seconds", -1),
        ("expires_at_zone", "Europe/Zurich"),
        ("hide_sold_out_slots", "yes"),
    ],
)
def test_an_option_with_a_wrong_value_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        EgumaOptions(**{name: value})


async def test_names_and_zones_that_are_not_documented_can_be_changed(api):
    api.change(
        price_field="price", closing_at_zone="utc", updated_at_zone="utc", language_field="lang",
        booking_location="local",
    )  # fmt: skip
    (slot, *_) = await api.slots(api.product("time").id, "2026-03-03", "2026-03-03")
    assert slot["prices"][0]["price"] == 4500
    assert (slot["starts_at"][11:], slot["closing_at"][11:]) == ("09:00:00", "07:00:00")
    booking = (await api.book(api.order())).json()
    assert booking["lang"] == "de"
    (order,) = await api.orders(updated_at_after="2026-03-02T08:00:00")
    assert (order["created_at"], order["location"]) == ("2026-03-02T08:00:00", "local")
    api.change(language_field=None)
    assert "de" not in (await api.book(api.order())).json().values()


async def test_the_range_of_availabilities_can_be_limited(api, refused):
    api.change(max_range_days=7)
    product_id = api.product("day").id
    assert len(await api.slots(product_id, "2026-03-03", "2026-03-09")) == 7
    response = await api.availabilities(product_id, "2026-03-03", "2026-03-10")
    refused(response, 400, "validation_error")


async def test_users_that_are_not_approved_may_be_refused_with_401(api, refused):
    api.change(unapproved_status=401)
    refused(await api.products(key=api.key_of("Back office")), 401, "unauthorized")


async def test_generation_a_has_neither_currency_nor_translations_nor_open_ends(api):
    api.change(generation="A")
    value = (await api.products()).json()
    assert "currency" not in value
    assert not any(name.endswith("_translations") for name in value["products"][0])
    response = await api.availabilities(api.product("unlimited").id, "2026-03-02", "2026-03-02")
    assert "currency" not in response.json()
    closing = {slot["closing_at"] for slot in response.json()["availabilities"]}
    assert closing == {"2026-03-02T23:59:59"}
    held = (await api.reserve(api.selection())).json()["reservation_id"]
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", held)
    assert (await api.book(api.order(language="xx"))).status == 200


async def test_injected_errors_have_the_shape_of_the_booking_family(api, refused):
    for status, code in ((429, "too_many_requests"), (500, "internal_error")):
        api.sandbox.faults.add(Reply(status))
        refused(await api.products(), status, code)


# The turns of the clock


async def test_a_hold_across_the_end_of_summer_time_lasts_60_minutes(api):
    api.sandbox.clock.set(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    body = api.selection("small")
    response = await api.reserve(body)
    assert response.json()["expires_at"] == "2026-10-25T02:30:00.0000000"
    api.sandbox.clock.advance(minutes=59)
    assert len(api.sandbox.holds()) == 1
    api.sandbox.clock.advance(minutes=1)
    assert api.sandbox.holds() == ()


async def test_availabilities_follow_the_clock_back_and_forth(api):
    product_id = api.product("time").id

    async def starts():
        slots = await api.slots(product_id, "2026-03-02", "2026-03-02")
        return [slot["starts_at"][11:16] for slot in slots]

    now = api.sandbox.clock.now()
    assert len(await starts()) == 3
    api.sandbox.clock.advance(hours=2)
    assert len(await starts()) == 2
    api.sandbox.clock.set(now)
    assert len(await starts()) == 3
    api.sandbox.clock.advance(days=1)
    assert await starts() == []


async def test_desk_sales_go_on_after_the_cut_off_and_stop_at_the_quota(api):
    product_id = api.product("time").id
    api.sandbox.clock.advance(hours=1)
    assert api.sandbox.desk_sale(product_id, "2026-03-02T11:00:00", 50) == 0
    with pytest.raises(ValueError, match="cannot sell 1"):
        api.sandbox.desk_sale(product_id, "2026-03-02T11:00:00", 1)
    for quantity, starts_at in ((1, "2026-03-02T11:01:00"), (0, "2026-03-02T13:30:00")):
        with pytest.raises(ValueError, match="no such slot|cannot sell 0"):
            api.sandbox.desk_sale(product_id, starts_at, quantity)
    with pytest.raises(ValueError, match="form"):
        api.sandbox.desk_sale(product_id, "2026-03-02", 1)
    with pytest.raises(ValueError, match="id"):
        api.sandbox.set_active("0" * 24, True)


def test_options_can_be_read_as_json_and_changed(clock):
    sandbox = EgumaSandbox(clock, options=EgumaOptions(sold_out_status=409))
    assert sandbox.get_options() == attrs.asdict(sandbox.options)
    sandbox.set_options({"sold_out_code": "sold_out"})
    assert (sandbox.options.sold_out_status, sandbox.options.sold_out_code) == (409, "sold_out")


def test_a_sandbox_can_be_asked_without_an_event_loop(clock):
    response = EgumaSandbox(clock).respond(SandboxRequest("GET", "/v1/hello.json"))
    assert (response.status, response.body) == (200, b"OK")


def test_an_example_tells_its_start_as_a_client_takes_it(clock):
    sandbox = EgumaSandbox(clock)
    example = sandbox.example("time")
    assert example.start.isoformat() == example.starts_at
    closed = [name for name in sandbox.example_names if sandbox.example(name).starts_at is None]
    for name in closed:
        with pytest.raises(ValueError, match="has no open slot"):
            _ = sandbox.example(name).start
    assert closed
