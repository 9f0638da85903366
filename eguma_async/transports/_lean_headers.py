"""The headers of a response as they came, and what they say of its body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from ._headers import LazyHeaders

Pairs = list[tuple[bytes, bytes]]

MOST_HEADERS = 128
LONGEST_HEADER = 8190
IDLE_SECONDS = 15.0
"""How long a connection waits for its next request, if the server names no shorter time."""
UNFRAMED, CHUNKED = -1, -2
"""The lengths of bodies that end with the connection, and with a last chunk."""


class RawHeaders(LazyHeaders):
    """Headers by lower-case name, decoded when somebody looks."""

    __slots__ = ()

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(cast("Any", _Decoded(pairs)))


class _Decoded:
    __slots__ = ("_pairs",)

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs

    def items(self) -> Iterator[tuple[str, str]]:
        for name, value in self._pairs:
            # llhttp strips blanks before a value, and not those behind it.
            text = value.rstrip(b" \t").decode("utf-8", "surrogateescape")
            yield name.decode("utf-8", "surrogateescape"), text


class Framing:
    """What headers say of a body, and of the connection.

    Attributes:
        length: Bytes of the body, or `UNFRAMED`, or `CHUNKED`.
        encoding: Its Content-Encoding, empty without one.
        idle_seconds: How long the connection may wait for its next request.
        is_sound: False if there are too many headers, or one that no server means.
    """

    __slots__ = ("encoding", "idle_seconds", "is_sound", "length")

    def __init__(self, headers: Pairs) -> None:
        self.length = UNFRAMED
        self.encoding = ""
        self.idle_seconds = IDLE_SECONDS
        self.is_sound = len(headers) <= MOST_HEADERS
        for name, value in headers:
            size = len(name)
            if size + len(value) > LONGEST_HEADER or b"\0" in value:
                self.is_sound = False
            if size in _LENGTHS:
                self._note(name.lower(), value)

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            self.length = int(value)  # the parser has seen digits
        elif name == b"transfer-encoding":
            # RFC 9112, section 6.3: without `chunked` at its end, it ends with the connection.
            is_chunked = value.lower().rpartition(b",")[2].strip() == b"chunked"
            self.length = CHUNKED if is_chunked else UNFRAMED
        elif name == b"content-encoding":
            text = value.decode("latin-1")
            self.encoding = f"{self.encoding}, {text}" if self.encoding else text
        elif name == b"keep-alive":
            self.idle_seconds = min(IDLE_SECONDS, _seconds(value))


# Names of other lengths are not looked at: a server sends a dozen.
_LENGTHS = frozenset(
    map(len, (b"content-length", b"transfer-encoding", b"content-encoding", b"keep-alive"))
)


def _seconds(keep_alive: bytes) -> float:
    """Return how long a server keeps a connection, with a second for the way."""
    for part in keep_alive.lower().split(b","):
        name, _, value = part.partition(b"=")
        if name.strip() == b"timeout" and (digits := value.strip()[:9]).isdigit():
            return max(0.0, float(digits) - 1)
    return IDLE_SECONDS
