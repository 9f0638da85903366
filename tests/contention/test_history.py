"""The checker of histories: it accepts what a right shop can do, and nothing else."""

from __future__ import annotations

import itertools
import math

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks._history import History, Kind, Operation, Outcome, check
from benchmarks._invariants import Findings, Sold, find

OK, REFUSED, NOTHING, UNKNOWN = Outcome.OK, Outcome.REFUSED, Outcome.NOTHING, Outcome.UNKNOWN
LENGTH = 60.0


class Told:
    """A history written by hand: each operation as (invoked, returned), in seconds."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def add(self, kind: Kind, outcome: Outcome, span: tuple[float, float], **details) -> str:
        name = f"{kind.value} {len(self.operations)}"
        invoked, returned = span
        known = outcome is not UNKNOWN
        self.operations.append(
            Operation(
                name=name,
                kind=kind,
                outcome=outcome,
                invoked=int(invoked * 1000),
                invoked_at=invoked,
                returned=returned * 1000 if known else math.inf,
                returned_at=returned if known else math.inf,
                **details,
            )
        )
        return name

    def reserve(self, outcome, *span, expires_at=None, **details):
        if outcome is OK and expires_at is None:
            expires_at = span[0] + LENGTH
        return self.add(Kind.RESERVE, outcome, span, expires_at=expires_at, **details)

    def book(self, outcome, *span, **details):
        return self.add(Kind.BOOK, outcome, span, **details)

    def book_held(self, hold, outcome, *span, **details):
        return self.add(Kind.BOOK_HELD, outcome, span, of=hold, **details)

    def release(self, hold, outcome, *span):
        return self.add(Kind.RELEASE, outcome, span, of=hold)

    def cancel(self, booking, outcome, *span):
        return self.add(Kind.CANCEL, outcome, span, of=booking)

    def is_linearizable(self, capacity=1):
        verdict = check(self.operations, capacity=capacity, hold_seconds=LENGTH)
        assert verdict.linearizable is not None
        return verdict.linearizable


@pytest.fixture
def told():
    return Told()


class TestPlaces:
    def test_nothing_at_all(self, told):
        assert told.is_linearizable()

    def test_the_last_place_is_sold_once(self, told):
        told.book(OK, 0, 1)
        told.book(REFUSED, 2, 3)
        assert told.is_linearizable()

    def test_the_last_place_is_not_sold_twice(self, told):
        told.book(OK, 0, 1)
        told.book(OK, 2, 3)
        assert not told.is_linearizable()

    def test_not_even_to_two_at_once(self, told):
        told.book(OK, 0, 3)
        told.book(OK, 1, 2)
        assert not told.is_linearizable()

    def test_of_two_at_once_either_may_win(self, told):
        told.book(REFUSED, 0, 3)
        told.book(OK, 1, 2)
        assert told.is_linearizable()

    def test_nobody_is_refused_a_free_place(self, told):
        told.book(REFUSED, 0, 1)
        told.book(OK, 2, 3)
        assert not told.is_linearizable()

    def test_more_places_than_are_left_are_refused(self, told):
        told.book(OK, 0, 1, places=2)
        told.book(REFUSED, 2, 3, places=2)
        told.book(OK, 4, 5)
        assert told.is_linearizable(capacity=3)
        assert not told.is_linearizable(capacity=2)
        assert not told.is_linearizable(capacity=4)

    def test_a_cancelled_place_is_sold_again(self, told):
        first = told.book(OK, 0, 1)
        told.cancel(first, OK, 2, 3)
        told.book(OK, 4, 5)
        assert told.is_linearizable()

    def test_it_is_not_sold_before_it_is_cancelled(self, told):
        first = told.book(OK, 0, 1)
        told.book(OK, 2, 3)
        told.cancel(first, OK, 4, 5)
        assert not told.is_linearizable()

    def test_a_booking_is_cancelled_once(self, told):
        first = told.book(OK, 0, 1)
        told.cancel(first, OK, 2, 5)
        told.cancel(first, REFUSED, 2, 5)
        assert told.is_linearizable()
        told.cancel(first, OK, 6, 7)
        assert not told.is_linearizable()


class TestHolds:
    def test_held_places_are_not_sold_to_others(self, told):
        hold = told.reserve(OK, 0, 1)
        told.book(REFUSED, 2, 3)
        told.book_held(hold, OK, 4, 5)
        assert told.is_linearizable()

    def test_a_hold_keeps_others_out(self, told):
        told.reserve(OK, 0, 1)
        told.book(OK, 2, 3)
        assert not told.is_linearizable()

    def test_until_it_ends(self, told):
        told.reserve(OK, 0, 1)
        told.book(OK, 61, 62)
        assert told.is_linearizable()

    def test_one_that_has_ended_cannot_be_booked(self, told):
        hold = told.reserve(OK, 0, 1)
        told.book_held(hold, OK, 61, 62)
        assert not told.is_linearizable()

    def test_and_is_refused(self, told):
        hold = told.reserve(OK, 0, 1)
        told.book_held(hold, REFUSED, 61, 62)
        assert told.is_linearizable()

    def test_one_that_stands_is_not_refused(self, told):
        hold = told.reserve(OK, 0, 1)
        told.book_held(hold, REFUSED, 10, 11)
        assert not told.is_linearizable()

    def test_it_may_end_while_it_is_being_booked(self, told):
        hold = told.reserve(OK, 0, 1)
        told.book_held(hold, REFUSED, 59, 62)
        assert told.is_linearizable()

    def test_in_the_moment_of_its_end_it_is_gone(self, told):
        hold = told.reserve(OK, 0, 1, expires_at=60.0)
        told.book_held(hold, OK, 60, 61)
        assert not told.is_linearizable()

    def test_one_that_was_given_back_is_free_again(self, told):
        hold = told.reserve(OK, 0, 1)
        told.release(hold, OK, 2, 3)
        told.book(OK, 4, 5)
        assert told.is_linearizable()

    def test_to_give_back_what_has_ended_is_no_error(self, told):
        hold = told.reserve(OK, 0, 1)
        told.release(hold, OK, 62, 63)
        assert told.is_linearizable()

    def test_one_that_was_given_back_is_not_booked(self, told):
        hold = told.reserve(OK, 0, 1)
        told.release(hold, OK, 2, 3)
        told.book_held(hold, OK, 4, 5)
        assert not told.is_linearizable()

    def test_a_hold_is_booked_once(self, told):
        hold = told.reserve(OK, 0, 1)
        told.book_held(hold, OK, 2, 3)
        told.book_held(hold, OK, 4, 5)
        assert not told.is_linearizable(capacity=5)

    def test_a_hold_that_was_refused_is_never_booked(self, told):
        told.reserve(OK, 0, 1)
        refused = told.reserve(REFUSED, 2, 3)
        told.book_held(refused, OK, 4, 5)
        assert not told.is_linearizable()


class TestUnknown:
    def test_a_booking_may_have_been_made(self, told):
        told.book(UNKNOWN, 0, 1)
        told.book(REFUSED, 2, 3)
        assert told.is_linearizable()

    def test_or_not(self, told):
        told.book(UNKNOWN, 0, 1)
        told.book(OK, 2, 3)
        assert told.is_linearizable()

    def test_but_not_both(self, told):
        told.book(UNKNOWN, 0, 1)
        told.book(REFUSED, 2, 3)
        told.book(OK, 4, 5)
        assert not told.is_linearizable()

    def test_it_may_arrive_late(self, told):
        told.book(UNKNOWN, 0, 1)
        first = told.book(OK, 2, 3)
        told.cancel(first, OK, 4, 5)
        told.book(REFUSED, 6, 7)
        assert told.is_linearizable()

    def test_not_before_it_was_sent(self, told):
        told.book(REFUSED, 0, 1)
        told.book(UNKNOWN, 2, 3)
        assert not told.is_linearizable()

    def test_a_hold_nobody_was_told_of_keeps_others_out(self, told):
        told.reserve(UNKNOWN, 0, 1)
        told.book(REFUSED, 2, 3)
        told.book(OK, 90, 91)
        assert told.is_linearizable()

    def test_for_its_length(self, told):
        told.reserve(UNKNOWN, 0, 1)
        told.book(REFUSED, 2, 3)
        told.book(OK, 30, 31)
        assert not told.is_linearizable()

    def test_unless_it_was_given_back_unseen(self, told):
        told.reserve(UNKNOWN, 0, 1, may_vanish=True)
        told.book(REFUSED, 2, 3)
        told.book(OK, 30, 31)
        assert told.is_linearizable()

    def test_what_surely_did_nothing_explains_nothing(self, told):
        told.book(NOTHING, 0, 1)
        told.book(REFUSED, 2, 3)
        assert not told.is_linearizable()


def test_where_it_got_stuck_is_told(told):
    told.book(OK, 0, 1)
    second = told.book(OK, 2, 3)
    verdict = check(told.operations, capacity=1, hold_seconds=LENGTH)
    assert verdict.stuck_at == (second,)


def test_a_search_that_takes_too_long_is_given_up(told):
    for _ in range(8):
        told.book(UNKNOWN, 0, 1)
    told.book(REFUSED, 2, 3, places=9)
    told.book(OK, 4, 5, places=9)
    verdict = check(told.operations, capacity=8, hold_seconds=LENGTH, most_steps=5)
    assert verdict.linearizable is None


def test_a_history_is_recorded_in_its_order():
    now = iter([0.0, 1.0, 2.0, 3.0])
    history = History(lambda: next(now))
    first = history.invoke(Kind.BOOK, places=2)
    second = history.invoke(Kind.BOOK)
    history.give_back(second, OK)
    history.give_back(first, UNKNOWN)
    assert (first.invoked, first.returned, first.returned_at) == (0, math.inf, math.inf)
    assert (second.invoked, second.returned, second.returned_at) == (1, 2, 2.0)


# Beside a search that is too simple to be wrong: every order, and every moment of a fine grid

GRID = [number / 2 for number in range(33)]  # to the last moment that is drawn
SHORT = 3.0


def brute_force(operations: list[Operation], capacity: int) -> bool:
    effective = [one for one in operations if one.outcome is not NOTHING]
    known = [one for one in effective if one.outcome is not UNKNOWN]
    unknown = [one for one in effective if one.outcome is UNKNOWN]
    for count in range(len(unknown) + 1):
        for chosen in itertools.combinations(unknown, count):
            for order in itertools.permutations([*known, *chosen]):
                if keeps_real_time(order) and replay(list(order), 0.0, {}, {}, capacity):
                    return True
    return False


def keeps_real_time(order: tuple[Operation, ...]) -> bool:
    return all(
        not later.returned < earlier.invoked for earlier, later in itertools.combinations(order, 2)
    )


def replay(
    order: list[Operation],
    now: float,
    holds: dict[str, tuple[int, float]],
    sold: dict[str, int],
    capacity: int,
) -> bool:
    """Try every moment for the first operation, and the rest behind it."""
    if not order:
        return True
    one, rest = order[0], order[1:]
    for moment in GRID:
        if not max(now, one.invoked_at) <= moment <= one.returned_at:
            continue
        after = step(one, moment, dict(holds), dict(sold), capacity)
        if after is not None and replay(rest, moment, after[0], after[1], capacity):
            return True
    return False


def step(one, moment, holds, sold, capacity):
    holds = {name: hold for name, hold in holds.items() if moment < hold[1]}
    free = capacity - sum(sold.values()) - sum(places for places, _ in holds.values())
    if one.kind in (Kind.RESERVE, Kind.BOOK):
        possible = one.places <= free
    elif one.kind is Kind.CANCEL:
        possible = one.of in sold
    else:
        possible = one.of in holds
    if one.kind is Kind.RELEASE and one.outcome is OK:
        holds.pop(one.of, None)
        return holds, sold
    if possible is (one.outcome is REFUSED):
        return None
    if one.outcome is REFUSED:
        return holds, sold
    if one.kind is Kind.RESERVE:
        expires_at = moment + SHORT if one.expires_at is None else one.expires_at
        if expires_at <= moment:
            return None
        holds[one.name] = one.places, expires_at
    elif one.kind is Kind.CANCEL:
        del sold[one.of]
    else:
        holds.pop(one.of, None)
        if one.is_booking:
            sold[one.name] = one.places
    return holds, sold


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    """Draw a few operations that overlap, with answers that may be right or wrong."""
    count = draw(st.integers(2, 4))
    ends = draw(st.permutations([number for number in range(count) for _ in range(2)]))
    operations: dict[int, Operation] = {}
    moment = 0.0
    for place, number in enumerate(ends):
        moment += draw(st.sampled_from([0.0, 1.0, 2.0]))
        if number not in operations:
            operations[number] = draw(begun(number, place, moment, list(operations.values())))
        elif operations[number].outcome is not UNKNOWN:
            operations[number].returned, operations[number].returned_at = place, moment
    return list(operations.values())


def begun(
    number: int, place: int, moment: float, before: list[Operation]
) -> st.SearchStrategy[Operation]:
    names = [one.name for one in before] or ["nobody"]
    return st.builds(
        Operation,
        name=st.just(f"op{number}"),
        kind=st.sampled_from(Kind),
        places=st.integers(1, 2),
        of=st.sampled_from(names),
        invoked=st.just(place),
        invoked_at=st.just(moment),
        outcome=st.sampled_from([OK, OK, REFUSED, UNKNOWN]),
        expires_at=st.just(moment + SHORT),
    ).map(_without_end)


def _without_end(one: Operation) -> Operation:
    is_told = one.outcome is OK and one.kind is Kind.RESERVE
    return one if is_told else attrs.evolve(one, expires_at=None)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(operations=histories(), capacity=st.integers(1, 3))
def test_it_agrees_with_trying_everything(operations, capacity):
    found = check(operations, capacity=capacity, hold_seconds=SHORT).linearizable
    expected = brute_force(operations, capacity)
    guessed = any(one.kind is Kind.RESERVE and one.outcome is UNKNOWN for one in operations)
    # A hold nobody was told of is judged in the shop's favour.
    assert found or not expected
    assert guessed or found == expected


# The books


def booking(name="b", outcome=OK, **details):
    details = {"booking_id": "1", "tickets": frozenset({"t"}), **details}
    return Operation(name=name, kind=Kind.BOOK, outcome=outcome, **details)


def sold(reference="b", booking_id="1", tickets=("t",), is_cancelled=False):
    return Sold(reference, booking_id, frozenset(tickets), is_cancelled)


def cancelling(outcome):
    return Operation(name="c", kind=Kind.CANCEL, of="b", outcome=outcome)


@pytest.mark.parametrize(
    ("operations", "shop", "wrong"),
    [
        ([booking()], [sold()], {}),
        ([booking(outcome=UNKNOWN)], [sold()], {}),
        ([booking(outcome=UNKNOWN)], [], {}),
        ([booking()], [], {"phantom_confirmations": 1}),
        ([booking()], [sold(tickets=("u",))], {"phantom_confirmations": 1}),
        ([booking()], [sold(), sold(booking_id="2")], {"doubled": 1}),
        ([booking(outcome=REFUSED)], [sold()], {"zombies": 1}),
        ([booking(outcome=NOTHING)], [sold()], {"zombies": 1}),
        ([], [sold()], {"unaccounted": 1}),
        ([booking(), cancelling(OK)], [sold(is_cancelled=True)], {}),
        ([booking(), cancelling(UNKNOWN)], [sold(is_cancelled=True)], {}),
        ([booking(), cancelling(UNKNOWN)], [sold()], {}),
        ([booking(), cancelling(OK)], [sold()], {"unaccounted": 1}),
        ([booking(), cancelling(REFUSED)], [sold(is_cancelled=True)], {"unaccounted": 1}),
    ],
)
def test_the_books_are_compared(operations, shop, wrong):
    found = find(operations, shop, capacity=10, most_sold=10)
    assert found == Findings(**wrong)
    assert bool(found) is bool(wrong)


def test_places_beyond_the_capacity_are_counted():
    assert find([], [], capacity=10, most_sold=12) == Findings(oversold=2)


def test_a_hold_that_was_gone_is_not_booked_later():
    def held(name, outcome, invoked, returned):
        return Operation(
            name=name,
            kind=Kind.BOOK_HELD,
            of="hold",
            outcome=outcome,
            invoked=invoked,
            returned=returned,
            booking_id="1",
        )

    late = [held("a", REFUSED, 0, 1), held("b", OK, 2, 3)]
    at_once = [held("a", REFUSED, 0, 3), held("b", OK, 1, 2)]
    shop = [Sold("b", "1", frozenset(), False)]
    assert find(late, shop, capacity=1, most_sold=1) == Findings(zombies=1)
    assert not find(at_once, shop, capacity=1, most_sold=1)
