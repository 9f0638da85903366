"""A server that answers canned availabilities and does as little as a server can.

``/1k/...`` and ``/20k/...`` answer a list of slots of about that size, after a delay in seconds if
one is given as argument; ``/cpu`` answers the seconds of CPU the server has used, which shows
whether it was the bottleneck.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import datetime, timedelta
from typing import Any

from . import _lib

SIZES = {"1k": 1_000, "20k": 20_000}


def availabilities(size: int) -> bytes:
    """Return the JSON of as many slots as it takes to reach a number of bytes."""
    answer: dict[str, Any] = {
        "company_name": "Bergbahn Muster AG",
        "product_name": "Gipfelfahrt",
        "currency": "CHF",
        "availabilities": [],
    }
    while len(body := json.dumps(answer, separators=(",", ":")).encode()) < size:
        answer["availabilities"].append(_slot(len(answer["availabilities"])))
    return body


def _slot(number: int) -> dict[str, Any]:
    starts_at = datetime(2026, 3, 1, 10) + timedelta(days=number)
    return {
        "slot_type": "time",
        "starts_at": starts_at.isoformat(),
        "closing_at": (starts_at - timedelta(hours=2)).isoformat(),
        "availability_count": None if number % 5 == 4 else 400 - number,
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


def _whole(body: bytes) -> bytes:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _serve(delay: float) -> None:
    answers = {place.encode(): _whole(availabilities(size)) for place, size in SIZES.items()}
    server = await asyncio.get_running_loop().create_server(
        lambda: _Canned(answers, delay), "127.0.0.1", 0, backlog=1024
    )
    _lib.announce(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await _lib.parent_gone()
    server.close()


if __name__ == "__main__":
    _lib.pin(_lib.SERVER_CPU)
    asyncio.run(_serve(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))
