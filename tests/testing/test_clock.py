from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from eguma_async.core.clock import Clock, checked_clock
from eguma_async.testing import FakeClock


async def test_sleeping_moves_the_time_by_itself():
    clock = FakeClock(datetime(2026, 3, 1, tzinfo=UTC))
    as_one: Clock = clock
    assert checked_clock(as_one) is clock
    await clock.sleep(90)
    await clock.sleep(0.5)
    assert clock.now() == datetime(2026, 3, 1, 0, 1, 30, 500_000, tzinfo=UTC)
    assert clock.monotonic() == 90.5
    assert clock.sleeps == [90, 0.5]


async def test_sleeping_lets_other_tasks_run():
    ran: list[str] = []
    task = asyncio.create_task(asyncio.sleep(0))
    asyncio.get_running_loop().call_soon(ran.append, "callback")
    await FakeClock().sleep(1)
    assert "callback" in ran
    await task


def test_the_time_starts_where_it_is_told_and_is_in_utc():
    start = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=1)))
    assert FakeClock(start).now().isoformat() == "2026-03-01T11:00:00+00:00"
    assert FakeClock().now() == FakeClock().now()
    assert FakeClock().now().tzinfo is UTC


def test_a_naive_start_is_refused():
    with pytest.raises(ValueError, match="aware"):
        FakeClock(datetime(2026, 3, 1))


@pytest.mark.parametrize(
    "by", [{"seconds": -1}, {"days": -1, "hours": 23}, {"seconds": math.nan}, {"seconds": math.inf}]
)
def test_time_does_not_go_back(by):
    clock = FakeClock()
    with pytest.raises(ValueError, match="back"):
        clock.advance(**by)
    assert clock.monotonic() == 0


def test_time_goes_on_by_any_unit():
    clock = FakeClock(datetime(2026, 3, 1, tzinfo=UTC))
    clock.advance(1.5)
    clock.advance(seconds=0.5, minutes=61)
    assert clock.now() == datetime(2026, 3, 1, 1, 1, 2, tzinfo=UTC)
    assert clock.advance(weeks=1, days=1, hours=1.5) == datetime(2026, 3, 9, 2, 31, 2, tzinfo=UTC)
    assert clock.advance() == clock.now()


async def test_sleepers_wait_until_the_time_passes_them_and_wake_in_order():
    clock = FakeClock(auto=False)
    woken: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    async with asyncio.TaskGroup() as group:
        for name, seconds in [("c", 3), ("a", 1), ("b1", 2), ("b2", 2)]:
            group.create_task(sleeper(name, seconds))
        await clock.until_sleeping(4)
        clock.advance(0.9)
        await asyncio.sleep(0)
        assert woken == []
        clock.advance(1.1)
        await asyncio.sleep(0)
        assert woken == ["a", "b1", "b2"]
        assert clock.sleeping == 1
        clock.advance(10)
    assert woken == ["a", "b1", "b2", "c"]


async def test_a_cancelled_sleeper_is_not_counted_and_not_woken():
    clock = FakeClock(auto=False)
    task = asyncio.create_task(clock.sleep(1))
    await clock.until_sleeping()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.sleeping == 0
    clock.advance(2)


async def test_nobody_waits_for_no_time():
    await FakeClock(auto=False).sleep(0)


async def test_waiting_for_sleepers_that_never_come_fails():
    with pytest.raises(AssertionError, match="0 tasks sleep on the clock, not 1"):
        await FakeClock(auto=False).until_sleeping()
