"""The list of orders on its way into a copy: piece by piece, broken off, and too large."""

from __future__ import annotations

import json
import os
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from eguma_async import (
    AsyncSession,
    DecodingError,
    EgumaError,
    HttpRequest,
    HttpResponse,
    MemoryOrders,
    OrderReplica,
    OutcomeUnknownError,
    ReplicaBusyError,
    ReplicaError,
    RetryPolicy,
    SyncRules,
    TransportError,
)
from eguma_async.core.splitting import MAX_ELEMENT_BYTES
from eguma_async.sync import Batch, Written
from eguma_async.sync.stores.base import PAGE
from eguma_async.testing import FakeClock

from .test_order_replica import order

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
Piece = bytes | Exception | Callable[[], object]


class Pieces:
    """A transport that hands bodies over as it is told: bytes, a break, or something between."""

    def __init__(self) -> None:
        self.bodies: list[Iterable[Piece]] = []
        self.date = NOW
        self.requests: list[dict[str, str]] = []
        self.is_whole: Callable[[dict[str, str]], bool] = lambda _: True

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        assert request.sink is not None
        query = dict(request.query)
        self.requests.append(query)
        if not self.is_whole(query):
            return HttpResponse(status=413, headers={}, body=b"")
        headers = {"date": f"{self.date:%a, %d %b %Y %H:%M:%S GMT}"}
        for piece in self.bodies.pop(0) if self.bodies else (b"[]",):
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, bytes):
                await request.sink.write(piece)
            else:
                piece()
        return HttpResponse(status=200, headers=headers, body=b"")

    async def aclose(self) -> None:
        pass


class Watched(MemoryOrders):
    """A store that notes what is written, and fails when it is told to.

    Attributes:
        forgets: Keep checkpoints only.
        fails: Raised by a write if there are more records than `most` by then.
    """

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Batch] = []
        self.records = 0
        self.forgets = False
        self.fails: ReplicaError | None = None
        self.most = PAGE

    async def write(self, batch: Batch) -> Written:
        self.records += len(batch.records)
        self.batches.append(attrs.evolve(batch, records=()))
        if self.fails is not None and self.records > self.most:
            raise self.fails
        return await super().write(attrs.evolve(batch, records=()) if self.forgets else batch)


@attrs.define
class Flow:
    """A copy after its first round, and what it reads from."""

    pieces: Pieces
    store: Watched
    clock: FakeClock
    replica: OrderReplica

    async def copied(self) -> dict[str, Any]:
        return {each.id: json.loads(each.raw) async for each in self.replica.orders()}


@asynccontextmanager
async def flow(*, attempts: int = 1, **options: Any) -> AsyncIterator[Flow]:
    pieces, store, clock = Pieces(), Watched(), FakeClock(NOW)
    async with AsyncSession(
        "the-key-of-a-merchant",
        transport=pieces,
        clock=clock,
        retry=RetryPolicy(attempts=attempts, budget=1),
    ) as session:
        replica = OrderReplica(session, store, **options)
        await replica.sync()
        pieces.requests.clear()
        store.batches.clear()
        yield Flow(pieces, store, clock, replica)


def body(*orders: dict[str, Any]) -> bytes:
    return json.dumps(orders).encode()


def cut(whole: bytes, size: int) -> list[bytes]:
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def variables(error: BaseException) -> str:
    """Return what a tool shows that prints the variables of the package's frames."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in shown.format() if f"{os.sep}eguma_async{os.sep}" in frame]
    assert ours
    return "".join(ours)


@pytest.mark.parametrize("size", [1, 7, 1000, 10**9])
async def test_however_a_list_is_cut_its_orders_arrive_byte_for_byte(size):
    orders = [order(f"{number}", note='"},{"id":\\ é') for number in range(9)]
    async with flow() as its:
        its.pieces.bodies = [cut(body(*orders), size)]
        assert (await its.replica.sync()).new == 9
        raw = {each.id: each.raw async for each in its.replica.orders()}
        assert raw == {each["id"]: json.dumps(each).encode() for each in orders}


async def test_a_mark_of_byte_order_before_the_list_is_none_of_it():
    async with flow() as its:
        its.pieces.bodies = [cut(b"\xef\xbb\xbf" + body(order()), 2)]
        assert (await its.replica.sync()).new == 1


async def test_one_crowded_second_needs_no_memory_of_its_size():
    one = order("{}", note="x" * 600)
    text = json.dumps(one)
    count = 12_000

    def crowd() -> Iterable[bytes]:
        for start in range(0, count, 60):
            some = ",".join(text.replace("{}", f"{n}", 1) for n in range(start, start + 60))
            yield ("[" if not start else ",").encode() + some.encode()
        yield b"]"

    async with flow(max_bytes=4096) as its:
        its.store.forgets = True
        its.pieces.is_whole = lambda query: _width(query) == SECOND
        its.pieces.bodies = [crowd()]
        tracemalloc.start()
        try:
            await _one_second(its)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert its.store.records == count
        assert peak < 4e6 < count * len(text) / 2.5


def _width(query: dict[str, str]) -> timedelta | None:
    if "updated_at_before" not in query:
        return None
    ends = (datetime.fromisoformat(query[f"updated_at_{end}"]) for end in ("before", "after"))
    return next(ends) - next(ends)


async def _one_second(its: Flow) -> None:
    """Read up to the first window of one second, which holds the crowd."""
    its.pieces.bodies.append([OutcomeUnknownError("the rest does not matter")])
    with pytest.raises(TransportError):
        await its.replica.sync()


async def test_a_list_that_breaks_off_and_is_read_again_is_neither_lost_nor_doubled():
    orders = [order(f"{number:04}") for number in range(2 * PAGE)]
    changed = [*orders[:3], order("0003", at="2026-03-02T08:59:01", note="later"), *orders[4:]]
    half = body(*orders)[: len(body(*orders)) * 3 // 4]
    async with flow(attempts=2) as its:
        its.pieces.bodies = [
            [*cut(half, 5000), OutcomeUnknownError("the connection broke")],
            cut(body(*changed), 5000),
        ]
        report = await its.replica.sync()
        assert len(its.pieces.requests) == 2
        assert its.pieces.requests[0] == its.pieces.requests[1], "the same range again"
        assert await its.copied() == {each["id"]: each for each in changed}
        assert (report.new, report.updated, report.bisected) == (2 * PAGE, 1, 0)


async def test_what_came_of_a_list_that_stays_broken_is_kept_and_covers_nothing():
    orders = [order(f"{number:04}") for number in range(2 * PAGE)]
    part = body(*orders)[:-10]
    async with flow() as its:
        before = (await its.replica.contents()).checkpoint
        its.pieces.date = NOW + timedelta(hours=1)
        its.pieces.bodies = [[part, OutcomeUnknownError("the connection broke")]] * 2
        with pytest.raises(TransportError):
            await its.replica.sync()
        found = await its.replica.contents()
        assert (found.records, found.checkpoint) == (PAGE, before)
        its.pieces.bodies = [[body(*orders)]]
        assert (await its.replica.sync()).new == PAGE


@pytest.mark.parametrize(
    "error",
    [ReplicaError("the disk is full"), ReplicaBusyError("another one")],
    ids=["full", "busy"],
)
async def test_what_a_store_refuses_while_a_list_comes_is_told_as_it_is(error):
    orders = [order(f"{number:04}") for number in range(3 * PAGE)]
    async with flow(attempts=3) as its:
        its.store.fails = error
        its.pieces.bodies = [cut(body(*orders), 5000)] * 9
        with pytest.raises(ReplicaError) as caught:
            await its.replica.sync()
        assert caught.value is error
        assert "Canary" not in variables(caught.value)
        assert len(its.pieces.requests) == 1, "the server is not to blame"
        its.store.fails = None
        assert (await its.replica.sync()).new == 2 * PAGE


async def test_what_a_store_refuses_at_the_end_of_a_list_shows_no_customer():
    async with flow() as its:
        its.store.fails, its.store.most = ReplicaError("the disk is full"), 0
        its.pieces.bodies = [cut(body(*(order(f"{n:04}") for n in range(PAGE + 1))), 5000)]
        with pytest.raises(ReplicaError) as caught:
            await its.replica.sync()
        assert its.store.records == PAGE, "what is behind the last comma came at the end"
        assert "Canary" not in variables(caught.value)


@pytest.mark.parametrize("tail", [b"", b" no JSON", OutcomeUnknownError("the connection broke")])
async def test_an_error_in_the_middle_shows_no_customer(tail):
    part = body(*(order(f"{number:04}") for number in range(PAGE)))[:-1]
    async with flow() as its:
        its.pieces.bodies = [[part, tail]] * 2
        with pytest.raises(EgumaError) as caught:
            await its.replica.sync()
        assert "Canary" not in variables(caught.value)
        assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "no list"),
        (b"null", "no list"),
        (b'{"orders": [1]}', "no list"),
        (b"<html>", "no list"),
        (b"[{", "no valid JSON"),
        (b'[{"id": "a"}, b]', "no valid JSON"),
        (b'[{"id": "a"},]', "no valid JSON"),
        (b'[{"id": "a"}] []', "no valid JSON"),
    ],
    ids=str,
)
async def test_an_answer_that_is_no_list_is_an_error_without_its_words(text, problem):
    async with flow() as its:
        its.pieces.bodies = [cut(text, 3)] * 2
        with pytest.raises(DecodingError) as caught:
            await its.replica.sync()
        assert caught.value.problems == (f"{problem} @ $",)
        assert caught.value.malformed == (problem == "no valid JSON")
        assert "html" not in f"{caught.value!r}"


async def test_an_order_too_large_to_be_held_is_told_as_what_it_is():
    def endless() -> Iterable[bytes]:
        yield b'[{"id": "'
        for _ in range(MAX_ELEMENT_BYTES // 2**20 + 2):
            yield b"x" * 2**20

    async with flow(max_bytes=2**30) as its:
        its.pieces.bodies = [endless(), endless()]
        with pytest.raises(DecodingError) as caught:
            await its.replica.sync()
        assert caught.value.problems == (f"an element of more than {MAX_ELEMENT_BYTES} bytes @ $",)


async def test_how_long_a_list_takes_to_come_does_not_put_its_checkpoint_back():
    async with flow() as its:
        its.pieces.date = NOW + timedelta(seconds=30)
        its.pieces.bodies = [
            [lambda: its.clock.advance(2), b"[", lambda: its.clock.advance(700), b"]"]
        ]
        report = await its.replica.sync()
        assert not report.went_back, "it is not in the future"
        assert report.checkpoint == NOW + timedelta(seconds=28)


async def test_attempts_in_vain_do_not_put_the_checkpoint_back_either():
    async with flow(attempts=2, rules=SyncRules(overlap=0)) as its:
        its.pieces.date = NOW + timedelta(seconds=55)
        its.pieces.bodies = [
            [lambda: its.clock.advance(50), OutcomeUnknownError("silent")],
            [lambda: its.clock.advance(1), b"[]"],
        ]
        report = await its.replica.sync()
        assert not report.went_back
        assert report.checkpoint is not None
        assert report.checkpoint > NOW + timedelta(seconds=53)


async def test_nobody_goes_on_while_a_long_second_comes():
    orders = [order(f"{number:04}") for number in range(3 * PAGE)]
    async with flow(rules=SyncRules(lease=60)) as its:
        its.pieces.is_whole = lambda query: _width(query) == SECOND
        its.pieces.bodies = [cut(body(*orders), 5000)]
        await _one_second(its)
        of_it = [batch.lease for batch in its.store.batches if batch.checkpoint is None]
        covering = [batch.lease for batch in its.store.batches if batch.checkpoint is not None]
        assert of_it[:3] == [1000.0] * 3, "each page of it leaves the lease as long"
        assert covering[0] == 60.0


async def test_nonsense_that_comes_again_is_looked_behind_wherever_it_came():
    """The same two elements, twice: each time they stand for whatever had changed by then."""
    async with flow() as its:
        for minutes in (7, 14):
            its.clock.advance(minutes=7)
            its.pieces.date = NOW + timedelta(minutes=minutes)
            its.pieces.bodies = [(b"[1, null]",)]
            await its.replica.sync()
        its.clock.advance(minutes=20)
        its.pieces.date = NOW + timedelta(minutes=34)
        its.pieces.requests.clear()
        hidden = order("hidden", at="2026-03-02T09:13:00")  # a minute before the second time
        its.pieces.bodies = [(b"[]",), (body(hidden),)]
        await its.replica.sync()
        again = its.pieces.requests[1]
        assert again["updated_at_after"] < "2026-03-02T08:56"
        assert again["updated_at_before"] > "2026-03-02T09:14"
        assert await its.copied() == {"hidden": hidden}
