"""Slots of many products over long ranges, read in windows of days."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from eguma_async.core.errors import (
    ConfigurationError,
    DecodingError,
    NotFoundError,
    ResultMismatchError,
)
from eguma_async.core.messages import HttpResponse
from eguma_async.eguma.session import AsyncSession
from eguma_async.fanout import InPieces
from eguma_async.sandbox import EgumaOptions, EgumaSandbox
from eguma_async.testing import FakeClock, json_reply
from eguma_async.transports.memory import MemoryTransport
from tests.support.calls import session_on

FIRST, LAST = date(2026, 3, 1), date(2026, 5, 29)  # 90 days


class Calendar:
    """A server with a slot a day.

    Attributes:
        asked: Product and days of every request.
    """

    def __init__(self, *, broken: tuple[str, str] | None = None, currency=lambda first: "CHF"):
        self.asked: list[tuple[str, str, str]] = []
        self.broken = broken
        self.currency = currency

    async def __call__(self, request) -> HttpResponse:
        product = request.url.split("/")[-2]
        days = dict(request.query)
        self.asked.append((product, days["from"], days["to"]))
        if (product, days["from"]) == self.broken:
            return json_reply({"error_code": "not_found", "message": "canary"}, 404)
        start, last = date.fromisoformat(days["from"]), date.fromisoformat(days["to"])
        slots = [
            {
                "slot_type": "day",
                "starts_at": f"{start + timedelta(days=n)}T00:00:00",
                "availability_count": 5,
                "prices": [],
            }
            for n in range((last - start).days + 1)
        ]
        return json_reply(
            {
                "company_name": "c",
                "product_name": product,
                "currency": self.currency(days["from"]),
                "availabilities": slots,
            }
        )


def reading(session, ids, **options):
    options = {"from_date": FIRST, "to_date": LAST, "window_days": 31, **options}
    return session.ticketing.availabilities.fan_out(ids, **options)


def shop(calendar):
    return session_on(MemoryTransport(calendar))


@pytest.mark.parametrize("ordered", [True, False])
async def test_a_long_range_is_read_in_windows_and_joined(ordered):
    calendar = Calendar()
    async with shop(calendar) as session:
        outcomes = [o async for o in reading(session, ["a", "b"], ordered=ordered)]
    assert sorted(calendar.asked) == [
        (product, first, last)
        for product in "ab"
        for first, last in (
            ("2026-03-01", "2026-03-31"),
            ("2026-04-01", "2026-05-01"),
            ("2026-05-02", "2026-05-29"),
        )
    ]
    for outcome in outcomes:
        days = [slot.starts_at.date() for slot in outcome.unwrap().availabilities]
        assert days == [FIRST + timedelta(days=n) for n in range(90)]
        assert (outcome.operation.from_date, outcome.operation.to_date) == (FIRST, LAST)
        assert outcome.unwrap().product_name == outcome.operation.product_id
        assert outcome.attempts == 3
    if ordered:
        assert [outcome.operation.product_id for outcome in outcomes] == ["a", "b"]


@pytest.mark.parametrize(
    ("days", "requests"), [(90, 1), (89, 2), (1, 90), (1000, 1), (None, 1)], ids=str
)
async def test_the_length_of_a_window(days, requests):
    calendar = Calendar()
    async with shop(calendar) as session:
        (outcome,) = [o async for o in reading(session, ["a"], window_days=days)]
    assert len(calendar.asked) == requests
    assert len(outcome.unwrap().availabilities) == 90


@pytest.mark.parametrize("days", [0, -1, 1.5, True, "31"])
async def test_a_window_without_sense_is_refused_at_once(days):
    async with shop(Calendar()) as session:
        with pytest.raises(ConfigurationError, match="window_days"):
            reading(session, ["a"], window_days=days)


async def test_a_window_that_fails_is_named_and_the_others_are_there():
    async with shop(Calendar(broken=("b", "2026-04-01"))) as session:
        outcomes = [o async for o in reading(session, ["a", "b", "c"], ordered=True)]
    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    error, parts = outcomes[1].error, outcomes[1].parts
    assert type(error) is NotFoundError
    assert error.operation == "ListAvailabilities (2026-04-01 to 2026-05-01, 2 of 3)"
    assert "2026-04-01 to 2026-05-01" in str(error)
    assert [part.ok for part in parts] == [True, False, True]
    assert parts[2].unwrap().availabilities[-1].starts_at.date() == LAST
    assert outcomes[0].parts == ()
    assert [p.value for p in pickle.loads(pickle.dumps(outcomes[1])).parts] == [
        p.value for p in parts
    ]


async def test_windows_that_contradict_each_other_are_an_error():
    def currency(first):
        return "EUR" if first == "2026-05-02" else "CHF"

    async with shop(Calendar(currency=currency)) as session:
        (outcome,) = [o async for o in reading(session, ["a"])]
    assert type(outcome.error) is ResultMismatchError
    assert [part.ok for part in outcome.parts] == [True] * 3


async def test_progress_counts_products():
    seen: list[Any] = []
    async with shop(Calendar()) as session:
        async for _ in reading(session, ["a", "b"], on_progress=seen.append):
            pass
    assert [(p.done, p.failed, p.total) for p in seen] == [(1, 0, 2), (2, 0, 2)]


async def _later(ids):
    for product_id in ids:
        yield product_id


@pytest.mark.parametrize("kind", [iter, _later])
async def test_the_windows_of_few_products_are_made_ahead(kind):
    taken = []

    def ids():
        for n in range(1000):
            taken.append(n)
            yield f"p{n}"

    async with shop(Calendar()) as session, reading(session, kind(ids()), concurrency=2) as fan:
        for _ in range(3):
            assert (await anext(fan)).ok
    assert len(taken) < 15


async def test_a_product_that_is_named_twice_has_two_outcomes():
    calendar = Calendar()
    async with shop(calendar) as session:
        outcomes = [o async for o in reading(session, ["a", "a"])]
    assert [len(o.unwrap().availabilities) for o in outcomes] == [90, 90]


async def test_the_sandbox_gives_the_same_slots_whatever_the_window():
    sandbox = EgumaSandbox(
        FakeClock(datetime(2027, 3, 1, 8, tzinfo=UTC)), options=EgumaOptions(max_range_days=31)
    )
    example, today = sandbox.example("time"), sandbox.today()
    span: dict[str, Any] = {"from_date": today, "to_date": today + timedelta(days=60)}
    async with AsyncSession(
        sandbox.demo_key, transport=sandbox.transport(), clock=sandbox.clock
    ) as session:
        availabilities = session.ticketing.availabilities
        whole = await availabilities.list(example.product_id, **span)
        for days in (1, 7, 31, 50):
            fan_out = availabilities.fan_out([example.product_id], **span, window_days=days)
            (outcome,) = [o async for o in fan_out]
            assert outcome.unwrap() == whole


def test_pieces_have_a_public_name():
    import eguma_async

    assert eguma_async.InPieces is InPieces


@pytest.mark.parametrize("readable", [True, False])
async def test_a_window_of_which_nothing_can_be_read_hides_no_other(readable):
    calendar = Calendar()

    async def answer(request):
        response = await calendar(request)
        first = dict(request.query)["from"]
        if first == "2026-04-01" or not readable:
            body = response.body.replace(b'"starts_at"', b'"begins_at"')
            return HttpResponse(status=200, body=body)
        return response

    async with session_on(MemoryTransport(answer)) as session:
        (outcome,) = [o async for o in reading(session, ["a"])]
    if readable:
        found = outcome.unwrap()
        assert len(found.availabilities) == 90 - 31
        assert [each.index for each in found.unreadable] == list(range(31, 62))
    else:
        assert type(outcome.error) is DecodingError
