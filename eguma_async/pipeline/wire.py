"""What a session lends to its journal: exact bytes on their way, and work in the background."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import msgspec

from eguma_async.core.clock import Clock
from eguma_async.core.durable import DurableCalls, EntryListener
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fan_out import FanOut
from eguma_async.core.journal import Entry, Intent, Recovery
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.provider import Provider
from eguma_async.core.resumable import Resumable
from eguma_async.core.session import ElementStream, Session

from .call import key_for
from .calls import Calls, Resumed
from .observing import Notifier

T = TypeVar("T")


class PlainSession:
    """A session beside its journal: what it sends is kept in none.

    Args:
        session: The session.
        calls: Carries out its operations.
    """

    def __init__(self, session: Session, calls: Calls) -> None:
        self._session = session
        self._calls = calls
        self.fan_out: Callable[..., FanOut[Any]] = session.fan_out
        self.elements: Callable[..., ElementStream[Any]] = session.elements
        self.in_background: Callable[..., asyncio.Task[Any]] = session.in_background
        self.recover: Callable[..., Coroutine[Any, Any, Recovery]] = session.recover
        self.entry: Callable[..., Coroutine[Any, Any, Entry | None]] = session.entry

    @property
    def keeps_journal(self) -> bool:
        """False: that is what it is for."""
        return False

    @property
    def clock(self) -> Clock:
        """The session's clock."""
        return self._session.clock

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
        return (await self._calls.run(operation, idempotency_key, timeouts)).value


class SessionWire:
    """The way of one session to the server, for its journal.

    Args:
        session: The session.
        calls: Carries out its operations.
        provider: How the API speaks.
        base_url: Where it is.
        credential: Fingerprint of the session's credentials; empty if they have none that lasts.
        timeouts: Limits of each attempt.
        notifier: Tells the session's observer.
    """

    def __init__(
        self,
        session: Session,
        calls: Calls,
        provider: Provider,
        *,
        base_url: str,
        notifier: Notifier,
        credential: str,
        timeouts: Timeouts,
    ) -> None:
        self.session: Session = session
        self.plain: Session = PlainSession(session, calls)
        self.provider: str = provider.name
        self.environment: str = base_url
        self.credential: str = credential
        self.timeouts: Timeouts = timeouts
        self.listener: EntryListener | None = notifier if notifier.is_heard else None
        self._calls = calls
        self._codec = provider.codec

    def encode(self, operation: Resumable[Any], /) -> bytes:
        """Return the body of an operation."""
        return self._calls.encoded(operation)

    def decode(self, kind: type[Resumable[T]], body: bytes, /) -> Resumable[T]:
        """Make an operation of its body again: to the letter."""
        return self._codec.converter.structure(msgspec.json.decode(body), kind)

    def checked_key(self, operation: Resumable[Any], key: str | None, /) -> str | None:
        """Return the key to send an operation with; None for one that takes none."""
        return key_for(operation, key)

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
        """Send exactly these bytes; return the value and how many requests it took."""
        resumed = Resumed(body=body, in_doubt=in_doubt, before_again=before_again)
        del body  # a traceback that shows variables must not show it
        call = await self._calls.run(operation, key, timeouts, resumed=resumed)
        return call.value, call.attempts

    def in_background(self, work: Coroutine[Any, Any, T], /) -> asyncio.Task[T]:
        """Begin work that no caller's cancellation ends."""
        return self.session.in_background(work)


def fingerprint(secret: str) -> str:
    """Return what tells credentials from others, and nothing else of them."""
    return hashlib.sha256(b"eguma_async|credential|" + secret.encode()).hexdigest()[:16]


# What a session checks before it turns to its journal

_NO_JOURNAL = 'there is no journal: pass journal=SQLiteJournal("bookings.db") to the session'


def required(durable: DurableCalls | None) -> DurableCalls:
    """Return what keeps the operations of a session.

    Raises:
        ConfigurationError: There is no journal.
    """
    if durable is None:
        raise ConfigurationError(_NO_JOURNAL)
    return durable


def kept_kinds(kinds: tuple[type[Operation[Any]], ...]) -> tuple[type[Resumable[Any]], ...]:
    """Return classes of operations as such that a journal keeps.

    Raises:
        ConfigurationError: One is not, or there is none.
    """
    if not kinds:
        raise ConfigurationError("say which operations, such as BookTickets")
    kept = tuple(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Resumable))
    if len(kept) < len(kinds):
        raise ConfigurationError("a journal keeps only what books or cancels")
    return kept


def refuse_intent(operation: Operation[Any], intent: Intent) -> None:
    """Refuse an intent that nobody keeps, unless it says nothing.

    Raises:
        ConfigurationError: It says something.
    """
    if isinstance(operation, Operation) and not isinstance(operation, Resumable):
        raise ConfigurationError("a journal keeps only what books or cancels")
    if intent != Intent():
        raise ConfigurationError(_NO_JOURNAL)
