"""The limit that adapts, the rate, and what they share: rules on moments, and no clock."""

from __future__ import annotations

import asyncio
import gc
import math
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.core.errors import ConfigurationError
from eguma_async.pipeline.adaptive import AdaptiveLimit, AdaptiveLimits
from eguma_async.pipeline.limiting import Limits
from eguma_async.pipeline.pacing import Pacer, cubic
from eguma_async.pipeline.regulator import Regulator, regulator_for
from tests.support.calls import turns


class Reads:
    """Reads of a limit, so many at once."""

    def __init__(self, limit: AdaptiveLimit) -> None:
        self.limit = limit
        self.now = 0.0

    def window(self, took: float, *, at_once: int | None = None, windows: int = 1) -> None:
        """Let windows pass in which each read takes so long."""
        for _ in range(windows):
            end = self.now + 0.25
            samples = 0
            while self.now < end or samples < 16:
                count = int(self.limit.limit) if at_once is None else at_once
                for _ in range(count):
                    self.limit.started()
                began = self.now
                self.now += took
                for _ in range(count):
                    self.limit.answered(began, self.now)
                    self.limit.ended()
                samples += count


class TestLimit:
    def test_it_starts_at_four(self):
        assert AdaptiveLimit(AdaptiveLimits()).limit == 4

    def test_it_grows_by_one_an_answer_to_begin_with(self):
        limit = AdaptiveLimit(AdaptiveLimits())
        for _ in range(4):
            limit.started()
        for _ in range(3):
            limit.answered(0.0, 0.08)
        assert limit.limit == 7

    def test_it_does_not_while_nobody_uses_it(self):
        limit = AdaptiveLimit(AdaptiveLimits())
        limit.started()
        for _ in range(15):
            limit.answered(0.0, 0.08)
        assert limit.limit == 4

    def test_a_refusal_cuts_it_once_for_all_that_were_under_way(self):
        limit = AdaptiveLimit(AdaptiveLimits(start=40))
        for moment in (0.50, 0.51, 0.52):
            limit.refused(0.4, moment)
        assert limit.limit == pytest.approx(28)
        limit.refused(0.501, 0.6)  # that one went out after the cut
        assert limit.limit == pytest.approx(19.6)

    def test_after_a_cut_it_grows_by_a_window(self):
        limit = AdaptiveLimit(AdaptiveLimits(start=16))
        reads = Reads(limit)
        reads.window(0.08)
        limit.refused(reads.now, reads.now)
        cut = limit.limit
        reads.window(0.08)
        assert limit.limit - cut == pytest.approx(max(1.0, math.sqrt(cut) / 2))

    def test_answers_that_take_longer_stop_it_and_twice_as_long_shrink_it(self):
        limit = AdaptiveLimit(AdaptiveLimits(start=16))
        reads = Reads(limit)
        reads.window(0.08, at_once=2)
        assert limit.limit == 16
        reads.window(0.14)
        held = limit.limit  # the first answers of that window still made it grow
        reads.window(0.14)
        assert limit.limit == held
        reads.window(0.20)
        assert limit.limit == pytest.approx(held * 0.9)

    def test_a_window_has_sixteen_answers_at_least(self):
        limit = AdaptiveLimit(AdaptiveLimits(start=10))
        limit.refused(0.0, 0.1)
        for n in range(15):
            limit.answered(n * 1.0, n * 1.0 + 0.08)
        assert limit._samples == 15

    @given(
        bounds=st.tuples(st.integers(1, 8), st.integers(0, 30), st.integers(0, 30)),
        events=st.lists(
            st.tuples(st.sampled_from(["answer", "refuse"]), st.floats(0, 10), st.floats(0, 10)),
            max_size=200,
        ),
    )
    def test_it_stays_within_its_bounds(self, bounds, events):
        lowest, above, more = bounds
        limits = AdaptiveLimits(lowest=lowest, start=lowest + above, highest=lowest + above + more)
        limit, now = AdaptiveLimit(limits), 0.0
        for kind, took, passed in events:
            limit.started()
            now += passed
            if kind == "answer":
                limit.answered(now - took, now)
            else:
                limit.refused(now - took, now)
            assert limits.lowest <= limit.limit <= limits.highest
            if now > 5:
                limit.ended()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"start": 0},
            {"lowest": 0},
            {"highest": 3},
            {"lowest": 5},
            {"start": 2.5},
            {"start": True},
        ],
    )
    def test_bounds_without_sense_are_refused(self, wrong):
        with pytest.raises(ConfigurationError):
            AdaptiveLimits(**wrong)


def answered(pacer: Pacer, *, rate: float, since: float, until: float) -> None:
    for n in range(int((until - since) * rate)):
        moment = since + n / rate
        pacer.answered(moment, moment)


class TestPacer:
    def test_it_is_not_armed_before_a_refusal(self):
        pacer = Pacer()
        answered(pacer, rate=50, since=0, until=3)
        assert not pacer.is_armed

    def test_a_refusal_with_nothing_to_tell_a_rate_by_does_not_arm_it(self):
        pacer = Pacer()
        pacer.refused(1.0, 5.0)
        assert not pacer.is_armed

    def test_it_goes_on_a_tenth_slower_than_what_was_answered(self):
        pacer = Pacer()
        answered(pacer, rate=50, since=0, until=3)
        pacer.refused(3.0, 0.0)
        assert pacer.rate(3.0) == pytest.approx(50 * 0.9, rel=0.05)

    def test_what_the_server_asks_to_wait_is_what_it_counts_by(self):
        pacer = Pacer()
        answered(pacer, rate=600, since=0, until=1)  # all of a minute within a second
        pacer.refused(1.0, 30.0)
        assert pacer.rate(31.0) == pytest.approx(600 / 30 * 0.97 * 0.9, rel=0.03)
        assert pacer.reserve(1.1) == pytest.approx(29.9)

    def test_turns_are_evenly_spaced(self):
        pacer = Pacer(20.0)
        waits = [pacer.reserve(5.0) for _ in range(5)]
        assert waits == pytest.approx([0.0, 0.05, 0.10, 0.15, 0.20])

    def test_answers_to_what_went_out_before_the_cut_raise_it(self):
        pacer = Pacer()
        answered(pacer, rate=50, since=0, until=3)
        pacer.refused(3.0, 1.0)
        before = pacer.rate(4.0)
        for _ in range(5):
            pacer.answered(2.9, 3.1)
        assert pacer.rate(4.0) == pytest.approx(before + 5 * 0.9)

    def test_a_storm_of_refusals_is_one(self):
        pacer = Pacer()
        answered(pacer, rate=50, since=0, until=3)
        for n in range(50):
            pacer.refused(3.0 + n / 100, 0.0)
        assert pacer.cuts == 1

    def test_one_cut_takes_no_more_than_half(self):
        pacer = Pacer()
        answered(pacer, rate=50, since=0, until=3)
        pacer.refused(3.0, 0.0)
        pacer.refused(9.0, 0.0)  # nothing was asked for meanwhile
        first = cubic(pacer._most, 0.0)
        assert pacer.rate(9.0) >= first * 0.5

    def test_the_curve_comes_back_to_its_peak_and_goes_on_with_care(self):
        rates = [cubic(100.0, n / 10) for n in range(31)]
        assert rates[0] == pytest.approx(90)
        assert rates[10] == pytest.approx(100)
        assert rates[12] < 100.1
        assert rates[20] == pytest.approx(110)
        assert all(a <= b for a, b in pairwise(rates))

    def test_a_known_rate_is_never_exceeded(self):
        pacer = Pacer(20.0)
        answered(pacer, rate=50, since=0, until=3)
        pacer.refused(3.0, 0.0)
        assert pacer.rate(1000.0) == 20.0

    def test_a_shorter_wait_does_not_take_a_longer_one_back(self):
        pacer = Pacer()
        pacer.refused(0.0, 3.0)
        pacer.answered(-0.1, 0.0)
        pacer.refused(0.0, 2.0)
        assert pacer.is_armed
        assert pacer.reserve(0.0) == 3.0

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["answer", "refuse", "reserve"]), st.floats(0, 20), st.floats(0, 60)
            ),
            max_size=100,
        )
    )
    def test_the_rate_is_always_one(self, events):
        pacer, now, opens = Pacer(), 0.0, 0.0
        for kind, passed, asked in events:
            now += passed
            if kind == "answer":
                pacer.answered(now - 0.1, now)
            elif kind == "refuse":
                pacer.refused(now, asked)
                opens = max(opens, now + asked)
            elif pacer.is_armed:
                wait = pacer.reserve(now)
                assert wait >= 0
                assert now + wait >= opens - 1e-6
            if pacer.is_armed:
                assert 0.4 < pacer.rate(now) < math.inf


class TestRegulator:
    async def test_a_higher_limit_wakes_as_many_as_it_allows(self):
        regulator = Regulator(AdaptiveLimits(start=1, highest=8))
        assert regulator.try_acquire()
        waiting = [asyncio.create_task(regulator.acquire()) for _ in range(5)]
        await turns()
        regulator.started()
        for _ in range(3):
            regulator.answered(0.0, 0.01)
        regulator.ended()
        regulator.release()
        await turns()
        assert [task.done() for task in waiting] == [True] * 3 + [False] * 2
        for task in waiting[3:]:
            task.cancel()
        await turns()
        assert regulator.held == 3

    @given(
        st.lists(st.tuples(st.sampled_from("adrck"), st.integers(0, 20)), max_size=60),
    )
    def test_permits_do_not_leak(self, steps):
        async def play():
            regulator = Regulator(AdaptiveLimits(start=3, highest=6))
            tasks, now, holding = [], 0.0, []

            async def use():
                if not regulator.try_acquire():
                    await regulator.acquire()
                holding.append(done := asyncio.Event())
                try:
                    await done.wait()
                finally:
                    regulator.release()

            for step, number in steps:
                now += number
                if step == "a":
                    tasks.append(asyncio.create_task(use()))
                elif step == "d" and holding:
                    holding.pop(number % len(holding)).set()
                elif step == "r":
                    regulator.refused(now, now, None)
                elif step == "k":
                    regulator.started()
                    regulator.answered(now, now + 0.1)
                    regulator.ended()
                elif step == "c" and tasks:
                    tasks[number % len(tasks)].cancel()
                if number % 2:
                    await turns(3)
                assert 0 <= regulator.held <= 6
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert regulator.held == 0
            assert regulator.try_acquire()

        asyncio.run(play())

    def test_loops_in_several_threads_share_one(self):
        regulator, most, now_held = Regulator(AdaptiveLimits(start=2, highest=2)), [], []

        async def work():
            for _ in range(50):
                if not regulator.try_acquire():
                    await regulator.acquire()
                try:
                    now_held.append(1)
                    most.append(len(now_held))
                    await asyncio.sleep(0)
                finally:
                    now_held.pop()
                    regulator.release()

        async def several():
            await asyncio.wait_for(asyncio.gather(*(work() for _ in range(4))), 20)

        threads = [threading.Thread(target=asyncio.run, args=(several(),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert regulator.held == 0
        assert len(most) == 3 * 4 * 50
        assert max(most) <= 2

    @pytest.mark.parametrize("has_permit", [True, False])
    def test_a_loop_that_ends_without_a_word_keeps_no_permit(self, has_permit):
        regulator = Regulator(AdaptiveLimits(start=1))
        assert regulator.try_acquire()
        waiting = begun(regulator, Closing(), then=regulator.release if has_permit else None)
        waiting.close()  # as the garbage collector does
        assert regulator.held == (not has_permit)
        if not has_permit:
            regulator.release()
        assert regulator.try_acquire()

    async def test_a_permit_for_a_loop_that_has_just_closed_goes_to_the_next(self):
        regulator = Regulator(AdaptiveLimits(start=1))
        assert regulator.try_acquire()
        loop = Closing()
        lost = begun(regulator, loop)
        loop.looks_open = True
        other = asyncio.create_task(regulator.acquire())
        await turns()
        regulator.release()
        await turns()
        assert other.done()
        loop.looks_open = False
        lost.close()
        assert regulator.held == 1

    def test_the_collector_may_give_a_permit_back_at_any_point(self):
        """It runs in whatever thread makes an object, under the lock, too."""
        regulator = Regulator(AdaptiveLimits(start=2))
        assert regulator.try_acquire()

        def collect():
            with regulator._lock:
                regulator.release()
            done.set()

        done = threading.Event()
        threading.Thread(target=collect, daemon=True).start()
        assert done.wait(5)
        assert regulator.held == 0


class Closing(asyncio.SelectorEventLoop):
    """Looks open for as long as that is asked, and is closed by the time it is called."""

    looks_open = False

    def is_closed(self):
        return not self.looks_open and super().is_closed()


def begun(regulator, loop, then=None):
    """Return a wait for a permit, in a loop that does something else, and closes."""

    async def begin():
        waiting = regulator.acquire()
        waiting.send(None)
        return waiting

    found = []
    thread = threading.Thread(target=lambda: found.append(loop.run_until_complete(begin())))
    thread.start()
    thread.join()
    if then is not None:
        then()
    loop.close()
    return found[0]


class TestSharing:
    def make(self, credential="abc", place=("p", "https://a"), *, pacing=True, clock=None):
        return regulator_for(
            credential,
            place,
            AdaptiveLimits(),
            pacing=pacing,
            shared=None,
            monotonic=clock or self.monotonic,
        )

    @staticmethod
    def monotonic():
        return 0.0

    def test_one_credential_has_one(self):
        one = self.make()
        assert self.make() is one

    @pytest.mark.parametrize(
        "other",
        [
            {"credential": "abd"},
            {"place": ("p", "https://b")},
            {"pacing": 1.0},
            {"pacing": 1},
            {"clock": lambda: 0.0},
        ],
    )
    def test_another_has_another(self, other):
        one = self.make()
        assert self.make(**other) is not one

    def test_one_that_does_not_last_shares_nothing(self):
        assert self.make("") is not self.make("")

    def test_it_is_forgotten_with_its_last_session(self):
        one = self.make("forgotten")
        one.refused(0.0, 1.0, 50.0)
        del one
        gc.collect()
        assert self.make("forgotten").closed_for(0.0) == 0.0


class TestOptions:
    @pytest.mark.parametrize("value", [0, -1, 5e-324, 10**400, math.inf, math.nan, "20", None])
    def test_a_pacing_without_sense(self, value):
        with pytest.raises(ConfigurationError, match="pacing must be"):
            Limits(pacing=value)

    @pytest.mark.parametrize("value", [-1, 1.5, True, None])
    def test_a_reserve_without_sense(self, value):
        with pytest.raises(ConfigurationError, match="reserved must be"):
            Limits(reserved=value)

    @pytest.mark.parametrize("value", [True, 5, AdaptiveLimits, None])
    def test_bounds_of_the_wrong_kind(self, value):
        with pytest.raises(ConfigurationError, match="adaptive must be"):
            Limits(adaptive=value)
