"""What a call does with its answers: repeats, settles, raises. Every request is looked at."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eguma_async.core.errors import (
    AuthenticationError,
    ConflictError,
    DecodingError,
    EgumaError,
    IdempotencyMismatchError,
    InvalidRequestError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    ServerError,
    SessionStateError,
    StatusError,
    TransportError,
)
from eguma_async.core.hooks import AttemptEvent
from eguma_async.core.messages import HttpResponse, Repeat
from eguma_async.eguma.ticketing.tickets import CheckInTicket
from eguma_async.pipeline.policy import RetryPolicy
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply, text_reply
from eguma_async.transports.memory import MemoryTransport
from tests.support.calls import (
    BOOK,
    BOOKED,
    CANCEL,
    CANCELLED,
    CATALOGUE,
    EMPTY_LIST,
    HELD,
    IN_PROGRESS,
    KEY,
    ORDERS,
    PRODUCTS,
    RELEASE,
    RELEASED,
    RESERVE,
    START,
    not_sent,
    order,
    refusal,
    scripted,
    session_on,
    slots_of,
    turns,
    unknown,
)

MALFORMED = HttpResponse(status=200, body=b'{"booking_id":"b1"')
UNUSABLE = json_reply({"booking_id": "b1"})
SERVER_ERROR = HttpResponse(status=500)
PROXY_503 = text_reply("<h1>Unavailable</h1>", 503, content_type="text/html")
OWN_503 = refusal(503, "maintenance")
SOLD_OUT = refusal(400, "validation_error")
REPLAYED_REFUSAL = attrs.evolve(SOLD_OUT, headers={"Idempotency-Replayed": "true"})
LOST = pytest.mark.parametrize(
    "lost",
    [
        unknown,
        lambda: SERVER_ERROR,
        lambda: PROXY_503,
        lambda: HttpResponse(status=502),
        lambda: HttpResponse(status=504),
        lambda: HttpResponse(status=408),
        lambda: MALFORMED,
    ],
    ids=["reset", "500", "proxy 503", "502", "504", "408", "cut body"],
)
OPEN_TO_RETRY = [unknown, lambda: SERVER_ERROR, lambda: PROXY_503]


async def failure(session, operation, **details) -> EgumaError:
    with pytest.raises(EgumaError) as caught:
        await session.send(operation, **details)
    return caught.value


async def error_or_none(session, operation) -> EgumaError | None:
    try:
        await session.send(operation)
    except EgumaError as error:
        return error
    return None


def sent(transport: ScriptedTransport) -> list[str]:
    return [request.operation for request in transport.requests]


class TestKeys:
    async def test_every_attempt_of_a_booking_has_the_same_key_and_the_same_bytes(self):
        steps = (unknown(), not_sent(), SERVER_ERROR, refusal(429, None), json_reply(BOOKED))
        async with scripted(*steps) as (session, transport):
            booking = await session.send(BOOK, idempotency_key="key-1")
        assert {r.headers["Idempotency-Key"] for r in transport.requests} == {"key-1"}
        assert len({r.body for r in transport.requests}) == 1
        assert [r.attempt for r in transport.requests] == [1, 2, 3, 4, 5]
        assert booking.idempotency_key == "key-1"

    async def test_a_key_is_made_for_each_call(self):
        async with scripted(json_reply(BOOKED), json_reply(BOOKED)) as (session, transport):
            await session.send(BOOK)
            await session.send(BOOK)
        first, second = (r.headers["Idempotency-Key"] for r in transport.requests)
        assert first != second
        assert len(first) == len(second) == 36

    async def test_no_other_operation_carries_a_key(self):
        answers = (
            json_reply(CATALOGUE),
            json_reply(HELD),
            json_reply(RELEASED),
            json_reply(CANCELLED),
            json_reply([]),
        )
        async with scripted(*answers) as (session, transport):
            for operation in (PRODUCTS, RESERVE, RELEASE, CANCEL, ORDERS):
                await session.send(operation)
        for request in transport.requests:
            assert not [name for name in request.headers if "idempotency" in name.lower()]

    async def test_the_api_key_is_nowhere_but_in_the_credentials(self):
        async with scripted(json_reply(BOOKED)) as (session, transport):
            await session.send(BOOK)
        (request,) = transport.requests
        assert request.credentials.query == (("apikey", KEY),)
        assert KEY not in repr(request) + request.url + repr(request.query) + repr(request.headers)
        assert KEY.encode() not in request.body


class TestReads:
    @LOST
    async def test_a_read_is_repeated(self, lost):
        async with scripted(lost(), json_reply(CATALOGUE)) as (session, _):
            call = await session._run(PRODUCTS)
        assert call.value.company_name == "Museum"
        assert call.attempts == 2

    @pytest.mark.parametrize(
        "steps",
        [(), (not_sent(),), (refusal(429, None),), (unknown(),), (SERVER_ERROR, not_sent())],
    )
    async def test_what_became_of_a_read_is_never_in_doubt(self, steps):
        async with scripted(*steps, json_reply(CATALOGUE)) as (session, _):
            call = await session._run(PRODUCTS)
        assert (call.in_doubt, call.was_in_doubt) == (False, False)

    @pytest.mark.parametrize(
        ("steps", "in_doubt"),
        [
            ((), False),
            ((not_sent(),), False),
            ((refusal(429, None),), False),
            ((unknown(),), True),
            ((SERVER_ERROR, not_sent()), True),
            ((MALFORMED,), True),
        ],
    )
    async def test_a_write_is_in_doubt_once_an_attempt_may_have_arrived(self, steps, in_doubt):
        async with scripted(*steps, json_reply(BOOKED)) as (session, _):
            assert (await session._run(BOOK)).in_doubt is in_doubt

    async def test_a_lost_answer_to_a_read_is_no_unknown_outcome(self):
        async with scripted(*[unknown()] * 5) as (session, _):
            error = await failure(session, PRODUCTS)
        assert type(error) is TransportError
        assert (error.operation, error.attempts) == ("ListProducts", 5)
        assert str(error) == "ListProducts: the connection broke"
        assert not error.outcome_unknown

    async def test_an_answer_at_once_took_one_attempt(self):
        async with scripted(json_reply(CATALOGUE)) as (session, _):
            call = await session._run(PRODUCTS)
        assert call.attempts == 1

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 422, 301, 302, 307])
    async def test_a_definite_answer_is_not_repeated(self, status):
        answer = HttpResponse(status=status, headers={"location": "https://elsewhere.test/"})
        async with scripted(answer) as (session, _):
            error = await failure(session, PRODUCTS)
        assert isinstance(error, StatusError)
        assert error.status == status
        assert error.attempts == 1
        assert error.operation == "ListProducts"
        assert not error.outcome_unknown

    async def test_attempts_end(self):
        async with scripted(*[HttpResponse(status=502)] * 5) as (session, _):
            error = await failure(session, PRODUCTS)
        assert isinstance(error, ServerError)
        assert error.attempts == 5
        assert not error.outcome_unknown

    async def test_the_last_transport_error_is_raised_with_its_call(self):
        async with scripted(*[not_sent() for _ in range(5)]) as (session, _):
            error = await failure(session, PRODUCTS)
        assert type(error) is NotSentError
        assert (error.operation, error.attempts) == ("ListProducts", 5)

    async def test_an_answer_that_lacks_a_field_is_not_asked_for_again(self):
        async with scripted(json_reply({"company_name": "M"})) as (session, _):
            error = await failure(session, PRODUCTS)
        assert isinstance(error, DecodingError)
        assert error.problems == ("required field missing @ $.products",)
        assert (error.operation, error.attempts) == ("ListProducts", 1)
        assert not error.outcome_unknown

    async def test_an_answer_that_is_no_json_is_asked_for_once_more_and_no_more(self):
        async with scripted(MALFORMED, MALFORMED) as (session, _):
            error = await failure(session, PRODUCTS)
        assert isinstance(error, DecodingError)
        assert error.malformed
        assert error.attempts == 2

    async def test_a_page_of_a_captive_portal_is_no_answer(self):
        portal = text_reply("<html>Sign in</html>", content_type="text/html")
        async with scripted(portal, portal) as (session, _):
            error = await failure(session, PRODUCTS)
        assert isinstance(error, DecodingError)
        assert error.malformed

    async def test_the_content_type_of_a_readable_answer_does_not_matter(self):
        answer = attrs.evolve(json_reply(CATALOGUE), headers={"content-type": "text/plain"})
        async with scripted(answer) as (session, _):
            assert (await session.send(PRODUCTS)).company_name == "Museum"

    async def test_retries_switched_off_are_off_for_everything(self):
        for step in (unknown(), SERVER_ERROR, refusal(429, None), not_sent(), MALFORMED):
            async with scripted(step, retry=RetryPolicy(attempts=1)) as (session, _):
                assert (await failure(session, PRODUCTS)).attempts == 1


class TestUnreadableSuccess:
    """One that is no JSON at all is judged by the loop, as any other attempt."""

    def slow(self, clock, answer):
        def give(request):
            clock.advance(20)
            return answer

        return give

    async def test_it_spends_the_budget(self):
        async with scripted(MALFORMED, retry=RetryPolicy(budget=0)) as (session, _):
            assert (await failure(session, PRODUCTS)).attempts == 1

    async def test_no_attempt_starts_after_the_deadline(self):
        clock = FakeClock(START)
        step, retry = self.slow(clock, MALFORMED), RetryPolicy(deadline=10)
        async with scripted(step, clock=clock, retry=retry) as (session, _):
            error = await failure(session, PRODUCTS)
        assert (type(error), error.attempts) == (DecodingError, 1)

    async def test_what_comes_after_it_goes_on_within_the_same_deadline(self):
        clock = FakeClock(START)
        steps = [self.slow(clock, answer) for answer in (MALFORMED, SERVER_ERROR)]
        retry = RetryPolicy(deadline=30, attempts=10, budget=1.0)
        async with scripted(*steps, clock=clock, retry=retry) as (session, _):
            error = await failure(session, PRODUCTS)
        assert (type(error), error.attempts) == (ServerError, 2)
        assert clock.sleeps == [0.05]

    async def test_there_is_a_pause_before_the_second_look(self):
        clock = FakeClock(START)
        async with scripted(MALFORMED, json_reply(CATALOGUE), clock=clock) as (session, _):
            await session.send(PRODUCTS)
        assert clock.sleeps == [0.05]


class TestRateLimit:
    """A server that says when to come back makes calls slower, and fails none of them."""

    async def test_a_refusal_spends_no_budget(self):
        busy = [refusal(429, "busy", retry_after="1") for _ in range(30)]
        async with scripted(*busy, json_reply(CATALOGUE), retry=RetryPolicy()) as (session, _):
            assert (await session._run(PRODUCTS)).attempts == 31

    async def test_one_that_does_not_say_when_is_an_attempt_like_any_other(self):
        async with scripted(*[refusal(429, None)] * 5, retry=RetryPolicy()) as (session, _):
            assert (await failure(session, PRODUCTS)).attempts == 5

    async def test_a_wait_too_short_to_slow_anybody_down_is_no_reason_to_go_on(self):
        busy = [refusal(429, "busy", retry_after="0.001")] * 5
        async with scripted(*busy, retry=RetryPolicy()) as (session, transport):
            assert (await failure(session, PRODUCTS)).attempts == 5
        transport.assert_done()

    async def test_a_shorter_wait_does_not_end_a_longer_one(self):
        clock, waits = FakeClock(START, auto=False), ["20", "2"]

        async def busy_at_first(request):
            await turns(5)  # until both are under way
            wait = waits.pop(0) if waits else None
            return refusal(429, "busy", retry_after=wait) if wait else json_reply(CATALOGUE)

        async with session_on(MemoryTransport(busy_at_first), clock=clock) as session:
            both = [asyncio.create_task(session.send(PRODUCTS)) for _ in range(2)]
            await clock.until_sleeping(2)
            third = asyncio.create_task(session.send(PRODUCTS))
            await clock.until_sleeping(3)
            assert clock.sleeps == pytest.approx([20.5, 2.1, 20.5])
            clock.advance(2.5)
            await turns()
            assert not any(task.done() for task in (*both, third))
            clock.advance(18.5)
            await asyncio.gather(*both, third)

    async def test_a_wait_longer_than_is_obeyed_holds_no_other_read_back(self):
        clock = FakeClock(START)
        steps = refusal(429, "busy", retry_after="30"), json_reply(CATALOGUE)
        retry = RetryPolicy(max_retry_after=10)
        async with scripted(*steps, clock=clock, retry=retry) as (session, _):
            error = await failure(session, PRODUCTS)
            assert isinstance(error, StatusError)
            assert error.retry_after == 30
            await session.send(PRODUCTS)
        assert clock.sleeps == []

    async def test_what_fails_on_this_side_earns_no_retries(self):
        # A budget that local failures fill would be there for a storm.
        def closed(request):
            raise SessionStateError("closed")

        retry = RetryPolicy(budget=0.1, attempts=3)
        steps = [*[unknown() for _ in range(15)], *[closed] * 100, unknown()]
        async with scripted(*steps, retry=retry) as (session, _):
            for _ in range(5):
                await failure(session, PRODUCTS)  # five times two retries: none is left
            for _ in range(100):
                await failure(session, PRODUCTS)
            assert (await failure(session, PRODUCTS)).attempts == 1

    async def test_the_deadline_ends_the_waiting(self):
        clock = FakeClock(START)
        transport = ScriptedTransport(*[refusal(429, "busy", retry_after="7")] * 50)
        async with session_on(transport, clock=clock, retry=RetryPolicy()) as session:
            error = await failure(session, PRODUCTS)
        assert isinstance(error, RateLimitedError)
        assert error.attempts == 9
        assert clock.monotonic() <= 60

    async def test_reads_wait_together_and_a_booking_does_not_wait_for_them(self):
        clock = FakeClock(START, auto=False)
        steps = (
            refusal(429, "busy", retry_after="7"),
            json_reply(BOOKED),
            json_reply(CATALOGUE),
            json_reply(CATALOGUE),
        )
        async with scripted(*steps, clock=clock) as (session, transport):
            first = asyncio.create_task(session.send(PRODUCTS))
            await clock.until_sleeping()
            second = asyncio.create_task(session.send(PRODUCTS))
            await clock.until_sleeping(2)
            await session.send(BOOK)
            assert [r.operation for r in transport.requests] == ["ListProducts", "BookTickets"]
            clock.advance(7)
            await turns()
            assert not first.done()
            assert not second.done()
            clock.advance(1)
            assert (await second).company_name == "Museum"
            assert (await first).company_name == "Museum"
        assert clock.sleeps == pytest.approx([7.35, 7.35])

    async def test_a_wait_beyond_the_deadline_holds_nobody_back(self):
        clock = FakeClock(START)
        steps = refusal(429, "busy", retry_after="50"), refusal(429, "busy", retry_after="61")
        retry = RetryPolicy(attempts=1, deadline=20)
        async with scripted(*steps, clock=clock, retry=retry) as (session, _):
            for _ in steps:
                await failure(session, PRODUCTS)
        assert clock.sleeps == []

    async def test_two_hundred_reads_against_twenty_a_second_all_arrive(self):
        clock, sent = FakeClock(START, auto=False), []

        def limited(request):
            sent.append(clock.monotonic())
            if sum(moment > clock.monotonic() - 1 for moment in sent) > 20:
                return refusal(429, "busy", retry_after="1")
            return json_reply(EMPTY_LIST)

        transport = MemoryTransport(as_handler(limited))
        async with session_on(transport, clock=clock, retry=RetryPolicy()) as session:
            operations = [slots_of(f"p{n}") for n in range(200)]
            outcomes = asyncio.create_task(collect(session.fan_out(operations)))
            for _ in range(200):
                await turns(60)
                if outcomes.done():
                    break
                clock.advance(0.1)
            assert [outcome.ok for outcome in await outcomes] == [True] * 200
        assert clock.monotonic() < 20


def as_handler(function):
    async def handler(request):
        return function(request)

    return handler


async def collect(outcomes):
    return [outcome async for outcome in outcomes]


class TestPauses:
    async def test_they_follow_the_policy(self):
        clock = FakeClock(START)
        steps = (unknown(), SERVER_ERROR, refusal(429, None), json_reply(CATALOGUE))
        async with scripted(*steps, clock=clock) as (session, _):
            await session.send(PRODUCTS)
        assert clock.sleeps == pytest.approx([0.05, 0.1, 2.0])

    @pytest.mark.parametrize("status", [429, 503])
    async def test_the_servers_wish_is_obeyed(self, status):
        clock = FakeClock(START)
        busy = refusal(status, "busy", retry_after="7")
        async with scripted(busy, json_reply(CATALOGUE), clock=clock) as (session, _):
            await session.send(PRODUCTS)
        assert clock.sleeps == pytest.approx([7.35])

    async def test_a_wish_too_long_ends_the_call_and_stands_on_the_error(self):
        async with scripted(refusal(429, "busy", retry_after="61")) as (session, _):
            error = await failure(session, PRODUCTS)
        assert isinstance(error, RateLimitedError)
        assert error.retry_after == 61.0

    async def test_the_deadline_ends_the_call(self):
        steps = [refusal(429, "busy", retry_after="25") for _ in range(3)]
        clock = FakeClock(START)
        async with scripted(*steps, clock=clock) as (session, _):
            error = await failure(session, PRODUCTS)
        assert error.attempts == 3
        assert clock.monotonic() <= 60

    async def test_a_server_that_says_at_once_is_not_hammered(self):
        clock = FakeClock(START)
        again = attrs.evolve(IN_PROGRESS, headers={"retry-after": "0"})
        transport = ScriptedTransport(*[again] * 50)
        async with session_on(transport, clock=clock) as session:
            await failure(session, BOOK)
        assert len(transport.requests) == 8
        assert clock.sleeps == [1, 2, 4, 8, 15, 15, 15]


class TestInProgress:
    async def test_it_is_asked_for_with_the_same_key_until_it_is_done(self):
        clock = FakeClock(START)
        steps = (IN_PROGRESS, IN_PROGRESS, IN_PROGRESS, json_reply(BOOKED))
        async with scripted(*steps, clock=clock) as (session, transport):
            booking = await session.send(BOOK, idempotency_key="key-1")
        assert booking.booking_id == "b1"
        assert clock.sleeps == [1.0, 2.0, 4.0]
        assert {r.headers["Idempotency-Key"] for r in transport.requests} == {"key-1"}
        assert len({r.body for r in transport.requests}) == 1

    async def test_at_the_deadline_the_outcome_is_unknown(self):
        async with scripted(*[IN_PROGRESS] * 8) as (session, _):
            error = await failure(session, BOOK, idempotency_key="key-1")
        assert isinstance(error, OutcomeUnknownError)
        assert isinstance(error.refusal, ConflictError)
        assert not isinstance(error.refusal, IdempotencyMismatchError)
        assert (error.operation, error.idempotency_key) == ("BookTickets", "key-1")
        assert error.attempts == 8

    async def test_without_time_to_ask_again_the_outcome_is_unknown_at_once(self):
        async with scripted(IN_PROGRESS, retry=RetryPolicy(deadline=0.5)) as (session, _):
            error = await failure(session, BOOK)
        assert type(error) is OutcomeUnknownError
        assert error.attempts == 1

    async def test_a_refusal_after_it_proves_nothing(self):
        async with scripted(IN_PROGRESS, SOLD_OUT) as (session, _):
            error = await failure(session, BOOK)
        assert isinstance(error, OutcomeUnknownError)

    async def test_a_mismatch_is_never_repeated(self):
        async with scripted(refusal(409, "idempotency_key_reused")) as (session, _):
            error = await failure(session, BOOK, idempotency_key="key-1")
        assert isinstance(error, IdempotencyMismatchError)
        assert error.idempotency_key == "key-1"
        assert not error.outcome_unknown

    async def test_polls_do_not_refill_the_budget(self):
        transport = ScriptedTransport(
            *[SERVER_ERROR] * 11,  # ten retries spend the budget
            *[IN_PROGRESS] * 4,
            json_reply(BOOKED),
            SERVER_ERROR,
        )
        retry = RetryPolicy(attempts=11, deadline=600)
        async with session_on(transport, retry=retry) as session:
            await failure(session, BOOK)
            await session.send(BOOK)
            assert (await failure(session, BOOK)).attempts == 1
        transport.assert_done()


class TestBookings:
    @LOST
    async def test_a_booking_is_repeated_and_succeeds(self, lost):
        async with scripted(lost(), json_reply(BOOKED)) as (session, _):
            assert (await session.send(BOOK)).booking_id == "b1"

    @LOST
    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (SOLD_OUT, InvalidRequestError),
            (refusal(404, "not_found"), NotFoundError),
            (refusal(401, "unauthorized"), AuthenticationError),
            (refusal(409, "idempotency_key_reused"), IdempotencyMismatchError),
            (HttpResponse(status=302), StatusError),
        ],
        ids=["400", "404", "401", "mismatch", "302"],
    )
    async def test_a_refusal_does_not_overrule_an_unknown_attempt(self, lost, answer, kind):
        async with scripted(lost(), answer) as (session, _):
            error = await failure(session, BOOK, idempotency_key="key-1")
        assert type(error) is OutcomeUnknownError
        assert type(error.refusal) is kind
        assert (error.operation, error.idempotency_key) == ("BookTickets", "key-1")
        assert error.attempts == 2
        assert error.refusal is not None
        assert error.refusal.attempts == 2

    async def test_a_replayed_refusal_is_the_truth(self):
        async with scripted(unknown(), REPLAYED_REFUSAL) as (session, _):
            error = await failure(session, BOOK)
        assert type(error) is InvalidRequestError
        assert not error.outcome_unknown

    async def test_a_refusal_at_once_is_the_truth(self):
        for first in ((), (not_sent(),), (refusal(429, None),), (OWN_503,)):
            async with scripted(*first, SOLD_OUT) as (session, _):
                error = await failure(session, BOOK)
            assert type(error) is InvalidRequestError
            assert not error.outcome_unknown

    @LOST
    async def test_not_sent_does_not_overrule_an_unknown_attempt(self, lost):
        steps = [lost(), *[not_sent() for _ in range(4)]]
        async with scripted(*steps) as (session, _):
            error = await failure(session, BOOK, idempotency_key="key-1")
        assert type(error) is OutcomeUnknownError
        assert (error.operation, error.idempotency_key) == ("BookTickets", "key-1")
        assert error.attempts == 5

    @pytest.mark.parametrize("lost", OPEN_TO_RETRY)
    async def test_an_error_before_the_wire_does_not_overrule_an_unknown_attempt(self, lost):
        async with scripted(lost(), SessionStateError("closed")) as (session, _):
            error = await failure(session, BOOK, idempotency_key="key-1")
        assert type(error) is OutcomeUnknownError
        assert error.idempotency_key == "key-1"
        assert error.attempts == 2

    async def test_an_error_before_the_wire_is_itself_if_nothing_went_out(self):
        async with scripted(SessionStateError("closed")) as (session, _):
            error = await failure(session, BOOK)
        assert type(error) is SessionStateError

    async def test_not_sent_at_all_is_not_sent(self):
        async with scripted(*[not_sent() for _ in range(5)]) as (session, _):
            error = await failure(session, BOOK)
        assert type(error) is NotSentError
        assert not error.outcome_unknown

    @pytest.mark.parametrize("last", [SERVER_ERROR, PROXY_503])
    async def test_a_server_error_to_the_end_has_an_unknown_outcome(self, last):
        async with scripted(*[last] * 5) as (session, _):
            error = await failure(session, BOOK, idempotency_key="key-1")
        assert type(error) is ServerError
        assert error.outcome_unknown
        assert error.idempotency_key == "key-1"

    @pytest.mark.parametrize("last", [refusal(429, None), OWN_503], ids=["429", "503"])
    async def test_refused_for_load_to_the_end_was_not_processed(self, last):
        async with scripted(*[last] * 5) as (session, _):
            error = await failure(session, BOOK)
        assert isinstance(error, StatusError)
        assert not error.outcome_unknown

    async def test_refused_for_load_after_an_unknown_attempt_is_unknown(self):
        async with scripted(unknown(), *[refusal(429, None)] * 4) as (session, _):
            error = await failure(session, BOOK)
        assert type(error) is OutcomeUnknownError
        assert type(error.refusal) is RateLimitedError

    async def test_an_unreadable_success_has_an_unknown_outcome(self):
        for steps in ((UNUSABLE,), (MALFORMED, MALFORMED), (MALFORMED, UNUSABLE)):
            async with scripted(*steps) as (session, transport):
                error = await failure(session, BOOK, idempotency_key="key-1")
            assert type(error) is DecodingError
            assert error.outcome_unknown
            assert error.idempotency_key == "key-1"
            assert error.attempts == len(steps)
            assert len({(r.body, r.headers["Idempotency-Key"]) for r in transport.requests}) == 1

    async def test_the_attempts_go_on_counting_after_an_unreadable_success(self):
        events: list[AttemptEvent] = []
        steps = (not_sent(), MALFORMED, unknown(), json_reply(BOOKED))
        async with scripted(*steps, observer=events.append) as (session, transport):
            call = await session._run(BOOK)
        assert call.attempts == 4
        assert [event.attempt for event in events] == [1, 2, 3, 4]

    async def test_an_unreadable_success_is_an_attempt_of_the_policy(self):
        retry = RetryPolicy(attempts=3, budget=1.0)
        async with scripted(MALFORMED, unknown(), unknown(), retry=retry) as (session, _):
            assert (await failure(session, BOOK)).attempts == 3

    async def test_the_replay_marker_is_told(self):
        marked = json_reply(BOOKED, headers={"X-Idempotent-Replay": "true"})
        async with scripted(marked, json_reply(BOOKED)) as (session, _):
            assert (await session.send(BOOK)).replayed
            assert not (await session.send(BOOK)).replayed


class TestReservations:
    @LOST
    async def test_it_is_never_repeated_once_it_may_have_arrived(self, lost):
        async with scripted(lost()) as (session, _):
            error = await failure(session, RESERVE)
        assert error.outcome_unknown
        assert (error.operation, error.attempts) == ("ReserveTickets", 1)
        assert error.idempotency_key is None

    @pytest.mark.parametrize("first", [not_sent, lambda: refusal(429, None), lambda: OWN_503])
    async def test_it_is_repeated_if_it_surely_was_not_processed(self, first):
        async with scripted(first(), json_reply(HELD)) as (session, _):
            call = await session._run(RESERVE)
        assert call.value.reservation_id == "r1"
        assert call.attempts == 2

    async def test_an_answer_that_lacks_a_field_has_an_unknown_outcome(self):
        async with scripted(json_reply({})) as (session, _):
            error = await failure(session, RESERVE)
        assert type(error) is DecodingError
        assert error.outcome_unknown

    @LOST
    async def test_a_check_in_is_not_repeated_either(self, lost):
        async with scripted(lost()) as (session, _):
            assert (await failure(session, CheckInTicket(number="1"))).outcome_unknown


class TestCancellations:
    @LOST
    async def test_unknown_after_a_lost_answer_means_the_hold_is_gone(self, lost):
        async with scripted(lost(), refusal(404, "not_found")) as (session, _):
            assert (await session.send(RELEASE)).reservation_id == "r1"

    async def test_unknown_at_once_is_an_error(self):
        async with scripted(refusal(404, "not_found")) as (session, _):
            assert type(await failure(session, RELEASE)) is NotFoundError

    async def test_another_refusal_after_a_lost_answer_is_raised(self):
        async with scripted(unknown(), SOLD_OUT) as (session, _):
            assert type(await failure(session, RELEASE)) is InvalidRequestError

    @LOST
    async def test_a_cancelled_order_settles_the_refusal_of_a_repeated_cancellation(self, lost):
        found = json_reply([order("completed", "b0"), order("cancelled")])
        async with scripted(lost(), SOLD_OUT, found) as (session, transport):
            cancelled = await session.send(CANCEL)
        assert cancelled.booking_id == "b1"
        assert cancelled.booking_reference == "1000053"
        assert [t.ticket_number for t in cancelled.cancelled_tickets] == ["1234567890123456789"]
        assert sent(transport) == ["CancelBooking", "CancelBooking", "ListOrders"]
        # The session's clock says 08:00 UTC; an hour earlier is early in any zone's reading.
        assert transport.requests[2].query == (("updated_at_after", "2026-03-19T07:00:00"),)

    async def test_orders_are_looked_up_from_when_the_call_began(self):
        clock = FakeClock(START)

        def slow(request):
            clock.advance(50)
            raise unknown()

        found = json_reply([order("cancelled")])
        async with scripted(slow, SOLD_OUT, found, clock=clock) as (session, transport):
            await session.send(CANCEL)
        assert transport.requests[2].query == (("updated_at_after", "2026-03-19T07:00:00"),)

    @LOST
    @pytest.mark.parametrize("orders", [[order("completed")], [order("refunded")]])
    async def test_any_other_order_proves_the_refusal(self, lost, orders):
        async with scripted(lost(), SOLD_OUT, json_reply(orders)) as (session, _):
            error = await failure(session, CANCEL)
        assert type(error) is InvalidRequestError
        assert (error.operation, error.attempts) == ("CancelBooking", 3)

    @pytest.mark.parametrize(
        "orders",
        [
            [refusal(403, "forbidden")],
            [MALFORMED, MALFORMED],
            [json_reply([{}])],
            [json_reply([])],  # not there yet, perhaps
        ],
    )
    async def test_an_order_list_that_cannot_be_read_settles_nothing(self, orders):
        async with scripted(unknown(), SOLD_OUT, *orders) as (session, _):
            error = await failure(session, CANCEL)
        assert type(error) is OutcomeUnknownError
        assert type(error.refusal) is InvalidRequestError
        looked_up = len(orders)
        assert (error.operation, error.attempts) == ("CancelBooking", 2 + looked_up)
        assert error.refusal.attempts == error.attempts

    async def test_a_refusal_at_once_is_not_looked_up(self):
        async with scripted(SOLD_OUT) as (session, transport):
            assert type(await failure(session, CANCEL)) is InvalidRequestError
        assert sent(transport) == ["CancelBooking"]

    async def test_a_server_error_to_the_end_may_have_cancelled(self):
        async with scripted(*[SERVER_ERROR] * 5) as (session, _):
            error = await failure(session, CANCEL)
        assert type(error) is ServerError
        assert error.outcome_unknown


class TestMemory:
    """A failed call and its response go when their error does, without the garbage collector."""

    @pytest.mark.parametrize(
        ("operation", "answers"),
        [
            (PRODUCTS, [(404, b"{}")]),
            (slots_of("p1"), [(400, b"{}")] * 5),
            (PRODUCTS, [(200, b"{")] * 2),
            (PRODUCTS, [(200, b'{"products":[{}]}')]),
            (PRODUCTS, [(500, b"")] * 5),
            (BOOK, [None, (400, b"{}")]),
            (BOOK, [(200, json.dumps(BOOKED | {"tickets": []}).encode())]),
            (CANCEL, [None, (400, b"{}"), (200, b"[]")]),
        ],
    )
    async def test_nothing_holds_it(self, operation, answers):
        seen: list[weakref.ref[object]] = []

        async def answer(request):
            step = answers[min(len(seen), len(answers) - 1)]
            response = unknown() if step is None else HttpResponse(status=step[0], body=step[1])
            seen.append(weakref.ref(response))
            if isinstance(response, EgumaError):
                raise response
            return response

        async with session_on(MemoryTransport(answer)) as session:
            gc.collect()
            gc.disable()
            try:
                error = await error_or_none(session, operation)
                seen.append(weakref.ref(error))
                del error
                assert [each() for each in seen] == [None] * len(seen)
            finally:
                gc.enable()


class TestErrors:
    async def test_a_401_is_final(self):
        async with scripted(refusal(401, "unauthorized")) as (session, transport):
            error = await failure(session, PRODUCTS)
        assert type(error) is AuthenticationError
        assert len(transport.requests) == 1

    async def test_the_servers_words_are_an_attribute_and_not_printed(self):
        async with scripted(SOLD_OUT) as (session, _):
            error = await failure(session, BOOK)
        assert error.message == "canary words of the server"
        assert isinstance(error, StatusError)
        assert error.error_code == "validation_error"
        assert str(error) == "BookTickets: HTTP 400 validation_error"
        assert "canary" not in str(error) + repr(error)
        assert error.body == SOLD_OUT.body

    @pytest.mark.parametrize(
        ("answer", "message", "code"),
        [
            (text_reply("Der Gutschein ist nicht vorhanden.", 400), "Der Gutschein ist nicht vorhanden.", None),
            (text_reply("<h1>Bad</h1>", 400, content_type="text/html"), "", None),
            (json_reply(["a", "b"], 400), '["a","b"]', None),
            (json_reply({}, 400), "{}", None),
            (json_reply({"Message": "No route"}, 400), "No route", None),
            (json_reply({"error_code": 5, "message": {}}, 400), "", None),
            (HttpResponse(status=400), "", None),
            (text_reply("a\r\n\x00\x1b[31mb\u2028c\u202ed\x85e", 400), "a [31mb c d e", None),
            (text_reply("x" * 5000, 400), "x" * 500, None),
            (json_reply({"error_code": "e", "message": "y" * 5000}, 400), "y" * 500, "e"),
        ],
        ids=lambda value: str(value)[:30],
    )  # fmt: skip
    async def test_any_shape_of_error_is_understood(self, answer, message, code):
        async with scripted(answer) as (session, _):
            error = await failure(session, PRODUCTS)
        assert type(error) is InvalidRequestError
        assert error.message == message
        assert error.error_code == code

    async def test_an_answer_that_repeats_the_key_is_masked(self):
        echo = text_reply(f"no such key: {KEY} (?apikey={KEY})", 401)
        async with scripted(echo) as (session, _):
            error = await failure(session, PRODUCTS)
        assert error.message == "no such key: *** (?apikey=***)"
        assert isinstance(error, StatusError)
        assert KEY.encode() not in error.body

    async def test_an_error_does_not_hold_the_exceptions_of_earlier_attempts(self):
        async with scripted(unknown(), SOLD_OUT) as (session, _):
            error = await failure(session, BOOK)
        assert error.__cause__ is None
        assert error.__context__ is None

    @given(
        status=st.integers(100, 599),
        body=st.binary(max_size=60)
        | st.sampled_from(
            [b"{}", b"[]", b"null", b'{"error_code":"in_progress"}', b"\xef\xbb\xbf{}"]
        )
        | st.recursive(
            st.none() | st.booleans() | st.text(max_size=5),
            lambda inner: (
                st.dictionaries(st.sampled_from(["error_code", "message", "Message", "x"]), inner)
                | st.lists(inner, max_size=3)
            ),
            max_leaves=5,
        ).map(lambda value: json_reply(value).body),
        headers=st.dictionaries(
            st.sampled_from(["content-type", "retry-after", "date", "x-replay", "location"]),
            st.text(max_size=20) | st.just("text/html") | st.just("0"),
        ),
        operation=st.sampled_from([PRODUCTS, ORDERS, BOOK, RESERVE, RELEASE, CANCEL]),
    )
    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    def test_no_answer_is_anything_but_a_value_or_an_error_of_ours(
        self, status, body, headers, operation
    ):
        answer = HttpResponse(status=status, headers=headers, body=body)

        async def scenario() -> None:
            transport = ScriptedTransport(*[answer] * 100)
            async with session_on(transport) as session:
                error = await error_or_none(session, operation)
                if error is None:
                    assert 200 <= status < 300
                else:
                    own = [r for r in transport.requests if r.operation == operation.name()]
                    assert (error.operation, error.attempts) == (operation.name(), len(own))
                    assert str(error).isprintable()
                if isinstance(error, StatusError):
                    assert error.status == status
                    assert len(error.message.encode()) <= 2000
                if operation.REPEAT is Repeat.ONCE and len(transport.requests) > 1:
                    assert status in (429, 503)

        asyncio.run(scenario())


class TestBudget:
    async def test_a_total_outage_costs_ten_extra_requests(self):
        requests = []

        async def down(request):
            requests.append(request)
            raise not_sent()

        transport = ScriptedTransport(*[down] * 400)
        async with session_on(transport, retry=RetryPolicy()) as session:
            for _ in range(200):
                assert isinstance(await failure(session, PRODUCTS), TransportError)
            assert len(requests) == 210

    async def test_a_refusal_shows_that_the_server_is_up(self):
        missing = refusal(404, "not_found")
        steps = [*[SERVER_ERROR] * 11, *[missing] * 101, *[SERVER_ERROR] * 11]
        retry = RetryPolicy(attempts=11, deadline=600)
        async with scripted(*steps, retry=retry) as (session, _):
            assert (await failure(session, PRODUCTS)).attempts == 11
            for _ in range(101):
                assert type(await failure(session, PRODUCTS)) is NotFoundError
            assert (await failure(session, PRODUCTS)).attempts == 11

    async def test_reads_cannot_starve_a_booking(self):
        transport = ScriptedTransport(*[not_sent() for _ in range(60)])
        async with session_on(transport, retry=RetryPolicy()) as session:
            for _ in range(20):
                await failure(session, PRODUCTS)
            assert len(transport.requests) == 30
            assert (await failure(session, BOOK)).attempts == 5

    async def test_the_budget_also_holds_at_once(self):
        transport = ScriptedTransport(*[not_sent() for _ in range(400)])
        async with session_on(transport, retry=RetryPolicy()) as session:
            await asyncio.gather(*(failure(session, PRODUCTS) for _ in range(200)))
        assert len(transport.requests) == 210


class Sink:
    """Collects a body; refuses to begin again once it is told to."""

    def __init__(self, *, handed_on: bool = False) -> None:
        self.chunks: list[bytes] = []
        self.restarts = 0
        self.handed_on = handed_on

    async def write(self, chunk: bytes, /) -> None:
        self.chunks.append(chunk)

    def restart(self) -> None:
        self.restarts += 1
        if self.handed_on:
            raise DecodingError("canary: handed on already")
        self.chunks.clear()


async def half_then_cut(request):
    await request.sink.write(b"[1,")
    raise unknown()


class TestStream:
    async def test_the_body_flows_into_the_sink(self):
        sink = Sink()
        async with scripted(json_reply([1, 2])) as (session, transport):
            response = await session.stream(ORDERS, sink)
        assert b"".join(sink.chunks) == b"[1,2]"
        assert (response.status, response.body, sink.restarts) == (200, b"", 0)
        assert transport.requests[0].sink._sink is sink

    async def test_a_new_attempt_begins_again(self):
        sink = Sink()
        async with scripted(half_then_cut, half_then_cut, json_reply([1, 2])) as (session, _):
            await session.stream(ORDERS, sink)
        assert b"".join(sink.chunks) == b"[1,2]"
        assert sink.restarts == 2

    async def test_what_was_handed_on_is_not_sent_for_again(self):
        sink = Sink(handed_on=True)
        async with scripted(half_then_cut) as (session, _):
            with pytest.raises(TransportError) as caught:
                await session.stream(ORDERS, sink)
        assert caught.value.message == "the connection broke"
        assert (caught.value.operation, caught.value.attempts) == ("ListOrders", 1)
        assert sink.restarts == 1

    async def test_a_sink_that_cannot_begin_again_ends_the_call(self):
        async with scripted(SERVER_ERROR) as (session, _):
            with pytest.raises(DecodingError, match="handed on already") as caught:
                await session.stream(ORDERS, Sink(handed_on=True))
        assert caught.value.operation == "ListOrders"

    async def test_a_refusal_does_not_reach_the_sink(self):
        sink = Sink()
        async with scripted(refusal(403, "forbidden")) as (session, _):
            with pytest.raises(StatusError) as caught:
                await session.stream(ORDERS, sink)
        assert caught.value.error_code == "forbidden"
        assert caught.value.operation == "ListOrders"
        assert sink.chunks == []

    async def test_what_the_sink_raises_ends_the_call(self):
        class Full(Sink):
            async def write(self, chunk: bytes, /) -> None:
                raise OSError("disk full")

        async with scripted(json_reply([1])) as (session, _):
            with pytest.raises(OSError, match="disk full"):
                await session.stream(ORDERS, Full())

    async def test_a_write_is_not_streamed(self):
        async with scripted() as (session, _):
            with pytest.raises(EgumaError, match="BookTickets cannot be streamed"):
                await session.stream(BOOK, Sink())


async def test_calls_at_once_do_not_mix():
    async def answer(request):
        await turns(3)
        product = request.url.split("/")[-2]
        return json_reply({"company_name": product, "product_name": product, "availabilities": []})

    async with scripted(*[answer] * 50) as (session, _):
        lists = await asyncio.gather(*(session.send(slots_of(f"p{n}")) for n in range(50)))
    assert [found.company_name for found in lists] == [f"p{n}" for n in range(50)]
