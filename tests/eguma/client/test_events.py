"""Published events and the availability of admissions."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from eguma_async import (
    AdmissionSlot,
    AsyncSession,
    ConfigurationError,
    DecodingError,
    InvalidRequestError,
    Listing,
    MemoryTransport,
)
from eguma_async.testing import json_reply, text_reply

WIRE = Path(__file__).parents[2] / "wire" / "eguma"
ADMISSION = "64ad1bb1973b861c040c99bd"
CATEGORY = "63206fa6973b861ff8e05111"
DAYS = {"from_date": date(2026, 3, 19), "to_date": date(2026, 3, 20)}


def shown(name):
    page = json.loads((WIRE / f"{name}.json").read_text(encoding="utf-8"))
    return page["responses"]["B"]["body"]


async def test_a_category_is_asked_for_and_others_are_left_out(scripted):
    events = shown("events")
    events.append({"id": "odd", "category_id": "another"})
    events.append({"id": "odd", "category_id": CATEGORY})
    events.append({"id": "odd"})
    async with scripted(json_reply(events), json_reply(events)) as (session, transport):
        found = await session.ticketing.events.list(category_id=CATEGORY)
        everything = await session.ticketing.events.list()
    assert transport.requests[0].query == (("category_id", CATEGORY),)
    assert transport.requests[1].query == ()
    assert isinstance(found, Listing)
    assert [event.id for event in found] == ["678f5130973b950bb88d3f7a"]
    assert [each.index for each in found.unreadable] == [3, 4]
    assert (len(everything), len(everything.unreadable)) == (2, 3)


async def test_an_event_is_a_value(scripted):
    async with scripted(json_reply(shown("events")), json_reply(shown("events"))) as (session, _):
        one = await session.ticketing.events.list()
        other = await session.ticketing.events.list()
    assert one == other
    assert len({*one, *other}) == 2


@pytest.mark.parametrize("amount", [50.0, "5000", True])
async def test_a_price_of_an_event_is_a_whole_number_of_cents(scripted, amount):
    events = shown("events")
    events[0]["ticket_types"][0]["price_in_cents"] = amount
    async with scripted(json_reply(events)) as (session, _):
        found = await session.ticketing.events.list()
    assert [each.index for each in found.unreadable] == [0]


@pytest.mark.parametrize("name", ["All", {"de": "Alle"}, None, 5])
async def test_the_name_of_a_group_is_read_as_it_is(scripted, name):
    events = shown("events")
    events[0]["ticket_type_groups"][0]["name"] = name
    async with scripted(json_reply(events)) as (session, _):
        found = await session.ticketing.events.list()
    assert found[0].ticket_type_groups[0].name == name


def availability(*slots, unlimited=False):
    return json_reply(
        {
            "name": {"de": "Eintritt"},
            "is_all_day": False,
            "is_unlimited_availability": unlimited,
            "slots": list(slots),
        }
    )


async def test_a_slot_without_a_count_is_never_taken_for_an_unlimited_one(scripted):
    first, counted, last = (
        {"starts_at": "2026-03-19T09:00:00"},
        {"starts_at": "2026-03-19T10:00:00", "availability_count": 3},
        {"starts_at": "2026-03-19T11:00:00", "availability_count": None},
    )
    answer = availability({"odd": 1}, first, counted, last)
    async with scripted(answer, availability(first, unlimited=True)) as (session, _):
        found = await session.ticketing.events.availability(ADMISSION, **DAYS)
        unlimited = await session.ticketing.events.availability(ADMISSION, **DAYS)
    assert found.slots == (
        AdmissionSlot(starts_at=datetime(2026, 3, 19, 10), availability_count=3),
    )
    assert [each.index for each in found.unreadable] == [0, 1, 3]
    assert found.unreadable[1].raw == {"starts_at": "2026-03-19T09:00:00"}
    assert unlimited.slots[0].availability_count is None
    assert unlimited.unreadable == ()


async def test_a_part_without_a_readable_slot_does_not_hide_the_others(scripted):
    odd = {"starts_at": "2026-03-19T09:00:00"}  # no count
    good = {"starts_at": "2026-03-20T09:00:00", "availability_count": 1}
    too_long = text_reply("Der Zeitraum ist zu lang.", 400)
    async with scripted(too_long, availability(odd), availability(good)) as (session, _):
        found = await session.ticketing.events.availability(ADMISSION, **DAYS)
    assert [slot.starts_at for slot in found.slots] == [datetime(2026, 3, 20, 9)]
    assert [each.index for each in found.unreadable] == [0]
    async with scripted(too_long, availability(odd), availability(odd)) as (session, _):
        with pytest.raises(DecodingError, match=r"\$\.slots\[1\]\.availability_count"):
            await session.ticketing.events.availability(ADMISSION, **DAYS)


async def test_whole_lists_of_which_nothing_can_be_read_are_errors(scripted):
    odd = {"starts_at": "2026-03-19T09:00:00"}
    async with scripted(availability(odd), json_reply([{"id": "e1"}])) as (session, _):
        with pytest.raises(DecodingError, match=r"@ \$\.slots\[0\]\.availability_count"):
            await session.ticketing.events.availability(ADMISSION, **DAYS)
        with pytest.raises(DecodingError, match=r"@ \$\[0\]\.name") as caught:
            await session.ticketing.events.list(category_id=CATEGORY)
    assert caught.value.operation == "ListEvents"


async def test_a_group_that_cannot_be_read_does_not_hide_its_event(scripted):
    events = shown("events")
    events[0]["ticket_type_groups"] = ["odd"]
    async with scripted(json_reply(events)) as (session, _):
        found = await session.ticketing.events.list()
    assert [event.id for event in found] == [event["id"] for event in events]
    assert found[0].ticket_type_groups == ()


async def test_a_slot_of_a_day_that_was_not_asked_for_is_left_out(scripted):
    starts = ["2026-03-18T23:00:00", "2026-03-19T10:00:00", "2026-03-21T00:00:00"]
    answer = availability(*({"starts_at": start, "availability_count": 1} for start in starts))
    async with scripted(answer) as (session, _):
        found = await session.ticketing.events.availability(ADMISSION, **DAYS)
    assert [slot.starts_at for slot in found.slots] == [datetime(2026, 3, 19, 10)]


async def test_a_range_that_is_refused_is_read_in_parts():
    asked = []

    async def answer(request):
        query = dict(request.query)
        first, last = date.fromisoformat(query["from"]), date.fromisoformat(query["to"])
        days = (last - first).days + 1
        asked.append(days)
        if days > 31:
            return text_reply("Der Zeitraum ist zu lang.", 400)
        starts = [f"{first + timedelta(days=n)}T10:00:00" for n in range(days)]
        return availability(*({"starts_at": start, "availability_count": 1} for start in starts))

    async with AsyncSession("k" * 24, transport=MemoryTransport(answer)) as session:
        found = await session.ticketing.events.availability(
            ADMISSION, from_date=date(2026, 3, 1), to_date=date(2026, 4, 29)
        )
    assert len({slot.starts_at for slot in found.slots}) == len(found.slots) == 60
    assert asked == [60, 30, 30]


async def test_an_old_endpoint_refuses_in_plain_text(scripted):
    async with scripted(text_reply("Nicht gefunden.", 400)) as (session, _):
        with pytest.raises(InvalidRequestError) as caught:
            await session.ticketing.events.list()
    assert caught.value.message == "Nicht gefunden."


@pytest.mark.parametrize("bad", ["", "a/b", "../x", 5])
async def test_malformed_arguments_are_refused(scripted, bad):
    async with scripted() as (session, transport):
        with pytest.raises(ConfigurationError, match="category_id must be an id"):
            await session.ticketing.events.list(category_id=bad)
        with pytest.raises(ConfigurationError, match="admission_id must be an id"):
            await session.ticketing.events.availability(bad, **DAYS)
        with pytest.raises(ConfigurationError, match="to_date must not be before"):
            await session.ticketing.events.availability(
                ADMISSION, from_date=DAYS["to_date"], to_date=DAYS["from_date"]
            )
    assert transport.requests == []
