"""A transport that goes no further than a function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from eguma_async.core.delivery import DEFAULT_MAX_BODY_BYTES, deliver
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.messages import HttpRequest, HttpResponse
from eguma_async.core.sendable import check_sendable

Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Answers a request. The credentials are on the request, apart from its URL and headers."""


class MemoryTransport:
    """Asks an async function instead of a server.

    The function may raise `NotSentError` and `OutcomeUnknownError` to play a broken network. Any
    other exception is a fault of the function; it leaves `send` as it is, so that it is seen.

    Args:
        handler: Answers each request.
        max_body_bytes: The largest body to accept, unless it flows into a sink.

    Raises:
        ConfigurationError: The limit is below 1.
    """

    def __init__(self, handler: Handler, *, max_body_bytes: int = DEFAULT_MAX_BODY_BYTES) -> None:
        if max_body_bytes < 1:
            raise ConfigurationError("max_body_bytes must be at least 1")
        self._handler = handler
        self._max_body_bytes = max_body_bytes

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Ask the function once and return its answer.

        Raises:
            NotSentError: The function said so.
            OutcomeUnknownError: The function said so, or the body is too large.
            ConfigurationError: The request holds control characters. The function was not asked.
        """
        check_sendable(request)
        response = await self._handler(request)
        return await deliver(request, response, max_body_bytes=self._max_body_bytes)

    async def aclose(self) -> None:
        """Do nothing: nothing was made."""
