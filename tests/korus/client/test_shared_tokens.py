"""One source of tokens for many sessions: tokens that are shared, and functions that give them."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
import traceback
from typing import Any

import pytest

from eguma_async import (
    AuthenticationError,
    ConfigurationError,
    HttpResponse,
    KorusSession,
    KorusTokens,
    MemoryTransport,
    NotSentError,
    OutcomeUnknownError,
    RetryPolicy,
    SessionStateError,
    TransportError,
    unknown_outcome,
)
from eguma_async.sandbox.korus import TOKEN_PATH, KorusSandbox
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply
from tests.korus.client.test_tokens import Server, call, settled

SECRET = "s3cret-of-client"
DEMO = "https://api.demo.korusticket.com"
AUTH = "https://auth.example.com/token"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("CLIENT_ID", "CLIENT_SECRET", "BASE_URL", "TOKEN_URL"):
        monkeypatch.delenv(f"KORUS_{name}", raising=False)


@pytest.fixture
def clock():
    return FakeClock()


def shared(clock):
    return KorusTokens("client", SECRET, clock=clock)


def session_on(server, token, **options):
    return KorusSession(
        token=token,
        transport=MemoryTransport(server),
        clock=server.clock,
        retry=RetryPolicy(budget=1.0),
        random=lambda: 0.5,
        **options,
    )


# Shared


async def test_a_hundred_sessions_fetch_one_token(clock):
    server, tokens = Server(clock), shared(clock)
    sessions = [await session_on(server, tokens).__aenter__() for _ in range(100)]
    await asyncio.gather(*(call(session) for session in sessions))
    for session in sessions:
        await session.aclose()
    assert len(server.grants) == 1
    assert server.used == ["Bearer jwt-1"] * 100


async def test_one_after_the_other_they_use_the_same_token(clock):
    server, tokens = Server(clock), shared(clock)
    for _ in range(3):
        async with session_on(server, tokens) as session:
            await call(session)
    assert len(server.grants) == 1


async def test_a_token_is_renewed_once_for_all(clock):
    server, tokens = Server(clock), shared(clock)
    async with session_on(server, tokens) as one, session_on(server, tokens) as other:
        await call(one)
        clock.advance(0.8 * 1800)
        await asyncio.gather(*(call(session) for session in (one, other) * 20))
        await settled()
        await asyncio.gather(call(one), call(other))
    assert [g["grant_type"] for g in server.grants] == ["client_credentials", "refresh_token"]
    assert server.used[-2:] == ["Bearer jwt-2"] * 2


async def test_a_refusal_in_one_session_renews_the_token_of_all(clock):
    server, tokens = Server(clock), shared(clock)
    async with session_on(server, tokens) as one, session_on(server, tokens) as other:
        await call(one)
        server.revoked.add("Bearer jwt-1")
        await asyncio.gather(*(call(session) for session in (one, other) * 20))
    assert len(server.grants) == 2
    assert server.used.count("Bearer jwt-2") == 40


async def test_who_closes_while_fetching_leaves_the_others_a_token(clock):
    server, tokens = Server(clock), shared(clock)
    server.gate = asyncio.Event()
    one = await session_on(server, tokens).__aenter__()
    async with session_on(server, tokens) as other:
        first = asyncio.create_task(call(one))
        await settled()
        second = asyncio.create_task(call(other))
        await settled()
        assert len(server.grants) == 1
        await one.aclose()
        with pytest.raises(SessionStateError, match="closed before there was a token"):
            await first
        server.gate.set()
        assert await second is None
    assert len(server.grants) == 2
    assert server.used == ["Bearer jwt-2"]


async def test_who_waits_and_closes_leaves_the_fetch_of_another_alone(clock):
    server, tokens = Server(clock), shared(clock)
    server.gate = asyncio.Event()
    other = await session_on(server, tokens).__aenter__()
    async with session_on(server, tokens) as one:
        first = asyncio.create_task(call(one))
        await settled()
        second = asyncio.create_task(call(other))
        await settled()
        await other.aclose()
        server.gate.set()
        assert await first is None
        with pytest.raises(SessionStateError):
            await second
    assert len(server.grants) == 1


async def test_all_sessions_fail_alike_and_recover(clock):
    server, tokens = Server(clock), shared(clock)
    server.refusals = [json_reply({"error": "invalid_client"}, 401)]
    async with session_on(server, tokens) as one, session_on(server, tokens) as other:
        outcomes = await asyncio.gather(call(one), call(other), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [AuthenticationError] * 2
        assert len(server.grants) == 1
        await call(other)
    assert server.used == ["Bearer jwt-2"]


def test_one_event_loop_after_the_other_may_use_them(clock):
    server, tokens = Server(clock), shared(clock)

    async def sell():
        async with session_on(server, tokens) as session:
            await call(session)

    asyncio.run(sell())
    asyncio.run(sell())
    assert len(server.grants) == 1
    clock.advance(1801)
    asyncio.run(sell())
    assert len(server.grants) == 2


async def test_two_event_loops_at_once_are_refused(clock):
    server, tokens = Server(clock), shared(clock)
    caught = []

    def elsewhere():
        async def sell():
            async with session_on(server, tokens) as session:
                await call(session)

        try:
            asyncio.run(sell())
        except SessionStateError as error:
            caught.append(error)

    async with session_on(server, tokens) as session:
        await call(session)
        clock.advance(1801)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        await asyncio.to_thread(thread.join)
        await call(session)
    (error,) = caught
    assert "another event loop" in str(error)
    assert "for each loop" in str(error)


async def test_the_sandbox_issues_one_token():
    sandbox = KorusSandbox()
    url = f"http://127.0.0.1{TOKEN_PATH}"
    tokens = KorusTokens(*sandbox.demo_client, token_url=url, clock=sandbox.clock)
    for _ in range(5):
        async with KorusSession(
            token=tokens, base_url="http://127.0.0.1", transport=sandbox.transport()
        ) as session:
            await session.catalogs.list().first()
    assert sandbox.tokens_issued == 1


async def test_shared_tokens_come_from_the_environment(monkeypatch, clock):
    monkeypatch.setenv("KORUS_CLIENT_ID", "env-client")
    monkeypatch.setenv("KORUS_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("KORUS_TOKEN_URL", AUTH)
    transport = ScriptedTransport(json_reply({"access_token": "jwt"}), json_reply({"member": []}))
    async with KorusSession(token=KorusTokens(), base_url=DEMO, transport=transport) as session:
        await call(session)
    assert transport.requests[0].url == AUTH
    body = transport.requests[0].body
    assert body is not None
    assert b"client_id=env-client" in body


def test_shared_tokens_show_nothing(clock):
    tokens = shared(clock)
    assert repr(tokens) == "<KorusTokens>"
    shown = repr(vars(tokens)) + repr(vars(tokens._cache)) + repr(tokens._auth_for(None))
    assert SECRET not in shown
    for ship in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            ship(tokens)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(tokens._cache)


# Functions


class Vault:
    """Gives out tokens one after the other, and counts how often it was asked."""

    def __init__(self, *tokens):
        self.tokens = list(tokens)
        self.asked = 0

    def __call__(self):
        self.asked += 1
        token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        if isinstance(token, Exception):
            raise token
        return token

    async def later(self):
        await asyncio.sleep(0)
        return self()


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
async def test_a_function_is_asked_for_the_token_of_each_request(clock, kind):
    server, vault = Server(clock), Vault("one", "two")
    async with session_on(server, vault if kind == "plain" else vault.later) as session:
        for _ in range(3):
            await call(session)
    assert server.used == ["Bearer one", "Bearer two", "Bearer two"]
    assert (vault.asked, server.grants) == (3, [])


async def test_a_function_is_asked_again_once_when_its_token_is_refused(clock):
    server, vault = Server(clock), Vault("old", "new")
    server.revoked.add("Bearer old")
    async with session_on(server, vault) as session:
        await call(session)
    assert server.used == ["Bearer old", "Bearer new"]
    server, vault = Server(clock), Vault("old")
    server.revoked.add("Bearer old")
    async with session_on(server, vault) as session:
        with pytest.raises(AuthenticationError):
            await call(session)
    assert server.used == ["Bearer old"] * 2


async def test_a_function_that_fails_sends_nothing(clock, john):
    server, vault = Server(clock), Vault(KeyError("no vault"))
    async with session_on(server, vault) as session:
        with pytest.raises(TransportError, match="the function for it raised KeyError") as caught:
            await session.orders.create(["/v1/booking/reservations/1"], john, "A-1")
    error = caught.value
    assert isinstance(error.__cause__, KeyError)
    assert not error.outcome_unknown
    assert (error.operation, vault.asked, server.used) == ("CreateOrders", 1, [])


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (OutcomeUnknownError("of the vault"), TransportError),
        (NotSentError("no route to the vault"), TransportError),
        (AuthenticationError("no", status=401, outcome_unknown=True), AuthenticationError),
    ],
)
async def test_the_doubts_of_a_function_are_not_those_of_the_call(clock, john, raised, kind):
    server = Server(clock)
    async with session_on(server, Vault(raised)) as session:
        with pytest.raises(kind) as caught:
            await session.orders.create(
                ["/v1/booking/reservations/1"], john, "A-1", reconcile_unknown=True
            )
    assert type(caught.value) is kind
    assert unknown_outcome(caught.value) is None
    assert server.used == []


@pytest.mark.parametrize("given", [None, "", "a b", "canary\r\nX: y", 7, b"canary"])
async def test_what_a_function_gives_is_checked_and_not_shown(clock, given):
    server = Server(clock)
    async with session_on(server, Vault(given)) as session:
        with pytest.raises(ConfigurationError, match="must return it as text") as caught:
            await call(session)
    assert server.used == []
    shown = "".join(traceback.TracebackException.from_exception(caught.value).format())
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    own = [f.f_locals for f in frames if "tests" not in f.f_code.co_filename]
    assert own
    assert "canary" not in shown + repr(own)


async def test_cancelling_who_waits_for_a_function_says_that_nothing_was_sent(clock, john):
    async def never():
        await asyncio.Event().wait()

    server = Server(clock)
    async with session_on(server, never) as session:
        order = session.orders.create(["/v1/booking/reservations/1"], john, "A-1")
        waiting = asyncio.create_task(order)
        await settled(5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await waiting
    assert isinstance(caught.value.__cause__, NotSentError)
    assert unknown_outcome(caught.value) is None


@pytest.mark.parametrize("given", ["", "a b", "line\n", 7, b"x", str, [], object()])
def test_what_is_no_source_of_tokens_is_refused(given):
    with pytest.raises(ConfigurationError, match="token must be visible ASCII"):
        KorusSession(token=given)


def test_a_source_and_a_client_are_too_much(clock):
    for token in (shared(clock), lambda: "t"):
        with pytest.raises(ConfigurationError, match="not both"):
            KorusSession("client", SECRET, token=token)


# Where a secret may go


@pytest.mark.parametrize("how", ["argument", "environment"])
@pytest.mark.parametrize("source", ["client", "shared"])
@pytest.mark.parametrize("base_url", [DEMO, f"{DEMO}/", "http://127.0.0.1:8080", "https://x.test"])
async def test_another_api_never_gets_the_live_identity_server(
    monkeypatch, clock, how, source, base_url
):
    if how == "environment":
        monkeypatch.setenv("KORUS_BASE_URL", base_url)
    transport = ScriptedTransport()
    options = {"transport": transport, **({"base_url": base_url} if how == "argument" else {})}
    with pytest.raises(ConfigurationError, match="pass token_url or set KORUS_TOKEN_URL"):
        if source == "client":
            KorusSession("client", SECRET, **options)
        else:
            KorusSession(token=shared(clock), **options)
    assert transport.requests == []


@pytest.mark.parametrize("how", ["argument", "environment", "shared"])
async def test_another_api_gets_the_identity_server_that_is_named(monkeypatch, how):
    transport = ScriptedTransport(json_reply({"access_token": "jwt"}), json_reply({"member": []}))
    options: dict[str, Any] = {"base_url": DEMO, "transport": transport}
    if how == "shared":
        options["token"] = KorusTokens("client", SECRET, token_url=AUTH)
    else:
        options |= {"client_id": "client", "client_secret": SECRET}
        if how == "argument":
            options["token_url"] = AUTH
        else:
            monkeypatch.setenv("KORUS_TOKEN_URL", AUTH)
    async with KorusSession(**options) as session:
        await call(session)
    assert [request.url for request in transport.requests] == [
        AUTH,
        f"{DEMO}/v1/ticketing/catalogs",
    ]


@pytest.mark.parametrize(
    "base_url", [None, "https://api.korusticket.com", "https://API.korusticket.com/"]
)
async def test_the_live_api_has_the_live_identity_server(base_url):
    transport = ScriptedTransport(json_reply({"access_token": "jwt"}), json_reply({"member": []}))
    async with KorusSession("c", SECRET, base_url=base_url, transport=transport) as session:
        await call(session)
    assert transport.requests[0].url.startswith("https://auth.korusticket.com/")


async def test_a_ready_token_needs_no_identity_server():
    transport = ScriptedTransport(json_reply({"member": []}))
    async with KorusSession(token="t" * 20, base_url=DEMO, transport=transport) as session:
        await call(session)


def test_a_bad_base_url_is_told_before_a_missing_token_url():
    with pytest.raises(ConfigurationError, match="base_url must be https"):
        KorusSession("c", SECRET, base_url="http://api.example.com")


CONTROL = ["\n", "\r\n", "\t", "\x00", "\x7f", "\u2028", "\x85", "\ud800"]


WAYS = [
    (how, end)
    for how in ("argument", "environment", "shared")
    for end in CONTROL
    if how != "environment" or end not in ("\x00", "\ud800")  # which it cannot hold
]


@pytest.mark.parametrize(("how", "end"), WAYS, ids=ascii)
@pytest.mark.parametrize("where", ["client_id", "client_secret"])
def test_a_line_break_in_a_credential_is_told_before_anything_is_sent(monkeypatch, end, where, how):
    given: dict[str, Any] = {"client_id": "shop", "client_secret": SECRET}
    given[where] += end
    if how == "environment":
        for name, value in given.items():
            monkeypatch.setenv(f"KORUS_{name.upper()}", value)
        given = {}
    make = KorusTokens if how == "shared" else KorusSession
    with pytest.raises(ConfigurationError, match=f"{where} holds a line break") as caught:
        make(**given)
    assert "strip it" in str(caught.value)
    frames = [frame.f_locals for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert SECRET not in repr([v for v in frames if "monkeypatch" not in v])


async def test_blanks_and_signs_in_a_secret_are_sent_as_they_are():
    transport = ScriptedTransport(json_reply({"access_token": "jwt"}), json_reply({"member": []}))
    async with KorusSession("my shop", " a&b=c+ü ", transport=transport) as session:
        await call(session)
    assert transport.requests[0].body == (
        b"grant_type=client_credentials&client_id=my+shop&client_secret=+a%26b%3Dc%2B%C3%BC+"
    )


async def test_a_refused_client_is_told_by_each_session(clock):
    transport = ScriptedTransport(HttpResponse(status=401, body=b'{"error":"invalid_client"}'))
    async with KorusSession(token=shared(clock), transport=transport) as session:
        with pytest.raises(AuthenticationError) as caught:
            await call(session)
    assert caught.value.error_code == "invalid_client"
