"""What an executor on another machine does with a chunk: the same there as here."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sequence
from typing import Any, TypeVar

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fan_out import Executor, Outcome
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.session import Session

__all__ = ["Executor", "LocalExecutor", "run_chunk"]

T = TypeVar("T")


async def run_chunk(
    session: Session,
    operations: Iterable[Operation[T]] | AsyncIterable[Operation[T]],
    *,
    timeouts: Timeouts | None = None,
) -> list[Outcome[T]]:
    """Carry out a chunk of reads in a session, and return their outcomes in the same order.

    This is what a worker of an executor runs, whatever the engine. Results and errors are values
    that can be pickled.

    Args:
        session: One of the process it runs in, with credentials of its own.
        operations: Reads.
        timeouts: Limits of each attempt.
    """
    async with session.fan_out(operations, ordered=True, timeouts=timeouts) as outcomes:
        return [outcome async for outcome in outcomes]


class LocalExecutor:
    """Carries chunks out in this process, through a session.

    A fan-out without an executor does the same, and better: it knows no chunks. This one is for
    tests, and shows how an executor is made.

    Args:
        session: Sends the reads.
        chunk_size: Operations per chunk.
        chunks_at_once: Chunks under way at once.
    """

    def __init__(self, session: Session, *, chunk_size: int = 25, chunks_at_once: int = 4) -> None:
        for name, value in (("chunk_size", chunk_size), ("chunks_at_once", chunks_at_once)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigurationError(f"{name} must be a whole number of at least 1")
        self._session = session
        self.chunk_size: int = chunk_size
        self.chunks_at_once: int = chunks_at_once

    async def run(
        self, operations: Sequence[Operation[Any]], /, *, timeouts: Timeouts | None = None
    ) -> Sequence[Outcome[Any]]:
        """Carry out a chunk."""
        return await run_chunk(self._session, operations, timeouts=timeouts)
