"""What an export takes: elements, or what carries them, and what of it cannot be read."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

from eguma_async.core.errors import ConfigurationError, EgumaError
from eguma_async.core.fan_out import Outcome
from eguma_async.sync.records import ChangeKind
from eguma_async.sync.reports import Copied

from .columns import Table
from .report import Tally

T = TypeVar("T")

Item: TypeAlias = T | Outcome[Any] | Copied[T]
"""An element of a table, or what carries one: an outcome of a fan-out, a record of a copy."""
Items: TypeAlias = AsyncIterable[Item[T]] | Iterable[Item[T]]
"""What an export takes: elements one after the other, with or without waiting for each."""


def elements_of(item: Any, table: Table[Any], tally: Tally) -> Iterator[Any]:
    """Yield the elements of an item; count what failed and what cannot be read.

    Of a read in pieces that failed, those pieces that were read are not lost.
    """
    match item:
        case Outcome(error=EgumaError() as error):
            tally.add_failure(item.operation, error)
            for part in item.parts:
                if part.ok:
                    yield from elements_of(part, table, tally)
            return
        case Outcome():
            item = table.of_outcome(item)
        case Copied(kind=ChangeKind.ERASED):
            return  # it is not there any more, as was asked
        case Copied(value=None):
            tally.add_unreadable(item.problems)
            return
        case Copied():
            item = item.value
    for part in table.unreadable(item):
        tally.add_unreadable(part.problems)
    yield item


@asynccontextmanager
async def reading(items: Items[Any], tally: Tally) -> AsyncIterator[AsyncIterator[Any]]:
    """Read items, let go of them at the end, and count what of them could not be read.

    Raises:
        ConfigurationError: It is one text.
    """
    if isinstance(items, (str, bytes)):
        raise ConfigurationError("an export takes elements, not a text")
    iterator = aiter(items) if isinstance(items, AsyncIterable) else _made_async(items)
    try:
        yield iterator
    finally:
        if (close := getattr(iterator, "aclose", None)) is not None:
            await close()
    for part in getattr(items, "unreadable", ()):
        tally.add_unreadable(part.problems)


async def _made_async(items: Iterable[T]) -> AsyncIterator[T]:
    for item in items:
        yield item
