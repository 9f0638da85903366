"""Rules 1 to 25: authentication and errors, products, availabilities."""

from __future__ import annotations

import json
from datetime import date

import pytest

PRODUCTS = "/v1/ticketing/products.json"


# Authentication and errors


async def test_rule_01_a_request_without_apikey_is_unauthorized(api, refused):
    refused(await api.products(key=None), 401, "unauthorized")
    refused(await api.products(key=""), 401, "unauthorized")


async def test_rule_02_an_unknown_or_deactivated_key_is_unauthorized(api, refused):
    refused(await api.products(key="f" * 24), 401, "unauthorized")
    refused(await api.products(key=api.key_of("Web shop", 2)), 401, "unauthorized")
    api.sandbox.set_key_active(api.sandbox.demo_key, False)
    refused(await api.products(), 401, "unauthorized")


@pytest.mark.parametrize("name", ["reservation", "cancel-reservation", "booking", "cancel-booking"])
async def test_rule_03_errors_of_the_booking_family_are_objects_with_two_texts(api, name):
    response = await api.post(name, {}, headers={"idempotency-key": "k"})
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert set(response.json()) == {"error_code", "message"}
    assert all(isinstance(value, str) for value in response.json().values())


async def test_rule_04_a_key_in_a_header_or_in_the_body_does_not_authenticate(api, refused):
    key = api.sandbox.demo_key
    headers = {"apikey": key, "authorization": f"Bearer {key}", "x-api-key": key}
    refused(await api.products(key=None, headers=headers), 401, "unauthorized")
    body = {**api.selection(), "apikey": key}
    refused(await api.reserve(body, key=None), 401, "unauthorized")


async def test_rule_05_a_user_who_is_not_approved_may_not_use_the_booking_family(api, refused):
    key = api.key_of("Back office")
    refused(await api.products(key=key), 403, "forbidden")
    refused(await api.book(api.order(), key=key), 403, "forbidden")
    assert await api.orders(key=key)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b"null", b"\xff{}", b'{"a":NaN}', b"[" * 100_000],
)
async def test_rule_06_a_malformed_body_is_a_validation_error(api, refused, body):
    refused(await api.reserve(body), 400, "validation_error")
    refused(await api.book(body), 400, "validation_error")


async def test_rule_06_what_json_does_not_know_is_a_validation_error(api, refused):
    valid = json.dumps(api.selection()).encode()
    refused(await api.reserve(valid[:-1] + b',"note":NaN}'), 400, "validation_error")
    assert (await api.reserve(valid[:-1] + b',"note":null}')).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/nothing.json"), ("DELETE", PRODUCTS), ("GET", "/"), ("POST", PRODUCTS)],
)
async def test_rule_07_an_unknown_route_is_not_found(api, method, path):
    assert (await api.send(method, path)).status == 404


# Products


async def test_rule_08_the_list_has_what_is_enabled_for_the_keys_user_and_nothing_else(api):
    expected = {
        "time", "day", "unlimited", "small", "sold-out", "season", "limits", "early-closing",
        "languages", "inactive", "no-categories",
    }  # fmt: skip
    for key, labels in (
        (api.sandbox.demo_key, expected),
        (api.key_of("Web shop", 1), expected),
        (api.key_of("Partner portal"), expected | {"not-allowed"}),
        (api.key_of("Billetterie"), {"french-day", "french-time"}),
    ):
        listed = {item["id"] for item in (await api.products(key=key)).json()["products"]}
        assert listed == {api.product(label).id for label in labels}


@pytest.mark.parametrize("label", ["seat-plan", "note", "questions", "contact", "medium"])
async def test_rule_09_incompatible_products_never_appear_and_cause_no_error(api, label):
    product = api.product(label)
    response = await api.products()
    assert response.status == 200
    assert product.id not in {item["id"] for item in response.json()["products"]}
    product.incompatibility = None
    response = await api.products()
    assert product.id in {item["id"] for item in response.json()["products"]}


async def test_rule_10_an_unpublished_product_is_listed_as_inactive(api):
    products = (await api.products()).json()["products"]
    inactive = [item["id"] for item in products if item["is_active"] is False]
    assert inactive == [api.product("inactive").id]


async def test_rule_11_a_product_without_categories_is_listed_with_none(api):
    products = (await api.products()).json()["products"]
    empty = [item["id"] for item in products if item["categories"] == []]
    assert empty == [api.product("no-categories").id]


async def test_rule_12_the_name_is_the_translation_of_the_default_language(api):
    for user, language in (("Web shop", "de"), ("Ticket desk", "en"), ("Billetterie", "fr")):
        for item in (await api.products(key=api.key_of(user))).json()["products"]:
            translations = item["name_translations"]
            assert item["name"] == translations.get(language, next(iter(translations.values())))
            assert item["description"] == item["description_translations"].get(language, "")
    names = {item["name"] for item in (await api.products()).json()["products"]}
    assert {"Gipfelfahrt", "Soirée fondue"} <= names


async def test_rule_13_the_currency_stands_once_at_the_root(api):
    for user, currency in (("Web shop", "CHF"), ("Ticket desk", "EUR"), ("Billetterie", "CHF")):
        response = await api.products(key=api.key_of(user))
        assert response.json()["currency"] == currency
        assert response.body.count(b'"currency"') == 1


async def test_the_list_of_products_has_the_documented_members_in_compact_json(api):
    response = await api.products()
    value = response.json()
    assert list(value) == ["company_name", "currency", "products"]
    assert value["company_name"] == "Bergbahn Muster AG"
    product = value["products"][0]
    assert list(product) == [
        "id", "name", "name_translations", "description", "description_translations",
        "is_active", "slot_type", "updated_at", "categories",
    ]  # fmt: skip
    assert product["updated_at"] == "2026-03-02T09:00:00"
    assert list(product["categories"][1].items())[1:] == [
        ("name", "Kind"), ("age_from", 6), ("age_to", 15),
    ]  # fmt: skip
    assert b'": ' not in response.body
    assert "Gültig".encode() in response.body


async def test_hello_answers_in_plain_text_without_a_key(api):
    response = await api.send("GET", "/v1/hello.json", key=None)
    assert (response.status, response.body) == (200, b"OK")
    assert response.headers["content-type"].startswith("text/plain")


# Availabilities


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("", "2026-03-05"),
        ("2026-03-05", ""),
        ("2026-3-5", "2026-03-06"),
        ("05.03.2026", "2026-03-06"),
        ("20260305", "2026-03-06"),
        ("2026-02-30", "2026-03-06"),
        ("2026-03-05T00:00:00", "2026-03-06"),
        ("2026-03-05", "x"),
        ("٢٠٢٦-03-05", "2026-03-06"),
    ],
)
async def test_rule_14_from_and_to_must_be_dates(api, refused, first, last):
    product_id = api.product("time").id
    refused(await api.availabilities(product_id, first, last), 400, "validation_error")


async def test_rule_14_from_and_to_are_mandatory_and_inclusive(api, refused):
    product_id = api.product("day").id
    path = f"/v1/ticketing/products/{product_id}/availabilities.json"
    refused(await api.send("GET", path, to="2026-03-05"), 400, "validation_error")
    refused(await api.send("GET", path, from_="2026-03-05"), 400, "validation_error")
    slots = await api.slots(product_id, "2026-03-05", "2026-03-07")
    starts = [slot["starts_at"] for slot in slots]
    assert starts == [f"2026-03-0{day}T00:00:00" for day in (5, 6, 7)]


async def test_rule_15_to_before_from_as_sent_is_a_validation_error(api, refused):
    product_id = api.product("day").id
    for first, last in (("2026-03-06", "2026-03-05"), ("2020-01-02", "2020-01-01")):
        refused(await api.availabilities(product_id, first, last), 400, "validation_error")


async def test_rule_16_a_past_from_is_clamped_to_today(api):
    slots = await api.slots(api.product("day").id, "2000-01-01", "2026-03-03")
    assert [slot["starts_at"][:10] for slot in slots] == ["2026-03-02", "2026-03-03"]
    # This one has no cut-off that would hide its past slots.
    endless = api.product("unlimited").id
    slots = await api.slots(endless, "2026-02-01", "2026-03-03")
    assert [slot["starts_at"][8:10] for slot in slots] == ["02", "02", "03", "03"]
    api.sandbox.clock.advance(hours=14, minutes=59, seconds=59)
    assert len(await api.slots(endless, "2026-02-01", "2026-03-03")) == 4
    api.sandbox.clock.advance(seconds=1)
    slots = await api.slots(endless, "2026-02-01", "2026-03-03")
    assert [slot["starts_at"][8:10] for slot in slots] == ["03", "03"]


async def test_rule_17_dates_outside_the_calendar_are_clamped(api):
    season = await api.slots(api.product("season").id, "2026-03-02", "2027-12-31")
    days = [slot["starts_at"][:10] for slot in season]
    assert (days[0], days[-1]) == ("2026-03-12", "2026-04-11")
    endless = await api.slots(api.product("day").id, "0001-01-01", "9999-12-31")
    assert (len(endless), endless[-1]["starts_at"][:10]) == (731, "2028-03-01")


@pytest.mark.parametrize(
    ("label", "first", "last"),
    [
        ("day", "2020-01-01", "2020-12-31"),
        ("season", "2026-03-03", "2026-03-05"),
        ("season", "2026-06-01", "2026-06-30"),
    ],
)
async def test_rule_18_a_range_in_the_past_or_outside_the_calendar_is_empty(
    api, label, first, last
):
    response = await api.availabilities(api.product(label).id, first, last)
    assert (response.status, response.json()["availabilities"]) == (200, [])


async def test_rule_19_an_unpublished_product_has_an_empty_list(api):
    response = await api.availabilities(api.product("inactive").id, "2026-03-02", "2026-03-31")
    assert (response.status, response.json()["availabilities"]) == (200, [])
    api.sandbox.set_active(api.product("inactive").id, True)
    assert await api.slots(api.product("inactive").id, "2026-03-02", "2026-03-31")


async def test_rule_20_blocked_days_are_absent(api):
    season = api.product("season").id
    slots = await api.slots(season, "2026-03-12", "2026-03-16")
    assert [slot["starts_at"][8:10] for slot in slots] == ["12", "13", "16"]
    api.sandbox.block_day(season, date(2026, 3, 13))
    slots = await api.slots(season, "2026-03-12", "2026-03-16")
    assert [slot["starts_at"][8:10] for slot in slots] == ["12", "16"]


async def test_rule_21_a_slot_goes_at_its_cut_off_and_without_one_never(api):
    timed, endless = api.product("time").id, api.product("unlimited").id

    async def starts(product_id):
        return [
            slot["starts_at"][11:16]
            for slot in await api.slots(product_id, "2026-03-02", "2026-03-02")
        ]

    assert await starts(timed) == ["11:00", "13:30", "15:00"]
    api.sandbox.clock.advance(minutes=59, seconds=59)
    assert await starts(timed) == ["11:00", "13:30", "15:00"]
    api.sandbox.clock.advance(seconds=1)
    assert await starts(timed) == ["13:30", "15:00"]
    api.sandbox.clock.advance(hours=8)
    assert await starts(timed) == []
    slots = await api.slots(endless, "2026-03-02", "2026-03-02")
    assert [slot["closing_at"] for slot in slots] == [None, None]


async def test_rule_22_day_slots_start_at_midnight_and_time_slots_at_their_time(api):
    days = await api.slots(api.product("day").id, "2026-03-03", "2026-03-09")
    assert [slot["starts_at"] for slot in days] == [
        f"2026-03-0{day}T00:00:00" for day in range(3, 10)
    ]
    assert {slot["slot_type"] for slot in days} == {"day"}
    times = await api.slots(api.product("time").id, "2026-03-03", "2026-03-03")
    assert [slot["starts_at"][10:] for slot in times] == [
        "T09:00:00", "T10:00:00", "T11:00:00", "T13:30:00", "T15:00:00",
    ]  # fmt: skip
    assert {slot["slot_type"] for slot in times} == {"time"}


async def test_rule_23_the_count_is_the_quota_less_what_is_sold_and_held(api):
    example = api.example("small")
    assert await api.count(example) == 8
    await api.reserve(api.selection("small", 2))
    await api.book(api.order("small", 1, 1))
    assert await api.count(example) == 4
    assert api.sandbox.desk_sale(example.product_id, example.starts_at, 3) == 1
    assert await api.count(example) == 1
    api.sandbox.set_capacity(example.product_id, example.starts_at, 5)
    assert await api.count(example) == 0
    assert await api.count(api.example("unlimited")) is None


async def test_rule_24_a_product_that_is_not_enabled_is_forbidden_and_an_unknown_one_not_found(
    api, refused
):
    for label in ("channel-off", "not-allowed", "seat-plan"):
        response = await api.availabilities(api.product(label).id, "2026-03-03", "2026-03-04")
        refused(response, 403, "forbidden")
    for product_id in ("0" * 24, api.product("euro-time").id, "%2F"):
        response = await api.availabilities(product_id, "2026-03-03", "2026-03-04")
        refused(response, 404, "not_found")
    api.change(not_enabled_status=404)
    response = await api.availabilities(api.product("seat-plan").id, "2026-03-03", "2026-03-04")
    refused(response, 404, "not_found")


async def test_rule_25_sold_out_slots_are_listed_with_zero_or_hidden_on_demand(api):
    product_id = api.product("sold-out").id
    slots = await api.slots(product_id, "2026-03-03", "2026-03-05")
    assert [slot["availability_count"] for slot in slots] == [0, 0, 0]
    api.change(hide_sold_out_slots=True)
    assert await api.slots(product_id, "2026-03-03", "2026-03-05") == []


async def test_an_availability_has_the_documented_members(api):
    response = await api.availabilities(api.product("time").id, "2026-03-03", "2026-03-03")
    value = response.json()
    assert list(value) == ["company_name", "product_name", "currency", "availabilities"]
    adult, child = (category.id for category in api.product("time").categories)
    assert value["availabilities"][0] == {
        "slot_type": "time",
        "starts_at": "2026-03-03T09:00:00",
        "closing_at": "2026-03-03T08:00:00",
        "availability_count": 50,
        "prices": [
            {
                "category_id": adult,
                "price_in_cents": 4500,
                "min_quantity": 1,
                "max_quantity": 10,
                "allow_zero_quantity": True,
            },
            {
                "category_id": child,
                "price_in_cents": 2200,
                "min_quantity": None,
                "max_quantity": None,
                "allow_zero_quantity": True,
            },
        ],
    }
    assert value["availabilities"][4]["prices"][0]["price_in_cents"] == 3600
