"""Rules 76 to 90: published events, and the availability of admissions.

Both are older endpoints of the merchant. What their pages leave open is marked "by choice".
"""

from __future__ import annotations

from datetime import timedelta

import pytest

EVENTS = "/v1/ticketing/published_events.json"
BRUNCH, JAZZ, MOON, GALA = (
    "Magischer Brunch", "Jazz am Gipfel", "Vollmondkonzert", "Silvestergala",
)  # fmt: skip


async def _events(api, **more):
    response = await api.send("GET", EVENTS, **more)
    assert response.status == 200, response.body
    return response.json()


async def _event(api, name):
    return next(event for event in await _events(api) if event["name"]["de"] == name)


def _record(api, name):
    return next(e for e in api.sandbox.events() if e.name_translations["de"] == name)


async def _admission(api, label, first="2026-03-03", last="2026-03-03", **more):
    path = f"/v1/ticketing/admissions/{api.product(label).id}/availability.json"
    return await api.send("GET", path, from_=first, to=last, **more)


async def _slots(api, *arguments, **more):
    response = await _admission(api, *arguments, **more)
    assert response.status == 200, response.body
    return response.json()["slots"]


# Published events


async def test_rule_76_the_events_are_an_array_of_what_the_merchant_has_published(api):
    assert [event["name"]["de"] for event in await _events(api)] == [BRUNCH, JAZZ, MOON, GALA]
    assert await _events(api, key=api.key_of("Ticket desk")) == []


async def test_rule_77_an_event_that_is_not_published_is_absent(api):
    hidden = _record(api, "Premiere")
    assert hidden.id not in {event["id"] for event in await _events(api)}
    api.sandbox.set_active(hidden.id, True)
    assert hidden.id in {event["id"] for event in await _events(api)}
    api.sandbox.set_active(hidden.id, False)
    assert len(await _events(api)) == 4


async def test_rule_78_an_event_has_the_documented_members(api):
    event = await _event(api, BRUNCH)
    adult, child = (kind["id"] for kind in event["ticket_types"])
    assert event == {
        "id": _record(api, BRUNCH).id,
        "name": {"de": "Magischer Brunch", "en": "Magical brunch"},
        "description_html": {
            "de": "<p>Magischer Brunch</p>", "en": "<p>Magical brunch</p>",
        },
        "url": {
            language: f"https://shop.sandbox.invalid/{language}/events/{event['id']}"
            for language in ("de", "en")
        },
        "bookable": True,
        "count_available_tickets": 80,
        "start": "2026-03-14T19:30:00",
        "image_url": f"https://shop.sandbox.invalid/images/{event['id']}.jpg",
        "organizer": {"name": "Bergbahn Muster AG", "url": "https://shop.sandbox.invalid"},
        "venue": {
            "name": "Gipfelhaus", "street": "Bergstrasse 1", "zip": "6000", "city": "Luzern",
            "country_code": "CH",
        },
        "ticket_types": [
            {
                "id": adult,
                "name": {"de": "Erwachsene", "en": "Adults"},
                "description": {"de": "Ab 16 Jahren", "en": "From 16 years"},
                "price_in_cents": 6900,
            },
            {
                "id": child,
                "name": {"de": "Kinder", "en": "Children"},
                "description": {"de": "Bis 15 Jahre", "en": "Up to 15 years"},
                "price_in_cents": 3400,
            },
        ],
        "ticket_type_groups": [
            {"name": {"de": "Normaltarif", "en": "Regular"}, "ticket_type_ids": [adult, child]},
        ],
        "category_id": "",
        "tags": [],
        "updated_at": "2026-03-02T09:00:00",
    }  # fmt: skip


async def test_rule_79_an_event_is_bookable_while_its_sale_is_open_and_not_sold_out(api):
    bookable = {event["name"]["de"]: event["bookable"] for event in await _events(api)}
    assert bookable == {BRUNCH: True, JAZZ: True, MOON: False, GALA: False}
    assert (await _event(api, MOON))["count_available_tickets"] == 0
    assert (await _event(api, GALA))["count_available_tickets"] == 80
    # By choice: the sale ends as the event begins. 19:30 in Zurich is 18:30 in UTC.
    api.sandbox.clock.advance(days=12, hours=10, minutes=29, seconds=59)
    assert (await _event(api, BRUNCH))["bookable"] is True
    api.sandbox.clock.advance(1)
    assert (await _event(api, BRUNCH))["bookable"] is False


async def test_rule_80_the_count_is_what_the_shop_has_left(api):
    event = _record(api, JAZZ)
    assert api.sandbox.sell_event(event.id, 79) == 1
    assert (await _event(api, JAZZ))["count_available_tickets"] == 1
    with pytest.raises(ValueError, match="cannot sell 2: 1 places are free"):
        api.sandbox.sell_event(event.id, 2)
    api.sandbox.sell_event(event.id, 1)
    shown = await _event(api, JAZZ)
    assert (shown["count_available_tickets"], shown["bookable"]) == (0, False)
    event.quota = 50
    assert (await _event(api, JAZZ))["count_available_tickets"] == 0
    with pytest.raises(ValueError, match="no event"):
        api.sandbox.sell_event("x", 1)


async def test_rule_81_category_id_filters_and_is_empty_without_a_category(api):
    category = (await _event(api, JAZZ))["category_id"]
    assert (await _event(api, BRUNCH))["category_id"] == ""
    found = await _events(api, category_id=category)
    assert [event["name"]["de"] for event in found] == [JAZZ, MOON]
    assert await _events(api, category_id="f" * 24) == []
    assert len(await _events(api, category_id="")) == 4  # by choice: no filter


async def test_rule_82_events_need_a_key_and_no_approval_and_their_errors_are_text(api):
    response = await api.send("GET", EVENTS, key=None)
    assert response.status == 401
    assert response.headers["content-type"].startswith("text/plain")
    assert len(await _events(api, key=api.key_of("Back office"))) == 4
    assert (await api.send("POST", EVENTS)).status == 404


# The availability of an admission


async def test_rule_83_an_admission_has_the_documented_members(api):
    response = await _admission(api, "time")
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json() == {
        "name": {"de": "Gipfelfahrt", "en": "Summit ride", "fr": "Montée au sommet"},
        "is_all_day": False,
        "is_unlimited_availability": False,
        "slots": [
            {"starts_at": f"2026-03-03T{at}:00", "availability_count": 50}
            for at in ("09:00", "10:00", "11:00", "13:30", "15:00")
        ],
    }


async def test_rule_84_slots_of_a_whole_day_start_at_midnight(api):
    value = (await _admission(api, "day", "2026-03-03", "2026-03-04")).json()
    assert value["is_all_day"] is True
    assert value["slots"] == [
        {"starts_at": f"2026-03-0{day}T00:00:00", "availability_count": 400} for day in (3, 4)
    ]


async def test_rule_85_counts_are_absent_where_nothing_is_limited(api):
    value = (await _admission(api, "unlimited")).json()
    assert value["is_unlimited_availability"] is True
    assert value["slots"] == [{"starts_at": f"2026-03-03T{at}:00:00"} for at in ("10", "14")]
    api.sandbox.set_capacity(api.product("unlimited").id, "2026-03-03T10:00:00", 7)
    value = (await _admission(api, "unlimited")).json()
    assert value["is_unlimited_availability"] is False
    # By choice: the slot without a limit has no number to show.
    assert value["slots"] == [
        {"starts_at": "2026-03-03T10:00:00", "availability_count": 7},
        {"starts_at": "2026-03-03T14:00:00"},
    ]


async def test_rule_86_it_does_not_matter_what_is_released_to_third_parties(api):
    for label in ("channel-off", "not-allowed", "seat-plan", "no-categories"):
        assert len(await _slots(api, label)) == 2
    assert len(await _slots(api, "time", key=api.key_of("Back office"))) == 5


async def test_rule_87_the_count_is_the_one_pool_of_the_merchant(api):
    await api.reserve(api.selection("small", 2))
    await api.book(api.order("small", 1, 1))
    example = api.example("small")
    api.sandbox.desk_sale(example.product_id, example.starts_at, 1)
    assert await _slots(api, "small") == [
        {"starts_at": "2026-03-03T20:30:00", "availability_count": 3}
    ]
    api.sandbox.clock.advance(minutes=60)
    assert (await _slots(api, "small"))[0]["availability_count"] == 5


async def test_rule_88_there_are_no_slots_if_nothing_is_available(api):
    assert await _slots(api, "sold-out") == []
    assert await _slots(api, "inactive") == []
    assert await _slots(api, "season", "2026-03-03", "2026-03-05") == []
    assert await _slots(api, "time", "2020-01-01", "2020-12-31") == []
    # A slot whose cut-off has passed can no longer be had.
    product = api.product("time").id
    assert len(await _slots(api, "time", "2026-03-02", "2026-03-02")) == 3
    api.sandbox.clock.advance(hours=1)
    assert len(await _slots(api, "time", "2026-03-01", "2026-03-02")) == 2
    api.sandbox.block_day(product, api.sandbox.today() + timedelta(days=1))
    assert await _slots(api, "time") == []


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("", "2026-03-05"),
        ("2026-03-05", ""),
        ("2026-3-5", "2026-03-06"),
        ("2026-03-06", "2026-03-05"),
    ],
)
async def test_rule_89_from_and_to_are_mandatory_dates_in_their_order(api, first, last):
    response = await _admission(api, "time", first, last)
    assert response.status == 400
    assert response.headers["content-type"].startswith("text/plain")


async def test_rule_89_the_range_can_be_limited(api):
    api.change(max_range_days=7)
    assert len(await _slots(api, "day", "2026-03-03", "2026-03-09")) == 7
    assert (await _admission(api, "day", "2026-03-03", "2026-03-10")).status == 400


async def test_rule_90_an_unknown_admission_or_one_of_another_merchant_is_not_found(api):
    response = await _admission(api, "euro-time")
    assert response.status == 404
    assert response.headers["content-type"].startswith("text/plain")
    assert (await _admission(api, "euro-time", key=api.key_of("Ticket desk"))).status == 200
    for unknown in ("0" * 24, "%2F", _record(api, BRUNCH).id):
        path = f"/v1/ticketing/admissions/{unknown}/availability.json"
        response = await api.send("GET", path, from_="2026-03-03", to="2026-03-03")
        assert response.status == 404
    api.change(old_errors="json")
    assert (await _admission(api, "euro-time")).json()["error_code"] == "not_found"
