"""Ways to a sandbox that tell how far the server has got with a request."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from eguma_async.core.clock import Clock
from eguma_async.core.transport import Transport
from eguma_async.pipeline.limiting import Limits
from eguma_async.sandbox import Delivery, Sandbox, SandboxRequest, SandboxResponse
from tests.cancellation.driver import Events


class Watched:
    """A sandbox in memory that tells when a request has come and when it is carried out."""

    def __init__(self, sandbox: Sandbox, events: Events) -> None:
        self.clock: Clock = sandbox.clock
        self._sandbox = sandbox
        self._events = events

    async def handle(self, request: SandboxRequest, *, patience: float = math.inf) -> Delivery:
        with self._events.request():
            await self._events.happened("body read")
            delivery = await self._sandbox.handle(request, patience=patience)
            await self._events.happened("committed")
            return delivery


class ByteServer:
    """Serves a sandbox over HTTP/1.1, event by event.

    Attributes:
        url: Where it is.
        sandbox: Who answers.
        events: What is told of.
        open: How many connections there are.

    Args:
        network: Makes the transport of the sessions that go there; their own if not given.
    """

    def __init__(self, network: Callable[..., Transport] | None = None) -> None:
        self._network = network
        self.url = ""
        self.sandbox: Sandbox | None = None
        self.events = Events()
        self.open = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def transport(self, limits: Limits) -> Transport | None:
        """Return the transport of a session; None for its own."""
        return None if self._network is None else self._network(connections=limits.concurrency)

    async def all_gone(self) -> None:
        """Wait until every connection has ended, and what came on it was carried out."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ByteServer]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await self.all_gone()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            going_on = True
            while going_on:
                head = await reader.readuntil(b"\r\n\r\n")
                with self.events.request():
                    going_on = await self._answer(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away
        finally:
            self.open -= 1
            writer.close()

    async def _answer(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer a request; tell whether the connection goes on."""
        await self.events.happened("head read")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        await self.events.happened("body read")
        assert self.sandbox is not None
        request = SandboxRequest.of_target(method, target, headers, body, self.url)
        delivery = await self.sandbox.handle(request)
        await self.events.happened("committed")
        if not isinstance(delivery, SandboxResponse):
            return False
        data = _written(delivery)
        middle = len(data) - len(delivery.body) // 2
        writer.write(data[:middle])
        await writer.drain()
        for _ in range(3):
            await asyncio.sleep(0)  # the client has read that now
        await self.events.happened("half answer sent")
        writer.write(data[middle:])
        await writer.drain()
        return True


def _written(response: SandboxResponse) -> bytes:
    lines = [f"HTTP/1.1 {response.status} Any", f"Content-Length: {len(response.body)}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body
