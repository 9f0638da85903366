"""Histories made of chance, rounds that are cancelled anywhere, and copies that two follow."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

import pytest

from benchmarks._sync_mutants import MUTANTS
from benchmarks.sync import run_often
from eguma_async import (
    AsyncSession,
    MemoryOrders,
    OrderReplica,
    ReplicaBusyError,
    ReplicaError,
    SQLiteOrders,
    SyncRules,
)
from eguma_async.sandbox import EgumaSandbox
from eguma_async.testing import FakeClock


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.CRITICAL, "eguma_async")


class Shop:
    def __init__(self, sandbox: EgumaSandbox, session: AsyncSession) -> None:
        self.sandbox, self.session, self.clock = sandbox, session, sandbox.clock

    def sell(self) -> str:
        slot = self.sandbox.example("unlimited")
        assert slot.starts_at is not None
        return self.sandbox.sell_order(slot.product_id, slot.starts_at)


@pytest.fixture
async def shop():
    sandbox = EgumaSandbox(FakeClock())
    async with AsyncSession(
        sandbox.demo_key, transport=sandbox.transport(), clock=sandbox.clock
    ) as session:
        yield Shop(sandbox, session)


@pytest.mark.parametrize("seed", [1, 1001, 2001])
def test_the_copy_says_what_the_shop_says(seed):
    result = run_often(3, seed=seed)
    assert result.holds, result.faults
    assert result.runs == result.equal == 3


@pytest.mark.parametrize("mutant", ["no-sweep", "watermark"])
def test_what_is_broken_on_purpose_is_noticed(mutant):
    assert mutant in MUTANTS
    assert not run_often(8, mutant=mutant).holds


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_round_may_be_cancelled_anywhere(shop, kind, tmp_path):
    store = MemoryOrders() if kind == "memory" else SQLiteOrders(tmp_path / "orders.db")
    cancelled = 0
    async with OrderReplica(shop.session, store) as replica:
        await replica.sync()
        for turns in range(60):
            shop.clock.advance(minutes=10)
            order = shop.sell()
            task = asyncio.ensure_future(replica.sync())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            cancelled += task.cancelled()
            report = await replica.sync()  # nobody else has its turn
            assert report.missing == report.late == 0
            assert (await replica.get(order)) is not None
    assert cancelled >= 2


async def test_who_follows_is_told_what_another_process_copies(shop):
    store = MemoryOrders()
    one = OrderReplica(shop.session, store, rules=SyncRules(lease=1000))
    two = OrderReplica(shop.session, store, rules=SyncRules(lease=1000))
    await one.sync()
    await store.begin(one._source.origin, one._owner, now=shop.clock.now().timestamp(), lease=1000)
    rounds = []

    def on_round(outcome):
        rounds.append(outcome)
        if len(rounds) == 2:
            shop.sell()
            copying.append(asyncio.ensure_future(one.sync()))

    copying: list[asyncio.Future[Any]] = []
    following = two.follow(interval=5, on_round=on_round)
    change = await anext(following)
    assert isinstance(rounds[0], ReplicaBusyError)
    assert change.id == shop.sandbox.orders()[-1].id
    assert len(copying) == 1
    await copying[0]


async def test_whoever_has_handled_more_than_there_is_is_told(shop):
    replica = OrderReplica(shop.session, MemoryOrders())
    await replica.sync()
    with pytest.raises(ReplicaError, match="made anew"):
        await anext(replica.follow(after=3))
    assert (await anext(replica.follow(after=1))).revision == 2
