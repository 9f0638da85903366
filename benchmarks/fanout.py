"""Many reads at once: how close to bare sockets, and how time and memory grow with their number.

- ``lean``: ``session.fan_out`` over `LeanTransport` (extra ``fast``), 100 reads at once.
- ``sdk``: the same over `AiohttpTransport`.
- ``gather``: ``asyncio.gather`` over a task for each read, with a semaphore of 100, on the session
  of ``sdk``: what one writes without it. ``taskgroup``: the same with a task group.
- ``httpx``: a task group and a semaphore over httpx and pydantic, a fifth of the reads.
- ``socket``: 100 workers on bare asyncio protocols that know this one server: the floor.

Each way is measured in a process of its own, in turns with bare sockets.

Wall time and CPU: 5,000 reads from a server that answers 1 KB after 20 ms. A core is busy nearly
all of that time, so the ratio to the ideal, 5,000 / 100 x 20 ms, says more about the machine than
about the client, and is reported without a gate; the ones to ``socket`` are gated. With 2,000 reads
of 100 ms there is time to spare, and the ideal is the gate.

Growth: time and peak memory over 1,000, 10,000 and 100,000 reads, results dropped, a fresh process
for each, over a transport in memory. An exponent of 1 is proportional, 0 is flat; peaks below 1 MB
count as 1 MB.
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
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import attrs

from eguma_async import (
    AiohttpTransport,
    AsyncSession,
    HttpRequest,
    HttpResponse,
    Limits,
    ListAvailabilities,
    MemoryTransport,
)

from . import _clients, _lib, _server

if TYPE_CHECKING:
    from eguma_async import LeanTransport

AT_ONCE = 100
SHORT, LONG = 0.020, 0.100
READS, LONG_READS = 5_000, 2_000
MEGABYTE = 1_000_000
GROWTH = (1_000, 5_000, 10_000, 50_000, 100_000)
PEAK_SECONDS = 90.0

Way = Callable[[int], Awaitable[int]]


def reads(count: int) -> Iterator[ListAvailabilities]:
    """Yield that many reads."""
    for number in range(count):
        product_id = _lib.PRODUCT_IDS[number % len(_lib.PRODUCT_IDS)]
        yield ListAvailabilities(product_id=product_id, from_date=_lib.FROM, to_date=_lib.TO)


async def fan_out(session: AsyncSession, count: int) -> int:
    """Fan out with the package and return how many reads succeeded."""
    done = 0
    async for outcome in session.fan_out(reads(count), concurrency=AT_ONCE):
        done += bool(outcome.unwrap().availabilities)
    return done


async def gather(call: _lib.Call, count: int) -> int:
    """Do the same with a task for each read."""
    permits = asyncio.Semaphore(AT_ONCE)

    async def one(product_id: str) -> bool:
        async with permits:
            return bool((await call(product_id)).availabilities)

    return sum(await asyncio.gather(*(one(each.product_id) for each in reads(count))))


async def task_group(call: _lib.Call, count: int) -> int:
    """Do the same in a task group."""
    permits = asyncio.Semaphore(AT_ONCE)

    async def one(product_id: str) -> bool:
        async with permits:
            return bool((await call(product_id)).availabilities)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(each.product_id)) for each in reads(count)]
    return sum(task.result() for task in tasks)


async def workers(call: _lib.Call, count: int) -> int:
    """Do the same with workers on one iterator."""
    operations = reads(count)
    done = 0

    async def worker() -> None:
        nonlocal done
        for operation in operations:
            answer = await call(operation.product_id)
            done += bool(answer.availabilities)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return done


TASKS: dict[str, Callable[[_lib.Call, int], Awaitable[int]]] = {
    "gather": gather,
    "taskgroup": task_group,
}


@contextlib.asynccontextmanager
async def _way(name: str, base: str) -> AsyncIterator[Way]:
    """Yield one way to read from a server."""
    async with contextlib.AsyncExitStack() as stack:
        if name == "socket":
            yield functools.partial(workers, await stack.enter_async_context(_clients.limit(base)))
            return
        if name == "httpx":
            slow = await stack.enter_async_context(_clients.CLIENTS["httpx"](base, None))
            yield functools.partial(task_group, slow)
            return
        transport = _transport(name)
        await stack.enter_async_context(transport)
        session = await stack.enter_async_context(
            AsyncSession(
                _lib.KEY, base_url=base, transport=transport, limits=Limits(concurrency=AT_ONCE)
            )
        )

        async def call(product_id: str) -> object:
            return await session.ticketing.availabilities.list(
                product_id, from_date=_lib.FROM, to_date=_lib.TO
            )

        if name in TASKS:
            yield functools.partial(TASKS[name], call)
        else:
            yield functools.partial(fan_out, session)


def _transport(name: str) -> AiohttpTransport | LeanTransport:
    if name != "lean":
        return AiohttpTransport(connections=AT_ONCE)
    from eguma_async import LeanTransport

    return LeanTransport(connections=AT_ONCE)


async def _beside_sockets(
    name: str, base: str, count: int, rounds: int, patience: float
) -> dict[str, list[_lib.Turn]]:
    """Return the turns of one way, and of bare sockets."""
    turns: dict[str, list[_lib.Turn]] = {name: [], "socket": []}
    async with _way(name, base) as way, _way("socket", base) as floor:
        ways = {name: way, "socket": floor}
        for read in ways.values():
            await _all(read, 2 * AT_ONCE)  # opens the connections
        for each in _lib.alternating(rounds, tuple(ways), patience=patience):
            many = count // 5 if each == "httpx" else count
            gc.collect()
            cpu, began = time.process_time(), time.perf_counter()
            await _all(ways[each], many)
            wall, cpu = time.perf_counter() - began, time.process_time() - cpu
            turns[each].append(_lib.Turn(many, wall, cpu))
    return turns


def over_network(
    delay: float, count: int, options: argparse.Namespace, names: tuple[str, ...]
) -> dict[str, dict[str, list[_lib.Turn]]]:
    """Return the turns of some ways, each beside bare sockets in a process of its own."""
    found = {}
    patience = options.patience / len(names) / 2
    with _lib.child("benchmarks._server", str(delay)) as servers:
        for name in filter(_is_there, names):
            task = ("--way", name, f"{servers['http']}/1k", str(count), str(options.rounds))
            with _lib.child("benchmarks.fanout", *task, str(patience), within=PEAK_SECONDS) as told:
                found[name] = {
                    each: [_lib.Turn(*turn) for turn in turns] for each, turns in told.items()
                }
    return found


def _is_there(name: str) -> bool:
    if name == "lean":
        return _clients.HAS_LEAN
    return name != "httpx" or "httpx" in _clients.CLIENTS


def measured(name: str, base: str, count: str, rounds: str, patience: str) -> None:
    """Measure one way, in a process of its own, and tell the parent."""
    _lib.pin(_lib.CLIENT_CPU)
    turns = asyncio.run(_beside_sockets(name, base, int(count), int(rounds), float(patience)))
    _lib.announce({each: [attrs.astuple(turn) for turn in done] for each, done in turns.items()})


async def _all(way: Way, count: int) -> None:
    done = await way(count)
    if done != count:
        raise RuntimeError(f"{done} of {count} reads succeeded")


async def grown(name: str, count: int) -> tuple[int, float]:
    """Return by how many bytes the process grew at its peak, and the CPU seconds it took."""
    body = _server.availabilities(_server.SIZES["1k"])

    async def answer(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0)  # lets the others begin, as a network would
        return HttpResponse(status=200, body=body)

    async with AsyncSession(_lib.KEY, transport=MemoryTransport(answer)) as session:

        async def call(product_id: str) -> object:
            return await session.ticketing.availabilities.list(
                product_id, from_date=_lib.FROM, to_date=_lib.TO
            )

        ways: dict[str, Way] = {
            "sdk": functools.partial(fan_out, session),
            "gather": functools.partial(gather, call),
        }
        await _all(ways[name], 2 * AT_ONCE)
        gc.collect()
        before, cpu = _lib.peak_memory(), time.process_time()
        await _all(ways[name], count)
        return _lib.peak_memory() - before, time.process_time() - cpu


def growth(name: str, counts: tuple[int, ...]) -> dict[int, tuple[int, float]]:
    """Return what `grown` tells of each count, from a fresh process each."""
    found = {}
    for count in counts:
        task = ("--grown", name, str(count))
        with _lib.child("benchmarks.fanout", *task, within=PEAK_SECONDS) as told:
            found[count] = tuple(told)
    return found


def _exponent(few: float, many: float, factor: float) -> float:
    return math.log(many / few) / math.log(factor)


Pairs = dict[str, dict[str, list[_lib.Turn]]]


def figures(short: Pairs, long: Pairs) -> dict[str, _lib.Figure]:
    """Return the report."""

    def versus(of: str, name: str, gate: str = "") -> _lib.Figure:
        if name not in short:
            return _lib.Figure(None, gate=gate, note="needs the extra `fast`, or the group `bench`")
        pair = short[name]
        ours, floor = ([getattr(t, of) / t.calls for t in pair[who]] for who in (name, "socket"))
        return _lib.ratio(ours, floor, gate)

    def ideal(pairs: Pairs, name: str, who: str, delay: float, gate: str = "") -> None:
        turns = pairs.get(name, {}).get(who, ())
        walls = [turn.wall / (turn.calls / AT_ONCE * delay) for turn in turns]
        key = f"{'' if who == 'lean' else who + '_'}wall_vs_ideal_{delay * 1000:.0f}ms"
        found[key] = _lib.middle(walls, gate=gate) if walls else _lib.Figure(None, gate=gate)

    found = {
        "wall_vs_socket_client": versus("wall", "lean", "<= 1.10"),
        "cpu_vs_socket_client": versus("cpu", "lean", "<= 1.90"),
    }
    ideal(long, "lean", "lean", LONG, "<= 1.10")
    for name in ("sdk", "gather", "taskgroup", "httpx"):
        found[f"{name}_wall_vs_socket_client"] = versus("wall", name)
        found[f"{name}_cpu_vs_socket_client"] = versus("cpu", name)
    for pairs, delay in ((short, SHORT), (long, LONG)):
        ideal(pairs, "lean", "lean", delay, "<= 1.10" if delay == LONG else "")
        ideal(pairs, "sdk", "sdk", delay)
        ideal(pairs, "sdk", "socket", delay)
    for name, pair in short.items():
        found[f"{name}_cpu_us"] = _lib.middle([turn.cpu_us for turn in pair[name]], "us")
        found[f"socket_beside_{name}_cpu_us"] = _lib.middle(
            [t.cpu_us for t in pair["socket"]], "us"
        )
    return found | _growth_figures()


def _growth_figures() -> dict[str, _lib.Figure]:
    found = {}
    told = growth("sdk", GROWTH)
    sizes = {count: max(peak, MEGABYTE) for count, (peak, _) in told.items()}
    found["memory_exponent"] = _lib.Figure(
        _exponent(sizes[5_000], sizes[50_000], 10), gate="<= 0.15"
    )
    found["memory_exponent_1k_to_100k"] = _lib.Figure(_exponent(sizes[1_000], sizes[100_000], 100))
    found["time_exponent_1k_to_100k"] = _lib.Figure(
        _exponent(told[1_000][1], told[100_000][1], 100), note="1 is linear"
    )
    for count, (peak, _) in told.items():
        found[f"peak_{count // 1000}k_mb"] = _lib.Figure(peak / MEGABYTE, "MB")
    others = {
        count: max(peak, MEGABYTE) for count, (peak, _) in growth("gather", (5_000, 50_000)).items()
    }
    found["gather_memory_exponent"] = _lib.Figure(_exponent(others[5_000], others[50_000], 10))
    return found


def main() -> None:
    options = _lib.arguments(__doc__, rounds=7, patience=140)
    short = over_network(SHORT, READS, options, ("lean", "sdk", "gather", "taskgroup", "httpx"))
    long = over_network(LONG, LONG_READS, options, ("lean", "sdk"))
    rounds = len(short["sdk"]["sdk"])
    _lib.report("fanout", figures(short, long), as_json=options.json, rounds=rounds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--grown"]:
        _lib.announce(asyncio.run(grown(sys.argv[2], int(sys.argv[3]))))
    elif sys.argv[1:2] == ["--way"]:
        measured(*sys.argv[2:])
    else:
        main()
