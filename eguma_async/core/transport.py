"""The seam between the package and the network."""

from __future__ import annotations

import inspect
from typing import Protocol, cast, runtime_checkable

from .errors import ConfigurationError
from .messages import HttpRequest, HttpResponse


class Transport(Protocol):
    """Carries one request to a server and brings its answer back.

    The contract; `tests/transports/test_contract.py` holds every transport to it:

    1. Any status is a response. Only `NotSentError` (the server surely did not get it) and
       `OutcomeUnknownError` (it may have) leave `send`, besides cancellation, which is never
       swallowed. When in doubt: unknown.
    2. One `send`, one request on the wire. No retry, no redirect followed, no hidden resend.
    3. The body is complete and bounded when `send` returns; a truncated or bombed body is an
       error, not a short success.
    4. Credentials appear in no error, log, ``repr``, pickle, ``__cause__`` or ``__context__``.
    5. Concurrent calls are allowed. `aclose` is idempotent and closes only what the transport
       made. Nothing is created before the first `send`.
    6. Only bytes cross the seam.
    7. With a `sink`, a 2xx body flows into it chunk by chunk and ``response.body`` stays empty;
       any other status is collected as usual.

    A layer is a transport around a transport.
    """

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send the request once and return the complete answer."""
        ...

    async def aclose(self) -> None:
        """Release what this transport made. May be called more than once."""
        ...


@runtime_checkable
class SupportsPublicOnly(Protocol):
    """What a transport may have besides: a way that leads to the public internet only."""

    def public_only(self) -> Transport:
        """Return a new transport of this kind that connects to public addresses only.

        It is for URLs that somebody else chose, and it is the caller's to close.
        """
        ...


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
