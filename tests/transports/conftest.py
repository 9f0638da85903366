"""What the tests of transports share."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from eguma_async.transports.aiohttp import AiohttpTransport
from eguma_async.transports.lean import LeanTransport
from tests.support.byte_server import ByteServer, Script, keep_answering
from tests.support.certificates import Authority, has_openssl


@pytest.fixture(params=[AiohttpTransport, LeanTransport], ids=["aiohttp", "lean"])
def make(request):
    """Each transport that opens sockets."""
    return request.param


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[ByteServer]]]:
    """Start servers; without a script they answer ``{}``."""
    servers: list[ByteServer] = []

    async def start(
        script: Script = keep_answering, tls: ssl.SSLContext | None = None
    ) -> ByteServer:
        servers.append(await ByteServer(script, tls).start())
        return servers[-1]

    yield start
    for server in servers:
        await server.stop()


@pytest.fixture
def unused_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture(scope="session")
def certificate():
    """A server's context with a throw-away certificate for 127.0.0.1, and a client's that trusts it."""
    if not has_openssl():
        pytest.skip("needs the openssl command to make a certificate")
    with Authority() as authority:
        return authority.server_context("IP:127.0.0.1"), authority.client_context()
