"""Refuses what would reach the wire as something else than the caller wrote."""

from __future__ import annotations

import re
from functools import lru_cache

from .errors import ConfigurationError
from .messages import HttpRequest, is_unreserved

PLAIN_HEADERS = {"Accept": "application/json"}
"""The headers of most reads: nothing to check, and nothing to add to a session that has them."""
_PLAIN_METHODS = frozenset({"GET", "HEAD"})

# HTTP clients differ: some strip CR and LF from a path and send another URL, some pass them on.
_NOT_IN_URL = re.compile(r"[^\x21-\x7e]|#")
_NOT_IN_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NOT_IN_QUERY_VALUE = re.compile(r"[\ud800-\udfff]")
_NOT_IN_HEADER_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def check_sendable(request: HttpRequest) -> bool:
    """Check every part of a request that could smuggle something into the HTTP head.

    Returns:
        True if it is a plain read: no headers but `PLAIN_HEADERS`, nothing to quote in its query.

    Raises:
        ConfigurationError: A part holds characters it must not hold. The message names the part,
            never its value.
    """
    url = request.url
    if (  # the usual case, at a glance: a read, with nothing unusual anywhere
        request.method in _PLAIN_METHODS
        and request.headers == PLAIN_HEADERS
        and request.credentials.is_plain
        # What `_NOT_IN_URL` lets pass, in a third of the time.
        and url.isascii()
        and url.isprintable()
        and " " not in url
        and "#" not in url
        and is_unreserved(request.query)
    ):
        return True
    fault = _fault(request)
    # Raised here: the frames that looked at the values are gone.
    if fault:
        raise ConfigurationError(f"{fault}; nothing was sent")
    return False


def _fault(request: HttpRequest) -> str | None:
    if not _is_token(request.method):
        return "the method is not an HTTP verb"
    if _NOT_IN_URL.search(request.url):
        return "the URL holds a character that must be percent-encoded, or a fragment"
    return _query_fault(request) or _header_fault(request)


def _query_fault(request: HttpRequest) -> str | None:
    if _NOT_IN_URL.search(request.credentials.encoded_query):
        return "an encoded query holds a character that must be percent-encoded"
    for name, value in request.query + request.credentials.query:
        if not _is_parameter_name(name):
            return "the name of a query parameter holds a control character"
        if not value.isascii() and _NOT_IN_QUERY_VALUE.search(value):
            return "a query parameter is not valid Unicode"
    return None


def _header_fault(request: HttpRequest) -> str | None:
    for name, value in (*request.headers.items(), *request.credentials.headers):
        if not _is_token(name):
            return "the name of a header holds a character that is not allowed there"
        if _NOT_IN_HEADER_VALUE.search(value):
            return f"the header {name} holds a control character"
    return None


# Verbs and names are few and no secrets, so they are looked at once.


@lru_cache(maxsize=256)
def _is_token(name: str) -> bool:
    return _TOKEN.fullmatch(name) is not None


@lru_cache(maxsize=256)
def _is_parameter_name(name: str) -> bool:
    return _NOT_IN_NAME.search(name) is None


def check_limits(**limits: int) -> None:
    """Check numbers that bound something.

    Raises:
        ConfigurationError: One is no whole number of at least 1.
    """
    for name, limit in limits.items():
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise ConfigurationError(f"{name} must be a whole number, at least 1")
