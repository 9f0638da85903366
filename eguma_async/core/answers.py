"""What any provider reads of an answer that is no success."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from .messages import HttpResponse

MESSAGE_LENGTH = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")


def json_object(response: HttpResponse) -> dict[str, Any]:
    """Return the JSON object of an answer, or an empty one if it holds none. It never fails."""
    try:
        value = msgspec.json.decode(response.body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def plain_text(response: HttpResponse) -> str:
    """Return the beginning of an answer that is text; nothing of a web page."""
    if "html" in response.headers.get("content-type", ""):
        return ""
    return response.body[: 4 * MESSAGE_LENGTH].decode("utf-8", "replace")


def printable(words: str) -> str:
    """Return a server's words without control characters, not too long."""
    return _CONTROL.sub(" ", words)[:MESSAGE_LENGTH].strip()
