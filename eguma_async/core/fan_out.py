"""What a fan-out takes and gives: outcomes, progress, and who carries the reads out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

import attrs

from .errors import ConfigurationError, EgumaError
from .messages import Timeouts
from .operation import Operation

T = TypeVar("T")


# No slots: one is made for every read, and made faster without.


@attrs.frozen(kw_only=True, slots=False)
class Outcome(Generic[T]):
    """What one operation of a fan-out came to: a value or an error, never both.

    Attributes:
        operation: The operation as it was given.
        value: Its value; None if it failed.
        error: What it failed with; None if it succeeded.
        attempts: Requests it took. Equal reads that were under way together share theirs.
        seconds: Time it took, waiting for retries included.
        parts: If it was read in pieces and failed, what each of them came to, in their order: the
            values of those that succeeded are here.
    """

    operation: Operation[T]
    value: T | None = None
    error: EgumaError | None = None
    attempts: int
    seconds: float
    parts: tuple[Outcome[T], ...] = ()

    @property
    def ok(self) -> bool:
        """True if there is a value."""
        return self.error is None

    def unwrap(self) -> T:
        """Return the value.

        Raises:
            EgumaError: The error, if there is one.
        """
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # a value of T, which may itself be None


@attrs.frozen(kw_only=True)
class InPieces(Generic[T]):
    """A read that a fan-out makes in several requests, with one outcome.

    The pieces are read side by side, as single reads are. If one fails, the outcome of the whole
    is the error of the first that did, and `Outcome.parts` has what each of them came to.

    Attributes:
        operation: The whole, as it shows up in the outcome.
        pieces: The reads it is made of, in order; one at least.
        join: Makes one value of those of the pieces. An `EgumaError` that it raises is the outcome.
        named: Says of a piece what the error that it failed with is to show.
    """

    operation: Operation[T]
    pieces: tuple[Operation[T], ...]
    join: Callable[[tuple[T, ...]], T]
    named: Callable[[Operation[T]], str] | None = None

    def __attrs_post_init__(self) -> None:
        if not self.pieces:
            raise ConfigurationError("a read in pieces has one piece at least")


@attrs.frozen(kw_only=True)
class Progress:
    """How far a fan-out is, and how fast.

    Attributes:
        done: Outcomes so far.
        failed: How many of them are errors.
        total: Operations in all, if the input has a length.
        seconds: Since the first outcome was asked for.
        rate: Outcomes a second, of late; None until there is something to tell it by.
        limit: Requests that may be under way at once, at this moment; None if an executor knows.
        pace: Requests a second that the server is known to take; None if it has not refused any
            for being too many.
        seconds_left: Until the end, at this rate; None if the total or the rate is not known.
    """

    done: int
    failed: int
    total: int | None
    seconds: float = 0.0
    rate: float | None = None
    limit: int | None = None
    pace: float | None = None
    seconds_left: float | None = None


class FanOut(Protocol[T]):
    """The outcomes of many reads: an async iterator, to be read once.

    ::

        async for outcome in session.fan_out(operations):
            ...

    Leaving the loop cancels what is under way. Whoever reads it with `anext` uses it as an async
    context manager, or calls `aclose`.
    """

    def __aiter__(self) -> AsyncIterator[Outcome[T]]:
        """Return an iterator over the outcomes still to come."""
        ...

    async def __anext__(self) -> Outcome[T]:
        """Wait for the next outcome. Cancelling the waiting loses nothing."""
        ...

    async def __aenter__(self) -> Self:
        """Return itself."""
        ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        ...

    async def aclose(self) -> None:
        """Cancel what is under way and wait until it has ended. May be called twice."""
        ...


class ClusterError(EgumaError):
    """The cluster that carries out a fan-out cannot be used any more.

    The outcomes handed on before are complete; the rest may be read again.
    """


class Executor(Protocol):
    """Carries out the reads of a fan-out, chunk by chunk. It is its maker's to close.

    The fan-out takes the operations lazily, refuses what is no read, makes the chunks, keeps at
    most `chunks_at_once` of them under way, and hands the outcomes on through a bounded buffer.
    An executor only carries out a chunk. It may do so more than once, as after a worker was
    killed: all operations are reads.
    """

    @property
    def chunk_size(self) -> int:
        """Operations per chunk at most; at least 1."""
        ...

    @property
    def chunks_at_once(self) -> int:
        """Chunks under way at once at most; at least 1."""
        ...

    async def run(
        self, operations: Sequence[Operation[Any]], /, *, timeouts: Timeouts | None = None
    ) -> Sequence[Outcome[Any]]:
        """Carry out a chunk and return an outcome for each operation, in the same order.

        A read that fails is an outcome with an error; what is raised ends the fan-out. Cancelling
        it gives the chunk up.

        Args:
            operations: Reads, `chunk_size` of them at most, and at least one.
            timeouts: Limits of each attempt; None for those of the session that sends them.
        """
        ...
