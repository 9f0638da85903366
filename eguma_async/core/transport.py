"""The seam between the package and the network."""

from __future__ import annotations

import inspect
from types import TracebackType
from typing import Protocol, Self, cast, runtime_checkable

from .clock import Clock, is_clock
from .errors import ConfigurationError
from .messages import HttpRequest, HttpResponse


class Transport(Protocol):
    """Carries one request to a server and brings its response back.

    The contract. `eguma_async.testing.contract` holds any transport to it, with a test for each
    rule:

    1. Any status is a response. Only `NotSentError` (the server surely did not get the request)
       and `OutcomeUnknownError` (it may have) leave `send`, besides cancellation, which is never
       swallowed, and what a sink raises. When in doubt: unknown. An attempt that outlasts
       ``request.timeouts`` ends in one of the two as well. They are raised with words alone:
       the session adds the operation, its key and the attempts.
    2. One `send`, one request on the wire, with exactly the bytes asked for: encoded parts of the
       URL and the body stay as they are. No retry, no redirect followed, no hidden resend, and no
       response that was there before the request.
    3. The body is complete, decompressed and bounded when `send` returns; a truncated or bombed
       body is an error, not a short success.
    4. Credentials are put on the wire and nowhere else: not into an error, its ``__cause__``, its
       ``__context__``, a traceback's variables, a ``repr``, a pickle, or a log at any level.
    5. Concurrent calls are allowed. `aclose` is idempotent and closes only what the transport
       made. Nothing is created before the first `send`.
    6. Only bytes and plain values cross the seam: a whole number, text with lower-case names, and
       bytes.
    7. With a `sink`, a 2xx body flows into it in pieces of at most 64 KiB, at the pace of its
       `write`, and ``response.body`` stays empty; any other status is collected as usual. What
       the sink raises leaves `send` as it is.
    8. What cannot be sent as it stands is refused with `ConfigurationError`, before any byte: a
       method that is no token, control characters or line breaks in any part, blanks or a
       fragment in the URL, a name of a header that is no token, text that is not Unicode. The
       message names the part and not its value.

    A layer is a transport around a transport.
    """

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send the request once and return the complete response."""
        ...

    async def aclose(self) -> None:
        """Release what this transport made. May be called more than once."""
        ...


class ManagedTransport:
    """What transports of this package have in common: ``async with`` closes them."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Do nothing: nothing was made."""


@runtime_checkable
class SupportsPublicOnly(Protocol):
    """What a transport may have besides: a way that leads to the public internet only."""

    def public_only(self) -> Transport:
        """Return a new transport of this kind that connects to public addresses only.

        It is for URLs that somebody else chose, and it is the caller's to close.
        """
        ...


@runtime_checkable
class SupportsClock(Protocol):
    """What a transport may have besides: the time of day where its requests go."""

    @property
    def clock(self) -> Clock | None:
        """The server's clock, as that of a sandbox; None if it is not known."""
        ...


def clock_of(transport: Transport | None) -> Clock | None:
    """Return the clock of where a transport's requests go; None if it is not known.

    Something else of that name is none.
    """
    clock = transport.clock if isinstance(transport, SupportsClock) else None
    return clock if is_clock(clock) else None


def checked_transport(given: object) -> Transport:
    """Return what was given as a transport, if it looks like one.

    Raises:
        ConfigurationError: It does not; the message says what to pass instead.
    """
    functions = (getattr(given, name, None) for name in ("send", "aclose"))
    if not isinstance(given, type) and all(map(callable, functions)):
        return cast("Transport", given)
    hint = ""
    if isinstance(given, type):
        hint = f"; pass an instance: {given.__name__}(...)"
    elif inspect.ismethod(given) and given.__name__ == "transport":
        hint = "; call it: .transport()"
    elif callable(getattr(given, "transport", None)):
        hint = "; pass its .transport()"
    elif callable(getattr(given, "request", None)):
        hint = "; wrap a session of aiohttp: AiohttpTransport(session)"
    kind = given.__name__ if isinstance(given, type) else type(given).__name__
    raise ConfigurationError(
        f"transport must have `send` and `aclose`, as AiohttpTransport() has; got {kind}{hint}"
    )
