"""Work that no caller's cancellation ends, and a session that waits for it when it is closed."""

from __future__ import annotations

import asyncio

import pytest

from eguma_async.core.errors import SessionStateError
from eguma_async.pipeline.background import Background, see_through
from eguma_async.testing import json_reply
from tests.support.calls import PRODUCTS, RELEASE, RELEASED, Gate, session_on, turns


async def test_it_goes_on_when_its_caller_is_cancelled():
    gate = Gate(json_reply(RELEASED))

    async def caller():
        await session.in_background(session.send(RELEASE))

    async with session_on(gate) as session:
        task = asyncio.create_task(caller())
        await turns()
        task.cancel()
        await asyncio.wait({task})
        work = session.in_background(session.send(RELEASE))
        await turns()
        gate.open.set()
        assert (await work).reservation_id == "r1"
    assert len(gate.requests) == 2


async def test_closing_waits_for_it_although_it_has_not_begun():
    gate = Gate(json_reply(RELEASED))
    session = session_on(gate)
    await session.__aenter__()
    work = session.in_background(session.send(RELEASE))
    closing = asyncio.create_task(session.aclose())
    await turns()
    assert not closing.done()
    gate.open.set()
    await closing
    assert work.done()
    assert work.result().reservation_id == "r1"


async def test_while_closing_others_are_refused():
    gate = Gate(json_reply(RELEASED))
    session = session_on(gate)
    await session.__aenter__()
    session.in_background(session.send(RELEASE))
    closing = asyncio.create_task(session.aclose())
    await turns()
    with pytest.raises(SessionStateError, match="is closed"):
        await session.send(PRODUCTS)
    gate.open.set()
    await closing


async def test_closing_is_seen_through_however_often_it_is_cancelled():
    gate = Gate(json_reply(RELEASED))
    session = session_on(gate)
    await session.__aenter__()
    work = session.in_background(session.send(RELEASE))
    closing = asyncio.create_task(session.aclose())
    for _ in range(5):
        await turns()
        closing.cancel()
    await turns()
    assert not closing.done()
    gate.open.set()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert work.result().reservation_id == "r1"


async def test_work_that_does_not_end_is_cut_off():
    background = Background()
    work = background.start(asyncio.Event().wait())
    await background.drain(0)
    assert work.cancelled()


async def test_closing_twice_at_once_closes_once():
    gate = Gate(json_reply(RELEASED))
    session = session_on(gate)
    await session.__aenter__()
    session.in_background(session.send(RELEASE))
    both = asyncio.gather(session.aclose(), session.aclose())
    await turns()
    gate.open.set()
    await both
    await session.aclose()


async def test_what_a_seen_through_task_raises_reaches_the_caller():
    async def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await see_through(asyncio.create_task(fail()))
