"""The network transport, on aiohttp."""

from __future__ import annotations

import asyncio
import ssl as tls
from functools import lru_cache
from typing import Any

import aiohttp
from aiohttp import hdrs
from yarl import URL

from eguma_async.core.delivery import DEFAULT_MAX_BODY_BYTES, PIECE
from eguma_async.core.errors import ConfigurationError, SessionStateError, TransportError
from eguma_async.core.messages import (
    DEFAULT_TIMEOUTS,
    HttpRequest,
    HttpResponse,
    Timeouts,
    wire_headers,
    wire_url,
)
from eguma_async.core.sendable import PLAIN_HEADERS, check_limits, check_sendable
from eguma_async.core.transport import ManagedTransport

from ._agent import user_agent
from ._body import ACCEPT_ENCODING, Collector, decoder
from ._connection import GuardedConnector
from ._deadline import Deadlines
from ._exchange import Exchange, SharedSessionMiddleware, TimeUpError
from ._failure import failure
from ._headers import LazyHeaders
from ._proxy import Proxy, checked_proxy
from ._public import check_public_literal
from ._resolver import PublicResolver
from ._sink import SinkError, pour
from ._tls import check_context

_DEFAULT_HEADERS = {"Accept-Encoding": ACCEPT_ENCODING, "Accept": "*/*"}


class AiohttpTransport(ManagedTransport):
    """Sends requests over the network. Bound to the event loop of its first `send`.

    A connection on which a byte came that nobody asked for is closed and not used again. The pool
    of a session of your own is aiohttp's, which hands such connections out: there a whole
    response that waits is seen before the request goes out, and refused with `NotSentError`, but
    neither half a one nor one that the event loop has not read yet. Leave `session` out where
    bookings are made.

    Args:
        session: A session of your own, which stays yours: `aclose` leaves it open, and its cookie
            jar and its tracing apply, but not its middlewares. Without one, a session is made at
            the first `send`.
        connections: How many connections may be open at once, for a session made here.
        max_body_bytes: The largest body to accept, decompressed, unless it flows into a sink.
        proxy: URL of a proxy, `http://host:port` or `https://host:port`, with `user:password@`
            before the host if it asks for Basic authentication. Without it the way is direct:
            proxies from the environment are not used.
        ssl: A TLS context of your own, for a private CA say. It must verify certificates and
            host names.
        public_only: Connect to public addresses only, for URLs that somebody else chose. It goes
            with neither a session of your own nor a proxy, which look names up themselves.
        app_info: Name and version of your program, such as ``"shop/2.1"``, for the ``User-Agent``.

    Raises:
        ConfigurationError: An argument is of the wrong kind, a limit is below 1, the proxy cannot
            work, the TLS context verifies nothing, or `public_only` cannot be kept.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession | None = None,
        *,
        connections: int = 104,  # a session's permits, those reserved for writes included
        max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
        proxy: str | None = None,
        ssl: tls.SSLContext | None = None,
        public_only: bool = False,
        app_info: str | None = None,
    ) -> None:
        checked = None if proxy is None else checked_proxy(proxy)
        del proxy  # a traceback that shows variables must not show its password
        if isinstance(checked, ConfigurationError):
            raise checked
        if session is not None and not isinstance(session, aiohttp.ClientSession):
            raise ConfigurationError(
                f"session must be an aiohttp.ClientSession, not {type(session).__name__}"
            )
        check_limits(connections=connections, max_body_bytes=max_body_bytes)
        check_context(ssl)
        if public_only and (session is not None or checked is not None):
            raise ConfigurationError("public_only goes with neither a session nor a proxy")
        self._public_only = public_only
        self._app_info = app_info
        agent = user_agent(f"aiohttp/{aiohttp.__version__}", app_info)
        self._headers = {"User-Agent": agent, **_DEFAULT_HEADERS}
        self._session = session
        self._owned = session is None
        self._connections = connections
        self._max_body_bytes = max_body_bytes
        self._proxy: Proxy | None = checked
        self._fixed: dict[str, Any] = {"allow_redirects": False}
        if session is not None:
            self._fixed |= {"raise_for_status": False, "auto_decompress": False}
        if ssl is not None:
            self._fixed["ssl"] = ssl
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deadlines = Deadlines()
        self._closed = False
        self._sees_what_goes_out = True

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send the request once and return the complete response.

        Raises:
            NotSentError: The server surely did not get it.
            OutcomeUnknownError: It may have; or its response was cut, too large or wrongly packed.
            ConfigurationError: The request holds control characters. Nothing was sent.
            SessionStateError: The transport is closed, or bound to another event loop.
        """
        plain = check_sendable(request)
        if self._public_only:
            check_public_literal(request)
        session = self._usable_session()
        problem: BaseException
        exchange = self._deadlines.start(request.timeouts.total, Exchange)
        try:
            response = await self._exchange(session, request, exchange, plain=plain)
        except SinkError as stopped:
            problem = stopped.error
        except asyncio.CancelledError as cancelled:
            problem = asyncio.CancelledError(*cancelled.args)
        except Exception as error:  # noqa: BLE001 - no error of aiohttp may leave: it shows the URL
            problem = self._failure(error, request, exchange)
        except BaseException:
            self._deadlines.end(exchange)
            raise
        else:
            self._deadlines.end(exchange)
            if not exchange.went_out:
                self._sees_what_goes_out = False  # a response to nothing: aiohttp has changed
            return response
        if self._deadlines.end(exchange) and isinstance(problem, asyncio.CancelledError):
            problem = self._failure(TimeUpError(), request, exchange)
        # Out here it carries neither the cause nor the frames, which hold the key in their
        # variables; `del` breaks the cycle of error, traceback and this frame.
        try:
            raise problem
        finally:
            del problem

    async def aclose(self) -> None:
        """Close the connections this transport opened. May be called more than once.

        Raises:
            SessionStateError: Called from another event loop than `send`.
        """
        self._deadlines.close()
        if not self._owned:
            return
        self._closed = True
        if self._session is not None:
            self._check_loop()
            await self._session.close()

    def public_only(self) -> AiohttpTransport:
        """Return a new transport that connects to public addresses only, without a proxy.

        It has as many connections as this one, and is the caller's to close.
        """
        return AiohttpTransport(
            connections=self._connections, public_only=True, app_info=self._app_info
        )

    def _usable_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise SessionStateError("the transport is closed: make a new one")
        if self._loop is not asyncio.get_running_loop():
            self._check_loop()
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=GuardedConnector(
                    self._deadlines,
                    limit=self._connections,
                    resolver=PublicResolver() if self._public_only else None,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers | PLAIN_HEADERS,
                timeout=_client_timeout(DEFAULT_TIMEOUTS),
                trust_env=False,
                auto_decompress=False,
            )
        elif not self._owned and self._session.closed:
            raise SessionStateError("the aiohttp session given to the transport is closed")
        return self._session

    def _check_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise SessionStateError(
                "the transport is bound to another event loop: make one for each loop"
            )

    def _failure(
        self, error: Exception, request: HttpRequest, exchange: Exchange
    ) -> TransportError:
        kept_back = self._sees_what_goes_out and exchange.kept_back(error)
        return failure(error, request, kept_back=kept_back)

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        request: HttpRequest,
        exchange: Exchange,
        *,
        plain: bool,
    ) -> HttpResponse:
        answer = await session.request(
            request.method,
            _target(request, plain=plain),
            data=request.body,
            **self._options(request, exchange, plain=plain),
        )
        # Instead of `async with`, whose exit waits for the request's body: that went long ago.
        try:
            given, content = answer.headers, answer.content
            if (
                request.sink is None
                and hdrs.CONTENT_ENCODING not in given
                and 0 <= (answer.content_length or -1) <= self._max_body_bytes
            ):
                # The most common response: HTTP's framing proves it bounded and complete.
                whole = self._owned and content.is_eof()
                body = content.read_nowait() if whole else await answer.read()
            else:
                body = await self._unpack(answer, request)
            return HttpResponse(status=answer.status, headers=LazyHeaders(given), body=body)
        finally:
            if answer.connection is not None:
                answer.release()

    def _options(self, request: HttpRequest, exchange: Exchange, *, plain: bool) -> dict[str, Any]:
        """Return what differs from the session's own settings: to say it again costs time."""
        options = self._fixed.copy()
        if not self._owned:
            options["middlewares"] = (SharedSessionMiddleware(exchange),)
        if not (plain and self._owned):
            options["headers"] = self._headers | wire_headers(request)
        if not self._owned or request.timeouts is not DEFAULT_TIMEOUTS:
            options["timeout"] = _client_timeout(request.timeouts)
        if self._proxy is not None:
            options["proxy"] = self._proxy.url
        return options

    async def _unpack(self, answer: aiohttp.ClientResponse, request: HttpRequest) -> bytes:
        unpack = decoder(", ".join(answer.headers.getall(hdrs.CONTENT_ENCODING, ())))
        if request.sink is not None and 200 <= answer.status < 300:
            while data := await answer.content.read(PIECE):
                for piece in unpack.feed(data):
                    await pour(request.sink, piece)
            unpack.finish()
            return b""
        collected = Collector(self._max_body_bytes)
        if request.method != "HEAD":
            collected.expect(answer.content_length or 0)
        while data := await answer.content.readany():
            for piece in unpack.feed(data):
                collected.add(piece)
        unpack.finish()
        return collected.body()


def _target(request: HttpRequest, *, plain: bool) -> URL:
    try:
        return _plain_target(request) if plain else URL(wire_url(request), encoded=True)
    except ValueError:
        raise aiohttp.InvalidURL(request.url) from None


def _plain_target(request: HttpRequest) -> URL:
    """Put the URL of a plain read together from its parts: over 1 % of a call less than parsing."""
    pairs = request.query + request.credentials.query
    scheme, _, rest = request.url.partition("://")
    authority, slash, path = rest.partition("/")
    path, _, query = path.partition("?")
    if not (scheme and authority) or "?" in authority:
        raise ValueError
    added = "&".join(map("=".join, pairs))
    return URL.build(
        scheme=scheme,
        authority=authority,
        path=slash + path,
        query_string=f"{query}&{added}" if query and added else query or added,
        encoded=True,
    )


@lru_cache(maxsize=64)
def _client_timeout(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    # The total is watched by `Deadlines`.
    return aiohttp.ClientTimeout(total=None, connect=timeouts.connect, sock_read=timeouts.read)
