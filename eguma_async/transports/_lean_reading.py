"""A response, as the parser llhttp finds it in the bytes that come."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from eguma_async.core.errors import OutcomeUnknownError

from . import _words
from ._body import BodyError, Collector, Decoder, decoder, too_large
from ._lean_headers import (
    CHUNKED,
    IDLE_SECONDS,
    LENGTHS,
    LONGEST_HEADER,
    UNFRAMED,
    Pairs,
    RawHeaders,
    idle_seconds,
    is_chunked,
    is_sound,
    new_parser,
    usual_length,
)
from ._words import RequestFailedError

_NO_BODY = frozenset({204, 304})


def load_engine() -> ModuleType | None:
    """Return the package with the parser; None if it is not installed."""
    try:
        import httptools  # noqa: PLC0415  # the extra `fast`
    except ImportError:
        return None
    return httptools


class Reading:
    """Reads one response after the other from a connection.

    The callbacks of the parser raise nothing: what they find is judged once the bytes are read.

    Args:
        engine: The package with the parser.

    Attributes:
        status: Of the response.
        flows: Whether its body goes to a sink.
        keeps: Whether another request may go out behind it.
        unpack: Undoes its Content-Encoding, if it has one; to be applied to what flows.
    """

    def __init__(self, engine: ModuleType) -> None:
        self._engine = engine
        self._full_parser = self._parser_for(self)
        self._usual_parser = self._parser_for(_Usual(self))
        self._parser = self._full_parser
        self._usual_head: bytes | None = None
        self._is_waiting = False
        self._fault: RequestFailedError | None = None
        self.unpack: Decoder | None = None

    def _parser_for(self, protocol: object) -> Any:
        return new_parser(self._engine, protocol)

    def _choose_parser(self, data: bytearray, size: int) -> None:
        """Choose the parser for a response, by its first bytes."""
        end = data.find(b"\r\n\r\n", 0, size)
        if 0 < end <= LONGEST_HEADER and not self._is_head:
            head = bytes(data[: end + 2])
            length = usual_length(head)
            if length >= 0:
                self._usual_head, self._length = head, length
                self._parser = self._usual_parser
                return
        self._parser = self._full_parser

    def _begin(self, *, flows: bool, is_head: bool, limit: int) -> None:
        self.flows = flows
        self._is_head = is_head
        self._limit = limit
        self._pairs: Pairs = []
        self._usual_head = None
        self._pieces: list[bytes] = []
        self._size = self._merged = self._head_size = 0
        self._has_head = self.keeps = False
        self._idle_seconds = IDLE_SECONDS
        self._fault = self.unpack = None
        self._is_waiting = True

    def body(self) -> bytes:
        """Return the body that was read."""
        pieces = self._pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def headers(self) -> RawHeaders:
        """Return the headers of the response."""
        return RawHeaders(self._pairs, self._usual_head, self._engine)

    # What the parser tells

    def on_message_begin(self) -> None:
        """Begin, or see that bytes follow the response."""
        if not self._is_waiting:
            self.keeps = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; one behind the body is of no interest."""
        if not self._has_head:
            self._pairs.append((name, value))

    def on_headers_complete(self) -> None:
        """Look at the head."""
        if self._has_head:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:  # another one follows
            if not is_sound(self._pairs):
                self._find(RequestFailedError(OutcomeUnknownError, _words.NOT_HTTP))
            self._pairs, self._head_size = [], 1
            return
        self.status, self._has_head = status, True
        if self.flows and not 200 <= status < 300:
            self.flows = False
        if self._usual_head is None:
            self._read_headers()
        length = self._length
        if length > self._limit and not self._is_head and not self.flows:
            self._find(unusable(too_large(self._limit)))
        if self._is_head or (status in _NO_BODY and length != UNFRAMED):
            # Whatever its headers say of a body, there is none. The parser expects one; after a
            # HEAD it gets a successor.
            self._complete()
            self.keeps = self.keeps and (self._is_head or length == 0)

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        if self._is_waiting:
            self._pieces.append(data)
            self._size += len(data)
        else:
            self.keeps = False

    def on_message_complete(self) -> None:
        """See that the response is whole."""
        if self._has_head and self._is_waiting:
            self._complete()

    def _complete(self) -> None:
        self._is_waiting = False
        self.keeps = self._parser.should_keep_alive()

    # The head

    def _read_headers(self) -> None:
        """Note what the headers say of the body, and of the connection."""
        length = UNFRAMED
        encoding: bytes | None = None
        for name, value in self._pairs:
            if len(name) in LENGTHS:
                known = name.lower()
                if known == b"content-length":
                    length = int(value)  # the parser has seen digits
                elif known == b"transfer-encoding":
                    length = CHUNKED if is_chunked(value) else UNFRAMED
                elif known == b"content-encoding":
                    encoding = value if encoding is None else encoding + b", " + value
                elif known == b"keep-alive":
                    self._idle_seconds = idle_seconds(value)
        self._length = length
        if not is_sound(self._pairs):
            self._find(RequestFailedError(OutcomeUnknownError, _words.NOT_HTTP))
        elif encoding is not None:
            self._choose_decoder(encoding.decode("latin-1"))

    def _choose_decoder(self, encoding: str) -> None:
        try:
            self.unpack = decoder(encoding)
            self._collected = Collector(self._limit)
        except BodyError as error:
            self._find(unusable(error))

    def _find(self, fault: RequestFailedError) -> None:
        if self._fault is None:
            self._fault = fault

    # The body

    def _fault_of_body(self) -> RequestFailedError | None:
        """Unpack what came; return what is wrong with it."""
        if self.unpack is None:
            return unusable(too_large(self._limit)) if self._size > self._limit else None
        try:
            self._collect(self.unpack)
        except BodyError as error:
            return unusable(error)
        return None

    def _collect(self, unpack: Decoder) -> None:
        pieces, self._pieces, self._merged = self._pieces, [], 0
        for data in pieces:
            for piece in unpack.feed(data):
                self._collected.add(piece)
        if not self._is_waiting:
            unpack.finish()
            self._pieces = [self._collected.body()]

    def _merge(self) -> None:
        """Make one piece of those of one read: chunks may be of a byte each."""
        pieces, merged = self._pieces, self._merged
        if len(pieces) - merged > 1:
            pieces[merged:] = [b"".join(pieces[merged:])]
        self._merged = len(pieces)


class _Usual:
    """The callbacks of the parser for usual heads: it tells of no header."""

    def __init__(self, reading: Reading) -> None:
        self.on_message_begin = reading.on_message_begin
        self.on_headers_complete = reading.on_headers_complete
        self.on_body = reading.on_body
        self.on_message_complete = reading.on_message_complete


def unusable(error: BodyError) -> RequestFailedError:
    """Return what to say of a body that is wrong."""
    return RequestFailedError(OutcomeUnknownError, _words.UNUSABLE, f": {error}")
