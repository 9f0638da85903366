"""How many reads of availabilities a second the served sandbox answers.

`EgumaSandbox` is served by a process of its own; the client is aiohttp without anything around it,
20 reads at once. Beside it, ``canned``: a server that answers about as many bytes and does nothing
else, so the ratios to it show what is the sandbox's share and what the client's.

- ``sandbox_vs_canned``: one product and one range, as a load test asks. Gate >= 0.20.
- ``varied_vs_canned``: a random one of ten products and range of 14 to 43 days within a year with
  each read, so that hardly any answer was given before. Gate >= 0.20.
- ``..._per_second``: the rates themselves, which say as much about the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import random
import sys
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from typing import Any

import aiohttp
from yarl import URL

from . import _lib

AT_ONCE = 20
DAYS = 14
GATE = ">= 0.20"
EXAMPLE = "time"
"""Label of the demo product that is read: several slots a day, two prices each."""
PRODUCTS = 10
"""How many products like it the varied reads choose from."""


async def _serve() -> None:
    from eguma_async.sandbox import EgumaSandbox, serve

    sandbox = EgumaSandbox()
    example = sandbox.example(EXAMPLE)
    product = sandbox.product(example.product_id)
    names, parts = product.name_translations, (product.categories, product.plans)
    others = [sandbox.add_product(product.merchant, names, *parts) for _ in range(PRODUCTS - 1)]
    ids = [product.id, *(other.id for other in others)]
    async with serve(sandbox) as server:
        _lib.announce({"url": server.url, "key": example.api_key, "product_ids": ids})
        await _lib.parent_gone()


@contextlib.asynccontextmanager
async def reader(next_url: Callable[[], URL]) -> AsyncIterator[_lib.Call]:
    """Read one URL after the other and look at nothing but the status."""
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar, trust_env=False) as session:

        async def call(_: str) -> bytes:
            async with session.get(next_url()) as response:
                if response.status != 200:
                    raise RuntimeError(f"HTTP {response.status}")
                return await response.read()

        yield call


def _url(facts: dict[str, Any], first: date, days: int = DAYS, product: int = 0) -> URL:
    path = f"/v1/ticketing/products/{facts['product_ids'][product]}/availabilities.json"
    last = first + timedelta(days=days - 1)
    return URL(f"{facts['url']}{path}?from={first}&to={last}&apikey={facts['key']}", encoded=True)


async def measure(
    facts: dict[str, Any], canned: dict[str, str], options: argparse.Namespace
) -> tuple[dict[str, list[_lib.Turn]], bytes]:
    """Return the turns of each way to read, and an answer."""
    tomorrow = date.today() + timedelta(days=1)
    same = _url(facts, tomorrow)
    chance = random.Random(1)

    def some_range() -> URL:
        first = tomorrow + timedelta(days=chance.randrange(300))
        return _url(facts, first, chance.randint(14, 43), chance.randrange(PRODUCTS))

    ways = {
        "sandbox": lambda: same,
        "varied": some_range,
        "canned": lambda: URL(f"{canned['http']}/20k/x", encoded=True),
    }
    turns: dict[str, list[_lib.Turn]] = {name: [] for name in ways}
    async with contextlib.AsyncExitStack() as stack:
        calls = {
            name: await stack.enter_async_context(reader(next_url))
            for name, next_url in ways.items()
        }
        answer = await calls["sandbox"]("")
        for call in calls.values():
            await _lib.turn(call, seconds=0.2, at_once=AT_ONCE)
        for name in _lib.alternating(options.rounds, tuple(calls), patience=options.patience):
            turns[name].append(
                await _lib.turn(calls[name], seconds=options.seconds, at_once=AT_ONCE)
            )
    return turns, answer


def figures(turns: dict[str, list[_lib.Turn]], answer: bytes) -> dict[str, _lib.Figure]:
    """Return the report."""
    rates = {name: [turn.rate for turn in done] for name, done in turns.items()}
    slots = len(json.loads(answer)["availabilities"])
    return {
        "sandbox_vs_canned": _lib.ratio(rates["sandbox"], rates["canned"], GATE),
        "varied_vs_canned": _lib.ratio(rates["varied"], rates["canned"], GATE),
        "reads_per_second": _lib.middle(rates["sandbox"], "/s"),
        "varied_reads_per_second": _lib.middle(rates["varied"], "/s"),
        "canned_reads_per_second": _lib.middle(rates["canned"], "/s"),
        "answer_kb": _lib.Figure(len(answer) / 1000, "KB", note=f"{slots} slots"),
    }


def main() -> None:
    options = _lib.arguments(__doc__, rounds=15, seconds=0.6)
    if importlib.util.find_spec("eguma_async.sandbox") is None:
        found = {"sandbox_vs_canned": _lib.Figure(None, gate=GATE, note="there is no sandbox yet")}
        _lib.report("sandbox", found, as_json=options.json, rounds=0)
        return
    _lib.pin(_lib.CLIENT_CPU)
    with (
        _lib.child("benchmarks.sandbox", "--serve") as facts,
        _lib.child("benchmarks._server") as canned,
    ):
        turns, answer = asyncio.run(measure(facts, canned, options))
    _lib.report(
        "sandbox", figures(turns, answer), as_json=options.json, rounds=len(turns["sandbox"])
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        _lib.pin(_lib.SERVER_CPU)
        asyncio.run(_serve())
    else:
        main()
