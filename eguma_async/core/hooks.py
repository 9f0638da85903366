"""What a session tells of its work: each call, and each request on the wire.

The events hold no secret and no customer's data.
"""

from __future__ import annotations

import attrs

from .messages import Repeat


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


class Observer:
    """Sees what a session does. Subclass it and override what is of interest.

    The methods are plain functions, called in the task of the call: a context variable set at a
    start is seen by what runs until the end. They must not take long. What they raise is logged
    and goes no further.

    What a `..._started` method returns is handed to the `..._ended` method that belongs to it.
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
