"""One call: its key, when it began, how its attempts went, and whether it may have been processed.

Transports and layers raise bare errors. Here, and nowhere else, an error learns which call it ended
and a cancellation what it means for that call.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from eguma_async.core.checks import header_value
from eguma_async.core.errors import (
    ConfigurationError,
    DecodingError,
    EgumaError,
    NotSentError,
    OutcomeUnknownError,
    StatusError,
    TransportError,
    unknown_outcome,
)
from eguma_async.core.log import logger
from eguma_async.core.messages import HttpRequest, HttpResponse, Repeat
from eguma_async.core.operation import Operation
from eguma_async.core.provider import Verdict

T = TypeVar("T")


class Call(Generic[T]):
    """The state of one call from its first attempt to its last.

    Args:
        name: Name of the operation.
        repeat: Whether it may be sent again.
        key: Idempotency key it carries.
        began: When it began, by the monotonic clock.
        part_of: The call it is a part of: it has the time of that one.
        read: Makes its value of a success; None if the body is left alone.
        refused: Makes its value of a response that is no success, or raises the error that stands
            for it; None if such a response is left as it is.
        ahead: Decodes a large success for `read`, in turns with others; None if nobody does.
        operation: What these read for; None for a request that was made by hand.

    Attributes:
        before_again: Asked before each attempt but the first; what it raises ends the call. None
            if nobody has to be asked.
        is_read: True if it changes nothing on the server, whatever becomes of it.
        is_part: True if it is a part of another call.
        limited_from: When the time it has began to run.
        attempts: Requests it has sent, or tried to.
        failures: Attempts that count against the policy's bound.
        polls: Attempts that found an earlier one still in progress.
        spent: Tokens of the retry budget it holds.
        unreadable: Successes that were no JSON at all.
        unauthorized: Attempts whose credentials were refused.
        in_doubt: True if an attempt so far may have been processed.
        was_answered: True if the last attempt got a response.
        was_in_doubt: The same, of the attempts before the last.
        verdict: What the last attempt without success came to.
        retry_after: Seconds the last response asked to wait; None if it did not say.
        response: The last response; None if there was none.
        completes: True if the operation looks at its decoded value.
        decoded: What `ahead` made of it, or the error it did; None if it was left to `read`.
        value: Its value, once it has succeeded.
    """

    # What a call begins with stands in the class: most calls never change most of it. So it has no
    # slots, either.
    ahead: Callable[[Call[T], HttpResponse], Awaitable[None]] | None
    attempts: int = 0
    before_again: Callable[[], Awaitable[None]] | None = None
    began: float
    completes: bool = False
    decoded: Any = None
    failures: int = 0
    in_doubt: bool = False
    is_part: bool
    is_read: bool
    key: str | None
    limited_from: float
    name: str
    operation: Operation[T] | None
    polls: int = 0
    read: Callable[[Call[T], HttpResponse], T] | None
    refused: Callable[[Call[T], HttpRequest, HttpResponse], Awaitable[T]] | None
    repeat: Repeat
    response: HttpResponse | None = None
    retry_after: float | None = None
    spent: int = 0
    unauthorized: int = 0
    unreadable: int = 0
    value: T
    verdict: Verdict
    was_answered: bool = False
    was_in_doubt: bool = False

    def __init__(
        self,
        name: str,
        repeat: Repeat,
        *,
        began: float,
        part_of: Call[Any] | None = None,
        key: str | None = None,
        read: Callable[[Call[T], HttpResponse], T] | None = None,
        refused: Callable[[Call[T], HttpRequest, HttpResponse], Awaitable[T]] | None = None,
        ahead: Callable[[Call[T], HttpResponse], Awaitable[None]] | None = None,
        operation: Operation[T] | None = None,
    ) -> None:
        self.name = name
        self.repeat = repeat
        self.is_read = repeat is Repeat.READ
        self.key = key
        self.began = began
        self.is_part = part_of is not None
        self.limited_from = began if part_of is None else part_of.limited_from
        self.read = read
        self.refused = refused
        self.ahead = ahead
        self.operation = operation

    def count(self, verdict: Verdict, *, told_to_wait: bool) -> None:
        """Count an attempt that did not succeed."""
        self.verdict = verdict
        self.was_in_doubt = self.in_doubt
        if verdict in (Verdict.UNKNOWN, Verdict.IN_PROGRESS):
            self.in_doubt = not self.is_read
        if verdict is Verdict.IN_PROGRESS:
            self.polls += 1
        elif verdict is Verdict.UNAUTHORIZED:
            self.unauthorized += 1
        elif not (verdict is Verdict.REFUSED and told_to_wait):
            self.failures += 1  # a server that says when to come back has not failed

    def failure(self, last: EgumaError) -> EgumaError:
        """Return the error that a call ends with, given that of its last attempt."""
        if self.is_read:
            lost = isinstance(last, OutcomeUnknownError)
            return TransportError(last.message) if lost else last
        if isinstance(last, DecodingError) and self.was_answered:
            last.outcome_unknown = True  # it was done, but with what result?
            return last
        if isinstance(last, OutcomeUnknownError) or not self.in_doubt:
            return last
        return OutcomeUnknownError(
            "the last attempt failed, but an earlier one may have been processed"
        )

    def cancelled(self, cancelled: asyncio.CancelledError, *, under_way: bool) -> None:
        """Say with a cancellation that a write may have been processed.

        Args:
            cancelled: What is about to leave the call.
            under_way: True if a request was under way, unless its cause says otherwise.
        """
        sent = under_way and not isinstance(cancelled.__cause__, NotSentError)
        if (sent and not self.is_read) or self.in_doubt:
            cancelled.__cause__ = OutcomeUnknownError("cancelled while the request was under way")
        elif not under_way and cancelled.__cause__ is None:
            cancelled.__cause__ = NotSentError("cancelled while waiting for the next attempt")

    def stamp(self, error: BaseException) -> None:
        """Put what is known of the call on an error, or on the one behind a cancellation.

        What a part of the call has put there stays, but for the attempts: they are those of all.
        """
        named = error if isinstance(error, EgumaError) else error.__cause__
        if not isinstance(named, EgumaError):
            return
        self._name(named)
        refusal = named.refusal if isinstance(named, OutcomeUnknownError) else None
        if refusal is not None:
            self._name(refusal)
        if named is not error and named.idempotency_key and named.outcome_unknown:
            # A TaskGroup throws a cancellation away; here is where the key can be found then.
            logger.warning(
                "%s was cancelled under way and may have been processed; idempotency key: %s",
                named.operation,
                named.idempotency_key,
                extra={
                    "operation": named.operation,
                    "idempotency_key": named.idempotency_key,
                },
            )

    def _name(self, error: EgumaError) -> None:
        error.operation = error.operation or self.name
        error.attempts = max(error.attempts, self.attempts)
        error.idempotency_key = error.idempotency_key or self.key

    def refusal(self, error: StatusError, response: HttpResponse) -> StatusError:
        """Return the error that a response stands for, with what any such response tells."""
        error.headers = dict(response.headers)
        error.retry_after = self.retry_after
        return error

    def note(self, error: Exception) -> None:
        """Add to an error that is none of ours what must not be lost."""
        if not self.is_read:
            with_key = "" if self.key is None else f"; idempotency key {self.key}"
            error.add_note(f"{self.name} may have been processed{with_key}")


@contextmanager
def cancelled_as(meaning: EgumaError) -> Iterator[None]:
    """Give a cancellation that leaves the block an error as its cause.

    One that has an unknown outcome behind it keeps that: it says more.
    """
    try:
        yield
    except asyncio.CancelledError as cancelled:
        if unknown_outcome(cancelled) is None:
            cancelled.__cause__ = meaning
        raise


def key_for(operation: Operation[Any], given: str | None) -> str | None:
    """Return the key of a call, made afresh if need be; None for one that carries none.

    Raises:
        ConfigurationError: The key is malformed, or the operation takes none.
    """
    if operation.REPEAT is Repeat.KEYED:
        return str(uuid.uuid4()) if given is None else header_value("idempotency_key", given)
    if given is not None:
        raise ConfigurationError(
            f"{operation.name()} takes no idempotency key; the API refuses it there"
        )
    return None
