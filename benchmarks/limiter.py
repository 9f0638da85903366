"""Limits that adapt, in four situations and in time that is simulated.

One client has 3,000 reads (12,000 in D) for a server that takes about 80 ms for each, log-normally
distributed:

- **A**: 8 workers and a long queue.
- **B**: 8 workers and a queue of 8; whatever comes beyond is refused with 503.
- **C**: 60 requests a second, by a bucket of 60; whatever comes beyond is refused with 429, without
  ``Retry-After``.
- **D**: 32 workers, of which a quarter is left between the seconds 10 and 20.

The limits are the package's own code, with and without its pacing, a fixed number, and the rules of
others, rewritten here. Cells: seconds to finish, share of the requests that were refused in %, and
99th percentile of the latency in ms; means over the seeds.

- ``worst_vs_fastest``: seconds of ours over those of the fastest limit, in the worst situation.
- ``worst_rejected``: share of our requests that were refused, in the worst situation.
- ``paced_vs_ideal``: 200 different reads through a whole session against a server that takes 20 a
  second of a key and refuses the others with ``Retry-After: 1``, over the ideal time of 10 s; the
  slowest of several servers, which count by seconds of the clock, by the last second, and by a
  bucket that fills.

Gates: <= 1.03, <= 0.05, <= 1.2.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import math
import statistics
from collections import deque
from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

import attrs

from eguma_async import AsyncSession, HttpRequest, HttpResponse, ListAvailabilities
from eguma_async.core.transport import ManagedTransport

from . import _lib, _virtual
from ._limiters import LIMITERS, OURS, Limiter

SERVICE = 0.080
SPREAD = 0.5
ROUND_TRIP = 0.002
READS = 3000
KEY = "benchmark-key-0123456789"


@attrs.frozen
class Scene:
    """A server and what is asked of it."""

    reads: int = READS
    workers: int = 8
    queue: float = math.inf
    rate: float = math.inf
    dip: tuple[float, float] = (math.inf, math.inf)

    def capacity(self, now: float) -> int:
        return self.workers // 4 if self.dip[0] <= now < self.dip[1] else self.workers


SCENES = {
    "A": Scene(),
    "B": Scene(queue=8),
    "C": Scene(workers=1000, rate=60),
    "D": Scene(reads=12000, workers=32, dip=(10.0, 20.0)),
}


@attrs.define
class Result:
    """What one run came to."""

    seconds: float = 0.0
    sent: int = 0
    refused: int = 0
    latencies: list[float] = attrs.field(factory=list, repr=False)

    @property
    def rejected(self) -> float:
        return self.refused / self.sent

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.latencies, n=100)[98]


class Simulation:
    """One client and one server, event by event: much faster than tasks, and the same code.

    Args:
        scene: The situation.
        limiter: Is asked before each request, and told what became of it.
        seed: Of the service times and the pauses.
    """

    def __init__(self, scene: Scene, limiter: Limiter, seed: int) -> None:
        self._scene = scene
        self._limiter = limiter
        self._service, self._jitter = Random(seed), Random(seed + 1)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._now = 0.0
        self._to_do = scene.reads
        self._free = limiter.highest  # workers, each of which keeps its read until it is done
        self._again: deque[int] = deque()
        self._held = 0
        self._busy = 0
        self._queue: deque[tuple[float, int]] = deque()
        self._tokens, self._filled = scene.rate, 0.0
        self.result = Result()

    def _at(self, when: float, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, what))

    def run(self) -> Result:
        for edge in self._scene.dip:
            if edge < math.inf:
                self._at(edge, self._serve)
        self._send()
        while len(self.result.latencies) < self._scene.reads:
            self._now, _, what = heapq.heappop(self._events)
            what()
        self.result.seconds = self._now
        return self.result

    # The client

    def _send(self) -> None:
        while self._held < self._limiter.limit:
            if self._again:
                attempt = self._again.popleft()
            elif self._free and self._to_do:
                attempt = 0
                self._to_do -= 1
                self._free -= 1
            else:
                return
            self._held += 1
            self._reserve(attempt)

    def _reserve(self, attempt: int) -> None:
        wait, cuts = self._limiter.reserve(self._now), self._limiter.cuts
        self._at(self._now + wait, lambda: self._go(attempt, cuts))

    def _go(self, attempt: int, cuts: int) -> None:
        if cuts != self._limiter.cuts:
            self._reserve(attempt)
            return
        self._limiter.started()
        self.result.sent += 1
        began = self._now
        self._at(self._now + ROUND_TRIP / 2, lambda: self._arrive(began, attempt))

    def _answer(self, began: float) -> None:
        self._limiter.answered(began, self._now)
        self._limiter.ended()
        self._held -= 1
        self._free += 1
        self.result.latencies.append(self._now - began)
        self._send()

    def _refuse(self, began: float, attempt: int) -> None:
        self._limiter.refused(began, self._now, None, too_many=self._scene.rate < math.inf)
        self._limiter.ended()
        self._held -= 1
        self.result.refused += 1
        pause = self._jitter.random() * min(8.0, 2.0 ** min(attempt, 10))
        self._at(self._now + pause, lambda: self._return(attempt + 1))
        self._send()

    def _return(self, attempt: int) -> None:
        self._again.append(attempt)
        self._send()

    # The server

    def _arrive(self, began: float, attempt: int) -> None:
        if not self._admits():
            self._at(self._now + ROUND_TRIP / 2, lambda: self._refuse(began, attempt))
            return
        self._queue.append((began, attempt))
        self._serve()

    def _admits(self) -> bool:
        scene = self._scene
        if scene.rate < math.inf:
            gained = (self._now - self._filled) * scene.rate
            self._tokens = min(scene.rate, self._tokens + gained)
            self._filled = self._now
            if self._tokens < 1:
                return False
            self._tokens -= 1
        free = self._busy < scene.capacity(self._now)
        return free or len(self._queue) < scene.queue

    def _serve(self) -> None:
        while self._queue and self._busy < self._scene.capacity(self._now):
            began, _ = self._queue.popleft()
            self._busy += 1
            took = self._service.lognormvariate(math.log(SERVICE) - SPREAD**2 / 2, SPREAD)
            self._at(self._now + took, lambda began=began: self._served(began))  # type: ignore[misc]  # bound now

    def _served(self, began: float) -> None:
        self._busy -= 1
        self._at(self._now + ROUND_TRIP / 2, lambda: self._answer(began))
        self._serve()


# A whole session against a server with a rate


class Server(ManagedTransport):
    """Takes so many reads a second, and refuses the others with ``Retry-After: 1``.

    Args:
        rule: ``"second"`` counts by the seconds of the clock, ``"sliding"`` the last second,
            ``"bucket"`` takes what has flowed into a bucket of a second's worth.
        rate: Reads a second.
        began: Where in a second of the server's clock the run begins.
    """

    def __init__(self, rule: str, rate: int, began: float) -> None:
        self._rule, self._rate = rule, rate
        self._taken: deque[float] = deque()
        self._tokens, self._filled = float(rate), 0.0
        self._clock = _virtual.VirtualClock()
        self._began = began
        self.sent = self.refused = 0

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        self.sent += 1
        taken = self._takes(self._clock.elapsed() + self._began)
        await asyncio.sleep(0.02)
        if not taken:
            self.refused += 1
            return HttpResponse(status=429, headers={"retry-after": "1"})
        body = b'{"company_name":"x","product_name":"y","availabilities":[]}'
        return HttpResponse(status=200, body=body)

    def _takes(self, now: float) -> bool:
        if self._rule == "bucket":
            self._tokens = min(self._rate, self._tokens + (now - self._filled) * self._rate)
            self._filled = now
            taken = self._tokens >= 1
            self._tokens -= taken
            return taken
        since = math.floor(now) if self._rule == "second" else now - 1
        while self._taken and self._taken[0] < since:
            self._taken.popleft()
        if len(self._taken) >= self._rate:
            return False
        self._taken.append(now)
        return True


async def paced(rule: str, rate: int, began: float, *, single: bool, seed: int) -> dict[str, Any]:
    """Read through a session; return how it went."""
    clock, server = _virtual.VirtualClock(), Server(rule, rate, began)
    reads = rate * 10
    day = date(2026, 3, 1)
    operations = [
        ListAvailabilities(product_id=f"p{n}", from_date=day, to_date=day) for n in range(reads)
    ]
    options: dict[str, Any] = {"clock": clock, "random": Random(seed).random}
    async with AsyncSession(KEY, transport=server, **options) as session:
        if single:
            await asyncio.gather(*map(session.send, operations))
            done = reads
        else:
            done = sum([outcome.ok async for outcome in session.fan_out(operations)])
    return {
        "rule": rule,
        "rate": rate,
        "single": single,
        "vs_ideal": clock.elapsed() / (reads / rate),
        "rejected": server.refused / server.sent,
        "missing": reads - done,
    }


def paced_runs(seeds: int) -> list[dict[str, Any]]:
    """Run all servers."""
    return [
        _virtual.run(paced(rule, rate, began, single=single, seed=seed))
        for rule in ("second", "sliding", "bucket")
        for rate in (20, 60)
        for single in (False, True)
        for seed, began in zip(range(seeds), (0.0, 0.3, 0.6, 0.9, 0.99), strict=False)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    parser.add_argument("--seeds", type=int, default=5, help="default %(default)s")
    given = parser.parse_args()
    table: dict[str, dict[str, tuple[float, float, float]]] = {}
    for name, make in LIMITERS.items():
        table[name] = {}
        for letter, scene in SCENES.items():
            runs = [Simulation(scene, make(), seed).run() for seed in range(given.seeds)]
            table[name][letter] = (
                statistics.mean(run.seconds for run in runs),
                statistics.mean(run.rejected for run in runs),
                statistics.mean(run.p99 for run in runs),
            )
    slowness = {
        letter: table[OURS][letter][0] / min(row[letter][0] for row in table.values())
        for letter in SCENES
    }
    rejected = {letter: table[OURS][letter][1] for letter in SCENES}
    session_runs = paced_runs(given.seeds)
    slowest = max(session_runs, key=lambda run: float(run["vs_ideal"]))
    missing = sum(run["missing"] for run in session_runs)
    worst_slow, worst_rejected = max(slowness, key=slowness.get), max(rejected, key=rejected.get)  # type: ignore[arg-type]
    figures = {
        "worst_vs_fastest": _lib.Figure(slowness[worst_slow], "", "<= 1.03", note=worst_slow),
        "worst_rejected": _lib.Figure(rejected[worst_rejected], "", "<= 0.05", note=worst_rejected),
        "paced_vs_ideal": _lib.Figure(
            slowest["vs_ideal"], "", "<= 1.2", note=f"{slowest['rule']}, {slowest['rate']} a second"
        ),
        "paced_missing": _lib.Figure(float(missing), "reads", "<= 0"),
    }
    if not given.json:
        print(rendered(table))
        print()
    _lib.report("limiter", figures, as_json=given.json, rounds=given.seeds)


def rendered(table: dict[str, dict[str, tuple[float, float, float]]]) -> str:
    """Return the table as text."""
    lines = [f"{'limit':<24}" + "".join(f"{letter:>24}" for letter in SCENES)]
    for name, row in table.items():
        cells = [
            f"{seconds:.1f} s / {100 * rejected:.1f} % / {1000 * p99:.0f}"
            for seconds, rejected, p99 in row.values()
        ]
        lines.append(f"{name:<24}" + "".join(f"{cell:>24}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
