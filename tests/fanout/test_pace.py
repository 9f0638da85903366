"""The rate that the workers of a cluster share."""

from __future__ import annotations

import pytest

from eguma_async.core.errors import ConfigurationError
from eguma_async.fanout.pace import Pacer, SharedRate, checked_rate
from eguma_async.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_there_is_no_limit_before_the_first_429(clock) -> None:
    shared = SharedRate(None, clock)

    assert (shared.rate, shared.share) == (None, None)


def test_each_worker_has_an_equal_part(clock) -> None:
    shared = SharedRate(100.0, clock)
    shared.workers = 4

    assert shared.share == 25.0
    shared.workers = 0
    assert shared.share == 100.0


def test_a_429_lowers_what_was_given_once_a_second(clock) -> None:
    shared = SharedRate(100.0, clock)

    assert [shared.lower(), shared.lower()] == [True, False]
    assert shared.rate == 70.0
    clock.advance(1.0)
    assert shared.lower()
    assert shared.rate == pytest.approx(49.0)


def test_a_429_without_a_given_rate_lowers_the_rate_of_the_results(clock) -> None:
    shared = SharedRate(None, clock)
    for _ in range(4):
        clock.advance(1.0)
        shared.count(50)

    assert shared.lower()

    assert shared.rate == pytest.approx(35.0)


def test_results_of_long_ago_do_not_count(clock) -> None:
    shared = SharedRate(None, clock)
    shared.count(1_000_000)
    clock.advance(20.0)
    shared.count(10)

    shared.lower()

    assert shared.rate == pytest.approx(7.0)


def test_it_grows_again_up_to_what_was_given(clock) -> None:
    shared = SharedRate(100.0, clock)
    shared.lower()

    clock.advance(1.0)
    assert shared.rate == 70.0
    clock.advance(1.0)
    assert shared.rate == pytest.approx(71.4)
    clock.advance(1000.0)
    assert shared.rate == 100.0


def test_it_never_comes_to_a_stop(clock) -> None:
    shared = SharedRate(1.0, clock)
    for _ in range(100):
        clock.advance(1.0)
        shared.lower()

    assert shared.rate == 0.1


async def test_a_worker_spaces_its_requests(clock) -> None:
    pacer = Pacer(clock)
    await pacer.turn()
    pacer.rate = 10.0

    for _ in range(4):
        await pacer.turn()

    assert clock.sleeps == pytest.approx([0.1, 0.1, 0.1])


async def test_a_worker_does_not_save_up_turns(clock) -> None:
    pacer = Pacer(clock)
    pacer.rate = 10.0
    await pacer.turn()
    clock.advance(60.0)
    for _ in range(3):
        await pacer.turn()

    assert clock.sleeps == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize("rate", [0, -1, True, "5", float("nan"), float("inf")])
def test_a_rate_is_a_number_above_zero(rate) -> None:
    with pytest.raises(ConfigurationError, match="rate must be a number"):
        checked_rate(rate)


def test_a_rate_may_be_left_out() -> None:
    assert (checked_rate(None), checked_rate(5)) == (None, 5.0)
