"""One request's way through aiohttp: it goes out once, and it is known whether it did."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import aiohttp

from ._deadline import Watch

if TYPE_CHECKING:
    from aiohttp.connector import Connection

_Send = Callable[["Connection"], Awaitable[aiohttp.ClientResponse]]

# What aiohttp raises of a request that is under way, wherever in it.
_OF_AN_EXCHANGE = (aiohttp.ClientError, TimeoutError)


class ResendError(Exception):
    """The connection broke, and aiohttp was about to send the request once more."""


class TimeUpError(Exception):
    """The time for the whole attempt was up."""


class StaleConnectionError(Exception):
    """A connection of the caller's pool held bytes that belong to no request."""


class Exchange(Watch):
    """A request on its way: when it must have ended, and whether it went out."""

    __slots__ = ("_asked",)

    def __init__(self, task: asyncio.Task[object], deadline: float) -> None:
        super().__init__(task, deadline)
        self._asked: aiohttp.ClientRequest | None = None

    def begin(self, request: aiohttp.ClientRequest) -> None:
        """Note that aiohttp has a request that wants a connection.

        Raises:
            ResendError: It is the second. aiohttp sends GET, PUT and DELETE once more after a
                broken connection (RFC 9112, section 9.3.1, allows that; the transport contract
                does not).
        """
        if self._asked is not None:
            raise ResendError
        self._asked = request

    @property
    def went_out(self) -> bool:
        """True once the head of the request may have been written.

        All that failed before is known not to have been sent: cookies, netrc, name look-up,
        proxies, TLS.
        """
        # aiohttp makes the response object right after it wrote the head. A version that keeps
        # none here leaves everything in doubt.
        asked = self._asked
        return asked is not None and getattr(asked, "response", asked) is not None

    def kept_back(self, error: Exception) -> bool:
        """Tell whether the request surely stayed here, although this happened."""
        if self._asked is not None:
            return not self.went_out
        # It failed before it wanted a connection; or aiohttp was replaced by a fake without any.
        return not isinstance(error, _OF_AN_EXCHANGE)


class SharedSessionMiddleware:
    """The middleware of a request on a session of the caller's.

    Middlewares are aiohttp's public way to get between its loop and the wire. The connections
    there are not ours to guard: a whole response that waits on one is seen here, as the last thing
    before the request goes out.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Pass the request on, to be sent once, on a clean connection only."""
        self._exchange.begin(request)
        # aiohttp has no public place between the choice of a connection and its use.
        request.send = partial(_send_on_clean, request.send)  # type: ignore[method-assign]
        return await handler(request)


async def _send_on_clean(send: _Send, connection: Connection) -> aiohttp.ClientResponse:
    if connection.protocol is None or connection.protocol.should_close:
        raise StaleConnectionError
    return await send(connection)
