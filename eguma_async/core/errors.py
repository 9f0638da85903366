"""Every error this package raises.

::

    EgumaError
    ├─ ConfigurationError            bad arguments, before any I/O
    ├─ SessionStateError             not entered, closed, or used from another event loop
    ├─ TransportError                no usable HTTP response
    │  ├─ NotSentError               the server surely did not get it
    │  └─ OutcomeUnknownError        it may have been processed: find out before repeating
    ├─ StatusError                   the server answered with something else than success
    │  ├─ InvalidRequestError        400, 422
    │  ├─ AuthenticationError        401
    │  ├─ AccessDeniedError          403
    │  ├─ NotFoundError              404
    │  ├─ ConflictError              409
    │  │  └─ IdempotencyMismatchError
    │  ├─ RateLimitedError           429
    │  └─ ServerError                5xx
    ├─ DecodingError                 a success that cannot be read
    │  └─ IncompleteListError        a list that ends before its end
    ├─ ResultMismatchError           a success that is not what was asked for
    ├─ RefundDueError                it was paid for, and cannot be booked any more
    ├─ PriceChangedError             it costs more than the customer was told; nothing was bought
    └─ JournalError                  the journal cannot be used; nothing was sent without it
       └─ JournalCorruptError        what it holds is damaged, or no journal

``str(error)`` and ``repr(error)`` are for logs: status, code and operation, never a body, a key or
a customer. All of them survive ``pickle`` and ``copy``.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Self, TypeVar

E = TypeVar("E", bound="EgumaError")

_CODE = re.compile(r"[\w.:/-]{1,64}", re.ASCII)
_REQUEST_ID = ("x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid")


class EgumaError(Exception):
    """Root of all errors of this package.

    Attributes:
        message: What happened. For a `StatusError` these are the server's own words.
        operation: Name of the operation, such as ``"BookTickets"``; None outside of a call.
        idempotency_key: Key the call carried, to send the same booking again; None without one.
        attempts: How many requests this call has sent, or tried to.
        client_ref: Under which reference a journal keeps it; None if none does.
        outcome_unknown: True if the call may have been processed although it failed: find out
            before repeating it with another key. Never True for a read.
    """

    outcome_unknown: bool = False
    client_ref: str | None = None

    def __init__(
        self,
        message: str = "",
        *,
        operation: str | None = None,
        idempotency_key: str | None = None,
        attempts: int = 0,
    ) -> None:
        # No argument for the base class: `args` is printed by tools that know nothing of secrets.
        super().__init__()
        self.message = message
        self.operation = operation
        self.idempotency_key = idempotency_key
        self.attempts = attempts

    def _summary(self) -> str:
        return self.message

    def __str__(self) -> str:
        return f"{self.operation}: {self._summary()}" if self.operation else self._summary()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), dict(self.__dict__))

    def __copy__(self) -> Self:
        return _restore(type(self), dict(self.__dict__))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return _restore(type(self), copy.deepcopy(self.__dict__, memo))


def _restore(cls: type[E], state: dict[str, Any]) -> E:
    error = cls.__new__(cls)
    error.__dict__.update(state)
    return error


class ConfigurationError(EgumaError):
    """An argument or setting is wrong. Nothing was sent."""


class SessionStateError(EgumaError):
    """The session is not entered, already closed, or bound to another event loop."""


class TransportError(EgumaError):
    """No usable HTTP response came back.

    Raised as it is for a read: whatever became of it, nothing was changed, and it may be asked
    again.
    """


class NotSentError(TransportError):
    """The server surely did not get the request: no route, refused, TLS failure."""


class OutcomeUnknownError(TransportError):
    """The server may have processed the request. Find out before repeating it.

    No read raises this: it has nothing to find out.

    Attributes:
        refusal: The refusal that came *after* an attempt of unknown outcome, if that is what
            ended the call. It does not prove that nothing was booked.
    """

    outcome_unknown = True

    def __init__(
        self, message: str = "", *, refusal: StatusError | None = None, **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.refusal = refusal


class StatusError(EgumaError):
    """The server answered with something else than success.

    The server's words, `message`, may repeat what a customer typed: like headers and body they are
    in no ``str`` and no ``repr``, and are left behind when the error is pickled.

    Attributes:
        status: HTTP status.
        error_code: The provider's code, such as ``"validation_error"``; None if it sent none.
        retry_after: Seconds the server asked to wait; None if it did not say.
        replayed: True if the server marked this as a refusal that it stored for the idempotency
            key and repeats. The reason may be gone; a new booking takes a new key.
        headers: The response's headers, with lower-case names. Like the body, they are in no
            ``str`` and no ``repr``, and only a request id is left of them by pickle.
        body: The response's bytes as they came. It may hold a customer's data: it is in no ``str``
            and no ``repr``, and it is left behind when the error is pickled.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        error_code: str | None = None,
        retry_after: float | None = None,
        replayed: bool = False,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        outcome_unknown: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.status = status
        self.error_code = error_code
        self.retry_after = retry_after
        self.replayed = replayed
        self.headers: dict[str, str] = dict(headers or {})
        self.body = body
        self.outcome_unknown = outcome_unknown

    @property
    def request_id(self) -> str | None:
        """Id the server gave the request, for its support; None if it gave none."""
        found = (self.headers.get(name) for name in _REQUEST_ID)
        return next((value for value in found if value), None)

    def _summary(self) -> str:
        # The server writes the code; only what looks like one is fit for a log.
        known = self.error_code is not None and _CODE.fullmatch(self.error_code)
        return f"HTTP {self.status} {self.error_code}" if known else f"HTTP {self.status}"

    def __reduce__(self) -> tuple[Any, ...]:
        headers = {name: self.headers[name] for name in _REQUEST_ID if name in self.headers}
        bare = {"message": "", "body": b"", "headers": headers}
        return _restore, (type(self), {**self.__dict__, **bare})


class InvalidRequestError(StatusError):
    """400 or 422: the server refused the request as it is."""


class AuthenticationError(StatusError):
    """401: the key is missing, unknown or switched off."""


class AccessDeniedError(StatusError):
    """403: the key is valid, but not for this."""


class NotFoundError(StatusError):
    """404: unknown, or not visible with this key."""


class ConflictError(StatusError):
    """409: the request contradicts the server's state."""


class IdempotencyMismatchError(ConflictError):
    """The idempotency key was used before with another request. Never retried with a new key."""


class RateLimitedError(StatusError):
    """429: too many requests; `retry_after` says how long to wait, if the server does."""


class ServerError(StatusError):
    """5xx: the provider, or something before it, failed."""


class DecodingError(EgumaError):
    """A success that cannot be read.

    Attributes:
        problems: One line for each fault with its JSON path, such as
            ``"required field missing @ $.products[0].name"``. Paths only, never values.
        malformed: True if the body is no JSON at all, as a cut answer is.
    """

    def __init__(
        self,
        message: str = "",
        *,
        problems: tuple[str, ...] = (),
        malformed: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.problems = problems
        self.malformed = malformed

    def _summary(self) -> str:
        more = len(self.problems) - 3
        shown = "; ".join(self.problems[:3]) + (f" (+{more} more)" if more > 0 else "")
        return f"{self.message}: {shown}" if shown else self.message


class IncompleteListError(DecodingError):
    """A list over several pages that ends before its end. What there is was handed on already.

    Attributes:
        announced: Elements that the server says there are; None if it does not say.
        read: Elements that came, those that could not be read included.
    """

    def __init__(
        self, message: str = "", *, announced: int | None = None, read: int = 0, **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.announced = announced
        self.read = read


class ResultMismatchError(EgumaError):
    """A success that is not what was asked for, such as a booking with fewer tickets.

    What was done is done: look at `result` and at `differences`, and do not send it again.

    Attributes:
        result: What came back. It may hold a customer's data: it is in no ``str`` and no ``repr``,
            and it is left behind when the error is pickled.
        differences: One line for each difference, such as ``"category c1: 2 asked for, 1 given"``.
    """

    def __init__(
        self,
        message: str = "the result is not what was asked for",
        *,
        result: Any = None,
        differences: tuple[str, ...] = (),
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.result = result
        self.differences = differences

    def _summary(self) -> str:
        shown = "; ".join(self.differences)
        return f"{self.message}: {shown}" if shown else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), {**self.__dict__, "result": None})


class PriceChangedError(EgumaError):
    """It costs more than the customer was told. Nothing was bought.

    Attributes:
        expected: The total that was expected, in the unit of the call: cents as an int, or an
            amount as a `Decimal`.
        actual: The total as it is now; None if the server does not tell it.
        result: What is held at that price, if anything is. Like the result of a
            `ResultMismatchError` it is left behind when the error is pickled.
    """

    def __init__(
        self,
        message: str = "the price has risen",
        *,
        expected: int | Decimal | None = None,
        actual: int | Decimal | None = None,
        result: Any = None,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.expected = expected
        self.actual = actual
        self.result = result

    def _summary(self) -> str:
        now = "not told" if self.actual is None else self.actual
        return f"{self.message}: {self.expected} expected, now {now}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), {**self.__dict__, "result": None})


class RefundDueError(EgumaError):
    """The hold has ended and the places are gone. Nothing was booked: give the money back.

    Attributes:
        refusal: What the server said in the end.
    """

    def __init__(
        self, message: str = "", *, refusal: StatusError | None = None, **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.refusal = refusal


class JournalError(EgumaError):
    """The journal cannot be used: nothing was sent that it does not hold."""


class JournalCorruptError(JournalError):
    """What the journal holds is damaged, written by a newer version, or not a journal at all."""


def unknown_outcome(error: BaseException) -> EgumaError | None:
    """Find the call of unknown outcome behind an exception, such as a timeout around it.

    A call that is cancelled while its request is on the way raises `asyncio.CancelledError`, as
    asyncio demands. An `OutcomeUnknownError` with the operation and its idempotency key is the
    cause of that exception; this function finds it, or any other error whose `outcome_unknown`
    is True, in exception groups too.

    What it cannot see is what asyncio throws away: an `asyncio.TaskGroup` drops the cancellations
    of its tasks, and `asyncio.gather` replaces them. There, give bookings a key of your own, or
    ask the task itself. A booking that is cancelled under way is also logged, with its key.
    """
    seen: set[int] = set()
    links: list[BaseException | None] = [error]
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        if isinstance(link, EgumaError) and link.outcome_unknown:
            return link
        seen.add(id(link))
        members = link.exceptions if isinstance(link, BaseExceptionGroup) else ()
        links += [*reversed(members), link.__context__, link.__cause__]
    return None


_BY_STATUS: dict[int, type[StatusError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: AccessDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidRequestError,
    429: RateLimitedError,
}


def error_class(status: int) -> type[StatusError]:
    """Return the `StatusError` subclass that stands for an HTTP status."""
    return ServerError if status >= 500 else _BY_STATUS.get(status, StatusError)
