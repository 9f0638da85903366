"""Whether what came back is what was asked for.

Where money or places are concerned, a difference is an error that carries the result. Where the
result is a list that anything may be picked from, what was not asked for is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from eguma_async.core.errors import ResultMismatchError
from eguma_async.core.listing import Listing, UnreadableElement, unreadable_of

if TYPE_CHECKING:
    from .bookings import BookedTicket
    from .items import TicketItem

T = TypeVar("T")


def same_id(one: str, other: str) -> bool:
    """Tell whether two ids name one thing. Servers may write a UUID in either case."""
    return one.casefold() == other.casefold()


def require_same(name: str, asked: str, given: str, result: object) -> None:
    """Check the id in a result.

    Raises:
        ResultMismatchError: It is of something else.
    """
    if not same_id(asked, given):
        raise ResultMismatchError(
            "the response is about something else",
            result=result,
            differences=(f"{name}: not the one that was asked for",),
        )


def ticket_differences(
    items: Iterable[TicketItem], tickets: Iterable[BookedTicket]
) -> tuple[str, ...]:
    """Compare the tickets of a booking with what was to be booked: one for each unit of quantity.

    The lines name no ticket and no category of the server's: a ticket's number opens the gate.
    """
    tickets = tuple(tickets)
    given = Counter(ticket.category_id.casefold() for ticket in tickets)
    differences = []
    for item in items:
        count = given.pop(item.category_id.casefold(), 0)
        if count != item.quantity:
            asked = f"{item.quantity} asked for, {count} given"
            differences.append(f"category {item.category_id}: {asked}")
    if given:
        differences.append(f"other categories: none asked for, {given.total()} given")
    repeated = len(tickets) - len({ticket.ticket_number for ticket in tickets})
    if repeated:
        differences.append(f"ticket numbers: {repeated} of {len(tickets)} given before")
    return tuple(differences)


def only(
    found: tuple[T, ...], wanted: Callable[[T], bool], may_be: Callable[[Any], bool]
) -> Listing[T]:
    """Return the elements of a list that were asked for, each unreadable one that may be so too.

    Args:
        found: What came.
        wanted: Tells whether an element was asked for.
        may_be: The same of the parsed JSON of an unreadable one.
    """
    unreadable = tuple(each for each in unreadable_of(found) if may_be(each.raw))
    return Listing(filter(wanted, found), unreadable)


def joined(one: tuple[T, ...], other: tuple[T, ...]) -> Listing[T]:
    """Return two lists as one, the unreadable elements numbered on."""
    before = len(one) + len(unreadable_of(one))
    moved = (
        UnreadableElement(index=before + each.index, problems=each.problems, raw=each.raw)
        for each in unreadable_of(other)
    )
    return Listing((*one, *other), (*unreadable_of(one), *moved))


def member(raw: Any, name: str) -> Any:
    """Return a member of what may be a JSON object; None if it is not there."""
    return raw.get(name) if isinstance(raw, dict) else None
