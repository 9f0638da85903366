"""A TCP server on loopback that does, byte by byte, what a script tells it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable

MAX_REQUESTS = 1000


class Wire:
    """The server's end of one connection. Steps follow events of the protocol, never time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.released = asyncio.Event()

    async def read_head(self) -> bytes:
        return await self._reader.readuntil(b"\r\n\r\n")

    async def read_body(self, head: bytes) -> bytes:
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return await self._reader.readexactly(int(line.split(b":")[1]))
        return b""

    async def send(self, *data: bytes) -> None:
        for piece in data:
            self._writer.write(piece)
            await self._writer.drain()

    async def reply(self, body: bytes = b"{}", status: int = 200, *headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(body)}", *headers]
        await self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def reset(self) -> None:
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def finish(self) -> None:
        self._writer.close()

    async def until_closed(self) -> bytes:
        """Stall until the client goes away."""
        return await self._reader.read()


Script = Callable[["ByteServer", Wire], Awaitable[None]]


class ByteServer:
    """Runs its script on every connection.

    Attributes:
        connections: How many were accepted; `open` of them are still there.
        requests: The head and the body of every request read by `request`.
        reached: Set by a script at the point a test waits for.
        release: Waited for by a script that is to stall.
    """

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.connections = 0
        self.open = 0
        self.requests: list[tuple[bytes, bytes]] = []
        self.reached = asyncio.Event()
        self.release = asyncio.Event()
        self.all_gone = asyncio.Event()
        self._script = script
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> ByteServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1/thing.json"
        return self

    async def stop(self) -> None:
        self.release.set()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def request(self, wire: Wire) -> bytes:
        """Read a whole request and return its first line."""
        head = await wire.read_head()
        self.requests.append((head, await wire.read_body(head)))
        return head.split(b"\r\n")[0]

    def count(self, verb: str) -> int:
        return sum(head.startswith(verb.encode() + b" ") for head, _ in self.requests)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        self.all_gone.clear()
        try:
            await self._script(self, Wire(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client went away, which is what some tests are about, or the test ended
        finally:
            self.open -= 1
            if not self.open:
                self.all_gone.set()
            writer.close()
            self._tasks.discard(task)


async def keep_answering(server: ByteServer, wire: Wire) -> None:
    """Answer every request on the connection with ``{}``."""
    for _ in range(MAX_REQUESTS):
        await server.request(wire)
        await wire.reply()
