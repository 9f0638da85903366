"""One request's way through aiohttp: it goes out once, and it is known whether it did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from aiohttp.connector import Connection

_Send = Callable[["Connection"], Awaitable[aiohttp.ClientResponse]]

# What aiohttp raises of a request that is under way, wherever in it.
_OF_AN_EXCHANGE = (aiohttp.ClientError, TimeoutError)


class BrokenConnectionError(Exception):
    """The connection broke. It stands for errors at which aiohttp would send once more."""


class TimeUpError(Exception):
    """The time for the whole attempt was up."""


class StaleConnectionError(Exception):
    """A connection of the caller's pool held bytes that belong to no request."""


class RequestMiddleware:
    """The middleware of a single request.

    Middlewares are aiohttp's public way to see an error before its loop does, which sends GET,
    PUT and DELETE once more after a broken connection (RFC 9112, section 9.3.1, allows that; the
    transport contract does not). They work on a caller's session too.

    Attributes:
        went_out: True once the head of the request may have been written. All that failed before
            is known not to have been sent: cookies, netrc, name look-up, proxies, TLS.
    """

    __slots__ = ("_entered", "went_out")

    def __init__(self) -> None:
        self._entered = False
        self.went_out = False

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Pass the request on, and note how far it came."""
        self._entered = True
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            pass
        finally:
            # aiohttp makes the response object right after it wrote the head. A version that
            # keeps none here leaves everything in doubt.
            self.went_out = getattr(request, "response", request) is not None
        raise BrokenConnectionError

    def kept_back(self, error: Exception) -> bool:
        """Tell whether the request surely stayed here, although this happened."""
        if self._entered:
            return not self.went_out
        # It failed on the way to the middleware; or aiohttp was replaced by a fake without any.
        return not isinstance(error, _OF_AN_EXCHANGE)


class SharedSessionMiddleware(RequestMiddleware):
    """The middleware for a session of the caller's, whose connections are not ours to guard.

    A whole response that waits on a connection is seen there, as the last thing before the
    request goes out.
    """

    __slots__ = ()

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Pass the request on, to be sent on a clean connection only."""
        # aiohttp has no public place between the choice of a connection and its use.
        request.send = partial(_send_on_clean, request.send)  # type: ignore[method-assign]
        return await super().__call__(request, handler)


async def _send_on_clean(send: _Send, connection: Connection) -> aiohttp.ClientResponse:
    if connection.protocol is None or connection.protocol.should_close:
        raise StaleConnectionError
    return await send(connection)
