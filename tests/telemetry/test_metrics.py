"""What is measured: the names, the numbers, and what tells the points of each apart."""

from __future__ import annotations

import asyncio
import gc
from datetime import datetime
from typing import Any

import pytest

from eguma_async import AsyncSession, Customer, MemoryTransport, TicketItem
from eguma_async.core.errors import EgumaError, OutcomeUnknownError
from eguma_async.core.messages import HttpResponse
from eguma_async.journal.journal import Journal
from eguma_async.journal.stores.memory import MemoryStore
from eguma_async.pipeline.limiting import Limits
from eguma_async.pipeline.policy import RetryPolicy
from eguma_async.telemetry._instruments import HTTP_SECONDS
from eguma_async.testing import FakeClock, json_reply
from tests.support.calls import (
    BOOK,
    BOOKED,
    CATALOGUE,
    PRODUCTS,
    Gate,
    scripted,
    session_on,
    turns,
    unknown,
)

PATH = "/v1/ticketing/booking.json"
PROVIDER = {"eguma_async.provider": "e-guma"}
BOOKING = PROVIDER | {"eguma_async.operation": "BookTickets"}
READING = PROVIDER | {"eguma_async.operation": "ListProducts"}
SERVER = {"url.scheme": "https", "server.address": "api.e-guma.test", "server.port": 443}


def values(points):
    """Return what each point says, by its attributes in order."""

    def key(point):
        return tuple(sorted(dict(point.attributes).items(), key=str))

    return {
        key(point): (point.count, point.sum) if hasattr(point, "count") else point.value
        for point in points
    }


def expected(*pairs):
    return {tuple(sorted(attributes.items(), key=str)): value for attributes, value in pairs}


async def test_requests_calls_and_retries(heard):
    clock = FakeClock()

    def slow(request):
        clock.advance(0.25)
        return json_reply(BOOKED)

    async with scripted(
        unknown(), HttpResponse(status=429), slow, clock=clock, observer=heard.observer
    ) as (session, _):
        await session.send(BOOK)
    points = heard.points()
    request = BOOKING | SERVER | {"http.request.method": "POST", "url.template": PATH}
    assert values(points["http.client.request.duration"]) == expected(
        (request | {"error.type": "OutcomeUnknownError"}, (1, 0)),
        (request | {"error.type": "429", "http.response.status_code": 429}, (1, 0)),
        (request | {"http.response.status_code": 200}, (1, 0.25)),
    )
    assert points["http.client.request.duration"][0].explicit_bounds == HTTP_SECONDS
    ((attributes, (count, total)),) = values(points["eguma_async.call.duration"]).items()
    assert dict(attributes) == BOOKING | {"eguma_async.outcome": "ok"}
    assert count == 1
    assert total == clock.monotonic() > 0.25
    assert values(points["eguma_async.retries"]) == expected((BOOKING, 2))


@pytest.mark.parametrize(
    ("step", "outcome", "error"),
    [
        (HttpResponse(status=404), "failed", "NotFoundError"),
        (unknown(), "unknown", "OutcomeUnknownError"),
        (json_reply({}), "unknown", "DecodingError"),
    ],
    ids=["refused", "lost", "unreadable"],
)
async def test_what_became_of_a_call(heard, step, outcome, error):
    options = {"observer": heard.observer, "retry": RetryPolicy(attempts=1)}
    async with scripted(step, **options) as (session, _):
        with pytest.raises(EgumaError):
            await session.send(BOOK)
    told = BOOKING | {"eguma_async.outcome": outcome, "error.type": error}
    assert values(heard.points()["eguma_async.call.duration"]) == expected((told, (1, 0)))


async def test_a_cancelled_read(heard):
    async with session_on(Gate(), observer=heard.observer) as session:
        task = asyncio.create_task(session.send(PRODUCTS))
        await turns()
        task.cancel()
        await asyncio.wait({task})
    told = READING | {"eguma_async.outcome": "cancelled", "error.type": "CancelledError"}
    assert values(heard.points()["eguma_async.call.duration"]) == expected((told, (1, 0)))


async def test_what_is_under_way_and_what_waits(heard):
    gate, clock = Gate(json_reply(CATALOGUE)), FakeClock()
    options: dict[str, Any] = {"clock": clock, "observer": heard.observer}
    limits = Limits(concurrency=2, pacing=50.0)
    async with (
        session_on(gate, **options, limits=limits) as session,
        session_on(gate, **options, limits=limits) as other,
    ):
        tasks = [asyncio.create_task(session.send(PRODUCTS)) for _ in range(5)]
        tasks += [asyncio.create_task(other.send(PRODUCTS))]
        await turns(50)
        points = heard.points()
        assert values(points["eguma_async.sessions"]) == expected((PROVIDER, 2))
        assert values(points["eguma_async.requests.in_flight"]) == expected((PROVIDER, 3))
        assert values(points["eguma_async.requests.waiting"]) == expected((PROVIDER, 3))
        # They belong to the credentials, which both sessions use.
        assert values(points["eguma_async.limit"]) == expected((PROVIDER, session.load.limit))
        assert values(points["eguma_async.rate"]) == expected((PROVIDER, 50))
        clock.advance(2)
        gate.open.set()
        await asyncio.gather(*tasks)
    points = heard.points()
    waited = values(points["eguma_async.wait.duration"])
    told = READING | {"eguma_async.wait.reason": "requests"}
    assert waited[tuple(sorted(told.items()))] == (3, pytest.approx(6, abs=0.2))
    for name in ("sessions", "requests.in_flight", "limit", "rate"):
        assert f"eguma_async.{name}" not in points, "both sessions are closed"


async def test_a_session_that_was_never_closed_is_forgotten(heard):
    session = session_on(Gate(), observer=heard.observer)
    await session.__aenter__()
    assert "eguma_async.sessions" in heard.points()
    session._closed = True
    del session
    gc.collect()
    assert "eguma_async.sessions" not in heard.points()


class Lost:
    """Loses every answer until it is told not to."""

    is_lost = True

    async def __call__(self, request):
        if self.is_lost:
            raise OutcomeUnknownError("lost")
        return json_reply(BOOKED)


async def test_a_journal(heard):
    server, journal = Lost(), Journal(MemoryStore())
    async with AsyncSession(
        "key",
        transport=MemoryTransport(server),
        clock=FakeClock(),
        journal=journal,
        observer=heard.observer,
        retry=RetryPolicy(attempts=1),
    ) as session:
        bookings = session.ticketing.bookings
        with pytest.raises(EgumaError):
            await bookings.create(
                product_id="p1",
                starts_at=datetime(2026, 3, 19, 10, 0),
                items=[TicketItem("adult", 2)],
                customer=Customer("Ada", "Lovelace", "ada@example.com"),
                client_ref="canary-reference",
            )
        assert "eguma_async.journal.open" not in heard.points()
        entry = PROVIDER | {"eguma_async.journal.kind": "booking"}
        inflight = entry | {"eguma_async.journal.state": "inflight"}
        confirmed = entry | {"eguma_async.journal.state": "confirmed"}
        await heard.observer.count_entries(journal)
        assert values(heard.points()["eguma_async.journal.open"]) == expected((inflight, 1))
        server.is_lost = False
        await bookings.recover(wait=False)
        await heard.observer.count_entries(journal)
        points = heard.points()
    assert values(points["eguma_async.journal.open"]) == expected((inflight, 0))
    assert values(points["eguma_async.journal.recovered"]) == expected((confirmed, 1))
    done = {"eguma_async.journal.done": True}
    written = values(points["eguma_async.journal.write.duration"])
    assert {**expected((confirmed | done, (1, 0)))}.items() <= written.items()
    assert written.keys() == expected((confirmed | done, 0), (inflight | done, 0)).keys()
    assert "canary" not in heard.written()
