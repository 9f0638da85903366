"""Checks of a caller's input. They raise before any byte is sent and say what to do."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import attrs

from .errors import ConfigurationError

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}", re.ASCII)
_HEADER_SAFE = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)

Field: TypeAlias = "attrs.Attribute[Any]"


def identifier(instance: object, field: Field, value: object) -> None:
    """Accept an id as the API gives it out; it may become part of a URL."""
    if type(value) is str and len(value) <= 64 and value.isalnum() and value.isascii():
        return  # as ids are, at a glance
    if not (isinstance(value, str) and _ID.fullmatch(value)):
        raise ConfigurationError(
            f"{field.name} must be an id as the API returned it:"
            " 1 to 64 of the characters A-Z a-z 0-9 _ -"
        )


def text(instance: object, field: Field, value: object) -> None:
    """Accept text that is not blank and has no control characters, CR and LF included.

    Half a surrogate pair counts as one: it cannot be encoded.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"{field.name} must be text, not {type(value).__name__}")
    if not value.strip():
        raise ConfigurationError(f"{field.name} must not be empty")
    if not is_printable(value):
        raise ConfigurationError(f"{field.name} must not hold line breaks or control characters")


def is_printable(value: str) -> bool:
    """Tell whether a text has no line breaks and no control characters."""
    return _CONTROL.search(value) is None


def instance_of(expected: type, hint: str) -> Any:
    """Make a check that names the right class and says how to get it."""

    def check(instance: object, field: Field, value: object) -> None:
        if not isinstance(value, expected):
            raise ConfigurationError(f"{field.name} must be {hint}, not {type(value).__name__}")

    return check


def calendar_day(instance: object, field: Field, value: object) -> None:
    """Accept a `datetime.date` that carries no time."""
    if type(value) is not date and (not isinstance(value, date) or isinstance(value, datetime)):
        raise ConfigurationError(f"{field.name} must be a datetime.date")


def positive_count(instance: object, field: Field, value: object) -> None:
    """Accept a whole number above zero that JSON readers take, too."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
        raise ConfigurationError(f"{field.name} must be a whole number above 0 and below 2**31")


def header_value(name: str, value: object) -> str:
    """Return a value fit for a header, such as a key: visible ASCII, 1 to 255 characters.

    Raises:
        ConfigurationError: It is not; the message does not repeat it.
    """
    if not (isinstance(value, str) and _HEADER_SAFE.fullmatch(value)):
        raise ConfigurationError(
            f"{name} must be 1 to 255 visible ASCII characters, without spaces or line breaks"
        )
    return value


def repeated(values: Iterable[str]) -> str | None:
    """Return the first value that occurs twice."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def checked_base_url(url: str, name: str = "base_url") -> str:
    """Return a base URL without its trailing slash.

    Raises:
        ConfigurationError: It is no https URL (plain http is for loopback only), it names no host
            that could exist, or it carries more than scheme, host, port and path. The message
            does not repeat it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except (ValueError, TypeError, AttributeError):
        raise ConfigurationError(f"{name} is no URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError(f"{name} must begin with https:// and name a host")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(f"{name} must be https; plain http is for a loopback host only")
    if parts.username is not None or any(c in url for c in "?#\\"):
        raise ConfigurationError(f"{name} must hold no user name, query, fragment or backslash")
    if not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        raise ConfigurationError(f"{name} must be ASCII, without spaces or control characters")
    if (fault := "the port is 0" if port == 0 else host_fault(host)) is not None:
        raise ConfigurationError(f"{name} leads nowhere: {fault}")
    return url.rstrip("/")


def host_fault(host: str) -> str | None:
    """Return why no resolver could be asked for a host (RFC 1035, section 2.3.4), or None.

    Args:
        host: Name or address as `urllib.parse.urlsplit` returns it. The answer does not repeat it.
    """
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return "the host is no IPv6 address"
        return None
    name = host.removesuffix(".")
    if len(name) > 253:
        return "the name of the host is longer than 253 characters"
    if not all(_LABEL.fullmatch(label) for label in name.split(".")):
        return "each part of the host's name must be 1 to 63 of the characters A-Z a-z 0-9 _ -"
    return None


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
