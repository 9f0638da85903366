"""Nothing secret is shown: client secret, tokens, signed links, customers."""

from __future__ import annotations

import asyncio
import base64
import copy
import io
import logging
import pickle
import traceback
from typing import Any
from urllib.parse import quote

import pytest

from eguma_async import (
    EgumaError,
    HttpResponse,
    KorusSession,
    MemoryTransport,
    NotSentError,
    OutcomeUnknownError,
    RetryPolicy,
)
from eguma_async.korus import Beneficiary, CreateOrders, Customer, UpdateBeneficiary
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply, text_reply
from tests.support.telemetry import Heard

SECRET = "canary+client/secret"
ACCESS, REFRESH = "canary-access-token", "canary-refresh-token"
SIGNATURE = "canary-signature"
PERSON = Customer("CanaryFirst", "CanaryLast", "canary@example.com", phone="+99canary")
LINK = f"https://storage.googleapis.com/B/x.pdf?Signature={SIGNATURE}"
DOCUMENT = "/v1/booking/orders/1/documents/1"
RESERVATION = "/v1/booking/reservations/1"
TOKEN = json_reply(
    {"access_token": ACCESS, "refresh_token": REFRESH, "expires_in": 60, "token_type": "Bearer"}
)

CANARIES = [
    form
    for secret in (SECRET, ACCESS, REFRESH, SIGNATURE, "CanaryFirst", "CanaryLast",
                   "canary@example.com", "+99canary")
    for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode())
]  # fmt: skip


def echo(request):
    """What a careless server or proxy may answer: all that it was sent."""
    told = [*request.credentials.headers, *request.headers.items()]
    words = " ".join(value for _, value in told) + " " + (request.body or b"").decode()
    return json_reply({"detail": words, "error_description": words, "violations": []}, 422)


FAULTS = {
    "not sent": lambda request: NotSentError("no route"),
    "lost": lambda request: OutcomeUnknownError("cut"),
    "401": lambda request: HttpResponse(status=401),
    "403 in html": lambda request: text_reply("<p>no", 403, content_type="text/html"),
    "echo": echo,
    "500": lambda request: HttpResponse(status=500),
    "garbage": lambda request: text_reply("{"),
    "wrong shape": lambda request: json_reply({"member": 1, "orders": [{"customer": "Canary"}]}),
}
CALLS = {
    "order": lambda s: s.orders.create([RESERVATION], PERSON, "A-1"),
    "settled order": lambda s: s.orders.create([RESERVATION], PERSON, "A-1", settle_unknown=True),
    "list": lambda s: s.catalogs.list().first(),
    "beneficiary": lambda s: s.beneficiaries.update(
        "/v1/booking/orders/1/items/1/tickets/1",
        Beneficiary(firstname="CanaryFirst", lastname="CanaryLast", email="canary@example.com"),
    ),
    "download": lambda s: s.documents.download(DOCUMENT, to=io.BytesIO()),
}
WHERE = ("token", "api", "storage")


def shown(error):
    """Everything somebody may print of an error, its frames included."""
    detail = traceback.TracebackException.from_exception(error, capture_locals=True)
    chain, link = [], error
    while link is not None:
        chain.append(link)
        link = link.__cause__ or link.__context__
    texts = [
        text
        for each in chain
        for text in (repr(each), str(each), repr(each.args), repr(getattr(each, "__notes__", "")))
    ]
    return "\n".join([*detail.format(), *texts])


def found(text):
    return [canary for canary in CANARIES if canary in text]


def assert_silent(text):
    assert found(text) == []


async def drive(where, fault, call):
    async def handler(request):
        place = (
            "token" if request.operation == "FetchToken"
            else "storage" if request.operation == "DownloadDocument" else "api"
        )  # fmt: skip
        if place == where:
            answer = fault(request)
            if isinstance(answer, EgumaError):
                raise answer
            return answer
        if place == "token":
            return TOKEN
        if place == "storage":
            return HttpResponse(status=200, body=b"%PDF-1.7\n%%EOF")
        if request.method == "PATCH" and "documents" in request.url:
            return json_reply({"@id": DOCUMENT, "temporaryUrl": LINK})
        return json_reply({"member": [], "orders": [], "@id": DOCUMENT})

    heard = Heard()
    session = KorusSession(
        "client", SECRET, transport=MemoryTransport(handler), clock=FakeClock(),
        retry=RetryPolicy(attempts=2, budget=1.0), random=lambda: 0.5, observer=heard.observer,
    )  # fmt: skip
    async with session:
        try:
            await call(session)
        except EgumaError as error:
            return error, session
        finally:
            assert heard.spans
            assert_silent(heard.written())
        return None, session


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_no_error_shows_or_ships_a_secret(caplog, where, fault, call):
    caplog.set_level(logging.DEBUG)
    error, session = await drive(where, fault, call)
    assert_silent(caplog.text)
    assert_silent(repr(session) + repr(session._auth))
    if error is None:
        return
    library = [part for part in shown(error).split("\n") if "test_secrets.py" not in part]
    assert_silent(str(error) + repr(error) + repr(error.args))
    assert_silent(_frames_of_the_package(error))
    assert library
    shipped = pickle.dumps(error)
    for canary in (SECRET, ACCESS, REFRESH, SIGNATURE):
        assert canary.encode() not in shipped
    assert_silent(repr(copy.copy(error)))


def _frames_of_the_package(error):
    """The variables of every frame below the test itself."""
    lines, link = [], error
    while link is not None:
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if (
                "eguma_async" in frame.f_code.co_filename
                and "tests" not in frame.f_code.co_filename
            ):
                lines += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        link = link.__cause__ or link.__context__
    return "\n".join(lines)


@pytest.mark.parametrize("settled", [False, True], ids=["refused", "refused after a lost answer"])
async def test_a_shipped_refusal_leaves_behind_what_the_server_says_of_people(settled):
    person = "canary@example.com"
    violation = {
        "propertyPath": "customer.email",
        "message": f'"{person}" is no address',
        "code": "57c2f299-1154-4870-89bb-ef3b1f5ad229",
    }
    refusal = json_reply({"detail": f"customer.email: {person}", "violations": [violation]}, 422)
    reservation = {
        "@id": RESERVATION,
        "expired": False,
        "createdAt": "2025-01-29T07:49:00+00:00",
        "expiresAt": "2025-01-29T08:04:00+00:00",
        "totalAmountInclTax": "80.00",
    }
    looks = [json_reply({"member": []})] * 3 + [json_reply(reservation)]
    steps = [OutcomeUnknownError("cut"), *looks, refusal, *looks] if settled else [refusal]
    transport = ScriptedTransport(*steps)
    async with KorusSession(token=ACCESS, transport=transport, clock=FakeClock()) as session:
        with pytest.raises(EgumaError) as caught:
            await session.orders.create([RESERVATION], PERSON, "A-1", settle_unknown=settled)
    transport.assert_done()
    raised: Any = caught.value
    error = raised.refusal if settled else raised
    assert person in error.message
    assert person in error.violations[0].message
    assert person.encode() in error.body

    shipped = pickle.dumps(caught.value)
    assert b"anary" not in shipped
    arrived = pickle.loads(shipped).refusal if settled else pickle.loads(shipped)
    assert (arrived.status, arrived.error_code) == (422, violation["code"])
    assert (arrived.violations[0].path, arrived.violations[0].code) == (
        "customer.email",
        violation["code"],
    )
    assert_silent(repr(copy.copy(caught.value)) + repr(copy.deepcopy(caught.value)))


def test_the_search_itself_finds_what_is_shown():
    def leak():
        raise NotSentError(f"sent {SECRET}")

    with pytest.raises(NotSentError) as caught:
        leak()
    assert SECRET in found(shown(caught.value))


async def test_a_cancelled_fetch_of_a_token_shows_nothing():
    async def handler(request):
        await asyncio.Event().wait()

    session = KorusSession("client", SECRET, transport=MemoryTransport(handler))
    async with session:
        call = asyncio.create_task(session.catalogs.list().first())
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await call
    assert_silent(_frames_of_the_package(caught.value) + repr(session))


@pytest.mark.parametrize(
    "options",
    [
        {"client_id": " ", "client_secret": SECRET},
        {"client_id": "c", "client_secret": SECRET, "token_url": "http://x.example"},
        {"client_id": "c", "client_secret": SECRET, "base_url": "http://x.example"},
        {"client_id": "c", "client_secret": SECRET, "document_hosts": ["?"]},
        {"token": ACCESS, "client_secret": SECRET},
        {"token": f"{ACCESS} {REFRESH}"},
        {"token": ACCESS, "language": "f r"},
    ],
)
def test_a_session_that_cannot_be_made_shows_no_secret(options):
    with pytest.raises(EgumaError) as caught:
        KorusSession(**options)
    assert_silent(_frames_of_the_package(caught.value) + str(caught.value))


def test_people_are_in_no_repr():
    values = (
        PERSON,
        CreateOrders(reservations=[RESERVATION], customer=PERSON, external_reference="A-1",
                     notes="canary@example.com"),
        UpdateBeneficiary(iri=RESERVATION, beneficiary=Beneficiary(
            firstname="CanaryFirst", lastname="CanaryLast")),
    )  # fmt: skip
    assert_silent("".join(map(repr, values)))
    assert "***" not in repr(PERSON)
