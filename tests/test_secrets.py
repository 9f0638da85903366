"""Canaries: a made-up API key and a made-up customer, looked for wherever something is written.

The key may be nowhere but in `Credentials`. What a customer typed may be in the bytes of a request,
and in `message` and `body` of an error if the server repeats it; not in anything that is printed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import json
import logging
import pickle
import warnings
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import attrs
import pytest

from eguma_async import (
    AiohttpTransport,
    AsyncSession,
    BookTickets,
    ConfigurationError,
    Customer,
    EgumaError,
    HttpResponse,
    LeanTransport,
    ListOrders,
    MemoryTransport,
    NotSentError,
    OutcomeUnknownError,
    ResultMismatchError,
    RetryPolicy,
    StatusError,
    TicketItem,
    Timeouts,
    TransportError,
    unknown_outcome,
)
from eguma_async.testing import FakeClock, json_reply
from tests.support.canaries import everything_of, forms, leaks, messages_of, stack_text
from tests.support.telemetry import Heard

KEY = "canarykey+/=7f3a91c2d4e5b6"
PERSON = ("Canaryfirst", "Canarylast", "canary.mail@example.com")
NOTE = "Canarynote about the customer"
STREET = "Canarystreet 7"
PERSONAL = (*PERSON, NOTE, STREET)
PRODUCT, ADULT = "64ad1bb1973b861c040c99bd", "64ad1bb1973b861c040c99c1"
SLOT: dict[str, Any] = {
    "product_id": PRODUCT,
    "starts_at": datetime(2026, 3, 19, 10, 0),
    "items": (TicketItem(ADULT, 2),),
}


KEY_FORMS = forms(KEY)
PERSONAL_FORMS = set().union(*map(forms, PERSONAL))


def test_the_search_finds_a_secret_in_every_form():
    for form in (
        KEY,
        quote(KEY, safe=""),
        base64.b64encode(f"apikey={KEY}&x".encode()).decode(),
        base64.b64encode(f"{KEY}&x=1".encode()).decode(),
        KEY.encode("utf-16-le"),
        repr({"a": KEY.encode("utf-16-le")}),
        KEY.encode().hex(),
        KEY[::-1],
    ):
        assert leaks(form if isinstance(form, bytes) else f"before {form} after", KEY_FORMS)
    assert not leaks("nothing here", KEY_FORMS | PERSONAL_FORMS)


class Ear:
    """Collects whatever is written while calls go on."""

    def __init__(self):
        self.records = []
        self.events = []
        self.errors = []
        self.written = []
        self.warnings = []
        self.heard = Heard()

    def check(self):
        for error in self.errors:
            stack = stack_text(error)
            for line in stack.splitlines():
                assert not leaks(line, KEY_FORMS), f"the key is in a traceback: {line}"
                assert not leaks(line, PERSONAL_FORMS), f"a customer is in a traceback: {line}"
            assert not leaks(everything_of(error), KEY_FORMS | PERSONAL_FORMS)
            assert not leaks(messages_of(error), KEY_FORMS)
        formatter = logging.Formatter("%(name)s %(message)s")
        rest = [formatter.format(record) + repr(vars(record)) for record in self.records]
        rest += [repr(event) + repr(attrs.asdict(event)) for event in self.events]
        rest += [str(caught.message) for caught in self.warnings]
        rest += [*self.written, self.heard.written()]
        assert not leaks("\n".join(rest), KEY_FORMS | PERSONAL_FORMS)


@pytest.fixture
def ear():
    """Listens to all loggers and warnings; checks at the end."""
    ear = Ear()

    class Handler(logging.Handler):
        def emit(self, record):
            ear.records.append(record)

    handler, root = Handler(), logging.getLogger()
    levels = {
        name: logging.getLogger(name).level for name in ("", "eguma_async", "aiohttp", "asyncio")
    }
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield ear
        ear.warnings = caught
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    ear.check()


def customer():
    return Customer(*PERSON)


def booked():
    return BookTickets(**SLOT, customer=customer())


async def listen(ear, call):
    try:
        value = await call
    except (Exception, asyncio.CancelledError) as error:
        ear.errors.append(error)
        return None
    ear.written += [repr(value), str(value)]
    return value


async def hold_and_book(session):
    async with session.ticketing.reservations.hold(**SLOT) as hold:
        try:
            await hold.book(customer())
        finally:
            repr(hold)


async def every_call(ear, session):
    """Make each kind of call and listen to what comes of it."""
    t = session.ticketing
    for call in (
        t.products.list(),
        t.availabilities.list(PRODUCT, from_date=date(2026, 3, 19), to_date=date(2026, 3, 20)),
        t.reservations.create(**SLOT),
        t.reservations.cancel("r"),
        t.bookings.create(**SLOT, customer=customer(), language="en"),
        t.bookings.cancel("b"),
        t.bookings.reconcile(
            **SLOT, customer=customer(), began_at=datetime(2026, 1, 1, 7, tzinfo=UTC)
        ),
        t.orders.list(last_name=PERSON[1]),
        t.orders.list(order_number="1"),
        t.events.list(),
        t.events.availability("a", from_date=date(2026, 3, 19), to_date=date(2026, 3, 20)),
        t.tickets.check_in("1"),
        t.tickets.get("1"),
        session.exchange(booked()),
        session.send(ListOrders(last_name=PERSON[1])),
        hold_and_book(session),
    ):
        await listen(ear, call)
    try:
        async for outcome in session.fan_out([ListOrders(last_name=PERSON[1])] * 2):
            ear.written.append(repr(outcome))
            if outcome.error:
                ear.errors.append(outcome.error)
    except (Exception, asyncio.CancelledError) as error:
        ear.errors.append(error)
    ear.written += [
        repr(session),
        str(session),
        repr(booked()),
        repr(ListOrders(last_name=PERSON[1])),
    ]
    # Not into its transport: a scripted one is the test's, and holds what it was given.
    ear.written += [repr(v) for k, v in vars(session).items() if k != "_pipeline"]


def session_on(ear, transport, **options):
    standing: dict[str, Any] = {
        "retry": RetryPolicy(attempts=2, budget=1.0),
        "clock": FakeClock(),
    }
    options = standing | options
    return AsyncSession(
        KEY,
        transport=transport,
        observer=[ear.events.append, ear.heard.observer],
        random=lambda: 0.5,
        **options,
    )


def order():
    return {
        "id": "o",
        "order_number": "1",
        "status": "completed",
        "created_at": "2026-03-19T08:00:00",
        "updated_at": "2026-03-19T08:00:01",
        "currency": "CHF",
        "language": "de",
        "location": "web",
        "discount_in_cents": 0,
        "grand_total_in_cents": 0,
        "payments": [],
        "note": NOTE,
        "customer": {
            "first_name": PERSON[0],
            "last_name": PERSON[1],
            "email": PERSON[2],
            "street": STREET,
        },
        "order_lines": [
            {
                "product_id": "p",
                "name": "n",
                "ticket_type_id": "t",
                "ticket_type_name": "n",
                "quantity": 1,
                "total_price_in_cents": 0,
                "total_count_people": 1,
                "tickets": [
                    {
                        "number": "1",
                        "answers": [{"name": "Name?", "type": "text", "value": PERSON[0]}],
                    }
                ],
            }
        ],
    }


GOOD: dict[str, Any] = {
    "orders": [order()],
    "products": {"company_name": "c", "products": []},
    "availabilities": {"company_name": "c", "product_name": "p", "availabilities": []},
    "reservation": {"reservation_id": "r", "expires_at": "2026-03-19T09:00:00"},
    "cancel-reservation": {"reservation_id": "r"},
    "booking": {
        "booking_id": "b",
        "booking_reference": "1",
        "tickets": [{"ticket_number": number, "category_id": ADULT} for number in ("1", "2")],
    },
    "published_events": [],
    "availability": {"is_all_day": True, "is_unlimited_availability": True, "slots": []},
    "cancel-booking": {"booking_id": "b", "booking_reference": "1", "cancelled_tickets": []},
    "checkin": {"is_successful": True},
    "info": {
        "id": "i",
        "ticket_number": "1",
        "created_at": "2026-03-19T09:00:00",
        "price_in_cents": 1,
        "is_checked_in": False,
        "event_or_admission_id": "e",
    },
}


def answered(status=200, body=None, headers=None):
    async def answer(request):
        page = request.url.rsplit("/", 1)[1].removesuffix(".json")
        content = json.dumps(GOOD[page]).encode() if body is None else body
        return HttpResponse(status=status, headers=headers or {}, body=content)

    return answer


ECHO = json.dumps(
    {
        "error_code": "validation_error",
        "message": f"key {KEY} of {' '.join(PERSONAL)} is not welcome",
        "request": {"url": f"/v1?apikey={quote(KEY, safe='')}", "customer": PERSON},
    }
).encode()
TEXT_ECHO = f"GET /v1/orders.json?apikey={quote(KEY, safe='')} {KEY} {' '.join(PERSONAL)}".encode()


async def test_a_success_writes_nothing_of_it(ear):
    async with session_on(ear, MemoryTransport(answered())) as session:
        await every_call(ear, session)
    assert ear.errors == []
    assert len(ear.events) > 10
    assert len(ear.heard.spans) > 2 * 10


async def test_an_answer_to_another_question_writes_nothing_of_it(ear):
    odd = {
        "booking": GOOD["booking"] | {"tickets": [{"ticket_number": "9", "category_id": "other"}]},
        "cancel-booking": GOOD["cancel-booking"] | {"booking_id": "other"},
        "cancel-reservation": {"reservation_id": "other"},
        "info": GOOD["info"] | {"ticket_number": "9"},
        "orders": [order() | {"created_at": NOTE}, order() | {"order_number": "2"}],
    }

    async def answer(request):
        page = request.url.rsplit("/", 1)[1].removesuffix(".json")
        return json_reply(odd.get(page, GOOD[page]))

    async with session_on(ear, MemoryTransport(answer)) as session:
        await every_call(ear, session)
    assert len([e for e in ear.errors if isinstance(e, ResultMismatchError)]) >= 5


async def test_objects_that_carry_it_do_not_show_it(ear):
    caught = []

    async def answer(request):
        caught.append(request)
        return await answered()(request)

    async with session_on(ear, MemoryTransport(answer)) as session:
        await every_call(ear, session)
    for request in caught:
        assert request.credentials.query == (("apikey", KEY),)
        as_dict = attrs.asdict(request)
        assert not leaks(repr(as_dict), KEY_FORMS)
        ear.written += [repr(request), str(request), repr(request.credentials), request.url]
        for store in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError) as refused:
                store(request)
            ear.written.append(str(refused.value))


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 418, 422, 429, 500, 503, 599])
@pytest.mark.parametrize("body", [ECHO, TEXT_ECHO, b"", b"<html>" + TEXT_ECHO], ids=len)
async def test_a_server_that_repeats_it_is_not_repeated(ear, status, body):
    async with session_on(ear, MemoryTransport(answered(status, body))) as session:
        await every_call(ear, session)
    assert len(ear.errors) >= 12
    assert all(isinstance(error, EgumaError) for error in ear.errors)


async def test_what_the_server_said_can_still_be_read_without_the_key(ear):
    async with session_on(ear, MemoryTransport(answered(400, ECHO))) as session:
        await listen(ear, session.ticketing.products.list())
    (error,) = ear.errors
    assert isinstance(error, StatusError)
    assert error.message.startswith("key *** of Canaryfirst")
    assert pickle.loads(pickle.dumps(error)).body == b""


@pytest.mark.parametrize("status", [302, 400, 503])
async def test_a_header_that_repeats_the_key_is_not_repeated(ear, status):
    headers = {
        "location": f"https://api.e-guma.ch/v1/orders.json?apikey={quote(KEY, safe='')}",
        "x-request": KEY,
    }
    async with session_on(ear, MemoryTransport(answered(status, ECHO, headers))) as session:
        await every_call(ear, session)


@pytest.mark.parametrize(
    "kind", [NotSentError, OutcomeUnknownError, asyncio.CancelledError, ZeroDivisionError]
)
async def test_a_broken_network_writes_nothing_of_it(ear, kind):
    async def answer(request):
        raise kind()

    async with session_on(ear, MemoryTransport(answer)) as session:
        await every_call(ear, session)
    assert len(ear.errors) >= 12


async def test_a_refusal_after_an_unknown_outcome_writes_nothing_of_it(ear):
    seen = set()

    async def answer(request):
        if request.operation not in seen:
            seen.add(request.operation)
            raise OutcomeUnknownError("the answer was lost")
        return HttpResponse(status=400, body=ECHO)

    async with session_on(ear, MemoryTransport(answer)) as session:
        await every_call(ear, session)
    assert any(getattr(error, "refusal", None) for error in ear.errors)


UNREADABLE = [
    json.dumps({"company_name": KEY, "first_name": PERSON, "booking_id": 1.5}).encode(),
    json.dumps([{**order(), "id": list(PERSONAL), "grand_total_in_cents": KEY}]).encode(),
    json.dumps([{**order(), "status": None, "created_at": PERSON[0]}]).encode(),
    json.dumps(list(PERSONAL)).encode(),
    TEXT_ECHO,
    json.dumps([order()]).encode()[:-20],
]


@pytest.mark.parametrize("body", UNREADABLE, ids=len)
async def test_an_answer_that_cannot_be_read_writes_nothing_of_it(ear, body):
    async with session_on(ear, MemoryTransport(answered(200, body))) as session:
        await every_call(ear, session)
    assert len(ear.errors) >= 10


async def test_a_cancelled_call_writes_nothing_of_it(ear):
    asyncio.get_running_loop().set_debug(True)
    reached = asyncio.Event()

    async def answer(request):
        reached.set()
        await asyncio.Event().wait()

    async with session_on(ear, MemoryTransport(answer)) as session:
        for make in (
            lambda: session.ticketing.bookings.create(**SLOT, customer=customer()),
            lambda: session.ticketing.orders.list(last_name=PERSON[1]),
            lambda: hold_and_book(session),
        ):
            reached.clear()
            task = asyncio.create_task(make())
            await reached.wait()
            ear.written.append(repr(task))
            task.cancel()
            await listen(ear, task)
    assert [type(error) for error in ear.errors] == [asyncio.CancelledError] * 3
    assert isinstance(found := unknown_outcome(ear.errors[0]), EgumaError)
    assert found.operation == "BookTickets"


async def test_an_observer_that_fails_writes_nothing_of_it(ear):
    def observe(event):
        ear.events.append(event)
        raise ZeroDivisionError("a bug in the observer")

    session = AsyncSession(
        KEY, transport=MemoryTransport(answered()), observer=observe, clock=FakeClock()
    )
    async with session:
        await every_call(ear, session)
    assert any("observer failed" in record.getMessage() for record in ear.records)


async def test_a_session_that_is_not_open_writes_nothing_of_it(ear):
    session = session_on(ear, MemoryTransport(answered()))
    await listen(ear, session.ticketing.bookings.create(**SLOT, customer=customer()))
    async with session:
        pass
    await listen(ear, session.ticketing.orders.list(last_name=PERSON[1]))
    with pytest.raises(TypeError) as refused:
        pickle.dumps(session)
    ear.errors.append(refused.value)
    assert len(ear.errors) == 3


def test_a_session_left_open_warns_without_it(ear):
    async def forget():
        session = session_on(ear, MemoryTransport(answered()))
        await session.__aenter__()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(forget())
        import gc

        gc.collect()
    ear.written += [str(warning.message) + repr(warning.source) for warning in caught]
    assert any("unclosed" in text for text in ear.written)


@pytest.mark.parametrize(
    "make",
    [
        lambda: AsyncSession(f"{KEY}\n"),
        lambda: AsyncSession(f" {KEY}"),
        lambda: AsyncSession(f"Schlüssel {KEY}"),
        lambda: AsyncSession(KEY, base_url="http://api.e-guma.ch"),
        lambda: AsyncSession(KEY, base_url=f"https://host?apikey={KEY}"),
    ],
)
def test_a_session_that_cannot_be_made_does_not_show_the_key(ear, make):
    with pytest.raises(ConfigurationError) as caught:
        make()
    error = caught.value
    assert not leaks(everything_of(error) + messages_of(error), KEY_FORMS)
    # Where the key stands in the URL, the caller put it there, and the variable shows it.
    if "no user name" not in str(error):
        assert not leaks(stack_text(error), KEY_FORMS)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Customer(f"{PERSON[0]}\n", PERSON[1], PERSON[2]),
        lambda: Customer(PERSON[0], PERSON[1], f"{PERSON[2]}\x00"),
        lambda: ListOrders(last_name=f"{PERSON[1]}\r\n"),
        lambda: BookTickets(**SLOT, customer=PERSON),  # type: ignore[arg-type]  # on purpose
    ],
)
def test_a_refused_argument_is_not_repeated(ear, make):
    with pytest.raises(ConfigurationError) as caught:
        make()
    error = caught.value
    assert not leaks(everything_of(error) + messages_of(error), PERSONAL_FORMS)


def test_a_customer_is_in_no_repr():
    for value in (customer(), booked(), ListOrders(last_name=PERSON[1])):
        assert not leaks(repr(value) + str(value), PERSONAL_FORMS)


# The same over a real connection.


@contextlib.asynccontextmanager
async def served(handle):
    """Serve on loopback; `handle` gets each request's head and writes what it likes."""

    async def connected(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            heads.append(head)
            await handle(reader, writer, head)
            await writer.drain()
        writer.close()

    heads: list[Any] = []
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", heads
    finally:
        server.close()


def http(status, body, *extra, length=None):
    size = len(body) if length is None else length
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {size}", "Connection: close", *extra]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


LOCATION = f"Location: https://elsewhere.example/?apikey={quote(KEY, safe='')}"
REPLIES = {
    "echo": http(400, ECHO),
    "text echo": http(500, TEXT_ECHO),
    "redirect": http(302, TEXT_ECHO, LOCATION),
    "redirect that keeps the body": http(307, TEXT_ECHO, LOCATION),
    "unauthorised": http(401, ECHO),
    "cut": http(200, TEXT_ECHO, length=5000),
    "not json": http(200, TEXT_ECHO),
    "not http": b"SSH-2.0 " + TEXT_ECHO + b"\r\n\r\n",
    "bad header": b"HTTP/1.1 200 OK\r\n" + TEXT_ECHO + b"\r\n\r\n",
    "bad gzip": http(200, TEXT_ECHO, "Content-Encoding: gzip"),
    "nothing": b"",
}


@pytest.fixture(params=[AiohttpTransport, LeanTransport])
def kind(request):
    """Each transport that opens sockets."""
    return request.param


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
async def test_no_answer_of_a_real_server_brings_it_out(ear, kind, reply):
    asyncio.get_running_loop().set_debug(True)

    async def handle(reader, writer, head):
        writer.write(reply)

    async with served(handle) as (url, heads):
        transport = kind()
        async with session_on(ear, transport, base_url=url) as session:
            await every_call(ear, session)
        ear.written += [repr(transport)]
        await transport.aclose()
    assert ear.errors
    assert any(quote(KEY, safe="").encode() in head for head in heads), "the key must be sent"
    assert all(KEY.encode() not in head for head in heads), "it must be quoted"
    assert all(b"Canary" not in head.split(b"?")[0] for head in heads)


async def test_a_success_over_a_real_connection_writes_nothing_of_it(ear, kind):
    async def handle(reader, writer, head):
        page = head.split(b".json")[0].rsplit(b"/", 1)[1].decode()
        writer.write(http(200, json.dumps(GOOD[page]).encode()))

    async with served(handle) as (url, _):
        transport = kind()
        async with session_on(ear, transport, base_url=url) as session:
            await every_call(ear, session)
        await transport.aclose()
    assert ear.errors == []


async def test_a_server_that_is_not_there_brings_nothing_out(ear, kind):
    async def handle(reader, writer, head):
        raise AssertionError("nobody comes")

    async with served(handle) as (url, _):
        pass
    transport = kind()
    async with session_on(ear, transport, base_url=url) as session:
        await every_call(ear, session)
    await transport.aclose()
    assert {type(error) for error in ear.errors} == {NotSentError}


async def test_a_silent_server_and_a_cancellation_bring_nothing_out(ear, kind):
    reached = asyncio.Event()

    async def handle(reader, writer, head):
        reached.set()
        await reader.read()

    async with served(handle) as (url, _):
        transport = kind()
        async with session_on(ear, transport, base_url=url) as session:
            brief = Timeouts(connect=5.0, read=0.02, total=5.0)
            await listen(ear, session.send(ListOrders(last_name=PERSON[1]), timeouts=brief))
            reached.clear()
            task = asyncio.create_task(
                session.ticketing.bookings.create(**SLOT, customer=customer())
            )
            await reached.wait()
            task.cancel()
            await listen(ear, task)
        await transport.aclose()
    assert [type(error) for error in ear.errors] == [TransportError, asyncio.CancelledError]
    assert isinstance(found := unknown_outcome(ear.errors[1]), EgumaError)
    assert found.idempotency_key


def test_the_clock_of_these_tests_is_aware():
    assert FakeClock().now().tzinfo is UTC
