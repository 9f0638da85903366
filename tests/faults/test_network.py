"""N · network and transport, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import resource
import socket
import ssl
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from eguma_async import (
    AiohttpTransport,
    DecodingError,
    EgumaError,
    LeanTransport,
    NotSentError,
    OutcomeUnknownError,
    RetryPolicy,
    StatusError,
    Timeouts,
    TransportError,
)
from eguma_async.sandbox import SandboxResponse
from tests.support.byte_server import ByteServer, Wire
from tests.support.certificates import Authority, has_openssl

from .matrix import CannotRunError, Row, check, id_of, row, rows_of
from .shops import BOOKING, PRODUCTS, RESERVATION, Exchange, Step, message
from .stage import Stage, counted

IMPATIENT = Timeouts(read=0.2, total=5.0)
TWICE = RetryPolicy(budget=1.0, attempts=2)


# What a server does to a request


async def reset_before(exchange: Exchange) -> None:
    await exchange.read()
    exchange.wire.reset()


async def reset_after(exchange: Exchange) -> None:
    await exchange.commit()
    exchange.wire.reset()


async def stall_after(exchange: Exchange) -> None:
    await exchange.commit()
    await exchange.wire.until_closed()


def written(write: Callable[[SandboxResponse], bytes], ends: str = "finish") -> Step:
    """Process, send what a function makes of the response, and end the connection, or not."""

    async def step(exchange: Exchange) -> None:
        data = write(await exchange.commit())
        await exchange.wire.send(data)
        if ends:
            getattr(exchange.wire, ends)()

    return step


def chunked(response: SandboxResponse, *, whole: bool = True) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    half = len(response.body) // 2
    pieces = (response.body[:half], response.body[half:])
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return head + (body + b"0\r\n\r\n" if whole else body[:half])


def half(response: SandboxResponse) -> bytes:
    data = message(response)
    return data[: -len(response.body) // 2]


def unframed(response: SandboxResponse) -> bytes:
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + response.body[:-10]


def gzipped(cut: int) -> Callable[[SandboxResponse], bytes]:
    def write(response: SandboxResponse) -> bytes:
        packed = gzip.compress(response.body)
        body = packed[: len(packed) - cut]
        return message(SandboxResponse(response.status, {"Content-Encoding": "gzip"}, body))

    return write


async def booked_again(stage: Stage, step: Step, **options: Any) -> None:
    """Show that a booking is sent again with its key and made once."""
    shop = await stage.eguma(sockets=True, **options)
    shop.strike(step)
    booking = await shop.book()
    assert shop.orders() == 1
    assert len(set(shop.keys)) == 1
    sent = shop.front.served.count(("POST", BOOKING))
    assert sent == 2, f"{sent} requests"
    assert booking.replayed is (shop.sent(BOOKING) == 2)


async def left_unknown(
    stage: Stage,
    step: Step,
    holds: int,
    *,
    error: type[EgumaError] = OutcomeUnknownError,
    **options: Any,
) -> None:
    """Show that a hold is not sent again once it may have arrived."""
    shop = await stage.eguma(sockets=True, **options)
    shop.strike(step)
    failed = await stage.fails(error, shop.reserve())
    assert failed.outcome_unknown
    assert failed.attempts == 1
    assert shop.front.served == [("POST", RESERVATION)]
    assert len(shop.sandbox.holds()) == holds


class Resolver(AbstractResolver):
    """Does one thing after the other with each name."""

    def __init__(self, *acts: Any) -> None:
        self.acts = list(acts)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> Any:
        self.asked += 1
        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        if isinstance(act, BaseException):
            raise act
        return [address(host, at, port) for at in act]

    async def close(self) -> None:
        pass


def address(host: str, at: str, port: int) -> dict[str, Any]:
    family = socket.AF_INET6 if ":" in at else socket.AF_INET
    return {
        "hostname": host,
        "host": at,
        "port": port,
        "family": family,
        "proto": 0,
        "flags": socket.AI_NUMERICHOST,
    }


async def resolving(stage: Stage, resolver: Resolver) -> AiohttpTransport:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False)
    )
    await stage.enter(session)
    return AiohttpTransport(session)


def giving(transport: AiohttpTransport) -> Callable[[Any], AiohttpTransport]:
    return lambda _: transport


@contextlib.contextmanager
def closed_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


# The rows


@row(
    "N1",
    "connection refused",
    "NotSentError for reads, bookings and holds alike, after five attempts each",
)
async def refused(stage: Stage) -> None:
    with closed_port() as port:
        shop = await stage.eguma(sockets=True, base_url=f"http://127.0.0.1:{port}")
        calls = (shop.session.ticketing.products.list(), shop.book(), shop.reserve())
        for call in calls:
            error = await stage.fails(NotSentError, call)
            assert (error.attempts, error.outcome_unknown) == (5, False)
            assert "ECONNREFUSED" in str(error)
    failed = [each.error for each in stage.notes.attempts]
    stage.proves("refused connections", lambda: failed.count("NotSentError"), 15)


@row("N2", "no address: unknown name, name server fails, is silent", "NotSentError with the host")
async def no_address(stage: Stage) -> None:
    acts = (
        socket.gaierror(socket.EAI_NONAME, "no such name"),
        socket.gaierror(socket.EAI_AGAIN, "try again"),
        TimeoutError("slow"),
    )
    for act in acts:
        resolver = Resolver(act)
        wrapped = await resolving(stage, resolver)
        shop = await stage.eguma(
            wrap=giving(wrapped), base_url="https://api.example.com", retry=TWICE
        )
        error = await stage.fails(NotSentError, shop.book())
        assert "api.example.com" in str(error)
        assert "/v1/" not in str(error)
        stage.proves("look-ups", counted(resolver, "asked"), 2)


@row(
    "N3",
    "the name is found at the third look-up",
    "a booking succeeds at the third attempt; pauses of 0.05 and 0.1 s exactly",
)
async def flapping_name(stage: Stage) -> None:
    gone = socket.gaierror(socket.EAI_AGAIN, "try again")
    resolver = Resolver(gone, gone, ["127.0.0.1"])
    shop = await stage.eguma(sockets=True)
    wrapped = await resolving(stage, resolver)
    flapping = await stage.eguma(
        wrap=giving(wrapped), base_url=f"http://localhost:{shop.front.server.port}"
    )
    flapping.sandbox = shop.sandbox
    await flapping.book()
    assert flapping.clock.sleeps == [0.05, 0.1]
    stage.proves("failed look-ups", lambda: resolver.asked - 1, 2)


@row("N4", "a server that never completes the connection", "NotSentError at the connect timeout")
async def black_hole(stage: Stage) -> None:
    with contextlib.ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):  # until the queue of connections to accept is full
            waiting.append(sockets.enter_context(socket.socket()))
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(full.getsockname())
        shop = await stage.eguma(
            sockets=True,
            base_url=f"http://127.0.0.1:{full.getsockname()[1]}",
            timeouts=Timeouts(connect=0.05),
            retry=TWICE,
        )
        error = await stage.fails(NotSentError, shop.reserve())
        assert "no connection to 127.0.0.1 within 0.05 s" in str(error)
        assert error.attempts == 2
    failed = [each.error for each in stage.notes.attempts]
    stage.proves("connections that never came", lambda: failed.count("NotSentError"), 2)


@row(
    "N5",
    "TLS: expired, wrong host, unknown CA, self-signed, TLS 1.0 only, no TLS at all",
    "NotSentError; no byte of the request arrives, never in plain text; tried as any not-sent is",
)
async def bad_tls(stage: Stage) -> None:
    if not has_openssl():
        raise CannotRunError("needs the openssl command to make certificates")
    with Authority() as good, Authority() as other:
        old = good.server_context("IP:127.0.0.1")
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(), contextlib.suppress(ValueError):
            warnings.simplefilter("ignore")  # that it is out of date is what it is for
            old.maximum_version = old.minimum_version = ssl.TLSVersion.TLSv1
        servers: dict[str, ssl.SSLContext | None] = {
            "expired": good.server_context("IP:127.0.0.1", expired=True),
            "wrong host": good.server_context("IP:127.0.0.2"),
            "unknown CA": other.server_context("IP:127.0.0.1"),
            "self-signed": other.self_signed("IP:127.0.0.1"),
            "TLS 1.0": old,
            "plain text": None,
        }
        for name, context in servers.items():
            script = read_everything if context else answer_plainly
            server = await ByteServer(script, tls=context).start()
            shop = await stage.eguma(
                sockets={"ssl": good.client_context()},
                base_url=f"https://127.0.0.1:{server.port}",
                retry=TWICE,
            )
            error = await stage.fails(NotSentError, shop.book())
            assert error.attempts == 2, name
            assert not any(b"POST" in head for head, _ in server.requests), name
            await server.stop()
        # The same way with nothing wrong, so that it is the fault that fails.
        server = await ByteServer(answer_products, tls=good.server_context("IP:127.0.0.1")).start()
        shop = await stage.eguma(
            sockets={"ssl": good.client_context()}, base_url=f"https://127.0.0.1:{server.port}"
        )
        assert (await shop.session.ticketing.products.list()).products == ()
        await shop.transport.aclose()
        await server.stop()
    failed = [each.error for each in stage.notes.attempts]
    stage.proves("failed handshakes", lambda: failed.count("NotSentError"), 2 * len(servers))


async def read_everything(server: ByteServer, wire: Wire) -> None:
    server.requests.append((await wire.until_closed(), b""))


async def answer_plainly(server: ByteServer, wire: Wire) -> None:
    server.requests.append((await wire._reader.read(1000), b""))
    await wire.reply(b"", 400)


async def answer_products(server: ByteServer, wire: Wire) -> None:
    await server.request(wire)
    await wire.reply(b'{"company_name": "Museum", "products": []}')


@row(
    "N6",
    "reset before a byte was read",
    "a booking is made once; of a hold that may have left, the outcome is unknown, or it was"
    " surely not sent and is made by the next attempt",
)
async def reset_at_once(stage: Stage) -> None:
    for call in ("book", "reserve"):
        shop = await stage.eguma(sockets=True)
        resets = 0

        async def script(server: ByteServer, wire: Wire, shop: Any = shop) -> None:
            nonlocal resets
            if resets == 0:
                resets += 1
                wire.reset()
                return
            await shop.front._serve(server, wire)

        shop.front.server._script = script
        try:
            await getattr(shop, call)()
        except OutcomeUnknownError as error:
            assert call == "reserve"
            assert shop.front.served == []
            stage.errors.append(error)
        else:
            assert len(shop.front.served) == 1
        assert resets == 1
    stage.proves("resets", lambda: resets)


@row(
    "N7",
    "reset after the request was read, before anything was done",
    "booking: sent again, one order; hold: outcome unknown, one request",
)
async def reset_before_the_work(stage: Stage) -> None:
    await booked_again(stage, reset_before)
    await left_unknown(stage, reset_before, holds=0)


@row(
    "N8",
    "reset after the work, before the answer",
    "booking: one order, replayed and told so; hold: outcome unknown, one request, one hold left",
)
async def reset_after_the_work(stage: Stage) -> None:
    await booked_again(stage, reset_after)
    await left_unknown(stage, reset_after, holds=1)


@row(
    "N9",
    "half an answer, then the end or a reset, with a length and in chunks",
    "as N8",
)
async def half_an_answer(stage: Stage) -> None:
    for ends in ("finish", "reset"):
        for write in (half, partial(chunked, whole=False)):
            await booked_again(stage, written(write, ends))
            await left_unknown(stage, written(write, ends), holds=1)


@row(
    "N10",
    "an answer without a length, cut",
    "never a success: booking asked for again, one order; hold: DecodingError, outcome unknown",
)
async def unframed_and_cut(stage: Stage) -> None:
    await booked_again(stage, written(unframed))
    await left_unknown(stage, written(unframed), holds=1, error=DecodingError)


@row(
    "N11",
    "gzip cut in half, or without its trailer, in whole HTTP",
    "as N8; a whole one is read",
)
async def gzip_cut(stage: Stage) -> None:
    for cut in (60, 8, 1):
        await booked_again(stage, written(gzipped(cut), ends=""))
        await left_unknown(stage, written(gzipped(cut), ends=""), holds=1)
    shop = await stage.eguma(sockets=True)
    shop.strike(written(gzipped(0), ends=""))
    await shop.book()
    assert shop.sent(BOOKING) == 1


@row(
    "N12",
    "an answer that comes byte by byte without end",
    "the limit of the whole attempt ends it although the server is never silent",
)
async def byte_by_byte(stage: Stage) -> None:
    dripped = 0

    async def drip(exchange: Exchange) -> None:
        nonlocal dripped
        await exchange.commit()
        await exchange.wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                await exchange.wire.send(b" ")
                dripped += 1
                await asyncio.sleep(0.005)

    limits = Timeouts(read=5.0, total=0.25)
    shop = await stage.eguma(sockets=True, timeouts=limits, retry=TWICE)
    shop.strike(drip, drip)
    error = await stage.fails(TransportError, shop.session.ticketing.products.list())
    assert "no complete response of 127.0.0.1 within 0.25 s" in str(error)
    assert dripped > 2
    shop.strike(drip)
    booking = await shop.book()
    assert booking.replayed
    await left_unknown(stage, drip, holds=1, timeouts=limits)


@row(
    "N13",
    "silence before the head of an answer, and within its body",
    "as N8, at the limit on silence",
)
async def silence(stage: Stage) -> None:
    async def stall_within(exchange: Exchange) -> None:
        await exchange.wire.send(half(await exchange.commit()))
        await exchange.wire.until_closed()

    for step in (stall_after, stall_within):
        await booked_again(stage, step, timeouts=IMPATIENT)
        await left_unknown(stage, step, holds=1, timeouts=IMPATIENT)
    assert any("silent for 0.2 s" in str(error) for error in stage.errors)


@row(
    "N14",
    "interim answers: 100, 103, and no end of them",
    "a few are passed over; without end they end with the attempt, outcome unknown",
)
async def interim_answers(stage: Stage) -> None:
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

    async def storm(exchange: Exchange) -> None:
        await exchange.commit()
        with contextlib.suppress(ConnectionError):
            while True:
                await exchange.wire.send(hints)
                await asyncio.sleep(0.001)

    shop = await stage.eguma(sockets=True)
    shop.strike(written(lambda response: hints + message(response), ends=""))
    await shop.book()
    assert shop.sent(BOOKING) == 1
    limits = Timeouts(total=0.25)
    await booked_again(stage, storm, timeouts=limits)
    await left_unknown(stage, storm, holds=1, timeouts=limits)


def _malformed() -> dict[str, Callable[[SandboxResponse], bytes]]:
    def head(first: str, *lines: str) -> Callable[[SandboxResponse], bytes]:
        text = "\r\n".join((first, *lines)).encode() + b"\r\n\r\n"
        return lambda response: text + response.body

    ok = "HTTP/1.1 200 OK"
    return {
        "no HTTP": lambda _: b"220 mail.example.com ESMTP\r\n\r\n",
        "HTTP/0.9": lambda response: response.body,
        "bad status": head("HTTP/1.1 abc OK"),
        "negative length": head(ok, "Content-Length: -1"),
        "two lengths": head(ok, "Content-Length: 1", "Content-Length: 2"),
        "length and chunks": head(ok, "Content-Length: 5", "Transfer-Encoding: chunked"),
        "bad chunk size": lambda _: f"{ok}\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n".encode(),
        "NUL in a header": head(ok, "X: a\0b"),
    }


@row(
    "N15",
    "bytes that are not HTTP: bad status line, lengths, framing, HTTP/0.9; bare line feeds",
    "as N8, and the connection is not used again; bare line feeds are understood (RFC 9112, 2.2)",
)
async def not_http(stage: Stage) -> None:
    for name, write in _malformed().items():
        # Impatient, as older parsers wait for more of what cannot become a response.
        shop = await stage.eguma(sockets=True, timeouts=IMPATIENT)
        shop.strike(written(write, ends=""))
        error = await stage.fails(OutcomeUnknownError, shop.reserve())
        assert error.attempts == 1, name
        await shop.book()
        assert shop.front.server.connections == 2, name
    shop = await stage.eguma(sockets=True)
    shop.strike(written(lambda response: message(response).replace(b"\r\n", b"\n"), ends=""))
    await shop.book()
    assert shop.sent(BOOKING) == 1


@row("N16", "100,000 headers, and one of a mebibyte", "as N8; no header shows up in the error")
async def huge_head(stage: Stage) -> None:
    lines = (b"X: y\r\n" * 100_000, b"X: " + b"y" * 2**20 + b"\r\n")
    for extra in lines:
        write = partial(_with_head, extra)
        await left_unknown(stage, flood(write), holds=1)
        await booked_again(stage, flood(write))
    assert all(len(str(error)) < 200 for error in stage.errors)


def _with_head(lines: bytes, response: SandboxResponse) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n" + lines + b"\r\n"


def flood(write: Callable[[SandboxResponse], bytes]) -> Step:
    async def step(exchange: Exchange) -> None:
        data = write(await exchange.commit())
        with contextlib.suppress(ConnectionError):  # the client hangs up in the middle
            await exchange.wire.send(data)
        exchange.wire.finish()

    return step


@row(
    "N17",
    "a second answer nobody asked for, at once and later, on a kept connection",
    "it is given to nobody: the next request gets its own answer on another connection",
)
async def desynchronised(stage: Stage) -> None:
    shop = await stage.eguma(sockets=True)
    stale = b'{"reservation_id": "stale", "expires_at": "2026-03-02T10:00:00"}'
    more = message(SandboxResponse(200, {}, stale))
    shop.strike(written(lambda response: message(response) + more, ends=""))
    first = await shop.reserve()
    second = await shop.reserve()
    wires: list[Wire] = []

    async def keep_wire(exchange: Exchange) -> None:
        wires.append(exchange.wire)
        await exchange.answer()

    shop.strike(keep_wire)
    third = await shop.reserve()
    await wires[0].send(more)  # later, while the connection is idle
    fourth = await shop.reserve()
    made = [hold.id for hold in shop.sandbox.holds()]
    assert [held.reservation_id for held in (first, second, third, fourth)] == made
    assert shop.front.server.connections == 3


@row(
    "N18",
    "an idle connection that the server closes, before a request and under it",
    "before: a new connection, one request; under it: GET sent again and counted, hold unknown",
)
async def idle_connection_closed(stage: Stage) -> None:
    async def answer_and_close(exchange: Exchange) -> None:
        await exchange.answer()
        exchange.wire.finish()

    async def pass_on(exchange: Exchange) -> None:
        await exchange.answer()

    shop = await stage.eguma(sockets=True)
    shop.strike(answer_and_close)
    await shop.session.ticketing.products.list()
    await shop.front.server.all_gone.wait()
    await shop.reserve()
    assert len(shop.front.served) == 2

    shop = await stage.eguma(sockets=True)
    shop.strike(pass_on, reset_before)
    await shop.session.ticketing.products.list()
    await shop.session.ticketing.products.list()
    assert shop.front.served == [("GET", PRODUCTS)] * 3
    assert [call.attempts for call in stage.notes.calls[-2:]] == [1, 2]
    shop.strike(reset_before)
    error = await stage.fails(OutcomeUnknownError, shop.reserve())
    assert error.attempts == 1
    assert shop.front.served.count(("POST", RESERVATION)) == 1


@row(
    "N19",
    "the server closes while the request is being written, with and without an early answer",
    "without: booking sent again, hold unknown; a whole early refusal is an answer",
)
async def closed_under_the_request(stage: Stage) -> None:
    async def head_only(exchange: Exchange) -> None:
        exchange._front.served.append((exchange.method, exchange.target.partition("?")[0]))
        exchange.wire.reset()

    async def early_refusal(exchange: Exchange) -> None:
        exchange._front.served.append((exchange.method, exchange.target.partition("?")[0]))
        body = b'{"error_code": "payload_too_large", "message": "too large"}'
        await exchange.wire.send(message(SandboxResponse(413, {"Connection": "close"}, body)))
        exchange.wire.finish()

    await booked_again(stage, head_only)
    await left_unknown(stage, head_only, holds=0)
    shop = await stage.eguma(sockets=True)
    shop.strike(early_refusal)
    error = await stage.fails(StatusError, shop.reserve())
    assert (error.status, error.outcome_unknown) == (413, False)
    assert shop.sandbox.holds() == ()


@row("N20", "IPv6 is broken, IPv4 is not", "the call succeeds over IPv4 at its first attempt")
async def broken_ipv6(stage: Stage) -> None:
    shop = await stage.eguma(sockets=True)
    resolver = Resolver(["::1", "127.0.0.1"])
    wrapped = await resolving(stage, resolver)
    both = await stage.eguma(
        wrap=giving(wrapped), base_url=f"http://localhost:{shop.front.server.port}"
    )
    both.sandbox = shop.sandbox
    async with asyncio.timeout(1.0):
        await both.book()
    assert stage.notes.calls[-1].attempts == 1
    stage.proves("names with a broken address first", lambda: resolver.asked, 1)


@row(
    "N21",
    "a proxy that refuses the tunnel, asks for a password, or breaks off",
    "NotSentError; its password is nowhere; proxies of the environment are not used",
)
async def refusing_proxy(stage: Stage) -> None:
    password = "canary-proxy-password"
    stage.hide(password)
    answers = (
        b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        b"",
    )
    heads: list[bytes] = []
    for answer in answers:

        async def refuse(server: ByteServer, wire: Wire, answer: bytes = answer) -> None:
            heads.append(await wire.read_head())
            await wire.send(answer)
            wire.finish()

        proxy = await ByteServer(refuse).start()
        shop = await stage.eguma(
            sockets={"proxy": f"http://user:{password}@127.0.0.1:{proxy.port}"},
            base_url="https://api.example.com",
            retry=TWICE,
        )
        stage.show(shop.transport, vars(shop.transport))
        error = await stage.fails(NotSentError, shop.book())
        assert error.attempts == 2
        await proxy.stop()
    assert all(head.startswith(b"CONNECT api.example.com:443 ") for head in heads)
    stage.proves("refused tunnels", lambda: len(heads), 2 * len(answers))
    os.environ["HTTP_PROXY"] = f"http://127.0.0.1:{proxy.port}"
    try:
        shop = await stage.eguma(sockets=True)
        await shop.book()
    finally:
        del os.environ["HTTP_PROXY"]


@row(
    "N22",
    "no file descriptor is left",
    "NotSentError that names EMFILE; the next call succeeds once there is one",
)
async def no_descriptor(stage: Stage) -> None:
    shop = await stage.eguma(sockets=True, retry=RetryPolicy(attempts=1))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        error = await stage.fails(NotSentError, shop.reserve())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "EMFILE" in str(error)
    assert shop.front.server.connections == 0
    await shop.reserve()
    stage.proves("exhaustion", lambda: stage.errors.count(error))


@row("N23", "all connections of the pool die at once", "the next calls succeed on new ones")
async def all_connections_die(stage: Stage) -> None:
    shop = await stage.eguma(sockets=True)
    together = 8
    arrived = asyncio.Barrier(together)

    async def in_step(exchange: Exchange) -> None:
        response = await exchange.commit()
        await arrived.wait()
        await exchange.wire.send(message(response))

    shop.strike(*[in_step] * together)
    products = shop.session.ticketing.products
    await asyncio.gather(*(products.list() for _ in range(together)))
    server = shop.front.server
    assert (server.connections, server.open) == (together, together)
    await shop.front.drop_connections()
    await asyncio.gather(*(shop.book() for _ in range(together)))
    stage.proves("connections made anew", lambda: server.connections - together, together)


@pytest.mark.parametrize("row", rows_of(__name__), ids=id_of)
def test_row(row: Row) -> None:
    check(row)


# These hand in a resolver of aiohttp's.
OF_AIOHTTP = {"N2", "N3", "N20"}


@pytest.mark.parametrize(
    "row", [each for each in rows_of(__name__) if each.id not in OF_AIOHTTP], ids=id_of
)
def test_row_over_the_lean_transport(row: Row) -> None:
    check(row, network=LeanTransport)
