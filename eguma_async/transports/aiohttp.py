"""The network transport, on aiohttp."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl as tls
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from eguma_async._version import __version__
from eguma_async.core.delivery import DEFAULT_MAX_BODY_BYTES, PIECE
from eguma_async.core.errors import (
    ConfigurationError,
    EgumaError,
    NotSentError,
    OutcomeUnknownError,
    SessionStateError,
)
from eguma_async.core.messages import (
    DEFAULT_TIMEOUTS,
    BodySink,
    HttpRequest,
    HttpResponse,
    Timeouts,
)
from eguma_async.core.sendable import PLAIN_HEADERS, check_sendable

from ._body import (
    ACCEPT_ENCODING,
    BodyError,
    Collector,
    decoder,
)
from ._deadline import Deadlines
from ._public import check_public_literal, is_public

_DEFAULT_HEADERS = {
    "User-Agent": f"eguma-async/{__version__}",
    "Accept-Encoding": ACCEPT_ENCODING,
    "Accept": "*/*",
}


class AiohttpTransport:
    """Sends requests over the network. Bound to the event loop of its first `send`.

    Args:
        session: A session of your own, which stays yours: `aclose` leaves it open, and its cookie
            jar and its tracing apply, but not its middlewares. Without one, a session is made at
            the first `send`.
        connections: How many connections may be open at once, for a session made here.
        max_body_bytes: The largest body to accept, decompressed, unless it flows into a sink.
        proxy: URL of an HTTP proxy. Proxies from the environment are not used.
        ssl: A TLS context of your own, for a private CA say. It must verify certificates and
            host names.
        public_only: Connect to public addresses only, for URLs that somebody else chose. It goes
            with neither a session of your own nor a proxy, which look names up themselves.

    Raises:
        ConfigurationError: A limit is below 1, the TLS context verifies nothing, or `public_only`
            cannot be kept.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession | None = None,
        *,
        connections: int = 100,
        max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
        proxy: str | None = None,
        ssl: tls.SSLContext | None = None,
        public_only: bool = False,
    ) -> None:
        if connections < 1 or max_body_bytes < 1:
            raise ConfigurationError("connections and max_body_bytes must be at least 1")
        if ssl is not None and not (ssl.verify_mode == tls.CERT_REQUIRED and ssl.check_hostname):
            raise ConfigurationError("the TLS context must verify certificates and host names")
        if public_only and (session is not None or proxy is not None):
            raise ConfigurationError("public_only goes with neither a session nor a proxy")
        self._public_only = public_only
        self._session = session
        self._owned = session is None
        self._connections = connections
        self._max_body_bytes = max_body_bytes
        self._fixed: dict[str, Any] = {"allow_redirects": False, "middlewares": _ONLY_ONCE}
        if session is not None:
            self._fixed |= {"raise_for_status": False, "auto_decompress": False}
        if proxy is not None:
            self._fixed["proxy"] = proxy
        if ssl is not None:
            self._fixed["ssl"] = ssl
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deadlines = Deadlines()
        self._closed = False

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send the request once and return the complete answer.

        Raises:
            NotSentError: The server surely did not get it.
            OutcomeUnknownError: It may have; or its answer was cut, too large or wrongly packed.
            ConfigurationError: The request holds control characters. Nothing was sent.
            SessionStateError: The transport is closed, or bound to another event loop.
        """
        plain = check_sendable(request)
        if self._public_only:
            check_public_literal(request)
        session = self._usable_session()
        failure: BaseException
        watch = self._deadlines.start(request.timeouts.total)
        try:
            response = await self._exchange(session, request, plain)
        except _SinkError as stopped:
            failure = stopped.error
        except asyncio.CancelledError as cancelled:
            failure = asyncio.CancelledError(*cancelled.args)
        except Exception as error:  # noqa: BLE001 - no error of aiohttp may leave: it shows the URL
            failure = _failure(error, request)
        except BaseException:
            self._deadlines.end(watch)
            raise
        else:
            self._deadlines.end(watch)
            return response
        if self._deadlines.end(watch) and isinstance(failure, asyncio.CancelledError):
            failure = _failure(TimeoutError(), request)
        # Out here it carries neither the cause nor the frames, which hold the key in their
        # variables; `del` breaks the cycle of error, traceback and this frame.
        try:
            raise failure
        finally:
            del failure

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

    def _usable_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise SessionStateError("the transport is closed: make a new one")
        if self._loop is not asyncio.get_running_loop():
            self._check_loop()
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections,
                    resolver=PublicResolver() if self._public_only else None,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=_DEFAULT_HEADERS | PLAIN_HEADERS,
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

    async def _exchange(
        self, session: aiohttp.ClientSession, request: HttpRequest, plain: bool
    ) -> HttpResponse:
        answer = await session.request(
            request.method,
            _target(request, plain=plain),
            data=request.body,
            **self._options(request, plain=plain),
        )
        # Instead of `async with`, whose exit waits for the request's body: that went long ago.
        try:
            headers = _lower_case(answer.headers)
            if (
                request.sink is None
                and "content-encoding" not in headers
                and 0 <= (answer.content_length or -1) <= self._max_body_bytes
            ):
                # The most common answer: HTTP's framing proves it bounded and complete.
                body = await answer.read()
            else:
                body = await self._unpack(answer, headers, request)
            return HttpResponse(status=answer.status, headers=headers, body=body)
        finally:
            answer.release()

    def _options(self, request: HttpRequest, *, plain: bool) -> dict[str, Any]:
        """Return what differs from the session's own settings: to say it again costs time."""
        options = self._fixed
        if not (plain and self._owned):
            secret = dict(request.credentials.headers)
            headers = {**_DEFAULT_HEADERS, **request.headers, **secret}
            options = {**options, "headers": headers}
        if not self._owned or request.timeouts is not DEFAULT_TIMEOUTS:
            options = {**options, "timeout": _client_timeout(request.timeouts)}
        return options

    async def _unpack(
        self, answer: aiohttp.ClientResponse, headers: Mapping[str, str], request: HttpRequest
    ) -> bytes:
        unpack = decoder(headers.get("content-encoding", ""))
        if request.sink is not None and 200 <= answer.status < 300:
            while data := await answer.content.read(PIECE):
                for piece in unpack.feed(data):
                    await _pour(request.sink, piece)
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


class PublicResolver(AbstractResolver):
    """Resolves names and refuses those with an address that is not public.

    The connection goes to exactly the addresses looked at here: a name that resolves differently
    the second time gains nothing.

    Args:
        inner: Resolves the names; the system's resolver if not given.
    """

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host.

        Raises:
            OSError: There is none, or one of them is not public.
        """
        found = await self._inner.resolve(host, port, family)
        if not all(is_public(address["host"]) for address in found):
            raise OSError("the name has an address that is not public")
        return found

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


class _SinkError(Exception):
    """Carries an error of the caller's sink past the translation of errors."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


async def _pour(sink: BodySink, piece: bytes) -> None:
    try:
        await sink.write(piece)
    except Exception as error:  # noqa: BLE001 - whatever the sink raises is handed on as it is
        raise _SinkError(error) from None


class _DisconnectedError(Exception):
    """The connection broke after the request may have gone out."""


async def _only_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Hide a broken connection from aiohttp, which else sends GET, PUT and DELETE once more.

    See RFC 9112, section 9.3.1 and ``ClientSession._request``; a client middleware is the
    public way to see an error before that loop does, and it works on a caller's session too.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        pass
    raise _DisconnectedError


_ONLY_ONCE = (_only_once,)


# The first class that fits wins, so subclasses come first: a connect timeout is a timeout too, and
# a refused connection an OS error.
_SURELY_NOT_SENT: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ConnectionTimeoutError, "no connection to {host} within {timeouts.connect:g} s"),
    (aiohttp.ClientConnectorDNSError, "the address of {host} could not be found"),
    (aiohttp.ClientConnectorCertificateError, "the certificate of {host} is not trusted"),
    (aiohttp.ClientSSLError, "no TLS connection to {host} could be made"),
    (aiohttp.ServerFingerprintMismatch, "the certificate of {host} is not the expected one"),
    (aiohttp.ClientProxyConnectionError, "the proxy could not be reached"),
    (aiohttp.ClientHttpProxyError, "the proxy refused the way to {host}"),
    (aiohttp.ClientConnectorError, "no connection to {host} could be made{reason}"),
    (aiohttp.InvalidURL, "the URL is not one for HTTP"),
    (aiohttp.NonHttpUrlClientError, "the URL is not one for HTTP"),
)
_UNKNOWN: tuple[tuple[type[Exception], str], ...] = (
    (BodyError, "the answer of {host} cannot be used{reason}"),
    (aiohttp.SocketTimeoutError, "{host} was silent for {timeouts.read:g} s"),
    (TimeoutError, "no complete answer of {host} within {timeouts.total:g} s"),
    (aiohttp.ClientPayloadError, "the answer of {host} was cut"),
    (aiohttp.ClientResponseError, "{host} answered with something that is not HTTP"),
    (_DisconnectedError, "the connection to {host} broke before it answered"),
    (OSError, "the connection to {host} broke"),
    (Exception, "the exchange with {host} failed{reason}"),
)


def _failure(error: Exception, request: HttpRequest) -> EgumaError:
    details: dict[str, Any] = {
        "operation": request.operation or None,
        "attempts": request.attempt,
    }
    words = {
        "host": _host(request.url),
        "timeouts": request.timeouts,
        "reason": _reason(error),
    }
    for kind, text in _SURELY_NOT_SENT:
        if isinstance(error, kind):
            return NotSentError(text.format(**words), **details)
    text = next(text for kind, text in _UNKNOWN if isinstance(error, kind))
    return OutcomeUnknownError(text.format(**words), **details)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "the server"
    except ValueError:
        return "the server"


def _reason(error: Exception) -> str:
    if isinstance(error, BodyError):
        return f": {error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f" ({errno.errorcode.get(error.errno or 0, 'no reason given')})"
    # The type alone: the text of a foreign error may hold the URL with its key.
    return f" ({type(error).__name__})"


def _target(request: HttpRequest, *, plain: bool) -> URL:
    pairs = request.query + request.credentials.query
    url = request.url
    if pairs:
        if not plain:
            pairs = tuple((quote(n, safe=""), quote(v, safe="")) for n, v in pairs)
        url = f"{url}{'&' if '?' in url else '?'}{'&'.join(map('='.join, pairs))}"
    try:
        return URL(url, encoded=True)
    except ValueError:
        raise aiohttp.InvalidURL(request.url) from None


@lru_cache(maxsize=64)
def _client_timeout(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    # The total is watched by `Deadlines`.
    return aiohttp.ClientTimeout(total=None, connect=timeouts.connect, sock_read=timeouts.read)


def _lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    joined = {name.lower(): value for name, value in headers.items()}
    if len(joined) == len(headers):
        return joined
    joined = {}
    for given, value in headers.items():
        name = given.lower()
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
