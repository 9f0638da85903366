"""Many reads on one machine: a fixed set of workers on one shared iterator.

Results are handed on through a bounded buffer, so memory does not grow with the number of reads:
the input is taken only as fast as the results are.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Sized,
)
from typing import Generic, Protocol, Self, TypeVar

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.errors import ConfigurationError, EgumaError, SessionStateError
from eguma_async.core.messages import HttpResponse, Replay
from eguma_async.core.operation import Operation

T = TypeVar("T")
R = TypeVar("R")


class Exchange(Protocol):
    """Sends an operation: the `exchange` of a session."""

    async def __call__(self, operation: Operation[R], /) -> tuple[R, HttpResponse]:
        """Send the operation and return its value with the answer."""
        ...


@attrs.frozen(kw_only=True)
class Outcome(Generic[T]):
    """What one operation of a fan-out came to: a value or an error, never both.

    Attributes:
        operation: The operation as it was given.
        value: Its value; None if it failed.
        error: What it failed with; None if it succeeded.
        attempts: Requests it took.
        seconds: Time it took, waiting for retries included.
    """

    operation: Operation[T]
    value: T | None = None
    error: EgumaError | None = None
    attempts: int
    seconds: float

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
class Progress:
    """How far a fan-out is.

    Attributes:
        done: Outcomes so far.
        failed: How many of them are errors.
        total: Operations in all, if the input has a length.
    """

    done: int
    failed: int
    total: int | None


class _Finished:
    """What a worker leaves when it ends, with the bug that ended it, if one did."""

    __slots__ = ("bug",)

    def __init__(self, bug: BaseException | None) -> None:
        self.bug = bug


class FanOut(AsyncIterator[Outcome[T]]):
    """An async iterator over the outcomes of many reads, in the order they come.

    Args:
        exchange: Sends one operation.
        operations: Any iterable or async iterable; taken lazily, one by one.
        concurrency: Number of workers.
        on_progress: Called after each outcome.
        clock: Measures the seconds.
    """

    def __init__(
        self,
        exchange: Exchange,
        operations: Iterable[Operation[T]] | AsyncIterable[Operation[T]],
        *,
        concurrency: int,
        on_progress: Callable[[Progress], None] | None,
        clock: Clock,
    ) -> None:
        if not isinstance(concurrency, int) or concurrency < 1:
            raise ConfigurationError("concurrency must be a whole number of at least 1")
        self._outcomes = _run(exchange, _shared(operations), concurrency, clock)
        self._on_progress = on_progress
        self._total = len(operations) if isinstance(operations, Sized) else None
        self._done = 0
        self._failed = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome[T]:
        outcome = await anext(self._outcomes)
        self._done += 1
        self._failed += not outcome.ok
        if self._on_progress is not None:
            try:
                self._on_progress(Progress(done=self._done, failed=self._failed, total=self._total))
            except BaseException:
                await self.aclose()
                raise
        return outcome

    async def aclose(self) -> None:
        """Cancel what is under way and wait until it has ended. May be called twice."""
        await self._outcomes.aclose()


async def _run(
    exchange: Exchange,
    source: AsyncIterator[Operation[T]],
    concurrency: int,
    clock: Clock,
) -> AsyncGenerator[Outcome[T], None]:
    buffer: asyncio.Queue[Outcome[T] | _Finished] = asyncio.Queue(maxsize=concurrency)
    workers = [
        asyncio.create_task(_work(exchange, source, buffer, clock)) for _ in range(concurrency)
    ]
    running = concurrency
    try:
        while running:
            item = await buffer.get()
            if not isinstance(item, _Finished):
                yield item
                continue
            running -= 1
            if item.bug is not None:
                raise item.bug
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _work(
    exchange: Exchange,
    source: AsyncIterator[Operation[T]],
    buffer: asyncio.Queue[Outcome[T] | _Finished],
    clock: Clock,
) -> None:
    bug: Exception | None = None
    try:
        async for operation in source:
            _require_read(operation)
            await buffer.put(await _one(exchange, operation, clock))
    except Exception as error:  # noqa: BLE001  # handed to the consumer, who raises it
        bug = error
    await buffer.put(_Finished(bug))


async def _one(exchange: Exchange, operation: Operation[T], clock: Clock) -> Outcome[T]:
    began = clock.monotonic()
    try:
        value, response = await exchange(operation)
    except (ConfigurationError, SessionStateError):
        raise
    except EgumaError as error:
        return Outcome(
            operation=operation,
            error=error.with_traceback(None),  # its frames would keep the whole call alive
            attempts=error.attempts,
            seconds=clock.monotonic() - began,
        )
    return Outcome(
        operation=operation,
        value=value,
        attempts=response.attempts,
        seconds=clock.monotonic() - began,
    )


def _require_read(operation: object) -> None:
    if not isinstance(operation, Operation):
        raise ConfigurationError(
            f"a fan-out takes operations such as ListAvailabilities, not {type(operation).__name__}"
        )
    if operation.REPLAY is not Replay.SAFE:
        raise ConfigurationError(
            f"{operation.name()} is not fanned out: it could be carried out twice; send it alone"
        )


def _shared(items: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    """Make one iterator for all workers, over any kind of iterable."""
    if isinstance(items, AsyncIterable):
        return _InTurn(aiter(items))
    if isinstance(items, Iterable):
        return _Plain(iter(items))
    raise ConfigurationError("operations must be an iterable or an async iterable")


class _Plain(AsyncIterator[T]):
    """A plain iterator that several workers draw from."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items

    async def __anext__(self) -> T:
        for item in self._items:
            return item
        raise StopAsyncIteration


class _InTurn(AsyncIterator[T]):
    """An async iterator that several workers draw from; it is asked by one at a time."""

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._items = items
        self._turn = asyncio.Lock()

    async def __anext__(self) -> T:
        async with self._turn:
            return await anext(self._items)
