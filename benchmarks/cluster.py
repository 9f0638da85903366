"""A fan-out over a Dask cluster beside the same fan-out in this process.

- ``plain``: ``session.fan_out`` in one process, 100 reads at once.
- ``dask``: the same with ``executor=DaskExecutor(client)``: two workers in processes of their own,
  100 reads at once together, in tasks of 50.

Both read the same lists of 20 ms from the same server. Two workers, the scheduler, this process
and the server share the cores, so the cluster cannot be the faster one here: the ratio says what
it costs to ship reads and results. On machines of their own, workers add up.

``dask_vs_plain`` is the rate of the one over that of the other, each pair from one round. Gate:
>= 0.6.

``missing_after_killed_worker`` counts, after one of the workers was killed in the middle of a run,
the reads that have no value in the end. ``sent_twice`` says how many requests that took on top.
Gate: 0.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from distributed import Client, LocalCluster

from eguma_async import AsyncSession, DaskExecutor, Limits, ListAvailabilities
from eguma_async.pipeline.adaptive import AdaptiveLimits

from . import _lib

READS = 2_000
KILLED_READS = 3_000
WORKERS = 2
AT_ONCE = 100
CHUNK = 50
DELAY = 0.020
KILL_AFTER = 500


def limits(at_once: int) -> Limits:
    """Let so many reads be under way from the start: it is not the limiter that is measured."""
    adaptive = AdaptiveLimits(start=at_once, lowest=at_once, highest=at_once)
    return Limits(concurrency=at_once, adaptive=adaptive)


def reads(count: int) -> Iterator[ListAvailabilities]:
    """Yield that many reads, no two of them equal: equal ones are made once."""
    for number in range(count):
        product_id = f"{_lib.PRODUCT_IDS[number % len(_lib.PRODUCT_IDS)]}-{number}"
        yield ListAvailabilities(product_id=product_id, from_date=_lib.FROM, to_date=_lib.TO)


async def plain(session: AsyncSession, count: int) -> int:
    """Fan out in this process, and return how many reads have a value."""
    return sum([outcome.ok async for outcome in session.fan_out(reads(count))])


async def dask(session: AsyncSession, executor: DaskExecutor, count: int) -> int:
    """Do the same on the workers."""
    return sum([o.ok async for o in session.fan_out(reads(count), executor=executor)])


@contextlib.asynccontextmanager
async def cluster() -> AsyncIterator[Any]:
    """Run the workers, and yield a client of them."""
    running: Any = LocalCluster
    connected: Any = Client
    how = {"n_workers": WORKERS, "threads_per_worker": 2, "dashboard_address": ":0"}
    async with (
        running(processes=True, asynchronous=True, **how) as local,
        connected(local, asynchronous=True) as client,
    ):
        yield client


async def alternate(base: str, options: argparse.Namespace) -> dict[str, list[float]]:
    """Return the reads a second of each way, round by round."""
    rates: dict[str, list[float]] = {"plain": [], "dask": []}
    async with (
        cluster() as client,
        AsyncSession(_lib.KEY, base_url=base, limits=limits(AT_ONCE)) as one,
        AsyncSession(_lib.KEY, base_url=base, limits=limits(AT_ONCE // WORKERS)) as of_many,
        DaskExecutor(client, chunk_size=CHUNK) as executor,
    ):
        ways: dict[str, Callable[[int], Awaitable[int]]] = {
            "plain": lambda count: plain(one, count),
            "dask": lambda count: dask(of_many, executor, count),
        }
        for way in ways.values():
            await _all(way, 5 * AT_ONCE)  # opens the connections
        for name in _lib.alternating(options.rounds, tuple(ways), patience=options.patience):
            gc.collect()
            began = time.perf_counter()
            await _all(ways[name], READS)
            rates[name].append(READS / (time.perf_counter() - began))
    return rates


async def _all(way: Callable[[int], Awaitable[int]], count: int) -> None:
    done = await way(count)
    if done != count:
        raise RuntimeError(f"{done} of {count} reads succeeded")


async def killed(base: str) -> tuple[int, int]:
    """Kill a worker in the middle; return how many reads have no value, and of how many."""
    async with (
        cluster() as client,
        AsyncSession(_lib.KEY, base_url=base, limits=limits(AT_ONCE // WORKERS)) as session,
        DaskExecutor(client, chunk_size=CHUNK) as executor,
    ):
        pids = list((await client.run(os.getpid)).values())
        found: set[str] = set()
        outcomes = 0
        async for outcome in session.fan_out(reads(KILLED_READS), executor=executor):
            outcomes += 1
            if outcome.ok:
                found.add(getattr(outcome.operation, "product_id", ""))
            if outcomes == KILL_AFTER:
                os.kill(pids[0], signal.SIGKILL)
    return KILLED_READS - len(found), outcomes - len(found)


def main() -> None:
    options = _lib.arguments(__doc__, rounds=5)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it tells of the killed worker
    os.environ["EGUMA_API_KEY"] = _lib.KEY  # what the workers take their key from
    with _lib.child("benchmarks._server", str(DELAY)) as servers:
        base = f"{servers['http']}/1k"
        rates = asyncio.run(alternate(base, options))
        missing, doubled = asyncio.run(killed(base))
    figures = {
        "dask_vs_plain": _lib.ratio(rates["dask"], rates["plain"], gate=">= 0.6"),
        "missing_after_killed_worker": _lib.Figure(missing, gate="<= 0"),
        "doubled_after_killed_worker": _lib.Figure(doubled, gate="<= 0"),
        "plain_rate": _lib.middle(rates["plain"], "/s"),
        "dask_rate": _lib.middle(rates["dask"], "/s"),
    }
    _lib.report("cluster", figures, as_json=options.json, rounds=len(rates["dask"]))


if __name__ == "__main__":
    main()
