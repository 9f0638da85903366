"""The retry rule: each cell of the table, its bounds, and the budget."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.messages import Repeat
from eguma_async.core.provider import Verdict
from eguma_async.pipeline.policy import RetryBudget, RetryPolicy, may_repeat

READ, IDEMPOTENT, KEYED, ONCE = Repeat.READ, Repeat.IDEMPOTENT, Repeat.KEYED, Repeat.ONCE
NOT_SENT, UNKNOWN, REFUSED = Verdict.NOT_SENT, Verdict.UNKNOWN, Verdict.REFUSED
IN_PROGRESS, FINAL = Verdict.IN_PROGRESS, Verdict.FINAL
UNAUTHORIZED = Verdict.UNAUTHORIZED

TABLE = {
    # verdict: (READ, IDEMPOTENT, KEYED, ONCE)
    NOT_SENT: (True, True, True, True),
    UNKNOWN: (True, True, True, False),
    REFUSED: (True, True, True, True),
    IN_PROGRESS: (False, False, True, False),
    UNAUTHORIZED: (False, False, False, False),
    FINAL: (False, False, False, False),
}
CELLS = [
    (verdict, repeat, may)
    for verdict, row in TABLE.items()
    for repeat, may in zip((READ, IDEMPOTENT, KEYED, ONCE), row, strict=True)
]


STANDARD = RetryPolicy()


def pause(verdict=UNKNOWN, repeat=READ, policy=STANDARD, **details):
    known = {"failures": 1, "polls": 0, "elapsed": 0.0, "retry_after": None, "fraction": 1.0}
    if verdict is IN_PROGRESS:
        known |= {"failures": 0, "polls": 1}
    return policy.pause(verdict, repeat, **(known | details))


def test_the_table_is_whole():
    assert set(TABLE) == set(Verdict)
    assert len(CELLS) == len(Verdict) * len(Repeat)


@pytest.mark.parametrize(("verdict", "repeat", "may"), CELLS, ids=str)
def test_each_cell_of_the_table(verdict, repeat, may):
    assert may_repeat(verdict, repeat) is may
    assert (pause(verdict, repeat) is not None) is may
    assert (pause(verdict, repeat, retry_after=3.0) is not None) is may


class TestBackOff:
    @pytest.mark.parametrize(
        ("failures", "longest"),
        [(1, 0.1), (2, 0.2), (3, 0.4), (4, 0.8), (7, 6.4), (8, 8.0), (9, 8.0), (5000, 8.0)],
    )
    def test_it_doubles_up_to_the_cap(self, failures, longest):
        policy = RetryPolicy(attempts=10_000)
        assert pause(failures=failures, policy=policy) == pytest.approx(longest)

    @pytest.mark.parametrize(("failures", "longest"), [(1, 1.0), (2, 2.0), (4, 8.0), (5, 8.0)])
    def test_it_begins_higher_when_throttled(self, failures, longest):
        policy = RetryPolicy(attempts=10)
        assert pause(REFUSED, failures=failures, policy=policy) == pytest.approx(longest)

    @pytest.mark.parametrize("verdict", [NOT_SENT, UNKNOWN, REFUSED])
    def test_the_jitter_is_full(self, verdict):
        longest = pause(verdict, failures=3)
        assert pause(verdict, failures=3, fraction=0.0) == 0.0
        assert pause(verdict, failures=3, fraction=0.25) == pytest.approx(longest / 4)

    @pytest.mark.parametrize("verdict", [NOT_SENT, UNKNOWN, REFUSED])
    def test_attempts_are_bounded_the_first_one_counted(self, verdict):
        policy = RetryPolicy(attempts=3)
        given = [pause(verdict, policy=policy, failures=n) is not None for n in (1, 2, 3, 4)]
        assert given == [True, True, False, False]

    def test_one_attempt_switches_retries_off(self):
        for verdict in (NOT_SENT, UNKNOWN, REFUSED):
            assert pause(verdict, policy=RetryPolicy(attempts=1)) is None

    def test_no_attempt_starts_after_the_deadline(self):
        policy = RetryPolicy(deadline=10.0, base=4.0)
        assert pause(policy=policy, elapsed=6.0) == 4.0
        assert pause(policy=policy, elapsed=6.01) is None
        assert pause(policy=policy, elapsed=6.01, fraction=0.5) == 2.0


class TestRetryAfter:
    @pytest.mark.parametrize("verdict", [REFUSED, UNKNOWN])
    @pytest.mark.parametrize(
        ("asked", "fraction", "waited"),
        [(7.0, 0.0, 7.0), (7.0, 1.0, 7.7), (7.0, 0.5, 7.35), (30.0, 1.0, 31.0), (1.0, 1.0, 1.1)],
    )
    def test_it_is_obeyed_with_a_small_jitter_upwards(self, verdict, asked, fraction, waited):
        assert pause(verdict, retry_after=asked, fraction=fraction) == pytest.approx(waited)

    def test_beyond_the_cap_it_ends_the_call(self):
        policy = RetryPolicy(deadline=1000.0)
        assert pause(REFUSED, policy=policy, retry_after=60.0, fraction=0.0) == 60.0
        assert pause(REFUSED, policy=policy, retry_after=60.1, fraction=0.0) is None

    def test_beyond_the_deadline_it_ends_the_call(self):
        assert pause(REFUSED, retry_after=20.0, elapsed=40.0, fraction=0.0) == 20.0
        assert pause(REFUSED, retry_after=20.0, elapsed=40.1, fraction=0.0) is None

    def test_zero_is_no_reason_to_hammer(self):
        assert pause(REFUSED, retry_after=0.0, failures=2) == 2.0
        assert pause(IN_PROGRESS, KEYED, retry_after=0.0, polls=3) == 4.0


class TestInProgress:
    def test_polls_slow_down(self):
        waits = [pause(IN_PROGRESS, KEYED, polls=n, fraction=0.0) for n in range(1, 8)]
        assert waits == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]

    def test_polls_are_not_counted_as_attempts(self):
        assert pause(IN_PROGRESS, KEYED, policy=RetryPolicy(attempts=2), failures=5) == 1.0

    def test_there_are_none_if_retries_are_switched_off(self):
        assert pause(IN_PROGRESS, KEYED, policy=RetryPolicy(attempts=1), failures=0) is None

    def test_the_deadline_ends_them(self):
        assert pause(IN_PROGRESS, KEYED, polls=5, elapsed=45.0) == 15.0
        assert pause(IN_PROGRESS, KEYED, polls=5, elapsed=45.1) is None

    def test_the_server_may_ask_for_another_pause(self):
        assert pause(IN_PROGRESS, KEYED, polls=1, retry_after=5.0, fraction=0.0) == 5.0


POLICIES = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 10),
    deadline=st.floats(0.001, 1e6),
    base=st.floats(0.001, 1e6),
    throttled_base=st.floats(0.001, 1e6),
    cap=st.floats(0.001, 1e6),
    max_retry_after=st.floats(0.001, 1e6),
)


@given(
    policy=POLICIES,
    verdict=st.sampled_from(Verdict),
    repeat=st.sampled_from(Repeat),
    failures=st.integers(1, 10**6),
    polls=st.integers(1, 10**6),
    elapsed=st.floats(0, 1e7),
    retry_after=st.none() | st.floats(0, 1e12),
    fraction=st.floats(0, 1),
)
@settings(max_examples=500, deadline=None)
def test_whatever_happens_the_bounds_hold(
    *, policy, verdict, repeat, failures, polls, elapsed, retry_after, fraction
):
    wait = policy.pause(
        verdict,
        repeat,
        failures=failures,
        polls=polls,
        elapsed=elapsed,
        retry_after=retry_after,
        fraction=fraction,
    )
    if repeat is ONCE and verdict is UNKNOWN:
        assert wait is None
    if wait is not None:
        assert wait >= 0
        assert math.isfinite(wait)
        assert elapsed + wait <= policy.deadline
        assert TABLE[verdict][(READ, IDEMPOTENT, KEYED, ONCE).index(repeat)]
        if retry_after:
            assert retry_after <= wait <= retry_after + 1
            assert retry_after <= policy.max_retry_after


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"attempts": -1},
        {"attempts": 1.5},
        {"deadline": 0},
        {"deadline": float("inf")},
        {"base": -1},
        {"base": float("nan")},
        {"throttled_base": 0},
        {"cap": float("inf")},
        {"max_retry_after": 0},
        {"budget": -0.1},
        {"budget": 1.1},
        {"budget": float("nan")},
    ],
    ids=str,
)
def test_a_policy_without_sense_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        RetryPolicy(**wrong)


def run(budget: RetryBudget, calls: list[tuple[int, bool]]) -> int:
    """Play calls, each given by how many retries it wants and whether it succeeds in the end."""
    retries = 0
    for wanted, succeeds in calls:
        spent = 0
        while spent < wanted and budget.spend():
            spent += 1
        retries += spent
        if succeeds and spent == wanted:
            budget.answered(spent)
    return retries


class TestBudget:
    def test_a_total_outage_costs_ten_extra_requests(self):
        assert run(RetryBudget(0.1), [(4, False)] * 1000) == 10

    def test_retries_that_help_cost_nothing(self):
        assert run(RetryBudget(0.1), [(2, True)] * 1000) == 2000

    def test_retries_that_do_not_help_are_a_tenth_of_the_successes(self):
        retries = run(RetryBudget(0.1), [(0, True), (4, False)] * 1000)
        assert 100 <= retries <= 0.1 * 1000 + 10

    def test_it_is_not_saved_up_beyond_its_size(self):
        budget = RetryBudget(0.1)
        run(budget, [(0, True)] * 10_000)
        assert run(budget, [(4, False)] * 1000) == 10

    def test_a_share_of_zero_switches_retries_off(self):
        budget = RetryBudget(0.0)
        run(budget, [(0, True)] * 1000)
        assert not budget.spend()

    def test_a_share_of_one_switches_the_limit_off(self):
        assert run(RetryBudget(1.0), [(4, False)] * 1000) == 4000
