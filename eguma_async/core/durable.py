"""How a session and a journal work together. Neither knows how the other is built."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from .hooks import EntryRecovered, EntryWritten
from .journal import Entry, Intent, OnRecovered, Recovery
from .messages import Timeouts
from .resumable import Resumable
from .session import Session

T = TypeVar("T")


class EntryListener(Protocol):
    """Is told of what a session does to the entries of its journal. Raises nothing."""

    def entry_written(self, entry: EntryWritten, /) -> None:
        """Take note that an entry was written."""
        ...

    def entry_recovered(self, entry: EntryRecovered, /) -> None:
        """Take note of what a recovery found out about an entry."""
        ...


class Wire(Protocol):
    """What a journal needs of a session.

    Attributes:
        session: The session itself.
        plain: The same, but what it sends is kept in no journal.
        provider: Name of the provider.
        environment: Base URL of the API.
        credential: Fingerprint of the credentials; empty if they have none that lasts.
        timeouts: Limits of each attempt, unless a call has its own.
        listener: Is told of each write; None if nobody is.
    """

    session: Session
    plain: Session
    provider: str
    environment: str
    credential: str
    timeouts: Timeouts
    listener: EntryListener | None

    def encode(self, operation: Resumable[Any], /) -> bytes:
        """Return the body of an operation."""
        ...

    def decode(self, kind: type[Resumable[T]], body: bytes, /) -> Resumable[T]:
        """Make an operation of its body again."""
        ...

    def checked_key(self, operation: Resumable[Any], key: str | None, /) -> str | None:
        """Return the key to send an operation with; None for one that takes none.

        Raises:
            ConfigurationError: The key is malformed, or the operation takes none.
        """
        ...

    async def send(
        self,
        operation: Resumable[T],
        /,
        *,
        body: bytes,
        key: str | None,
        in_doubt: bool,
        before_again: Callable[[], Awaitable[None]],
        timeouts: Timeouts | None,
    ) -> tuple[T, int]:
        """Send exactly these bytes; return the value and how many requests it took.

        Args:
            operation: What they say.
            body: The bytes.
            key: Idempotency key.
            in_doubt: True if it may have been processed before.
            before_again: Called before each attempt but the first; what it raises ends the call.
            timeouts: Limits of each attempt; None for those of the session.
        """
        ...

    def in_background(self, work: Coroutine[Any, Any, T], /) -> asyncio.Task[T]:
        """Begin work that no caller's cancellation ends."""
        ...


class DurableCalls(Protocol):
    """Sends operations of one session so that none is lost or done twice."""

    async def open(self) -> None:
        """Make the journal ready."""
        ...

    async def close(self) -> None:
        """Let go of the journal."""
        ...

    async def send(
        self,
        operation: Resumable[T],
        intent: Intent,
        /,
        *,
        key: str | None,
        timeouts: Timeouts | None,
    ) -> T:
        """Write an operation down, send it, and write down what came of it."""
        ...

    async def recover(
        self,
        kinds: tuple[type[Resumable[Any]], ...],
        /,
        *,
        wait: bool,
        client_ref: str | None,
        on_recovered: OnRecovered | None,
    ) -> Recovery:
        """Bring what is open to its end."""
        ...

    async def entry(self, kind: str, client_ref: str, /) -> Entry | None:
        """Return what the journal knows of a reference; None if nothing."""
        ...


class Journal(Protocol):
    """Keeps what was asked for until its outcome is known."""

    def attach(self, wire: Wire, /) -> DurableCalls:
        """Return what sends the operations of a session."""
        ...
