"""The headers of a response as they came, and what they say of its body.

To take a dozen headers from the parser one by one costs as much as all else it does, and hardly
anybody looks at them. So a usual head is looked at as one text, and whoever wants its headers gives
it to a parser again. Only the length of the body is read here, and where the body ends the parser
alone decides: a head that was misread gives an error, and never a body cut short.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ._headers import LazyHeaders, joined

Pairs = list[tuple[bytes, bytes]]

MOST_HEADERS = 128
LONGEST_HEADER = 8190
IDLE_SECONDS = 15.0
"""How long a connection waits for its next request, if the server names no shorter time."""
_MOST_DIGITS = 16
UNFRAMED, CHUNKED = -1, -2
"""The lengths of bodies that end with the connection, and with a last chunk."""
LENGTHS = frozenset(
    map(len, ("content-length", "transfer-encoding", "content-encoding", "keep-alive"))
)
"""Names of other lengths are not looked at: a server sends a dozen."""


class RawHeaders(LazyHeaders):
    """Headers by lower-case name, decoded when somebody looks.

    Args:
        pairs: Names and values as they came.
        head: The head they are still in, if there are no pairs.
        engine: The package with the parser.
    """

    __slots__ = ("_engine", "_head", "_pairs")

    def __init__(self, pairs: Pairs, head: bytes | None, engine: ModuleType) -> None:
        self._pairs = pairs
        self._head = head
        self._engine = engine
        self._joined = None

    def _all(self) -> dict[str, str]:
        if self._joined is None:
            pairs = self._pairs if self._head is None else _pairs_of(self._head, self._engine)
            self._joined = joined(map(_decoded, pairs))
        return self._joined


def usual_length(head: bytes) -> int:
    """Return the length of the body behind a usual head; `UNFRAMED` for any other head.

    Args:
        head: A status line and headers.
    """
    text = head.lower()
    at = text.find(b"\ncontent-length: ")
    if at < 0 or not text.startswith(b"http/1.") or text[9:10] == b"1":  # another one follows
        return UNFRAMED
    lines = text.count(b"\n")
    # A line may end without "\r": an empty one of that kind ends the head, and this is the body.
    if lines > MOST_HEADERS or lines != text.count(b"\r\n") or b"\0" in text:
        return UNFRAMED
    if b"-encoding:" in text or b"\nkeep-alive:" in text:
        return UNFRAMED
    value = text[at + 17 : text.find(b"\r", at)]
    return int(value) if value.isdigit() and len(value) < _MOST_DIGITS else UNFRAMED


def _decoded(pair: tuple[bytes, bytes]) -> tuple[str, str]:
    name, value = pair
    # The parser strips blanks before a value, and not those behind it.
    text = value.rstrip(b" \t").decode("utf-8", "surrogateescape")
    return name.decode("utf-8", "surrogateescape"), text


def is_sound(headers: Pairs) -> bool:
    """Tell whether there is neither a header that no server means, nor too many of them."""
    if len(headers) > MOST_HEADERS:
        return False
    # The parser, as lenient as it is here, lets NUL pass.
    return not any(max(len(n), len(v)) > LONGEST_HEADER or b"\0" in v for n, v in headers)


def idle_seconds(keep_alive: bytes) -> float:
    """Return how long a server keeps a connection, less a second for the way.

    Args:
        keep_alive: The value of the header (RFC 2068, section 19.7.1).
    """
    for part in keep_alive.lower().split(b","):
        name, _, value = part.partition(b"=")
        if name.strip() == b"timeout" and (digits := value.strip()[:9]).isdigit():
            return min(IDLE_SECONDS, max(0.0, float(digits) - 1))
    return IDLE_SECONDS


def is_chunked(transfer_encoding: bytes) -> bool:
    """Tell whether a body ends with a last chunk (RFC 9112, section 6.3)."""
    return transfer_encoding.lower().rpartition(b",")[2].strip() == b"chunked"


def _pairs_of(head: bytes, engine: ModuleType) -> Pairs:
    """Return the headers of a head that the parser has read once."""
    pairs = _Pairs()
    new_parser(engine, pairs).feed_data(head + b"\r\n")
    return pairs.found


class _Pairs:
    def __init__(self) -> None:
        self.found: Pairs = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.found.append((name, value))


def new_parser(engine: ModuleType, protocol: object) -> Any:
    """Return a parser that forgives a server what aiohttp forgives it, too."""
    parser = engine.HttpResponseParser(protocol)
    parser.set_dangerous_leniencies(
        lenient_headers=True,
        lenient_optional_cr_before_lf=True,
        lenient_spaces_after_chunk_size=True,
    )
    return parser
