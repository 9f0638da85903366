"""What observers are told beside calls and requests, and how several are told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from eguma_async.core.errors import ConfigurationError, NotSentError, SessionStateError
from eguma_async.core.hooks import (
    Observer,
    SessionLoad,
    SessionStarted,
    TurnWaited,
    WaitReason,
)
from eguma_async.core.messages import HttpResponse, Repeat
from eguma_async.pipeline.limiting import Limits
from eguma_async.pipeline.observers import checked_observer
from eguma_async.testing import FakeClock, json_reply
from tests.support.calls import (
    BOOK,
    BOOKED,
    CATALOGUE,
    EMPTY_LIST,
    PRODUCTS,
    Gate,
    refusal,
    scripted,
    session_on,
    slots_of,
    turns,
)


class Hearing(Observer):
    """Keeps what it is told of sessions and of waiting."""

    def __init__(self):
        self.sessions: list[Any] = []
        self.turns: list[TurnWaited] = []

    def session_started(self, session, /):
        self.sessions.append(session)
        return "open"

    def session_ended(self, session, started, /):
        self.sessions.append((session, started))

    def turn_waited(self, turn, /):
        self.turns.append(turn)


class TestSessions:
    async def test_a_session_is_told_of_while_it_is_open(self):
        heard = Hearing()
        session = session_on(Gate(), observer=heard)
        assert heard.sessions == []
        async with session:
            (told,) = heard.sessions
            assert told == SessionStarted(
                provider="e-guma", credential=session.fingerprint, load=told.load
            )
        await session.aclose()
        assert heard.sessions == [told, (told, "open")]

    async def test_one_that_was_never_entered_is_not(self):
        heard = Hearing()
        await session_on(Gate(), observer=heard).aclose()
        assert heard.sessions == []

    async def test_one_that_cannot_be_opened_is_not(self):
        class Closed:
            def attach(self, wire, /):
                return self

            async def open(self):
                raise SessionStateError("no")

        heard = Hearing()
        with pytest.raises(SessionStateError):
            await session_on(Gate(), observer=heard, journal=Closed()).__aenter__()
        assert heard.sessions == []

    async def test_its_load(self):
        gate = Gate(lambda request: json_reply(EMPTY_LIST | CATALOGUE | BOOKED))
        async with session_on(gate, limits=Limits(concurrency=2, reserved=1)) as session:
            idle = SessionLoad(in_flight=0, waiting=0, limit=session.load.limit, rate=None)
            assert session.load == idle
            assert idle.limit > 0
            tasks: list[Any] = [asyncio.create_task(session.send(PRODUCTS)) for _ in range(5)]
            tasks += [asyncio.create_task(session.send(BOOK)) for _ in range(2)]
            await turns()
            assert (session.load.in_flight, session.load.waiting) == (3, 4)
            gate.open.set()
            await asyncio.gather(*tasks)
            assert session.load == idle

    async def test_its_rate_is_known_once_it_was_given_or_learned(self):
        async with session_on(Gate(), limits=Limits(pacing=20.0)) as session:
            assert session.load.rate == 20.0


class TestWaiting:
    async def test_for_others_to_end(self):
        heard, clock = Hearing(), FakeClock()
        gate = Gate(json_reply(CATALOGUE))
        async with session_on(
            gate, clock=clock, limits=Limits(concurrency=1), observer=heard
        ) as session:
            tasks = [asyncio.create_task(session.send(PRODUCTS)) for _ in range(2)]
            await turns()
            clock.advance(1.5)
            gate.open.set()
            await asyncio.gather(*tasks)
        assert heard.turns == [
            TurnWaited(
                provider="e-guma",
                operation="ListProducts",
                repeat=Repeat.READ,
                reason=WaitReason.REQUESTS,
                seconds=1.5,
            )
        ]

    async def test_one_that_is_cancelled_is_told_of_too(self):
        heard, clock = Hearing(), FakeClock()
        async with session_on(
            Gate(), clock=clock, limits=Limits(concurrency=1), observer=heard
        ) as session:
            tasks = [asyncio.create_task(session.send(PRODUCTS)) for _ in range(2)]
            await turns()
            clock.advance(2)
            tasks[1].cancel()
            with pytest.raises(asyncio.CancelledError) as cancelled:
                await tasks[1]
            tasks[0].cancel()
            await asyncio.wait(tasks)
        assert isinstance(cancelled.value.__cause__, NotSentError)
        assert [(turn.reason, turn.seconds) for turn in heard.turns] == [(WaitReason.REQUESTS, 2)]

    async def test_for_as_many_as_the_server_keeps_up_with(self):
        heard, clock = Hearing(), FakeClock()
        gate = Gate(json_reply(EMPTY_LIST))
        async with session_on(gate, clock=clock, observer=heard) as session:
            limit = session.load.limit

            async def read():
                operations = [slots_of(f"p{n}") for n in range(limit + 3)]
                return [outcome async for outcome in session.fan_out(operations)]

            task = asyncio.create_task(read())
            await turns()
            clock.advance(0.5)
            gate.open.set()
            await task
        waits = {(turn.reason, turn.seconds) for turn in heard.turns}
        assert waits == {(WaitReason.LIMIT, 0.5)}

    async def test_for_the_moment_that_the_server_asked_for(self):
        heard, clock = Hearing(), FakeClock(auto=False)
        steps = refusal(429, "busy", retry_after="5"), *[json_reply(CATALOGUE)] * 2
        async with scripted(*steps, clock=clock, observer=heard) as (session, _):
            first = asyncio.create_task(session.send(PRODUCTS))
            await turns()
            second = asyncio.create_task(session.send(PRODUCTS))
            for _ in range(3):
                await turns()
                clock.advance(5)
            await asyncio.gather(first, second)
        (turn,) = heard.turns
        assert turn.reason is WaitReason.RATE
        assert turn.seconds >= 5

    async def test_for_the_next_turn_of_a_rate(self):
        heard, clock = Hearing(), FakeClock(auto=False)
        steps = [json_reply(CATALOGUE)] * 3
        limits = Limits(pacing=2.0)
        async with scripted(*steps, clock=clock, limits=limits, observer=heard) as (session, _):
            tasks = [asyncio.create_task(session.send(PRODUCTS)) for _ in range(3)]
            for _ in range(2):
                await turns()
                clock.advance(0.5)
            await asyncio.gather(*tasks)
        assert [(turn.reason, turn.seconds) for turn in heard.turns] == [
            (WaitReason.RATE, 0.5),
            (WaitReason.RATE, 1.0),
        ]

    async def test_what_did_not_wait_is_not_told_of(self):
        heard = Hearing()
        async with scripted(
            *[json_reply(CATALOGUE)] * 3, limits=Limits(pacing=1e6), observer=heard
        ) as (session, _):
            for _ in range(3):
                await session.send(PRODUCTS)
        assert heard.turns == []


class TestSeveral:
    async def test_each_is_told_and_gets_what_it_returned(self):
        told: list[Any] = []

        class Noting(Observer):
            def __init__(self, name):
                self.name = name

            def call_started(self, call, /):
                told.append(f"{self.name} begins")
                return self.name

            def call_ended(self, call, started, /):
                told.append(f"{started} ends")

        observers = (Noting("first"), lambda event: told.append(event.status), Noting("second"))
        async with scripted(HttpResponse(status=404), observer=observers) as (session, _):
            with pytest.raises(Exception, match="404"):
                await session.send(PRODUCTS)
        assert told == ["first begins", "second begins", 404, "second ends", "first ends"]

    async def test_one_that_fails_hides_nothing_from_the_others(self, caplog):
        class Broken(Observer):
            def _fail(self, *_):
                raise ZeroDivisionError

            session_started = session_ended = call_started = call_ended = _fail
            attempt_started = attempt_ended = turn_waited = _fail

        heard, clock = Hearing(), FakeClock()
        gate = Gate(json_reply(CATALOGUE))
        observers = [Broken(), heard, Broken()]
        async with session_on(
            gate, clock=clock, limits=Limits(concurrency=1), observer=observers
        ) as session:
            tasks = [asyncio.create_task(session.send(PRODUCTS)) for _ in range(2)]
            await turns()
            clock.advance(1)
            gate.open.set()
            await asyncio.gather(*tasks)
        assert len(heard.sessions) == 2
        assert len(heard.turns) == 1
        assert len(caplog.records) == 2 * (2 + 2 * 4 + 1)

    def test_none_is_none(self):
        assert checked_observer([]) is None

    @pytest.mark.parametrize("wrong", [5, "log", Observer])
    def test_each_is_checked(self, wrong):
        with pytest.raises(ConfigurationError, match="must be an Observer, or a function"):
            checked_observer([Observer(), wrong])
