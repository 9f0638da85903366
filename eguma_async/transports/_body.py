"""Reads bodies that are complete and bounded, or says why they are not."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterable, Iterator
from typing import Protocol

from eguma_async.core.delivery import PIECE

ACCEPT_ENCODING = "gzip, deflate"
"""What `decoder` understands."""

_GZIP, _ZLIB, _RAW_DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class BodyError(Exception):
    """A response's body is cut, too large or wrongly packed. The text is safe to show."""


def too_large(limit: int) -> BodyError:
    """Return the error for a body above the limit."""
    return BodyError(f"the body is larger than {limit} bytes")


class Decoder(Protocol):
    """Undoes one content encoding, a chunk at a time."""

    def feed(self, data: bytes, /) -> Iterable[bytes]:
        """Take bytes from the wire and yield what they unpack to, in bounded pieces."""
        ...

    def finish(self) -> None:
        """Check that the body ended where it should."""
        ...


class Identity:
    """No encoding: what comes in goes out."""

    def feed(self, data: bytes, /) -> Iterable[bytes]:
        """Hand the bytes on."""
        return (data,)

    def finish(self) -> None:
        """Nothing to check: the HTTP framing tells whether bytes are missing."""


class Inflater:
    """Unpacks gzip or deflate, and insists on the end of the stream and its checksum.

    HTTP libraries take a cut gzip body for a whole one as long as the HTTP framing is intact.
    """

    def __init__(self, encoding: str) -> None:
        self._gzip = encoding == "gzip"
        self._engine: zlib._Decompress | None = None

    def feed(self, data: bytes, /) -> Iterator[bytes]:
        """Yield pieces of at most `PIECE` bytes."""
        try:
            while data:
                data = yield from self._feed_member(data)
        except zlib.error:
            raise BodyError("the body is not what its Content-Encoding says") from None

    def _feed_member(self, data: bytes) -> Generator[bytes, None, bytes]:
        if self._engine is None or self._engine.eof:
            self._engine = self._next_engine(data)
        engine, full = self._engine, True
        # A full piece may leave output inside the engine although all input is used up.
        while not engine.eof and (data or full):
            piece = engine.decompress(data, PIECE)
            data, full = engine.unconsumed_tail, len(piece) == PIECE
            if piece:
                yield piece
        return engine.unused_data

    def _next_engine(self, data: bytes) -> zlib._Decompress:
        if self._gzip:  # RFC 1952, section 2.2: members simply follow each other
            return zlib.decompressobj(_GZIP)
        if self._engine is not None:
            raise BodyError("the body goes on after its end")
        # Some servers send raw deflate for "deflate"; a zlib header has 8 in its low four bits.
        return zlib.decompressobj(_ZLIB if data[0] & 0x0F == 8 else _RAW_DEFLATE)

    def finish(self) -> None:
        """Refuse a stream without its end. No bytes at all are an empty body."""
        if self._engine is not None and not self._engine.eof:
            raise BodyError("the compressed body was cut")


def decoder(content_encoding: str) -> Decoder:
    """Return the decoder for a Content-Encoding header.

    Raises:
        BodyError: The encoding is unknown, or several are stacked.
    """
    encoding = content_encoding.strip().lower().removeprefix("x-")
    if encoding in {"", "identity"}:
        return Identity()
    if encoding in {"gzip", "deflate"}:
        return Inflater(encoding)
    raise BodyError("the body came in an encoding that was not asked for")


class Collector:
    """Gathers a body up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._pieces: list[bytes] = []

    def expect(self, size: int) -> None:
        """Refuse a body by its announced size, before it is read.

        Raises:
            BodyError: The body is larger than the limit.
        """
        if size > self._limit:
            raise too_large(self._limit)

    def add(self, piece: bytes) -> None:
        """Keep a piece.

        Raises:
            BodyError: The body is larger than the limit.
        """
        self._size += len(piece)
        self.expect(self._size)
        self._pieces.append(piece)

    def body(self) -> bytes:
        """Return the whole body."""
        return b"".join(self._pieces)
