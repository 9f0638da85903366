"""What must hold of any history, however long: the books of the callers and of the shop agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import attrs

from ._history import Kind, Operation, Outcome


@attrs.frozen
class Sold:
    """A booking as the shop has it.

    Attributes:
        reference: Name of the operation that asked for it.
        booking_id: Its id.
        tickets: Its tickets.
        is_cancelled: Whether its places were given back.
    """

    reference: str
    booking_id: str
    tickets: frozenset[str]
    is_cancelled: bool


@attrs.define
class Findings:
    """How often something is wrong that must not be.

    Attributes:
        oversold: Places that were sold beyond the capacity at any instant.
        phantom_confirmations: Bookings that a caller was told of and that the shop has not, or with
            other tickets.
        doubled: Bookings that were asked for once and are there more often.
        zombies: Bookings that are there although their caller was told that they were refused, or
            that they were surely not made; and holds that were booked after they were gone.
        unaccounted: Bookings and cancellations at the shop that nobody asked for.
    """

    oversold: int = 0
    phantom_confirmations: int = 0
    doubled: int = 0
    zombies: int = 0
    unaccounted: int = 0

    def __bool__(self) -> bool:
        return any(attrs.astuple(self))

    def add(self, other: Findings) -> None:
        """Add what was found in another history."""
        for name in attrs.fields_dict(Findings):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def find(
    operations: Sequence[Operation], shop: Iterable[Sold], *, capacity: int, most_sold: int
) -> Findings:
    """Compare what callers were told with what the shop has.

    Args:
        operations: All of one slot.
        shop: The bookings of the shop, once all is quiet.
        capacity: Places of the slot.
        most_sold: Places that were sold at most, at any instant.
    """
    bookings = {one.name: one for one in operations if one.is_booking}
    sold = tuple(shop)
    by_id = {one.booking_id: one for one in sold}
    findings = Findings(oversold=max(0, most_sold - capacity))
    for one in bookings.values():
        if one.outcome is Outcome.OK:
            there = by_id.get(one.booking_id or "")
            is_right = there is not None and (there.reference, there.tickets) == (
                one.name,
                one.tickets,
            )
            findings.phantom_confirmations += not is_right
    count = Counter(one.reference for one in sold)
    findings.doubled = sum(times - 1 for times in count.values())
    for reference in count:
        asked = bookings.get(reference)
        if asked is None:
            findings.unaccounted += 1
        elif asked.outcome in (Outcome.REFUSED, Outcome.NOTHING):
            findings.zombies += 1
    findings.zombies += _booked_when_gone(operations)
    findings.unaccounted += _wrongly_cancelled(operations, sold)
    return findings


def _booked_when_gone(operations: Sequence[Operation]) -> int:
    """Count holds that were refused to somebody as gone, and given to somebody who came later."""
    gone: dict[str, float] = {}
    for one in operations:
        if one.kind is Kind.BOOK_HELD and one.outcome is Outcome.REFUSED and one.of is not None:
            gone[one.of] = min(one.returned, gone.get(one.of, one.returned))
    return sum(
        one.kind is Kind.BOOK_HELD
        and one.outcome is Outcome.OK
        and one.of in gone
        and one.invoked > gone[one.of]
        for one in operations
    )


def _wrongly_cancelled(operations: Sequence[Operation], sold: Sequence[Sold]) -> int:
    """Count bookings that are cancelled for no reason, or are not although a caller was told so."""
    told = {one.of for one in operations if one.kind is Kind.CANCEL and one.outcome is Outcome.OK}
    maybe = told | {
        one.of for one in operations if one.kind is Kind.CANCEL and one.outcome is Outcome.UNKNOWN
    }
    return sum(
        one.reference not in maybe if one.is_cancelled else one.reference in told for one in sold
    )
