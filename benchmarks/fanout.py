"""Many reads at once: how close to the ideal wall time, and how memory grows with their number.

- ``sdk``: ``session.fan_out``, 100 reads at once.
- ``gather``: ``asyncio.gather`` over a task for each read, with a semaphore of 100, on the same
  session: what one writes without it.
- ``raw``: 100 workers on the hand-written aiohttp client of `benchmarks.overhead`: the floor.
  Wall time only.

Wall time: 5,000 reads from a server that answers 1 KB after 20 ms. Ideal is 5,000 / 100 x 20 ms,
which no client reaches, as the calls cost CPU too: with ``cpu_us`` near 200 a core is busy all the
time, and if other programs want it as well the wall time says more about them. Gate:
``wall_vs_ideal_20ms`` <= 1.40.

Memory: growth of the process at its peak, over 5,000 and over 50,000 reads, results dropped, in a
fresh process for each, over a transport in memory. The exponent is log10(peak of 50,000 / peak of
5,000), peaks below 1 MB counted as 1 MB: 0 is flat, 1 is proportional. Gate: ``memory_exponent``
<= 0.15.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import gc
import math
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

from eguma_async import (
    AiohttpTransport,
    AsyncSession,
    HttpRequest,
    HttpResponse,
    Limits,
    ListAvailabilities,
    MemoryTransport,
)

from . import _lib, _server, overhead

READS, MANY_READS = 5_000, 50_000
AT_ONCE = 100
DELAY = 0.020
IDEAL = READS / AT_ONCE * DELAY
MEGABYTE = 1_000_000
PEAK_SECONDS = 90.0


def reads(count: int) -> Iterator[ListAvailabilities]:
    """Yield that many reads."""
    for number in range(count):
        product_id = _lib.PRODUCT_IDS[number % len(_lib.PRODUCT_IDS)]
        yield ListAvailabilities(product_id=product_id, from_date=_lib.FROM, to_date=_lib.TO)


async def sdk(session: AsyncSession, count: int) -> int:
    """Fan out with the package and return how many reads succeeded."""
    done = 0
    async for outcome in session.fan_out(reads(count), concurrency=AT_ONCE):
        done += bool(outcome.unwrap().availabilities)
    return done


async def gather(session: AsyncSession, count: int) -> int:
    """Do the same with a task for each read."""
    permits = asyncio.Semaphore(AT_ONCE)

    async def one(operation: ListAvailabilities) -> bool:
        async with permits:
            return bool((await session.send(operation)).availabilities)

    return sum(await asyncio.gather(*(one(operation) for operation in reads(count))))


async def raw(call: _lib.Call, count: int) -> int:
    """Do the same with workers on a client written by hand."""
    operations = reads(count)
    done = 0

    async def worker() -> None:
        nonlocal done
        for operation in operations:
            answer = await call(operation.product_id)
            done += bool(answer.availabilities)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return done


Pattern = Callable[[AsyncSession, int], Awaitable[int]]
PATTERNS: dict[str, Pattern] = {"sdk": sdk, "gather": gather}


async def over_network(base: str, options: argparse.Namespace) -> dict[str, list[_lib.Turn]]:
    """Return the turns of each way over the network."""
    async with contextlib.AsyncExitStack() as stack:
        transport = AiohttpTransport(connections=AT_ONCE)
        stack.push_async_callback(transport.aclose)
        limits = Limits(concurrency=AT_ONCE)
        session = await stack.enter_async_context(
            AsyncSession(_lib.KEY, base_url=base, transport=transport, limits=limits)
        )
        call = await stack.enter_async_context(overhead.raw(base))
        ways: dict[str, Callable[[int], Awaitable[int]]] = {
            "sdk": functools.partial(sdk, session),
            "gather": functools.partial(gather, session),
            "raw": functools.partial(raw, call),
        }
        turns: dict[str, list[_lib.Turn]] = {name: [] for name in ways}
        for way in ways.values():
            await _all(way, 5 * AT_ONCE)  # opens the connections
        patience = options.patience / 2  # the other half is for the memory
        for name in _lib.alternating(options.rounds, tuple(ways), patience=patience):
            gc.collect()
            cpu, began = time.process_time(), time.perf_counter()
            await _all(ways[name], READS)
            wall, cpu = time.perf_counter() - began, time.process_time() - cpu
            turns[name].append(_lib.Turn(READS, wall, cpu))
    return turns


async def _all(way: Callable[[int], Awaitable[int]], count: int) -> None:
    done = await way(count)
    if done != count:
        raise RuntimeError(f"{done} of {count} reads succeeded")


async def peak(name: str, count: int) -> int:
    """Return by how many bytes the process grew, at its peak, over what it needed before."""
    body = _server.availabilities(_server.SIZES["1k"])

    async def answer(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0)  # lets the others begin, as a network would
        return HttpResponse(status=200, body=body)

    async with AsyncSession(_lib.KEY, transport=MemoryTransport(answer)) as session:
        way = functools.partial(PATTERNS[name], session)
        await _all(way, 2 * AT_ONCE)
        gc.collect()
        before = _lib.peak_memory()
        await _all(way, count)
        return _lib.peak_memory() - before


def peaks(name: str) -> tuple[int, int]:
    """Return the peaks of both counts, each from a fresh process."""
    both = []
    for count in (READS, MANY_READS):
        task = ("--peak-of", name, str(count))
        with _lib.child("benchmarks.fanout", *task, within=PEAK_SECONDS) as bytes_at_peak:
            both.append(bytes_at_peak)
    return both[0], both[1]


def figures(turns: dict[str, list[_lib.Turn]]) -> dict[str, _lib.Figure]:
    """Return the report."""
    found = {}
    for name, prefix in (("sdk", ""), ("gather", "gather_"), ("raw", "raw_")):
        single = [turn.wall / IDEAL for turn in turns[name]]
        gate = "<= 1.40" if name == "sdk" else ""
        found[f"{prefix}wall_vs_ideal_20ms"] = _lib.middle(single, gate=gate)
        found[f"{prefix}cpu_us"] = _lib.middle([turn.cpu_us for turn in turns[name]], "us")
    walls = {name: [turn.wall for turn in done] for name, done in turns.items()}
    found["wall_vs_gather"] = _lib.ratio(walls["sdk"], walls["gather"])
    found["wall_vs_raw"] = _lib.ratio(walls["sdk"], walls["raw"])
    for name, prefix in (("sdk", ""), ("gather", "gather_")):
        few, many = peaks(name)
        exponent = math.log10(max(many, MEGABYTE) / max(few, MEGABYTE))
        gate = "<= 0.15" if name == "sdk" else ""
        found[f"{prefix}memory_exponent"] = _lib.Figure(exponent, gate=gate)
        found[f"{prefix}peak_5k_mb"] = _lib.Figure(few / MEGABYTE, "MB")
        found[f"{prefix}peak_50k_mb"] = _lib.Figure(many / MEGABYTE, "MB")
    return found


def main() -> None:
    options = _lib.arguments(__doc__, rounds=5)
    _lib.pin(_lib.CLIENT_CPU)
    with _lib.child("benchmarks._server", str(DELAY)) as url:
        turns = asyncio.run(over_network(f"{url}/1k", options))
    _lib.report("fanout", figures(turns), as_json=options.json, rounds=len(turns["sdk"]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak-of"]:
        _lib.announce(asyncio.run(peak(sys.argv[2], int(sys.argv[3]))))
    else:
        main()
