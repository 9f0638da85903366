"""One connection, and the response that is being read from it by llhttp, the parser of Node.js."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any

from eguma_async.core.delivery import PIECE
from eguma_async.core.errors import OutcomeUnknownError
from eguma_async.core.messages import HttpRequest

from . import _words
from ._body import BodyError, Collector, Decoder, decoder, too_large
from ._deadline import NEVER, Deadlines
from ._lean_headers import MOST_HEADERS, UNFRAMED, Framing, Pairs
from ._socket import look_at
from ._words import RequestFailedError

LONGEST_HEAD = 64 * 1024
MOST_AHEAD = 256 * 1024
"""Bytes that are read before a sink asks for them."""
_NO_BODY = frozenset({204, 304})


def load_engine() -> ModuleType | None:
    """Return the package with the parser; None if it is not installed."""
    try:
        import httptools  # noqa: PLC0415  # the extra `fast`
    except ImportError:
        return None
    return httptools


class Wire(asyncio.BufferedProtocol):
    """The protocol of one connection.

    It carries its response and its deadline itself, instead of an object for each: at 1 KB they
    would take a tenth of a call. Callbacks of the parser raise nothing; what they find is judged
    once the bytes are read.

    Args:
        engine: The package with the parser.
        deadlines: Rings when the server is silent, or the connection idle, for too long.
        wires: Holds all connections of the transport that are open.

    Attributes:
        deadline: When it rings.
        keeps: Whether another request may go out here after the response.
        status: Of the response.
        headers: Of the response, as they came.
        flows: Whether its body goes to a sink. It waits for `more` to take it, piece by piece.
        unpack: Undoes its Content-Encoding, if it has one; to be applied to what flows.
        failure: What went wrong, if something did.
    """

    __slots__ = (
        "_buffer", "_collected", "_deadlines", "_ends", "_engine", "_fault", "_framing",
        "_has_ended", "_has_head", "_has_unread_bytes", "_head_size", "_idle", "_is_head",
        "_is_lost", "_is_paused", "_is_waiting", "_limit", "_loop", "_merged", "_parser",
        "_pieces", "_read", "_size", "_unsent", "_waiter", "_wires", "deadline", "failure",
        "flows", "headers", "keeps", "status", "transport", "unpack",
    )  # fmt: skip

    def __init__(self, engine: ModuleType, deadlines: Deadlines, wires: set[Wire]) -> None:
        self._engine = engine
        self._deadlines = deadlines
        self._wires = wires
        self._loop = asyncio.get_running_loop()
        self.transport: Any = None
        self.deadline = NEVER
        # asyncio would ask for fresh memory at every read. One for all connections would be
        # overwritten where the system itself writes into it, as on Windows.
        self._buffer = memoryview(bytearray(PIECE))
        self._parser = self._new_parser()
        self._has_unread_bytes: Callable[[], bool] | None = None
        self._is_lost = self._is_waiting = self._has_ended = False
        self._waiter: asyncio.Future[None] | None = None
        self._idle: dict[Wire, None] = {}
        self.failure: RequestFailedError | None = None
        self._fault: RequestFailedError | None = None
        self.unpack: Decoder | None = None

    def _new_parser(self) -> Any:
        parser = self._engine.HttpResponseParser(self)
        # What aiohttp forgives a server, too.
        parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        return parser

    # One request

    def ask(
        self, data: bytes, request: HttpRequest, ends: float, limit: int
    ) -> asyncio.Future[None]:
        """Send a request, and return what ends with its response.

        Args:
            data: The request as bytes.
            request: The request.
            ends: When its time is up, on the loop's clock.
            limit: The largest body to accept.

        Returns:
            It ends with the response, the head of one for a sink, or a failure.
        """
        self._ends = ends
        self._read = read = request.timeouts.read
        self._limit = limit
        self.flows = request.sink is not None
        self._is_head = request.method == "HEAD"
        self.headers: Pairs = []
        self._pieces: list[bytes] = []
        self._size = self._merged = self._head_size = self._unsent = 0
        self._has_head = self.keeps = self._is_paused = False
        self.failure = self._fault = self.unpack = None
        self._is_waiting = True
        self._waiter = waiter = self._loop.create_future()
        due = self._loop.time() + read
        self._deadlines.set_at(self, min(ends, due))
        self.transport.write(data)
        return waiter

    def body(self) -> bytes:
        """Return the body that was read."""
        pieces = self._pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def more(self) -> list[bytes]:
        """Return what came of a body that flows; nothing at its end.

        Raises:
            RequestFailedError: The rest does not come.
        """
        while not self._pieces and self._is_waiting and self.failure is None:
            self._waiter = self._loop.create_future()
            if self._is_paused:
                self._is_paused = False
                self.transport.resume_reading()
            self._deadlines.set_at(self, min(self._ends, self._loop.time() + self._read))
            await self._waiter
        self.deadline = NEVER  # the sink takes its time
        self._merge()
        pieces, self._pieces, self._size, self._merged = self._pieces, [], 0, 0
        if not pieces and self.failure is not None:
            raise self.failure
        return pieces

    def fail(self, words: str) -> None:
        """Give the response up, and the connection."""
        self._fail(RequestFailedError(OutcomeUnknownError, words))

    def _fail(self, failure: RequestFailedError) -> None:
        if self.failure is None:
            self.failure = failure
        self._is_waiting = self.keeps = False
        self.transport.abort()
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # Between two requests

    def rest(self, idle: dict[Wire, None]) -> bool:
        """Wait for the next request among those that do; tell whether that makes sense."""
        if not self.keeps or self._framing.idle_seconds <= 0:
            return False
        if self.transport.get_write_buffer_size():  # the server did not care for the rest
            return False
        if self._has_unread_bytes is None:
            self._has_unread_bytes = look_at(self.transport)
        if self._is_head:
            self._parser = self._new_parser()  # the other expects a body
        if self._is_paused:
            self.transport.resume_reading()
        self._idle = idle
        idle[self] = None
        self._deadlines.set_at(self, self._loop.time() + self._framing.idle_seconds)
        return True

    def is_fit(self) -> bool:
        """Tell whether a request may go out here: there must be nothing to read."""
        return not (
            self._is_lost
            or self.transport.is_closing()
            or self._loop.time() >= self.deadline
            or self._has_unread_bytes is None
            or self._has_unread_bytes()
        )

    def end(self) -> None:
        """End the connection. A request under way fails."""
        self.deadline = NEVER
        if self.transport is not None:
            # Not `close`: over TLS that waits for the server to say goodbye.
            self.transport.abort()

    def ring(self) -> None:
        """Act on the deadline."""
        if not self._is_waiting:
            self.end()
            return
        now, unsent = self._loop.time(), self.transport.get_write_buffer_size()
        if now >= self._ends:
            self.fail(_words.INCOMPLETE)
        elif unsent and unsent != self._unsent:  # the request is still on its way
            self._unsent = unsent
            self.deadline = min(self._ends, now + self._read)
        else:
            self.fail(_words.SILENT)

    # What asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport
        self._wires.add(self)
        self._deadlines.add(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where to put what comes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Read what came."""
        if not self._is_waiting:  # nobody has asked
            self.end()
            return
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except self._engine.HttpParserUpgrade:
            self.keeps = False
        except self._engine.HttpParserError:
            self.fail(_words.NOT_HTTP)
            return
        if self._is_waiting or self.unpack is not None or self._fault is not None:
            self._go_on(nbytes)
        elif self._size > self._limit and not self.flows:
            self._fail(_unusable(too_large(self._limit)))
        else:
            self._wake()

    def eof_received(self) -> bool:
        """Note that the server has said its last; the connection closes itself."""
        self._has_ended = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._is_lost, self.keeps, self.deadline = True, False, NEVER
        self._wires.discard(self)
        self._deadlines.discard(self)
        self._idle.pop(self, None)
        if self._is_waiting:
            if not self._has_head:
                self.fail(_words.BROKE_EARLY)
            elif self._framing.length != UNFRAMED or exc is not None or not self._has_ended:
                self.fail(_words.CUT)
            else:
                self._is_waiting = False
                self._go_on(0)
        self._parser = None  # they hold each other

    def _go_on(self, nbytes: int) -> None:
        """Judge what came so far, and wait for the rest of the response if there is one."""
        if self._fault is None and not self.flows:
            self._fault = self._fault_of_body()
        if self._fault is not None:
            self._fail(self._fault)
        elif not self._is_waiting:
            self._wake()
        elif not self._has_head:
            self._head_size += nbytes
            if self._head_size > LONGEST_HEAD or len(self.headers) > MOST_HEADERS:
                self.fail(_words.NOT_HTTP)
        else:
            self._merge()
            if self.flows:
                self._let_flow()
            if self.deadline < NEVER:
                self.deadline = min(self._ends, self._loop.time() + self._read)

    def _let_flow(self) -> None:
        if self._size > MOST_AHEAD and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
        self._wake()

    def _fault_of_body(self) -> RequestFailedError | None:
        """Unpack what came; return what is wrong with it."""
        if self.unpack is None:
            return _unusable(too_large(self._limit)) if self._size > self._limit else None
        try:
            self._collect(self.unpack)
        except BodyError as error:
            return _unusable(error)
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

    # What the parser tells

    def on_message_begin(self) -> None:
        """Begin, or see that bytes follow the response."""
        if not self._is_waiting:
            self.keeps = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; one behind the body is of no interest."""
        if not self._has_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Look at the head."""
        if self._has_head:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:  # another one follows
            self.headers, self._head_size = [], 0
            return
        self.status, self._has_head = status, True
        self.flows = self.flows and 200 <= status < 300
        self._framing = framing = Framing(self.headers)
        if not framing.is_sound:
            self._fault = RequestFailedError(OutcomeUnknownError, _words.NOT_HTTP)
        elif self._is_head:
            self._complete()
        elif status in _NO_BODY and framing.length != UNFRAMED:
            self._complete()
            self.keeps = self.keeps and framing.length == 0  # the parser expects more
        elif framing.length > self._limit and not self.flows:
            self._fault = _unusable(too_large(self._limit))
        if framing.encoding and self._fault is None:
            self._choose_decoder(framing.encoding)

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        if self._is_waiting:
            self._pieces.append(data)
            self._size += len(data)
        elif self._is_head:
            self._fault = RequestFailedError(OutcomeUnknownError, _words.NOT_HTTP)

    def on_message_complete(self) -> None:
        """See that the response is whole."""
        if self._has_head and self._is_waiting:
            self._complete()

    def _complete(self) -> None:
        self._is_waiting = False
        self.keeps = self._parser.should_keep_alive() and not self._is_lost

    def _choose_decoder(self, encoding: str) -> None:
        try:
            self.unpack = decoder(encoding)
            self._collected = Collector(self._limit)
        except BodyError as error:
            self._fault = _unusable(error)


def _unusable(error: BodyError) -> RequestFailedError:
    return RequestFailedError(OutcomeUnknownError, _words.UNUSABLE, f": {error}")
