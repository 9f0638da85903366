"""A long list as an async iterator: read by one call, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import attrs

from eguma_async.core.elements import ElementReader
from eguma_async.core.errors import (
    ConfigurationError,
)
from eguma_async.core.listing import Listing, UnreadableElement
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.provider import Provider

from .background import Readings
from .call import Call
from .feed import Feed

T = TypeVar("T")

LONGEST_STREAM = 3600.0
"""Seconds that reading a list may take if nothing else is said: the reader's time counts too."""


class ReadInto(Protocol):
    """Sends an operation: `Calls.read_into`."""

    def __call__(
        self, operation: Operation[Any], timeouts: Timeouts, feed: Feed[Any], /
    ) -> Coroutine[Any, Any, Call[Any]]:
        """Send it, and let a feed take the response."""
        ...


def check_is_streamable(operation: Operation[Any], provider: Provider) -> None:
    """Check that the elements of what an operation reads can be read one by one.

    Raises:
        ConfigurationError: They cannot; the message says why.
    """
    if not isinstance(operation, Operation):
        raise ConfigurationError("elements takes an operation, such as ListOrders()")
    name = operation.name()
    if not operation.is_read():
        raise ConfigurationError(f"{name} cannot be streamed: it is no read")
    if provider.codec.place_of_list(operation.RETURNS) is None:
        raise ConfigurationError(f"{name} cannot be streamed: it returns no list; use `send`")
    if operation.plan().completes and type(operation).sift is Operation.sift:
        raise ConfigurationError(
            f"{name} cannot be streamed: it looks at its list as a whole; use `send`, or let it"
            " say by `sift` what of a part of the list was asked for"
        )


class Streams:
    """Reads long lists for one session.

    Args:
        provider: How the API speaks.
        run: Sends an operation, and lets a feed take its response.
        readings: Those of the session, which end with it.
        timeouts: Limits of each attempt of its other calls.
    """

    def __init__(
        self, provider: Provider, run: ReadInto, readings: Readings, timeouts: Timeouts
    ) -> None:
        self._provider = provider
        self._run = run
        self._readings = readings
        # Silence of the server ends an attempt as ever; the total leaves a reader its time.
        self._timeouts = attrs.evolve(timeouts, total=max(timeouts.total, LONGEST_STREAM))

    def of(
        self,
        operation: Operation[Listing[T]],
        timeouts: Timeouts | None,
        require_open: Callable[[], None],
    ) -> StreamedList[T]:
        """Return the list that an operation reads.

        Args:
            operation: A read.
            timeouts: Limits of each attempt.
            require_open: Asked before each reading.

        Raises:
            ConfigurationError: It returns no list that can be read element by element.
        """
        check_is_streamable(operation, self._provider)
        run = partial(self._run, operation, self._timeouts if timeouts is None else timeouts)
        codec = self._provider.codec

        def begin() -> Feed[T]:
            require_open()
            feed = Feed(run, lambda: ElementReader[T](codec, operation.RETURNS), operation.sift)
            self._readings.add(feed)
            return feed

        return StreamedList(begin)


class StreamedList(Generic[T]):
    """The elements of a long list, as far as it is iterated. Each ``async for`` begins anew.

    Args:
        begin: Begins one reading.
    """

    def __init__(self, begin: Callable[[], Feed[T]]) -> None:
        self._begin = begin
        self._unreadable: list[UnreadableElement] = []

    @property
    def unreadable(self) -> tuple[UnreadableElement, ...]:
        """The elements that the last ``async for`` met so far and that could not be read."""
        return tuple(self._unreadable)

    def __aiter__(self) -> StreamedElements[T]:
        """Begin to read."""
        feed = self._begin()
        self._unreadable = feed.unreadable
        return StreamedElements(feed)


class StreamedElements(AsyncIterator[T]):
    """One reading of a list. The request is made by the first `anext`.

    No generator: a generator is at its end once the waiting in it has been cancelled.
    """

    def __init__(self, feed: Feed[T]) -> None:
        self._feed = feed
        self._ready: Iterator[T] = iter(())

    async def __anext__(self) -> T:
        """Return the next element. Cancelling the waiting loses nothing."""
        while True:
            for element in self._ready:
                return element
            self._ready = iter(await self._feed.next())

    async def aclose(self) -> None:
        """Close the connection, if the end was not reached. May be called twice."""
        self._ready = iter(())
        await self._feed.stop()

    def __del__(self) -> None:
        self._feed.stop_soon()
