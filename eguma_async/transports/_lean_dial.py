"""Connections: names, addresses, TLS, and tunnels through a proxy."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import ssl as tls
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from eguma_async._version import __version__
from eguma_async.core.errors import NotSentError

from . import _words
from ._lean_head import Origin, proxy_authorization
from ._lean_wire import Wire
from ._proxy import Proxy
from ._public import is_public
from ._tls import default_context
from ._words import RequestFailedError

AddrInfo = tuple[int, int, int, str, Any]
"""As `socket.getaddrinfo` returns it."""
Lookup = Callable[[str, int], Awaitable[Sequence[AddrInfo]]]
HEAD_START = 0.25
"""Seconds an address has before the next one is tried beside it (RFC 8305, section 5)."""
LONGEST_HEAD = 64 * 1024
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)\d\d[ \r]")
"""Another answer follows (RFC 9110, section 15.2)."""
_GRANTED = re.compile(rb"HTTP/1\.[01] 2\d\d[ \r]")
_IPV4, _IPV6 = socket.AF_INET, socket.AF_INET6


class Dialer:
    """Opens connections.

    Args:
        make: Makes the protocol of a connection.
        proxy: Leads there, if given.
        context: For TLS; the one that all share if not given.
        public_only: Whether to go to public addresses only.

    Attributes:
        look_up: Finds the addresses of a name.
    """

    def __init__(
        self,
        make: Callable[[], Wire],
        *,
        proxy: Proxy | None,
        context: tls.SSLContext | None,
        public_only: bool,
    ) -> None:
        self._make = make
        self._proxy = proxy
        self._context = context
        self._public_only = public_only
        self._lookups: dict[tuple[str, int], asyncio.Future[Any]] = {}
        self.look_up: Lookup = self._look_up

    async def dial(self, origin: Origin) -> Wire:
        """Open a connection.

        Raises:
            RequestFailedError: It cannot be opened. Nothing was sent.
        """
        try:
            if self._proxy is None:
                return await self._direct(origin)
            return await self._by_proxy(self._proxy, origin)
        except RequestFailedError:
            raise
        except Exception as error:  # noqa: BLE001  # resolvers and TLS raise what they like
            failure = _not_sent(error)
        raise failure

    async def _direct(self, origin: Origin) -> Wire:
        sock = await self._socket(origin.host, origin.port)
        wire = self._make()
        secure = self._secured(origin.host) if origin.is_secure else {}
        await _attached(sock, lambda: wire, secure)
        return _http_1(wire)

    async def _by_proxy(self, proxy: Proxy, origin: Origin) -> Wire:
        wire = self._make()
        first = _Tunnel() if origin.is_secure else wire
        transport = await self._to_proxy(proxy, lambda: first)
        if isinstance(first, _Tunnel):
            try:
                await first.ask(origin, proxy)
                transport = await asyncio.get_running_loop().start_tls(
                    transport, wire, **self._secured(origin.host, key="sslcontext")
                )
                if transport is None:
                    raise ConnectionResetError  # noqa: TRY301
            except BaseException:
                first.abort()
                raise
            wire.connection_made(transport)
        return _http_1(wire)

    async def _to_proxy(self, proxy: Proxy, factory: Callable[[], Any]) -> Any:
        parts = urlsplit(proxy.url)
        host = parts.hostname or ""
        try:
            sock = await self._socket(host, parts.port or 0)
            secure = self._secured(host) if parts.scheme == "https" else {}
            return await _attached(sock, factory, secure)
        except Exception:  # noqa: BLE001, S110  # said below, without what it shows
            pass
        raise RequestFailedError(NotSentError, _words.NO_PROXY)

    def _secured(self, host: str, key: str = "ssl") -> dict[str, Any]:
        return {key: self._context or default_context(), "server_hostname": host.rstrip(".")}

    async def _socket(self, host: str, port: int) -> socket.socket:
        # Not asyncio's own happy eyeballs: cancelled, they leave sockets open (CPython 3.11).
        from aiohappyeyeballs import start_connection  # noqa: PLC0415  # not before it is needed

        found = await self._addresses(host, port)
        loop = asyncio.get_running_loop()
        return await start_connection(found, happy_eyeballs_delay=HEAD_START, loop=loop)

    async def _addresses(self, host: str, port: int) -> Sequence[AddrInfo]:
        if (literal := _literal(host, port)) is not None:
            return (literal,)
        try:
            found = await self.look_up(host, port)
        except OSError:
            found = ()
        # The connection goes to exactly the addresses looked at here.
        if self._public_only and not all(is_public(str(info[4][0])) for info in found):
            found = ()
        if not found:
            raise RequestFailedError(NotSentError, _words.NO_ADDRESS)
        return found

    async def _look_up(self, host: str, port: int) -> Sequence[AddrInfo]:
        """Ask the system, once for all who want to know the same at the same time."""
        place = host, port
        pending = self._lookups.get(place)
        if pending is None:
            loop = asyncio.get_running_loop()
            pending = loop.run_in_executor(None, _asked_system, host, port)
            self._lookups[place] = pending
            pending.add_done_callback(lambda _: self._lookups.pop(place, None))
        # Whoever is cancelled must not take the answer from the others.
        found = await asyncio.shield(pending)
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]


def _asked_system(host: str, port: int) -> Sequence[Any] | Exception:
    """Return addresses, or what was raised: as an error it would have to be awaited."""
    flags = getattr(socket, "AI_ADDRCONFIG", 0)
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError) as error:
        return error.with_traceback(None)


def _literal(host: str, port: int) -> AddrInfo | None:
    for family, place in ((_IPV4, (host, port)), (_IPV6, (host, port, 0, 0))):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place
    return None


async def _attached(
    sock: socket.socket, factory: Callable[[], Any], secure: dict[str, Any]
) -> asyncio.Transport:
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_connection(factory, sock=sock, **secure)
    except BaseException:
        sock.close()
        raise
    return transport


def _http_1(wire: Wire) -> Wire:
    """Return a connection on which HTTP/1.1 is spoken, and nothing was said or ended yet."""
    if wire.is_over:
        wire.end()
        raise RequestFailedError(NotSentError, _words.NO_CONNECTION, " (it ended at once)")
    secure = wire.transport.get_extra_info("ssl_object")
    if secure is not None and secure.selected_alpn_protocol() not in (None, "http/1.1"):
        wire.end()
        raise RequestFailedError(NotSentError, _words.NO_TLS)
    return wire


def _not_sent(error: Exception) -> RequestFailedError:
    told = partial(RequestFailedError, NotSentError)
    if isinstance(error, tls.SSLCertVerificationError):
        return told(_words.NOT_TRUSTED)
    if isinstance(error, tls.SSLError):
        return told(_words.NO_TLS)
    if isinstance(error, OSError):
        name = errno.errorcode.get(error.errno or 0, "no reason given")
        return told(_words.NO_CONNECTION, f" ({name})")
    # The type alone: the text of a foreign error may hold anything.
    return told(_words.NOTHING_SENT, f" ({type(error).__name__})")


class _Tunnel(asyncio.Protocol):
    """Asks a proxy for a way to a server."""

    def __init__(self) -> None:
        self._head: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._came = b""
        self._size = 0
        self._transport: asyncio.Transport | None = None

    async def ask(self, origin: Origin, proxy: Proxy) -> None:
        """Ask.

        Raises:
            RequestFailedError: The proxy says no, or something that is no answer.
        """
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        place = f"{host}:{origin.port}"
        assert self._transport is not None  # noqa: S101  # it is connected
        self._transport.write(
            f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n"
            f"User-Agent: eguma-async/{__version__}\r\n{proxy_authorization(proxy)}\r\n".encode(
                "latin-1"
            )
        )
        head, end, more = (await self._head).partition(b"\r\n\r\n")
        if not (end and _GRANTED.match(head + b"\r")) or more:
            raise RequestFailedError(NotSentError, _words.NO_TUNNEL)

    def abort(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Read the answer."""
        self._came += data
        self._size += len(data)
        while _INTERIM.match(self._came) and b"\r\n\r\n" in self._came:
            self._came = self._came.partition(b"\r\n\r\n")[2]
        if b"\r\n\r\n" in self._came or self._size > LONGEST_HEAD:
            self._answered()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._answered()

    def _answered(self) -> None:
        if not self._head.done():
            self._head.set_result(self._came)
