"""What a cancelled call tells: whether the request may have been processed, and its key."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from eguma_async.core.errors import (
    NotSentError,
    OutcomeUnknownError,
    ServerError,
    unknown_outcome,
)
from eguma_async.core.messages import HttpResponse
from eguma_async.pipeline.limiting import Limits
from eguma_async.pipeline.policy import RetryPolicy
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply
from tests.support.calls import (
    BOOK,
    CANCEL,
    CATALOGUE,
    PRODUCTS,
    RELEASE,
    RESERVE,
    START,
    Gate,
    not_sent,
    session_on,
    turns,
    unknown,
)

WRITES = [BOOK, RESERVE, CANCEL, RELEASE]


async def cancelled(task: asyncio.Task[Any]) -> asyncio.CancelledError:
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    return caught.value


@pytest.mark.parametrize("operation", WRITES, ids=lambda op: op.name())
async def test_a_write_on_its_way_may_have_been_processed(operation):
    async with session_on(Gate()) as session:
        task = asyncio.create_task(session.send(operation))
        await turns()
        error = await cancelled(task)
    outcome = unknown_outcome(error)
    assert outcome is error.__cause__
    assert outcome is not None
    assert (outcome.operation, outcome.attempts) == (operation.name(), 1)


async def test_a_booking_on_its_way_tells_its_key():
    transport = Gate()
    async with session_on(transport) as session:
        task = asyncio.create_task(session.send(BOOK))
        await turns()
        outcome = unknown_outcome(await cancelled(task))
    assert outcome is not None
    assert outcome.idempotency_key == transport.requests[0].headers["Idempotency-Key"]


async def test_a_read_on_its_way_has_no_outcome():
    async with session_on(Gate()) as session:
        task = asyncio.create_task(session.send(PRODUCTS))
        await turns()
        assert unknown_outcome(await cancelled(task)) is None


async def test_the_outcome_is_found_behind_a_timeout():
    async with session_on(Gate()) as session:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0):
                await session.send(BOOK, idempotency_key="key-1")
    outcome = unknown_outcome(caught.value)
    assert outcome is not None
    assert outcome.idempotency_key == "key-1"


async def test_the_outcome_is_found_behind_wait_for():
    async with session_on(Gate()) as session:
        with pytest.raises(TimeoutError) as caught:
            await asyncio.wait_for(session.send(BOOK, idempotency_key="key-1"), 0.001)
    outcome = unknown_outcome(caught.value)
    assert outcome is not None
    assert outcome.idempotency_key == "key-1"


@pytest.mark.parametrize("operation", WRITES, ids=lambda op: op.name())
async def test_a_write_that_waits_for_its_turn_was_not_sent(operation):
    transport = Gate()
    async with session_on(transport, limits=Limits(concurrency=1, reserved=0)) as session:
        first = asyncio.create_task(session.send(PRODUCTS))
        await turns()
        second = asyncio.create_task(session.send(operation))
        await turns()
        error = await cancelled(second)
        assert unknown_outcome(error) is None
        assert isinstance(error.__cause__, NotSentError)
        assert error.__cause__.operation == operation.name()
        transport.open.set()
        await first
        assert [r.operation for r in transport.requests] == ["ListProducts"]


class TestBetweenAttempts:
    async def pausing(self, clock, *steps, operation=BOOK):
        session = session_on(
            ScriptedTransport(*steps), clock=clock, retry=RetryPolicy(attempts=9, budget=1.0)
        )
        await session.__aenter__()
        task = asyncio.create_task(session.send(operation))
        await clock.until_sleeping()
        return session, task

    @pytest.mark.parametrize("operation", [BOOK, CANCEL, RELEASE], ids=lambda op: op.name())
    async def test_after_an_unknown_attempt_the_outcome_is_unknown(self, operation):
        clock = FakeClock(START, auto=False)
        session, task = await self.pausing(clock, unknown(), operation=operation)
        outcome = unknown_outcome(await cancelled(task))
        assert outcome is not None
        assert (outcome.operation, outcome.attempts) == (operation.name(), 1)
        await session.aclose()

    async def test_after_a_later_attempt_that_was_not_sent_it_still_is(self):
        clock = FakeClock(START, auto=False)
        session, task = await self.pausing(clock, unknown(), not_sent())
        clock.advance(1)
        await clock.until_sleeping()
        outcome = unknown_outcome(await cancelled(task))
        assert outcome is not None
        assert outcome.attempts == 2
        await session.aclose()

    async def test_after_an_unreadable_success_it_is_too(self):
        clock = FakeClock(START, auto=False)
        malformed = HttpResponse(status=200, body=b'{"booking_id":')
        session, task = await self.pausing(clock, malformed, not_sent())
        outcome = unknown_outcome(await cancelled(task))
        assert outcome is not None
        assert outcome.idempotency_key is not None
        await session.aclose()

    @pytest.mark.parametrize("first", [not_sent, lambda: HttpResponse(status=429)])
    async def test_if_nothing_was_processed_there_is_no_outcome(self, first):
        clock = FakeClock(START, auto=False)
        session, task = await self.pausing(clock, first())
        assert unknown_outcome(await cancelled(task)) is None
        await session.aclose()

    async def test_a_read_has_none(self):
        clock = FakeClock(START, auto=False)
        session, task = await self.pausing(clock, unknown(), operation=PRODUCTS)
        assert unknown_outcome(await cancelled(task)) is None
        await session.aclose()

    async def test_waiting_for_its_turn_after_an_unknown_attempt_it_is_unknown(self):
        clock = FakeClock(START, auto=False)
        blocker = asyncio.Event()

        async def block(request):
            await blocker.wait()
            return json_reply(CATALOGUE)

        transport = ScriptedTransport(unknown(), block)
        session = session_on(transport, clock=clock, limits=Limits(concurrency=1, reserved=0))
        async with session:
            booking = asyncio.create_task(session.send(BOOK))
            await clock.until_sleeping()
            read = asyncio.create_task(session.send(PRODUCTS))
            await turns()
            clock.advance(10)
            await turns()
            outcome = unknown_outcome(await cancelled(booking))
            assert isinstance(outcome, OutcomeUnknownError)
            assert outcome.attempts == 2
            blocker.set()
            await read


async def test_a_cancellation_is_not_swallowed_by_a_lookup():
    gate = Gate()

    async def stall(request):
        return await gate.send(request)

    refused = HttpResponse(status=400, body=b'{"error_code":"validation_error"}')
    async with session_on(ScriptedTransport(unknown(), refused, stall)) as session:
        task = asyncio.create_task(session.send(CANCEL))
        await turns(50)
        assert gate.under_way == 1
        outcome = unknown_outcome(await cancelled(task))
    assert isinstance(outcome, OutcomeUnknownError)
    assert (outcome.operation, outcome.attempts) == ("CancelBooking", 3)
    assert outcome.refusal is not None
    assert outcome.refusal.status == 400


async def test_a_task_group_drops_a_cancelled_booking_and_the_log_keeps_its_key(caplog):
    gate = Gate()

    async def fails():
        await turns(5)
        raise RuntimeError("a sibling")

    async with session_on(gate) as session:
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(session.send(BOOK, idempotency_key="my-order-7"))
                group.create_task(fails())
    assert unknown_outcome(caught.value) is None  # asyncio threw it away
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line == (
        "BookTickets was cancelled under way and may have been processed;"
        " idempotency key: my-order-7"
    )


async def test_a_booking_cancelled_before_it_was_sent_is_no_warning(caplog):
    gate = Gate()
    async with session_on(gate, limits=Limits(concurrency=1, reserved=0)) as session:
        under_way = asyncio.create_task(session.send(PRODUCTS))
        await turns()
        waiting = asyncio.create_task(session.send(BOOK, idempotency_key="my-order-7"))
        await turns()
        error = await cancelled(waiting)
        gate.open.set()
        await asyncio.wait({under_way})
    assert unknown_outcome(error) is None
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


async def test_a_server_error_of_a_booking_is_an_unknown_outcome_too():
    async with session_on(ScriptedTransport(*[json_reply({}, 502)] * 5)) as session:
        with pytest.raises(ServerError) as caught:
            await session.send(BOOK, idempotency_key="my-order-8")
    assert unknown_outcome(caught.value) is caught.value
    assert caught.value.idempotency_key == "my-order-8"


async def test_permits_survive_thousands_of_cancellations():
    rng = random.Random(7)
    transport = Gate()
    async with session_on(transport, limits=Limits(concurrency=5)) as session:
        for _ in range(300):
            tasks = [asyncio.create_task(session.send(PRODUCTS)) for _ in range(10)]
            await turns(rng.randrange(4))
            for task in tasks:
                task.cancel()
                if rng.random() < 0.3:
                    await turns(1)
            await asyncio.gather(*tasks, return_exceptions=True)
        assert transport.under_way == 0
        assert transport.most == 5
        transport.open.set()
        answers = await asyncio.gather(*(session.send(PRODUCTS) for _ in range(20)))
        assert len(answers) == 20


async def test_what_a_faulty_transport_raises_names_the_key_of_the_booking():
    class Faulty:
        async def send(self, request, /):
            raise ConnectionResetError("peer")

        async def aclose(self):
            pass

    async with session_on(Faulty()) as session:
        with pytest.raises(ConnectionResetError) as caught:
            await session.send(BOOK, idempotency_key="my-order-9")
        assert caught.value.__notes__ == [
            "BookTickets may have been processed; idempotency key my-order-9"
        ]
        with pytest.raises(ConnectionResetError) as read:
            await session.send(PRODUCTS)
        assert not hasattr(read.value, "__notes__")
