"""One race: many buyers for the few places of one slot, all at once, in bad weather."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, TypeVar

import attrs

from eguma_async.core.errors import EgumaError, StatusError, unknown_outcome

from . import _virtual
from ._history import History, Kind, Operation, Outcome
from ._invariants import Findings, find
from ._shops import SHOPS, Confirmed, Held, Shop

T = TypeVar("T")

TRIES = 3
"""How often most buyers ask for a booking whose outcome they are not told."""
SLEEPY, FICKLE, IMPATIENT, SORRY, PERSISTENT = 0.1, 0.12, 0.08, 0.25, 0.4


@attrs.frozen
class Race:
    """What came of a race.

    Attributes:
        operations: What the buyers did.
        findings: What was wrong.
        sold: Places sold in the end.
        weather: How often what went wrong on the way.
        cancelled: Calls that were cut off by their callers.
    """

    operations: list[Operation]
    findings: Findings
    sold: int
    weather: Counter[str]
    cancelled: int


def run(provider: str, *, buyers: int, capacity: int, seed: int, mutant: str | None = None) -> Race:
    """Run one race on a virtual clock. The same seed gives the same race.

    Args:
        provider: Name of the shop.
        buyers: How many.
        capacity: Places there are.
        seed: Of all choices.
        mutant: What is broken on purpose.
    """
    return _virtual.run(_run(provider, buyers, capacity, Random(seed), mutant))


async def _run(
    provider: str, buyers: int, capacity: int, random: Random, mutant: str | None
) -> Race:
    clock = _virtual.VirtualClock()
    shop = SHOPS[provider](clock, random, capacity, mutant)
    # By the time of day, as that is what ends of holds are told in.
    history = History(lambda: shop.seconds(clock.now()))
    crowd = [_Buyer(shop, history, random) for _ in range(buyers)]
    patient, hasty = shop.sessions
    async with patient, hasty:
        async with asyncio.TaskGroup() as group:
            for buyer in crowd:
                group.create_task(buyer.buy())
        await shop.weather.settled()
    shop.look()
    findings = find(history.operations, shop.sold(), capacity=capacity, most_sold=shop.most_sold)
    cut_off = sum(buyer.cut_off for buyer in crowd)
    return Race(history.operations, findings, shop.places_sold(), shop.weather.happened, cut_off)


class _Buyer:
    """Wants some places, and does not always behave."""

    def __init__(self, shop: Shop[Any], history: History, random: Random) -> None:
        self.cut_off = 0
        self._shop = shop
        self._history = history
        self._random = random
        self._places = random.choice((1, 1, 1, 2, 3))
        self._session = shop.sessions[random.random() < 0.3]
        self._tries = random.choice((1, TRIES, TRIES))
        self._was_cut_off = False

    async def buy(self) -> None:
        """Hold and book, or book at once; perhaps think better of it."""
        await self._shop.clock.sleep(self._random.uniform(0.0, 5.0))
        if self._shop.sells_without_hold and self._chance(0.45):
            booked = await self._book()
        else:
            booked = await self._hold_and_book()
            if booked is None and self._shop.sells_without_hold and self._chance(PERSISTENT):
                booked = await self._book()
        if booked is not None and self._chance(SORRY):
            await self._shop.clock.sleep(self._random.expovariate(1 / 300))
            await self._cancel(booked)

    async def _hold_and_book(self) -> Operation | None:
        reserving = self._history.invoke(Kind.RESERVE, places=self._places)
        held = await self._told(
            reserving, lambda: self._shop.reserve(self._session, self._places), _note_hold
        )
        if held is None:
            return None
        sleepy = self._chance(SLEEPY)
        pay = 1.05 * self._shop.hold_seconds if sleepy else self._random.expovariate(1 / 240)
        await self._shop.clock.sleep(pay)
        if self._chance(FICKLE):
            await self._release(held, reserving)
            return None
        booking = self._history.invoke(Kind.BOOK_HELD, places=self._places, of=reserving.name)
        await self._told(
            booking,
            lambda: self._shop.book_held(held, booking.name),
            _note_booking,
            tries=self._tries,
        )
        if booking.outcome is Outcome.NOTHING:
            await self._release(held, reserving)
        return booking if booking.outcome is Outcome.OK else None

    async def _book(self) -> Operation | None:
        booking = self._history.invoke(Kind.BOOK, places=self._places)
        await self._told(
            booking,
            lambda: self._shop.book(self._session, self._places, booking.name),
            _note_booking,
            tries=self._tries,
        )
        return booking if booking.outcome is Outcome.OK else None

    async def _release(self, held: Held, reserving: Operation) -> None:
        if not self._shop.gives_back:
            return  # it ends by itself
        releasing = self._history.invoke(Kind.RELEASE, of=reserving.name)
        await self._told(releasing, lambda: self._shop.release(held), _note_nothing)

    async def _cancel(self, booked: Operation) -> None:
        assert booked.booking_id is not None
        booking_id = booked.booking_id
        cancelling = self._history.invoke(Kind.CANCEL, of=booked.name)
        await self._told(
            cancelling, lambda: self._shop.cancel(self._session, booking_id), _note_nothing
        )

    async def _told(
        self,
        operation: Operation,
        call: Callable[[], Awaitable[T]],
        note: Callable[[Shop[Any], Operation, T], None],
        *,
        tries: int = 1,
    ) -> T | None:
        """Make a call, again after an unknown outcome, and note what it came to."""
        in_doubt = False
        for _ in range(tries):
            try:
                value = await self._perhaps_cut_off(call)
            except (EgumaError, TimeoutError) as error:
                outcome = self._outcome_of(error, in_doubt=in_doubt)
            else:
                note(self._shop, operation, value)
                self._history.give_back(operation, Outcome.OK)
                return value
            if outcome is not Outcome.UNKNOWN:
                break
            in_doubt = True
            await self._shop.clock.sleep(self._random.uniform(0.0, 20.0))
        goes_on = operation.kind in (Kind.RESERVE, Kind.RELEASE) and self._shop.gives_back
        if self._was_cut_off and goes_on:
            # The SDK gives back what was held for a moment, and goes on with what is being given.
            outcome, operation.may_vanish = Outcome.UNKNOWN, True
        self._history.give_back(operation, outcome)
        return None

    async def _perhaps_cut_off(self, call: Callable[[], Awaitable[T]]) -> T:
        self._was_cut_off = False
        if not self._chance(IMPATIENT):
            return await call()
        try:
            async with asyncio.timeout(self._random.uniform(0.0, 1.0)):
                return await call()
        except TimeoutError:
            self.cut_off += 1
            self._was_cut_off = True
            raise

    def _outcome_of(self, error: Exception, *, in_doubt: bool) -> Outcome:
        if unknown_outcome(error) is not None:
            return Outcome.UNKNOWN
        is_refused = isinstance(error, EgumaError) and self._shop.is_refusal(error)
        is_replayed = isinstance(error, StatusError) and error.replayed
        if in_doubt and not (is_refused and is_replayed):
            return Outcome.UNKNOWN  # what a later try came to proves nothing of an earlier one
        return Outcome.REFUSED if is_refused else Outcome.NOTHING

    def _chance(self, share: float) -> bool:
        return self._random.random() < share


def _note_hold(shop: Shop[Any], operation: Operation, held: Held) -> None:
    operation.expires_at = held.expires_at


def _note_booking(shop: Shop[Any], operation: Operation, confirmed: Confirmed) -> None:
    operation.booking_id, operation.tickets = confirmed.booking_id, confirmed.tickets


def _note_nothing(shop: Shop[Any], operation: Operation, value: object) -> None:
    """Have nothing to note."""
