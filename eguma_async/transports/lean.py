"""A network transport for many calls a second: asyncio's own connections and the parser llhttp.

It speaks HTTP/1.1 as far as this package needs it, and nothing else: no cookies, no redirects, no
pipelining, no session of the caller's.
"""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Awaitable
from functools import partial
from typing import TypeVar

from eguma_async.core.delivery import DEFAULT_MAX_BODY_BYTES
from eguma_async.core.errors import (
    ConfigurationError,
    NotSentError,
    OutcomeUnknownError,
    SessionStateError,
)
from eguma_async.core.messages import BodySink, HttpRequest, HttpResponse, Repeat
from eguma_async.core.permits import Permits
from eguma_async.core.sendable import check_limits, check_sendable
from eguma_async.core.transport import ManagedTransport

from . import _words
from ._agent import user_agent
from ._body import BodyError, Identity
from ._deadline import Deadlines, Watch
from ._lean_dial import Dialer
from ._lean_head import Origin, check_framing
from ._lean_reading import load_engine
from ._lean_wire import Wire
from ._proxy import Proxy, checked_proxy
from ._public import check_public_literal
from ._sink import SinkError, pour
from ._tls import check_context
from ._words import RequestFailedError

T = TypeVar("T")

_MOST_ORIGINS = 100
_TURNS = 20
"""The loop closes sockets, and wakes those that wait, in turns of its own."""


class LeanTransport(ManagedTransport):
    """Sends requests over the network, with less work for each than `AiohttpTransport`.

    It keeps the same contract and takes the same options, but for a session of yours. Bound to
    the event loop of its first `send`. A connection on which a byte came that nobody asked for is
    closed and not used again, and so is one that was idle for 15 seconds.

    Args:
        connections: How many requests may be under way at once. Bookings and the like go before
            reads that wait for one.
        max_body_bytes: The largest body to accept, decompressed, unless it flows into a sink.
        proxy: URL of a proxy, `http://host:port` or `https://host:port`, with `user:password@`
            before the host if it asks for Basic authentication. Without it the way is direct:
            proxies from the environment are not used.
        ssl: A TLS context of your own, for a private CA say. It must verify certificates and
            host names, and offer no other protocol than HTTP/1.1.
        public_only: Connect to public addresses only, for URLs that somebody else chose. It does
            not go with a proxy, which looks names up itself.
        app_info: Name and version of your program, such as ``"shop/2.1"``, for the ``User-Agent``.

    Raises:
        ConfigurationError: An argument is of the wrong kind, a limit is below 1, the proxy cannot
            work, the TLS context verifies nothing, `public_only` cannot be kept, or httptools is
            missing.
    """

    def __init__(
        self,
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
        check_limits(connections=connections, max_body_bytes=max_body_bytes)
        check_context(ssl)
        if public_only and checked is not None:
            raise ConfigurationError("public_only does not go with a proxy")
        engine = load_engine()
        if engine is None:
            raise ConfigurationError(
                "LeanTransport needs httptools: pip install 'eguma_async[fast]'"
            )
        self._public_only = public_only
        self._app_info = app_info
        self._agent = user_agent("lean", app_info)
        self._connections = connections
        self._max_body_bytes = max_body_bytes
        self._proxy: Proxy | None = checked
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deadlines = Deadlines()
        self._permits = Permits(connections)
        self._origins: dict[str, Origin] = {}
        self._wires: set[Wire] = set()
        self._watches: set[Watch] = set()
        self._dialer = Dialer(
            partial(Wire, engine, self._deadlines, self._wires),
            proxy=checked,
            context=ssl,
            public_only=public_only,
        )
        self._closed = False

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send the request once and return the complete response.

        Raises:
            NotSentError: The server surely did not get it.
            OutcomeUnknownError: It may have; or its response was cut, too large or wrongly packed.
            ConfigurationError: The request holds control characters, or headers that do not fit
                its body. Nothing was sent.
            SessionStateError: The transport is closed, or bound to another event loop.
        """
        plain = self._checked(request)
        loop = self._usable_loop()
        # Few frames and no object that could be spared, on purpose: this is a third of a call.
        wire: Wire | None = None
        problem: BaseException
        try:
            now = loop.time()
            ends = now + request.timeouts.total
            origin = self._origin(request.url)
            wire = self._take(origin)
            if wire is None:
                wire = await self._connect(origin, request, ends)
                now = loop.time()
            await wire.ask(
                origin.encoded(request, plain=plain),
                request,
                now,
                ends,
                self._max_body_bytes,
            )
            if wire.flows or wire.failure is not None:
                await self._pour(wire, request.sink, ends)
            response = HttpResponse(status=wire.status, headers=wire.headers(), body=wire.body())
        except SinkError as stopped:
            problem = stopped.error
        except asyncio.CancelledError as cancelled:
            problem = asyncio.CancelledError(*cancelled.args)
        except RequestFailedError as failure:
            problem = failure.told(request)
        except Exception as error:  # noqa: BLE001  # nothing else may leave: it may show the URL
            problem = _unexpected(error, wire).told(request)
        except BaseException:
            self._give_up(wire)
            raise
        else:
            if self._closed or not wire.rest(origin.idle):
                wire.end()
            self._permits.release()
            return response
        self._give_up(wire)
        # Out here it carries neither the cause nor the frames, which hold the key in their
        # variables; `del` breaks the cycle of error, traceback and this frame.
        try:
            raise problem
        finally:
            del problem

    async def aclose(self) -> None:
        """Close all connections; a request under way fails. May be called more than once.

        Raises:
            SessionStateError: Called from another event loop than `send`.
        """
        self._closed = True
        if self._loop is not None:
            self._check_loop(asyncio.get_running_loop())
        for watch in tuple(self._watches):
            watch.ring()
        for wire in tuple(self._wires):
            wire.end()
        self._origins.clear()
        for _ in range(_TURNS):
            if not (self._wires or self._watches):
                break
            await asyncio.sleep(0)
        self._deadlines.close()

    def public_only(self) -> LeanTransport:
        """Return a new transport that connects to public addresses only, without a proxy.

        It has as many connections as this one, and is the caller's to close.
        """
        return LeanTransport(
            connections=self._connections, public_only=True, app_info=self._app_info
        )

    def _checked(self, request: HttpRequest) -> bool:
        """Return whether a request that may be sent is a plain one."""
        plain = check_sendable(request) or check_framing(request)
        if self._public_only:
            check_public_literal(request)
        return plain

    def _usable_loop(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise SessionStateError("the transport is closed: make a new one")
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._check_loop(loop)
        return loop

    def _check_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise SessionStateError(
                "the transport is bound to another event loop: make one for each loop"
            )

    # Connections

    def _origin(self, url: str) -> Origin:
        """Return where a URL leads."""
        end = url.find("/", 8)  # behind https://
        place = url if end < 0 else url[:end]
        found = self._origins.get(place)
        if found is None:
            found = Origin(url, self._proxy, self._agent)
            if len(self._origins) >= _MOST_ORIGINS:  # links to documents may lead anywhere
                self._origins = {key: each for key, each in self._origins.items() if each.idle}
            if end == found.size:
                self._origins[place] = found
        return found

    def _take(self, origin: Origin) -> Wire | None:
        """Return a connection that waits for a request, with a permit, if both are there."""
        if origin.idle and self._permits.try_acquire():
            if (wire := _fit(origin)) is not None:
                return wire
            self._permits.release()
        return None

    async def _connect(self, origin: Origin, request: HttpRequest, ends: float) -> Wire:
        """Wait for a permit, and return a connection with it."""
        left = ends - asyncio.get_running_loop().time()
        connect = request.timeouts.connect
        try:
            return await self._timed(min(connect, left), self._connection(origin, request))
        except _TimeUpError:
            pass
        if self._closed:
            raise RequestFailedError(
                NotSentError, _words.NOTHING_SENT, " (the transport was closed)"
            )
        in_all = left < connect
        words = _words.NO_CONNECTION_IN_ALL if in_all else _words.NO_CONNECTION_IN_TIME
        raise RequestFailedError(NotSentError, words)

    async def _connection(self, origin: Origin, request: HttpRequest) -> Wire:
        if not self._permits.try_acquire():
            await self._permits.acquire(ahead=request.repeat is not Repeat.READ)
        try:
            return _fit(origin) or await self._dialer.dial(origin)
        except BaseException:
            self._permits.release()
            raise

    def _give_up(self, wire: Wire | None) -> None:
        if wire is not None:
            wire.end()
            self._permits.release()

    # Waiting

    async def _timed(self, seconds: float, work: Awaitable[T]) -> T:
        """Wait for so long, and no longer.

        Raises:
            _TimeUpError: The time is up, or the transport closed.
        """
        watch = self._deadlines.start(seconds, Watch)
        self._watches.add(watch)
        try:
            result = await work
        except asyncio.CancelledError:
            if not self._deadlines.end(watch):
                raise
        except BaseException:
            self._deadlines.end(watch)
            raise
        else:
            self._deadlines.end(watch)
            return result
        finally:
            self._watches.discard(watch)
        raise _TimeUpError

    async def _pour(self, wire: Wire, sink: BodySink | None, ends: float) -> None:
        if wire.failure is not None or sink is None:
            raise wire.failure or LookupError
        left = ends - asyncio.get_running_loop().time()
        try:
            return await self._timed(left, _flow(wire, sink))
        except _TimeUpError:
            words, reason = _words.BROKE if self._closed else _words.INCOMPLETE, ""
        except BodyError as error:
            words, reason = _words.UNUSABLE, f": {error}"
        raise RequestFailedError(OutcomeUnknownError, words, reason)


class _TimeUpError(Exception):
    """The time for something was up."""


def _fit(origin: Origin) -> Wire | None:
    """Return the connection used last of those that may be used again."""
    while origin.idle:
        wire, _ = origin.idle.popitem()
        if not wire.has_unread_bytes():
            return wire
        wire.end()
    return None


async def _flow(wire: Wire, sink: BodySink) -> None:
    unpack = wire.unpack or Identity()
    while pieces := await wire.more():
        for data in pieces:
            for piece in unpack.feed(data):
                await pour(sink, piece)
    unpack.finish()


def _unexpected(error: Exception, wire: Wire | None) -> RequestFailedError:
    # The type alone: the text of a foreign error may hold the URL with its key.
    reason = f" ({type(error).__name__})"
    if wire is not None and wire.has_asked:
        return RequestFailedError(OutcomeUnknownError, _words.FAILED, reason)
    return RequestFailedError(NotSentError, _words.NOTHING_SENT, reason)
