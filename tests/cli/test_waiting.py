"""What takes a while is shown on a terminal, and gone afterwards; what is done at once is quiet."""

from __future__ import annotations

import json
import os
import re
import select
from collections.abc import Callable
from typing import Any

from eguma_async.cli import main
from tests.support.byte_server import ByteServer, Wire
from tests.support.commands import on_terminal
from tests.support.threads import InThread

PRODUCTS = {"company_name": "Bergbahn Muster AG", "currency": "CHF", "products": []}


async def late(server: ByteServer, wire: Wire) -> None:
    """Answer no sooner than the test lets it."""
    while True:
        await server.request(wire)
        await server.release.wait()
        await wire.reply(json.dumps(PRODUCTS).encode(), 200, "Content-Type: application/json")


def rest_of(descriptor: int) -> str:
    seen = b""
    while select.select([descriptor], [], [], 0)[0]:
        seen += os.read(descriptor, 65536)
    return seen.decode()


def test_a_call_that_takes_a_while_is_shown_and_gone_afterwards(
    start: Callable[..., Any], terminal: tuple[int, int]
) -> None:
    ours, theirs = terminal
    with InThread(ByteServer(late)) as server:
        env = {"EGUMA_API_KEY": "a-key-0123456789", "TERM": "xterm-256color"}
        line = ("products", "--base-url", server.base_url)
        child = start(*line, env=env, stderr=theirs)

        child.read_until("Listing the products ...", ours)
        server.let_go()
        code, out, _ = child.finish()

    assert (code, out) == (0, "Bergbahn Muster AG (CHF)\n")
    assert "\x1b[2K" in rest_of(ours)  # the line is erased


def test_what_is_done_at_once_is_quiet(start: Callable[..., Any]) -> None:
    code, out = on_terminal(start, "products", "--sandbox", env={}, errors=True)

    assert code == 0
    assert "Listing" not in out
    assert "\x1b[2K" not in out


def test_a_bar_is_seen_only_after_a_while(start: Callable[..., Any], tmp_path: Any) -> None:
    line = ("fanout", "--all", "--sandbox", "--to-file", str(tmp_path / "slots.csv"))

    code, out = on_terminal(start, *line, env={}, errors=True)

    assert code == 0
    assert re.match(r"\d+ products with \d+ slots into ", out)


def test_an_attempt_after_the_first_is_told(
    start: Callable[..., Any], terminal: tuple[int, int]
) -> None:
    ours, theirs = terminal
    refusals = [b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"]

    async def refusing_once(server: ByteServer, wire: Wire) -> None:
        while True:
            await server.request(wire)
            if refusals:
                await wire.send(refusals.pop())
            else:
                await server.release.wait()
                await wire.reply(json.dumps(PRODUCTS).encode(), 200)

    with InThread(ByteServer(refusing_once)) as server:
        env = {"EGUMA_API_KEY": "a-key-0123456789", "TERM": "xterm-256color"}
        child = start("products", "--base-url", server.base_url, env=env, stderr=theirs)

        child.read_until("Listing the products: attempt 2 ...", ours)
        server.let_go()
        code, _, _ = child.finish()

    assert code == 0


def test_what_goes_into_a_pipe_stays_there_while_a_line_is_shown(
    start: Callable[..., Any], terminal: tuple[int, int]
) -> None:
    ours, theirs = terminal
    with InThread(ByteServer(late)) as server:
        env = {"EGUMA_API_KEY": "a-key-0123456789", "TERM": "xterm-256color"}
        line = ("doctor", "--base-url", server.base_url)
        child = start(*line, env=env, stderr=theirs)

        child.read_until("Looking ...", ours)
        server.let_go()
        code, out, _ = child.finish()

    assert code == 0
    assert [line.split()[1] for line in out.splitlines() if line[:2] in ("✓ ", "– ")][-2:] == [
        "Round",
        "Journal",
    ]
    assert "Journal" not in rest_of(ours)


def test_the_question_before_a_cancellation_names_what_and_where(
    connected: Any, start: Callable[..., Any], terminal: tuple[int, int], tmp_path: Any
) -> None:
    example = connected.sandbox.example("time")
    sale = (example.product_id, example.starts_at, "--item", f"{example.category_ids[0]}=2")
    person = ("--first-name", "Ada", "--last-name", "Lovelace", "--email", "ada@example.com")
    kept = ("--journal", str(tmp_path / "bookings.db"), "--client-ref", "order-1")
    assert main(["book", *sale, *person, *kept, "--yes"]) == 0
    (booking,) = connected.sandbox.bookings()
    ours, theirs = terminal
    child = start("cancel", *kept, stdin=theirs)

    question = child.read_until("[y/N]")
    os.write(ours, b"n\n")
    code, _, err = child.finish()

    assert question.startswith(
        f"Cancel booking order-1 (reference {booking.number}, 2 tickets) with all of its"
        f" tickets, at {connected.url}? [y/N]"
    )
    assert (code, err.strip()) == (1, "eguma: nothing was cancelled")
    assert "/v1/ticketing/cancel-booking.json" not in connected.paths()
