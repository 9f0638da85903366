"""Lists that come in pages, read as one."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Generic, Protocol, TypeAlias, TypeVar
from urllib.parse import parse_qsl

from eguma_async.core.errors import IncompleteListError, SessionStateError
from eguma_async.core.listing import UnreadableElement, refuse_unreadable, unreadable_of
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
        path: JSON path of the elements in a page.
    """

    def __init__(
        self,
        send: Send,
        operation: Operation[Any],
        follow: Callable[[str], Operation[Any]],
        name_of: Callable[[T | UnreadableElement], str | None] = lambda _: None,
        *,
        path: str = "$",
    ) -> None:
        self._send = send
        self._operation = operation
        self._follow = follow
        self._name_of = name_of
        self._path = path
        self._unreadable: list[UnreadableElement] = []

    def __repr__(self) -> str:
        return f"<Pager of {self._operation.name()}>"

    @property
    def unreadable(self) -> tuple[UnreadableElement, ...]:
        """The elements that the last ``async for`` met so far and that could not be read.

        Look at it before concluding that something is not in the list.
        """
        return tuple(self._unreadable)

    def __aiter__(self) -> AsyncIterator[T]:
        """Read every element of every page.

        A page that is not there yet when the waiting is cancelled, or that fails, is asked for
        again by the next `anext`.

        Raises:
            IncompleteListError: At the end, if the list has fewer elements than the server said at
                any time, or goes on and on without a new one.
            DecodingError: At the end, if no element could be read.
        """
        return _Elements(self._begin())

    def pages(self) -> AsyncIterator[Page[T]]:
        """Read the pages whole, as they came.

        A link to a page that was read before ends the list.

        Raises:
            IncompleteListError: As for the elements.
            DecodingError: As for the elements.
        """
        return _Pages(self._begin())

    async def first(self) -> T | None:
        """Return the first element that can be read, or None if there is none.

        It reads no further than that.

        Raises:
            IncompleteListError: There is none although the server said otherwise.
            DecodingError: There is none that can be read.
        """
        return await anext(aiter(self), None)

    def _begin(self) -> _Reading[T]:
        tally: _Tally[T] = _Tally(self._name_of, self._path)
        self._unreadable = tally.unreadable
        return _Reading(self._send, self._operation, self._follow, tally)


class _Reading(Generic[T]):
    """One reading of a list: which page comes next. It moves on only once that page is there.

    A generator would be at its end once the waiting in it has been cancelled, and so would end the
    list in silence.
    """

    def __init__(
        self,
        send: Send,
        operation: Operation[Any],
        follow: Callable[[str], Operation[Any]],
        tally: _Tally[T],
    ) -> None:
        self._send = send
        self._first = operation
        self._follow = follow
        self._tally = tally
        self._last: tuple[Operation[Any], Page[T]] | None = None
        self._visited: set[_Place] = set()
        self._is_waiting = False

    async def step(self) -> tuple[Page[T], list[T]]:
        """Return the next page, with those of its elements that were on no page before.

        Raises:
            StopAsyncIteration: That was the last one.
        """
        if self._is_waiting:
            raise SessionStateError("another task waits for the next page of this list")
        operation = self._first if self._last is None else self._after(*self._last)
        if operation is None:
            self._tally.check(self._first.name())
            raise StopAsyncIteration
        self._is_waiting = True
        try:
            page: Page[T] = await self._send(operation)
        finally:
            self._is_waiting = False
        self._last = operation, page
        return page, self._tally.take(page)

    def _after(self, operation: Operation[Any], page: Page[T]) -> Operation[Any] | None:
        """Return what reads the page after another one; None if that was the last."""
        if page.next_link is None or self._tally.is_over(page):
            return None
        self._visited.add(_place(operation))
        if page.own_link is not None:
            self._visited.add(_place_of(page.own_link))
        following = self._follow(page.next_link)
        return None if _place(following) in self._visited else following


class _Pages(AsyncIterator[Page[T]]):
    def __init__(self, reading: _Reading[T]) -> None:
        self._reading = reading

    async def __anext__(self) -> Page[T]:
        page, _ = await self._reading.step()
        return page


class _Elements(AsyncIterator[T]):
    def __init__(self, reading: _Reading[T]) -> None:
        self._reading = reading
        self._ready: deque[T] = deque()

    async def __anext__(self) -> T:
        while not self._ready:
            _, new = await self._reading.step()
            self._ready += new
        return self._ready.popleft()


class _Tally(Generic[T]):
    """Counts what the pages of one list bring, and knows again what came lately."""

    def __init__(self, name_of: Callable[[T | UnreadableElement], str | None], path: str) -> None:
        self.unreadable: list[UnreadableElement] = []
        self._any_readable = False
        self._name_of = name_of
        self._path = path
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
        readable = [e for e in new.values() if not isinstance(e, UnreadableElement)]
        self._any_readable = self._any_readable or bool(readable)
        return readable

    def is_over(self, page: Page[T]) -> bool:
        """Tell whether it is no use to read on behind a page."""
        is_empty = not page.items and not unreadable_of(page.items)
        is_complete = self._announced is not None and self._read >= self._announced
        return (is_empty and is_complete) or self._idle_pages >= IDLE_PAGES

    def check(self, operation: str) -> None:
        """Check that nothing is missing, and that some of it can be read.

        Raises:
            IncompleteListError: Something is missing.
            DecodingError: No element can be read: it is the form of the list that is unknown.
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
        if not self._any_readable:
            refuse_unreadable((), self._path, tuple(self.unreadable), operation=operation)

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
