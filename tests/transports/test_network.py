"""What only network transports have to hold: sockets, framing, packing, TLS, sessions of aiohttp."""

from __future__ import annotations

import asyncio
import gzip
import logging
import platform
import socket
import ssl
import traceback
import zlib
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from benchmarks._lib import taken_slots
from eguma_async._version import __version__
from eguma_async.core.errors import (
    ConfigurationError,
    NotSentError,
    OutcomeUnknownError,
    SessionStateError,
    TransportError,
)
from eguma_async.core.messages import Credentials, HttpRequest, Timeouts
from eguma_async.transports.aiohttp import AiohttpTransport
from eguma_async.transports.lean import LeanTransport

SECRET = "k3y-that-nobody-may-see"
CREDENTIALS = Credentials(
    query=(("apikey", SECRET),), headers=(("Authorization", f"Bearer {SECRET}"),)
)
VERBS = ["GET", "HEAD", "PUT", "DELETE", "POST"]
TEXT = b'{"text": "' + b"many words, " * 1000 + b'"}'
BEFORE_TRAILERS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"


def request(url: str, method: str = "GET", **changes: Any) -> HttpRequest:
    defaults: dict[str, Any] = {"credentials": CREDENTIALS, "operation": "DoThing"}
    return HttpRequest(method=method, url=url, **{**defaults, **changes})


@asynccontextmanager
async def transport_of(kind: str, **options: Any):
    """A transport on its own session, or on one of the caller's with aiohttp's own defaults."""
    if kind != "caller's":
        transport = LeanTransport(**options) if kind == "lean" else AiohttpTransport(**options)
        yield transport
        await transport.aclose()
    else:
        async with aiohttp.ClientSession() as session:
            yield AiohttpTransport(session, **options)


@pytest.fixture(params=["own", "caller's", "lean"])
async def transport(request):
    async with transport_of(request.param) as transport:
        yield transport


@pytest.fixture(params=["own", "caller's", "lean"])
async def small(request):
    async with transport_of(request.param, max_body_bytes=10_000) as transport:
        yield transport


def replying(body: bytes, *headers: str, status: int = 200):
    async def script(server, wire):
        for _ in range(100):
            await server.request(wire)
            await wire.reply(body, status, *headers)

    return script


LAST_CHUNK = b"0\r\n\r\n"


def chunked(*chunks: bytes, end: bytes = LAST_CHUNK, headers: str = ""):
    async def script(server, wire):
        for _ in range(100):
            await server.request(wire)
            head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{headers}\r\n"
            await wire.send(head.encode())
            for chunk in chunks:
                await wire.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            await wire.send(end)
            if end != LAST_CHUNK:
                return wire.finish()
        return None

    return script


class Sink:
    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    async def write(self, chunk: bytes, /) -> None:
        self.chunks.append(chunk)

    def restart(self) -> None:
        self.chunks.clear()


class TestWhatIsSent:
    async def test_credentials_and_query_are_quoted_and_merged(self, transport, serve):
        server = await serve()
        await transport.send(
            request(
                server.url,
                query=(("last name", "Müller & Co+/?#"), ("a", "1"), ("a", "2"), ("e", "")),
                credentials=Credentials(query=(("apikey", "s=1&b"),), headers=(("X-Key", "t"),)),
            )
        )
        head = server.requests[0][0]
        assert head.startswith(
            b"GET /v1/thing.json?last%20name=M%C3%BCller%20%26%20Co%2B%2F%3F%23"
            b"&a=1&a=2&e=&apikey=s%3D1%26b HTTP/1.1\r\n"
        )
        assert b"\r\nX-Key: t\r\n" in head

    async def test_a_quoted_path_and_a_query_in_the_url_stay_as_they_are(self, transport, serve):
        server = await serve()
        await transport.send(request(f"{server.url}/a%2Fb/%41?page=2%20"))
        line = server.requests[0][0].split(b"\r\n")[0]
        assert line == b"GET /v1/thing.json/a%2Fb/%41?page=2%20&apikey=" + SECRET.encode() + (
            b" HTTP/1.1"
        )

    async def test_the_body_goes_out_byte_for_byte(self, transport, serve):
        server = await serve()
        body = '{"größe":1}\r\n'.encode()
        await transport.send(request(server.url, "POST", body=body))
        assert server.requests[0][1] == body

    async def test_default_headers_are_there_once(self, transport, serve):
        server = await serve()
        await transport.send(request(server.url))
        head = server.requests[0][0]
        assert head.count(f"\r\nUser-Agent: eguma-async/{__version__} python/3.".encode()) == 1
        assert b"\r\nAccept-Encoding: gzip, deflate\r\n" in head
        assert b"ookie" not in head

    @pytest.mark.parametrize("kind", ["own", "caller's", "lean"])
    @pytest.mark.parametrize("plain", [True, False])
    async def test_a_program_says_who_it_is(self, kind, plain, serve):
        server = await serve()
        engine = "lean" if kind == "lean" else f"aiohttp/{aiohttp.__version__}"
        agent = f"eguma-async/{__version__} python/{platform.python_version()} {engine} shop/2.1"
        async with transport_of(kind, app_info="shop/2.1") as transport:
            headers = {"Accept": "application/json"} if plain else {"X-Other": "1"}
            await transport.send(request(server.url, headers=headers))
            if kind != "caller's":
                downloads = transport.public_only()
                assert downloads._app_info == "shop/2.1"
                await downloads.aclose()
        assert server.requests[0][0].count(f"\r\nUser-Agent: {agent}\r\n".encode()) == 1

    @pytest.mark.parametrize(
        "app_info", ["", "shop", "a b/1", "shop/1\r\nX: y", "shop/ö", "a/b/c", 5]
    )
    @pytest.mark.parametrize("kind", [AiohttpTransport, LeanTransport])
    def test_what_is_no_name_and_version_is_refused(self, kind, app_info):
        with pytest.raises(ConfigurationError, match="a name and a version such as"):
            kind(app_info=app_info)

    @pytest.mark.parametrize(
        ("headers", "accept"),
        [({}, b"*/*"), ({"Accept": "application/json"}, b"application/json")],
    )
    async def test_no_media_type_is_asked_for_but_the_requests_own(
        self, transport, serve, headers, accept
    ):
        server = await serve()
        await transport.send(request(server.url, headers=headers))
        head = server.requests[0][0]
        assert head.count(b"Accept:") == 1
        assert b"\r\nAccept: " + accept + b"\r\n" in head

    async def test_headers_of_the_request_win_in_any_spelling(self, transport, serve):
        server = await serve()
        await transport.send(
            request(server.url, headers={"user-agent": "mine", "ACCEPT-ENCODING": "identity"})
        )
        head = server.requests[0][0].lower()
        assert head.count(b"user-agent:") == head.count(b"accept-encoding:") == 1
        assert b"user-agent: mine" in head
        assert b"accept-encoding: identity" in head


class TestOneRequestOnTheWire:
    @pytest.mark.parametrize("verb", VERBS)
    @pytest.mark.parametrize("how", ["finish", "reset"])
    async def test_a_fresh_connection_dropped_after_the_request(self, transport, serve, verb, how):
        async def script(server, wire):
            await server.request(wire)
            getattr(wire, how)()

        server = await serve(script)
        with pytest.raises(OutcomeUnknownError, match=r"127\.0\.0\.1 broke"):
            await transport.send(request(server.url, verb))
        assert (server.count(verb), server.connections) == (1, 1)

    @pytest.mark.parametrize("verb", VERBS)
    async def test_a_kept_connection_dropped_after_the_request(self, transport, serve, verb):
        async def script(server, wire):
            await server.request(wire)
            await wire.reply(b"")
            await server.request(wire)
            wire.finish()

        server = await serve(script)
        await transport.send(request(server.url, "OPTIONS"))
        with pytest.raises(OutcomeUnknownError):
            await transport.send(request(server.url, verb))
        assert (server.count(verb), server.connections) == (1, 1)

    async def test_a_connection_dropped_before_the_request_is_read(self, transport, serve):
        async def script(server, wire):
            wire.reset()

        server = await serve(script)
        with pytest.raises(OutcomeUnknownError):
            await transport.send(request(server.url))
        assert server.connections == 1

    async def test_aiohttp_alone_would_send_twice(self, serve):
        """The reason for the middleware; should this fail, aiohttp has dropped the resend."""

        async def script(server, wire):
            await server.request(wire)
            wire.finish()

        server = await serve(script)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await session.get(server.url)
        assert server.count("GET") == 2

    async def test_an_idle_connection_closed_by_the_server_is_replaced(self, transport, serve):
        async def script(server, wire):
            await server.request(wire)
            await wire.reply()
            wire.finish()

        server = await serve(script)
        for expected in (1, 2, 3):
            await transport.send(request(server.url))
            await server.all_gone.wait()
            for _ in range(3):  # the loop reads the end of the connection
                await asyncio.sleep(0)
            assert len(server.requests) == expected
        assert server.connections == 3

    async def test_connections_are_kept(self, transport, serve):
        server = await serve()
        for _ in range(5):
            await transport.send(request(server.url))
        assert (len(server.requests), server.connections) == (5, 1)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_a_redirect_reaches_no_other_server(self, transport, serve, status):
        other = await serve()
        server = await serve(replying(b"", f"Location: {other.url}", status=status))
        response = await transport.send(request(server.url, "POST", body=b"{}"))
        assert (response.status, response.headers["location"]) == (status, other.url)
        assert other.connections == 0

    async def test_an_answer_nobody_asked_for_is_given_to_nobody(self, transport, serve):
        async def script(server, wire):
            await server.request(wire)
            good = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
            await wire.send(good + b"one" + good + b"two")
            await wire.until_closed()

        server = await serve(script)
        first = await transport.send(request(server.url))
        second = await transport.send(request(server.url))
        assert (first.body, second.body, server.connections) == (b"one", b"one", 2)


class TestBodies:
    @pytest.mark.parametrize(
        "script",
        [
            pytest.param(replying(TEXT), id="length"),
            pytest.param(chunked(TEXT[:7], TEXT[7:5000], TEXT[5000:]), id="chunked"),
            pytest.param(replying(gzip.compress(TEXT), "Content-Encoding: gzip"), id="gzip"),
            pytest.param(replying(gzip.compress(TEXT), "Content-Encoding: X-GZIP"), id="x-gzip"),
            pytest.param(
                replying(
                    gzip.compress(TEXT[:50]) + gzip.compress(TEXT[50:]), "Content-Encoding: gzip"
                ),
                id="gzip of two members",
            ),
            pytest.param(replying(zlib.compress(TEXT), "Content-Encoding: deflate"), id="deflate"),
            pytest.param(
                replying(zlib.compress(TEXT, wbits=-15), "Content-Encoding: deflate"),
                id="raw deflate",
            ),
            pytest.param(
                chunked(
                    *(gzip.compress(TEXT)[i : i + 1] for i in range(len(gzip.compress(TEXT)))),
                    headers="Content-Encoding: gzip\r\n",
                ),
                id="gzip byte by byte",
            ),
            pytest.param(replying(TEXT, "Content-Encoding: identity"), id="identity"),
        ],
    )
    async def test_a_whole_body_comes_through(self, transport, serve, script):
        server = await serve(script)
        assert (await transport.send(request(server.url))).body == TEXT
        sink = Sink()
        assert (await transport.send(request(server.url, sink=sink))).body == b""
        assert b"".join(sink.chunks) == TEXT

    @pytest.mark.parametrize(
        "script",
        [
            pytest.param(chunked(TEXT, end=b""), id="last chunk missing"),
            pytest.param(chunked(TEXT, end=b"ff\r\nabc"), id="chunk cut"),
            pytest.param(
                replying(gzip.compress(TEXT)[:-1], "Content-Encoding: gzip"), id="gzip cut"
            ),
            pytest.param(
                replying(gzip.compress(TEXT)[:-8], "Content-Encoding: gzip"), id="no trailer"
            ),
            pytest.param(
                replying(gzip.compress(TEXT)[:5], "Content-Encoding: gzip"), id="half a header"
            ),
            pytest.param(
                replying(gzip.compress(TEXT)[:-8] + bytes(8), "Content-Encoding: gzip"),
                id="wrong checksum",
            ),
            pytest.param(
                replying(gzip.compress(TEXT) + b"more", "Content-Encoding: gzip"),
                id="gzip with rubbish behind",
            ),
            pytest.param(
                replying(zlib.compress(TEXT) + b"more", "Content-Encoding: deflate"),
                id="deflate with rubbish behind",
            ),
            pytest.param(
                replying(zlib.compress(TEXT)[:-4], "Content-Encoding: deflate"), id="deflate cut"
            ),
            pytest.param(replying(TEXT, "Content-Encoding: gzip"), id="not gzip at all"),
            pytest.param(replying(TEXT, "Content-Encoding: br"), id="unknown encoding"),
            pytest.param(
                replying(gzip.compress(gzip.compress(TEXT)), "Content-Encoding: gzip, gzip"),
                id="stacked",
            ),
            pytest.param(
                replying(
                    gzip.compress(TEXT), "Content-Encoding: gzip", "Content-Encoding: identity"
                ),
                id="stacked in two headers",
            ),
        ],
    )
    async def test_a_cut_or_wrongly_packed_body_is_an_error(self, transport, serve, script):
        server = await serve(script)
        with pytest.raises(OutcomeUnknownError):
            await transport.send(request(server.url))
        with pytest.raises(OutcomeUnknownError):
            await transport.send(request(server.url, sink=Sink()))

    @pytest.mark.parametrize("how", ["finish", "reset"])
    async def test_half_an_answer_is_an_error(self, transport, serve, how):
        async def script(server, wire):
            await server.request(wire)
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            getattr(wire, how)()

        server = await serve(script)
        with pytest.raises(OutcomeUnknownError):
            await transport.send(request(server.url))
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            b"220 mail.example.com ESMTP\r\n",
            b"HTTP/1.1 abc OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
            BEFORE_TRAILERS + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
            pytest.param(
                BEFORE_TRAILERS + b"X: y\r\n" * 100_000 + b"\r\n",
                marks=pytest.mark.skipif(
                    tuple(map(int, aiohttp.__version__.split(".")[:2])) < (3, 14),
                    reason="an older aiohttp does not count the headers behind a body",
                ),
            ),
        ],
    )
    async def test_what_is_not_http_is_an_unknown_outcome(self, transport, serve, answer):
        async def script(server, wire):
            await server.request(wire)
            await wire.send(answer)
            wire.finish()

        server = await serve(script)
        with pytest.raises(OutcomeUnknownError) as caught:
            await transport.send(request(server.url))
        assert SECRET not in str(caught.value)

    @pytest.mark.parametrize(
        ("method", "status", "header"),
        [
            ("HEAD", 200, "Content-Encoding: gzip"),
            ("GET", 204, "Content-Encoding: gzip"),
            ("GET", 304, "X: y"),
            ("GET", 200, "X: y"),
        ],
    )
    async def test_no_body_is_an_empty_body(self, transport, serve, method, status, header):
        server = await serve(replying(b"", header, status=status))
        response = await transport.send(request(server.url, method))
        assert (response.status, response.body) == (status, b"")

    async def test_the_length_in_the_answer_to_head_is_not_held_against_it(self, small, serve):
        async def script(server, wire):
            await server.request(wire)
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            await wire.until_closed()

        server = await serve(script)
        response = await small.send(request(server.url, "HEAD"))
        assert (response.headers["content-length"], response.body) == ("1000000", b"")

    async def test_a_body_announced_too_large_is_not_read(self, small, serve):
        async def script(server, wire):
            await server.request(wire)
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n")
            await wire.until_closed()

        server = await serve(script)
        with pytest.raises(OutcomeUnknownError, match="larger than 10000 bytes"):
            await small.send(request(server.url))
        await server.all_gone.wait()

    async def test_an_endless_body_is_given_up(self, small, serve):
        async def script(server, wire):
            await server.request(wire)
            await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(1_000_000):
                await wire.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
            server.reached.set()

        server = await serve(script)
        with pytest.raises(OutcomeUnknownError, match="larger than 10000 bytes"):
            await small.send(request(server.url))
        await server.all_gone.wait()
        assert not server.reached.is_set()

    async def test_a_bomb_is_given_up(self, small, serve):
        bomb = gzip.compress(bytes(50 * 1024 * 1024))
        assert len(bomb) < 60_000
        server = await serve(chunked(bomb, headers="Content-Encoding: gzip\r\n"))
        with pytest.raises(OutcomeUnknownError, match="larger than 10000 bytes"):
            await small.send(request(server.url))

    async def test_a_bomb_flows_into_a_sink_in_small_pieces(self, small, serve):
        size = 50 * 1024 * 1024
        server = await serve(
            chunked(gzip.compress(bytes(size)), headers="Content-Encoding: gzip\r\n")
        )
        sink = Sink()
        await small.send(request(server.url, sink=sink))
        assert sum(map(len, sink.chunks)) == size
        assert max(map(len, sink.chunks)) == 64 * 1024

    async def test_a_sink_that_stops_lets_the_server_wait(self, transport, serve):
        """The sink's pace is the server's pace: what is not taken is not read."""

        async def script(server, wire):
            await server.request(wire)
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            for _ in range(100):
                await wire.send(bytes(1_000_000))
            server.reached.set()

        class Stopped(Sink):
            async def write(self, chunk: bytes, /) -> None:
                first.set()
                await asyncio.Event().wait()

        first = asyncio.Event()
        server = await serve(script)
        task = asyncio.create_task(transport.send(request(server.url, sink=Stopped())))
        await first.wait()
        for _ in range(200):
            await asyncio.sleep(0)
        assert not server.reached.is_set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_repeated_headers_are_joined(self, transport, serve):
        server = await serve(replying(b"", "X-A: 1", "x-a: 2", "X-B: 3"))
        headers = (await transport.send(request(server.url))).headers
        assert (headers["x-a"], headers["x-b"]) == ("1, 2", "3")

    @pytest.mark.parametrize("clean", [True, False])
    @pytest.mark.parametrize("sink", [True, False])
    async def test_a_body_up_to_the_end_of_tls_needs_a_goodbye(
        self, make, serve, certificate, clean, sink
    ):
        """Anybody between the two could cut it otherwise (RFC 9112, section 9.8)."""

        async def script(server, wire):
            await server.request(wire)
            await wire.send(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
            if not clean:
                # Its socket ends, and its TLS does not.
                wire._writer.transport.get_extra_info("socket").shutdown(socket.SHUT_WR)
            wire.finish()

        server = await serve(script, tls=certificate[0])
        poured = Sink() if sink else None
        asked = request(server.url, sink=poured)
        async with make(ssl=certificate[1]) as transport:
            if clean:
                response = await transport.send(asked)
                assert (b"".join(poured.chunks) if poured else response.body) == b"half of it"
            else:
                with pytest.raises(OutcomeUnknownError, match="was cut"):
                    await transport.send(asked)


async def refused(make, serve, port):
    return make(), request(f"http://127.0.0.1:{port}/")


async def unknown_host(make, serve, port):
    return make(), request("http://nosuch.invalid/")


async def no_tls(make, serve, port):
    async def script(server, wire):
        await wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = await serve(script)
    return make(), request(server.url.replace("http:", "https:"))


async def never(host: str, port: int) -> Any:
    await asyncio.Event().wait()


async def connect_timeout(make, serve, port):
    asked = request("http://silent.invalid/", timeouts=Timeouts(connect=0.05))
    if make is LeanTransport:
        transport = LeanTransport()
        transport._dialer.look_up = never
        return transport, asked

    class Silent(aiohttp.abc.AbstractResolver):
        async def resolve(self, host, port=0, family=socket.AF_INET):
            await asyncio.Event().wait()

        async def close(self):
            pass

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Silent()))
    return make(session), asked


async def no_proxy(make, serve, port):
    return make(proxy=f"http://127.0.0.1:{port}"), request("http://server.invalid/")


async def proxy_says_no(make, serve, port):
    server = await serve(replying(b"", status=407))
    proxy = f"http://127.0.0.1:{server.port}"
    return make(proxy=proxy), request("https://server.invalid/")


async def bad_scheme(make, serve, port):
    return make(), request("ftp://server.invalid/")


async def bad_url(make, serve, port):
    return make(), request("http://[1/")


async def no_host(make, serve, port):
    return make(), request("http:///path")


async def dropped(make, serve, port):
    async def script(server, wire):
        await server.request(wire)
        wire.finish()

    return make(), request((await serve(script)).url)


async def reset(make, serve, port):
    async def script(server, wire):
        await server.request(wire)
        wire.reset()

    return make(), request((await serve(script)).url)


async def cut(make, serve, port):
    return make(), request((await serve(chunked(b"abc", end=b""))).url)


async def too_large(make, serve, port):
    return make(max_body_bytes=1), request((await serve()).url)


async def not_http(make, serve, port):
    async def script(server, wire):
        await server.request(wire)
        await wire.send(b"HTTP/1.1 abc\r\n\r\n")

    return make(), request((await serve(script)).url)


async def stall(server, wire):
    await server.request(wire)
    await server.release.wait()


async def read_timeout(make, serve, port):
    return make(), request((await serve(stall)).url, timeouts=Timeouts(read=0.05))


async def total_timeout(make, serve, port):
    return make(), request((await serve(stall)).url, timeouts=Timeouts(total=0.05))


NOT_SENT = {
    refused: "no connection to 127.0.0.1 could be made (ECONNREFUSED)",
    unknown_host: "the address of nosuch.invalid could not be found",
    no_tls: "no TLS connection to 127.0.0.1 could be made",
    connect_timeout: "no connection to silent.invalid within 0.05 s",
    no_proxy: "the proxy could not be reached",
    proxy_says_no: "the proxy refused the way to server.invalid",
    bad_scheme: "the URL is not one for HTTP",
    bad_url: "the URL is not one for HTTP",
    no_host: "the URL is not one for HTTP",
}
UNKNOWN = {
    dropped: "the connection to 127.0.0.1 broke before it answered",
    reset: "the connection to 127.0.0.1 broke before it answered",
    cut: "the response of 127.0.0.1 was cut",
    too_large: "the response of 127.0.0.1 cannot be used: the body is larger than 1 bytes",
    not_http: "127.0.0.1 answered with something that is not HTTP",
    read_timeout: "127.0.0.1 was silent for 0.05 s",
    total_timeout: "no complete response of 127.0.0.1 within 0.05 s",
}
FAILURES = {**NOT_SENT, **UNKNOWN}


HOMES = {"test_network.py", "aiohttp.py", "lean.py"}


class TestErrors:
    @pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.__name__)
    async def test_a_failure_is_told_in_words_and_without_secrets(
        self, make, serve, unused_port, caplog, failure
    ):
        caplog.set_level(logging.DEBUG)
        transport, doomed = await failure(make, serve, unused_port)
        with pytest.raises(TransportError) as caught:
            await transport.send(doomed)
        await transport.aclose()
        if make is AiohttpTransport and not transport._owned:
            await transport._session.close()
        error = caught.value
        assert type(error) is (NotSentError if failure in NOT_SENT else OutcomeUnknownError)
        assert str(error) == FAILURES[failure]
        assert (error.operation, error.attempts) == (None, 0)  # the session's to say
        assert (error.__cause__, error.__context__) == (None, None)
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert {Path(frame.filename).name for frame in shown.stack} <= HOMES
        for text in ("".join(shown.format()), repr(vars(error)), repr(error.args), caplog.text):
            assert SECRET not in text
            assert "apikey" not in text

    async def test_a_cancelled_call_shows_no_secret(self, transport, serve):
        server = await serve(stall)
        task = asyncio.create_task(transport.send(request(server.url)))
        while not server.requests:
            await asyncio.sleep(0)
        task.cancel("because")
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        error = caught.value
        assert (error.args, error.__cause__, error.__context__) == (("because",), None, None)
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert SECRET not in "".join(shown.format())

    async def test_a_sink_of_the_caller_may_be_cancelled(self, transport, serve):
        class Slow(Sink):
            async def write(self, chunk: bytes, /) -> None:
                started.set()
                await asyncio.Event().wait()

        started = asyncio.Event()
        server = await serve()
        task = asyncio.create_task(transport.send(request(server.url, sink=Slow())))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await transport.send(request(server.url))

    async def test_a_server_with_an_untrusted_certificate_gets_nothing(
        self, make, serve, certificate
    ):
        server = await serve(tls=certificate[0])
        async with make() as transport:
            with pytest.raises(NotSentError, match=r"certificate of 127\.0\.0\.1 is not trusted"):
                await transport.send(request(server.url))
        assert server.requests == []

    async def test_a_certificate_of_a_private_ca_can_be_trusted(self, make, serve, certificate):
        server = await serve(tls=certificate[0])
        async with make(ssl=certificate[1]) as transport:
            assert (await transport.send(request(server.url))).status == 200
            with pytest.raises(NotSentError, match="certificate of localhost is not trusted"):
                await transport.send(request(server.url.replace("127.0.0.1", "localhost")))
        await server.all_gone.wait()
        assert len(server.requests) == 1

    def test_a_context_that_verifies_nothing_is_refused(self, make):
        context = ssl.create_default_context()
        context.check_hostname = False
        with pytest.raises(ConfigurationError, match="must verify"):
            make(ssl=context)
        context.verify_mode = ssl.CERT_NONE
        with pytest.raises(ConfigurationError, match="must verify"):
            make(ssl=context)

    @pytest.mark.parametrize("name", ["connections", "max_body_bytes"])
    @pytest.mark.parametrize("limit", [0, -1, 1.5, True, "5", None])
    def test_limits_are_whole_numbers_of_at_least_one(self, make, name, limit):
        with pytest.raises(ConfigurationError, match=f"{name} must be a whole number, at least 1"):
            make(**{name: limit})

    @pytest.mark.parametrize("context", [True, False, "cert.pem", ssl.create_default_context])
    def test_a_context_is_an_object_of_ssl(self, make, context):
        with pytest.raises(ConfigurationError, match=r"ssl must be an ssl\.SSLContext"):
            make(ssl=context)

    @pytest.mark.parametrize(
        "session", ["http://127.0.0.1:3128", object(), aiohttp.ClientSession], ids=type
    )
    def test_a_session_is_one_of_aiohttp(self, session):
        with pytest.raises(ConfigurationError, match=r"session must be an aiohttp\.ClientSession"):
            AiohttpTransport(session)


class TestLifeCycle:
    async def test_nothing_is_made_before_the_first_send(self):
        transport = AiohttpTransport()
        assert transport._session is None
        await transport.aclose()

    def test_a_transport_can_be_made_without_an_event_loop(self, make):
        make()

    async def test_closing_really_closes_the_connections(self, make, serve):
        server = await serve()
        transport = make()
        await asyncio.gather(*(transport.send(request(server.url)) for _ in range(5)))
        assert server.open
        await transport.aclose()
        await server.all_gone.wait()
        await transport.aclose()

    @pytest.mark.parametrize("used", [True, False])
    async def test_a_closed_transport_says_what_to_do(self, make, serve, used):
        server = await serve()
        transport = make()
        if used:
            await transport.send(request(server.url))
        await transport.aclose()
        with pytest.raises(SessionStateError, match="make a new one"):
            await transport.send(request(server.url))
        assert len(server.requests) == used

    async def test_the_session_of_the_caller_survives(self, serve):
        server = await serve()
        async with aiohttp.ClientSession() as session:
            transport = AiohttpTransport(session)
            await transport.send(request(server.url))
            await transport.aclose()
            assert not session.closed
            await transport.send(request(server.url))
        with pytest.raises(SessionStateError, match="given to the transport is closed"):
            await transport.send(request(server.url))

    def test_another_event_loop_is_refused(self, make, unused_port):
        transport = make()

        async def send() -> None:
            await transport.send(request(f"http://127.0.0.1:{unused_port}/"))

        async def close() -> None:
            await transport.aclose()

        with asyncio.Runner() as first:
            with pytest.raises(NotSentError):
                first.run(send())
            with asyncio.Runner() as second:
                for task in (send, close):
                    with pytest.raises(SessionStateError, match="another event loop"):
                        second.run(task())
            first.run(close())

    async def test_cookies_are_not_kept(self, make, serve):
        server = await serve(replying(b"", "Set-Cookie: affinity=1; Path=/"))
        async with make() as transport:
            for _ in range(2):
                await transport.send(request(server.url.replace("127.0.0.1", "localhost")))
        assert b"ookie" not in server.requests[1][0]

    async def test_the_environment_sets_no_proxy(self, make, serve, monkeypatch):
        proxy, server = await serve(), await serve()
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with make() as transport:
            await transport.send(request(server.url))
        assert (len(proxy.requests), len(server.requests)) == (0, 1)

    async def test_many_cancelled_calls_leave_no_connection_behind(self, make, serve):
        stalling = True

        async def script(server, wire):
            for _ in range(100):
                await server.request(wire)
                if stalling:
                    await wire.until_closed()
                    return
                await wire.reply()

        server = await serve(script)
        async with make(connections=5) as transport:
            for turn in range(20):
                tasks = [
                    asyncio.create_task(transport.send(request(server.url))) for _ in range(10)
                ]
                for _ in range(turn):  # cancelled while connecting, waiting, sending, reading
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                assert all(isinstance(result, asyncio.CancelledError) for result in results)
            stalling = False
            good = await asyncio.gather(*(transport.send(request(server.url)) for _ in range(20)))
            assert [response.status for response in good] == [200] * 20
            assert taken_slots(transport) == 0
        await server.all_gone.wait()

    async def test_no_more_connections_than_allowed(self, make, serve):
        async def script(server, wire):
            for _ in range(100):
                await server.request(wire)
                peak.append(server.open)
                await wire.reply()

        peak: list[int] = []
        server = await serve(script)
        async with make(connections=3) as transport:
            await asyncio.gather(*(transport.send(request(server.url)) for _ in range(30)))
        assert (len(peak), max(peak)) == (30, 3)
