"""Each layer alone, around a transport that shows what reaches it."""

from __future__ import annotations

import asyncio
import logging
from random import random

import attrs
import pytest

from eguma_async.core.errors import NotSentError, OutcomeUnknownError
from eguma_async.core.messages import Credentials, HttpRequest, HttpResponse, Replay
from eguma_async.eguma.session import EGUMA
from eguma_async.pipeline.authenticating import Authenticating, QueryKey
from eguma_async.pipeline.limiting import Limiting, Limits
from eguma_async.pipeline.observing import AttemptEvent, Observing
from eguma_async.pipeline.policy import RetryPolicy
from eguma_async.pipeline.retrying import Retrying
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply, text_reply
from tests.support.calls import (
    BOOK,
    BOOKED,
    CATALOGUE,
    KEY,
    PRODUCTS,
    START,
    Gate,
    not_sent,
    scripted,
    turns,
    unknown,
)

REQUEST = HttpRequest(
    method="POST",
    url="https://api.test/v1/a.json",
    query=(("last_name", "canary-name"),),
    headers={"Idempotency-Key": "canary-idem"},
    body=b"canary-body",
    replay=Replay.KEYED,
    credentials=Credentials(query=(("apikey", "canary-secret"),)),
    operation="BookTickets",
    attempt=3,
)
OK = json_reply({})


class TestObserving:
    def observing(self, *steps, observer=None, clock=None):
        clock = clock or FakeClock()
        inner = ScriptedTransport(*steps)
        return Observing(inner, provider="e-guma", observer=observer, clock=clock)

    async def test_an_event_for_each_answer(self):
        clock, events = FakeClock(), []

        def slow(request):
            clock.advance(0.25)
            return HttpResponse(status=503)

        layer = self.observing(slow, observer=events.append, clock=clock)
        response = await layer.send(REQUEST)
        assert response.status == 503
        assert events == [
            AttemptEvent(
                provider="e-guma",
                operation="BookTickets",
                attempt=3,
                replay=Replay.KEYED,
                seconds=0.25,
                status=503,
                error=None,
            )
        ]

    @pytest.mark.parametrize("error", [not_sent(), unknown()], ids=["not sent", "unknown"])
    async def test_an_event_for_each_error(self, error):
        events = []
        layer = self.observing(error, observer=events.append)
        with pytest.raises(type(error)) as caught:
            await layer.send(REQUEST)
        assert caught.value is error
        assert [(e.status, e.error) for e in events] == [(None, type(error).__name__)]

    async def test_an_event_for_a_cancellation(self):
        events, gate = [], Gate()
        layer = Observing(gate, provider="p", observer=events.append, clock=FakeClock())
        task = asyncio.create_task(layer.send(REQUEST))
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [e.error for e in events] == ["CancelledError"]

    async def test_an_observer_that_fails_does_not_harm_the_call(self, caplog):
        def fail(event):
            raise ZeroDivisionError

        caplog.set_level(logging.ERROR, "eguma_async")
        layer = self.observing(OK, unknown(), observer=fail)
        assert (await layer.send(REQUEST)).status == 200
        with pytest.raises(OutcomeUnknownError):
            await layer.send(REQUEST)
        assert [r.getMessage() for r in caplog.records] == [
            "the observer failed; the call goes on"
        ] * 2

    async def test_one_line_at_debug_without_secrets(self, caplog):
        caplog.set_level(logging.DEBUG, "eguma_async")
        clock = FakeClock()

        def slow(request):
            clock.advance(0.25)
            return json_reply({"name": "canary-customer"})

        await self.observing(slow, clock=clock).send(REQUEST)
        assert [r.getMessage() for r in caplog.records] == [
            "e-guma BookTickets attempt 3: 200 in 250.0 ms"
        ]
        assert "canary" not in caplog.text + repr([vars(r) for r in caplog.records])

    async def test_the_whole_way_of_a_call_logs_no_secret(self, caplog):
        caplog.set_level(logging.DEBUG)
        async with scripted(unknown(), HttpResponse(status=500), json_reply({})) as (session, _):
            with pytest.raises(Exception, match="unreadable"):
                await session.send(BOOK, idempotency_key="canary-idem")
        assert len(caplog.records) == 3
        assert KEY not in caplog.text
        assert "canary" not in caplog.text.lower()

    async def test_it_is_silent_when_nobody_listens(self, caplog):
        caplog.set_level(logging.INFO, "eguma_async")
        await self.observing(OK).send(REQUEST)
        assert caplog.records == []


class FakeAuth:
    """Gives out numbered secrets; takes note of refusals."""

    def __init__(self, *, renews: bool) -> None:
        self.renews = renews
        self.given: list[Credentials] = []
        self.refused: list[Credentials] = []

    def ready(self) -> None:
        return None

    async def credentials(self) -> Credentials:
        secret = f"Bearer secret-number-{len(self.refused)}"
        self.given.append(Credentials(headers=(("Authorization", secret),)))
        return self.given[-1]

    async def rejected(self, used: Credentials, /) -> bool:
        self.refused.append(used)
        return self.renews


def authenticating(inner, auth=None):
    return Authenticating(inner, auth=auth or QueryKey("apikey", KEY), base_url="https://api.test")


class TestAuthenticating:
    async def test_requests_to_its_origin_get_credentials(self):
        inner = ScriptedTransport(OK)
        await authenticating(inner).send(REQUEST)
        assert inner.requests[0].credentials.query == (("apikey", KEY),)

    @pytest.mark.parametrize(
        "url",
        [
            "https://api.test.evil.test/v1",
            "https://api.test@evil.test/v1",
            "https://api.test:8443/v1",
            "http://api.test/v1",
            "https://evil.test/https://api.test/",
            "https://api.test",
        ],
    )
    async def test_requests_to_any_other_do_not(self, url):
        inner = ScriptedTransport(OK)
        bare = attrs.evolve(REQUEST, url=url, credentials=Credentials())
        await authenticating(inner).send(bare)
        assert inner.requests == [bare]
        assert inner.requests[0].credentials is bare.credentials

    async def test_a_401_is_tried_once_with_new_credentials(self):
        inner, auth = ScriptedTransport(HttpResponse(status=401), OK), FakeAuth(renews=True)
        response = await authenticating(inner, auth).send(REQUEST)
        assert response.status == 200
        assert [r.credentials.headers[0][1] for r in inner.requests] == [
            "Bearer secret-number-0",
            "Bearer secret-number-1",
        ]
        assert auth.refused == [auth.given[0]]

    async def test_a_second_401_is_the_answer(self):
        inner = ScriptedTransport(HttpResponse(status=401), HttpResponse(status=401))
        response = await authenticating(inner, FakeAuth(renews=True)).send(REQUEST)
        assert response.status == 401
        inner.assert_done()

    async def test_a_401_is_the_answer_if_there_is_nothing_else_to_try(self):
        for auth in (FakeAuth(renews=False), QueryKey("apikey", KEY)):
            inner = ScriptedTransport(HttpResponse(status=401))
            assert (await authenticating(inner, auth).send(REQUEST)).status == 401

    async def test_an_error_that_repeats_the_credentials_is_masked(self):
        inner = ScriptedTransport(text_reply(f"bad key {KEY}", 400))
        assert (await authenticating(inner).send(REQUEST)).body == b"bad key ***"

    async def test_a_second_refusal_is_masked_too(self):
        inner = ScriptedTransport(
            HttpResponse(status=401), text_reply("Bearer secret-number-1 is bad", 403)
        )
        response = await authenticating(inner, FakeAuth(renews=True)).send(REQUEST)
        assert response.body == b"Bearer *** is bad"

    async def test_a_success_is_not_touched(self):
        answer = text_reply(KEY)
        assert await authenticating(ScriptedTransport(answer)).send(REQUEST) == answer

    async def test_without_credentials_nothing_was_sent(self):
        class Broken(FakeAuth):
            async def credentials(self) -> Credentials:
                raise OutcomeUnknownError("the token endpoint fell silent")

        with pytest.raises(NotSentError, match="no credentials: the token endpoint") as caught:
            await authenticating(ScriptedTransport(), Broken(renews=True)).send(REQUEST)
        assert caught.value.__context__ is None

    async def test_cancelled_while_waiting_for_credentials_nothing_was_sent(self):
        class Slow(FakeAuth):
            async def credentials(self) -> Credentials:
                await asyncio.Event().wait()
                raise AssertionError

        task = asyncio.create_task(
            authenticating(ScriptedTransport(), Slow(renews=True)).send(REQUEST)
        )
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert isinstance(caught.value.__cause__, NotSentError)

    async def test_cancelled_while_renewing_after_a_401_nothing_was_processed(self):
        class Slow(FakeAuth):
            async def rejected(self, used: Credentials, /) -> bool:
                await asyncio.Event().wait()
                raise AssertionError

        layer = authenticating(ScriptedTransport(HttpResponse(status=401)), Slow(renews=True))
        task = asyncio.create_task(layer.send(REQUEST))
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert isinstance(caught.value.__cause__, NotSentError)


class TestLimiting:
    async def test_never_more_than_its_number_are_under_way(self):
        gate = Gate()
        layer = Limiting(gate, limits=Limits(concurrency=3))
        tasks = [asyncio.create_task(layer.send(REQUEST)) for _ in range(10)]
        await turns()
        assert gate.under_way == 3
        gate.open.set()
        await asyncio.gather(*tasks)
        assert gate.most == 3
        assert len(gate.requests) == 10

    @pytest.mark.parametrize("broken", [not_sent, unknown, ZeroDivisionError])
    async def test_a_permit_comes_back_after_an_error(self, broken):
        def fail(request):
            raise broken()

        layer = Limiting(ScriptedTransport(fail, fail, OK), limits=Limits(concurrency=1))
        for _ in range(2):
            with pytest.raises(type(broken())):
                await layer.send(REQUEST)
        assert (await layer.send(REQUEST)).status == 200

    async def test_a_permit_comes_back_after_a_cancellation(self):
        gate = Gate()
        layer = Limiting(gate, limits=Limits(concurrency=1))
        tasks = [asyncio.create_task(layer.send(REQUEST)) for _ in range(3)]
        await turns()
        tasks[1].cancel()  # waits for its turn
        tasks[0].cancel()  # is under way
        await turns()
        assert gate.under_way == 1
        gate.open.set()
        assert (await tasks[2]).status == 200
        assert [t.cancelled() for t in tasks] == [True, True, False]

    async def test_no_permit_is_held_between_attempts(self):
        clock = FakeClock(START, auto=False)
        steps = (unknown(), json_reply(CATALOGUE), json_reply(BOOKED))
        async with scripted(*steps, clock=clock, limits=Limits(concurrency=1)) as (session, _):
            booking = asyncio.create_task(session.send(BOOK))
            await clock.until_sleeping()
            assert (await session.send(PRODUCTS)).company_name == "Museum"
            clock.advance(1)
            assert (await booking).booking_id == "b1"


@pytest.mark.parametrize("layer", ["retrying", "observing", "authenticating", "limiting"])
async def test_each_layer_closes_what_is_below(layer):
    gate = Gate()
    made = {
        "retrying": lambda: Retrying(
            gate, policy=RetryPolicy(), verdict=EGUMA.verdict, clock=FakeClock(), random=random
        ),
        "observing": lambda: Observing(gate, provider="p", observer=None, clock=FakeClock()),
        "authenticating": lambda: authenticating(gate),
        "limiting": lambda: Limiting(gate, limits=Limits()),
    }[layer]()
    await made.aclose()
    assert gate.closed == 1
