"""Kill sellers with SIGKILL, at named points and at random, and count what is left of it.

A server (the sandbox, over HTTP, in this process) sells to worker processes that share one journal.
It loses requests before and after it has done them, sends half answers and 503s, and thinks long
now and then. Each worker is killed, at a point of its work or at some moment, and another takes its
place and asks again for what was not reported. In the end one recovery runs, and what the server
has is compared with what was asked for and what was reported.

- ``lost``: reported or noted as booked, and not there; or there, and reported as not made.
- ``duplicated``: asked for once, and there more than once.
- ``zombie``: there, and noted as not made.
- ``unresolved``: still open in the journal after the recovery.
- ``mismatched``: booked, with other tickets than reported or noted.

All are 0. ``contended`` counts requests that came while a living worker's with the same key was
under way; the server's key would keep that safe, but leases avoid it: near 0. ``per_point`` counts
the kills at each point; ``timer`` are those at some moment.

``--mutant`` does one thing wrong: ``caught`` tells whether the counts show it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from itertools import count, cycle
from pathlib import Path
from typing import Any

import attrs

from eguma_async import Entry, State
from eguma_async.journal.journal import Journal
from eguma_async.sandbox import (
    CutBody,
    Delay,
    DropAfter,
    DropBefore,
    EgumaSandbox,
    Reply,
    SandboxClock,
    SandboxRequest,
    ServerFault,
    serve,
)

from . import _lib
from ._crash_mutants import MUTANTS
from ._crash_worker import Life, Order, store_of

WORK_POINTS = (
    "before intent",
    "inside intent",
    "after intent",
    "after claim",
    "connected",
    "headers sent",
    "half body",
    "request complete",
    "head read",
    "response complete",
    "before outcome",
    "inside outcome",
    "after outcome",
    "before ack",
)
RECOVERY_POINTS = ("claimed", "sent again", "verifying", "before compensating")
OTHER_POINTS = ("pruning", "inside schema")
FILE_ONLY = {"inside intent", "inside outcome", "inside schema"}
TIMER = "timer"
LONGEST_LIFE = 120.0
MOST_LIVES = 12
"""For each kill asked for: a life may end before it comes to its point."""


class Weather(ServerFault):
    """What a bad day does to bookings: each request meets something, or nothing, by chance."""

    kind = "weather"

    def __init__(self, chance: random.Random, *, thinks: float) -> None:
        super().__init__(path="*/booking.json", times=None)
        self._chance = chance
        self._kinds: tuple[tuple[float, ServerFault], ...] = (
            (0.08, DropBefore()),
            (0.08, Reply(503)),
            (0.08, DropAfter()),
            (0.08, CutBody()),
            (thinks, Delay(0.6)),
        )
        self._next: ServerFault | None = None
        self._key, self._worker = "", ""
        self._under_way: dict[str, str] = {}
        self.contended = 0

    def takes(self, request: SandboxRequest) -> bool:
        """Decide by chance."""
        if not super().takes(request):
            return False
        named = {name.lower(): value for name, value in request.headers.items()}
        self._key, self._worker = named.get("idempotency-key", ""), named.get("x-worker", "")
        other = self._under_way.get(self._key, self._worker)
        if other != self._worker and _is_alive(other):
            self.contended += 1
        at = self._chance.random()
        self._next = None
        for share, fault in self._kinds:
            if at < share:
                self._next = fault
                break
            at -= share
        self.fired += 0 if self._next else -1
        return self._next is not None

    async def act(self, context: Any) -> Any:
        """Do it."""
        assert self._next is not None
        key = self._key
        self._under_way[key] = self._worker
        try:
            return await self._next.act(context)
        finally:
            self._under_way.pop(key, None)


class Nursery:
    """Gives birth to workers, and hears of their deaths."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process
        self._born: asyncio.Queue[int] = asyncio.Queue()
        self._dead: dict[int, asyncio.Future[int]] = {}
        self._lock = asyncio.Lock()
        self._early: dict[int, int] = {}

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Nursery]:
        """Start it, and end it and all of its children."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks._crash_worker",
            cwd=_lib.ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        hearing = asyncio.create_task(self._hear())
        try:
            yield self
        finally:
            self._process.kill()
            await self._process.wait()
            hearing.cancel()

    async def _hear(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            word, *numbers = line.decode().split()
            if word == "born":
                await self._born.put(int(numbers[0]))
            elif word == "dead":
                child, status = map(int, numbers)
                if child in self._dead:
                    self._dead.pop(child).set_result(status)
                else:
                    self._early[child] = status

    async def bear(self, life: Life) -> tuple[int, asyncio.Future[int]]:
        """Begin a life; return its process id, and what it will have ended with."""
        async with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write((json.dumps(attrs.asdict(life)) + "\n").encode())
            await self._process.stdin.drain()
            child = await self._born.get()
            end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            if child in self._early:
                end.set_result(self._early.pop(child))
            else:
                self._dead[child] = end
            return child, end


@attrs.define
class Tally:
    """What was reported.

    Attributes:
        confirmed: Booking id and ticket numbers by reference; several, if they differ.
        refused: References reported as not made.
        per_point: Kills by point.
    """

    confirmed: dict[str, set[tuple[str, ...]]] = attrs.field(factory=dict)
    refused: set[str] = attrs.field(factory=set)
    per_point: Counter[str] = attrs.field(factory=Counter)
    _read: int = 0

    def read(self, report: Path) -> None:
        """Read what was appended since."""
        with contextlib.suppress(FileNotFoundError), report.open("rb") as file:
            file.seek(self._read)
            for line in file:
                word, name, *rest = json.loads(line)
                if word == "confirmed":
                    self.confirmed.setdefault(name, set()).add(tuple(rest))
                elif word == "refused":
                    self.refused.add(name)
                else:
                    self.per_point[name] += 1
            self._read = file.tell()


class Trial:
    """One run of the harness.

    Args:
        given: The arguments.
        directory: Where journal and report go.
        where: Where the journal is, if not in that directory.
    """

    def __init__(self, given: argparse.Namespace, directory: Path, where: str | None) -> None:
        self._given = given
        self._chance = random.Random(given.seed)
        self._directory = directory
        self._where = where or str(directory / "bookings.db")
        self._report = directory / "report"
        self.tally = Tally()
        self.asked: dict[str, Order] = {}
        self._numbers = count()
        self._lives = count()
        self.clock = SandboxClock()
        self.sandbox = EgumaSandbox(clock=self.clock, seed=given.seed)
        thinks = 0.25 if given.mutant in ("in-progress-is-failure", "no-lease") else 0.02
        self.weather = self.sandbox.faults.add(Weather(self._chance, thinks=thinks))
        self._shift = 0.0
        self._slot = self.sandbox.example("unlimited")
        begins = datetime.fromisoformat(str(self._slot.starts_at)) + timedelta(days=700)
        self._starts_at = begins.isoformat()
        self._points = cycle(self._schedule())
        self.kills = 0

    def _schedule(self) -> list[str]:
        points = [p for p in (*WORK_POINTS, *RECOVERY_POINTS) if self._has(p)]
        mixed = [*points, *points, *[TIMER] * (len(points) // 2)]
        if self._has("inside schema"):
            mixed.append("inside schema")
        self._chance.shuffle(mixed)
        return mixed

    def _has(self, point: str) -> bool:
        return self._given.backend == "sqlite" or point not in FILE_ONLY

    async def run(self, nursery: Nursery, url: str) -> None:
        """Kill as often as asked, then recover once."""
        self._url = url
        lives_left = MOST_LIVES * self._given.kills
        expiries = self._expiries()
        while self.kills < self._given.kills and lives_left > 0:
            until = min(self._given.kills, next(expiries))
            workers = [self._work(nursery, until) for _ in range(self._given.workers)]
            lives_left -= sum(await asyncio.gather(*workers))
            if until < self._given.kills:
                await self._sleep_for_days(nursery)
        self.sandbox.faults.clear()
        await asyncio.sleep(1.5)  # leases run out, and what the server still does ends
        await self._live(nursery, self._life(recover=True, wait=True))
        await self._live(nursery, self._life(recover=True, wait=True))

    def _expiries(self) -> Iterator[int]:
        """Yield after how many kills all sleep for three days."""
        step = max(min(60, self._given.kills // 4), 10)
        return count(step, step)

    async def _sleep_for_days(self, nursery: Nursery) -> None:
        """Let the server forget its keys, ask again for all that was not reported, and prune."""
        self.clock.advance(hours=73)
        self._shift += 73 / 24
        done = self.tally.refused | self.tally.confirmed.keys()
        left = tuple(order for ref, order in self.asked.items() if ref not in done)
        await self._live(nursery, self._life(orders=left))
        await self._live(nursery, self._life(prune=True, point="pruning"))

    async def _work(self, nursery: Nursery, until: int) -> int:
        lives = 0
        while self.kills < until and lives < MOST_LIVES * self._given.kills:
            lives += 1
            point = next(self._points)
            if point == "inside schema":
                await self._die_in_schema(nursery)
                continue
            if point in RECOVERY_POINTS:
                await self._die_in_recovery(nursery, point)
                continue
            timer = self._chance.uniform(0.002, 0.15) if point == TIMER else None
            await self._live(nursery, self._plan(point), timer)
        return lives

    def _plan(self, point: str) -> Life:
        return self._life(
            orders=self._orders(),
            recover=self._chance.random() < 0.15,
            point=None if point == TIMER else point,
            nth=1 if point == "after claim" else self._chance.choice((1, 1, 2)),
        )

    async def _die_in_recovery(self, nursery: Nursery, point: str) -> None:
        """Leave something to recover that leads to a point, and die there."""
        late = "compensate" if point == "before compensating" else "discover"
        is_late = point in ("verifying", "before compensating")
        order = Order(
            ref=f"order-{next(self._numbers)}", late=late, seconds=0.05 if is_late else 600.0
        )
        self.asked[order.ref] = order
        await self._live(nursery, self._life(orders=(order,), point="after intent"))
        await asyncio.sleep(0.65)  # the lease of whoever died
        await self._live(nursery, self._life(recover=True, point=point))

    def _orders(self) -> tuple[Order, ...]:
        """Ask again for what was not reported, and for something new."""
        done = self.tally.refused | self.tally.confirmed.keys()
        open_ones = [order for ref, order in self.asked.items() if ref not in done]
        again = self._chance.sample(open_ones[:4], min(len(open_ones), 2))
        for _ in range(2):
            late = self._chance.random()
            order = Order(
                ref=f"order-{next(self._numbers)}",
                late="compensate" if late < 0.12 else "discover",
                seconds=0.15 if late < 0.25 else 600.0,
            )
            self.asked[order.ref] = order
            again.append(order)
        self._chance.shuffle(again)
        return tuple(again)

    def _life(self, **more: Any) -> Life:
        fields: dict[str, Any] = {
            "url": self._url,
            "key": self.sandbox.demo_key,
            "journal": self._where,
            "backend": self._given.backend,
            "report": str(self._report),
            "product_id": self._slot.product_id,
            "category_id": self._slot.category_ids[0],
            "starts_at": self._starts_at,
            "shift": self._shift,
            "mutant": self._given.mutant,
            **more,
        }
        return Life(**fields)

    async def _live(self, nursery: Nursery, life: Life, timer: float | None = None) -> bool:
        """Lead a life; return whether it was ended by a kill."""
        child, end = await nursery.bear(life)
        if timer is not None:
            await asyncio.wait((end,), timeout=timer)
            if not end.done():
                _kill(child)
        done, _ = await asyncio.wait((end,), timeout=LONGEST_LIFE)
        if not done:
            _kill(child)
            raise TimeoutError(f"a worker hung: {attrs.evolve(life, key='***')}")
        killed = end.result() == -signal.SIGKILL
        if killed and timer is not None:
            self.tally.per_point[TIMER] += 1
        self.tally.read(self._report)
        self.kills += killed
        if end.result() not in (0, -signal.SIGKILL):
            raise RuntimeError("a worker failed; its traceback is above")
        return killed

    async def _die_in_schema(self, nursery: Nursery) -> None:
        """Begin a journal twice: the first time, whoever does so is killed in the middle."""
        fresh = str(self._directory / f"fresh-{next(self._lives)}.db")
        order = Order(ref=f"order-{next(self._numbers)}")
        await self._live(nursery, self._life(journal=fresh, point="inside schema"))
        self.asked[order.ref] = order
        while order.ref not in self.tally.confirmed | dict.fromkeys(self.tally.refused, set()):
            await self._live(nursery, self._life(journal=fresh, orders=(order,)))

    async def result(self) -> dict[str, Any]:
        """Compare the server's orders with what was asked for, reported and noted."""
        entries: dict[str, Entry] = {}
        async with Journal(store_of(self._given.backend, self._where)) as journal:
            async for entry in journal.entries():
                if entry.kind == "booking":
                    entries[entry.client_ref] = entry
        made: dict[str, list[Any]] = {ref: [] for ref in self.asked}
        for order in self.sandbox.orders():
            ref = (order.customer.email if order.customer else "").partition("@")[0]
            if ref in made:
                made[ref].append(order)
        judged = [self._judged(ref, made[ref], entries.get(ref)) for ref in self.asked]
        total = Counter(word for words in judged for word in words)
        found = {name: total[name] for name in FAULTS}
        result: dict[str, Any] = {
            "kills": self.kills,
            "asked": len(self.asked),
            "confirmed": total["confirmed"],
            **found,
            "contended": self.weather.contended,
            "per_point": dict(sorted(self.tally.per_point.items())),
            "points_missed": [p for p in self._all_points() if not self.tally.per_point[p]],
        }
        return result

    def _all_points(self) -> list[str]:
        every = (*WORK_POINTS, *RECOVERY_POINTS, *OTHER_POINTS, TIMER)
        return [point for point in every if self._has(point)]

    def _judged(self, ref: str, orders: list[Any], entry: Entry | None) -> set[str]:
        """Return what is to be said of one reference."""
        valid = [order for order in orders if order.status == "completed"]
        reports = self.tally.confirmed.get(ref, set())
        is_noted = entry is not None and entry.state is State.CONFIRMED
        words = set()
        if len(valid) > 1 or len(orders) > 1:
            words.add("duplicated")
        if entry is not None and entry.state.is_open:
            words.add("unresolved")
        if (reports or is_noted) and not orders:
            words.add("lost")
        if ref in self.tally.refused and not reports and not is_noted and valid:
            words.add("lost")
        if entry is not None and not entry.state.is_open and not is_noted and valid:
            words.add("zombie")
        if valid and entry is None and not reports:
            words.add("lost")  # nobody knows of it
        told = {report[1:] for report in reports}
        if is_noted and entry is not None and entry.result is not None:
            told.add(tuple(sorted(t["ticket_number"] for t in entry.result["tickets"])))
        there = {tuple(sorted(ticket.number for ticket in order.tickets)) for order in orders}
        if told - there or len(told) > 1:
            words.add("mismatched")
        if valid and (reports or is_noted):
            words.add("confirmed")
        return words


FAULTS = ("lost", "duplicated", "zombie", "unresolved", "mismatched")


def _is_alive(worker: str) -> bool:
    try:
        os.kill(int(worker), 0)
    except (ValueError, ProcessLookupError):
        return False
    return True


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


async def trial(given: argparse.Namespace, directory: Path, where: str | None) -> dict[str, Any]:
    """Run one trial and return its result."""
    run = Trial(given, directory, where)
    nursery = Nursery()
    async with serve(run.sandbox) as server, nursery.open():
        await run.run(nursery, server.url)
        return await run.result()


@contextlib.contextmanager
def journal_of(given: argparse.Namespace) -> Iterator[str | None]:
    """Yield where the journal is: on a server that is started for it, if none is named."""
    if given.journal or given.backend == "sqlite":
        yield given.journal
        return
    from tests.journal import servers  # its packages are in the group `servers`

    if given.backend == "postgres":
        with servers.run_postgres() as postgres:
            yield postgres.dsn
    else:
        with servers.run_redis("redis", *servers.DURABLE) as redis:
            yield redis.url


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--backend", choices=("sqlite", "postgres", "redis"), default="sqlite")
    parser.add_argument("--journal", help="where the journal is; a server's URL")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutant", choices=MUTANTS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory, journal_of(given) as where:
        result = asyncio.run(trial(given, Path(directory), where))
    result["seconds"] = round(time.perf_counter() - began, 1)
    faults = sum(result[name] for name in FAULTS)
    if given.mutant == "no-lease":  # the server's key keeps it safe: the lease saves noise
        faults += result["contended"]
    if given.mutant:
        result["mutant"] = given.mutant
        result["caught"] = faults > 0
    if given.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:<16}{value}")
    sys.exit(0 if (faults == 0) != bool(given.mutant) else 1)


if __name__ == "__main__":
    main()
