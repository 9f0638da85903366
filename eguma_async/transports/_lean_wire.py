"""One connection: a request goes out, its response comes in, and then it waits for the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any

from eguma_async.core.delivery import PIECE
from eguma_async.core.errors import OutcomeUnknownError
from eguma_async.core.messages import HttpRequest

from . import _words
from ._body import too_large
from ._deadline import NEVER, Deadlines
from ._lean_headers import MOST_HEADERS, UNFRAMED
from ._lean_reading import Reading, unusable
from ._socket import look_at
from ._tls import has_said_goodbye
from ._words import RequestFailedError

LONGEST_HEAD = 64 * 1024
"""Bytes that may come one after the other without any of a body."""
MOST_AHEAD = 256 * 1024
"""Bytes that are read before a sink asks for them."""


class Wire(Reading, asyncio.BufferedProtocol):
    """The protocol of one connection.

    It is its response and its deadline itself: objects of their own would take a tenth of a call.

    Args:
        engine: The package with the parser.
        deadlines: Rings when the server is silent, or the connection idle, for too long.
        wires: Holds all connections of the transport that are open.

    Attributes:
        transport: asyncio's end of it.
        deadline: When it rings.
        has_asked: True once anything of the request may have left.
        is_over: True once it was ended, or has ended: nothing would ring for a request on it.
        has_unread_bytes: Tells, while it rests, whether it may not be used again.
        failure: What went wrong, if something did.
    """

    def __init__(self, engine: ModuleType, deadlines: Deadlines, wires: set[Wire]) -> None:
        super().__init__(engine)
        self._deadlines = deadlines
        self._wires = wires
        self._loop = asyncio.get_running_loop()
        self.transport: Any = None
        self.deadline = NEVER
        # asyncio would ask for fresh memory at every read. One for all connections would be
        # overwritten where the system itself writes into it, as on Windows.
        self._bytes = bytearray(PIECE)
        self._buffer = memoryview(self._bytes)
        self.has_unread_bytes: Callable[[], object] = look_at(None)
        self._is_used = False
        self._has_ended = self.has_asked = self.is_over = False
        self._waiter: asyncio.Future[None] | None = None
        self._idle: dict[Wire, None] = {}
        self.failure: RequestFailedError | None = None

    # One request

    def ask(
        self, data: bytes, request: HttpRequest, now: float, ends: float, limit: int
    ) -> asyncio.Future[None]:
        """Send a request, and return what ends with its response.

        Args:
            data: The request as bytes.
            request: The request.
            now: The time on the loop's clock.
            ends: When its time is up.
            limit: The largest body to accept.

        Returns:
            It ends with the response, the head of one for a sink, or a failure.
        """
        self._begin(flows=request.sink is not None, is_head=request.method == "HEAD", limit=limit)
        self._ends = ends
        self._read = read = request.timeouts.read
        self._unsent = 0
        self._is_paused = False
        self.failure = None
        self._waiter = waiter = self._loop.create_future()
        self._deadlines.set_at(self, min(ends, now + read))
        self.has_asked = True
        self.transport.write(data)
        return waiter

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
        # A server that answered before the request was out did not care for the rest.
        if not self.keeps or self._idle_seconds <= 0 or self.transport.get_write_buffer_size():
            return False
        if not self._is_used:
            self._is_used, self.has_unread_bytes = True, look_at(self.transport)
        if self._is_head:
            self._full_parser = self._parser_for(self)  # the other expects a body
        if self._is_paused:
            self.transport.resume_reading()
        self.has_asked = False
        self._idle = idle
        idle[self] = None
        self._deadlines.set_at(self, self._loop.time() + self._idle_seconds)
        return True

    def end(self) -> None:
        """End the connection. A request under way fails."""
        self.deadline, self.is_over = NEVER, True
        self._idle.pop(self, None)
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
        if not (self._has_head or self._head_size):
            self._choose_parser(self._bytes, nbytes)
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except (self._engine.HttpParserError, self._engine.HttpParserUpgrade):
            self.keeps = False
            # The parser stops at a new protocol, and reads on behind the response to a HEAD.
            if self._is_waiting or not (self._is_head or self.status == 101):
                self.fail(_words.NOT_HTTP)
                return
        if self._is_waiting or self.unpack is not None or self._fault is not None:
            self._go_on(nbytes)
        elif self._size > self._limit and not self.flows:
            self._fail(unusable(too_large(self._limit)))
        else:
            self._wake()

    def eof_received(self) -> bool:
        """Note how the server ended the connection, which closes itself then."""
        self._has_ended = has_said_goodbye(self.transport)
        self._idle.pop(self, None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.keeps, self.deadline, self.is_over = False, NEVER, True
        self._wires.discard(self)
        self._deadlines.discard(self)
        self._idle.pop(self, None)
        if self._is_waiting:
            if not self._has_head:
                self.fail(_words.BROKE_EARLY)
            elif self._length != UNFRAMED or exc is not None or not self._has_ended:
                self.fail(_words.CUT)
            else:
                self._is_waiting = False
                self._go_on(0)
        self._parser = self._full_parser = self._usual_parser = None  # they hold each other

    def _go_on(self, nbytes: int) -> None:
        """Judge what came so far, and wait for the rest of the response if there is one."""
        if len(self._pieces) > self._merged:
            self._head_size = 1
        else:  # a head, or what has no end where nobody looks: the trailers behind a body
            self._head_size += nbytes
        if self._fault is None and not self.flows:
            self._fault = self._fault_of_body()
        if self._fault is not None:
            self._fail(self._fault)
        elif not self._is_waiting:
            self._wake()
        elif self._head_size > LONGEST_HEAD or len(self._pairs) > MOST_HEADERS:
            self.fail(_words.NOT_HTTP)
        elif self._has_head:
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
