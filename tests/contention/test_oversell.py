"""Races for the last places: nothing is sold twice, and a broken shop or client is noticed."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import pytest

from benchmarks import _race, _virtual
from benchmarks._history import Kind, Outcome, check
from benchmarks._shops import MUTANTS, SHOPS, EgumaShop, KorusShop
from benchmarks._weather import CHANCES
from benchmarks.oversell import race_often


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.ERROR, "eguma_async")


@pytest.mark.parametrize("provider", SHOPS)
def test_nothing_is_sold_twice(provider):
    tally = race_often(6, [provider])
    assert tally.holds, tally.counts()
    assert tally.checked_exactly == tally.races == 6
    assert tally.sold > 0
    assert tally.cut_off > 0
    assert set(tally.weather) == set(CHANCES)


def test_the_providers_take_turns():
    assert race_often(2, list(SHOPS), seed=5, buyers=20).holds


@pytest.mark.parametrize(
    ("provider", "mutant"),
    [(name, mutant) for name, shop in SHOPS.items() for mutant in shop.mutants],
)
def test_what_is_broken_on_purpose_is_noticed(provider, mutant):
    # A booking that is asked for twice with two keys is made twice only if both are in time.
    tally = race_often(30 if mutant == "new-key-per-attempt" else 8, [provider], mutant=mutant)
    assert not tally.holds
    assert tally.bad_races
    found = {
        "overselling-server": tally.findings.oversold,
        "forgetful-server": tally.not_linearizable,
        "phantom-confirmation": tally.findings.phantom_confirmations,
        "new-key-per-attempt": tally.findings.doubled,
    }
    assert found[mutant] > 0


def test_every_mutant_is_known():
    assert {*EgumaShop.mutants, *KorusShop.mutants} == set(MUTANTS)


def test_the_same_seed_gives_the_same_race():
    one, other = (_race.run("eguma", buyers=30, capacity=5, seed=9) for _ in range(2))
    assert [told(o) for o in one.operations] == [told(o) for o in other.operations]
    assert one.weather == other.weather


def told(operation):
    return operation.kind, operation.invoked_at, operation.returned_at, operation.outcome


def test_the_buyers_meet_every_answer():
    """A crowd that never oversleeps a hold, say, would prove little."""
    met: Counter[tuple[Kind, Outcome]] = Counter()
    for seed in range(60):
        race = _race.run("eguma", buyers=40, capacity=20, seed=seed)
        met.update((one.kind, one.outcome) for one in race.operations)
    for kind in (Kind.RESERVE, Kind.BOOK, Kind.BOOK_HELD):
        for outcome in (Outcome.OK, Outcome.REFUSED, Outcome.UNKNOWN):
            assert met[kind, outcome] >= 3, (kind, outcome)
    assert met[Kind.RELEASE, Outcome.OK] >= 3
    assert met[Kind.CANCEL, Outcome.OK] >= 3


def test_a_small_race_is_of_the_size_that_is_checked():
    race = _race.run("korus", buyers=12, capacity=5, seed=1)
    assert 12 <= len(race.operations) <= 60
    verdict = check(race.operations, capacity=5, hold_seconds=KorusShop.hold_seconds)
    assert verdict.linearizable


def test_hours_pass_in_no_time_and_a_deadlock_is_an_error():
    async def sleeps():
        clock = _virtual.VirtualClock()
        await asyncio.gather(clock.sleep(3600), clock.sleep(60))
        return clock.elapsed(), clock.now() - _virtual.START

    elapsed, passed = _virtual.run(sleeps())
    assert elapsed == passed.total_seconds() == 3600

    async def waits():
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="deadlock"):
        _virtual.run(waits())
