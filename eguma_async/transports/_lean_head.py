"""Requests as bytes, and where they go."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from eguma_async.core.errors import ConfigurationError, NotSentError
from eguma_async.core.messages import HttpRequest, wire_headers, wire_url
from eguma_async.core.sendable import PLAIN_HEADERS

from . import _words
from ._body import ACCEPT_ENCODING
from ._proxy import Proxy
from ._words import RequestFailedError

if TYPE_CHECKING:
    from ._lean_wire import Wire

_PORTS = {"http": 80, "https": 443}
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_DEFAULTS = {
    "accept-encoding": f"Accept-Encoding: {ACCEPT_ENCODING}\r\n",
    "accept": "Accept: */*\r\n",
}
_PLAIN = "".join(
    (
        _DEFAULTS["accept-encoding"],
        *(f"{name}: {value}\r\n" for name, value in PLAIN_HEADERS.items()),
        "\r\n",
    )
)


class Origin:
    """Where requests go to, and the connections to there that wait for the next one.

    Attributes:
        size: Characters of a URL before its path.
        host: Name or address.
        port: Port.
        is_secure: True for https.
        idle: Connections without a request. The one used last comes last.
    """

    __slots__ = ("_defaults", "_host_line", "_proxy_line", "_start", "_tail", "host", "idle",
                 "is_secure", "port", "size")  # fmt: skip

    def __init__(self, url: str, proxy: Proxy | None, agent: str) -> None:
        scheme, authority, self.size = _split(url)
        self.host, self.port = _place(scheme, authority)
        self.is_secure = scheme == "https"
        self.idle: dict[Wire, None] = {}
        by_proxy = proxy is not None and not self.is_secure
        self._start = f"http://{authority}" if by_proxy else ""
        self._proxy_line = proxy_authorization(proxy) if by_proxy else ""
        self._host_line = f"Host: {authority}\r\n"
        agent_line = f"User-Agent: {agent}\r\n"
        self._defaults = {"user-agent": agent_line, **_DEFAULTS}
        self._tail = f" HTTP/1.1\r\n{self._host_line}{self._proxy_line}{agent_line}{_PLAIN}"

    def encoded(self, request: HttpRequest, *, plain: bool) -> bytes:
        """Return a request as bytes.

        Args:
            request: The request.
            plain: Whether `check_sendable` found it so: then a template will do.
        """
        target = request.url[self.size :]
        if not plain or request.body is not None or not target or "?" in target:
            return self._encoded(request)
        pairs = request.query + request.credentials.query
        if pairs:
            target = f"{target}?{'&'.join(map('='.join, pairs))}"
        return f"{request.method} {self._start}{target}{self._tail}".encode("ascii")

    def _encoded(self, request: HttpRequest) -> bytes:
        lines = {"host": self._host_line, "": self._proxy_line, **self._defaults}
        for name, value in wire_headers(request).items():
            lines[name.lower()] = f"{name}: {value}\r\n"
        if request.body is not None or request.method not in _BODILESS:
            lines["content-length"] = f"Content-Length: {len(request.body or b'')}\r\n"
        head = f"{request.method} {self._start}{self._target(request)} HTTP/1.1\r\n"
        return f"{head}{''.join(lines.values())}\r\n".encode() + (request.body or b"")

    def _target(self, request: HttpRequest) -> str:
        target = wire_url(request)[self.size :]
        return target if target.startswith("/") else f"/{target}"


def check_framing(request: HttpRequest) -> bool:
    """Refuse headers that say where the request ends: that is the transport's to say.

    Returns:
        False: the request is no plain one.

    Raises:
        ConfigurationError: There is one that is not true.
    """
    for name, value in wire_headers(request).items():
        known = name.lower()
        is_wrong = known == "content-length" and value != str(len(request.body or b""))
        if is_wrong or known == "transfer-encoding":
            raise ConfigurationError(
                f"leave the header {name} out: the transport says how long the body is;"
                " nothing was sent"
            )
    return False


def proxy_authorization(proxy: Proxy | None) -> str:
    """Return the header with which a proxy is asked, if it has a login (RFC 7617)."""
    parts = urlsplit("" if proxy is None else proxy.url)
    if parts.username is None:
        return ""
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode("latin-1")
    return f"Proxy-Authorization: Basic {base64.b64encode(login).decode()}\r\n"


def _split(url: str) -> tuple[str, str, int]:
    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0].partition("?")[0]
    return scheme.lower(), authority, len(scheme) + 3 + len(authority)


def _place(scheme: str, authority: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{authority}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if scheme not in _PORTS or not host or port == 0 or "@" in authority:
        raise RequestFailedError(NotSentError, _words.NO_HTTP_URL)
    return host, port or _PORTS[scheme]
