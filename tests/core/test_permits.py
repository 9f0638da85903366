"""Permits: none is lost, none is made up, and some are kept for those that go ahead."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.core.permits import Permits
from tests.support.calls import turns


def test_those_for_all_are_a_number():
    permits = Permits(2)
    assert [permits.try_acquire() for _ in range(3)] == [True, True, False]
    permits.release()
    assert permits.try_acquire()


def test_reserved_ones_are_there_while_the_others_hold_all():
    permits = Permits(2, 2)
    assert [permits.try_acquire() for _ in range(3)] == [True, True, False]
    assert [permits.try_acquire(ahead=True) for _ in range(3)] == [True, True, False]
    assert permits.free == -2


def test_the_others_get_none_while_reserved_ones_are_in_use_beyond_theirs():
    permits = Permits(1, 2)
    assert permits.try_acquire(ahead=True)
    assert not permits.try_acquire()
    permits.release()
    assert permits.try_acquire()


async def test_who_goes_ahead_goes_first_and_the_rest_in_their_order():
    permits, order = Permits(1, 1), []

    async def use(name, *, ahead=False):
        await permits.acquire(ahead=ahead)
        order.append(name)

    assert permits.try_acquire()
    assert permits.try_acquire(ahead=True)
    tasks = [asyncio.create_task(use("read 1")), asyncio.create_task(use("read 2"))]
    await turns()
    tasks.append(asyncio.create_task(use("write", ahead=True)))
    await turns()
    for _ in range(4):
        permits.release()
        await turns()
    assert order == ["write", "read 1", "read 2"]
    await asyncio.gather(*tasks)


async def test_a_permit_given_to_somebody_who_is_cancelled_goes_to_the_next():
    permits = Permits(1)
    assert permits.try_acquire()
    first, second = (asyncio.create_task(permits.acquire()) for _ in range(2))
    await turns()
    permits.release()
    first.cancel()
    await turns()
    assert first.cancelled()
    assert second.done()
    assert permits.free == 0


async def test_somebody_who_was_cancelled_before_is_passed_over():
    permits = Permits(1)
    assert permits.try_acquire()
    first, second = (asyncio.create_task(permits.acquire()) for _ in range(2))
    await turns()
    first.cancel()
    permits.release()  # before the first has run
    await turns()
    assert first.cancelled()
    assert second.done()
    assert permits.free == 0


@pytest.mark.parametrize("has_permit", [True, False])
async def test_who_never_goes_on_keeps_none(has_permit):
    permits = Permits(1)
    assert permits.try_acquire()
    waiting = permits.acquire()
    waiting.send(None)
    if has_permit:
        permits.release()
    waiting.close()  # as the garbage collector does
    if not has_permit:
        permits.release()
    assert permits.free == 1


@pytest.mark.parametrize("reserved", [0, 1, 4])
@given(steps=st.lists(st.tuples(st.sampled_from("rwdc"), st.integers(0, 30)), max_size=60))
def test_none_leaks_and_none_is_made_up(reserved, steps):
    async def play():
        permits = Permits(3, reserved)
        waiting: list[Any] = []
        holding: list[asyncio.Event] = []

        async def use(*, ahead):
            task = asyncio.current_task()
            if not permits.try_acquire(ahead=ahead):
                await permits.acquire(ahead=ahead)
            holding.append(done := asyncio.Event())
            waiting.remove(task)
            try:
                await done.wait()
            finally:
                permits.release()

        everyone = []
        for step, number in steps:
            if step in "rw":
                task = asyncio.create_task(use(ahead=step == "w"))
                waiting.append(task)
                everyone.append(task)
            elif step == "d" and holding:
                holding.pop(number % len(holding)).set()
            elif step == "c" and waiting:
                waiting[number % len(waiting)].cancel()
                waiting.pop(number % len(waiting))
            if number % 3:
                await turns(3)
            assert -reserved <= permits.free <= 3
        for task in everyone:
            task.cancel()
        await asyncio.gather(*everyone, return_exceptions=True)
        assert permits.free == 3
        assert all(permits.try_acquire() for _ in range(3))
        assert all(permits.try_acquire(ahead=True) for _ in range(reserved))
        assert not permits.try_acquire(ahead=True)

    asyncio.run(play())
