"""Raw HTTP messages as a sandbox sees them, and the ways an answer can fail to arrive."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]+")


@attrs.frozen
class SandboxRequest:
    """One request that reached the sandbox. Only method and path are shown in its ``repr``.

    Attributes:
        method: HTTP verb in capitals.
        path: Path as sent, still percent-encoded, without the query.
        query: Decoded pairs in the order they were sent.
        headers: Lower-case names.
        body: Bytes as sent.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)

    def parameter(self, name: str) -> str | None:
        """Return the first value of a query parameter, or None."""
        return next((value for key, value in self.query if key == name), None)


@attrs.frozen
class SandboxResponse:
    """One complete answer.

    Attributes:
        status: HTTP status.
        headers: Names as they go on the wire; the length is left to whoever sends the answer.
        body: Bytes to send.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = attrs.field(default=b"", repr=False)

    def json(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.body)


@attrs.frozen
class Dropped:
    """The connection broke before any byte of the answer was sent.

    Attributes:
        processed: Whether the server did the work all the same.
    """

    processed: bool


@attrs.frozen
class CutResponse:
    """The answer broke off: all of its headers, but only the first bytes of its body.

    Attributes:
        response: The whole answer; its full length is announced.
        sent: How many bytes of the body go out before the connection breaks.
    """

    response: SandboxResponse
    sent: int


Delivery: TypeAlias = SandboxResponse | Dropped | CutResponse


def is_header_name(text: str) -> bool:
    """Tell whether a text can stand as the name of a header."""
    return _HEADER_NAME.fullmatch(text) is not None


def is_header_value(text: str) -> bool:
    """Tell whether a text can stand as the value of a header."""
    return _HEADER_VALUE.fullmatch(text) is not None


def encode_json(value: object) -> bytes:
    """Encode a value as compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_response(
    status: int, value: object, headers: Mapping[str, str] | None = None
) -> SandboxResponse:
    """Return an answer with a JSON body."""
    return SandboxResponse(
        status, {"content-type": JSON_TYPE, **(headers or {})}, encode_json(value)
    )


def text_response(status: int, text: str, content_type: str = TEXT_TYPE) -> SandboxResponse:
    """Return an answer whose body is a text."""
    return SandboxResponse(status, {"content-type": content_type}, text.encode())
