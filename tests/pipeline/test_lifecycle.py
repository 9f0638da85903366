"""A session's life: open once, used in its loop, closed, and nothing left behind."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import warnings
from typing import Any

import aiohttp
import pytest

from eguma_async.core.checks import checked_base_url
from eguma_async.core.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    SessionStateError,
)
from eguma_async.eguma.session import EGUMA, AsyncSession
from eguma_async.pipeline.limiting import Limits
from eguma_async.pipeline.session import BaseSession
from eguma_async.sandbox import EgumaSandbox
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply
from tests.support.calls import (
    BASE,
    BOOK,
    CANCEL,
    CATALOGUE,
    KEY,
    PRODUCTS,
    RELEASE,
    RESERVE,
    Gate,
    scripted,
    session_on,
    turns,
)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    monkeypatch.delenv("EGUMA_API_KEY", raising=False)
    monkeypatch.delenv("EGUMA_BASE_URL", raising=False)


def ways_in(session: BaseSession):
    return [
        lambda: session.send(PRODUCTS),
        lambda: session.exchange(PRODUCTS),
        lambda: session.stream(PRODUCTS, None),  # type: ignore[arg-type]  # never used
        lambda: asyncio.sleep(0, session.fan_out([PRODUCTS])),
    ]


class TestState:
    @pytest.mark.parametrize("way", range(4))
    async def test_before_it_is_entered(self, way):
        session = session_on(ScriptedTransport())
        with pytest.raises(SessionStateError, match=r"is not open; enter it first: `async with"):
            await ways_in(session)[way]()

    @pytest.mark.parametrize("way", range(4))
    async def test_after_it_is_closed(self, way):
        async with scripted() as (session, _):
            pass
        with pytest.raises(SessionStateError, match="is closed; make a new one"):
            await ways_in(session)[way]()

    def test_in_another_loop(self):
        session = session_on(ScriptedTransport())

        async def enter() -> None:
            await session.__aenter__()

        async def use() -> None:
            with pytest.raises(SessionStateError, match="belongs to another event loop"):
                await session.send(PRODUCTS)
            await session.aclose()

        asyncio.run(enter())
        asyncio.run(use())

    async def test_entered_twice(self):
        async with scripted() as (session, _):
            with pytest.raises(SessionStateError, match="was entered before; make a new one"):
                await session.__aenter__()

    async def test_entered_again_after_it_was_closed(self):
        session = session_on(ScriptedTransport())
        await session.aclose()
        with pytest.raises(SessionStateError, match="was entered before; make a new one"):
            await session.__aenter__()

    async def test_closed_twice(self):
        session = session_on(ScriptedTransport())
        await session.aclose()
        await session.aclose()

    def test_it_can_be_made_without_a_loop(self):
        assert "AsyncSession" in repr(session_on(ScriptedTransport()))


class TestTransport:
    async def test_one_that_was_given_stays_open(self):
        transport = Gate()
        async with session_on(transport):
            pass
        assert transport.closed == 0

    async def test_its_own_is_closed(self):
        own = Gate()
        session = session_on(own)
        session._owned[:] = [own]
        async with session:
            assert own.closed == 0
        assert own.closed == 1

    async def test_its_own_is_closed_even_if_a_fan_out_cannot_be(self):
        async def stubborn():
            try:
                for _ in range(100):
                    yield PRODUCTS
            finally:
                raise ZeroDivisionError

        own = Gate()
        own.open.set()
        session = session_on(own)
        session._owned[:] = [own]
        await session.__aenter__()
        fan_out = session.fan_out(stubborn(), concurrency=1)
        await anext(fan_out)
        with pytest.raises(ZeroDivisionError):
            await session.aclose()
        assert own.closed == 1

    async def test_its_own_is_the_network(self):
        from eguma_async.transports.aiohttp import AiohttpTransport

        async with AsyncSession(KEY, base_url=BASE, limits=Limits(concurrency=3)) as session:
            assert isinstance(session._owned[0], AiohttpTransport)

    @pytest.mark.parametrize(
        ("wrong", "hint"),
        [
            (EgumaSandbox(), "got EgumaSandbox; pass its .transport()"),
            (EgumaSandbox().transport, "got method; call it: .transport()"),
            (object(), "got object"),
            (ScriptedTransport, "got ScriptedTransport; pass an instance: ScriptedTransport(...)"),
            ("https://proxy.test", "got str"),
        ],
        ids=["sandbox", "its method", "object", "class", "text"],
    )
    def test_what_is_none_is_refused_at_once_and_says_what_is(self, wrong, hint):
        with pytest.raises(ConfigurationError) as caught:
            AsyncSession(KEY, transport=wrong)
        assert str(caught.value) == (
            f"transport must have `send` and `aclose`, as AiohttpTransport() has; {hint}"
        )

    async def test_a_session_of_aiohttp_is_none_but_can_be_wrapped(self):
        async with aiohttp.ClientSession() as wrong:
            with pytest.raises(ConfigurationError, match=r"wrap .*: AiohttpTransport\(session\)"):
                AsyncSession(KEY, transport=wrong)  # type: ignore[arg-type]  # wrong on purpose

    async def test_one_that_is_empty_is_one_all_the_same(self):
        class Empty(ScriptedTransport):
            def __len__(self):
                return 0

        transport = Empty(json_reply(CATALOGUE))
        async with session_on(transport) as session:
            await session.send(PRODUCTS)
        transport.assert_done()

    async def test_a_booking_waiting_for_its_repetition_is_not_forgotten_when_closed(self):
        def close_then_lose(request):
            raise OutcomeUnknownError("lost")

        def closed(request):
            raise SessionStateError("the transport is closed")

        async with scripted(close_then_lose, closed) as (session, _):
            with pytest.raises(OutcomeUnknownError) as caught:
                await session.send(BOOK, idempotency_key="key-1")
        assert caught.value.idempotency_key == "key-1"


class TestLeftOpen:
    async def test_it_warns(self):
        session = session_on(ScriptedTransport())
        await session.__aenter__()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del session
            gc.collect()
        assert [(w.category, str(w.message)) for w in caught] == [
            (
                ResourceWarning,
                "unclosed AsyncSession; use `async with` or `await session.aclose()`",
            )
        ]

    def test_one_never_entered_does_not(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            session = session_on(ScriptedTransport())
            del session
            gc.collect()

    def test_one_that_was_refused_does_not(self):
        with pytest.raises(ConfigurationError):
            AsyncSession("")
        gc.collect()


class TestSecrets:
    def test_repr_shows_where_and_not_who(self):
        session = session_on(ScriptedTransport())
        assert repr(session) == f"<AsyncSession {BASE}>"
        assert KEY not in f"{session!s} {session.ticketing!r} {vars(session)}"

    @pytest.mark.parametrize("clone", [pickle.dumps, copy.copy, copy.deepcopy])
    def test_it_is_not_pickled_or_copied(self, clone):
        with pytest.raises(TypeError, match="a AsyncSession is not pickled"):
            clone(session_on(ScriptedTransport()))


class TestArguments:
    def test_no_key(self):
        with pytest.raises(ConfigurationError, match="EGUMA_API_KEY"):
            AsyncSession()

    def test_the_key_of_the_environment(self, monkeypatch):
        monkeypatch.setenv("EGUMA_API_KEY", "bad key canary")
        with pytest.raises(ConfigurationError) as caught:
            AsyncSession()
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize(
        "key",
        ["", " ", "canary key", "canary\r\nX: y", "canaryé", "canary\x00", "c" * 256, 5, b"k"],
    )
    def test_a_malformed_key_is_refused_and_not_repeated(self, key):
        with pytest.raises(ConfigurationError, match="api_key must be 1 to 255") as caught:
            AsyncSession(key)
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize(
        "url",
        [
            "http://api.e-guma.ch",
            "http://127.0.0.1.evil.test",
            "http://localhost.evil.test",
            "http://192.168.0.1",
            "http://2130706433",
            "ftp://api.e-guma.ch",
            "api.e-guma.ch",
            "//api.e-guma.ch",
            "https://",
            "https:///path",
            "https://canary@api.e-guma.ch",
            "https://canary:canary@api.e-guma.ch",
            "https://@api.e-guma.ch",
            "https://api.e-guma.ch?apikey=canary",
            "https://api.e-guma.ch?",
            "https://api.e-guma.ch/#canary",
            "https://api.e-guma.ch/#",
            "https://api.e-guma.ch\\canary",
            "https://api.e-guma.ch:99999",
            "https://api.e-guma.ch:port",
            "https://api.e-guma.ch/a b",
            "https://api.e-gu\nma.ch",
            "https://api.e-guma.ch\r\n",
            "https://api.é-guma.ch",
            "https://[::1",
            "",
            5,
            b"https://api.e-guma.ch",
        ],
        ids=repr,
    )
    def test_a_base_url_that_is_not_safe_is_refused_and_not_repeated(self, url):
        with pytest.raises(ConfigurationError, match="base_url") as caught:
            checked_base_url(url)
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://api.e-guma.ch", "https://api.e-guma.ch"),
            ("https://api.e-guma.ch/", "https://api.e-guma.ch"),
            ("https://proxy.test:8443/eguma/", "https://proxy.test:8443/eguma"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ],
    )
    def test_a_base_url_that_is_safe(self, url, expected):
        assert checked_base_url(url) == expected

    @pytest.mark.parametrize("concurrency", [0, -1, 1.5, "5", None])
    def test_a_concurrency_without_sense(self, concurrency):
        with pytest.raises(ConfigurationError, match="concurrency"):
            Limits(concurrency=concurrency)

    @pytest.mark.parametrize("operation", [PRODUCTS, RESERVE, RELEASE, CANCEL])
    async def test_a_key_where_the_api_takes_none(self, operation):
        async with scripted() as (session, _):
            with pytest.raises(ConfigurationError, match="takes no idempotency key"):
                await session.send(operation, idempotency_key="key-1")

    @pytest.mark.parametrize("key", ["", "a b", "a\r\nX: y", "é", "x" * 256, 5])
    async def test_a_malformed_idempotency_key(self, key):
        async with scripted() as (session, _):
            with pytest.raises(ConfigurationError, match="idempotency_key must be 1 to 255"):
                await session.send(BOOK, idempotency_key=key)


def test_clock_and_converter_are_the_ones_in_use():
    clock = FakeClock()
    session = session_on(ScriptedTransport(), clock=clock)
    assert session.clock is clock
    assert session.converter is EGUMA.codec.converter


async def test_closing_does_not_wait_for_calls_of_other_tasks():
    transport = Gate()
    session = session_on(transport)
    await session.__aenter__()
    call = asyncio.create_task(session.send(PRODUCTS))
    await turns()
    await session.aclose()
    transport.open.set()
    assert (await call).company_name == "Museum"


@pytest.mark.parametrize("option", ["timeouts", "retry", "limits"])
def test_an_option_of_another_class_is_refused_at_once(option):
    wrong: dict[str, Any] = {option: 5}
    with pytest.raises(ConfigurationError, match=f"{option} must be a .*, not int"):
        AsyncSession(KEY, **wrong)


async def test_a_timeout_of_another_class_is_refused_before_anything_is_sent():
    transport = ScriptedTransport()
    async with session_on(transport) as session:
        with pytest.raises(ConfigurationError, match="timeouts must be a Timeouts, not int"):
            await session.send(PRODUCTS, timeouts=5)  # type: ignore[arg-type]  # wrong on purpose
    assert transport.requests == []


@pytest.mark.parametrize("operation", [type(PRODUCTS), "products", None])
async def test_what_is_no_operation_is_refused_before_anything_is_sent(operation):
    transport = ScriptedTransport()
    async with session_on(transport) as session:
        with pytest.raises(ConfigurationError, match="send takes an operation"):
            await session.send(operation)
    assert transport.requests == []
