"""Lists of which one element cannot be read, and the others can."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from typing import Any, TypeVar

import attrs

from .errors import DecodingError
from .fields import WireNames, is_lenient

T_co = TypeVar("T_co", covariant=True)


@attrs.frozen(kw_only=True)
class UnreadableElement:
    """One element of a list that does not have the form it should have.

    Attributes:
        index: Its place in the list as it came, from 0.
        problems: One line for each fault with its JSON path within the element, such as
            ``"required field missing @ $.status"``. Paths only, never values.
        raw: The element itself, as parsed JSON. It may hold a customer's data: it is in no
            ``repr``.
    """

    index: int
    problems: tuple[str, ...]
    raw: Any = attrs.field(repr=False, hash=False)


class Listing(tuple[T_co, ...]):  # noqa: SLOT001  # a tuple cannot have slots of its own
    """The elements of a list that could be read, in their order: a tuple.

    An operation whose whole value is such a list passes it to `refuse_unreadable`.

    Attributes:
        unreadable: The elements that could not be; empty as a rule. Look at it before concluding
            that something is not in the list.
    """

    unreadable: tuple[UnreadableElement, ...]

    def __new__(
        cls, elements: Iterable[T_co] = (), unreadable: tuple[UnreadableElement, ...] = ()
    ) -> Listing[T_co]:
        """Make a tuple of elements, with what could not be read beside it."""
        self = super().__new__(cls, elements)
        self.unreadable = unreadable
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (tuple(self), self.unreadable)

    def __repr__(self) -> str:
        shown = super().__repr__()
        return f"{shown} and {len(self.unreadable)} unreadable" if self.unreadable else shown


def is_listing(kind: Any) -> bool:
    """Tell whether a type is ``Listing[X]``."""
    return typing.get_origin(kind) is Listing


@attrs.frozen
class ListPlace:
    """Where in an answer the list is whose elements are read each by itself.

    Attributes:
        element: Type of its elements.
        field: The field that is the list; None if it is the whole answer.
        path: Names of the members that lead to it, from the outside in.
    """

    element: Any
    field: str | None = None
    path: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Its JSON path."""
        return ".".join(("$", *self.path))


def place_of_list(returns: Any, names: WireNames) -> ListPlace | None:
    """Return where the one such list of a type is; None if there is none, or several.

    Args:
        returns: What an answer is decoded into.
        names: The wire's names of fields.
    """
    if is_listing(returns):
        return ListPlace(typing.get_args(returns)[0])
    if not attrs.has(returns):
        return None
    attrs.resolve_types(returns)
    lists = [f for f in attrs.fields(returns) if is_lenient(f) and f.init]
    if len(lists) != 1:
        return None
    (field,) = lists
    return ListPlace(typing.get_args(field.type)[0], field.name, (names.of(field),))


def log_unreadable(element: Any, found: UnreadableElement) -> None:
    """Tell the log of an element that could not be read, by its place and faults alone."""
    from .log import logger  # noqa: PLC0415  # a model that is never read needs none

    kind = getattr(element, "__name__", str(element))
    logger.warning("%s %d of a list is unreadable: %s", kind, found.index, found.problems)


def unreadable_of(elements: tuple[Any, ...]) -> tuple[UnreadableElement, ...]:
    """Return what could not be read of a tuple that may be a `Listing`."""
    return elements.unreadable if isinstance(elements, Listing) else ()


def refuse_unreadable(
    elements: tuple[Any, ...],
    path: str,
    unreadable: tuple[UnreadableElement, ...] | None = None,
    *,
    operation: str | None = None,
) -> None:
    """Check that of a whole list at least one element can be read, if it has any.

    If none can, it is the form of the list that is unknown. A page or a part of a list proves
    nothing: the others may be readable, so it just hands on what it has.

    Args:
        elements: What could be read.
        path: JSON path of the list in the response, such as ``"$.products"``.
        unreadable: What could not; by default, that of `elements`.
        operation: Name of the operation, where no call of its own tells it.

    Raises:
        DecodingError: No element can be read.
    """
    if elements:
        return
    found = unreadable_of(elements) if unreadable is None else unreadable
    if found:
        raise DecodingError(
            "unreadable response",
            operation=operation,
            problems=tuple(
                f"{fault} @ {path}[{each.index}]{inner.removeprefix('$')}"
                for each in found
                for fault, _, inner in (problem.rpartition(" @ ") for problem in each.problems)
            ),
        )
