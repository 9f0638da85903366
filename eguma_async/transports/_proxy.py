"""The one kind of proxy there is: checked when given, and its password shown nowhere."""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import SplitResult, unquote, urlsplit

from eguma_async.core.checks import host_fault
from eguma_async.core.errors import ConfigurationError


class Proxy:
    """Where a proxy is. It may hold a password: no readable ``repr``, and no pickle.

    Attributes:
        url: User name and password included.
    """

    __slots__ = ("url",)

    def __init__(self, url: str) -> None:
        self.url = url

    def __repr__(self) -> str:
        return "Proxy(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a proxy is not pickled: make the transport where it is used")


def checked_proxy(url: object) -> Proxy | ConfigurationError:
    """Return the proxy, or the error to raise: a frame that raises would show the password."""
    if not isinstance(url, str):
        return _wrong(f"it must be text, not {type(url).__name__}")
    if not url.isascii() or any(char <= " " or char == "\x7f" for char in url):
        return _wrong("spaces and characters beyond ASCII must be percent-encoded")
    try:
        parts = urlsplit(url)
        fault = _place_fault(url, parts, parts.port) or _login_fault(parts)
    except ValueError:
        fault = "it is no URL, or its port is out of range"
    return Proxy(url) if fault is None else _wrong(fault)


def _wrong(fault: str) -> ConfigurationError:
    return ConfigurationError(f"proxy must be http://host:port or https://host:port: {fault}")


def _place_fault(url: str, parts: SplitResult, port: int | None) -> str | None:
    if parts.scheme not in ("http", "https"):
        return "it begins otherwise; other kinds, such as SOCKS, are not supported"
    if not parts.hostname or not port:
        return "the host or the port is missing"
    if parts.path not in ("", "/") or any(char in url for char in "?#\\"):
        return "a path or a query has no meaning there"
    return host_fault(parts.hostname)


def _login_fault(parts: SplitResult) -> str | None:
    """Look for what Basic authentication cannot carry (RFC 7617, section 2)."""
    name, password = parts.username, parts.password
    try:
        for text in (name or "", password or ""):
            unquote(text).encode("latin-1")
    except UnicodeError:
        return "user name and password must be Latin-1, percent-encoded as UTF-8"
    if name == "" or ":" in unquote(name or ""):
        return "the user name must not be empty or hold a colon"
    return None
