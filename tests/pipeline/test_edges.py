"""Where a call meets something else: closing, permits, sinks, look-ups, values that cannot be sent."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import attrs
import pytest

from eguma_async import AsyncSession, HttpResponse, KorusSession, Limits, MemoryTransport
from eguma_async.core.errors import (
    ConfigurationError,
    DecodingError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    SessionStateError,
    StatusError,
    TransportError,
)
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, in_header
from eguma_async.core.provider import Verdict
from eguma_async.pipeline.policy import RetryPolicy
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply
from tests.support.calls import (
    BOOK,
    CATALOGUE,
    PRODUCTS,
    START,
    not_sent,
    refusal,
    scripted,
    session_on,
    slots_of,
    turns,
    unknown,
)

SOLD_OUT = refusal(400, "validation_error")


@attrs.frozen(kw_only=True)
class Look(Operation[int]):
    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/v1/look.json"
    REPEAT: ClassVar[Repeat] = Repeat.READ


@attrs.frozen(kw_only=True)
class Write(Operation[int]):
    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/write.json"
    REPEAT: ClassVar[Repeat] = Repeat.KEYED

    text: Any = "x"

    async def reconcile(self, refusal, send, began_at, /):
        if await send(Look()) == 1:
            return 1
        raise refusal


class TestClosing:
    async def test_an_input_that_fails_to_close_holds_nothing_up(self):
        async def broken():
            try:
                while True:
                    yield PRODUCTS
            finally:
                raise ValueError("the cursor is gone")

        given_back = asyncio.Event()

        async def release():
            await turns()
            await session.send(PRODUCTS)
            given_back.set()

        session = session_on(MemoryTransport(lambda request: _catalogue()))
        await session.__aenter__()
        outcomes = aiter(session.fan_out(broken(), concurrency=2))
        await anext(outcomes)
        session.in_background(release())
        with pytest.raises(ValueError, match="the cursor is gone"):
            await session.aclose()
        assert given_back.is_set()

    async def test_work_in_the_background_may_send_through_tasks_of_its_own(self):
        values = []

        async def work():
            await turns()
            values.extend(await asyncio.gather(*(session.send(PRODUCTS) for _ in range(2))))

        async with session_on(MemoryTransport(lambda request: _catalogue())) as session:
            session.in_background(work())
        assert len(values) == 2

    async def test_work_in_the_background_does_not_close_its_session(self):
        async with session_on(ScriptedTransport()) as session:
            with pytest.raises(SessionStateError, match="cannot close"):
                await session.in_background(session.aclose())

    async def test_nothing_is_sent_again_once_it_is_closed(self):
        clock = FakeClock(START, auto=False)
        transport = ScriptedTransport(unknown())
        session = session_on(transport, clock=clock)
        await session.__aenter__()
        booking = asyncio.create_task(session.send(BOOK, idempotency_key="k-1"))
        await clock.until_sleeping()
        await session.aclose()
        clock.advance(10)
        with pytest.raises(OutcomeUnknownError) as caught:
            await booking
        assert (caught.value.attempts, caught.value.idempotency_key) == (1, "k-1")
        assert len(transport.requests) == 1


async def _catalogue():
    return json_reply(CATALOGUE)


class TestDeadline:
    async def test_it_holds_while_a_further_attempt_waits_for_its_turn(self):
        clock, sent = FakeClock(START, auto=False), []

        async def answer(request):
            sent.append((request.operation, clock.monotonic()))
            if request.operation == "Write":
                raise not_sent()
            await clock.sleep(30)
            return json_reply(1)

        options: dict[str, Any] = {"limits": Limits(concurrency=1, reserved=0), "clock": clock}
        retry = RetryPolicy(deadline=10, budget=1.0)
        async with session_on(MemoryTransport(answer), retry=retry, **options) as session:
            writing = asyncio.create_task(session.send(Write()))
            await clock.until_sleeping()
            looking = asyncio.create_task(session.send(Look()))
            await clock.until_sleeping(2)
            clock.advance(1)
            await turns()
            clock.advance(30)
            assert await looking == 1
            with pytest.raises(NotSentError):
                await writing
        assert sent == [("Write", 0.0), ("Look", 0.0)]

    async def test_still_in_progress_is_not_asked_without_end(self):
        policy = RetryPolicy()
        for told in (0.001, 0.5):
            pause = policy.pause(
                Verdict.IN_PROGRESS,
                Repeat.KEYED,
                failures=0,
                polls=3,
                elapsed=0.0,
                retry_after=told,
                fraction=0.0,
            )
            assert pause == 1.0

    async def test_a_read_cancelled_while_it_waits_for_the_others_was_not_sent(self):
        clock = FakeClock(START, auto=False)
        busy = refusal(429, "busy", retry_after="7")
        async with scripted(busy, json_reply(CATALOGUE), clock=clock) as (session, _):
            first = asyncio.create_task(session.send(PRODUCTS))
            await clock.until_sleeping()
            second = asyncio.create_task(session.send(PRODUCTS))
            await clock.until_sleeping(2)
            second.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await second
            assert isinstance(caught.value.__cause__, NotSentError)
            clock.advance(8)
            await first

    async def test_without_retries_no_read_waits_for_another(self):
        clock = FakeClock(START)
        busy = refusal(429, "busy", retry_after="50")
        retry = RetryPolicy(attempts=1)
        steps = busy, json_reply(CATALOGUE)
        async with scripted(*steps, clock=clock, retry=retry) as (session, _):
            with pytest.raises(RateLimitedError):
                await session.send(PRODUCTS)
            await session.send(PRODUCTS)
        assert clock.sleeps == []

    async def test_a_call_that_is_answered_in_the_end_gives_its_retries_back(self):
        steps = [unknown(), refusal(429, "busy", retry_after="600")] * 30
        async with scripted(*steps, retry=RetryPolicy(budget=0.1)) as (session, _):
            for _ in range(30):
                with pytest.raises(RateLimitedError) as caught:
                    await session.send(PRODUCTS)
                assert caught.value.attempts == 2


class TestLookUps:
    @pytest.mark.parametrize(
        "found",
        [[refusal(404, "not_found")], [not_sent()] * 5, [unknown()] * 5, [json_reply("x")]],
        ids=["404", "not sent", "lost", "unreadable"],
    )
    async def test_one_that_fails_does_not_settle_a_write(self, found):
        async with scripted(unknown(), SOLD_OUT, *found) as (session, _):
            with pytest.raises(OutcomeUnknownError) as caught:
                await session.send(Write(), idempotency_key="k-1")
        assert isinstance(caught.value.refusal, StatusError)
        assert (caught.value.operation, caught.value.idempotency_key) == ("Write", "k-1")
        assert caught.value.outcome_unknown

    async def test_the_refusal_itself_does(self):
        async with scripted(unknown(), SOLD_OUT, json_reply(0)) as (session, _):
            with pytest.raises(StatusError) as caught:
                await session.send(Write())
        assert (caught.value.status, caught.value.outcome_unknown) == (400, False)


class Uploading:
    """A sink that passes on what it gets through a call of its own."""

    def __init__(self, error):
        self.error = error

    async def write(self, chunk, /):
        raise self.error

    def restart(self):
        raise AssertionError("nothing is to begin again")


class TestSinks:
    @pytest.mark.parametrize("error", [NotSentError("x"), OutcomeUnknownError("x")])
    async def test_what_a_sink_raises_is_the_callers(self, error):
        async with scripted(json_reply(1)) as (session, transport):
            with pytest.raises(type(error)) as caught:
                await session.stream(Look(), Uploading(error))
        assert caught.value is error
        assert len(transport.requests) == 1

    async def test_one_with_a_length_is_a_sink_while_it_is_empty(self):
        class Bytes(bytearray):
            async def write(self, chunk, /):
                self.extend(chunk)

            def restart(self):
                self.clear()

        async with scripted(SOLD_OUT) as (session, _):
            with pytest.raises(StatusError):
                await session.stream(slots_of("p1"), Bytes())

    @pytest.mark.parametrize("sink", [None, object(), []])
    async def test_what_is_none_is_refused(self, sink):
        async with session_on(ScriptedTransport()) as session:
            with pytest.raises(ConfigurationError, match="sink must have"):
                await session.stream(Look(), sink)
            with pytest.raises(ConfigurationError, match="takes an operation"):
                await session.stream("ListProducts", Uploading(None))  # type: ignore[arg-type]  # on purpose

    async def test_what_an_operation_says_of_its_value_is_no_verdict_on_the_request(self):
        class Strict(Write):
            def complete(self, value, context, /):
                raise NotSentError("as the operation says")

        async with scripted(json_reply(1)) as (session, transport):
            with pytest.raises(NotSentError):
                await session.send(Strict())
        assert len(transport.requests) == 1


class TestValues:
    async def test_a_response_without_a_body_is_none_where_none_is_meant(self):
        @attrs.frozen(kw_only=True)
        class Forget(Operation[None]):
            METHOD: ClassVar[str] = "DELETE"
            PATH: ClassVar[str] = "/v1/thing.json"
            REPEAT: ClassVar[Repeat] = Repeat.IDEMPOTENT

        async with scripted(HttpResponse(status=204)) as (session, _):
            assert await session.send(Forget()) is None
        async with scripted(HttpResponse(status=204), HttpResponse(status=204)) as (session, _):
            with pytest.raises(DecodingError):
                await session.send(Write())

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("canary\ud800", "Write holds text"),
            (object(), "Write holds a value"),
        ],
    )
    async def test_what_cannot_be_written_is_told_before_anything_is_sent(self, text, why):
        async with scripted() as (session, _):
            with pytest.raises(ConfigurationError, match=why) as caught:
                await session.send(Write(text=text))
        assert "canary" not in repr(vars(caught.value)) + str(caught.value)
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)

    async def test_a_mistake_in_an_operations_own_method_is_shown_as_it_is(self):
        class Mistaken(Look):
            def path(self):
                return "/v1/" + None  # type: ignore[operator]  # the mistake

        async with scripted() as (session, _):
            with pytest.raises(TypeError, match="concatenate"):
                await session.send(Mistaken())

    async def test_a_header_of_an_operation_takes_the_place_of_the_providers(self):
        @attrs.frozen(kw_only=True)
        class Other(Look):
            accept: str = attrs.field(default="text/csv", metadata=in_header("accept"))

        async with scripted(json_reply(1)) as (session, transport):
            await session.send(Other())
        headers = transport.requests[0].headers
        assert [v for name, v in headers.items() if name.lower() == "accept"] == ["text/csv"]

    async def test_an_attribute_that_only_has_the_name_of_a_clock_is_none(self):
        class Timed(ScriptedTransport):
            clock = 7.0

        async with AsyncSession("k" * 24, transport=Timed(SOLD_OUT)) as session:
            with pytest.raises(StatusError):
                await session.send(PRODUCTS)


async def test_a_token_that_cannot_be_read_leaves_no_doubt_about_the_call():
    def bad():
        raise DecodingError("no token")

    transport = ScriptedTransport()
    async with KorusSession(token=bad, transport=transport, clock=FakeClock()) as session:
        with pytest.raises(DecodingError) as caught:
            await session.send(Write())
    assert not caught.value.outcome_unknown
    assert transport.requests == []


async def test_a_foreign_error_of_a_token_fetch_shows_no_secret():
    async def broken(request):
        raise ZeroDivisionError

    session = KorusSession(
        "client", "canary-secret-1", transport=MemoryTransport(broken), clock=FakeClock()
    )
    async with session:
        with pytest.raises(TransportError, match="ZeroDivisionError") as caught:
            await session.send(Look())
    link: BaseException | None = caught.value
    while link is not None:
        trace = link.__traceback__
        while trace is not None:
            if "/tests/" not in trace.tb_frame.f_code.co_filename:
                assert "canary-secret-1" not in repr(trace.tb_frame.f_locals)
            trace = trace.tb_next
        link = link.__cause__


async def test_a_fan_out_whose_waiting_is_cancelled_while_it_stops_still_tells_what_broke():
    async def broken():
        yield PRODUCTS
        raise ValueError("the input broke")

    slow = asyncio.Event()

    async def answer(request):
        try:
            await asyncio.Event().wait()
        finally:
            await slow.wait()

    async with session_on(MemoryTransport(answer)) as session:
        fan_out = session.fan_out(broken(), concurrency=2)
        waiting = asyncio.create_task(anext(fan_out))
        await turns()
        waiting.cancel()
        await turns()
        slow.set()
        await asyncio.wait({waiting})
        with pytest.raises(ValueError, match="the input broke"):
            await anext(fan_out)
