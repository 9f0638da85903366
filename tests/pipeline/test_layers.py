"""Each layer alone, around a transport that shows what reaches it."""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from functools import partial
from typing import Any

import attrs
import pytest

from eguma_async.core.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from eguma_async.core.hooks import AttemptEvent, AttemptStarted, CallEnded, CallStarted, Observer
from eguma_async.core.messages import Credentials, HttpRequest, HttpResponse, Repeat
from eguma_async.core.permits import Permits
from eguma_async.eguma.session import EGUMA
from eguma_async.pipeline.authenticating import Authenticating
from eguma_async.pipeline.call import Call
from eguma_async.pipeline.fixed import FixedCredentials
from eguma_async.pipeline.limiting import Limiting, Limits
from eguma_async.pipeline.observers import checked_observer
from eguma_async.pipeline.observing import Notifier, Observing
from eguma_async.pipeline.policy import RetryPolicy
from eguma_async.pipeline.retrying import Retrying
from eguma_async.pipeline.runner import Runner
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
    session_on,
    turns,
    unknown,
)

REQUEST = HttpRequest(
    method="POST",
    url="https://api.test/v1/a.json",
    query=(("last_name", "canary-name"),),
    headers={"Idempotency-Key": "canary-idem"},
    body=b"canary-body",
    repeat=Repeat.KEYED,
    credentials=Credentials(query=(("apikey", "canary-secret"),)),
    operation="BookTickets",
    attempt=3,
)
OK = json_reply({})
API_KEY = Credentials(query=(("apikey", KEY),))


def runner(inner, observer=None, *, clock=None, policy=None, renews=False):
    clock = clock or FakeClock()
    loop = Retrying(
        inner,
        policy=policy or RetryPolicy(),
        verdict=EGUMA.verdict,
        clock=clock,
        random=lambda: 0.5,
        renews=renews,
    )
    notifier = Notifier("e-guma", checked_observer(observer), clock)
    return Runner(loop, notifier=notifier, clock=clock)


def limiting(inner, concurrency=100, clock=None):
    return Limiting(inner, permits=Permits(concurrency), clock=clock or FakeClock())


def observing(inner, observer=None, clock=None):
    clock = clock or FakeClock()
    notifier = Notifier("e-guma", checked_observer(observer), clock)
    return Observing(inner, notifier=notifier, clock=clock)


class TestObserving:
    def observing(self, *steps, observer=None, clock=None):
        clock = clock or FakeClock()
        inner = ScriptedTransport(*steps)
        return observing(inner, observer, clock)

    async def test_an_event_for_each_answer(self):
        clock = FakeClock()
        events: list[AttemptEvent] = []

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
                repeat=Repeat.KEYED,
                seconds=0.25,
                status=503,
                error=None,
            )
        ]

    @pytest.mark.parametrize("error", [not_sent(), unknown()], ids=["not sent", "unknown"])
    async def test_an_event_for_each_error(self, error):
        events: list[AttemptEvent] = []
        layer = self.observing(error, observer=events.append)
        with pytest.raises(type(error)) as caught:
            await layer.send(REQUEST)
        assert caught.value is error
        assert [(e.status, e.error) for e in events] == [(None, type(error).__name__)]

    async def test_an_event_for_a_cancellation(self):
        events: list[AttemptEvent] = []
        gate = Gate()
        layer = observing(gate, events.append)
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

    async def test_an_error_of_any_kind_ends_what_a_start_began(self):
        seen = Recorder()
        fails: Any = ZeroDivisionError("x").with_traceback
        layer = observing(ScriptedTransport(fails), seen)
        with pytest.raises(TypeError):
            await layer.send(REQUEST)
        assert [type(event).__name__ for event, _ in seen.events] == [
            "AttemptStarted",
            "AttemptEvent",
        ]
        assert seen.events[-1][0].error == "TypeError"

    async def test_it_is_silent_when_nobody_listens(self, caplog):
        caplog.set_level(logging.INFO, "eguma_async")
        await self.observing(OK).send(REQUEST)
        assert caplog.records == []


class Recorder(Observer):
    """Keeps every event, with what its start returned."""

    def __init__(self):
        self.events = []

    def call_started(self, call, /):
        self.events.append((call, None))
        return "a call"

    def call_ended(self, call, started, /):
        self.events.append((call, started))

    def attempt_started(self, attempt, /):
        self.events.append((attempt, None))
        return f"attempt {attempt.attempt}"

    def attempt_ended(self, attempt, started, /):
        self.events.append((attempt, started))


class TestObserver:
    async def test_it_sees_the_call_and_each_request_of_it(self):
        seen, clock = Recorder(), FakeClock(START)

        def slow(request):
            clock.advance(0.25)
            return json_reply(BOOKED)

        async with scripted(unknown(), slow, observer=seen, clock=clock) as (session, _):
            await session.send(BOOK)
        common: dict[str, Any] = {
            "provider": "e-guma",
            "operation": "BookTickets",
            "repeat": Repeat.KEYED,
        }
        request: dict[str, Any] = {
            "method": "POST",
            "url": "https://api.e-guma.test/v1/ticketing/booking.json",
            "template": "/v1/ticketing/booking.json",
        }
        first: dict[str, Any] = {"seconds": 0.0, "status": None, "error": "OutcomeUnknownError"}
        second: dict[str, Any] = {"seconds": 0.25, "status": 200, "error": None}
        whole: dict[str, Any] = {"attempts": 2, "seconds": 0.3, "status": 200, "error": None}
        assert seen.events == [
            (CallStarted(**common), None),
            (AttemptStarted(**common, **request, attempt=1), None),
            (AttemptEvent(**common, **first, attempt=1), "attempt 1"),
            (AttemptStarted(**common, **request, attempt=2), None),
            (AttemptEvent(**common, **second, attempt=2), "attempt 2"),
            (CallEnded(**common, **whole, outcome_unknown=False), "a call"),
        ]

    async def test_it_sees_how_a_call_failed(self):
        for step, error, status, in_doubt in (
            (unknown(), "OutcomeUnknownError", None, True),
            (HttpResponse(status=502), "ServerError", 502, True),
            (HttpResponse(status=404), "NotFoundError", 404, False),
            (json_reply({}), "DecodingError", 200, True),
            (ZeroDivisionError(), "ZeroDivisionError", None, True),
        ):
            seen = Recorder()

            def give(request, step=step):
                if isinstance(step, ZeroDivisionError):
                    raise step
                return step

            script = step if isinstance(step, OutcomeUnknownError) else give
            options = {"observer": seen, "retry": RetryPolicy(attempts=1)}
            async with scripted(script, **options) as (session, _):
                with pytest.raises(Exception) as caught:
                    await session.send(BOOK)
            ended, _ = seen.events[-1]
            assert type(caught.value).__name__ == ended.error == error
            assert (ended.status, ended.outcome_unknown) == (status, in_doubt)

    async def test_it_sees_a_cancelled_call(self):
        seen, gate = Recorder(), Gate()
        async with session_on(gate, observer=seen) as session:
            task = asyncio.create_task(session.send(BOOK))
            await turns()
            task.cancel()
            await asyncio.wait({task})
        ended, started = seen.events[-1]
        assert (ended.error, ended.outcome_unknown, started) == ("CancelledError", True, "a call")

    async def test_it_sees_the_two_requests_around_new_credentials(self):
        seen, auth = Recorder(), FakeAuth(renews=True)
        inner = ScriptedTransport(HttpResponse(status=401), OK)
        layer = runner(
            Authenticating(observing(inner, seen), auth=auth, base_url="https://api.test"),
            renews=True,
        )
        await layer.send(REQUEST.but(attempt=1))
        ended = [event for event, _ in seen.events if isinstance(event, AttemptEvent)]
        assert [(e.attempt, e.status) for e in ended] == [(1, 401), (2, 200)]

    async def test_what_it_sets_in_the_context_is_seen_by_what_runs_until_the_end(self):
        current = ContextVar("current", default=None)

        class Tracer(Observer):
            def call_started(self, call, /):
                return current.set(call.operation)

            def call_ended(self, call, started, /):
                current.reset(started)

        def look(request):
            seen.append(current.get())
            return json_reply(CATALOGUE)

        seen: list[str | None] = []
        async with scripted(look, observer=Tracer()) as (session, _):
            await session.send(PRODUCTS)
            assert current.get() is None
        assert seen == ["ListProducts"]

    async def test_one_that_does_nothing_changes_nothing(self):
        async with scripted(json_reply(CATALOGUE), observer=Observer()) as (session, _):
            assert (await session.send(PRODUCTS)).company_name == "Museum"

    async def test_whatever_fails_in_it_does_not_harm_the_call(self, caplog):
        class Broken(Observer):
            def _fail(self, *_):
                raise ZeroDivisionError

            call_started = call_ended = attempt_started = attempt_ended = _fail

        async with scripted(json_reply(CATALOGUE), observer=Broken()) as (session, _):
            assert (await session.send(PRODUCTS)).company_name == "Museum"
        assert len(caplog.records) == 4

    @pytest.mark.parametrize("kind", ["function", "partial", "object", "method"])
    def test_one_that_would_have_to_be_awaited_is_refused(self, kind):
        async def function(event):
            raise AssertionError

        class Callable:
            async def __call__(self, event):
                raise AssertionError

        class Late(Observer):
            async def call_ended(self, call, started, /):  # type: ignore[override]  # awaited
                raise AssertionError

        given: Any = {
            "function": function,
            "partial": partial(function),
            "object": Callable(),
            "method": Late(),
        }[kind]
        with pytest.raises(ConfigurationError, match="plain functions: nobody awaits it"):
            checked_observer(given)

    @pytest.mark.parametrize("given", [5, "log", Observer, object()])
    def test_what_is_no_observer_is_refused(self, given):
        with pytest.raises(ConfigurationError, match="must be an Observer, or a function"):
            checked_observer(given)

    async def test_a_coroutine_it_gives_all_the_same_is_told_of(self, caplog):
        async def late(event):
            raise AssertionError

        layer = observing(ScriptedTransport(OK), lambda event: late(event))  # noqa: PLW0108
        assert (await layer.send(REQUEST)).status == 200
        assert [r.getMessage() for r in caplog.records] == [
            "the observer gave a coroutine, which nobody awaits; the call goes on"
        ]


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

    def rejected(self, used: Credentials, /) -> None:
        self.refused.append(used)

    async def aclose(self) -> None:
        pass


def authenticating(inner, auth=None):
    return Authenticating(
        inner, auth=auth or FixedCredentials(API_KEY), base_url="https://api.test"
    )


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

    async def test_a_401_is_told_to_who_knows_the_secrets(self):
        inner, auth = ScriptedTransport(HttpResponse(status=401)), FakeAuth(renews=True)
        assert (await authenticating(inner, auth).send(REQUEST)).status == 401
        assert auth.refused == auth.given

    async def test_an_error_that_repeats_the_credentials_is_masked(self):
        inner = ScriptedTransport(text_reply(f"bad key {KEY}", 400))
        assert (await authenticating(inner).send(REQUEST)).body == b"bad key ***"

    async def test_a_header_that_repeats_the_credentials_is_masked(self):
        answer = HttpResponse(status=302, headers={"location": f"/login?apikey={KEY}", "a": "b"})
        response = await authenticating(ScriptedTransport(answer)).send(REQUEST)
        assert response.headers == {"location": "/login?apikey=***", "a": "b"}

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


def repeating(inner, auth, clock=None, **policy):
    return runner(
        authenticating(inner, auth), clock=clock, renews=auth.renews, policy=RetryPolicy(**policy)
    )


class TestNewCredentials:
    @pytest.mark.parametrize("policy", [{}, {"attempts": 1}, {"budget": 0}])
    async def test_a_401_is_tried_once_with_new_ones_whatever_the_policy(self, policy):
        inner, auth = ScriptedTransport(HttpResponse(status=401), OK), FakeAuth(renews=True)
        call: Call[Any] = Call("BookTickets", Repeat.ONCE, began=0.0)
        clock = FakeClock()
        await repeating(inner, auth, clock, **policy).run(call, REQUEST)
        assert call.response is not None
        assert call.response.status == 200
        assert [r.credentials.headers[0][1] for r in inner.requests] == [
            "Bearer secret-number-0",
            "Bearer secret-number-1",
        ]
        assert auth.refused == [auth.given[0]]
        assert (call.attempts, [r.attempt for r in inner.requests]) == (2, [3, 2])
        assert clock.sleeps == [0.0]

    async def test_a_second_401_is_the_answer_and_masked(self):
        refusals = HttpResponse(status=401), text_reply("Bearer secret-number-1 is bad", 401)
        inner = ScriptedTransport(*refusals)
        response = await repeating(inner, FakeAuth(renews=True)).send(REQUEST)
        assert (response.status, response.body) == (401, b"Bearer *** is bad")
        inner.assert_done()

    async def test_a_401_is_the_answer_if_there_are_no_others(self):
        for auth in (FakeAuth(renews=False), FixedCredentials(API_KEY)):
            inner = ScriptedTransport(HttpResponse(status=401))
            assert (await repeating(inner, auth).send(REQUEST)).status == 401

    async def test_none_are_tried_after_the_deadline(self):
        clock = FakeClock()

        def slow(request):
            clock.advance(61)
            return HttpResponse(status=401)

        layer = repeating(ScriptedTransport(slow), FakeAuth(renews=True), clock)
        assert (await layer.send(REQUEST)).status == 401

    async def test_cancelled_while_fetching_them_nothing_was_processed(self):
        class Slow(FakeAuth):
            async def credentials(self) -> Credentials:
                if self.refused:
                    await asyncio.Event().wait()
                return await super().credentials()

        layer = repeating(ScriptedTransport(HttpResponse(status=401)), Slow(renews=True))
        task = asyncio.create_task(layer.send(REQUEST))
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert isinstance(caught.value.__cause__, NotSentError)


class TestLimiting:
    async def test_never_more_than_its_number_are_under_way(self):
        gate = Gate()
        layer = limiting(gate, 3)
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

        layer = limiting(ScriptedTransport(fail, fail, OK), 1)
        for _ in range(2):
            with pytest.raises(type(broken())):
                await layer.send(REQUEST)
        assert (await layer.send(REQUEST)).status == 200

    async def test_a_permit_comes_back_after_a_cancellation(self):
        gate = Gate()
        layer = limiting(gate, 1)
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


@pytest.mark.parametrize("layer", ["runner", "observing", "authenticating", "limiting"])
async def test_each_layer_closes_what_is_below(layer):
    gate = Gate()
    made = {
        "runner": lambda: runner(gate),
        "observing": lambda: observing(gate),
        "authenticating": lambda: authenticating(gate),
        "limiting": lambda: limiting(gate),
    }[layer]()
    await made.aclose()
    assert gate.closed == 1
