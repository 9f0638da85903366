"""The far end of a transport under test: it notes what arrives, and does what it is told."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias
from urllib.parse import urlsplit

import attrs

from eguma_async.core.errors import OutcomeUnknownError
from eguma_async.core.messages import HttpRequest, HttpResponse, wire_headers, wire_url


class Trouble(enum.Enum):
    """What a peer does instead of answering."""

    DROP = "drop"
    """Take the request, and break the connection."""
    STALL = "stall"
    """Take the request, and never answer."""


@attrs.frozen
class Raw:
    """Bytes to answer with, whatever they are.

    Attributes:
        data: Sent as they are.
        closes: Whether the connection ends behind them.
    """

    data: bytes
    closes: bool = True


Reply: TypeAlias = HttpResponse | Trouble | Raw
"""What a peer does with a request."""


@attrs.frozen
class Arrival:
    """One request as it arrived, credentials included: only the method is in its ``repr``.

    Attributes:
        method: HTTP verb.
        target: Path and query, byte for byte.
        headers: Lower-case names.
        body: Bytes as sent.
    """

    method: str
    target: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


class Peer:
    """A peer within the process: `handle` is what a transport in memory asks.

    Attributes:
        url: Where requests for it go.
        reply: What it does with every request from now on.
        arrivals: The requests that came.
        reached: Set when one came.
    """

    def __init__(self) -> None:
        self.url: str = "http://127.0.0.1:9/v1/thing.json"
        self.reply: Reply = HttpResponse(status=200, body=b"{}")
        self.arrivals: list[Arrival] = []
        self.reached: asyncio.Event = asyncio.Event()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Be there."""
        yield

    async def handle(self, request: HttpRequest, /) -> HttpResponse:
        """Take a request and do as told."""
        self._note(_arrival_of(request))
        if self.reply is Trouble.STALL:
            await asyncio.Event().wait()
        if not isinstance(self.reply, HttpResponse):
            raise OutcomeUnknownError("the peer broke off")
        return self.reply

    def _note(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)
        self.reached.set()


class LoopbackPeer(Peer):
    """A peer behind a real socket on 127.0.0.1, for transports that go over the network.

    Attributes:
        connections: How many connections were made to it so far.
        all_gone: Set while none is there.
        wrote: Set when a reply was handed to the network whole.
    """

    def __init__(self) -> None:
        super().__init__()
        self.connections: int = 0
        self.all_gone: asyncio.Event = asyncio.Event()
        self.wrote: asyncio.Event = asyncio.Event()
        self._writers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen on a free port; `url` names it."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url: str = f"http://127.0.0.1:{port}/v1/thing.json"
        try:
            yield
        finally:
            server.close()
            connections = dict(self._writers)
            for task in connections:
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)
            ends = (writer.wait_closed() for writer in connections.values())
            await asyncio.gather(*ends, return_exceptions=True)

    async def say(self, data: bytes) -> None:
        """Send bytes nobody asked for, on every connection."""
        for writer in self._writers.values():
            writer.write(data)
            await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:  # pragma: no cover - a coroutine runs in a task
            return
        self.connections += 1
        self._writers[task] = writer
        self.all_gone.clear()
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            del self._writers[task]
            writer.close()
            if not self._writers:
                self.all_gone.set()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request and do as told; tell whether the connection goes on."""
        arrival = await _read_request(reader)
        self._note(arrival)
        reply = self.reply
        if reply is Trouble.STALL:
            await reader.read()  # until the client goes away
        if isinstance(reply, Trouble):
            return False
        if isinstance(reply, Raw):
            writer.write(reply.data)
        else:
            writer.write(_written(reply, with_body=arrival.method != "HEAD"))
        await writer.drain()
        self.wrote.set()
        return not (isinstance(reply, Raw) and reply.closes)


def _arrival_of(request: HttpRequest) -> Arrival:
    url = urlsplit(wire_url(request))
    target = url.path + (f"?{url.query}" if url.query else "")
    headers = {name.lower(): value for name, value in wire_headers(request).items()}
    return Arrival(request.method, target, headers, request.body or b"")


async def _read_request(reader: asyncio.StreamReader) -> Arrival:
    start = await reader.readexactly(1)
    if start == b"\x16":
        raise ConnectionError("a TLS handshake; this peer has no certificate")
    head = start + await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    while headers.get("transfer-encoding") == "chunked":
        size = int((await reader.readuntil(b"\r\n")).strip(), 16)
        body += (await reader.readexactly(size + 2))[:-2]
        if not size:
            break
    return Arrival(method, target, headers, body)


def _written(reply: HttpResponse, *, with_body: bool) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} Any", f"Content-Length: {len(reply.body)}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head + reply.body if with_body else head
