"""What the tests of transports share."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.support.byte_server import ByteServer, Script, keep_answering


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
def certificate(tmp_path_factory):
    """A server's context with a throw-away certificate for 127.0.0.1, and a client's that trusts it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    name = "-subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        [openssl, "req", "-x509", *curve.split(), *name.split(), "-out", cert, "-keyout", key],
        check=True,
        capture_output=True,
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=cert)
