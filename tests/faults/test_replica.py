"""Y: the copy of the orders, and what a list without pages and with wall-clock times does to it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eguma_async import (
    AsyncSession,
    ChangeKind,
    EgumaError,
    OrderReplica,
    RateLimitedError,
    ReplicaBusyError,
    RetryPolicy,
    ServerError,
    SQLiteOrders,
    SyncReport,
    SyncRules,
)
from eguma_async.sandbox import Delay, EgumaOptions, Reply, SandboxRequest
from eguma_async.sync import Batch, Checkpoint, Written
from eguma_async.sync.stores._checkpoints import as_text

from .matrix import Row, check, id_of, row, rows_of
from .shops import EgumaShop
from .stage import PERSON, Stage, counted

ORDERS = "/v1/ticketing/orders.json"
AUTUMN = datetime(2027, 10, 31, 0, 50, tzinfo=UTC)
"""Ten minutes before the clocks go from 03:00 back to 02:00."""


class Killed(BaseException):
    """The process is gone."""


class Mortal(SQLiteOrders):
    """The store as a process has it that can be killed.

    Attributes:
        dies: ``"before"``, ``"in"`` or ``"after"`` the next write that moves the checkpoint.
        deaths: How often it did.
    """

    dies = ""
    deaths = 0
    _cuts = False
    _is_dead = False

    async def write(self, batch: Batch) -> Written:
        if not self.dies or batch.checkpoint is None or not batch.records:
            return await super().write(batch)
        self._cuts = self.dies == "in"
        try:
            if self.dies != "before":
                await super().write(batch)
        except EgumaError:
            assert self._cuts
        self._is_dead, self._cuts = True, False
        self.deaths += 1
        raise Killed

    def _commit(self, connection: sqlite3.Connection) -> None:
        if self._cuts:
            raise sqlite3.OperationalError("cut off")
        super()._commit(connection)

    async def end(self, owner: str) -> None:
        if not self._is_dead:
            await super().end(owner)


class Copy:
    """A shop, and a copy of its orders in a file.

    Attributes:
        replica: The copy.
        store: Where it is.
    """

    def __init__(self, stage: Stage, shop: EgumaShop, store: Mortal, **options: Any) -> None:
        self.stage, self.shop, self.store = stage, shop, store
        self.sandbox = shop.sandbox
        self.clock = shop.sandbox.clock
        self.replica = OrderReplica(shop.session, store, **options)

    def another(self, **options: Any) -> OrderReplica:
        """Return what another process has of the same file."""
        store = SQLiteOrders(self.store._path, filesystem_of=lambda _: "")
        return OrderReplica(self.shop.session, store, **options)

    def sell(self) -> str:
        slot = self.sandbox.example("unlimited")
        assert slot.starts_at is not None
        customer = next(order.customer for order in self.sandbox.orders() if order.customer)
        buyer = type(customer)("id", *PERSON)
        return self.sandbox.sell_order(slot.product_id, slot.starts_at, customer=buyer)

    async def sync(self, **at_least: int) -> SyncReport:
        report = await self.replica.sync()
        self.stage.show(report)
        for name, value in at_least.items():
            assert getattr(report, name) >= value, report
        return report

    def listed(self) -> dict[str, Any]:
        query = (("apikey", self.shop.key),)
        found = self.sandbox.respond(SandboxRequest("GET", ORDERS, query)).json()
        return {order["id"]: order for order in found}

    async def copied(self) -> dict[str, Any]:
        found = [each async for each in self.replica.orders()]
        self.stage.show(*found)
        assert len({each.id for each in found}) == len(found), "one stands there twice"
        for each in found:
            assert (each.value is None) == bool(each.problems)
            assert each.value is None or each.value.id == each.id
        return {each.id: json.loads(each.raw) for each in found}

    async def is_equal(self) -> bool:
        return await self.copied() == self.listed()

    def change_checkpoint(self, said: str) -> None:
        """Change the newest one, as somebody with an editor does."""
        with sqlite3.connect(self.store._path, isolation_level=None) as file:
            file.execute(
                "UPDATE checkpoint SET said = ? WHERE number = (SELECT max(number) FROM checkpoint)",
                (said,),
            )
        file.close()


@asynccontextmanager
async def copy_of(
    stage: Stage, *, rules: SyncRules | None = None, **options: Any
) -> AsyncIterator[Copy]:
    """Open a shop with some orders, and an empty copy of them."""
    with tempfile.TemporaryDirectory() as directory:
        shop = await stage.eguma(**options)
        store = Mortal(Path(directory) / "orders.db", filesystem_of=lambda _: "")
        made = Copy(stage, shop, store, rules=rules or SyncRules(lease=10))
        for _ in range(3):
            made.sell()
        try:
            async with made.replica:
                yield made
        finally:
            await store.close()
        # Nobody but the owner reads what customers have said.
        assert {each.stat().st_mode & 0o077 for each in Path(directory).iterdir()} == {0}
    shop.check_made_once = lambda: None  # type: ignore[method-assign]  # one buyer buys often


@row(
    "Y1",
    "a crash before, in and after the write of data and checkpoint",
    "both are there or neither: the copy is equal after the next round",
)
async def killed_at_writes(stage: Stage) -> None:
    for dies in ("before", "in", "after"):
        async with copy_of(stage) as copy:
            await copy.sync()
            before, held = (await copy.replica.contents()).checkpoint, await copy.copied()
            copy.clock.advance(minutes=20)
            copy.sell()
            copy.store.dies = dies
            with pytest.raises(Killed):
                await copy.replica.sync()
            async with copy.another(rules=SyncRules(lease=10)) as other:
                found = await other.contents()
                is_done = dies == "after"
                assert (found.records, found.checkpoint == before) == (
                    (len(held) + is_done, not is_done)
                )
                with pytest.raises(ReplicaBusyError):
                    await other.sync()  # the dead one's turn is not over yet
                copy.clock.advance(11)
                await other.sync()
            assert await copy.is_equal()
            stage.proves(f"killed {dies}", counted(copy.store, "deaths"))


@row(
    "Y2",
    "an order comes again in the overlap; one changes, and its time of change does not",
    "it stands there once, as it was read last; the change without a new time is told",
)
async def comes_again(stage: Stage) -> None:
    async with copy_of(stage) as copy:
        order = copy.sell()
        await copy.sync()
        copy.clock.advance(60)
        again = await copy.sync(unchanged=1)
        assert again.changed == 0
        copy.sandbox.touch_order(order, note="rewritten", moves=False)
        report = await copy.sync()
        assert (report.rewritten, report.changed) == (1, 1)
        found = await copy.replica.get(order)
        assert found is not None
        assert found.kind is ChangeKind.REWRITTEN
        assert await copy.is_equal()
        stage.proves("orders that came again", lambda: again.unchanged >= 1)


@row(
    "Y3",
    "fifty orders in the second in which a round asks, before it and after it",
    "none is lost, without any overlap too",
)
async def in_one_second(stage: Stage) -> None:
    async with copy_of(stage, rules=SyncRules(overlap=0)) as copy:
        await copy.sync()
        for _ in range(5):
            copy.clock.advance(0.125)
            for _ in range(10):
                copy.sell()
            await copy.sync(new=10)
        assert await copy.is_equal()
        stamps = [order["updated_at"] for order in copy.listed().values()]
        stage.proves("orders of one second", lambda: stamps.count(max(stamps)) >= 50)


@row(
    "Y4",
    "orders whose transaction takes 4 minutes, and 20 hours: they come behind the checkpoint",
    "the one is found in the overlap, the other when the last 48 hours are read once more",
)
async def late_commits(stage: Stage) -> None:
    async with copy_of(stage) as copy:
        await copy.sync()
        soon, late = copy.sell(), copy.sell()
        changed = next(iter(await copy.copied()))
        copy.sandbox.hide_order(soon, 240)
        copy.sandbox.freeze_order(changed, 240)
        copy.sandbox.touch_order(changed, note="late")
        copy.sandbox.hide_order(late, 72_000)
        copy.clock.advance(230)
        assert (await copy.sync()).changed == 0
        copy.clock.advance(11)
        assert (await copy.sync()).changed == 2
        for _ in range(26):
            assert await copy.replica.get(late) is None
            copy.clock.advance(hours=1)
            report = await copy.sync()
            if report.swept:
                break
        assert (report.new, report.late) == (1, 1)
        assert await copy.is_equal()
        told = [each.getMessage() for each in stage.records if "zone" in each.getMessage()]
        stage.proves("orders that came late", lambda: len(told))


@row(
    "Y5",
    "orders sold and changed in the hour that October repeats, and in the one March leaves out",
    "none is lost, and none goes back to an earlier state",
)
async def repeated_hour(stage: Stage) -> None:
    for start in (AUTUMN, datetime(2027, 3, 28, 0, 50, tzinfo=UTC)):
        async with copy_of(stage, start=start) as copy:
            await copy.sync()
            orders, mark, lost = [], "", []
            for minutes in (0, 20, 15, 120):
                copy.clock.advance(minutes=minutes)
                orders.append(copy.sell())
                copy.sandbox.touch_order(orders[0], note=f"{minutes}")
                shown = copy.listed()
                lost += [orders[-1]] if shown[orders[-1]]["updated_at"] < mark else []
                mark = max(each["updated_at"] for each in shown.values())
                await copy.sync(new=1)
                assert await copy.is_equal()
            if start is AUTUMN:
                stage.proves("orders a watermark would lose", lost.__len__, 2)


@row(
    "Y6",
    "the client's clock is a day wrong, the server's Date two minutes, or not there at all",
    "what was read is told by the server's clock: none is lost",
)
async def wrong_clocks(stage: Stage) -> None:
    for ahead, skew in ((86_400, 0), (-86_400, 0), (0, 120), (0, -120), (3_600, None)):
        options = EgumaOptions(date_skew_seconds=skew)
        async with copy_of(stage, options=options) as copy:
            session = copy.shop.session
            session._clock = _Skewed(copy.clock, ahead)
            await copy.sync()
            for _ in range(3):
                copy.clock.advance(minutes=10)
                copy.sell()
                report = await copy.sync(new=1)
                assert report.checkpoint is not None
                assert report.checkpoint <= copy.clock.now() + timedelta(seconds=skew or 0)
            assert await copy.is_equal()
            session._clock = copy.clock
    stage.proves("checkpoints by the server's clock", lambda: 1)


class _Skewed:
    def __init__(self, clock: Any, ahead: float) -> None:
        self._clock, self._ahead = clock, timedelta(seconds=ahead)
        self.monotonic, self.sleep = clock.monotonic, clock.sleep

    def now(self) -> datetime:
        now: datetime = self._clock.now() + self._ahead
        return now


@row(
    "Y7",
    "an order is changed after its part of the list was read, and before the rest is",
    "it is seen again in this round or the next one, and not held for missing",
)
async def changed_while_listing(stage: Stage) -> None:
    async with copy_of(stage) as copy:
        await copy.sync()
        copy.clock.advance(hours=30)  # so that the last days are read as well
        first = next(iter(copy.listed()))
        changed: list[str] = []

        def change(_: object) -> None:
            changed.append(first)
            copy.clock.advance(1)
            copy.sandbox.touch_order(first, note=f"{len(changed)}")

        stop = copy.sandbox.requests.listen(change)
        report = await copy.sync()
        stop()
        assert report.missing == 0
        await copy.sync()
        assert await copy.is_equal()
        stage.proves("changes while listing", lambda: len(changed) >= 2)


@row(
    "Y8",
    "a window is refused for its size, is slow, or is larger than is read at once",
    "it is halved, down to one second, and that one is read whatever it takes",
)
async def too_much(stage: Stage) -> None:
    async with copy_of(stage, retry=RetryPolicy(attempts=1)) as copy:
        stage.limit = 2000.0
        for _ in range(6):
            copy.clock.advance(minutes=10)
            copy.sell()
        copy.sandbox.options = copy.sandbox.options.changed({"max_orders": 3})
        refused = await copy.sync(bisected=3)
        copy.sandbox.options = copy.sandbox.options.changed({"max_orders": None})
        assert await copy.is_equal()
        copy.clock.advance(minutes=10)
        slow = copy.shop.inject(Delay(61.0, path=ORDERS))
        copy.sell()
        await copy.sync(bisected=1, new=1)
        for _ in range(8):
            copy.sell()  # all of one second
        small = copy.another(rules=SyncRules(lease=10))
        small._source._max_bytes = 4_000  # type: ignore[attr-defined]
        async with small:
            report = await small.sync()
        assert (report.new, report.bisected >= 3) == (8, True)
        last = dict(list(copy.sandbox.requests)[-1].query)
        ends = (datetime.fromisoformat(last[f"updated_at_{end}"]) for end in ("before", "after"))
        assert next(ends) - next(ends) == timedelta(seconds=1)
        assert await copy.is_equal()
        stage.proves("refusals", lambda: refused.bisected >= 3)
        stage.proves("slow answers", lambda: slow.fired)


@row(
    "Y9",
    "an order leaves the list, and comes back; a cancelled one is completed again",
    "nothing is deleted: both are told as what they are",
)
async def gone_and_back(stage: Stage) -> None:
    async with copy_of(stage) as copy:
        gone, flipped = copy.sell(), copy.sell()
        copy.sandbox.cancel_order(flipped)
        await copy.sync()
        copy.sandbox.hide_order(gone, 1e6)
        copy.clock.advance(60)
        copy.sandbox.reopen_order(flipped)
        report = await copy.sync()
        assert (report.missing, report.reopened) == (1, 1)
        assert (await copy.sync()).changed == 0  # told once
        found = await copy.replica.get(gone)
        assert found is not None
        assert found.is_missing
        assert found.value is not None
        copy.sandbox.hide_order(gone, 0)
        report = await copy.sync()
        assert (report.found, report.changed) == (1, 1)
        assert await copy.is_equal()
        stage.proves("orders that came back", lambda: report.found)


@row(
    "Y10",
    "two processes bring one copy up to date at once; one is overtaken in the middle",
    "one at a time; who was overtaken writes nothing more, and the copy is equal",
)
async def two_at_once(stage: Stage) -> None:
    async with copy_of(stage) as copy, copy.another(rules=SyncRules(lease=10)) as other:
        handle = copy.sandbox.handle
        refused: list[None] = []

        async def held(request: Any, **options: Any) -> Any:
            """Answer once another process has been refused its turn."""
            if not refused:
                await stage.fails(ReplicaBusyError, other.sync())
                refused.append(None)
            return await handle(request, **options)

        copy.sandbox.handle = held  # type: ignore[method-assign]
        await copy.sync(new=3)
        stage.proves("turns that were refused", lambda: len(refused))
        copy.clock.advance(minutes=10)
        copy.sell()
        overtaken: list[SyncReport] = []

        async def overtake(delivery: Any) -> Any:
            if not overtaken:
                overtaken.append(SyncReport())
                copy.clock.advance(11)  # its turn is over
                overtaken[0] = await other.sync()
            return delivery

        async def slow(request: Any, **options: Any) -> Any:
            return await overtake(await handle(request, **options))

        copy.sandbox.handle = slow  # type: ignore[method-assign]
        await stage.fails(ReplicaBusyError, copy.replica.sync())
        assert overtaken[0].new == 1
        await copy.sync()
        assert await copy.is_equal()
        stage.proves("turns that were taken", lambda: len(overtaken))


@row(
    "Y11",
    "the checkpoint is damaged, or lies in the future",
    "it is refused; the round goes on from the last good one, or from the beginning",
)
async def bad_checkpoints(stage: Stage) -> None:
    async with copy_of(stage) as copy:
        for _ in range(3):
            copy.clock.advance(hours=1)
            copy.sell()
            await copy.sync()
        ahead = (copy.clock.now() + timedelta(days=9)).timestamp()
        with sqlite3.connect(copy.store._path) as file:
            (newest,) = file.execute("SELECT max(number) FROM checkpoint").fetchone()
        file.close()
        went_back = 0
        for said in ("", "x", as_text(1, Checkpoint()), as_text(newest, Checkpoint(covered=ahead))):
            copy.change_checkpoint(said)
            copy.clock.advance(minutes=1)
            copy.sell()
            report = await copy.sync(new=1)
            went_back += report.went_back
            assert report.checkpoint is not None
            assert report.checkpoint <= copy.clock.now()
            assert await copy.is_equal()
            newest += 1
        with sqlite3.connect(copy.store._path, isolation_level=None) as file:
            file.execute("UPDATE checkpoint SET said = 'x'")
        file.close()
        copy.sell()
        report = await copy.sync(new=1)
        assert report.went_back
        assert report.unchanged >= 10  # all was read once more
        assert await copy.is_equal()
        stage.proves("checkpoints that were refused", lambda: went_back, 4)


# What has no row of its own


async def test_one_unreadable_order_hides_no_other_and_is_asked_for_again():
    stage = Stage()

    async def check(stage: Stage) -> None:
        async with copy_of(stage) as copy:
            await copy.sync()
            copy.clock.advance(minutes=10)
            broken, nameless, good = copy.sell(), copy.sell(), copy.sell()
            copy.sandbox.distort_order(broken, {"status": None})
            copy.sandbox.distort_order(nameless, {"id": None, "updated_at": "soon"})
            report = await copy.sync()
            assert (report.new, report.unreadable) == (3, 2)
            assert (await copy.replica.get(good)).value is not None  # type: ignore[union-attr]
            found = await copy.replica.get(broken)
            assert found is not None
            assert found.value is None
            assert found.problems == ("required field missing @ $.status",)
            held = [each.id async for each in copy.replica.orders() if each.problems]
            assert len(held) == 2
            assert any(id_.startswith("?") for id_ in held)
            copy.sandbox.distort_order(broken, {})
            copy.sandbox.distort_order(nameless, {})
            copy.clock.advance(hours=3)  # far behind the overlap
            copy.sell()
            await copy.sync()
            assert await copy.is_equal()
            assert (await copy.replica.contents()).unreadable == 0
            stage.proves("unreadable orders", lambda: report.unreadable, 2)

    with stage.watching():
        await stage.perform(check)
    stage.judge()


async def test_following_survives_rounds_that_fail_and_tells_each_change_once():
    stage = Stage()

    async def check(stage: Stage) -> None:
        async with copy_of(stage) as copy:
            rounds: list[Any] = []
            following = copy.replica.follow(interval=30, after=0, on_round=rounds.append)
            seen = [(await anext(following)).id for _ in range(5)]
            assert sorted(seen) == sorted(copy.listed())
            order = copy.sell()
            copy.shop.inject(Reply(503, path=ORDERS, times=50))
            copy.shop.inject(Reply(429, path=ORDERS, times=1, retry_after=500))
            before = copy.clock.now()
            change = await anext(following)
            assert (change.id, change.kind, change.revision) == (order, ChangeKind.NEW, 6)
            failed = [each for each in rounds if isinstance(each, EgumaError)]
            assert {type(each) for each in failed} == {ServerError, RateLimitedError}
            assert copy.clock.now() - before >= timedelta(seconds=500)
            assert isinstance(rounds[-1], SyncReport)
            waiting = asyncio.ensure_future(anext(following))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            copy.sandbox.cancel_order(order)
            change = await anext(following)
            assert (change.id, change.kind) == (order, ChangeKind.UPDATED)
            assert following.revision == change.revision == 7
            again = copy.replica.follow(after=6)
            assert (await anext(again)).revision == 7

    with stage.watching():
        await stage.perform(check)
    stage.judge()


async def test_a_session_that_is_closed_ends_a_following(tmp_path):
    stage = Stage()
    shop = EgumaShop(stage)
    async with shop:
        replica = OrderReplica(shop.session, SQLiteOrders(tmp_path / "orders.db"))
        assert isinstance(shop.session, AsyncSession)
    with pytest.raises(EgumaError, match="closed"):
        await anext(replica.follow())
    await replica.aclose()


@pytest.mark.parametrize("row", rows_of(__name__), ids=id_of)
def test_row(row: Row) -> None:
    check(row)
