"""One history of a shop and of those who copy its orders, made of chance alone.

A shop sells, changes, cancels and forgets; its list shows some of that late, twice or not at all.
Processes copy it into one store and are killed at requests and writes; two of them may be at it at
once. In the end the copy must say what the list says.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs

from eguma_async import AsyncSession, EgumaError, OrderReplica, RetryPolicy, SQLiteOrders
from eguma_async.core.clock import Clock
from eguma_async.core.messages import HttpRequest, HttpResponse
from eguma_async.sandbox import DropAfter, EgumaOptions, EgumaSandbox, Reply, SandboxRequest
from eguma_async.sync import Batch, Written
from eguma_async.testing import FakeClock

from . import _sync_mutants

LATE = 170.0
"""Seconds by which what the list shows late may be late to be found at once: with the skew of the
server's clocks it is within the overlap of 5 minutes."""
SKEW = 100.0
STEPS = 30
QUIET = RetryPolicy(attempts=2, budget=1.0, deadline=600.0)
AUTUMN = datetime(2027, 10, 30, 22, 30, tzinfo=UTC)
SPRING = datetime(2027, 3, 27, 23, 30, tzinfo=UTC)


class Killed(BaseException):
    """The process is gone."""


class Skewed:
    """A client's clock that is wrong.

    Args:
        clock: The right one.
        seconds: How far it is ahead.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._ahead = timedelta(seconds=seconds)
        self.monotonic = clock.monotonic
        self.sleep = clock.sleep

    def now(self) -> datetime:
        """Return the wrong time."""
        return self._clock.now() + self._ahead


@attrs.define
class Death:
    """When a process dies: at its so manieth write, or request.

    Attributes:
        at: What it dies at.
        left: How often that happens before.
        is_dead: True once it is.
    """

    at: str = ""
    left: int = -1
    is_dead: bool = False

    def meets(self, *points: str) -> bool:
        """Count an event, and tell whether the process dies at it."""
        if self.at not in points or self.is_dead:
            return False
        self.left -= 1
        return self.left < 0

    def die(self) -> None:
        """Be dead."""
        self.is_dead = True
        raise Killed

    def check(self) -> None:
        """Do nothing for a process that is dead."""
        if self.is_dead:
            raise Killed


class MortalOrders(SQLiteOrders):
    """The store as a process has it that dies."""

    def __init__(self, path: Path, death: Death) -> None:
        super().__init__(path, filesystem_of=lambda _: "")
        self.death = death

    async def write(self, batch: Batch) -> Written:
        """Keep a batch, or die before, in or after it."""
        self.death.check()
        if self.death.meets("before a write"):
            self.death.die()
        dies = self.death.meets("in a write", "after a write")
        self._fails = dies and self.death.at == "in a write"
        try:
            written = await super().write(batch)
        except EgumaError:
            if dies:
                self.death.die()
            raise
        if dies:
            self.death.die()
        return written

    _fails = False

    def _commit(self, connection: sqlite3.Connection) -> None:
        if self._fails:
            raise sqlite3.OperationalError("cut off")
        super()._commit(connection)

    async def end(self, owner: str) -> None:
        """Let others write: a dead process does not."""
        self.death.check()
        await super().end(owner)


class MortalTransport:
    """The network as a process has it that dies."""

    def __init__(self, inner: Any, death: Death) -> None:
        self._inner = inner
        self._death = death

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send, or die before."""
        self._death.check()
        if self._death.meets("before a request"):
            self._death.die()
        return await self._inner.send(request)  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """Leave the sandbox open."""


DEATHS = ("before a write", "in a write", "after a write", "before a request")


class History:
    """One run.

    Args:
        seed: What it is made of.
        directory: Where the copy is.
        mutant: What is broken on purpose.

    Attributes:
        events: What happened how often.
        faults: What was wrong with the copy; empty if nothing was.
    """

    def __init__(self, seed: int, directory: Path, mutant: str | None = None) -> None:
        self.random = random.Random(seed)
        self.events: Counter[str] = Counter()
        self.faults: list[str] = []
        self._path = directory / f"{seed}.db"
        self._mutant = _sync_mutants.MUTANTS[mutant] if mutant else _sync_mutants.Mutant()
        start = self._start()
        skew = self.random.choice((0.0, 0.0, self.random.uniform(-SKEW, SKEW)))
        options = EgumaOptions(date_skew_seconds=skew)
        self.sandbox = EgumaSandbox(FakeClock(start), seed=seed, options=options)
        self._slot = self.sandbox.example("unlimited")
        ahead = self.random.choice((0, 0, 1500, -1500, 7200, -7200, 86_400, -86_400))
        self._client_clock = Skewed(self.sandbox.clock, ahead)
        if skew or ahead:
            self.events["wrong clocks"] += 1
        self._orders: list[str] = []
        self._odd: set[str] = set()
        self._distorted: set[str] = set()
        self._seen: dict[str, bytes] = {}
        self._revision = 0
        self._follows = asyncio.Lock()
        self._do: tuple[tuple[str, Callable[[], Any], float], ...] = (
            ("sold", self._sell, 5),
            ("changed", self._change, 5),
            ("cancelled", self._cancel, 2),
            ("reopened", self._reopen, 1),
            ("changed without a new time", self._rewrite, 1),
            ("late by minutes", self._late, 5),
            ("late by hours", self._very_late, 1),
            ("unreadable", self._distort, 1),
            ("hidden for a while", self._hide, 1),
            ("time passed", self._pass_time, 6),
        )

    def _start(self) -> datetime:
        begins = self.random.random()
        if begins < 0.45:
            self.events["clocks put back"] += 1
            return AUTUMN + timedelta(seconds=self.random.uniform(0, 9_000))
        if begins < 0.55:
            self.events["clocks put forward"] += 1
            return SPRING + timedelta(seconds=self.random.uniform(0, 9_000))
        return datetime(2027, 1, 5, tzinfo=UTC) + timedelta(days=self.random.uniform(0, 180))

    # What the shop does

    def _sell(self) -> None:
        for _ in range(self.random.choice((1, 1, 2, 5))):
            slot = self._slot
            assert slot.starts_at is not None
            self._orders.append(self.sandbox.sell_order(slot.product_id, slot.starts_at))

    def _any(self) -> str | None:
        return self.random.choice(self._orders[-12:]) if self._orders else None

    def _change(self) -> bool | None:
        order = self._any()
        if order is None:
            return False
        self.sandbox.touch_order(order, note=f"{self.random.random()}")
        return None

    def _cancel(self) -> bool | None:
        order = self._any()
        if order is None:
            return False
        self.sandbox.cancel_order(order)
        return None

    def _reopen(self) -> bool | None:
        order = self._any()
        if order is None:
            return False
        self.sandbox.reopen_order(order)
        return None

    def _rewrite(self) -> bool | None:
        order = self._any()
        if order is None:
            return False
        self.sandbox.touch_order(order, note=f"{self.random.random()}", moves=False)
        self._odd.add(order)  # only a sweep can find it, if its time has passed
        return None

    def _late(self) -> bool | None:
        return self._be_late(self.random.uniform(1, LATE))

    def _very_late(self) -> bool | None:
        return self._be_late(self.random.uniform(LATE, 72_000), is_odd=True)

    def _be_late(self, seconds: float, *, is_odd: bool = False) -> bool | None:
        order = self._any()
        if order is None or self.random.random() < 0.5:
            self._sell()
            order = self._orders[-1]
            self.sandbox.hide_order(order, seconds)
        elif order in self._odd:
            return False
        else:
            self.sandbox.freeze_order(order, seconds)
            self.sandbox.touch_order(order, note=f"{self.random.random()}")
        if is_odd:
            self._odd.add(order)
        return None

    def _distort(self) -> bool | None:
        order = self._any()
        if order is None:
            return False
        if order in self._distorted:
            self._distorted.remove(order)
            self.sandbox.distort_order(order, {})
            return None
        self._odd.add(order)
        self._distorted.add(order)
        broken: Any = self.random.choice(
            ({"status": None}, {"id": None}, {"currency": 5}, {"updated_at": "soon"})
        )
        self.sandbox.distort_order(order, broken)
        return None

    def _hide(self) -> bool | None:
        order = self._any()
        if order is None:
            return False
        self._odd.add(order)
        self.sandbox.hide_order(order, self.random.uniform(60, 20_000))
        return None

    def _pass_time(self) -> None:
        longest = self.random.choice((1, 60, 600, 3_600))
        self.sandbox.clock.advance(self.random.uniform(0, longest))

    def _happen(self) -> None:
        names = [name for name, _, _ in self._do]
        (name,) = self.random.choices(names, [weight for _, _, weight in self._do])
        run = next(run for each, run, _ in self._do if each == name)
        if run() is not False:
            self.events[name] += 1

    # What those who copy do

    async def _process(self, *, is_mortal: bool) -> None:
        death = Death()
        if is_mortal and self.random.random() < 0.35:
            death = Death(self.random.choice(DEATHS), self.random.choice((0, 1, 1, 2, 3)))
        store = self._mutant.store(MortalOrders(self._path, death))
        session = AsyncSession(
            self.sandbox.demo_key,
            transport=MortalTransport(self.sandbox.transport(), death),
            clock=self._client_clock,
            retry=QUIET,
            random=self.random.random,
        )
        replica = OrderReplica(session, store, rules=self._mutant.rules)
        self._mutant.alter(replica)
        await session.__aenter__()
        try:
            for _ in range(self.random.choice((1, 1, 3))):
                await self._round(replica)
        except Killed:
            self.events[f"killed {death.at}"] += 1
            self.sandbox.clock.advance(self.random.choice((0, 10, 10)))
            session._closed = True  # noqa: SLF001  # it never was closed: it is gone
        else:
            await session.aclose()
        finally:
            await SQLiteOrders.close(store)

    async def _round(self, replica: OrderReplica) -> None:
        try:
            report = await replica.sync()
        except EgumaError as error:
            self.events[f"round failed: {type(error).__name__}"] += 1
            return
        self.events["rounds"] += 1
        self.events["bisected"] += report.bisected
        self.events["swept"] += report.swept
        self.events["late for the overlap"] += report.late
        self.events["missing"] += report.missing
        self.events["found again"] += report.found
        self.events["went back"] += report.went_back
        await self._read_feed(replica)

    async def _read_feed(self, replica: OrderReplica) -> None:
        """Read what changed, as whoever follows the copy does: one, even where two copy at once."""
        async with self._follows:
            await self._read_pages(replica)

    async def _read_pages(self, replica: OrderReplica) -> None:
        while page := await replica._store.changes(self._revision):  # noqa: SLF001  # its feed
            for kept in page:
                if kept.revision <= self._revision:
                    self.faults.append("a revision came twice")
                self._revision = kept.revision
                self._seen[kept.record.id] = kept.record.data

    async def _copy(self) -> None:
        self._trouble()
        stop = self.sandbox.requests.listen(lambda _: self._interfere())
        try:
            if self.random.random() < 0.15:
                self.events["two at once"] += 1
                both = (self._process(is_mortal=True), self._process(is_mortal=True))
                await asyncio.gather(*both)
            else:
                await self._process(is_mortal=True)
        finally:
            stop()
            self.sandbox.faults.clear()

    def _interfere(self) -> None:
        if self.random.random() < 0.15:
            self.events["changed while listing"] += 1
            self.random.choice((self._sell, self._change))()
            self.sandbox.clock.advance(self.random.choice((0, 0.4, 3)))

    def _trouble(self) -> None:
        """Let the network, the server or the file have a bad day."""
        chance = self.random.random()
        if chance < 0.08:
            self.sandbox.faults.add(
                DropAfter(path="*orders.json", times=self.random.choice((1, 5)))
            )
            self.events["connections dropped"] += 1
        elif chance < 0.16:
            body = self.random.choice(("[{", "<html>", "{}", "[1, null]"))
            self.sandbox.faults.add(Reply(200, body=body, path="*orders.json"))
            self.events["unreadable answers"] += 1
        elif chance < 0.22:
            self.sandbox.faults.add(Reply(503, path="*orders.json", times=3))
            self.events["server failed"] += 1
        elif chance < 0.34:
            most = self.random.choice((1, 6, 12))
            self.sandbox.options = attrs.evolve(self.sandbox.options, max_orders=most)
            self.events["windows refused"] += 1
        elif chance < 0.42:
            self.sandbox.options = attrs.evolve(self.sandbox.options, max_orders=None)
        elif chance < 0.47:
            self._damage("damaged")
        elif chance < 0.52:
            self._damage("moved to the future")

    def _damage(self, how: str) -> None:
        """Change the newest checkpoint, as an editor does, or a clock that was wrong."""
        if not self._path.exists():
            return
        from eguma_async.sync.records import Checkpoint
        from eguma_async.sync.stores._checkpoints import as_text

        with sqlite3.connect(self._path, isolation_level=None) as file:
            found = file.execute("SELECT max(number) FROM checkpoint").fetchone()[0]
            if found is not None:
                self.events[f"checkpoint {how}"] += 1
                ahead = self.sandbox.clock.now().timestamp() + 90_000.0
                future = as_text(found, Checkpoint(covered=ahead, swept=ahead))
                text = "x" if how == "damaged" else future
                file.execute("UPDATE checkpoint SET said = ? WHERE number = ?", (text, found))
        file.close()

    # The run

    async def run(self) -> None:
        """Let things happen, and look at the copy in the end."""
        for _ in range(STEPS):
            self._happen()
            if self.random.random() < 0.4:
                await self._copy()
        self.sandbox.options = attrs.evolve(self.sandbox.options, max_orders=None)
        self.sandbox.clock.advance(LATE + 1_100)  # longer than the longest lease of the dead, too
        await self._process(is_mortal=False)
        self._compare("at once", self._odd)
        for order in self._distorted:
            self.sandbox.distort_order(order, {})
        for order in self._orders:
            self.sandbox.hide_order(order, 0)
        self.sandbox.clock.advance(hours=24)
        await self._process(is_mortal=False)
        await self._process(is_mortal=False)
        self._compare("after a sweep", set())

    def _compare(self, when: str, but: set[str]) -> None:
        query = (("apikey", self.sandbox.demo_key),)
        request = SandboxRequest("GET", "/v1/ticketing/orders.json", query)
        listed = self.sandbox.respond(request).json()
        there = {order["id"]: order for order in listed if order.get("id") not in (None, *but)}
        with sqlite3.connect(self._path) as file:
            rows = file.execute("SELECT id, data, problems, is_missing FROM orders").fetchall()
        file.close()
        copied = {id_: json.loads(data) for id_, data, _, _ in rows if id_ not in but}
        if but:  # what cannot be read may have no id
            copied = {id_: order for id_, order in copied.items() if not id_.startswith("?")}
        if copied != there:
            lost = len(there.keys() - copied.keys())
            more = len(copied.keys() - there.keys())
            differ = sum(copied[id_] != there[id_] for id_ in there.keys() & copied.keys())
            self.faults.append(f"{when}: {lost} lost, {more} too many, {differ} differ")
            return
        if but:
            return
        if any(problems or missing for _, _, problems, missing in rows):
            self.faults.append(f"{when}: some are held for unreadable or missing")
        seen = {id_: json.loads(data) for id_, data in self._seen.items() if id_[:1] != "?"}
        if seen != there:
            self.faults.append(f"{when}: whoever followed has seen something else")
