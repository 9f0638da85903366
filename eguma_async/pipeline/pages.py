"""Lists that come in pages, read as one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Generic, Protocol, TypeAlias, TypeVar
from urllib.parse import parse_qsl

from eguma_async.core.operation import Operation, Send

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


_Place: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


class Page(Protocol[T_co]):
    """What a page must tell."""

    @property
    def items(self) -> tuple[T_co, ...]:
        """The elements of this page."""
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

    Args:
        send: Sends one operation.
        operation: Reads the first page.
        follow: Makes the operation that reads the page behind a link.
    """

    def __init__(
        self,
        send: Send,
        operation: Operation[Any],
        follow: Callable[[str], Operation[Any]],
    ) -> None:
        self._send = send
        self._operation = operation
        self._follow = follow

    def __repr__(self) -> str:
        return f"<Pager of {self._operation.name()}>"

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        """Yield every element of every page."""
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                for item in page.items:
                    yield item

    async def pages(self) -> AsyncGenerator[Page[T], None]:
        """Yield the pages whole.

        A link to a page that was read before ends the list, and so does an empty page, wherever
        its link may lead: a server cannot keep the reader going with nothing.
        """
        read: set[_Place] = set()
        operation = self._operation
        while (place := _place(operation)) not in read:
            page: Page[T] = await self._send(operation)
            yield page
            if page.next_link is None or not page.items:
                return
            read.add(place)
            if page.own_link is not None:
                read.add(_place_of(page.own_link))
            operation = self._follow(page.next_link)

    async def first(self) -> T | None:
        """Return the first element, or None if there is none. It reads no further than that."""
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                if page.items:
                    return page.items[0]
        return None


def _place(operation: Operation[Any]) -> _Place:
    """Return where an operation reads, however its query is ordered."""
    return operation.path(), tuple(sorted(operation.query()))


def _place_of(link: str) -> _Place:
    path, _, query = link.partition("?")
    return path, tuple(sorted(parse_qsl(query, keep_blank_values=True)))
