"""The clock that is moved by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from eguma_async.sandbox import SandboxClock


async def _settle():
    for _ in range(10):
        await asyncio.sleep(0)


def test_advance_moves_the_wall_clock_and_the_monotonic_one(clock):
    start, seconds = clock.now(), clock.monotonic()
    assert clock.advance(minutes=61) == start + timedelta(minutes=61)
    assert clock.advance(timedelta(seconds=5), hours=1) - start == timedelta(hours=2, seconds=65)
    assert clock.monotonic() - seconds == 2 * 3600 + 65


def test_advance_refuses_to_go_back(clock):
    with pytest.raises(ValueError, match="set"):
        clock.advance(seconds=-1)


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
    sleeper = asyncio.ensure_future(clock.sleep(10))
    await _settle()
    clock.advance(seconds=9)
    await _settle()
    assert not sleeper.done()
    clock.advance(seconds=1)
    await sleeper


async def test_a_sleep_ends_with_the_clock_below():
    below = SandboxClock()
    await SandboxClock(below).sleep(0)
    await SandboxClock(below).sleep(0.001)


async def test_a_cancelled_sleep_leaves_nothing_behind(clock):
    sleeper = asyncio.ensure_future(clock.sleep(10))
    await _settle()
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper
    assert asyncio.all_tasks() == {asyncio.current_task()}
