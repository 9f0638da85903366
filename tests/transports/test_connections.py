"""Kept connections: bytes nobody asked for must not become the response to the next request."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import subprocess
import sys
from contextlib import suppress
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from hypothesis import given, settings
from hypothesis import strategies as st

from eguma_async.core.errors import NotSentError, OutcomeUnknownError
from eguma_async.core.messages import HttpRequest, Timeouts
from eguma_async.transports._connection import GuardedConnector, GuardedHandler
from eguma_async.transports._deadline import NEVER, Deadlines
from eguma_async.transports._socket import look_at
from eguma_async.transports.aiohttp import AiohttpTransport
from eguma_async.transports.lean import LeanTransport


def framed(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
STALE = framed(b"stale")


class Script:
    """A server, in this thread and without a loop: what it sends waits in the client's socket.

    So a test says exactly when the client's event loop gets to read it.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections: list[socket.socket] = []

    def close(self) -> None:
        for sock in (self._listener, *self.connections):
            sock.close()

    async def take(self) -> socket.socket:
        """Wait for the next request, on whatever connection, and return the connection."""
        self._listener.settimeout(0)
        while True:
            try:
                self.connections.append(self._listener.accept()[0])
                self.connections[-1].settimeout(0)
            except BlockingIOError:
                pass
            for sock in self.connections:
                try:
                    if sock.fileno() >= 0 and sock.recv(65536):
                        return sock
                except (BlockingIOError, ConnectionError):
                    pass
            await asyncio.sleep(0)


@pytest.fixture
def script():
    script = Script()
    yield script
    script.close()


@pytest.fixture
async def transport(make):
    async with make() as transport:
        yield transport


def request(script: Script, method: str = "GET", **changes: Any) -> HttpRequest:
    return HttpRequest(method=method, url=f"http://127.0.0.1:{script.port}/", **changes)


async def exchange(transport, script, reply: bytes, method: str = "GET") -> bytes:
    """Send a request, answer it, and return what the transport makes of that."""
    task = asyncio.create_task(transport.send(request(script, method)))
    (await script.take()).sendall(reply)
    return (await task).body


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("read", [True, False], ids=["read", "not read yet"])
@pytest.mark.parametrize("stale", [STALE, STALE[:20], b"H", b"\r\n", b"hello", b"\0"], ids=repr)
async def test_bytes_on_an_idle_connection_end_it(transport, script, stale, read):
    assert await exchange(transport, script, framed(b"first")) == b"first"
    script.connections[0].sendall(stale)
    if read:
        await turns()
    assert await exchange(transport, script, framed(b"second"), "POST") == b"second"
    assert len(script.connections) == 2


@pytest.mark.parametrize(
    "first", [framed(b"first"), CHUNKED, EMPTY], ids=["length", "chunks", "none"]
)
@pytest.mark.parametrize("size", range(1, len(STALE) + 1))
async def test_bytes_behind_a_response_end_the_connection(transport, script, first, size):
    await exchange(transport, script, first + STALE[:size])
    assert await exchange(transport, script, framed(b"second"), "POST") == b"second"
    assert len(script.connections) == 2


@pytest.mark.parametrize("kind", [AiohttpTransport, LeanTransport])
@given(st.binary(min_size=1, max_size=40).filter(lambda data: data.strip(b"\r\n")))
@settings(max_examples=60, deadline=None)
def test_any_bytes_behind_a_response_end_the_connection(kind, data):
    async def both() -> None:
        script = Script()
        try:
            async with kind() as transport:
                with suppress(OutcomeUnknownError):  # not HTTP: closed at once
                    await exchange(transport, script, framed(b"first") + data)
                assert await exchange(transport, script, framed(b"second")) == b"second"
            assert len(script.connections) == 2
        finally:
            script.close()

    asyncio.run(both())


@pytest.mark.parametrize(
    "first", [framed(b"first"), CHUNKED, EMPTY], ids=["length", "chunks", "none"]
)
async def test_a_clean_connection_is_kept(transport, script, first):
    for _ in range(5):
        await exchange(transport, script, first)
        await turns()
    assert len(script.connections) == 1


@pytest.mark.parametrize("read", [True, False], ids=["read", "not read yet"])
async def test_an_ended_connection_is_replaced(transport, script, read):
    """Also one whose end the event loop had no time to read: else the outcome were unknown."""
    await exchange(transport, script, framed(b"first"))
    script.connections[0].close()
    if read:
        await turns()
    assert await exchange(transport, script, framed(b"second"), "POST") == b"second"


async def test_every_stale_connection_of_the_pool_is_passed_over(transport, script):
    tasks = [asyncio.create_task(transport.send(request(script))) for _ in range(3)]
    for _ in tasks:
        (await script.take()).sendall(framed(b"first"))
    await asyncio.gather(*tasks)
    assert len(script.connections) == 3
    for sock in script.connections:
        sock.sendall(STALE)
    assert await exchange(transport, script, framed(b"second")) == b"second"
    assert len(script.connections) == 4


async def test_a_late_second_response_after_a_timeout_reaches_nobody(transport, script):
    task = asyncio.create_task(transport.send(request(script, timeouts=Timeouts(read=0.05))))
    sock = await script.take()
    with pytest.raises(Exception, match="silent"):
        await task
    with suppress(ConnectionError):
        sock.sendall(STALE)
    assert await exchange(transport, script, framed(b"second")) == b"second"


class Wire(asyncio.Transport):
    """As much of a transport as a protocol asks for."""

    def __init__(self, extra: dict[str, Any] | None = None) -> None:
        super().__init__(extra)
        self.closed = False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def test_a_server_that_speaks_first_is_not_listened_to():
    handler, wire = GuardedHandler(Deadlines(), asyncio.get_running_loop()), Wire()
    handler.connection_made(wire)
    handler.data_received(STALE)
    assert wire.closed
    assert not handler.is_connected()
    handler.connection_lost(None)


async def test_a_connection_that_cannot_be_looked_at_is_not_kept():
    handler, wire = GuardedHandler(Deadlines(), asyncio.get_running_loop()), Wire()
    handler.connection_made(wire)
    assert handler.has_unread_bytes is None  # fresh
    handler.rest()
    assert handler.has_unread_bytes is not None
    assert handler.has_unread_bytes()  # for all that can be told
    assert handler.should_close  # no parser that would tell
    handler.connection_lost(None)


@pytest.mark.parametrize("make_poll", [None, getattr(select, "poll", None)])
def test_a_look_at_a_socket_sees_bytes_and_ends(make_poll):
    mine, theirs = socket.socketpair()
    with mine, theirs:
        wire = Wire({"socket": mine})
        has_bytes = look_at(wire, make_poll)
        assert not has_bytes()
        theirs.send(b"H")
        assert has_bytes()
        mine.recv(1)
        assert not has_bytes()
        theirs.close()
        assert has_bytes()
    assert look_at(wire, make_poll)()  # closed: it cannot be told


async def test_connections_with_tls_are_kept_and_guarded(make, serve, certificate):
    async def script(server, wire):
        for turn in range(4):
            await server.request(wire)
            await wire.reply(b"one")
            if server.connections == 1 and turn == 2:
                await wire.send(STALE)

    server = await serve(script, tls=certificate[0])
    async with make(ssl=certificate[1]) as transport:
        asked = HttpRequest(method="POST", url=server.url, body=b"{}")
        for connections in (1, 1, 1, 2, 2):
            assert (await transport.send(asked)).body == b"one"
            assert server.connections == connections
            await turns(5)


# Should aiohttp change inside: nothing is kept that cannot be guarded.


async def test_an_unguarded_connection_is_used_once(serve):
    server = await serve()
    transport: Any = AiohttpTransport()
    asked = HttpRequest(method="GET", url=server.url)
    await transport.send(asked)
    connector = transport._session.connector
    assert isinstance(connector, GuardedConnector)
    await connector.close()
    transport._session = None
    session = transport._usable_session()
    session.connector._factory = partial(ResponseHandler, asyncio.get_running_loop())
    for _ in range(3):
        await transport.send(asked)
    assert (len(server.requests), server.connections) == (4, 4)
    await transport.aclose()


def test_with_a_parser_that_hides_half_heads_nothing_is_kept():
    program = """
import asyncio
from eguma_async import AiohttpTransport, HttpRequest

async def serve(reader, writer):
    global connections
    connections += 1
    try:
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with AiohttpTransport() as transport:
        for _ in range(3):
            await transport.send(HttpRequest(method="GET", url=url))
    server.close()

connections = 0
asyncio.run(main())
print(connections)
"""
    for extensions, connections in (("", b"1"), ("1", b"3")):
        environment = {**os.environ, "AIOHTTP_NO_EXTENSIONS": extensions}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=True
        )
        assert done.stdout.split() == [connections]


# Silence is timed by the transport's one timer.


async def test_a_request_sets_no_timer_of_its_own(transport, serve):
    server = await serve()
    loop: Any = asyncio.get_running_loop()
    await transport.send(HttpRequest(method="GET", url=server.url))
    before = len(loop._scheduled)
    for _ in range(30):
        await transport.send(HttpRequest(method="GET", url=server.url))
    assert len(loop._scheduled) <= before + 1


async def test_silence_between_two_pieces_is_one_too(transport, serve):
    async def script(server, wire):
        await server.request(wire)
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await wire.until_closed()

    server = await serve(script)
    asked = HttpRequest(method="GET", url=server.url, timeouts=Timeouts(read=0.05))
    with pytest.raises(Exception, match=r"127\.0\.0\.1 was silent for 0\.05 s"):
        await transport.send(asked)


async def test_a_slow_sink_is_not_the_silence_of_the_server(transport, serve):
    class Slow:
        size = 0

        async def write(self, chunk: bytes, /) -> None:
            if not self.size:
                await asyncio.sleep(0.15)
            self.size += len(chunk)

        def restart(self) -> None:
            pass

    async def script(server, wire):
        await server.request(wire)
        await wire.reply(bytes(2_000_000))

    server, sink = await serve(script), Slow()
    asked = HttpRequest(method="GET", url=server.url, sink=sink, timeouts=Timeouts(read=0.05))
    assert (await transport.send(asked)).status == 200
    assert sink.size == 2_000_000


async def test_idle_connections_wait_for_no_response(transport, serve):
    server = await serve()
    before = asyncio.get_running_loop().time()
    await transport.send(HttpRequest(method="GET", url=server.url))
    (alarm,) = transport._deadlines._alarms
    if isinstance(transport, AiohttpTransport):
        assert alarm.deadline == NEVER  # its pool has a timer of its own
    else:
        assert 15 <= alarm.deadline - before < 16  # when it is closed


async def test_ended_connections_are_forgotten(transport, script):
    for _ in range(3):
        await exchange(transport, script, framed(b"body"))
        script.connections[-1].close()
        await turns()
    assert transport._deadlines._alarms == set()


# A session of the caller's: what can be seen there is.


async def test_a_whole_stale_response_is_refused_on_a_callers_session(script):
    async with aiohttp.ClientSession() as session:
        transport = AiohttpTransport(session)
        assert await exchange(transport, script, framed(b"first")) == b"first"
        script.connections[0].sendall(STALE)
        await turns()
        with pytest.raises(NotSentError, match="bytes nobody asked for"):
            await transport.send(request(script, "POST"))
        assert await exchange(transport, script, framed(b"second"), "POST") == b"second"
        assert len(script.connections) == 2


async def test_a_callers_session_keeps_clean_connections(script):
    async with aiohttp.ClientSession() as session:
        transport = AiohttpTransport(session)
        for _ in range(3):
            await exchange(transport, script, framed(b"first"))
        assert len(script.connections) == 1
