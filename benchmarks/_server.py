"""A server that answers canned availabilities and does as little as a server can.

``/20k/...`` answers a list of slots of about that size, with the dozen headers that a real server
sends; ``/20kz/...`` the same packed by gzip, ``/20kc/...`` in chunks, after a delay in seconds if
one is given as argument. ``/cpu`` answers the seconds of CPU the server has used, which shows
whether it was the bottleneck. It serves plainly and, where there is openssl, over TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import sys
import time
from datetime import datetime, timedelta
from typing import Any

from tests.support.certificates import Authority, has_openssl

from . import _lib

SIZES = {"1k": 1_000, "20k": 20_000, "200k": 200_000}
HEADERS = b"""\
Date: Sat, 28 Feb 2026 09:30:00 GMT\r
Server: nginx\r
Content-Type: application/json; charset=utf-8\r
Vary: Accept-Encoding, Origin\r
ETag: W/"5a1f0c52b3d9e7c4a80f6b21d3c95e77"\r
Cache-Control: max-age=0, private, must-revalidate\r
X-Request-Id: 0d3c1f7e-6b0a-4c1e-9d55-6c1b8f2f7a10\r
X-Runtime: 0.018432\r
X-Frame-Options: SAMEORIGIN\r
X-Content-Type-Options: nosniff\r
Strict-Transport-Security: max-age=31536000; includeSubDomains\r
Referrer-Policy: strict-origin-when-cross-origin\r
"""
"""Twelve; what tells of the body is the thirteenth."""
CHUNK = 8_192


def availabilities(size: int) -> bytes:
    """Return the JSON of as many slots as it takes to reach a number of bytes."""
    answer: dict[str, Any] = {
        "company_name": "Bergbahn Muster AG",
        "product_name": "Gipfelfahrt",
        "currency": "CHF",
        "availabilities": [],
    }
    each = len(_json(_slot(0)))
    count = max(0, (size - len(_json(answer))) // each - 1)
    answer["availabilities"] += map(_slot, range(count))
    while len(body := _json(answer)) < size:
        answer["availabilities"].append(_slot(len(answer["availabilities"])))
    return body


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _slot(number: int) -> dict[str, Any]:
    starts_at = datetime(2026, 3, 1, 10) + timedelta(days=number % 40, minutes=number // 40)
    return {
        "slot_type": "time",
        "starts_at": starts_at.isoformat(),
        "closing_at": (starts_at - timedelta(hours=2)).isoformat(),
        "availability_count": None if number % 5 == 4 else 400 - number % 400,
        "prices": [
            {
                "category_id": f"64ad1bb1973b861c040c99c{category}",
                "price_in_cents": 4500 - 900 * category,
                "min_quantity": 1 if category == 0 else None,
                "max_quantity": 20,
                "allow_zero_quantity": category > 0,
            }
            for category in range(3)
        ],
    }


class _Canned(asyncio.Protocol):
    def __init__(self, answers: dict[bytes, bytes], delay: float) -> None:
        self._answers = answers
        self._delay = delay
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *heads, self._unread = (self._unread + data).split(b"\r\n\r\n")
        for head in heads:
            place = head.split(b"/", 2)[1].partition(b" ")[0]
            if place == b"cpu":
                self._answer(_whole(str(time.process_time()).encode()))
            elif self._delay:
                loop = asyncio.get_running_loop()
                loop.call_later(self._delay, self._answer, self._answers[place])
            else:
                self._answer(self._answers[place])

    def _answer(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


def _whole(body: bytes, more: bytes = b"") -> bytes:
    return _head(b"%sContent-Length: %d\r\n" % (more, len(body))) + body


def _chunked(body: bytes) -> bytes:
    pieces = [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))
    return _head(b"Transfer-Encoding: chunked\r\n") + chunks


def _head(more: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + HEADERS + more + b"\r\n"


def answers() -> dict[bytes, bytes]:
    """Return what is answered, by place."""
    found = {}
    for size, length in SIZES.items():
        body, place = availabilities(length), size.encode()
        found[place] = _whole(body)
        found[place + b"z"] = _whole(gzip.compress(body, 6), b"Content-Encoding: gzip\r\n")
        found[place + b"c"] = _chunked(body)
    return found


async def _serve(delay: float) -> None:
    canned = answers()
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        plain = await loop.create_server(
            lambda: _Canned(canned, delay), "127.0.0.1", 0, backlog=1024
        )
        places = {"http": f"http://127.0.0.1:{plain.sockets[0].getsockname()[1]}"}
        if has_openssl():
            authority = stack.enter_context(Authority())
            context = authority.server_context("IP:127.0.0.1")
            secure = await loop.create_server(
                lambda: _Canned(canned, delay), "127.0.0.1", 0, backlog=1024, ssl=context
            )
            places["https"] = f"https://127.0.0.1:{secure.sockets[0].getsockname()[1]}"
            places["authority"] = str(authority.certificate)
        _lib.announce(places)
        await _lib.parent_gone()


if __name__ == "__main__":
    _lib.pin(_lib.SERVER_CPU)
    asyncio.run(_serve(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))
