"""Proxies: checked when given, used or refused but never left out, and their password hidden."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import pickle
import traceback
from typing import Any

import pytest

from eguma_async.core.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from eguma_async.core.messages import HttpRequest

PASSWORD = "pr0xy-password"

REFUSED = {
    "": "it begins otherwise",
    "http://": "the host or the port is missing",
    "http://:3128": "the host or the port is missing",
    "http://proxy.example.com": "the host or the port is missing",
    "http://proxy.example.com:0": "the host or the port is missing",
    "http://proxy.example.com:": "the host or the port is missing",
    "http://proxy.example.com:99999": "port is out of range",
    "http://proxy.example.com:http": "port is out of range",
    "http://proxy.example.com:-1": "port is out of range",
    "http://[::1": "it is no URL",
    "127.0.0.1:3128": "it begins otherwise",
    "localhost:3128": "it begins otherwise",
    "proxy.example.com:3128": "it begins otherwise",
    "//proxy.example.com:3128": "it begins otherwise",
    "socks5://127.0.0.1:1080": "such as SOCKS",
    "socks5h://127.0.0.1:1080": "such as SOCKS",
    "ftp://127.0.0.1:21": "it begins otherwise",
    "http://proxy..example.com:3128": "each part of the host's name",
    "http://.example.com:3128": "each part of the host's name",
    f"http://{'a' * 64}.example.com:3128": "each part of the host's name",
    f"http://{'a.' * 130}com:3128": "longer than 253",
    "http://pro%78y:3128": "each part of the host's name",
    "http://prxöy:3128": "percent-encoded",
    "http://proxy:3128/ ": "percent-encoded",
    "http://proxy:3128\r\nX-Evil: 1": "percent-encoded",
    "http://proxy:3128/path": "a path or a query",
    "http://proxy:3128?x=1": "a path or a query",
    "http://proxy:3128#x": "a path or a query",
    f"http://:{PASSWORD}@proxy:3128": "the user name",
    f"http://a%3Ab:{PASSWORD}@proxy:3128": "the user name",
    f"http://us%FFer:{PASSWORD}@proxy:3128": "must be Latin-1",
    "http://user:%E2%82%AC@proxy:3128": "must be Latin-1",
    b"http://proxy:3128": "it must be text, not bytes",
    3128: "it must be text, not int",
    ("http", "proxy"): "it must be text, not tuple",
}


@pytest.mark.parametrize(("proxy", "hint"), REFUSED.items(), ids=repr)
def test_what_cannot_work_is_refused_at_once(make, proxy, hint):
    with pytest.raises(ConfigurationError, match=hint) as caught:
        make(proxy=proxy)
    error = caught.value
    assert str(error).startswith("proxy must be http://host:port or https://host:port: ")
    assert error.__traceback__ is not None
    frames = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__.tb_next), capture_locals=True
    )
    assert frames
    shown = f"{error!r} {vars(error)} {[frame.locals for frame in frames]}"
    assert PASSWORD not in shown
    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://proxy.example.com:3128",
        "HTTP://127.0.0.1:1/",
        "https://proxy.example.com.:65535",
        "http://[::1]:3128",
        "http://under_score:80",
        f"http://user:{PASSWORD}@proxy.example.com:3128",
        "http://us%40er@proxy.example.com:3128",
        "http://us%C3%A9r:p%3Aw@proxy.example.com:3128",
    ],
)
def test_what_can_work_is_taken(make, proxy):
    make(proxy=proxy)


def test_the_password_is_nowhere_to_be_read(make):
    transport = make(proxy=f"http://user:{PASSWORD}@proxy.example.com:3128")
    assert PASSWORD not in f"{transport!r} {vars(transport)!r}"
    with pytest.raises(TypeError, match="a proxy is not pickled"):
        pickle.dumps(transport._proxy)


class Proxy:
    """A proxy that tunnels, or does to the connection what it is told."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.instead: bytes | None = None
        self.before = b""
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self, tls: Any = None) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(
            asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError
        ):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            if self.instead is not None:
                writer.write(self.instead)
            else:
                await self._tunnel(head.split(b" ")[1].decode(), reader, writer)
        writer.close()
        self._tasks.discard(task)

    async def _tunnel(self, target: str, reader: Any, writer: Any) -> None:
        host, _, port = target.removeprefix("http://").partition("/")[0].partition(":")
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        if self.heads[-1].startswith(b"CONNECT"):
            writer.write(self.before)
            await writer.drain()
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            inner_writer.write(self.heads[-1])

        async def pump(source: Any, target: Any) -> None:
            try:
                while data := await source.read(65536):
                    target.write(data)
            except ConnectionError:
                pass
            finally:
                target.close()

        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    def url(self, scheme: str = "http", login: str = f"user:{PASSWORD}@") -> str:
        return f"{scheme}://{login}127.0.0.1:{self.port}"

    async def stop(self) -> None:
        self._server.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def proxies():
    started = []

    async def start(tls: Any = None) -> Proxy:
        started.append(await Proxy().start(tls))
        return started[-1]

    yield start
    for proxy in started:
        await proxy.stop()


@pytest.mark.parametrize("login", ["", f"us%40er:{PASSWORD}@"])
@pytest.mark.parametrize("way", ["http http", "http https", "https http", "https https"])
async def test_requests_go_through_the_proxy(make, serve, proxies, certificate, *, way, login):
    outer, inner = way.split()
    server = await serve(tls=certificate[0] if inner == "https" else None)
    proxy = await proxies(certificate[0] if outer == "https" else None)
    async with make(proxy=proxy.url(outer, login), ssl=certificate[1]) as transport:
        for _ in range(2):
            response = await transport.send(HttpRequest(method="GET", url=server.url))
            assert (response.status, response.body) == (200, b"{}")
    assert len(server.requests) == 2
    line = proxy.heads[0].split(b"\r\n")[0].decode()
    target = f"CONNECT 127.0.0.1:{server.port}" if inner == "https" else f"GET {server.url}"
    assert line == f"{target} HTTP/1.1"
    expected = base64.b64encode(f"us@er:{PASSWORD}".encode()) if login else None
    sent = [h for h in proxy.heads[0].split(b"\r\n") if h.startswith(b"Proxy-Authorization")]
    assert sent == ([b"Proxy-Authorization: Basic " + expected] if expected else [])
    if inner == "https":
        assert len(proxy.heads) == 1  # the tunnel is kept
        assert b"roxy-" not in server.requests[0][0]


async def test_a_proxy_may_say_first_that_it_is_at_work(make, serve, proxies, certificate):
    server = await serve(tls=certificate[0])
    proxy = await proxies()
    proxy.before = b"HTTP/1.1 100 Continue\r\n\r\n" + b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\n"
    async with make(proxy=proxy.url(), ssl=certificate[1]) as transport:
        response = await transport.send(HttpRequest(method="GET", url=server.url))
    assert (response.status, len(proxy.heads)) == (200, 1)


BAD_TUNNELS = {
    "is at work for ever": b"HTTP/1.1 102 Processing\r\n\r\n" * 10_000,
    "drops the connection": b"",
    "refuses": b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    "says no": b"HTTP/1.1 503 No\r\n\r\n",
    "speaks something else": b"\x05\xff",
    "goes on in plain text": b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 400 Bad\r\n\r\n",
}


@pytest.mark.parametrize("instead", BAD_TUNNELS.values(), ids=BAD_TUNNELS)
async def test_a_proxy_that_gives_no_tunnel_sends_nothing(make, proxies, caplog, instead):
    caplog.set_level(logging.DEBUG)
    proxy = await proxies()
    proxy.instead = instead
    async with make(proxy=proxy.url()) as transport:
        with pytest.raises(NotSentError) as caught:
            await transport.send(HttpRequest(method="POST", url="https://api.invalid/", body=b"{}"))
    error = caught.value
    shown = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    assert PASSWORD not in "".join(shown) + caplog.text


async def test_a_proxy_that_breaks_off_a_plain_request_leaves_it_in_doubt(make, proxies):
    proxy = await proxies()
    proxy.instead = b""
    async with make(proxy=f"http://127.0.0.1:{proxy.port}") as transport:
        with pytest.raises(OutcomeUnknownError):
            await transport.send(HttpRequest(method="POST", url="http://127.0.0.1:9/", body=b"{}"))
    assert len(proxy.heads) == 1


async def test_a_proxy_that_is_not_there_is_no_reason_to_go_without(make, serve, unused_port):
    server = await serve()
    async with make(proxy=f"http://127.0.0.1:{unused_port}") as transport:
        with pytest.raises(NotSentError, match="the proxy could not be reached"):
            await transport.send(HttpRequest(method="GET", url=server.url))
    assert server.connections == 0
