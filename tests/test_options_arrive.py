"""Every option of a session shows on the wire or on the clock, each on its own."""

from __future__ import annotations

import asyncio
import inspect
from datetime import UTC, datetime
from typing import Any

import pytest

from eguma_async import (
    AsyncSession,
    BookTickets,
    ConfigurationError,
    Customer,
    HttpResponse,
    Limits,
    ListOrders,
    MemoryJournal,
    NotSentError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    TicketItem,
    Timeouts,
)
from eguma_async.korus import KorusSession
from eguma_async.pipeline.options import SessionOptions
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply

KEY, OTHER_KEY = "0123456789abcdef01234567", "fedcba9876543210fedcba98"
EMPTY = json_reply([])


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("EGUMA_API_KEY", raising=False)
    monkeypatch.delenv("EGUMA_BASE_URL", raising=False)


async def wire(session_of, *steps, calls=1, **call_options):
    """Send a read once or more and return what came to the transport."""
    transport = ScriptedTransport(*(steps or [EMPTY] * calls))
    async with session_of(transport) as session:
        for _ in range(calls):
            await session.send(ListOrders(), **call_options)
    transport.assert_done()
    return transport.requests


def session_with(key=KEY, **options):
    standing: dict[str, Any] = {"clock": FakeClock(), "retry": RetryPolicy(budget=1.0)}
    options = standing | options
    return lambda transport: AsyncSession(key, transport=transport, **options)


def test_every_option_is_tested_here():
    tested = {name.split("__")[1] for name in globals() if name.startswith("test__")}
    options = set(inspect.signature(AsyncSession).parameters)
    assert options == tested
    assert options - {"api_key", "base_url", "profile"} == set(SessionOptions.__annotations__)
    korus = set(inspect.signature(KorusSession).parameters)
    assert set(SessionOptions.__annotations__) <= korus


def test_an_option_that_does_not_exist_is_named():
    with pytest.raises(TypeError, match="no option retries; there is transport, timeouts, retry"):
        AsyncSession(KEY, retries=3)  # type: ignore[call-arg]  # on purpose


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"clock": 1}, "as SystemClock() has; got int"),
        ({"clock": FakeClock}, "got FakeClock; pass an instance: FakeClock(...)"),
        ({"random": 5}, "random must be a function, not int"),
        ({"retry": 3}, "retry must be a RetryPolicy, not int"),
    ],
    ids=str,
)
def test_an_option_of_the_wrong_kind_is_refused_at_once(wrong, said):
    with pytest.raises(ConfigurationError) as caught:
        AsyncSession(KEY, **wrong)
    assert str(caught.value).endswith(said)


def test_a_key_left_empty_in_the_environment_is_none(monkeypatch):
    monkeypatch.setenv("EGUMA_API_KEY", "")
    with pytest.raises(ConfigurationError, match="no API key: pass one"):
        AsyncSession()
    monkeypatch.setenv("KORUS_CLIENT_ID", "")
    monkeypatch.setenv("KORUS_CLIENT_SECRET", "")
    with pytest.raises(ConfigurationError, match="no credentials: pass client_id"):
        KorusSession()


async def test__api_key__goes_into_the_query_of_each_request():
    (request,) = await wire(session_with(KEY))
    assert request.credentials.query == (("apikey", KEY),)


async def test__api_key__comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("EGUMA_API_KEY", OTHER_KEY)
    (request,) = await wire(session_with(None))
    assert request.credentials.query == (("apikey", OTHER_KEY),)


async def test__api_key__of_the_argument_beats_the_environment(monkeypatch):
    monkeypatch.setenv("EGUMA_API_KEY", OTHER_KEY)
    (request,) = await wire(session_with(KEY))
    assert request.credentials.query == (("apikey", KEY),)


def test__api_key__that_is_empty_does_not_fall_back_to_the_environment(monkeypatch):
    monkeypatch.setenv("EGUMA_API_KEY", OTHER_KEY)
    with pytest.raises(ConfigurationError, match="api_key must be"):
        AsyncSession("", transport=ScriptedTransport())


def test__api_key__that_is_empty_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("EGUMA_API_KEY", "")
    with pytest.raises(ConfigurationError):
        AsyncSession(transport=ScriptedTransport())


async def test__api_key__of_one_session_does_not_show_up_in_another():
    (one,) = await wire(session_with(KEY))
    (other,) = await wire(session_with(OTHER_KEY))
    assert one.credentials.query != other.credentials.query
    assert (one.url, one.query, one.headers) == (other.url, other.query, other.headers)


async def test__profile__has_what_nobody_else_says(monkeypatch, tmp_path):
    path = tmp_path / "profiles.toml"
    path.write_text(f'[eguma.shop]\napi_key = "{OTHER_KEY}"\n', "utf-8")
    path.chmod(0o600)
    monkeypatch.setenv("EGUMA_ASYNC_PROFILES", str(path))
    (request,) = await wire(session_with(None, profile="shop"))
    assert request.credentials.query == (("apikey", OTHER_KEY),)


async def test__base_url__is_the_live_api_if_nobody_says_otherwise():
    (request,) = await wire(session_with())
    assert request.url == "https://api.e-guma.ch/v1/ticketing/orders.json"


@pytest.mark.parametrize(
    ("given", "begins"),
    [
        ("https://test.example", "https://test.example/v1/"),
        ("https://test.example/", "https://test.example/v1/"),
        ("https://test.example/proxy/", "https://test.example/proxy/v1/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/"),
        ("http://localhost:8080", "http://localhost:8080/v1/"),
        ("http://[::1]:8080", "http://[::1]:8080/v1/"),
    ],
)
async def test__base_url__goes_before_every_path(given, begins):
    (request,) = await wire(session_with(base_url=given))
    assert request.url.startswith(begins)
    assert request.credentials.query == (("apikey", KEY),)


async def test__base_url__comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("EGUMA_BASE_URL", "http://127.0.0.1:1")
    (request,) = await wire(session_with())
    assert request.url.startswith("http://127.0.0.1:1/v1/")


async def test__base_url__of_the_argument_beats_the_environment(monkeypatch):
    monkeypatch.setenv("EGUMA_BASE_URL", "http://127.0.0.1:1")
    (request,) = await wire(session_with(base_url="http://127.0.0.1:2"))
    assert request.url.startswith("http://127.0.0.1:2/v1/")


async def test__base_url__that_is_empty_in_the_environment_counts_as_none(monkeypatch):
    monkeypatch.setenv("EGUMA_BASE_URL", "")
    (request,) = await wire(session_with())
    assert request.url.startswith("https://api.e-guma.ch/")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "api.e-guma.ch",
        "http://api.e-guma.ch",
        "ftp://127.0.0.1",
        "https://",
        "https://user:secret@host",
        "https://host?apikey=secret",
        "https://host#secret",
        "https://host/a b",
        "https://hóst",
        "https://host\r\n",
        "https://host:port",
        "file:///etc",
        5,
    ],
)
def test__base_url__that_is_wrong_is_never_taken_for_the_live_api(bad, monkeypatch):
    monkeypatch.setenv("EGUMA_BASE_URL", "https://environment.example")
    with pytest.raises(ConfigurationError) as caught:
        AsyncSession(KEY, base_url=bad, transport=ScriptedTransport())
    assert "secret" not in str(caught.value)


async def test__timeouts__stand_on_every_request():
    mine = Timeouts(connect=1.5, read=2.5, total=3.5)
    (request,) = await wire(session_with(timeouts=mine))
    assert request.timeouts == mine
    (request,) = await wire(session_with())
    assert request.timeouts == Timeouts(connect=5.0, read=30.0, total=60.0)


async def test__timeouts__of_one_call_beat_those_of_the_session():
    one, session_wide = Timeouts(total=1.0), Timeouts(total=2.0)
    requests = await wire(
        session_with(timeouts=session_wide), NotSentError("no"), EMPTY, timeouts=one
    )
    assert [request.timeouts for request in requests] == [one, one]
    (request,) = await wire(session_with(timeouts=session_wide))
    assert request.timeouts == session_wide


@pytest.mark.parametrize("attempts", [1, 2, 4])
async def test__retry__says_how_often_is_tried(attempts):
    transport = ScriptedTransport(*[NotSentError("no route")] * attempts)
    make = session_with(retry=RetryPolicy(attempts=attempts, budget=1.0))
    async with make(transport) as session:
        with pytest.raises(NotSentError) as caught:
            await session.send(ListOrders())
    assert len(transport.requests) == caught.value.attempts == attempts
    assert [request.attempt for request in transport.requests] == list(range(1, attempts + 1))


async def test__retry__by_default_tries_five_times():
    transport = ScriptedTransport(*[HttpResponse(status=500)] * 5)
    async with AsyncSession(KEY, transport=transport, clock=FakeClock()) as session:
        with pytest.raises(ServerError) as caught:
            await session.send(ListOrders())
    assert caught.value.attempts == 5


async def test__retry__bounds_the_wait_a_server_may_ask_for():
    long = HttpResponse(status=429, headers={"retry-after": "31"})
    transport = ScriptedTransport(long)
    make = session_with(retry=RetryPolicy(max_retry_after=30))
    async with make(transport) as session:
        with pytest.raises(RateLimitedError) as caught:
            await session.send(ListOrders())
    assert caught.value.retry_after == 31.0
    assert len(transport.requests) == 1


class Counting:
    """A transport that holds its requests back and counts them."""

    def __init__(self):
        self.now = 0
        self.most = 0
        self.go = asyncio.Event()

    async def send(self, request, /):
        self.now += 1
        self.most = max(self.most, self.now)
        await self.go.wait()
        self.now -= 1
        return EMPTY

    async def aclose(self):
        pass


@pytest.mark.parametrize("concurrency", [1, 3, 10])
async def test__limits__bound_how_many_requests_are_under_way(concurrency):
    transport = Counting()
    async with AsyncSession(
        KEY, transport=transport, limits=Limits(concurrency=concurrency)
    ) as session:
        async with asyncio.TaskGroup() as group:
            for _ in range(12):
                group.create_task(session.send(ListOrders()))
            for _ in range(20):
                await asyncio.sleep(0)
            assert transport.now == concurrency
            transport.go.set()
    assert transport.most == concurrency


async def test__limits__are_the_connections_of_the_default_transport():
    session = AsyncSession(KEY, limits=Limits(concurrency=7))
    assert vars(session._owned[0])["_connections"] == 7 + 4  # those reserved for writes
    await session.aclose()


async def test__clock__is_what_sleeps_and_what_tells_the_time():
    start = datetime(2026, 3, 19, 7, 0, tzinfo=UTC)
    clock = FakeClock(start)
    reply = json_reply({"reservation_id": "r", "expires_at": "2026-03-19T09:00:00"})
    transport = ScriptedTransport(HttpResponse(status=429, headers={"retry-after": "5"}), reply)
    async with session_with(clock=clock, random=lambda: 0.0)(transport) as session:
        held = await session.ticketing.reservations.create(
            product_id="p", starts_at=datetime(2026, 3, 19, 10), items=items()
        )
        assert session.clock is clock
    assert clock.sleeps == [5.0]
    assert held.received_at == datetime(2026, 3, 19, 7, 0, 5, tzinfo=UTC)


def test__clock__that_is_not_given_tells_the_time_of_a_sandbox_and_sleeps_on_the_machines():
    from eguma_async.core.clock import SystemClock
    from eguma_async.sandbox import EgumaSandbox

    sandbox = EgumaSandbox(FakeClock(datetime(2031, 6, 1, 22, 30, tzinfo=UTC)))
    session = AsyncSession(KEY, transport=sandbox.transport())
    assert session.ticketing.today() == sandbox.today()
    sandbox.clock.advance(days=1)
    assert session.clock.now() == datetime(2031, 6, 2, 22, 30, tzinfo=UTC)
    assert session.clock.monotonic is SystemClock.monotonic
    assert isinstance(session.clock, SystemClock)
    assert type(AsyncSession(KEY, transport=ScriptedTransport()).clock) is SystemClock


def items():
    from eguma_async import TicketItem

    return [TicketItem("c", 1)]


async def test__observer__gets_an_event_for_each_attempt():
    events: list[Any] = []
    await wire(session_with(observer=events.append), NotSentError("no route"), EMPTY)
    assert [(e.operation, e.attempt, e.status, e.error) for e in events] == [
        ("ListOrders", 1, None, "NotSentError"),
        ("ListOrders", 2, 200, None),
    ]
    assert {event.provider for event in events} == {"e-guma"}


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
async def test__random__stretches_the_pauses(fraction):
    clock = FakeClock()
    failures = [NotSentError("no route")] * 3
    retry = RetryPolicy(base=0.5, cap=1.5, budget=1.0)
    make = session_with(clock=clock, random=lambda: fraction, retry=retry)
    await wire(make, *failures, EMPTY)
    assert clock.sleeps == [fraction * 0.5, fraction * 1.0, fraction * 1.5]


async def test__journal__keeps_what_is_booked():
    journal = MemoryJournal()
    booking = BookTickets(
        product_id="p1",
        starts_at=datetime(2026, 3, 19, 10, 0),
        items=(TicketItem("adult", 1),),
        customer=Customer("Ada", "Lovelace", "ada@example.com"),
    )
    ticket = {"ticket_number": "1234567890123456789", "category_id": "adult"}
    answer = json_reply({"booking_id": "b1", "booking_reference": "1", "tickets": [ticket]})
    transport = ScriptedTransport(answer)
    async with session_with(journal=journal)(transport) as session:
        await session.send(booking)
    (sent,) = transport.requests
    async with journal:
        (entry,) = [entry async for entry in journal.entries()]
    assert sent.headers["Idempotency-Key"] == entry.idempotency_key


async def test__transport__carries_everything_and_stays_open():
    class Closing(ScriptedTransport):
        closed = False

        async def aclose(self):
            self.closed = True

    transport = Closing(EMPTY)
    async with AsyncSession(KEY, transport=transport) as session:
        await session.send(ListOrders())
    assert len(transport.requests) == 1
    assert not transport.closed


async def test__transport__that_counts_as_false_is_used_all_the_same():
    class Sized(ScriptedTransport):
        def __len__(self):
            return len(self.requests)

    transport = Sized(EMPTY)
    assert not transport
    async with AsyncSession(KEY, transport=transport) as session:
        await session.send(ListOrders())
    assert len(transport.requests) == 1


async def test__transport__is_made_and_closed_by_the_session_if_none_is_given():
    session = AsyncSession(KEY)
    assert type(session._owned[0]).__name__ == "AiohttpTransport"
    await session.aclose()
    assert vars(session._owned[0])["_closed"]
