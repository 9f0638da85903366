"""What the resources of a provider need of a session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable
from typing import Any, Protocol, TypeVar

from .clock import Clock
from .fan_out import Executor, FanOut, InPieces, Progress
from .journal import Entry, Intent, OnRecovered, Recovery
from .messages import Timeouts
from .operation import Operation

T = TypeVar("T")


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

    def in_background(self, work: Coroutine[Any, Any, T], /) -> asyncio.Task[T]:
        """Begin work that no caller's cancellation ends. Closing the session waits for it."""
        ...
