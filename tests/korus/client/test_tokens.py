"""The access token: fetched once, renewed in time, shared by all calls."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any
from urllib.parse import parse_qsl

import pytest

from eguma_async import (
    AuthenticationError,
    ConfigurationError,
    DecodingError,
    HttpResponse,
    KorusSession,
    MemoryTransport,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    SessionStateError,
    TransportError,
)
from eguma_async.core.hooks import Observer
from eguma_async.testing import FakeClock, json_reply, text_reply

TOKEN_URL = "https://auth.korusticket.com/realms/korusticket/protocol/openid-connect/token"
CATALOG = "/v1/ticketing/catalogs/0194abdc-3a71-72b0-a9b9-89d4be0cd73e"
EMPTY: dict[str, Any] = {"member": []}


class Server:
    """An identity server and an API in one function; its tokens are numbered."""

    def __init__(self, clock, *, life=1800, refresh=True):
        self.clock = clock
        self.life = life
        self.refresh = refresh
        self.grants = []
        self.used = []
        self.revoked = set()
        self.refusals = []
        self.gate = None

    async def __call__(self, request):
        if request.url == TOKEN_URL:
            return await self.grant(request)
        ((_, header),) = request.credentials.headers
        self.used.append(header)
        await asyncio.sleep(0)
        if header in self.revoked:
            return HttpResponse(status=401)
        return json_reply(EMPTY)

    async def grant(self, request):
        assert request.credentials.headers == ()
        form = dict(parse_qsl(request.body.decode(), strict_parsing=True))
        self.grants.append(form)
        if self.gate is not None:
            await self.gate.wait()
        if self.refusals:
            refusal = self.refusals.pop(0)
            if isinstance(refusal, Exception):
                raise refusal
            if refusal is not None:
                return refusal
        answer = {
            "access_token": f"jwt-{len(self.grants)}",
            "expires_in": self.life,
            "token_type": "Bearer",
        }
        if self.refresh:
            answer |= {"refresh_token": f"again-{len(self.grants)}", "refresh_expires_in": 1800}
        return json_reply(answer)


@pytest.fixture
def clock():
    return FakeClock()


def session_on(server, **options):
    options.setdefault("random", lambda: 0.5)
    return KorusSession(
        "client",
        "s3cret-of-client",
        transport=MemoryTransport(server),
        clock=server.clock,
        retry=RetryPolicy(budget=1.0),
        **options,
    )


async def call(session):
    return await session.catalogs.list().first()


async def settled(turns=50):
    for _ in range(turns):
        await asyncio.sleep(0)


async def test_a_token_is_asked_for_as_the_reference_shows(scripted):
    token = json_reply({"access_token": "jwt-1", "expires_in": 1800, "token_type": "Bearer"})
    async with scripted(token, json_reply(EMPTY), client_id="my id", client_secret="a&b=c") as (
        session,
        transport,
    ):
        await call(session)
    asked, used = transport.requests
    assert (asked.method, asked.url) == ("POST", TOKEN_URL)
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert asked.body == (b"grant_type=client_credentials&client_id=my+id&client_secret=a%26b%3Dc")
    assert used.credentials.headers == (("Authorization", "Bearer jwt-1"),)


async def test_fifty_calls_without_a_token_fetch_one(clock):
    server = Server(clock)
    async with session_on(server) as session:
        await asyncio.gather(*(call(session) for _ in range(50)))
    assert len(server.grants) == 1
    assert server.used == ["Bearer jwt-1"] * 50


async def test_fifty_calls_that_meet_an_expired_token_cause_one_renewal(clock):
    server = Server(clock)
    async with session_on(server) as session:
        await call(session)
        clock.advance(1801)
        await asyncio.gather(*(call(session) for _ in range(50)))
    assert [g["grant_type"] for g in server.grants] == ["client_credentials"] * 2
    assert server.used[1:] == ["Bearer jwt-2"] * 50


async def test_fifty_calls_that_are_refused_cause_one_renewal_and_one_repeat_each(clock):
    server = Server(clock)
    async with session_on(server) as session:
        await call(session)
        server.revoked.add("Bearer jwt-1")
        await asyncio.gather(*(call(session) for _ in range(50)))
    assert len(server.grants) == 2
    assert server.used[1:] == ["Bearer jwt-1"] * 50 + ["Bearer jwt-2"] * 50


async def test_a_refusal_of_the_renewed_token_too_is_final(clock):
    server = Server(clock)
    server.revoked |= {"Bearer jwt-1", "Bearer jwt-2"}
    async with session_on(server) as session:
        with pytest.raises(AuthenticationError) as caught:
            await call(session)
    assert caught.value.operation == "ListCatalogs"
    assert server.used == ["Bearer jwt-1", "Bearer jwt-2"]


@pytest.mark.parametrize(("random", "share"), [(0.0, 0.75), (0.5, 0.8), (1.0, 0.85)])
async def test_a_token_is_renewed_in_the_background_at_about_four_fifths_of_its_life(
    clock, random, share
):
    server = Server(clock)
    async with session_on(server, random=lambda: random) as session:
        await call(session)
        clock.advance(share * 1800 - 1)
        await call(session)
        await settled()
        assert len(server.grants) == 1
        clock.advance(1)
        await call(session)  # goes on with the token it has
        await settled()
        assert server.used[-1] == "Bearer jwt-1"
        assert server.grants[1] == {
            "grant_type": "refresh_token",
            "refresh_token": "again-1",
            "client_id": "client",
            "client_secret": "s3cret-of-client",
        }
        await call(session)
    assert server.used[-1] == "Bearer jwt-2"
    assert len(server.grants) == 2


async def test_a_refresh_that_is_refused_falls_back_to_the_clients_credentials(clock):
    server = Server(clock)
    async with session_on(server) as session:
        await call(session)
        clock.advance(1500)
        server.refusals = [json_reply({"error": "invalid_grant"}, 400)]
        await call(session)
        await settled()
        await call(session)
    assert [g["grant_type"] for g in server.grants] == [
        "client_credentials",
        "refresh_token",
        "client_credentials",
    ]
    assert server.used[-1] == "Bearer jwt-3"


async def test_without_a_refresh_token_the_clients_credentials_renew(clock):
    server = Server(clock, refresh=False)
    async with session_on(server) as session:
        await call(session)
        clock.advance(1500)
        await call(session)
        await settled()
    assert [g["grant_type"] for g in server.grants] == ["client_credentials"] * 2


async def test_the_old_token_goes_on_while_its_renewal_fails(clock):
    server = Server(clock, refresh=False)
    async with session_on(server) as session:
        await call(session)
        clock.advance(1500)
        server.refusals = [HttpResponse(status=400)]
        await call(session)
        await settled()
        assert len(server.grants) == 2
        await call(session)  # no second try at once
        await settled()
        assert len(server.grants) == 2
        clock.advance(30)
        await call(session)
        await settled()
    assert len(server.grants) == 3
    assert server.used == ["Bearer jwt-1"] * 4


async def test_all_who_wait_share_one_failure_each_with_its_own_name(clock):
    server = Server(clock)
    server.refusals = [json_reply({"error": "invalid_client", "error_description": "bad"}, 401)]
    async with session_on(server) as session:
        outcomes = await asyncio.gather(
            call(session), session.offers.price(CATALOG), call(session), return_exceptions=True
        )
    assert len(server.grants) == 1
    assert len({id(error) for error in outcomes}) == 3
    for error in outcomes:
        assert isinstance(error, AuthenticationError)
        assert (error.error_code, error.message, error.status) == ("invalid_client", "bad", 401)
        assert str(error) == "FetchToken: HTTP 401 invalid_client"


async def test_an_observer_sees_that_a_token_is_fetched_and_what_refused_it_can_be_told(clock):
    server, ended = Server(clock), []

    class Calls(Observer):
        def call_ended(self, call, started, /):
            ended.append((call.operation, call.attempts, call.status))

    told = {"retry-after": "90", "x-request-id": "r-7"}
    server.refusals = [json_reply({"error": "slow_down"}, 429, headers=told)]
    async with session_on(server, observer=Calls()) as session:
        with pytest.raises(RateLimitedError) as caught:
            await call(session)
        assert (caught.value.retry_after, caught.value.request_id) == (90, "r-7")
        await call(session)
    assert ended == [
        ("FetchToken", 1, 429),
        ("ListCatalogs", 1, None),
        ("FetchToken", 1, 200),
        ("ListCatalogs", 1, 200),
    ]


async def test_cancelling_one_who_waits_leaves_the_renewal_to_the_others(clock):
    server = Server(clock)
    server.gate = asyncio.Event()
    async with session_on(server) as session:
        first, second = (asyncio.create_task(call(session)) for _ in range(2))
        await settled()
        first.cancel()
        await settled()
        assert first.cancelled()
        server.gate.set()
        assert await second is None
    assert len(server.grants) == 1


async def test_closing_the_session_ends_a_renewal_under_way(clock):
    server = Server(clock)
    server.gate = asyncio.Event()
    session = await session_on(server).__aenter__()
    waiting = asyncio.create_task(call(session))
    await settled()
    await session.aclose()
    with pytest.raises(SessionStateError, match="closed before there was a token"):
        await waiting


@pytest.mark.parametrize(
    ("refusals", "kind"),
    [
        ([HttpResponse(status=503)] * 3, ServerError),
        ([NotSentError("no route")] * 3, TransportError),
        ([OutcomeUnknownError("cut")] * 3, TransportError),
    ],
)
async def test_fetching_is_tried_three_times_and_says_nothing_of_the_call(clock, refusals, kind):
    server = Server(clock)
    server.refusals = list(refusals)
    async with session_on(server) as session:
        with pytest.raises(kind) as caught:
            await session.orders.get("/v1/booking/orders/1")
    assert len(server.grants) == 3
    assert server.used == []
    assert not caught.value.outcome_unknown
    assert not isinstance(caught.value, OutcomeUnknownError)


async def test_a_token_server_that_recovers_is_not_noticed(clock):
    server = Server(clock)
    server.refusals = [HttpResponse(status=502), OutcomeUnknownError("cut"), None]
    async with session_on(server) as session:
        await call(session)
    assert len(server.grants) == 3


@pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": "a b"}, [], 7])
async def test_an_answer_without_a_usable_token_is_unreadable(clock, answer):
    server = Server(clock)
    server.refusals = [json_reply(answer)]
    async with session_on(server) as session:
        with pytest.raises(DecodingError, match=r"no token @ \$\.access_token"):
            await call(session)


@pytest.mark.parametrize("life", [None, 0, -5, "x", True])
async def test_a_life_that_is_not_told_is_five_minutes(clock, life):
    server = Server(clock, life=life)
    async with session_on(server) as session:
        await call(session)
        clock.advance(300)
        await call(session)
    assert server.used == ["Bearer jwt-1", "Bearer jwt-2"]


async def test_a_ready_token_is_used_until_it_is_refused(scripted):
    async with scripted(HttpResponse(status=401)) as (session, _):
        with pytest.raises(AuthenticationError):
            await call(session)


async def test_an_order_that_is_refused_for_its_token_is_sent_again_once(clock, john):
    server = Server(clock)
    answers = [HttpResponse(status=401), json_reply({"orders": []})]
    bodies = []

    async def api(request):
        if request.url == TOKEN_URL:
            return await server(request)
        bodies.append(request.body)
        return answers.pop(0)

    server_clock = server.clock
    session = KorusSession(
        "c", "s3cret-of-client", transport=MemoryTransport(api), clock=server_clock
    )
    async with session:
        booked = await session.orders.create(["/v1/booking/reservations/1"], john, "A-1")
    assert booked.unaccounted == ("/v1/booking/reservations/1",)
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]


async def test_credentials_come_from_the_environment(monkeypatch, clock):
    monkeypatch.setenv("KORUS_CLIENT_ID", "env-client")
    monkeypatch.setenv("KORUS_CLIENT_SECRET", "env-secret")
    monkeypatch.setenv("KORUS_BASE_URL", "https://api.demo.korusticket.com/")
    monkeypatch.setenv("KORUS_TOKEN_URL", "https://auth.example.com/token")
    asked = []

    async def handler(request):
        asked.append(request)
        return json_reply({"access_token": "jwt", "member": []})

    async with KorusSession(transport=MemoryTransport(handler), clock=clock) as session:
        await call(session)
    assert [r.url for r in asked] == [
        "https://auth.example.com/token",
        "https://api.demo.korusticket.com/v1/ticketing/catalogs",
    ]
    assert b"client_id=env-client&client_secret=env-secret" in asked[0].body


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "KORUS_CLIENT_ID"),
        ({"client_id": "a"}, "no credentials"),
        ({"client_id": " ", "client_secret": "b"}, "must be text and not empty"),
        (
            {
                "client_id": "a",
                "client_secret": "",
            },
            "must be text and not empty",
        ),
        ({"token": "a b"}, "token must be"),
        ({"token": "a\r\nX: y"}, "token must be"),
        ({"token": "t", "client_id": "a"}, "not both"),
        (
            {"client_id": "a", "client_secret": "b", "token_url": "http://auth.example.com"},
            "token_url must be https",
        ),
        ({"token": "t", "base_url": "http://api.example.com"}, "base_url must be https"),
        ({"token": "t", "language": "f r"}, "language must be"),
        ({"token": "t", "document_hosts": ["https://x"]}, "document_hosts must be"),
    ],
)
def test_bad_arguments_are_told_before_anything_is_sent(monkeypatch, arguments, reason):
    for name in ("CLIENT_ID", "CLIENT_SECRET", "BASE_URL", "TOKEN_URL"):
        monkeypatch.delenv(f"KORUS_{name}", raising=False)
    with pytest.raises(ConfigurationError, match=reason) as caught:
        KorusSession(**arguments)
    assert "X: y" not in str(caught.value)


async def test_a_token_stays_at_its_own_origin(clock):
    # X18: neither provider's credentials can reach the other's server.
    from eguma_async import AsyncSession

    asked = []

    async def handler(request):
        asked.append(request)
        return json_reply(
            {"access_token": "korus-jwt", "member": [], "company_name": "x", "products": []}
        )

    wire = MemoryTransport(handler)
    async with (
        KorusSession("c", "s3cret-of-client", transport=wire, clock=clock) as korus,
        AsyncSession("eguma-api-key", transport=wire, clock=clock) as eguma,
    ):
        await call(korus)
        await eguma.ticketing.products.list()
    by_host = {request.url.split("/")[2]: request for request in asked}
    assert by_host["auth.korusticket.com"].credentials.headers == ()
    assert by_host["api.korusticket.com"].credentials.query == ()
    assert by_host["api.e-guma.ch"].credentials.headers == ()
    assert by_host["api.e-guma.ch"].credentials.query == (("apikey", "eguma-api-key"),)


async def test_a_lost_write_is_not_forgotten_when_its_repetition_gets_no_token(clock):
    # A layer below may fail before it sends: an earlier attempt still counts.
    from eguma_async.core.messages import HttpRequest, Repeat
    from eguma_async.core.provider import classify
    from eguma_async.pipeline.observing import Notifier
    from eguma_async.pipeline.retrying import Retrying
    from eguma_async.pipeline.runner import Runner

    outcomes = [OutcomeUnknownError("cut"), AuthenticationError("no", status=401)]

    class Inner:
        async def send(self, request):
            raise outcomes.pop(0)

        async def aclose(self):
            pass

    loop = Retrying(
        Inner(),
        policy=RetryPolicy(budget=1.0),
        clock=clock,
        random=lambda: 0.5,
        verdict=lambda response, _: classify(response, own_answer=False),
    )
    layer = Runner(loop, notifier=Notifier("test", None, clock), clock=clock)
    request = HttpRequest(method="POST", url="https://x/", repeat=Repeat.KEYED, operation="Book")
    with pytest.raises(OutcomeUnknownError) as caught:
        await layer.send(request)
    assert caught.value.attempts == 2
    assert caught.value.__context__ is None


async def test_the_sandbox_takes_the_tokens_it_gives(shop):
    # X19 against the sandbox: expiry, a revoked refresh token, a storm.
    async with shop(token_seconds=600, refresh_seconds=60) as opened:
        await opened.session.catalogs.list().first()
        opened.sandbox.clock.advance(seconds=601)
        await asyncio.gather(*(opened.session.catalogs.list().first() for _ in range(50)))
        path = "/realms/korusticket/protocol/openid-connect/token"
        assert opened.asked("POST", path) == 2


async def test_a_token_is_neither_shown_nor_pickled(clock):
    from eguma_async.pipeline.bearer import Token

    token = Token("canary-jwt", fetched_at=0.0, life=1.0, refresh_token="canary-refresh")
    assert repr(token) == "Token(***)"
    with pytest.raises(TypeError):
        pickle.dumps(token)


async def test_what_a_token_server_repeats_of_the_secret_is_masked(clock):
    server = Server(clock)
    words = "client s3cret-of-client is wrong"
    server.refusals = [json_reply({"error": "invalid_client", "error_description": words}, 401)]
    async with session_on(server) as session:
        with pytest.raises(AuthenticationError) as caught:
            await call(session)
    assert caught.value.message == "client *** is wrong"
    assert caught.value.body == b""


async def test_a_token_server_that_is_a_web_page_is_reported_as_such(clock):
    server = Server(clock)
    server.refusals = [text_reply("<html>", 404, content_type="text/html")]
    async with session_on(server) as session:
        with pytest.raises(Exception, match="FetchToken: HTTP 404"):
            await call(session)
    assert json.dumps(server.grants).count("client_credentials") == 1


async def test_a_late_refusal_of_the_old_token_renews_nothing(clock):
    server = Server(clock)
    late = asyncio.Event()

    async def slow_for_the_first(request):
        first = request.url != TOKEN_URL and not server.used
        answer = await server(request)
        if first:
            await late.wait()
            return HttpResponse(status=401)
        return answer

    session = KorusSession(
        "client",
        "s3cret-of-client",
        transport=MemoryTransport(slow_for_the_first),
        clock=clock,
        random=lambda: 0.5,
    )
    async with session:
        first = asyncio.create_task(call(session))
        await settled()
        server.revoked.add("Bearer jwt-1")
        await call(session)  # meets the refusal, and renews
        late.set()
        await first
    assert len(server.grants) == 2
    assert server.used[-1] == "Bearer jwt-2"
