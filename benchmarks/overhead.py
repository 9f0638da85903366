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
packed by gzip and in chunks, from a server in a process of its own. Each place is measured in a
fresh process, as the client of a program is: what else lies in the memory of a process decides what
the 256 KiB cost that asyncio asks for at each read. All ratios are of CPU seconds a call, which
other programs on the machine disturb least: those of the other over ours, so more than 1 means that
ours is cheaper. Each is the median over many short turns that alternate and begin warm.
``server_busy`` is the largest share of a core the server used: well under 1, it was not the
bottleneck. ``..._rps`` are calls a second; they say as much about the machine as about the client.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import ssl
import statistics
import sys
import time
from typing import Any

import aiohttp
import attrs

from . import _lib
from ._clients import CLIENTS, check_equal

AT_ONCE = 20
COMPARED = ("sdk", "lean", "best")
PLACES = {
    "1k": (*COMPARED, "limit"),
    "20k": (*COMPARED, "limit"),
    "200k": (*COMPARED, "limit"),
    "20kz": COMPARED,
    "20kc": COMPARED,
    "tls_1k": (*COMPARED, "limit"),
    "tls_20k": (*COMPARED, "limit"),
    "tls_200k": (*COMPARED, "limit"),
    "1k_usual": ("sdk", "lean", "httpx", "cattrs"),
    "20k_usual": ("sdk", "lean", "httpx", "cattrs"),
}
"""Where who is measured, each place in a process of its own."""
CALLS = {"1k": 200, "20k": 200, "200k": 60}
"""Calls a turn, by size."""
WARM_UP = 3 * AT_ONCE
"""Calls before each turn that do not count: the caches hold what the others did."""
WITHIN = 300.0
SLOW = {"httpx": 5, "cattrs": 3}
"""Who makes a fraction of these."""

Results = dict[str, dict[str, list[_lib.Turn]]]


async def measure(
    servers: dict[str, str], place: str, options: argparse.Namespace
) -> tuple[dict[str, list[_lib.Turn]], float]:
    """Return the turns at a place by client, and how busy the server was in the busiest of them."""
    names = [name for name in PLACES[place] if name in CLIENTS]
    turns: dict[str, list[_lib.Turn]] = {name: [] for name in names}
    busy: dict[str, list[float]] = {name: [] for name in names}
    async with contextlib.AsyncExitStack() as stack:
        control = await stack.enter_async_context(aiohttp.ClientSession())

        async def server_cpu() -> float:
            async with control.get(f"{servers['http']}/cpu") as response:
                return float(await response.read())

        calls = {
            name: await stack.enter_async_context(_client(servers, place, name)) for name in names
        }
        await check_equal(calls)
        for name in _lib.alternating(options.rounds, names, patience=options.patience):
            cpu, began = await server_cpu(), time.perf_counter()
            turns[name].append(await _turn(calls[name], _size(place), SLOW.get(name, 1)))
            busy[name].append((await server_cpu() - cpu) / (time.perf_counter() - began))
    return turns, max(map(statistics.median, busy.values()))


def _size(place: str) -> str:
    return place.removeprefix("tls_").removesuffix("_usual")


def _client(servers: dict[str, str], place: str, name: str) -> Any:
    if not place.startswith("tls_"):
        return CLIENTS[name](f"{servers['http']}/{_size(place)}", None)
    context = ssl.create_default_context(cafile=servers["authority"])
    return CLIENTS[name](f"{servers['https']}/{_size(place)}", context)


async def _turn(call: _lib.Call, size: str, slow: int) -> _lib.Turn:
    calls = CALLS[size.rstrip("zc")]
    await _lib.counted_turn(call, calls=WARM_UP // slow, at_once=AT_ONCE)
    return await _lib.counted_turn(call, calls=calls // slow, at_once=AT_ONCE)


def in_own_processes(servers: dict[str, str], options: argparse.Namespace) -> tuple[Results, float]:
    """Measure each place in a process of its own; return the turns, and how busy the server was."""
    results: Results = {}
    busiest = 0.0
    for place in PLACES:
        if place.startswith("tls_") and "https" not in servers:
            continue
        task = ("--place", place, json.dumps(servers), str(options.rounds), str(options.patience))
        with _lib.child("benchmarks.overhead", *task, within=WITHIN) as (turns, busy):
            results[place] = {
                name: [_lib.Turn(*each) for each in done] for name, done in turns.items()
            }
        busiest = max(busiest, busy)
    return results, busiest


def measured(place: str, servers: str, rounds: str, patience: str) -> None:
    """Measure one place, in a process of its own, and tell the parent."""
    _lib.pin(_lib.CLIENT_CPU)
    options = argparse.Namespace(rounds=int(rounds), patience=float(patience) / len(PLACES))
    turns, busy = asyncio.run(measure(json.loads(servers), place, options))
    told = {name: [attrs.astuple(each) for each in done] for name, done in turns.items()}
    _lib.announce((told, busy))


def figures(results: Results, busy: float) -> dict[str, _lib.Figure]:
    """Return the report."""

    def cost(ours: str, other: str, place: str, gate: str = "") -> _lib.Figure:
        turns = results.get(place, {})
        if ours not in turns or other not in turns:
            return _lib.Figure(None, gate=gate, note="needs the group `bench` and openssl")
        above, below = turns[other], turns[ours]
        return _lib.ratio([t.cpu_us for t in above], [t.cpu_us for t in below], gate)

    found = {
        "sdk_vs_best_aiohttp": cost("sdk", "best", "20k", ">= 0.80"),
        "lean_vs_best_aiohttp": cost("lean", "best", "20k", ">= 1.40"),
        "lean_vs_best_aiohttp_1kb": cost("lean", "best", "1k", ">= 2.00"),
        "lean_vs_limit": cost("lean", "limit", "20k", ">= 0.60"),
        "sdk_vs_httpx_pydantic": cost("sdk", "httpx", "20k_usual", ">= 8"),
        "sdk_vs_aiohttp_cattrs": cost("sdk", "cattrs", "20k_usual"),
        "tls": cost("sdk", "best", "tls_20k"),
        "tls_lean": cost("lean", "best", "tls_20k"),
    }
    for place, names in PLACES.items():
        for ours in ("sdk", "lean"):
            for other in names:
                if other not in COMPARED[:2]:
                    found[f"{place}_{ours}_vs_{other}"] = cost(ours, other, place)
    for place, clients in results.items():
        for name, turns in clients.items():
            found[f"{place}_{name}_cpu_us"] = _lib.middle([turn.cpu_us for turn in turns], "us")
            found[f"{place}_{name}_rps"] = _lib.middle([turn.rate for turn in turns], "/s")
    shares = [turn.busy for of in results.values() for turns in of.values() for turn in turns]
    return found | {"server_busy": _lib.Figure(busy), "client_busy": _lib.middle(shares)}


def main() -> None:
    options = _lib.arguments(__doc__, rounds=24, patience=150)
    with _lib.child("benchmarks._server") as servers:
        results, busy = in_own_processes(servers, options)
    rounds = len(results["20k"]["sdk"])
    _lib.report("overhead", figures(results, busy), as_json=options.json, rounds=rounds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--place"]:
        measured(*sys.argv[2:])
    else:
        main()
