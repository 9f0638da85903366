"""Answers of servers, right ones and broken ones, made from a seed."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable

import attrs

TEXT = b'{"text": "' + b"many words, " * 12 + b'"}'
STATUSES = (200, 200, 200, 200, 201, 204, 206, 302, 304, 400, 404, 409, 429, 500, 503, 599, 101)
METHODS = ("GET", "GET", "GET", "POST", "HEAD")
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
    "br": bytes,
    "gzip, gzip": lambda body: gzip.compress(gzip.compress(body)),
}
LENGTHS = ("+{}", "0{}", " {}", "{} ", "{},{}", "-{}", "0x{}", "{}.0", "{}a", "", "9" * 25)
CODINGS = ("gzip, chunked", "chunked, gzip", "identity", "Chunked", "chunked, chunked", "x", "")
ODD_HEADERS = (
    "Set-Cookie: a=1",
    "X-Empty:",
    "X-Blank:  \t ",
    "X-Trail: value \t",
    "X Space: 1",
    "X-Blank : 1",
    ": nothing",
    "no colon",
    " folded: 1",
    "X-Fold: a\r\n b",
    "X-Latin: \xe9\xff",
    "X-Control: a\x01b",
    "X-Nul: a\x00b",
    "X-Del: \x7f",
    "X-Same: 1",
    "x-same: 2",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: Upgrade",
    "Connection:",
    "Upgrade:",
    "Upgrade: h2c",
    "Keep-Alive: timeout=5",
    "Keep-Alive: timeout=0",
    "Trailer: X-End",
    "Content-Type: text/plain",
    "Content-Type: application/json",
    "Sec-WebSocket-Key1: x",
)
BEHIND = (b"\r\n", b"\n", b"H", b"HTTP/1.1 200", b"hello", b"\0", b"HTTP/1.1 200 OK\r\n\r\n",
          b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew", b"5\r\n", b"\r\n\r\nX")  # fmt: skip
INTERIM = (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
           b"HTTP/1.1 102 Processing\r\n\r\n", b"HTTP/1.0 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n")  # fmt: skip


@attrs.frozen
class Answer:
    """What a server sends for one request.

    Attributes:
        pieces: Each reaches the client by itself.
        ends: What follows: ``keep``, ``finish`` or ``reset`` the connection.
        method: Of the request it answers.
        into_sink: Whether the body flows into a sink.
    """

    pieces: tuple[bytes, ...]
    ends: str = "keep"
    method: str = "GET"
    into_sink: bool = False


def answers(seed: int) -> Callable[[], Answer]:
    """Return a function that makes one answer after the other."""
    chance = random.Random(seed)
    return lambda: _answer(chance)


def _answer(chance: random.Random) -> Answer:
    method = chance.choice(METHODS)
    data = _head_and_body(chance, method)
    if chance.random() < 0.15:
        data = chance.choice(INTERIM) + data
    if chance.random() < 0.25:
        data += chance.choice(BEHIND)
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
        data = _mutated(chance, data)
    ends = chance.choice(("keep", "keep", "finish", "finish", "reset"))
    if chance.random() < 0.2:
        data = data[: chance.randrange(len(data) + 1)]
        ends = chance.choice(("finish", "reset"))
    return Answer(_cut(chance, data), ends, method, chance.random() < 0.25)


def _head_and_body(chance: random.Random, method: str) -> bytes:
    body = TEXT[: chance.choice((0, 1, 7, len(TEXT), len(TEXT)))]
    headers = [f"X-{number}: {'v' * number}" for number in range(chance.randrange(4))]
    if chance.random() < 0.3:
        name = chance.choice(tuple(ENCODINGS))
        body = ENCODINGS[name](body)
        headers.append(f"Content-Encoding: {name}")
    headers += [chance.choice(ODD_HEADERS) for _ in range(chance.choice((0, 0, 1, 1, 2)))]
    if chance.random() < 0.03:
        headers += [f"X-Many-{number}: 1" for number in range(chance.randrange(120, 135))]
    if chance.random() < 0.03:
        headers.append("X-Long: " + "l" * chance.randrange(8170, 8195))
    framing, body = _framed(chance, body)
    headers += framing
    chance.shuffle(headers)
    if method == "HEAD" and chance.random() < 0.9:
        body = b""
    version = chance.choice(("1.1",) * 20 + ("1.0", "1.0", "1.0", "2.0", "0.9", "1.2"))
    reason = chance.choice((" OK", " OK", " Some Reason", " ", "", " \xe9"))
    first = f"HTTP/{version} {chance.choice(STATUSES)}{reason}"
    return "\r\n".join([first, *headers, "", ""]).encode("latin-1") + body


def _framed(chance: random.Random, body: bytes) -> tuple[list[str], bytes]:
    """Return headers that tell where a body ends, and the body in that form."""
    kind = chance.random()
    length = [f"Content-Length: {len(body)}"]
    if kind < 0.45:
        return length, body
    if kind < 0.6:
        wrong = chance.choice(LENGTHS).replace("{}", str(len(body)))
        other = str(max(0, len(body) + chance.choice((-3, -1, 1, 3))))
        return [f"Content-Length: {chance.choice((wrong, other))}"], body
    if kind < 0.65:
        return length + [f"Content-Length: {len(body) + chance.choice((0, 0, 1))}"], body
    if kind < 0.9:
        coding = "chunked" if chance.random() < 0.75 else chance.choice(CODINGS)
        both = length if chance.random() < 0.1 else []
        return [f"Transfer-Encoding: {coding}", *both], _chunks(chance, body)
    return [], body


def _chunks(chance: random.Random, body: bytes) -> bytes:
    done = b""
    while body:
        size = chance.choice((1, 5, 16, 100, len(body)))
        chunk, body = body[:size], body[size:]
        told = b"%x" % len(chunk)
        if chance.random() < 0.05:
            told = chance.choice((b"%X " % len(chunk), b"0%x" % len(chunk), b"%x;a=b" % len(chunk),
                                  b"%x" % (len(chunk) + 1), b"-1", b"", b"f" * 17))  # fmt: skip
        done += told + b"\r\n" + chunk + (b"\r\n" if chance.random() < 0.99 else b"\n")
    end = (b"0\r\n\r\n",) * 6 + (b"0\r\nX-End: 1\r\n\r\n", b"0\r\n", b"", b"0\n\n", b"00\r\n\r\n")
    return done + chance.choice(end)


def _mutated(chance: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    # Most of what a parser can get wrong is in the head.
    end = data.find(b"\r\n\r\n") + 4 if chance.random() < 0.8 else len(data)
    at = chance.randrange(max(1, end))
    line_end = chance.choice((b"\n", b"\r", b"\r\r\n"))
    return chance.choice(
        (
            data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :],
            data[:at] + data[at + 1 :],
            data[:at] + bytes([chance.choice(b"\r\n \t:;,\0\x7f09aZ")]) + data[at:],
            data.replace(b"\r\n", line_end, chance.choice((1, 99))),
            data[:at] + data[at : at + 20] + data[at:],
            data.replace(b"HTTP", chance.choice((b"http", b"HTTPS", b"ICY", b" HTTP")), 1),
        )
    )


def _cut(chance: random.Random, data: bytes) -> tuple[bytes, ...]:
    kind = chance.random()
    if kind < 0.6 or len(data) < 2:
        return (data,) if data else ()
    if kind < 0.65 and len(data) < 400:
        return tuple(data[at : at + 1] for at in range(len(data)))
    cuts = sorted({chance.randrange(1, len(data)) for _ in range(chance.randrange(1, 5))})
    return tuple(data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True))
