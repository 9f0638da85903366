"""A transport that goes no further than a function."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from eguma_async.core.delivery import DEFAULT_MAX_BODY_BYTES, deliver
from eguma_async.core.errors import OutcomeUnknownError
from eguma_async.core.messages import HttpRequest, HttpResponse
from eguma_async.core.sendable import check_limits, check_sendable
from eguma_async.core.transport import ManagedTransport


class MemoryTransport(ManagedTransport):
    """Asks an async function instead of a server.

    The function may raise `NotSentError` and `OutcomeUnknownError` to play a broken network. Any
    other exception is a fault of the function; it leaves `send` as it is, so that it is seen. A
    function that takes longer than ``request.timeouts.total`` is cancelled.

    Args:
        handler: Answers each request. The credentials are on it, apart from its URL and headers.
        max_body_bytes: The largest body to accept, unless it flows into a sink.

    Raises:
        ConfigurationError: The limit is below 1.
    """

    def __init__(
        self,
        handler: Callable[[HttpRequest], Awaitable[HttpResponse]],
        *,
        max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    ) -> None:
        check_limits(max_body_bytes=max_body_bytes)
        self._handler = handler
        self._max_body_bytes = max_body_bytes

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Ask the function once and return its response.

        Raises:
            NotSentError: The function said so.
            OutcomeUnknownError: The function said so or took too long, or the body is too large.
            ConfigurationError: The request holds control characters. The function was not asked.
        """
        check_sendable(request)
        try:
            async with asyncio.timeout(request.timeouts.total) as limit:
                response = await self._handler(request)
                return await deliver(request, response, max_body_bytes=self._max_body_bytes)
        except TimeoutError:
            if not limit.expired():
                raise  # the function's own
        raise OutcomeUnknownError(f"no complete response within {request.timeouts.total:g} s")
