"""F · many reads at once, and a server that has too many of them."""

from __future__ import annotations

import asyncio
import gc
import heapq
import statistics
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from benchmarks import _virtual
from eguma_async import (
    DecodingError,
    HttpRequest,
    HttpResponse,
    ListAvailabilities,
    NotFoundError,
    Outcome,
    OutcomeUnknownError,
    RetryPolicy,
    TransportError,
)
from eguma_async.sandbox import Reply

from .matrix import Row, check, id_of, row, rows_of
from .shops import EgumaShop
from .stage import Stage

SECONDS = 0.08


def reads_of(shop: EgumaShop, count: int) -> Iterator[ListAvailabilities]:
    """Yield reads that are not equal: one day each, of one product."""
    slot, today = shop.sandbox.example("day"), shop.sandbox.today()
    for n in range(count):
        day = today + timedelta(days=n)
        yield ListAvailabilities(product_id=slot.product_id, from_date=day, to_date=day)


def path_of(read: ListAvailabilities) -> str:
    return read.path()


class Layer:
    """A transport around that of a sandbox, on its clock.

    Attributes:
        sent: Requests so far.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.inner: Any = None
        self.clock: Any = None

    def around(self, inner: Any) -> Layer:
        self.inner = inner
        return self

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        self.sent += 1
        return await self.answer(request)

    async def answer(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = await self.inner.send(request)
        return response

    async def aclose(self) -> None:
        await self.inner.aclose()


class Rated(Layer):
    """Takes so many requests a second, by a bucket of a second's worth; answers 429 to others."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.tokens, self.filled = rate, 0.0
        self.refused = 0

    async def answer(self, request: HttpRequest) -> HttpResponse:
        now = self.clock.monotonic()
        self.tokens = min(self.rate, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            self.refused += 1
            return HttpResponse(status=429, headers={"retry-after": "1"})
        self.tokens -= 1
        await self.clock.sleep(SECONDS)
        return await super().answer(request)


class Crowded(Layer):
    """Has so many workers, and fewer of them for a while; whoever comes meanwhile queues."""

    def __init__(self, workers: int, dip: tuple[float, float]) -> None:
        super().__init__()
        self.workers, self.dip = workers, dip
        self.free = [0.0] * workers
        self.in_the_dip = 0
        self.latencies: list[float] = []

    async def answer(self, request: HttpRequest) -> HttpResponse:
        now = self.clock.monotonic()
        dips = self.dip[0] <= now < self.dip[1]
        self.in_the_dip += dips
        begins = max(now, heapq.heappop(self.free))
        # A quarter of the workers: each request takes as long as four.
        ends = begins + SECONDS * (4 if dips else 1)
        heapq.heappush(self.free, ends)
        self.latencies.append(ends - now)
        await self.clock.sleep(ends - now)
        return await super().answer(request)


async def open_with(stage: Stage, layer: Layer, **options: Any) -> EgumaShop:
    """Open a shop behind a layer; with ``clock``, on that clock."""
    shop: EgumaShop = await stage.eguma(wrap=layer.around, observer=None, **options)
    layer.clock = options.get("clock", shop.clock)
    return shop


async def all_of(fan_out: Any) -> list[Outcome[Any]]:
    return [outcome async for outcome in fan_out]


@row("F1", "one product of 500 fails", "499 values and one error, which names the one that failed")
async def one_of_many(stage: Stage) -> None:
    shop = await stage.eguma(observer=None)
    reads = list(reads_of(shop, 499))
    unknown = ListAvailabilities(
        product_id="64ad1bb1973b861c040c0fff",
        from_date=reads[0].from_date,
        to_date=reads[0].to_date,
    )
    reads.insert(250, unknown)
    outcomes = await all_of(shop.session.fan_out(reads, ordered=True))
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    stage.proves("an unknown product", lambda: len(failed))
    assert len(outcomes) == 500
    assert type(failed[0].error) is NotFoundError
    assert failed[0].operation is unknown
    assert [outcome.operation for outcome in outcomes] == reads
    for outcome in outcomes:
        if outcome.value is not None:
            days = {each.starts_at.date() for each in outcome.value.availabilities}
            assert days <= {outcome.operation.from_date}  # type: ignore[attr-defined]
    stage.show(failed[0].error)


@row(
    "F2",
    "a server that takes 60 reads a second, and 429 with Retry-After for those beyond",
    "every read is answered; 5 % of the requests are refused at most; it takes 1.2 times the ideal",
)
def storm(stage: Stage) -> None:
    _virtual.run(stage.perform(_storm))


async def _storm(stage: Stage) -> None:
    layer, clock = Rated(60), _virtual.VirtualClock()
    shop = await open_with(stage, layer, clock=clock)
    outcomes = await all_of(shop.session.fan_out(reads_of(shop, 480)))
    assert all(outcome.ok for outcome in outcomes)
    assert len(outcomes) == 480
    stage.proves("a refusal", lambda: min(layer.refused, 1))
    assert layer.refused <= 0.05 * layer.sent
    assert clock.elapsed() <= 1.2 * 480 / 60
    assert layer.sent == 480 + layer.refused


@row(
    "F3",
    "a quarter of the server's capacity is left for 4 s",
    "every read is answered, 99 of 100 within 1 s of going out; the limit comes down and up again",
)
def dip(stage: Stage) -> None:
    _virtual.run(stage.perform(_dip))


async def _dip(stage: Stage) -> None:
    layer, clock = Crowded(16, (4.0, 8.0)), _virtual.VirtualClock()
    shop = await open_with(stage, layer, clock=clock)
    limits: list[tuple[float, int]] = []
    outcomes = await all_of(
        shop.session.fan_out(
            reads_of(shop, 2000),
            on_progress=lambda p: limits.append((clock.elapsed(), p.limit or 0)),
        )
    )
    assert all(outcome.ok for outcome in outcomes)
    stage.proves("a read in the dip", lambda: min(layer.in_the_dip, 1))
    assert statistics.quantiles(layer.latencies, n=100)[98] < 1.0
    before = max(limit for moment, limit in limits if moment < 4.0)
    during = min(limit for moment, limit in limits if 4.0 <= moment < 9.0)
    after = limits[-1][1]
    assert during < before
    assert after >= 16


@row("F4", "the consumer leaves the loop", "what is under way is cancelled, and no task is left")
async def leaves(stage: Stage) -> None:
    layer = Crowded(4, (0.0, 0.0))
    shop = await open_with(stage, layer)
    tasks = asyncio.all_tasks()
    async for outcome in shop.session.fan_out(reads_of(shop, 10_000)):
        assert outcome.ok
        break
    gc.collect()
    for _ in range(20):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks
    stage.proves("some were under way", lambda: min(layer.sent, 2), 2)
    assert layer.sent < 20
    assert shop.session._layers._regulation.regulator.held == 0
    assert (await shop.session.ticketing.products.list()).products


@row("F5", "a slow consumer", "no more is read than the buffer holds; nothing is lost")
async def slow_consumer(stage: Stage) -> None:
    layer = Layer()
    shop = await open_with(stage, layer)
    handed_on, most = 0, 0
    async for outcome in shop.session.fan_out(reads_of(shop, 100), concurrency=5):
        assert outcome.ok
        handed_on += 1
        for _ in range(30):
            await asyncio.sleep(0)
        most = max(most, layer.sent - handed_on)
    assert handed_on == 100
    assert most <= 2 * 5
    stage.proves("the consumer was behind", lambda: min(most, 10), 10)


@row("F6", "an answer that cannot be read, among others", "it is one outcome; the others go on")
async def poison(stage: Stage) -> None:
    shop = await stage.eguma(observer=None)
    reads = list(reads_of(shop, 30))
    broken = Reply(200, body='{"company_name": 5}', content_type="application/json", times=1)
    shop.inject(broken)
    outcomes = await all_of(shop.session.fan_out(reads))
    failed = [outcome for outcome in outcomes if not outcome.ok]
    assert len(outcomes) == 30
    assert [type(outcome.error) for outcome in failed] == [DecodingError]
    assert failed[0].error is not None
    assert failed[0].error.operation == "ListAvailabilities"


@row(
    "F7",
    "every answer is lost for 60 s, at 50 reads a second",
    "10 requests more than were asked for, at most",
)
async def outage(stage: Stage) -> None:
    class Lost(Layer):
        async def answer(self, request: HttpRequest) -> HttpResponse:
            raise OutcomeUnknownError("lost")

    layer = Lost()
    shop = await open_with(stage, layer, retry=RetryPolicy())
    for _ in range(10):
        results = await asyncio.gather(
            *map(shop.session.send, reads_of(shop, 300)), return_exceptions=True
        )
        assert {type(result) for result in results} == {TransportError}
        await shop.clock.sleep(6.0)
    stage.proves("a lost answer", lambda: min(layer.sent, 3000), 3000)
    assert layer.sent <= 3000 + 10


@pytest.mark.parametrize("row", rows_of(__name__), ids=id_of)
def test_row(row: Row) -> None:
    check(row)
