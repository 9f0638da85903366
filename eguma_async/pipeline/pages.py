"""Lists that come in pages, read as one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Any, Generic, Protocol, TypeAlias, TypeVar
from urllib.parse import parse_qsl

from eguma_async.core.errors import IncompleteListError
from eguma_async.core.listing import UnreadableElement, unreadable_of
from eguma_async.core.operation import Operation, Send

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

REMEMBERED = 1000
"""How many of the last elements are known again when they come once more."""
IDLE_PAGES = 20
"""How many pages in a row may bring nothing new before a list is given up."""

_Place: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


class Page(Protocol[T_co]):
    """What a page must tell."""

    @property
    def items(self) -> tuple[T_co, ...]:
        """The elements of this page; a `Listing` if some may be unreadable."""
        ...

    @property
    def total_items(self) -> int | None:
        """Number of elements on all pages; None if the server does not say."""
        ...

    @property
    def next_link(self) -> str | None:
        """Where the next page is; None on the last one."""
        ...

    @property
    def own_link(self) -> str | None:
        """Where this page is, as a path with a query; None if the server does not say."""
        ...


class Pager(Generic[T]):
    """Reads a list page by page, as far as it is iterated. Each ``async for`` begins anew.

    A list may change while it is read. An element that is pushed onto the next page by others
    added before it is yielded once. One that is pulled onto a page that was read already, because
    others before it went away, is missed: nothing in the pages tells of it. A list that is read
    oldest first does not lose elements to new ones.

    Args:
        send: Sends one operation.
        operation: Reads the first page.
        follow: Makes the operation that reads the page behind a link.
        name_of: Returns the name by which an element is known again, readable or not; None if it
            has none.
    """

    def __init__(
        self,
        send: Send,
        operation: Operation[Any],
        follow: Callable[[str], Operation[Any]],
        name_of: Callable[[T | UnreadableElement], str | None] = lambda _: None,
    ) -> None:
        self._send = send
        self._operation = operation
        self._follow = follow
        self._name_of = name_of
        self._unreadable: list[UnreadableElement] = []

    def __repr__(self) -> str:
        return f"<Pager of {self._operation.name()}>"

    @property
    def unreadable(self) -> tuple[UnreadableElement, ...]:
        """The elements that the last ``async for`` met so far and that could not be read.

        Look at it before concluding that something is not in the list.
        """
        return tuple(self._unreadable)

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        """Yield every element of every page.

        Raises:
            IncompleteListError: At the end, if the list has fewer elements than the server said at
                any time, or goes on and on without a new one.
        """
        async with aclosing(self._read()) as pages:
            async for _, new in pages:
                for item in new:
                    yield item

    async def pages(self) -> AsyncGenerator[Page[T], None]:
        """Yield the pages whole, as they came.

        A link to a page that was read before ends the list.

        Raises:
            IncompleteListError: As for the elements.
        """
        async with aclosing(self._read()) as pages:
            async for page, _ in pages:
                yield page

    async def first(self) -> T | None:
        """Return the first element, or None if there is none. It reads no further than that.

        Raises:
            IncompleteListError: There is none although the server said otherwise.
        """
        async with aclosing(self._read()) as pages:
            async for _, new in pages:
                if new:
                    return new[0]
        return None

    async def _read(self) -> AsyncGenerator[tuple[Page[T], list[T]], None]:
        """Yield each page with those of its elements that were on no page before."""
        tally: _Tally[T] = _Tally(self._name_of)
        self._unreadable = tally.unreadable
        visited: set[_Place] = set()
        operation = self._operation
        while (place := _place(operation)) not in visited:
            page: Page[T] = await self._send(operation)
            yield page, tally.take(page)
            if page.next_link is None or tally.is_over(page):
                break
            visited.add(place)
            if page.own_link is not None:
                visited.add(_place_of(page.own_link))
            operation = self._follow(page.next_link)
        tally.check(self._operation.name())


class _Tally(Generic[T]):
    """Counts what the pages of one list bring, and knows again what came lately."""

    def __init__(self, name_of: Callable[[T | UnreadableElement], str | None]) -> None:
        self.unreadable: list[UnreadableElement] = []
        self._name_of = name_of
        self._known: OrderedDict[str, None] = OrderedDict()
        self._read = 0
        self._idle_pages = 0
        self._announced: int | None = None

    def take(self, page: Page[T]) -> list[T]:
        """Return the elements of a page that were on none before, each of them once."""
        if page.total_items is not None:
            # The least of all pages: what was added while they were read may have come too late.
            announced = page.total_items if self._announced is None else self._announced
            self._announced = min(announced, page.total_items)
        new: dict[str | int, T | UnreadableElement] = {}
        before = self._read
        elements: tuple[T | UnreadableElement, ...] = (*page.items, *unreadable_of(page.items))
        for number, element in enumerate(elements):
            name = self._name_of(element)
            if name is None or name not in self._known:
                self._read += 1  # also if it stands on this page twice: so it does in the total
                new.setdefault(number if name is None else name, element)
        self._idle_pages = 0 if self._read > before else self._idle_pages + 1
        self._remember(name for name in new if isinstance(name, str))
        self.unreadable += [e for e in new.values() if isinstance(e, UnreadableElement)]
        return [e for e in new.values() if not isinstance(e, UnreadableElement)]

    def is_over(self, page: Page[T]) -> bool:
        """Tell whether it is no use to read on behind a page."""
        is_empty = not page.items and not unreadable_of(page.items)
        is_complete = self._announced is not None and self._read >= self._announced
        return (is_empty and is_complete) or self._idle_pages >= IDLE_PAGES

    def check(self, operation: str) -> None:
        """Check that nothing is missing.

        Raises:
            IncompleteListError: Something is.
        """
        problem = None
        if self._announced is not None and self._read < self._announced:
            problem = f"{self._announced} elements announced, {self._read} came"
        elif self._announced is None and self._idle_pages >= IDLE_PAGES:
            problem = f"{self._idle_pages} pages in a row with nothing new"
        if problem is not None:
            raise IncompleteListError(
                "the list ended early",
                announced=self._announced,
                read=self._read,
                problems=(problem,),
                operation=operation,
            )

    def _remember(self, names: Iterable[str]) -> None:
        self._known.update(dict.fromkeys(names))
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _place(operation: Operation[Any]) -> _Place:
    """Return where an operation reads, however its query is ordered."""
    return operation.path(), tuple(sorted(operation.query()))


def _place_of(link: str) -> _Place:
    path, _, query = link.partition("?")
    return path, tuple(sorted(parse_qsl(query, keep_blank_values=True)))
