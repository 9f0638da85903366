"""What a call through the package costs, beside clients written by hand.

- ``sdk``: ``session.send(ListAvailabilities(...))`` over `AiohttpTransport`, as delivered: checks,
  retries, limits, bounded bodies, the codec.
- ``lean``: the same over `LeanTransport` (extra ``fast``).
- ``best``: the best loop we know how to write with aiohttp and msgspec, for this one endpoint, with
  no retries, no bounds and no hygiene of secrets.
- ``limit``: bare asyncio protocols that know this one server, with msgspec: what no client in
  Python passes by.
- ``httpx``: httpx and pydantic models, the usual pair. ``cattrs``: aiohttp, orjson and cattrs.

20 calls at once; answers of 1, 20 and 200 KB with 13 headers, plain and over TLS, at 20 KB also
packed by gzip and in chunks, from a server in a process of its own. All ratios are of CPU seconds a
call, which other programs on the machine disturb least: those of the other over ours, so more than
1 means that ours is cheaper. Each is the median over many short turns that alternate.
``server_busy`` is the largest share of a core the server used: well under 1, it was not the
bottleneck. ``..._rps`` are calls a second; they say as much about the machine as about the client.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ssl
import statistics
import time
from typing import Any

import aiohttp

from . import _lib
from ._clients import CLIENTS, check_equal

AT_ONCE = 20
COMPARED = ("sdk", "lean", "best")
PLACES = {
    "1k": (*COMPARED, "limit", "httpx", "cattrs"),
    "20k": (*COMPARED, "limit", "httpx", "cattrs"),
    "200k": (*COMPARED, "limit"),
    "20kz": COMPARED,
    "20kc": COMPARED,
    "tls_1k": (*COMPARED, "limit"),
    "tls_20k": (*COMPARED, "limit"),
    "tls_200k": (*COMPARED, "limit"),
}
"""Where who is measured."""
CALLS = {"1k": 200, "20k": 120, "200k": 40}
"""Calls a turn, by size."""
SLOW = {"httpx": 5, "cattrs": 3}
"""Who makes a fraction of these."""

Place = tuple[str, str]
Results = dict[Place, list[_lib.Turn]]


async def measure(
    places: dict[str, str], options: argparse.Namespace
) -> tuple[Results, dict[str, float]]:
    """Return the turns by place and client, and how busy the server was in the busiest of them."""
    contenders = [
        (place, name)
        for place, names in PLACES.items()
        for name in names
        if name in CLIENTS and ("https" in places or not place.startswith("tls_"))
    ]
    results: Results = {contender: [] for contender in contenders}
    busy: dict[str, list[float]] = {}
    async with contextlib.AsyncExitStack() as stack:
        control = await stack.enter_async_context(aiohttp.ClientSession())

        async def server_cpu() -> float:
            async with control.get(f"{places['http']}/cpu") as response:
                return float(await response.read())

        calls = {
            (place, name): await stack.enter_async_context(_client(places, place, name))
            for place, name in contenders
        }
        for place in {place for place, _ in contenders}:
            await check_equal({n: call for (where, n), call in calls.items() if where == place})
        for contender in contenders:
            await _turn(calls, contender)
        for contender in _lib.alternating(options.rounds, contenders, patience=options.patience):
            cpu, began = await server_cpu(), time.perf_counter()
            results[contender].append(await _turn(calls, contender))
            share = (await server_cpu() - cpu) / (time.perf_counter() - began)
            busy.setdefault(contender[1], []).append(share)
    return results, {name: statistics.median(shares) for name, shares in busy.items()}


def _client(places: dict[str, str], place: str, name: str) -> Any:
    secure, size = place.startswith("tls_"), place.removeprefix("tls_")
    if not secure:
        return CLIENTS[name](f"{places['http']}/{size}", None)
    context = ssl.create_default_context(cafile=places["authority"])
    return CLIENTS[name](f"{places['https']}/{size}", context)


async def _turn(calls: dict[Place, _lib.Call], contender: Place) -> _lib.Turn:
    place, name = contender
    size = place.removeprefix("tls_").rstrip("zc")
    return await _lib.counted_turn(
        calls[contender], calls=CALLS[size] // SLOW.get(name, 1), at_once=AT_ONCE
    )


def figures(results: Results, busy: dict[str, float]) -> dict[str, _lib.Figure]:
    """Return the report."""

    def cost(ours: str, other: str, place: str, gate: str = "") -> _lib.Figure:
        if (place, ours) not in results or (place, other) not in results:
            return _lib.Figure(None, gate=gate, note="needs the group `bench` and openssl")
        above, below = results[place, other], results[place, ours]
        return _lib.ratio([t.cpu_us for t in above], [t.cpu_us for t in below], gate)

    found = {
        "sdk_vs_best_aiohttp": cost("sdk", "best", "20k", ">= 0.80"),
        "lean_vs_best_aiohttp": cost("lean", "best", "20k", ">= 1.40"),
        "lean_vs_best_aiohttp_1kb": cost("lean", "best", "1k", ">= 2.00"),
        "lean_vs_limit": cost("lean", "limit", "20k", ">= 0.60"),
        "sdk_vs_httpx_pydantic": cost("sdk", "httpx", "20k", ">= 8"),
        "sdk_vs_aiohttp_cattrs": cost("sdk", "cattrs", "20k"),
        "tls": cost("sdk", "best", "tls_20k"),
        "tls_lean": cost("lean", "best", "tls_20k"),
    }
    for place, names in PLACES.items():
        for ours in ("sdk", "lean"):
            for other in names:
                if other not in COMPARED[:2]:
                    found[f"{place}_{ours}_vs_{other}"] = cost(ours, other, place)
    for (place, name), turns in results.items():
        found[f"{place}_{name}_cpu_us"] = _lib.middle([turn.cpu_us for turn in turns], "us")
        found[f"{place}_{name}_rps"] = _lib.middle([turn.rate for turn in turns], "/s")
    shares = [turn.busy for turns in results.values() for turn in turns]
    return found | {
        "server_busy": _lib.Figure(max(busy.values())),
        "client_busy": _lib.middle(shares),
    }


def main() -> None:
    options = _lib.arguments(__doc__, rounds=24, patience=120)
    _lib.pin(_lib.CLIENT_CPU)
    with _lib.child("benchmarks._server") as places:
        results, busy = asyncio.run(measure(places, options))
    rounds = len(results["20k", "sdk"])
    _lib.report("overhead", figures(results, busy), as_json=options.json, rounds=rounds)


if __name__ == "__main__":
    main()
