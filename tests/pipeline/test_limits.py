"""The limits at the seam: what goes out when, and what nothing waits for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from benchmarks import _virtual
from eguma_async.core.errors import NotFoundError, NotSentError, OutcomeUnknownError
from eguma_async.core.messages import HttpResponse, Timeouts
from eguma_async.pipeline.adaptive import AdaptiveLimits
from eguma_async.pipeline.limiting import Limits
from eguma_async.pipeline.policy import RetryPolicy
from eguma_async.testing import FakeClock, json_reply
from tests.support.calls import (
    BOOK,
    BOOKED,
    CANCEL,
    CATALOGUE,
    EMPTY_LIST,
    PRODUCTS,
    START,
    Gate,
    refusal,
    scripted,
    session_on,
    slots_of,
    turns,
)


def reads(count: int) -> list[Any]:
    return [slots_of(f"p{n}") for n in range(count)]


def regulator_of(session):
    return session._layers._regulation.regulator


class Server:
    """Answers on a clock after a while; what comes beyond a number of requests is refused.

    Attributes:
        sent: When each request came, with its operation.
    """

    def __init__(self, clock, *, takes=10**9, refuse=None, seconds=0.08):
        self.clock, self.takes, self.seconds = clock, takes, seconds
        self.refuse = refuse or refusal(429, "busy", retry_after="5")
        self.sent: list[tuple[str, float]] = []
        self.most = self.under_way = 0

    async def send(self, request, /):
        self.sent.append((request.operation, self.clock.monotonic()))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        refused = len(self.sent) > self.takes
        try:
            await self.clock.sleep(self.seconds)
        finally:
            self.under_way -= 1
        if refused:
            self.takes += 10**9  # once
            return self.refuse
        return json_reply(BOOKED if request.method == "POST" else EMPTY_LIST | CATALOGUE)

    async def aclose(self):
        pass


class TestWrites:
    @pytest.mark.parametrize("operation", [BOOK, CANCEL], ids=["book", "cancel"])
    async def test_they_go_out_while_reads_hold_every_permit(self, operation):
        gate = Gate(json_reply(CATALOGUE))
        async with session_on(gate, limits=Limits(concurrency=3)) as session:
            tasks = [asyncio.create_task(session.send(PRODUCTS)) for _ in range(50)]
            await turns()
            assert gate.under_way == 3
            tasks.append(asyncio.create_task(session.send(operation)))
            await turns()
            assert gate.requests[-1].operation == operation.name()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def test_four_of_them_do_so_at_once_beside_a_fan_out(self):
        gate = Gate(json_reply(EMPTY_LIST))
        limits = Limits(concurrency=5, adaptive=AdaptiveLimits(start=5))
        async with session_on(gate, limits=limits) as session:
            fan_out = session.fan_out(reads(100))
            first = asyncio.create_task(anext(fan_out))
            await turns()
            assert gate.under_way == 5
            books = [asyncio.create_task(session.send(BOOK)) for _ in range(6)]
            await turns()
            assert [r.operation for r in gate.requests[5:]] == ["BookTickets"] * 4
            for task in [first, *books]:
                task.cancel()
            await asyncio.gather(first, *books, return_exceptions=True)
            await fan_out.aclose()

    async def test_they_do_not_wait_for_what_reads_were_told(self):
        clock = FakeClock(START)
        steps = refusal(429, "busy", retry_after="50"), json_reply(BOOKED), json_reply(CATALOGUE)
        async with scripted(*steps, clock=clock) as (session, transport):
            reading = asyncio.create_task(session.send(PRODUCTS))
            await turns(1)
            while not transport.requests:
                await turns(1)
            await session.send(BOOK)
            assert transport.requests[1].operation == "BookTickets"
            assert (await reading).products == ()

    async def test_reads_that_wait_until_the_server_takes_them_hold_nothing(self):
        clock, gate = FakeClock(START, auto=False), Gate(json_reply(BOOKED))
        limits = Limits(concurrency=3, reserved=1)
        async with session_on(gate, clock=clock, limits=limits) as session:
            now = clock.monotonic()
            regulator_of(session).refused(now, now, 20.0)
            tasks: list[asyncio.Task[Any]] = [
                asyncio.create_task(session.send(PRODUCTS)) for _ in range(10)
            ]
            await turns()
            assert not gate.requests
            tasks += [asyncio.create_task(session.send(BOOK)) for _ in range(6)]
            await turns()
            assert [each.operation for each in gate.requests] == ["BookTickets"] * 4
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert session._layers._permits.free == 3

    @pytest.mark.parametrize("fan_out", [False, True])
    async def test_a_read_that_waited_for_a_permit_heeds_what_was_told_meanwhile(self, fan_out):
        clock, gate = FakeClock(START), Gate(json_reply(EMPTY_LIST))
        async with session_on(gate, clock=clock, limits=Limits(concurrency=1)) as session:
            regulator = regulator_of(session)
            regulator.overloaded(0.0, 0.0)  # from now on reads have to ask
            first = asyncio.create_task(session.send(slots_of("first")))
            await turns()
            stream = session.fan_out(reads(1))
            waits: Any = anext(stream) if fan_out else session.send(slots_of("second"))
            second = asyncio.create_task(waits)
            await turns()
            assert gate.under_way == 1
            now = clock.monotonic()
            regulator.refused(now, now, 20.0)
            gate.open.set()
            await first
            await second
            assert clock.monotonic() >= now + 20
            await stream.aclose()


class TestGate:
    async def test_what_one_read_is_told_holds_for_all_of_the_session(self):
        clock = FakeClock(START)
        server = Server(clock, takes=3)
        async with session_on(server, clock=clock) as session:
            outcomes = [o async for o in session.fan_out(reads(12))]
            assert all(o.ok for o in outcomes)
            assert sum(o.attempts for o in outcomes) == 13
        told = 0.08
        late = [moment for _, moment in server.sent if moment > told + 0.001]
        assert late
        assert min(late) >= told + 5

    async def test_it_holds_for_another_session_of_the_same_key_on_the_same_clock(self):
        clock = FakeClock(START)
        one, other = Server(clock, takes=0), Server(clock)
        async with session_on(one, clock=clock) as first, session_on(other, clock=clock) as second:
            assert regulator_of(first) is regulator_of(second)
            reading = asyncio.create_task(first.send(PRODUCTS))
            while not regulator_of(first).is_active:
                await turns(1)
            await second.send(PRODUCTS)
            await reading
        assert other.sent[0][1] >= 5.08

    async def test_another_key_does_not_wait(self):
        clock = FakeClock(START)
        server = Server(clock, takes=0)
        async with session_on(server, clock=clock) as first:
            reading = asyncio.create_task(first.send(PRODUCTS))
            while not regulator_of(first).is_active:
                await turns(1)
            from eguma_async.eguma.session import AsyncSession

            other = Server(clock)
            async with AsyncSession("another-key-0123456789", transport=other, clock=clock) as own:
                assert regulator_of(own) is not regulator_of(first)
                await own.send(PRODUCTS)
            await reading
        assert other.sent[0][1] < 5

    async def test_a_proxy_that_is_busy_closes_no_gate(self):
        clock = FakeClock(START)
        busy = HttpResponse(status=503, headers={"retry-after": "30"}, body=b"<html>")
        async with scripted(busy, json_reply(CATALOGUE), clock=clock) as (session, _):
            await session.send(PRODUCTS)
            assert regulator_of(session).closed_for(clock.monotonic()) == 0

    async def test_a_503_of_the_server_closes_it_and_sets_no_rate(self):
        clock = FakeClock(START)
        server = Server(clock, takes=20, refuse=refusal(503, "busy", retry_after="5"))
        async with session_on(server, clock=clock) as session:
            outcomes = [o async for o in session.fan_out(reads(40))]
            assert all(o.ok for o in outcomes)
            assert regulator_of(session).rate(clock.monotonic()) is None
        between = [m for _, m in server.sent if 0.5 < m < 5]
        assert between == []


class TestLimit:
    @pytest.mark.parametrize(
        "answer", [refusal(404, "no"), refusal(409, "no"), refusal(400, "no")], ids=str
    )
    async def test_other_refusals_do_not_move_it(self, answer):
        gate = Gate(answer)
        async with session_on(gate) as session, session.fan_out(reads(30)) as fan_out:
            first = asyncio.create_task(anext(fan_out))
            await turns()
            assert gate.under_way == 4  # enough for a success to make it grow
            gate.open.set()
            outcomes = [await first, *[o async for o in fan_out]]
            assert not any(o.ok for o in outcomes)
            assert regulator_of(session).limit == 4
            assert not regulator_of(session).is_active

    async def test_what_was_not_sent_does_not_move_it(self):
        def refuse(request):
            raise NotSentError("no route")

        gate = Gate(refuse)
        gate.open.set()
        async with session_on(gate) as session:
            assert not any([o.ok async for o in session.fan_out(reads(5))])
            assert regulator_of(session).limit == 4
            assert regulator_of(session).held == 0

    async def test_a_cancellation_does_not_move_it_and_gives_everything_back(self):
        gate = Gate(json_reply(EMPTY_LIST))
        async with session_on(gate) as session:
            async with session.fan_out(reads(30)) as fan_out:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(fan_out), 0.01)
                assert regulator_of(session).held > 4 - 1
            regulator = regulator_of(session)
            assert (regulator.limit, regulator.held) == (4, 0)
            assert regulator._limit.under_way == 0

    async def test_no_answer_in_all_the_time_there_is_cuts_it(self):
        clock = FakeClock(START)

        async def silent(request):
            await clock.sleep(30)
            raise OutcomeUnknownError("took too long")

        from eguma_async.transports.memory import MemoryTransport

        options: dict[str, Any] = {"clock": clock, "retry": RetryPolicy(attempts=1)}
        async with session_on(MemoryTransport(silent), **options) as session:
            brief = Timeouts(total=30)
            assert not any([o.ok async for o in session.fan_out(reads(3), timeouts=brief)])
            assert regulator_of(session)._limit.limit == pytest.approx(4 * 0.7)

    async def test_a_connection_that_broke_does_not(self):
        def broken(request):
            raise OutcomeUnknownError("the connection broke")

        gate = Gate(broken)
        gate.open.set()
        async with session_on(gate) as session:
            assert not any([o.ok async for o in session.fan_out(reads(3))])
            assert regulator_of(session).limit == 4

    async def test_a_fan_out_with_a_number_of_its_own_keeps_to_that(self):
        gate = Gate(json_reply(EMPTY_LIST))
        async with session_on(gate) as session, session.fan_out(reads(99), concurrency=33) as fan:
            first = asyncio.create_task(anext(fan))
            await turns()
            assert gate.under_way == 33
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)

    async def test_without_one_it_grows_while_the_server_keeps_up(self):
        clock = FakeClock(START)
        server = Server(clock)
        async with session_on(server, clock=clock) as session:
            assert all([o.ok async for o in session.fan_out(reads(400))])
            assert regulator_of(session).limit > 30
        assert 30 < server.most <= 64

    async def test_it_keeps_to_its_bounds(self):
        clock = FakeClock(START)
        server = Server(clock)
        limits = Limits(adaptive=AdaptiveLimits(start=2, highest=7))
        async with session_on(server, clock=clock, limits=limits) as session:
            assert all([o.ok async for o in session.fan_out(reads(100))])
        assert server.most == 7

    async def test_single_reads_are_not_held_by_it(self):
        gate = Gate(json_reply(CATALOGUE))
        async with session_on(gate) as session:
            tasks = [asyncio.create_task(session.send(PRODUCTS)) for _ in range(20)]
            await turns()
            assert gate.under_way == 20
            gate.open.set()
            await asyncio.gather(*tasks)


class Noted:
    """A rate that is shared, and notes what it is asked."""

    def __init__(self, *, knows=True):
        self.asked: list[Any] = []
        self.knows = knows

    def attach(self, credential, /, *, ceiling):
        self.asked.append((credential, ceiling))
        return self

    async def reserve(self):
        self.asked.append("reserve")
        assert len(self.asked) < 100, "it is asked without end"
        return 0.0 if self.knows else None

    def succeeded(self):
        self.asked.append("succeeded")

    async def refused(self, asked, /):
        self.asked.append(("refused", asked))

    async def aclose(self):
        self.asked.append("closed")


class TestShared:
    async def test_it_is_asked_before_a_read_and_told_of_its_answer(self):
        clock, shared = FakeClock(START), Noted()
        limits = Limits(pacing=20, shared=shared)
        async with session_on(Server(clock), clock=clock, limits=limits) as session:
            await session.send(PRODUCTS)
            await session.send(BOOK)
            (outcome,) = [o async for o in session.fan_out(reads(1))]
        (credential, ceiling), *rest = shared.asked
        assert ceiling == 20
        assert len(credential) == 16
        assert rest == ["reserve", "succeeded", "reserve", "succeeded", "closed"]

    async def test_it_is_told_of_a_refusal_for_too_many(self):
        clock, shared = FakeClock(START), Noted()
        server = Server(clock, takes=1)
        async with session_on(server, clock=clock, limits=Limits(shared=shared)) as session:
            assert all([o.ok async for o in session.fan_out(reads(3))])
        assert ("refused", 5.0) in shared.asked

    @pytest.mark.parametrize("knows", [True, False])
    def test_a_gate_of_a_server_without_room_is_waited_for_once(self, knows):
        async def play():
            clock, shared = _virtual.VirtualClock(), Noted(knows=knows)
            server = Server(clock, takes=20)
            limits = Limits(shared=shared, adaptive=AdaptiveLimits(highest=4))
            async with session_on(server, clock=clock, limits=limits) as session:
                assert all([o.ok async for o in session.fan_out(reads(21))])
                assert regulator_of(session).keeps_rate  # by the 429
                server.takes = len(server.sent)
                server.refuse = refusal(503, "busy", retry_after="9")
                began = clock.elapsed()
                again = [slots_of(f"again-{n}") for n in range(9)]
                assert all([o.ok async for o in session.fan_out(again)])
            late = [moment for _, moment in server.sent if moment >= began + 9]
            assert len(late) >= 7
            assert shared.asked.count("reserve") < 60

        _virtual.run(play())

    async def test_credentials_that_do_not_last_share_nothing(self):
        from eguma_async.korus import KorusSession

        shared = Noted()
        session = KorusSession(token=lambda: "t" * 12, limits=Limits(shared=shared))
        await session.aclose()
        assert shared.asked == []


class TestPacing:
    async def test_a_known_rate_is_kept_from_the_start(self):
        clock = FakeClock(START)
        server = Server(clock)
        async with session_on(server, clock=clock, limits=Limits(pacing=10)) as session:
            await asyncio.gather(*map(session.send, reads(11)))
        moments = [moment for _, moment in server.sent]
        assert moments == pytest.approx([n / 10 for n in range(11)], abs=0.001)

    async def test_writes_do_not_keep_to_it(self):
        clock = FakeClock(START)
        server = Server(clock)
        async with session_on(server, clock=clock, limits=Limits(pacing=0.1)) as session:
            await session.send(PRODUCTS)
            await session.send(BOOK)
        assert [moment for _, moment in server.sent] == [0.0, 0.08]

    async def test_none_is_kept_if_that_is_asked_for(self):
        clock = FakeClock(START)
        server = Server(clock, takes=20)
        async with session_on(server, clock=clock, limits=Limits(pacing=False)) as session:
            assert all([o.ok async for o in session.fan_out(reads(40))])
            assert regulator_of(session).rate(clock.monotonic()) is None

    async def test_who_is_cancelled_while_it_waits_was_not_sent(self):
        clock = FakeClock(START, auto=False)
        gate = Gate(json_reply(CATALOGUE))
        gate.open.set()
        async with session_on(gate, clock=clock, limits=Limits(pacing=0.5)) as session:
            await session.send(PRODUCTS)
            second = asyncio.create_task(session.send(PRODUCTS))
            await clock.until_sleeping()
            second.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await second
            assert isinstance(caught.value.__cause__, NotSentError)
            assert session._layers._permits.free == 100
        assert len(gate.requests) == 1

    async def test_a_further_attempt_does_not_wait_beyond_the_deadline(self):
        clock = FakeClock(START)
        server = Server(clock, takes=0, refuse=refusal(429, "busy"))
        options: dict[str, Any] = {"limits": Limits(pacing=0.01), "retry": RetryPolicy(deadline=20)}
        async with session_on(server, clock=clock, **options) as session:
            with pytest.raises(NotSentError, match="after the deadline"):
                await session.send(PRODUCTS)
        assert clock.monotonic() < 21

    async def test_progress_shows_the_limit_and_the_rate(self):
        clock = FakeClock(START)
        server = Server(clock)
        seen: list[Any] = []
        async with session_on(server, clock=clock, limits=Limits(pacing=10)) as session:
            async for _ in session.fan_out(reads(20), on_progress=seen.append):
                pass
        assert seen[-1].limit >= 4
        assert seen[-1].pace == 10
        assert seen[-1].rate == pytest.approx(10, rel=0.2)
        assert seen[9].seconds_left == pytest.approx(1.0, rel=0.3)
        assert seen[-1].seconds_left == 0


async def test_an_unknown_product_is_one_outcome_of_many():
    def answer(request):
        return refusal(404, "not_found") if "/p7/" in request.url else json_reply(EMPTY_LIST)

    gate = Gate(answer)
    gate.open.set()
    async with session_on(gate) as session:
        outcomes = [o async for o in session.fan_out(reads(20), ordered=True)]
    assert [o.ok for o in outcomes] == [n != 7 for n in range(20)]
    assert type(outcomes[7].error) is NotFoundError
