"""What the resources of a provider need of a session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, Protocol, TypeVar

from .clock import Clock
from .fan_out import Executor, FanOut, InPieces, Progress
from .journal import Entry, Intent, OnRecovered, Recovery
from .listing import Listing, UnreadableElement
from .messages import Timeouts
from .operation import Operation

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class ElementIterator(Protocol[T_co]):
    """The elements of one reading of a list."""

    def __aiter__(self) -> AsyncIterator[T_co]:
        """Return itself."""
        ...

    async def __anext__(self) -> T_co:
        """Wait for the next element. Cancelling the waiting loses nothing."""
        ...

    async def aclose(self) -> None:
        """Close the connection, unless the list was read to its end. May be called twice."""
        ...


class ElementStream(Protocol[T_co]):
    """A long list, read element by element. Each ``async for`` begins anew.

    ::

        async for order in session.ticketing.orders.stream():
            ...

    Leaving the loop ends the request and closes its connection; in `contextlib.aclosing` that is
    done when the block is left.
    """

    @property
    def unreadable(self) -> tuple[UnreadableElement, ...]:
        """The elements that the last ``async for`` met so far and that could not be read.

        Look at it before concluding that something is not in the list.
        """
        ...

    def __aiter__(self) -> ElementIterator[T_co]:
        """Begin to read; the request is made by the first `anext`.

        An error comes after the elements that were read before it.

        Raises:
            IncompleteListError: The list ends before its end, or is no JSON from some place on.
            DecodingError: None of its elements can be read, or one is larger than 16 MiB.
            TransportError: The connection broke.
        """
        ...


class Session(Protocol):
    """What resources build on. Every session of this package has it."""

    @property
    def clock(self) -> Clock:
        """The clock the session reads the time from."""
        ...

    @property
    def keeps_journal(self) -> bool:
        """True if a journal keeps what books or cancels."""
        ...

    async def send(
        self,
        operation: Operation[T],
        /,
        *,
        idempotency_key: str | None = None,
        timeouts: Timeouts | None = None,
        intent: Intent | None = None,
    ) -> T:
        """Send an operation and return its value."""
        ...

    async def recover(
        self,
        *kinds: type[Operation[Any]],
        wait: bool = True,
        client_ref: str | None = None,
        on_recovered: OnRecovered | None = None,
    ) -> Recovery:
        """Bring what a journal holds of these operations to its end."""
        ...

    async def entry(self, kind: type[Operation[Any]], client_ref: str, /) -> Entry | None:
        """Return what the journal knows of a reference; None if nothing."""
        ...

    def fan_out(
        self,
        operations: Iterable[Operation[T] | InPieces[T]]
        | AsyncIterable[Operation[T] | InPieces[T]],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        executor: Executor | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        timeouts: Timeouts | None = None,
    ) -> FanOut[T]:
        """Send many reads at once."""
        ...

    def elements(
        self, operation: Operation[Listing[T]], /, *, timeouts: Timeouts | None = None
    ) -> ElementStream[T]:
        """Read a list element by element."""
        ...

    def in_background(self, work: Coroutine[Any, Any, T], /) -> asyncio.Task[T]:
        """Begin work that no caller's cancellation ends. Closing the session waits for it."""
        ...
