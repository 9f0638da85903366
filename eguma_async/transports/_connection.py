"""Connections that are used again only if nothing came on them that nobody asked for.

HTTP/1.1 tells by order alone which request a response belongs to. So bytes that are left over
from one request, or that come while a connection is idle, would become the response to the next
request: a booking confirmed by bytes from before it was sent. RFC 9112, section 9.2, has the
client close such a connection; aiohttp 3.14 hands it out again.

What is seen: bytes behind a response (also half a head), bytes that come while the connection is
idle, and bytes that the event loop has not read yet when the connection is taken. What cannot be
seen from here is a response that arrives in between that look and the server's reading of the
request: nothing in HTTP/1.1 tells it from the right one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from aiohttp import ClientPayloadError, TCPConnector
from aiohttp.client_proto import ResponseHandler

from ._deadline import NEVER, Deadlines
from ._exchange import Exchange
from ._socket import look_at
from ._tls import has_said_goodbye

if TYPE_CHECKING:
    from aiohttp import ClientRequest
    from aiohttp.connector import Connection

_KNOWN_PARSER = "aiohttp._http_parser"
"""Home of the parser that shows half a head; the one in plain Python does not."""


class GuardedHandler(ResponseHandler):
    """The protocol of one connection.

    Between two requests it closes the connection at the first byte. While a response is waited
    for, silence is timed by the transport's one timer instead of two timers a request, which
    takes 4 % off a call.

    Attributes:
        has_unread_bytes: Tells whether a used connection has something to read; None of one that
            was not used yet.
    """

    def __init__(self, deadlines: Deadlines, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.deadline = NEVER
        self._deadlines = deadlines
        self._idle = True
        self._has_ended = False
        self.has_unread_bytes: Callable[[], object] | None = None

    # Bytes nobody asked for

    def set_response_params(self, **params: Any) -> None:
        """Begin to wait for a response: a request goes out now."""
        self._idle = False
        super().set_response_params(**params)

    def rest(self) -> None:
        """Note that the response is complete, or given up."""
        self._idle = True
        if self.has_unread_bytes is None:
            self.has_unread_bytes = look_at(self.transport)
        # First what aiohttp sees itself: a parser in the middle of a body must not be told of
        # an end.
        if not self.should_close and self._has_begun_another():
            self.force_close()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a response that is waited for; close the connection at any others."""
        if self._idle and data:
            self.close()
        else:
            super().data_received(data)

    def _has_begun_another(self) -> bool:
        parser = self._parser
        if parser is None or type(parser).__module__ != _KNOWN_PARSER:
            return True  # it cannot be told
        try:
            return parser.feed_eof() is not None
        except Exception:  # noqa: BLE001  # whatever it says, it is not that nothing was there
            return True

    # Silence

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._deadlines.add(self)
        super().connection_made(transport)

    def eof_received(self) -> None:
        """Note how the server ended the connection."""
        self._has_ended = has_said_goodbye(self.transport)
        super().eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        """End. That is the end of a body as well only if the server said so."""
        self._deadlines.discard(self)
        payload = self._payload
        if payload is not None and not payload.is_eof() and not self._has_ended:
            payload.set_exception(ClientPayloadError())
        super().connection_lost(exc)

    def ring(self) -> None:
        """Fail the request: the server was silent for too long."""
        self._on_read_timeout()

    # aiohttp calls these two. Should it call others one day, its own timers are back.

    def _reschedule_timeout(self) -> None:
        if self._read_timeout:
            self._deadlines.set(self, self._read_timeout)

    def _drop_timeout(self) -> None:
        self.deadline = NEVER


class GuardedConnector(TCPConnector):
    """A pool of guarded connections. One that cannot be guarded is used for a single request."""

    def __init__(self, deadlines: Deadlines, **options: Any) -> None:
        super().__init__(**options)
        # aiohttp has no public place for a protocol of one's own.
        make = partial(GuardedHandler, deadlines, asyncio.get_running_loop())
        self._factory = cast("partial[ResponseHandler]", make)
        self._deadlines = deadlines

    async def connect(self, req: ClientRequest, *args: Any, **options: Any) -> Connection:
        """Return a connection on which nothing waits to be read.

        Raises:
            ResendError: The same request had one before.
        """
        exchange = self._deadlines.watches.get(asyncio.current_task(self._loop))
        if isinstance(exchange, Exchange):
            exchange.begin(req)
        while True:
            connection = await super().connect(req, *args, **options)
            handler = connection.protocol
            if not isinstance(handler, GuardedHandler):
                if handler is not None:
                    handler.force_close()
                return connection
            if handler.has_unread_bytes is None or not handler.has_unread_bytes():
                connection.add_callback(handler.rest)
                return connection
            connection.close()
