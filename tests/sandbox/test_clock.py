"""The clock that is moved by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from eguma_async import AsyncSession
from eguma_async.sandbox import EgumaSandbox, Reply, SandboxClock
from eguma_async.testing import FakeClock


async def _settle():
    for _ in range(10):
        await asyncio.sleep(0)


def test_advance_moves_the_wall_clock_and_the_monotonic_one(clock):
    start, seconds = clock.now(), clock.monotonic()
    assert clock.advance(minutes=61) == start + timedelta(minutes=61)
    assert clock.advance(timedelta(seconds=5), hours=1) - start == timedelta(hours=2, seconds=65)
    assert clock.monotonic() - seconds == 2 * 3600 + 65


def test_advance_takes_seconds_or_any_units(clock):
    start = clock.now()
    assert clock.advance(90) - start == timedelta(seconds=90)
    assert clock.advance(0.5) - start == timedelta(seconds=90.5)
    assert clock.advance() - start == timedelta(seconds=90.5)
    moved = clock.advance(1, weeks=1, days=2, hours=3, minutes=4)
    assert moved - start == timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=91.5)
    with pytest.raises(TypeError):
        clock.advance(years=1)


def test_advance_refuses_to_go_back(clock):
    with pytest.raises(ValueError, match="set"):
        clock.advance(seconds=-1)


@pytest.mark.parametrize(
    "move",
    [
        lambda clock: clock.advance(1e300),
        lambda clock: clock.advance(float("inf")),
        lambda clock: clock.advance(float("nan")),
        lambda clock: clock.advance(days=365 * 8000),
        lambda clock: clock.set(datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))),
        lambda clock: clock.set(datetime.max.replace(tzinfo=timezone(-timedelta(hours=14)))),
        lambda clock: clock.set(datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        lambda clock: clock.set(datetime(9000, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_beyond_the_calendar_is_refused_and_moves_nothing(clock, move):
    start, seconds = clock.now(), clock.monotonic()
    with pytest.raises(ValueError, match=r"1970 to 8999|NaN"):
        move(clock)
    assert (clock.now(), clock.monotonic()) == (start, seconds)


def test_the_first_and_the_last_second_can_be_set(clock):
    for moment in (datetime(1970, 1, 1, tzinfo=UTC), datetime(8999, 12, 31, 23, 59, tzinfo=UTC)):
        assert clock.set(moment) == moment


def test_set_goes_anywhere_and_the_monotonic_clock_only_forward(clock):
    clock.set(datetime(2040, 1, 1, tzinfo=UTC))
    assert clock.now() == datetime(2040, 1, 1, tzinfo=UTC)
    seconds = clock.monotonic()
    clock.set(datetime(2001, 1, 1, tzinfo=UTC))
    assert (clock.now().year, clock.monotonic()) == (2001, seconds)


def test_set_refuses_a_time_without_a_zone(clock):
    with pytest.raises(ValueError, match="zone"):
        clock.set(datetime(2040, 1, 1))


def test_it_runs_on_with_the_clock_below():
    below = SandboxClock()
    clock = SandboxClock(below)
    clock.set(datetime(2040, 1, 1, tzinfo=UTC))
    below.advance(days=1)
    assert timedelta(days=1) <= clock.now() - datetime(2040, 1, 1, tzinfo=UTC) < timedelta(days=2)


async def test_advancing_wakes_those_whose_time_has_come(clock):
    sleeper = asyncio.ensure_future(clock.wait(10))
    await _settle()
    clock.advance(seconds=9)
    await _settle()
    assert not sleeper.done()
    clock.advance(seconds=1)
    await sleeper


async def test_a_wait_ends_with_the_clock_below():
    below = FakeClock()
    clock = SandboxClock(below)
    await clock.wait(0)
    await clock.wait(5)
    assert below.sleeps == [5]
    assert clock.monotonic() == 5


async def test_a_pause_on_the_machines_clock_takes_no_time_and_moves_the_sandboxes():
    clock = SandboxClock()
    start, seconds = clock.now(), clock.monotonic()
    ran: list[Any] = []
    asyncio.get_running_loop().call_soon(ran.append, "others run meanwhile")
    await clock.sleep(3600)
    assert ran
    assert timedelta(hours=1) <= clock.now() - start < timedelta(hours=2)
    assert 3600 <= clock.monotonic() - seconds < 7200
    await clock.sleep(0)
    await clock.sleep(-1)


async def test_a_pause_on_another_clock_is_left_to_it():
    below = FakeClock()
    clock = SandboxClock(below)
    start = clock.now()
    await clock.sleep(5)
    assert below.sleeps == [5]
    assert clock.now() - start == timedelta(seconds=5)


async def test_a_session_with_the_clock_of_its_sandbox_does_not_wait():
    sandbox = EgumaSandbox()
    sandbox.faults.add(Reply(429, retry_after=50, path="*/products.json"))
    start = sandbox.clock.now()
    options: dict[str, Any] = {"transport": sandbox.transport(), "clock": sandbox.clock}
    async with AsyncSession(sandbox.demo_key, **options) as session:
        await session.ticketing.products.list()
    assert timedelta(seconds=50) <= sandbox.clock.now() - start
    assert sandbox.requests.total == 2


async def test_a_cancelled_wait_leaves_nothing_behind(clock):
    sleeper = asyncio.ensure_future(clock.wait(10))
    await _settle()
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper
    assert asyncio.all_tasks() == {asyncio.current_task()}
