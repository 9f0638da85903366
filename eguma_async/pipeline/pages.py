"""Lists that come in pages, read as one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Generic, Protocol, TypeVar

from eguma_async.core.operation import Operation, Send

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


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
        """Yield the pages whole. A link that was followed before ends the list."""
        followed: set[str] = set()
        operation = self._operation
        while True:
            page: Page[T] = await self._send(operation)
            yield page
            link = page.next_link
            if link is None or link in followed:
                return
            followed.add(link)
            operation = self._follow(link)

    async def first(self) -> T | None:
        """Return the first element, or None if there is none. It reads no further than that."""
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                if page.items:
                    return page.items[0]
        return None
