"""The input of a fan-out: any iterable, taken lazily, as jobs that several workers draw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from copy import copy
from itertools import chain
from typing import Any, Generic, TypeVar

from eguma_async.core.errors import ConfigurationError, EgumaError
from eguma_async.core.fan_out import InPieces, Outcome
from eguma_async.core.operation import Operation

T = TypeVar("T")


class Whole(Generic[T]):
    """A read that is made in pieces, and what became of them so far.

    Args:
        item: The read and its pieces.
    """

    __slots__ = ("_item", "_left", "_outcomes")

    def __init__(self, item: InPieces[T]) -> None:
        self._item = item
        self._left = len(item.pieces)
        self._outcomes: list[Outcome[T] | None] = [None] * self._left

    def put(self, place: int, outcome: Outcome[T]) -> Outcome[T] | None:
        """Take the outcome of a piece; return that of the whole with the last one."""
        self._outcomes[place] = outcome
        self._left -= 1
        return None if self._left else self._together()

    def _together(self) -> Outcome[T]:
        parts = tuple(each for each in self._outcomes if each is not None)
        value, error = None, self._first_error(parts)
        if error is None:
            try:
                value = self._item.join(tuple(each.unwrap() for each in parts))
            except EgumaError as refused:
                error = refused.with_traceback(None)
        return Outcome(
            operation=self._item.operation,
            value=value,
            error=error,
            attempts=sum(each.attempts for each in parts),
            seconds=sum(each.seconds for each in parts),
            parts=() if error is None else parts,
        )

    def _first_error(self, parts: tuple[Outcome[T], ...]) -> EgumaError | None:
        """Return what the first piece failed with that did, naming it."""
        for number, part in enumerate(parts, 1):
            if part.error is not None:
                error = copy(part.error)
                named = self._item.named
                label = f"{named(part.operation)}, " if named is not None else ""
                error.operation = f"{part.operation.name()} ({label}{number} of {len(parts)})"
                return error
        return None


class Job(Generic[T]):
    """One request to make.

    Attributes:
        operation: What to send.
        index: Where what it belongs to stands in the input.
        whole: What it is a piece of; None if it stands for itself.
        place: Which piece it is.
        twins: Equal ones that came while it was under way.
    """

    __slots__ = ("index", "operation", "place", "twins", "whole")

    operation: Operation[T]
    index: int
    whole: Whole[T] | None
    place: int
    twins: list[Job[T]] | None

    def __init__(
        self, operation: Operation[T], index: int, whole: Whole[T] | None = None, place: int = 0
    ) -> None:
        self.operation = operation
        self.index = index
        self.whole = whole
        self.place = place
        self.twins = None


class Jobs(Generic[T]):
    """Makes jobs of what the input holds, and refuses what cannot be fanned out.

    Attributes:
        taken: How much of the input has been taken.
    """

    def __init__(self) -> None:
        self.taken: int = 0
        self._known: set[type[Any]] = set()

    def of(self, item: Operation[T] | InPieces[T]) -> Iterable[Job[T]]:
        """Return the requests to make for an item of the input.

        Raises:
            ConfigurationError: It is no read.
        """
        index = self.taken
        self.taken += 1
        if type(item) in self._known:  # as a rule: what a class is, is checked once
            return (Job(item, index),)  # type: ignore[arg-type]  # classes of operations only
        if isinstance(item, InPieces):
            whole = Whole(item)
            for piece in item.pieces:
                require_read(piece)
            return (Job(piece, index, whole, n) for n, piece in enumerate(item.pieces))
        require_read(item)
        self._known.add(type(item))
        return (Job(item, index),)


def require_read(operation: object) -> None:
    """Refuse what must not be fanned out.

    Raises:
        ConfigurationError: It is no read.
    """
    if not isinstance(operation, Operation):
        raise ConfigurationError(
            f"a fan-out takes operations such as ListAvailabilities, not {type(operation).__name__}"
        )
    if not operation.is_read():
        raise ConfigurationError(
            f"{operation.name()} is not fanned out: it is no read, and leaving the loop would"
            " leave its outcome unknown; send it alone"
        )


def jobs_of(
    items: Iterable[Operation[T] | InPieces[T]] | AsyncIterable[Operation[T] | InPieces[T]],
) -> PlainJobs[T] | AsyncJobs[T]:
    """Make one source of jobs for all workers, over any kind of iterable.

    Raises:
        ConfigurationError: It is no iterable.
    """
    if isinstance(items, AsyncIterable):
        return AsyncJobs(aiter(items))
    if isinstance(items, Iterable):
        return PlainJobs(iter(items))
    raise ConfigurationError("operations must be an iterable or an async iterable")


class PlainJobs(Generic[T]):
    """The jobs of a plain iterator. `plain` is drawn by a plain ``for``, which is the fastest.

    Attributes:
        plain: The jobs.
    """

    def __init__(self, items: Iterator[Operation[T] | InPieces[T]]) -> None:
        self.plain: Iterator[Job[T]] = chain.from_iterable(map(Jobs[T]().of, items))

    async def take(self) -> Job[T] | None:
        """Return the next job, None at the end."""
        return next(self.plain, None)

    async def aclose(self) -> None:
        """Do nothing, as leaving a `for` loop does."""


class AsyncJobs(Generic[T]):
    """The jobs of an async iterator, which is asked by one worker at a time.

    Attributes:
        plain: None: they are not drawn so.
    """

    plain: None = None

    def __init__(self, items: AsyncIterator[Operation[T] | InPieces[T]]) -> None:
        self._items = items
        self._jobs = Jobs[T]()
        self._ready: Iterator[Job[T]] = iter(())
        self._turn = asyncio.Lock()

    async def take(self) -> Job[T] | None:
        """Return the next job, None at the end."""
        async with self._turn:
            while True:
                for job in self._ready:
                    return job
                try:
                    item = await anext(self._items)
                except StopAsyncIteration:
                    return None
                self._ready = iter(self._jobs.of(item))

    async def aclose(self) -> None:
        """Close an async generator, so that what it holds open does not wait for the collector."""
        if isinstance(self._items, AsyncGenerator):
            async with self._turn:
                await self._items.aclose()
