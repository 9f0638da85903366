"""Whether what came back is what was asked for.

Where money or places are concerned, a difference is an error that carries the result. Where the
result is a list that anything may be picked from, what was not asked for is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from eguma_async.core.errors import ResultMismatchError
from eguma_async.core.listing import Listing, UnreadableElement, unreadable_of

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
