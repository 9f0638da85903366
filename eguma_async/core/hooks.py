"""What a session tells of its work: calls, requests on the wire, waiting, and what a journal keeps.

The events hold no secret and no customer's data.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TypeAlias

import attrs

from .journal import State
from .messages import Repeat


@attrs.frozen(kw_only=True)
class SessionLoad:
    """What a session has under way at a moment, and what bounds it.

    Attributes:
        in_flight: Requests that are under way.
        waiting: Requests that wait for others to end.
        limit: Reads of fan-outs that may be under way at once, for all sessions of this process
            with the same credentials.
        rate: Reads a second that the server is known to take, for the same; None if that is not
            known.
    """

    in_flight: int
    waiting: int
    limit: int
    rate: float | None


@attrs.frozen(kw_only=True)
class SessionStarted:
    """A session is open.

    Attributes:
        provider: Name of the provider.
        credential: Tells its credentials from others; empty if it has none that lasts.
        load: Returns what it has under way, at any time and from any thread.
    """

    provider: str
    credential: str
    load: Callable[[], SessionLoad] = attrs.field(repr=False, eq=False)


@attrs.frozen(kw_only=True)
class CallStarted:
    """A call begins, before anything is sent.

    Attributes:
        provider: Name of the provider.
        operation: Name of the operation.
        repeat: Whether the operation may be sent again.
    """

    provider: str
    operation: str
    repeat: Repeat


@attrs.frozen(kw_only=True)
class CallEnded:
    """A call is over, with all of its attempts and the pauses between them.

    Attributes:
        provider: Name of the provider.
        operation: Name of the operation.
        repeat: Whether the operation may be sent again.
        attempts: Requests it has sent, or tried to.
        seconds: How long it took.
        status: HTTP status of the last response; None if there was none.
        error: Class name of what it raised; None if it succeeded.
        outcome_unknown: True if it may have been processed although it failed.
        replayed: True if the server marked its answer as one that it gave before to the same
            idempotency key.
    """

    provider: str
    operation: str
    repeat: Repeat
    attempts: int
    seconds: float
    status: int | None
    error: str | None
    outcome_unknown: bool
    replayed: bool = False


@attrs.frozen(kw_only=True)
class AttemptStarted:
    """One request is about to go out.

    Attributes:
        provider: Name of the provider.
        operation: Name of the operation.
        attempt: Number of the attempt within its call, from 1.
        repeat: Whether the operation may be sent again.
        method: HTTP verb.
        url: Scheme, host and path, without a query.
        template: Path as the operation declares it, the same for all its requests; empty for those
            that no operation stands behind, such as for a token.
    """

    provider: str
    operation: str
    attempt: int
    repeat: Repeat
    method: str
    url: str
    template: str = ""


@attrs.frozen(kw_only=True)
class AttemptEvent:
    """What became of one request on the wire.

    Attributes:
        provider: Name of the provider.
        operation: Name of the operation.
        attempt: Number of the attempt within its call, from 1.
        repeat: Whether the operation may be sent again.
        seconds: How long the request took; waiting for its turn is not counted.
        status: HTTP status; None if there was no response.
        error: Class name of the error; None if there was a response.
    """

    provider: str
    operation: str
    attempt: int
    repeat: Repeat
    seconds: float
    status: int | None
    error: str | None


class WaitReason(enum.Enum):
    """What a request waited for before it went out."""

    REQUESTS = "requests"
    """For one of those under way to end: the session's `Limits.concurrency` are."""
    LIMIT = "limit"
    """For the same, as a read of a fan-out: as many are under way as the server keeps up with."""
    RATE = "rate"
    """For the moment that the server asked to wait for, or that its rate allows."""


@attrs.frozen(kw_only=True)
class TurnWaited:
    """A request has waited for its turn, for a millisecond at least. It may wait again.

    Attributes:
        provider: Name of the provider.
        operation: Name of the operation.
        repeat: Whether the operation may be sent again.
        reason: What for.
        seconds: How long.
    """

    provider: str
    operation: str
    repeat: Repeat
    reason: WaitReason
    seconds: float


@attrs.frozen(kw_only=True)
class EntryWritten:
    """An entry of a journal was written, or should have been.

    Attributes:
        provider: Name of the provider.
        kind: What was asked for, such as ``"booking"``.
        state: Where the entry stands from now on.
        seconds: How long the writing took.
        done: False if it could not be written, or if somebody else had changed it before.
        error: Class name of the error; None if there was none.
    """

    provider: str
    kind: str
    state: State
    seconds: float
    done: bool
    error: str | None


@attrs.frozen(kw_only=True)
class EntryRecovered:
    """A recovery has done with an entry of a journal what could be done.

    Attributes:
        provider: Name of the provider; empty for an entry that is damaged.
        kind: What was asked for; the same.
        state: Where the entry stands.
        error: Class name of the error that tells why it is open; None if it is not.
    """

    provider: str
    kind: str
    state: State
    error: str | None


class Observer:
    """Sees what a session does. Subclass it and override what is of interest.

    The methods are plain functions, called in the task of the call: a context variable set at a
    start is seen by what runs until the end. They must not take long. What they raise is logged
    and goes no further.

    What a `..._started` method returns is handed to the `..._ended` method that belongs to it.
    """

    def session_started(self, session: SessionStarted, /) -> object:
        """Take note that a session is open."""
        return None

    def session_ended(self, session: SessionStarted, started: object, /) -> None:
        """Take note that a session is closed.

        Args:
            session: The session.
            started: What `session_started` returned for it.
        """

    def call_started(self, call: CallStarted, /) -> object:
        """Take note that a call begins."""
        return None

    def call_ended(self, call: CallEnded, started: object, /) -> None:
        """Take note of what became of a call.

        Args:
            call: The call.
            started: What `call_started` returned for it.
        """

    def attempt_started(self, attempt: AttemptStarted, /) -> object:
        """Take note that a request goes out."""
        return None

    def attempt_ended(self, attempt: AttemptEvent, started: object, /) -> None:
        """Take note of what became of a request.

        Args:
            attempt: The request.
            started: What `attempt_started` returned for it.
        """

    def turn_waited(self, turn: TurnWaited, /) -> None:
        """Take note that a request has waited for its turn."""

    def entry_written(self, entry: EntryWritten, /) -> None:
        """Take note that an entry of a journal was written."""

    def entry_recovered(self, entry: EntryRecovered, /) -> None:
        """Take note of what a recovery found out about an entry."""


ObserverLike: TypeAlias = Observer | Callable[[AttemptEvent], None]
"""What can see a session at work: an observer, or a function that is called after each request."""
