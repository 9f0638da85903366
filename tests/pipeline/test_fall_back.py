"""A read that is refused may reach its goal in another way."""

from __future__ import annotations

from typing import ClassVar

import attrs
import pytest

from eguma_async.core.errors import (
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    ServerError,
    StatusError,
    TransportError,
)
from eguma_async.core.hooks import Observer
from eguma_async.core.messages import DEFAULT_TIMEOUTS, Repeat, Timeouts
from eguma_async.core.operation import Operation, in_query
from eguma_async.testing import FakeClock, json_reply
from eguma_async.transports.memory import MemoryTransport
from tests.support.calls import START, refusal, scripted, session_on, unknown

REFUSED = refusal(400, "validation_error")


@attrs.frozen(kw_only=True)
class Count(Operation[int]):
    """Counts to a number; what is too much at once is counted in halves."""

    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/v1/count.json"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    up_to: int = attrs.field(metadata=in_query("to"))

    async def fall_back(self, refusal, send, /):
        if not isinstance(refusal, InvalidRequestError):
            raise refusal
        half = self.up_to // 2
        return await send(Count(up_to=half)) + await send(Count(up_to=self.up_to - half))


@attrs.frozen(kw_only=True)
class Change(Operation[int]):
    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/change.json"
    REPEAT: ClassVar[Repeat] = Repeat.IDEMPOTENT

    async def fall_back(self, refusal, send, /):
        raise AssertionError("only a read may be done otherwise")


def asked(transport):
    return [request.query for request in transport.requests]


async def test_the_value_is_that_of_the_other_way():
    async with scripted(REFUSED, json_reply(2), json_reply(3)) as (session, transport):
        assert await session.send(Count(up_to=5)) == 5
    assert asked(transport) == [(("to", "5"),), (("to", "2"),), (("to", "3"),)]


async def test_a_part_that_is_refused_has_no_other_way_of_its_own():
    async with scripted(REFUSED, REFUSED) as (session, transport):
        with pytest.raises(InvalidRequestError) as caught:
            await session.send(Count(up_to=5))
    assert asked(transport) == [(("to", "5"),), (("to", "2"),)]
    assert caught.value.attempts == 2


async def test_what_goes_wrong_on_the_way_is_raised():
    async with scripted(REFUSED, json_reply(2), refusal(404, "not_found")) as (session, _):
        with pytest.raises(NotFoundError) as caught:
            await session.send(Count(up_to=5))
    assert (caught.value.operation, caught.value.attempts) == ("Count", 3)


async def test_the_retries_of_a_part_count_too():
    lost = unknown(), unknown()
    async with scripted(REFUSED, *lost, json_reply(2), json_reply(3)) as (session, _):
        assert (await session._run(Count(up_to=5))).attempts == 5
    async with scripted(REFUSED, *[unknown()] * 5) as (session, _):
        with pytest.raises(TransportError) as caught:
            await session.send(Count(up_to=5))
    assert caught.value.attempts == 6


async def test_all_parts_have_the_time_of_one_call():
    clock, sent = FakeClock(START), []

    async def slow(request):
        sent.append(request.query)
        clock.advance(25)
        return REFUSED if len(sent) == 1 else json_reply(1)

    async def three(self, refusal, send, /):
        return sum([await send(Count(up_to=1)) for _ in range(3)])

    @attrs.frozen(kw_only=True)
    class InThree(Count):
        fall_back = three

    async with session_on(MemoryTransport(slow), clock=clock) as session:
        with pytest.raises(TransportError, match="the time of the call") as caught:
            await session.send(InThree(up_to=3))
    assert len(sent) == 3  # after 0, 25 and 50 seconds: the fourth would be after 75
    assert caught.value.attempts == 3


async def test_a_part_is_retried_in_the_time_of_the_whole():
    clock = FakeClock(START)

    async def slow(request):
        clock.advance(35)
        if request.query == (("to", "5"),):
            return REFUSED
        raise unknown()

    async with session_on(MemoryTransport(slow), clock=clock) as session:
        with pytest.raises(TransportError) as caught:
            await session.send(Count(up_to=5))
    assert caught.value.attempts == 2


async def test_a_part_changes_nothing():
    @attrs.frozen(kw_only=True)
    class Writing(Count):
        async def fall_back(self, refusal, send, /):
            return await send(Change())

    async with scripted(REFUSED) as (session, _):
        with pytest.raises(ConfigurationError, match="Change is no read"):
            await session.send(Writing(up_to=5))


async def test_a_body_that_flows_away_is_refused_as_a_whole():
    class Sink:
        async def write(self, chunk, /):
            raise AssertionError("nothing was to come")

        def restart(self):
            raise AssertionError("nothing was to begin again")

    async with scripted(REFUSED) as (session, transport):
        with pytest.raises(InvalidRequestError):
            await session.stream(Count(up_to=5), Sink())
    assert len(transport.requests) == 1


async def test_an_observer_sees_the_parts_in_the_whole():
    seen = []

    class Calls(Observer):
        def call_started(self, call, /):
            seen.append("begins")

        def call_ended(self, call, started, /):
            seen.append(call.attempts)

    steps = REFUSED, json_reply(2), json_reply(3)
    async with scripted(*steps, observer=Calls()) as (session, _):
        await session.send(Count(up_to=5))
    assert seen == ["begins", "begins", 1, "begins", 1, 3]


async def test_all_requests_count_and_the_last_response_is_handed_on():
    async with scripted(REFUSED, json_reply(2), json_reply(3)) as (session, _):
        call = await session._run(Count(up_to=5))
        assert (call.value, call.attempts) == (5, 3)
        assert call.response.body == b"3"
    async with scripted(REFUSED, json_reply(2), json_reply(3)) as (session, _):
        (outcome,) = [outcome async for outcome in session.fan_out([Count(up_to=5)])]
        assert (outcome.value, outcome.attempts) == (5, 3)


async def test_the_timeouts_of_the_call_hold_for_all_of_it():
    short = Timeouts(total=3)
    steps = (REFUSED, json_reply(2), json_reply(3))
    async with scripted(*steps, *steps) as (session, transport):
        await session.send(Count(up_to=5), timeouts=short)
        await session.send(Count(up_to=5))
    assert [request.timeouts for request in transport.requests] == (
        [short] * 3 + [DEFAULT_TIMEOUTS] * 3
    )


async def test_an_outage_is_no_refusal():
    async with scripted(*[refusal(500, "internal")] * 5) as (session, _):
        with pytest.raises(ServerError):
            await session.send(Count(up_to=5))


async def test_a_write_is_never_done_otherwise():
    async with scripted(REFUSED) as (session, _):
        with pytest.raises(InvalidRequestError):
            await session.send(Change())


async def test_by_default_the_refusal_is_raised():
    @attrs.frozen(kw_only=True)
    class Plain(Operation[int]):
        METHOD: ClassVar[str] = "GET"
        PATH: ClassVar[str] = "/v1/plain.json"
        REPEAT: ClassVar[Repeat] = Repeat.READ

    async with scripted(REFUSED) as (session, _):
        with pytest.raises(StatusError) as caught:
            await session.send(Plain())
    assert (caught.value.status, caught.value.attempts) == (400, 1)
    assert caught.value.__context__ is None
