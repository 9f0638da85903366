"""Spans: one a call, one within it for each request, in the right place, and always ended."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import attrs
import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from eguma_async import (
    AsyncSession,
    ConfigurationError,
    Customer,
    EgumaError,
    GetTicket,
    HttpResponse,
    KorusSession,
    ListOrders,
    MemoryJournal,
    MemoryTransport,
    NotSentError,
    OutcomeUnknownError,
    RetryPolicy,
    TicketItem,
)
from eguma_async.core.hooks import AttemptEvent, AttemptStarted, Observer
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, in_query
from eguma_async.sandbox import DropAfter, EgumaSandbox, KorusSandbox
from eguma_async.telemetry.otel import OpenTelemetry
from eguma_async.testing import FakeClock, json_reply
from tests.support.calls import (
    BOOK,
    BOOKED,
    CANCEL,
    CATALOGUE,
    EMPTY_LIST,
    PRODUCTS,
    Gate,
    order,
    refusal,
    scripted,
    session_on,
    slots_of,
    turns,
    unknown,
)

PATH = "/v1/ticketing/booking.json"


def attributes(span) -> dict[str, Any]:
    return dict(span.attributes)


async def test_a_call_and_its_requests(heard):
    async with scripted(
        unknown(), HttpResponse(status=503), json_reply(BOOKED), observer=heard.observer
    ) as (session, _):
        await session.send(BOOK)
    first, second, third, call = heard.spans
    common = {
        "eguma_async.provider": "e-guma",
        "eguma_async.operation": "BookTickets",
    }
    request = common | {
        "http.request.method": "POST",
        "url.full": f"https://api.e-guma.test{PATH}",
        "url.template": PATH,
        "url.scheme": "https",
        "server.address": "api.e-guma.test",
        "server.port": 443,
    }
    assert attributes(first) == request | {"error.type": "OutcomeUnknownError"}
    assert attributes(second) == request | {
        "http.request.resend_count": 1,
        "http.response.status_code": 503,
        "error.type": "503",
    }
    assert attributes(third) == request | {
        "http.request.resend_count": 2,
        "http.response.status_code": 200,
    }
    assert attributes(call) == common | {
        "eguma_async.repeat": "keyed",
        "eguma_async.attempts": 3,
        "eguma_async.outcome_unknown": False,
        "http.response.status_code": 200,
    }
    assert [span.status.status_code for span in heard.spans] == [
        StatusCode.ERROR,
        StatusCode.ERROR,
        StatusCode.UNSET,
        StatusCode.UNSET,
    ]
    assert [span.kind for span in heard.spans] == [SpanKind.CLIENT] * 3 + [SpanKind.INTERNAL]
    assert all(span.status.description is None and not span.events for span in heard.spans)
    assert heard.tree() == [("e-guma BookTickets", *[(f"POST {PATH}",)] * 3)]


@pytest.mark.parametrize(
    ("step", "error", "status", "in_doubt"),
    [
        (unknown(), "OutcomeUnknownError", None, True),
        (NotSentError("no route"), "NotSentError", None, False),
        (HttpResponse(status=404), "NotFoundError", 404, False),
        (HttpResponse(status=502), "ServerError", 502, True),
        (json_reply({}), "DecodingError", 200, True),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_how_a_call_failed(heard, step, error, status, in_doubt):
    options = {"observer": heard.observer, "retry": RetryPolicy(attempts=1)}
    async with scripted(step, **options) as (session, _):
        with pytest.raises(EgumaError):
            await session.send(BOOK)
    request, call = heard.spans
    told = attributes(call)
    assert told["error.type"] == error
    assert told.get("http.response.status_code") == status
    assert told["eguma_async.outcome_unknown"] is in_doubt
    assert call.status.status_code is StatusCode.ERROR
    is_failure = status is None or status >= 400
    assert request.status.is_ok is not is_failure


async def test_an_answer_that_the_server_marks_as_repeated(heard):
    replay = json_reply(BOOKED, headers={"idempotency-replayed": "true"})
    async with scripted(unknown(), replay, observer=heard.observer) as (session, _):
        assert (await session.send(BOOK)).replayed
    assert attributes(heard.spans[-1])["eguma_async.replayed"] is True


async def test_no_id_is_in_a_span(heard):
    sandbox = EgumaSandbox()
    async with AsyncSession(
        sandbox.demo_key, transport=sandbox.transport(), observer=heard.observer
    ) as session:
        with pytest.raises(EgumaError):
            await session.send(GetTicket(number="4666825950402448933"))
    assert "4666825950402448933" not in heard.written()
    path = "/v1/ticketing/tickets/{number}/info.json"
    request, _ = heard.spans
    assert request.name == f"GET {path}"
    assert attributes(request)["url.full"].endswith(path)


@pytest.mark.parametrize(
    ("base_url", "address", "port"),
    [
        ("https://museum.test:8443/api", "museum.test", 8443),
        ("http://127.0.0.1", "127.0.0.1", 80),
        ("http://[::1]:8080", "::1", 8080),
    ],
)
async def test_the_server(heard, base_url, address, port):
    async with scripted(json_reply(CATALOGUE), base_url=base_url, observer=heard.observer) as (
        session,
        _,
    ):
        await session.send(PRODUCTS)
    told = attributes(heard.spans[0])
    assert (told["server.address"], told["server.port"]) == (address, port)
    origin = base_url.removesuffix("/api")
    assert told["url.full"] == f"{origin}/v1/ticketing/products.json"


def test_no_password_of_a_url_is_in_a_span(heard):
    """No session takes such a URL; an observer may be told of one all the same."""
    common: dict[str, Any] = {
        "provider": "museum",
        "operation": "FetchToken",
        "attempt": 1,
        "repeat": Repeat.IDEMPOTENT,
    }
    url = "https://user:canary@museum.test/token?canary=1"
    started = heard.observer.attempt_started(AttemptStarted(method="POST", url=url, **common))
    heard.observer.attempt_ended(
        AttemptEvent(seconds=0.1, status=200, error=None, **common), started
    )
    assert "canary" not in heard.written()
    (span,) = heard.spans
    assert (span.name, attributes(span)["url.full"]) == ("POST", "https://museum.test/")


# Where they stand


async def test_they_are_within_the_callers_span(heard):
    async with scripted(json_reply(CATALOGUE), observer=heard.observer) as (session, _):
        with heard.tracer.start_as_current_span("checkout") as outer:
            await session.send(PRODUCTS)
            assert trace.get_current_span() is outer
    assert heard.tree() == [
        ("checkout", ("e-guma ListProducts", ("GET /v1/ticketing/products.json",)))
    ]


async def test_calls_at_once_do_not_get_into_each_other(heard):
    gate = Gate()
    async with session_on(gate, observer=heard.observer) as session:

        async def one(number):
            with heard.tracer.start_as_current_span(f"task {number}"):
                await session.send(PRODUCTS)

        tasks = [asyncio.create_task(one(number)) for number in range(5)]
        await turns()
        gate.open.set()
        await asyncio.gather(*tasks)
    call = ("e-guma ListProducts", ("GET /v1/ticketing/products.json",))
    assert heard.tree() == [(f"task {number}", call) for number in range(5)]


async def test_a_fan_out_is_within_the_span_it_was_begun_in(heard):
    async def answer(request):
        await asyncio.sleep(0)
        return json_reply({"company_name": "Museum", "product_name": "Entry", "availabilities": []})

    async with session_on(MemoryTransport(answer), observer=heard.observer) as session:
        with heard.tracer.start_as_current_span("refresh"):
            operations = [slots_of(f"p{number}") for number in range(20)]
            assert [o.error async for o in session.fan_out(operations)] == [None] * 20
    request = ("GET /v1/ticketing/products/{product_id}/availabilities.json",)
    assert heard.tree() == [("refresh", *[("e-guma ListAvailabilities", request)] * 20)]


async def test_the_parts_of_a_call_are_within_it(heard):
    """A range that the server refuses as too long is read in halves."""

    @attrs.frozen(kw_only=True)
    class Count(Operation[int]):
        METHOD: ClassVar[str] = "GET"
        PATH: ClassVar[str] = "/v1/count.json"
        REPEAT: ClassVar[Repeat] = Repeat.READ

        up_to: int = attrs.field(metadata=in_query("to"))

        async def fall_back(self, refusal, send, /):
            return await send(Count(up_to=1)) + await send(Count(up_to=2))

    steps = refusal(400, "validation_error"), json_reply(1), json_reply(2)
    async with scripted(*steps, observer=heard.observer) as (session, _):
        assert await session.send(Count(up_to=3)) == 3
    request = ("GET /v1/count.json",)
    part = ("e-guma Count", request)
    assert heard.tree() == [("e-guma Count", request, part, part)]
    assert attributes(heard.spans[-1])["eguma_async.attempts"] == 3


async def test_what_the_caller_does_with_what_comes_is_not_within_it(heard):
    """Neither a fan-out nor a stream changes what is current where it is read."""
    async with session_on(
        MemoryTransport(
            lambda request: _answer(ORDERS_AND_SLOTS[request.method, request.operation])
        ),
        observer=heard.observer,
    ) as session:
        with heard.tracer.start_as_current_span("refresh") as outer:
            async for _ in session.fan_out([slots_of(f"p{n}") for n in range(3)]):
                assert trace.get_current_span() is outer
            async for _ in session.elements(ListOrders()):
                assert trace.get_current_span() is outer
        assert trace.get_current_span() is trace.INVALID_SPAN


async def test_what_a_journal_carries_out_is_within_the_span_it_was_asked_for_in(heard):
    sandbox = EgumaSandbox()
    example = sandbox.example("time")
    sandbox.faults.add(DropAfter(path="*/booking.json"))
    async with AsyncSession(
        sandbox.demo_key,
        transport=sandbox.transport(),
        clock=sandbox.clock,
        journal=MemoryJournal(),
        observer=heard.observer,
    ) as session:
        with heard.tracer.start_as_current_span("checkout"):
            await session.ticketing.bookings.create(
                product_id=example.product_id,
                starts_at=example.start,
                items=[TicketItem(example.category_ids[0], 2)],
                customer=Customer("Canary-Ada", "Canary-Lovelace", "canary@example.com"),
                client_ref="canary-reference",
            )
    written = heard.written()
    assert "canary" not in written.lower()
    assert sandbox.demo_key not in written
    assert heard.tree() == [
        ("checkout", ("e-guma BookTickets", *[(f"POST {PATH}",)] * 2)),
    ]


async def test_what_a_journal_carries_on_after_a_cancellation_ends_as_well(heard):
    gate = Gate(json_reply(BOOKED))
    async with session_on(gate, journal=MemoryJournal(), observer=heard.observer) as session:

        async def checkout():
            with heard.tracer.start_as_current_span("checkout"):
                await session.send(BOOK)

        task = asyncio.create_task(checkout())
        await turns()
        task.cancel()
        await asyncio.wait({task})
        assert [span.name for span in heard.spans] == ["checkout"]
        gate.open.set()
    assert heard.tree() == [("checkout", ("e-guma BookTickets", (f"POST {PATH}",)))]
    assert attributes(heard.spans[-1])["eguma_async.outcome_unknown"] is False


async def test_a_token_is_fetched_within_the_call_that_needs_it(heard):
    sandbox = KorusSandbox()
    async with KorusSession(
        *sandbox.demo_client,
        transport=sandbox.transport(),
        clock=sandbox.clock,
        observer=heard.observer,
    ) as session:
        await session.catalogs.list().first()
        sandbox.clock.advance(hours=1)
        await session.catalogs.list().first()
    token = ("korus FetchToken", ("POST",))
    request = ("GET /v1/ticketing/catalogs",)
    first, second = heard.tree()
    assert first == second == ("korus ListCatalogs", token, request)
    assert sandbox.demo_client[1] not in heard.written()


# However it ends


async def test_a_cancelled_call(heard):
    gate = Gate()
    async with session_on(gate, observer=heard.observer) as session:
        task = asyncio.create_task(session.send(BOOK))
        await turns()
        task.cancel()
        await asyncio.wait({task})
    assert [attributes(span)["error.type"] for span in heard.spans] == ["CancelledError"] * 2
    assert attributes(heard.spans[1])["eguma_async.outcome_unknown"] is True


async def test_a_call_that_is_cancelled_while_it_waits_for_its_next_attempt(heard):
    async with session_on(
        MemoryTransport(_lost), clock=Stopped(), observer=heard.observer
    ) as session:
        task = asyncio.create_task(session.send(CANCEL))
        await turns()
        task.cancel()
        await asyncio.wait({task})
    assert [attributes(span)["error.type"] for span in heard.spans] == [
        "OutcomeUnknownError",
        "CancelledError",
    ]


ORDERS_AND_SLOTS = {
    ("GET", "ListOrders"): [order("completed", f"b{n}") for n in range(3)],
    ("GET", "ListAvailabilities"): EMPTY_LIST,
}


async def _answer(content):
    await asyncio.sleep(0)
    return json_reply(content)


async def _lost(request):
    raise OutcomeUnknownError("the answer was lost")


class Stopped(FakeClock):
    """A clock on which no pause ends."""

    async def sleep(self, seconds, /):
        await asyncio.Event().wait()


async def test_a_fan_out_that_is_left(heard):
    gate = Gate()
    async with session_on(gate, observer=heard.observer) as session:

        async def read():
            async for _ in session.fan_out([slots_of(f"p{n}") for n in range(50)]):
                raise AssertionError("nothing comes")

        task = asyncio.create_task(read())
        await turns()
        assert heard.begun >= 10
        task.cancel()
        await asyncio.wait({task})


async def test_a_session_that_is_closed_meanwhile(heard):
    gate = Gate()
    session = session_on(gate, observer=heard.observer)
    async with session:
        fan_out = session.fan_out([slots_of(f"p{n}") for n in range(50)])
        reading = asyncio.ensure_future(anext(aiter(fan_out)))
        await turns()
        assert heard.begun >= 10
    with pytest.raises(EgumaError):
        await reading


def test_a_call_that_its_loop_leaves_behind(heard, caplog):
    """Its coroutine is closed by the garbage collector, anywhere."""

    async def leave():
        session = session_on(Gate(), observer=heard.observer)
        await session.__aenter__()
        call = session.send(PRODUCTS)
        call.send(None)  # as far as it goes by itself
        session._closed = True
        return call

    call = asyncio.run(leave())
    assert heard.begun == 2
    call.close()
    assert [attributes(span)["error.type"] for span in heard.spans] == ["GeneratorExit"] * 2
    assert caplog.records == []
    assert trace.get_current_span() is trace.INVALID_SPAN


# Among others


async def test_an_observer_that_fails_beside_it_changes_nothing(heard, caplog):
    class Broken(Observer):
        def _fail(self, *_):
            raise ZeroDivisionError

        call_started = call_ended = attempt_started = attempt_ended = _fail

    events: list[Any] = []
    observers = [Broken(), heard.observer, events.append, Broken()]
    async with scripted(json_reply(CATALOGUE), observer=observers) as (session, _):
        await session.send(PRODUCTS)
    assert heard.tree() == [("e-guma ListProducts", ("GET /v1/ticketing/products.json",))]
    assert [event.status for event in events] == [200]
    assert [r.getMessage() for r in caplog.records] == ["the observer failed; the call goes on"] * 8


async def test_without_an_sdk_nothing_happens():
    async with scripted(json_reply(CATALOGUE), observer=OpenTelemetry()) as (session, _):
        assert (await session.send(PRODUCTS)).company_name == "Museum"
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_an_sdk_that_fails_does_not_harm_the_call(heard, caplog):
    class Failing(type(heard._processor)):  # type: ignore[misc]  # whatever it is
        def on_end(self, span):
            raise ZeroDivisionError

    heard.provider.add_span_processor(Failing(heard._spans))
    async with scripted(json_reply(CATALOGUE), observer=heard.observer) as (session, _):
        assert (await session.send(PRODUCTS)).company_name == "Museum"
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert [r.getMessage() for r in caplog.records] == ["the observer failed; the call goes on"] * 2
    measured = heard.points()
    assert [p.count for p in measured["http.client.request.duration"]] == [1]
    assert [p.count for p in measured["eguma_async.call.duration"]] == [1]


@pytest.mark.parametrize("name", ["tracer_provider", "meter_provider"])
def test_what_is_no_provider_is_refused(name):
    given: dict[str, Any] = {name: "jaeger"}
    with pytest.raises(ConfigurationError, match=f"{name} must be a"):
        OpenTelemetry(**given)
