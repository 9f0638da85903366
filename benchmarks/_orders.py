"""Long lists of orders, as files and on a server, for `benchmarks.orders`."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
from pathlib import Path
from typing import Any

from . import _lib

BLOCK = 500
"""Orders that are made; longer lists repeat them."""
PIECE = 64 * 1024
_SALES = ("Magical Brunch", "Führung Zürich «Altstadt»", 'Museum "Alte Mühle"')


def _id(chance: random.Random) -> str:
    return f"{chance.getrandbits(96):024x}"


def _line(chance: random.Random) -> dict[str, Any]:
    count = chance.choice((1, 2, 2, 4))
    answers = [{"name": "Birthday", "type": "dateTime", "value": "1990-12-31"}]
    return {
        "product_id": _id(chance),
        "name": chance.choice(_SALES),
        "starts_at": "2027-01-21T20:00:00",
        "ticket_type_id": "caeadb8f-2b6d-424c-ad8a-4caf42505691",
        "ticket_type_name": "Normalpreis",
        "unit_price_in_cents": 5000,
        "quantity": count,
        "total_price_in_cents": count * 5000,
        "total_count_people": count,
        "tags": [],
        "tickets": [
            {"number": str(chance.randrange(10**18, 10**19)), "count_people": 1, "answers": answers}
            for _ in range(count)
        ],
    }


def order(chance: random.Random, number: int) -> dict[str, Any]:
    """Return an order as the API documents one: 1.7 KB."""
    lines = [_line(chance) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
    total = sum(line["total_price_in_cents"] for line in lines)
    return {
        "id": _id(chance),
        "created_at": "2025-01-21T10:46:05",
        "updated_at": "2025-01-21T10:46:05",
        "order_number": str(1_000_000 + number),
        "status": "completed",
        "currency": "CHF",
        "language": "de",
        "location": "web",
        "discount_in_cents": 0,
        "grand_total_in_cents": total,
        "promocode": None,
        "promocode_name": None,
        "customer": {
            "id": _id(chance),
            "title": "Mrs",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "company": "",
            "street": "Rue de l'Hôpital 1",
            "zip": "8001",
            "city": "Zürich",
            "country": "CH",
            "email": "ada@example.com",
            "accepts_marketing": False,
            "double_opt_in_confirmed_at": None,
            "phone": "+41 44 000 00 00",
        },
        "order_lines": lines,
        "payments": [
            {
                "payment_id": _id(chance),
                "name": "VISA",
                "amount_in_cents": total,
                "is_complimentary": False,
            }
        ],
        "tags": ["tag-1"],
        "note": "",
    }


def block() -> bytes:
    """Return the orders, compact, with commas between them."""
    chance = random.Random(1)
    orders = [order(chance, number) for number in range(BLOCK)]
    return json.dumps(orders, separators=(",", ":"), ensure_ascii=False).encode()[1:-1]


def write(path: Path, megabytes: float) -> int:
    """Write a list of about that size, and return how many orders it holds."""
    orders = block()
    times = round(megabytes * 1e6 / len(orders))
    with path.open("wb") as file:
        file.write(b"[")
        for number in range(times):
            file.write(b"," * bool(number) + orders)
        file.write(b"]")
    return times * BLOCK


async def serve(path: Path) -> None:
    """Send a file to whoever asks, until the parent is gone."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                length = path.stat().st_size
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
                    b"Content-Length: %d\r\n\r\n" % length
                )
                with path.open("rb") as file:
                    await asyncio.get_running_loop().sendfile(writer.transport, file)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    _lib.announce(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await _lib.parent_gone()
    server.close()


def pieces(path: Path) -> Any:
    """Yield a file in pieces as large as a transport hands them over."""
    with path.open("rb", buffering=0) as file:
        yield from itertools.takewhile(bool, iter(lambda: file.read(PIECE), None))


if __name__ == "__main__":
    _lib.pin(_lib.SERVER_CPU)
    asyncio.run(serve(Path(sys.argv[1])))
