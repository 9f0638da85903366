"""The headers of a response as they came, and what they say of its body."""

from __future__ import annotations

from ._headers import LazyHeaders, joined

Pairs = list[tuple[bytes, bytes]]

MOST_HEADERS = 128
LONGEST_HEADER = 8190
IDLE_SECONDS = 15.0
"""How long a connection waits for its next request, if the server names no shorter time."""
UNFRAMED, CHUNKED = -1, -2
"""The lengths of bodies that end with the connection, and with a last chunk."""
LENGTHS = frozenset(
    map(len, ("content-length", "transfer-encoding", "content-encoding", "keep-alive"))
)
"""Names of other lengths are not looked at: a server sends a dozen."""


class RawHeaders(LazyHeaders):
    """Headers by lower-case name, decoded when somebody looks."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self._joined = None

    def _all(self) -> dict[str, str]:
        if self._joined is None:
            self._joined = joined(map(_decoded, self._pairs))
        return self._joined


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
