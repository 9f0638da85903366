"""A server's words, made fit to be printed."""

from __future__ import annotations

import re

from .messages import HttpResponse

LONGEST = 500
"""Characters kept of a server's words."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")


def plain_text(response: HttpResponse) -> str:
    """Return the beginning of a response that is text; nothing of a web page."""
    if "html" in response.headers.get("content-type", ""):
        return ""
    return response.body[: 4 * LONGEST].decode("utf-8", "replace")


def printable(words: str) -> str:
    """Return words without control characters, not too long."""
    return _CONTROL.sub(" ", words)[:LONGEST].strip()
