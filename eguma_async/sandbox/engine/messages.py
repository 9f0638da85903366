"""HTTP messages as a sandbox sees them, and the ways a response can fail to arrive."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, NoReturn, Self, TypeAlias
from urllib.parse import parse_qsl, unquote

import attrs

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"

MAX_BODY_BYTES = 16 * 1024 * 1024
"""Size of the largest request body that a sandbox takes."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Without such an escape, valid UTF-8 cannot become a surrogate.
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


@attrs.frozen
class SandboxRequest:
    """One request that reached a sandbox. Only method and path are shown in its ``repr``.

    Attributes:
        method: HTTP verb in capitals.
        path: Path as sent, still percent-encoded, without the query.
        query: Decoded pairs in the order they were sent.
        headers: Lower-case names.
        body: Bytes as sent.
        target: Path and query as sent, byte for byte; empty if that is not known.
        origin: Scheme, host and port it was sent to, such as ``http://127.0.0.1:8080``; empty if
            that is not known.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    target: str = attrs.field(default="", repr=False)
    origin: str = attrs.field(default="", repr=False)

    @classmethod
    def of_target(
        cls, method: str, target: str, headers: Mapping[str, str], body: bytes, origin: str
    ) -> Self:
        """Make a request of its target. Bytes of it that are no UTF-8 become surrogates."""
        path, _, query = target.partition("?")
        pairs = (
            tuple(parse_qsl(query, keep_blank_values=True, errors="surrogateescape"))
            if query
            else ()
        )
        return cls(method, path, pairs, headers, body, target, origin)

    def parameter(self, name: str) -> str | None:
        """Return the first value of a query parameter, or None."""
        return next((value for key, value in self.query if key == name), None)

    def is_unicode(self) -> bool:
        """Tell whether all of its texts are Unicode; bodies are checked where they are parsed."""
        path = self.path
        texts = [unquote(path, errors="surrogateescape") if "%" in path else path, self.method]
        for pairs in (self.query, self.headers.items()):
            for name, value in pairs:
                texts += (name, value)
        joined = "".join(texts)
        return joined.isascii() or is_unicode(joined)


@attrs.frozen
class SandboxResponse:
    """One complete response.

    Attributes:
        status: HTTP status.
        headers: Names as they are sent; the length is left to whoever sends the response.
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
    """The connection broke before any byte of the response was sent.

    Attributes:
        processed: Whether the server did the work all the same.
    """

    processed: bool


@attrs.frozen
class CutResponse:
    """The response broke off: all of its headers, but only the first bytes of its body.

    Attributes:
        response: The whole response; its full length is announced.
        sent: How many bytes of the body go out before the connection breaks.
    """

    response: SandboxResponse
    sent: int


@attrs.frozen
class TimedOut:
    """The caller gave up before the response came; the server goes on.

    Attributes:
        seconds: How long the caller waited.
    """

    seconds: float


Delivery: TypeAlias = SandboxResponse | Dropped | CutResponse | TimedOut
"""What became of a response on its way to the caller."""


# Earlier names of the same things, which stay importable.
Outcome = Delivery
"""Another name of `Delivery`."""
WireRequest = SandboxRequest
WireResponse = SandboxResponse


def is_header_name(text: str) -> bool:
    """Tell whether a text can stand as the name of a header."""
    return _HEADER_NAME.fullmatch(text) is not None


def is_header_value(text: str) -> bool:
    """Tell whether a text can stand as the value of a header."""
    return _HEADER_VALUE.fullmatch(text) is not None


def is_unicode(text: str) -> bool:
    """Tell whether a text can be encoded: half a surrogate pair cannot."""
    return _SURROGATE.search(text) is None


def printable(text: str) -> str:
    """Return a text with a replacement character for each half of a surrogate pair."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def parse_json(body: bytes) -> Any:
    """Parse a JSON text (RFC 8259) that can be written again as it was read.

    Raises:
        ValueError: It is no JSON in UTF-8, nests too deeply, or holds a number beyond a double or
            half a surrogate pair.
    """
    try:
        value = json.loads(body.decode(), parse_constant=_refuse, parse_float=_finite)
        if _SURROGATE_ESCAPE.search(body) and not is_unicode(json.dumps(value, ensure_ascii=False)):
            _refuse("surrogate")
    except RecursionError:
        raise ValueError("the JSON nests too deeply") from None
    return value


def _finite(digits: str) -> float:
    number = float(digits)
    return number if abs(number) < float("inf") else _refuse(digits)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} cannot stand in a JSON text")


def encode_json(value: object) -> bytes:
    """Encode a value as compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@lru_cache(maxsize=64)
def http_date(moment: datetime) -> str:
    """Write a moment as HTTP does (RFC 9110, section 5.6.7)."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def json_response(
    status: int, value: object, headers: Mapping[str, str] | None = None
) -> SandboxResponse:
    """Return a response with a JSON body."""
    return SandboxResponse(
        status, {"content-type": JSON_TYPE, **(headers or {})}, encode_json(value)
    )


def text_response(status: int, text: str, content_type: str = TEXT_TYPE) -> SandboxResponse:
    """Return a response whose body is a text."""
    return SandboxResponse(status, {"content-type": content_type}, text.encode())
