"""What many buyers did to one slot, and whether a shop that never oversells could have answered so.

A history is a list of operations, each with the moment it was invoked and the moment it returned.
`check` looks for an order of them that keeps both: what returned before another was invoked comes
before it, and each answer is right at its place in that order, by the model below. This is
linearizability; the search is that of Wing and Gong (1993), with the memory of states of Lowe
(2017).

The model of a slot: a capacity, holds that end at a moment, bookings, and cancellations.

- ``RESERVE`` and ``BOOK`` succeed if the places are free, and are refused if they are not.
- ``BOOK_HELD`` succeeds if its hold stands, and is refused if it does not.
- ``RELEASE`` ends a hold, if it stands; ``CANCEL`` gives the places of a booking back.

One thing is taken in the shop's favour: a hold whose end nobody was told may end at any moment
that the span in which it was made allows. So what is found is a fault.

An operation of unknown outcome may have taken effect at any moment after it was invoked, or never.
One that failed without an answer of the shop, since nothing was sent say, took none.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import attrs

MOST_STEPS = 200_000


class Kind(enum.Enum):
    """What an operation asks for."""

    RESERVE = "reserve"
    BOOK = "book"
    BOOK_HELD = "book held"
    RELEASE = "release"
    CANCEL = "cancel"


class Outcome(enum.Enum):
    """What its caller was told."""

    OK = "ok"
    REFUSED = "refused"
    """The shop said no: there are not enough places, the hold is gone, there is no such booking."""
    NOTHING = "nothing"
    """It failed, and surely took no effect."""
    UNKNOWN = "unknown"


@attrs.define(kw_only=True, eq=False)
class Operation:
    """One operation of a history.

    Attributes:
        name: Unique in its history.
        kind: What it asks for.
        places: How many.
        of: Name of the `RESERVE` it books or releases, or of the booking it cancels.
        invoked: Its place among all invocations and returns.
        invoked_at: The same, in seconds.
        returned: Its place; infinite while it has not returned, and if its outcome is unknown.
        returned_at: The same, in seconds.
        outcome: What its caller was told.
        expires_at: When a hold ends, in seconds, as its caller was told.
        may_vanish: True for a `RESERVE` of unknown outcome whose hold may be given back at once.
        booking_id: Id of the booking, as its caller was told.
        tickets: Its tickets, as its caller was told.
    """

    name: str
    kind: Kind
    places: int = 1
    of: str | None = None
    invoked: int = 0
    invoked_at: float = 0.0
    returned: float = math.inf
    returned_at: float = math.inf
    outcome: Outcome = Outcome.UNKNOWN
    expires_at: float | None = None
    may_vanish: bool = False
    booking_id: str | None = None
    tickets: frozenset[str] = frozenset()

    @property
    def is_booking(self) -> bool:
        return self.kind in (Kind.BOOK, Kind.BOOK_HELD)


class History:
    """Records operations.

    Args:
        now: Returns the time in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.operations: list[Operation] = []
        self._now = now
        self._moments = itertools.count()

    def invoke(
        self, kind: Kind, *, places: int = 1, of: str | None = None, name: str | None = None
    ) -> Operation:
        """Note that an operation begins."""
        operation = Operation(
            name=name or f"op{len(self.operations)}",
            kind=kind,
            places=places,
            of=of,
            invoked=next(self._moments),
            invoked_at=self._now(),
        )
        self.operations.append(operation)
        return operation

    def give_back(self, operation: Operation, outcome: Outcome) -> None:
        """Note what the caller of an operation is told."""
        operation.outcome = outcome
        if outcome is not Outcome.UNKNOWN:
            operation.returned, operation.returned_at = next(self._moments), self._now()


@attrs.frozen
class Verdict:
    """Whether a history is linearizable.

    Attributes:
        linearizable: None if the search was given up.
        steps: How many states it looked at.
        stuck_at: Names of the operations of which one had to come next, where it got farthest.
    """

    linearizable: bool | None
    steps: int
    stuck_at: tuple[str, ...] = ()


def check(
    operations: Sequence[Operation],
    *,
    capacity: int,
    hold_seconds: float,
    most_steps: int = MOST_STEPS,
) -> Verdict:
    """Tell whether a history is linearizable.

    Args:
        operations: All of one slot.
        capacity: Its places.
        hold_seconds: How long a hold lasts whose end its caller was not told.
        most_steps: Give up after so many states.
    """
    effective = [one for one in operations if one.outcome is not Outcome.NOTHING]
    return _Search(effective, capacity, hold_seconds, most_steps).run()


@attrs.frozen
class _Hold:
    """Places set aside. It may end from `earliest` on, and has ended at `latest`."""

    name: str
    places: int
    earliest: float
    latest: float


@attrs.frozen
class _State:
    """What the shop knows at a point of the order.

    Attributes:
        now: The time has come at least so far.
    """

    now: float
    sold: frozenset[str] = frozenset()
    holds: frozenset[_Hold] = frozenset()

    def hold(self, name: str | None) -> _Hold | None:
        return next((hold for hold in self.holds if hold.name == name), None)


class _Search:
    def __init__(
        self,
        operations: Sequence[Operation],
        capacity: int,
        hold_seconds: float,
        most_steps: int,
    ) -> None:
        # Those that returned early have to come early; the unknown ones are tried last.
        self._operations = sorted(operations, key=lambda one: (one.returned, one.invoked))
        self._places = {one.name: one.places for one in operations}
        self._capacity = capacity
        self._hold_seconds = hold_seconds
        self._most_steps = most_steps
        self._seen: set[tuple[int, _State]] = set()
        self._steps = 0
        self._fewest_left = len(self._operations) + 1
        self._stuck_at: tuple[str, ...] = ()
        self._guesses = 0
        self._required = 0
        for number, one in enumerate(self._operations):
            if one.outcome is not Outcome.UNKNOWN:
                self._required |= 1 << number
            elif one.kind is Kind.RESERVE:
                self._guesses |= 1 << number

    def run(self) -> Verdict:
        stack = [self._choices(0, _State(-math.inf))]
        while stack:
            following = next(stack[-1], None)
            if following is None:
                stack.pop()
                continue
            done, state = following
            if done & self._required == self._required:
                return Verdict(True, self._steps)
            key = done, self._normal(done, state)
            if key in self._seen:
                continue
            self._seen.add(key)
            self._steps += 1
            if self._steps > self._most_steps:
                return Verdict(None, self._steps, self._stuck_at)
            stack.append(self._choices(done, state))
        return Verdict(not self._required, self._steps, self._stuck_at)

    def _normal(self, done: int, state: _State) -> _State:
        """Return a state by which two are the same if all that can follow is."""
        # The holds that have ended are gone, so the time itself matters to no hold that is known.
        return state if self._guesses & ~done else attrs.evolve(state, now=0.0)

    def _choices(self, done: int, state: _State) -> Iterator[tuple[int, _State]]:
        """Yield what may come next: the operations done by then, and the state behind them."""
        left = [
            (number, one) for number, one in enumerate(self._operations) if not done >> number & 1
        ]
        first_return = min((one.returned for _, one in left), default=math.inf)
        until = min((one.returned_at for _, one in left), default=math.inf)
        candidates = [(number, one) for number, one in left if one.invoked < first_return]
        required = sum(one.outcome is not Outcome.UNKNOWN for _, one in left)
        if required < self._fewest_left:
            self._fewest_left = required
            self._stuck_at = tuple(one.name for _, one in candidates)
        for number, one in candidates:
            for then in _times(state, one.invoked_at, until):
                after = self._after(then, one, until)
                if after is not None:
                    yield done | 1 << number, after

    def _after(self, state: _State, one: Operation, until: float) -> _State | None:
        """Return the state behind an operation; None if it cannot come here."""
        is_refused = one.outcome is Outcome.REFUSED
        if self._is_possible(state, one) is is_refused:
            return None
        return state if is_refused else self._applied(state, one, until)

    def _is_possible(self, state: _State, one: Operation) -> bool:
        if one.kind in (Kind.RESERVE, Kind.BOOK):
            has_ended = one.expires_at is not None and one.expires_at <= state.now
            return one.places <= self._free(state) and not has_ended
        if one.kind is Kind.CANCEL:
            return one.of in state.sold
        # To give back what is gone already is no error.
        gone_is_fine = one.kind is Kind.RELEASE and one.outcome is Outcome.OK
        return gone_is_fine or state.hold(one.of) is not None

    def _applied(self, state: _State, one: Operation, until: float) -> _State:
        if one.kind is Kind.RESERVE:
            return attrs.evolve(state, holds=state.holds | {self._held(state, one, until)})
        if one.kind is Kind.CANCEL:
            return attrs.evolve(state, sold=state.sold - {one.of})
        sold = state.sold | {one.name} if one.is_booking else state.sold
        return attrs.evolve(state, sold=sold, holds=state.holds - {state.hold(one.of)})

    def _held(self, state: _State, one: Operation, until: float) -> _Hold:
        if one.expires_at is not None:
            return _Hold(one.name, one.places, one.expires_at, one.expires_at)
        # Nobody was told when it ends. If that leaves a choice, it is the shop's.
        earliest = state.now + (0.0 if one.may_vanish else self._hold_seconds)
        return _Hold(one.name, one.places, earliest, until + self._hold_seconds)

    def _free(self, state: _State) -> int:
        sold = sum(self._places[name] for name in state.sold)
        return self._capacity - sold - sum(hold.places for hold in state.holds)


def _times(state: _State, since: float, until: float) -> Iterator[_State]:
    """Yield the states that time alone can bring about, within a span.

    What matters of a moment is which holds have ended by then, so only their ends are tried.
    """
    begins = max(state.now, since)
    ends = {hold.earliest for hold in state.holds} | {hold.latest for hold in state.holds}
    for moment in (begins, *sorted(end for end in ends if begins < end <= until)):
        standing = [hold for hold in state.holds if hold.latest > moment]
        # Of some it is not known when they end.
        doubtful = [hold for hold in standing if hold.earliest <= moment]
        for count in range(len(doubtful) + 1):
            for ended in itertools.combinations(doubtful, count):
                yield attrs.evolve(state, now=moment, holds=frozenset(standing) - frozenset(ended))
