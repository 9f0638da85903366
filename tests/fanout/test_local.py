"""Many reads at once: lazy, bounded, in the order they come, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Mapping
from datetime import date
from typing import Any

import attrs
import pytest

from eguma_async.core.errors import (
    ConfigurationError,
    NotFoundError,
    OutcomeUnknownError,
    SessionStateError,
    TransportError,
)
from eguma_async.core.messages import Timeouts
from eguma_async.eguma.ticketing.bookings import Booking
from eguma_async.fanout import LocalFanOut, Outcome, Progress
from eguma_async.pipeline.limiting import Limits
from eguma_async.testing import FakeClock, json_reply
from tests.support.calls import (
    BOOK,
    CANCEL,
    EMPTY_LIST,
    PRODUCTS,
    RESERVE,
    Gate,
    refusal,
    session_on,
    slots_of,
    turns,
)
from tests.support.garbage import only_new_garbage

WORKERS = 4
FIRST = date(2026, 3, 1)


def operations(count: int) -> list[Any]:
    return [slots_of(f"p{n}") for n in range(count)]


@attrs.frozen
class Finished:
    """A call that has succeeded."""

    value: object
    attempts: int = 1


class Reads:
    """The `run` of a session under the test's hands.

    Answers at once with the product's id, or when its gate is opened; ids in `broken` fail.
    """

    def __init__(
        self, *, gated: bool = False, broken: Mapping[str, BaseException] | None = None
    ) -> None:
        self.asked: list[str] = []
        self.under_way = 0
        self.most = 0
        self.cancelled = 0
        self.broken = broken or {}
        self._gates: dict[str, asyncio.Event] = {}
        self._gated = gated

    def let(self, product_id: str) -> None:
        self._gates[product_id].set()

    async def __call__(self, operation, /):
        product_id = operation.product_id
        self.asked.append(product_id)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if self._gated:
                gate = self._gates[product_id] = asyncio.Event()
                await gate.wait()
            else:
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1
        if product_id in self.broken:
            raise self.broken[product_id]
        return Finished(product_id, 2)


def fan(reads, items, *, concurrency=WORKERS, on_progress=None, clock=None) -> LocalFanOut[Any]:
    return LocalFanOut(
        reads, items, concurrency=concurrency, on_progress=on_progress, clock=clock or FakeClock()
    )


async def values(fan_out) -> list[Any]:
    return [outcome.value async for outcome in fan_out]


def others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


@pytest.fixture(scope="module", autouse=True)
def _collections_take_no_time():
    with only_new_garbage():
        yield


@pytest.fixture(autouse=True)
async def _nothing_is_left():
    yield
    gc.collect()
    await turns()
    assert others() == set()


class Counted:
    """An iterator that tells how much was taken."""

    def __init__(self, items) -> None:
        self._items = iter(items)
        self.taken = 0

    def __iter__(self):
        return self

    def __next__(self):
        item = next(self._items)
        self.taken += 1
        return item


class CountedAsync(Counted):
    """The same, asked by one at a time."""

    __iter__: Any = None
    asking = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        assert not self.asking
        self.asking = True
        await asyncio.sleep(0)
        self.asking = False
        for item in self._items:
            self.taken += 1
            return item
        raise StopAsyncIteration


async def drip(items, *, closed: list[bool] | None = None):
    try:
        for item in items:
            await asyncio.sleep(0)
            yield item
    finally:
        await asyncio.sleep(0)
        if closed is not None:
            closed.append(True)


class TestInput:
    @pytest.mark.parametrize(
        "kind",
        [list, tuple, iter, set, dict.fromkeys, Counted, CountedAsync, drip, reversed],
        ids=["list", "tuple", "iterator", "set", "dict", "class", "async class", "async generator", "reversed"],
    )  # fmt: skip
    async def test_any_kind_of_iterable(self, kind):
        found = await values(fan(Reads(), kind(operations(11))))
        assert sorted(found) == sorted(f"p{n}" for n in range(11))

    @pytest.mark.parametrize("kind", [list, drip])
    async def test_nothing_to_do(self, kind):
        assert await values(fan(Reads(), kind([]))) == []

    @pytest.mark.parametrize("wrong", [5, None, PRODUCTS])
    async def test_what_is_no_iterable_is_refused_at_once(self, wrong):
        with pytest.raises(ConfigurationError, match="must be an iterable or an async iterable"):
            fan(Reads(), wrong)

    @pytest.mark.parametrize("concurrency", [0, -1, 1.5, "4", None])
    async def test_a_number_of_workers_without_sense_is_refused_at_once(self, concurrency):
        with pytest.raises(ConfigurationError, match="concurrency"):
            fan(Reads(), [], concurrency=concurrency)

    async def test_nothing_is_taken_before_it_is_asked_for(self):
        items = Counted(operations(5))
        fan_out = fan(Reads(), items)
        await turns()
        assert items.taken == 0
        await fan_out.aclose()

    @pytest.mark.parametrize("kind", [Counted, CountedAsync])
    async def test_it_is_taken_no_faster_than_the_outcomes_are(self, kind):
        items, reads = kind(operations(1000)), Reads()
        fan_out = fan(reads, items)
        for handed_on in range(1, 6):
            await anext(fan_out)
            await turns(100)
            # In the consumer's hands, in the buffer, and one finished in each worker's.
            assert items.taken == handed_on + 2 * WORKERS
        await fan_out.aclose()
        assert items.taken == 5 + 2 * WORKERS

    async def test_ten_thousand_reads_need_no_more_tasks_than_workers(self):
        reads, most = Reads(), 0
        fan_out = fan(reads, (slots_of(f"p{n}") for n in range(10_000)))
        done = 0
        async for outcome in fan_out:
            done += outcome.ok
            if done % 500 == 0:
                most = max(most, len(others()))
        assert done == 10_000
        assert most == WORKERS
        assert reads.most == WORKERS

    @pytest.mark.parametrize("kind", [iter, drip])
    async def test_an_error_of_the_input_ends_the_loop_after_what_was_done(self, kind):
        def broken():
            yield from operations(3)
            raise ZeroDivisionError("in the input")

        async def broken_async():
            async for item in drip(operations(3)):
                yield item
            raise ZeroDivisionError("in the input")

        fan_out = fan(Reads(), broken() if kind is iter else broken_async(), concurrency=1)
        done = []
        with pytest.raises(ZeroDivisionError, match="in the input"):
            async for outcome in fan_out:
                done.append(outcome.value)
        assert done == ["p0", "p1", "p2"]

    async def test_an_async_generator_is_closed_with_the_loop(self):
        closed: list[bool] = []
        fan_out = fan(Reads(), source := drip(operations(1000), closed=closed))
        await anext(fan_out)
        await fan_out.aclose()
        assert closed == [True]
        with pytest.raises(StopAsyncIteration):
            await anext(source)

    async def test_a_fan_out_may_feed_another(self):
        class Again:
            def __init__(self, inner):
                self.inner = inner

            def __aiter__(self):
                return self

            async def __anext__(self):
                return (await anext(self.inner)).operation

        first = fan(Reads(), operations(20))
        assert len(await values(fan(Reads(), Again(first)))) == 20


class TestOutcomes:
    async def test_they_come_in_the_order_of_completion(self):
        reads = Reads(gated=True)
        fan_out = fan(reads, operations(4))
        first = asyncio.create_task(anext(fan_out))
        await turns()
        for product_id in ("p2", "p0", "p3", "p1"):
            reads.let(product_id)
            await turns()
        found = [(await first).value, *await values(fan_out)]
        assert found == ["p2", "p0", "p3", "p1"]

    async def test_never_more_are_under_way_than_there_are_workers(self):
        reads = Reads()
        await values(fan(reads, operations(100), concurrency=7))
        assert reads.most == 7

    async def test_more_workers_than_work(self):
        assert len(await values(fan(Reads(), operations(3), concurrency=50))) == 3

    async def test_a_success_tells_its_operation_attempts_and_seconds(self):
        clock = FakeClock()

        async def slow(operation, /):
            clock.advance(1.5)
            return Finished(None, 3)

        (outcome,) = [o async for o in fan(slow, [PRODUCTS], clock=clock)]
        assert outcome == Outcome(operation=PRODUCTS, value=None, attempts=3, seconds=1.5)
        assert outcome.ok
        assert outcome.unwrap() is None

    async def test_a_failure_is_an_outcome(self):
        clock, error = FakeClock(), NotFoundError("canary", status=404, attempts=4)

        async def fail(operation, /):
            clock.advance(0.5)
            raise error

        items = operations(2)
        outcomes = [o async for o in fan(fail, items, concurrency=1, clock=clock)]
        assert [(o.ok, o.value, o.error, o.attempts, o.seconds) for o in outcomes] == [
            (False, None, error, 4, 0.5)
        ] * 2
        assert [o.operation for o in outcomes] == items
        with pytest.raises(NotFoundError) as caught:
            outcomes[0].unwrap()
        assert caught.value is error

    async def test_a_failure_keeps_no_frames_alive(self):
        class Heavy:
            pass

        async def fail(operation, /):
            heavy = Heavy()
            kept.append(weakref.ref(heavy))
            raise NotFoundError(status=404)

        kept: list[weakref.ref[Any]] = []
        outcomes = [o async for o in fan(fail, operations(3))]
        gc.collect()
        assert len(outcomes) == len(kept) == 3
        assert [ref() for ref in kept] == [None] * 3


class TestRefused:
    @pytest.mark.parametrize("operation", [BOOK, RESERVE])
    async def test_an_operation_that_could_be_carried_out_twice(self, operation):
        reads = Reads()
        with pytest.raises(ConfigurationError, match=f"{operation.name()} is not fanned out"):
            await values(fan(reads, [operation]))
        assert reads.asked == []

    async def test_a_write_is_even_if_it_may_be_repeated(self):
        reads = Reads()
        with pytest.raises(ConfigurationError, match="CancelBooking is not fanned out: it is no"):
            await values(fan(reads, [CANCEL]))
        assert reads.asked == []

    @pytest.mark.parametrize("item", ["p1", None, Booking, 5])
    async def test_what_is_no_operation(self, item):
        with pytest.raises(ConfigurationError, match="a fan-out takes operations such as"):
            await values(fan(Reads(), [item]))

    @pytest.mark.parametrize("error", [ConfigurationError("x"), SessionStateError("x")])
    async def test_what_no_other_read_would_survive_ends_the_loop(self, error):
        with pytest.raises(type(error)):
            await values(fan(Reads(broken={"p1": error}), operations(3)))


class TestBugs:
    @pytest.mark.parametrize("at", [0, 1, 7, 50, 99])
    @pytest.mark.parametrize("concurrency", [1, 2, 20])
    async def test_a_bug_in_a_worker_reaches_the_consumer(self, at, concurrency):
        reads = Reads(broken={f"p{at}": ZeroDivisionError()})
        fan_out = fan(reads, operations(100), concurrency=concurrency)
        with pytest.raises(ZeroDivisionError):
            await values(fan_out)
        with pytest.raises(StopAsyncIteration):
            await anext(fan_out)

    async def test_a_bug_while_the_buffer_is_full_reaches_a_slow_consumer(self):
        reads = Reads(broken={"p11": ZeroDivisionError()})
        fan_out, done = fan(reads, operations(1000)), 0
        with pytest.raises(ZeroDivisionError):
            async for _ in fan_out:
                done += 1
                await turns(50)
        assert done < 30

    async def test_all_workers_broken_at_once(self):
        broken = {f"p{n}": ZeroDivisionError() for n in range(100)}
        with pytest.raises(ZeroDivisionError):
            await values(fan(Reads(broken=broken), operations(100)))

    @pytest.mark.parametrize("concurrency", [1, 2, 20])
    async def test_a_stray_cancellation_in_a_read_does_not_hang_the_loop(self, concurrency):
        reads = Reads(broken={"p5": asyncio.CancelledError("a shared task was cancelled")})
        with pytest.raises(asyncio.CancelledError):
            await values(fan(reads, operations(10), concurrency=concurrency))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    async def test_a_stray_cancellation_in_the_input_does_not_hang_the_loop(self):
        async def items():
            yield PRODUCTS
            raise asyncio.CancelledError

        async def answer(operation, /):
            return Finished(1)

        with pytest.raises(asyncio.CancelledError):
            await values(fan(answer, items()))

    async def test_an_exception_that_ends_iterations_is_a_bug_too(self):
        with pytest.raises(RuntimeError):
            await values(fan(Reads(broken={"p5": StopAsyncIteration()}), operations(10)))

    async def test_a_bug_in_on_progress_ends_everything(self):
        def fail(progress):
            if progress.done == 3:
                raise ZeroDivisionError

        reads = Reads()
        fan_out = fan(reads, operations(100), on_progress=fail)
        with pytest.raises(ZeroDivisionError):
            await values(fan_out)
        assert others() == set()
        assert reads.under_way == 0


class TestProgress:
    async def test_it_counts(self):
        seen: list[Progress] = []
        reads = Reads(broken={"p1": NotFoundError(status=404)})
        await values(fan(reads, operations(3), concurrency=1, on_progress=seen.append))
        assert seen == [
            Progress(done=1, failed=0, total=3),
            Progress(done=2, failed=1, total=3),
            Progress(done=3, failed=1, total=3),
        ]

    @pytest.mark.parametrize("kind", [iter, drip])
    async def test_the_total_of_an_input_without_length_is_not_known(self, kind):
        seen: list[Progress] = []
        await values(fan(Reads(), kind(operations(2)), on_progress=seen.append))
        assert [p.total for p in seen] == [None, None]


class TestLeaving:
    async def test_a_break_leaves_no_task(self):
        reads = Reads()
        async for _ in fan(reads, operations(1000)):
            break
        gc.collect()
        await turns()
        assert others() == set()
        assert reads.under_way == 0
        assert len(reads.asked) < 20

    async def test_a_break_leaves_no_task_even_if_the_fan_out_is_kept(self):
        reads = Reads()
        kept = fan(reads, operations(1000))
        async for _ in kept:
            break
        await turns()
        assert others() == set()
        assert len(reads.asked) < 20
        with pytest.raises(SessionStateError, match="make a new one"):
            await values(kept)

    async def test_a_second_loop_over_a_finished_one_is_empty(self):
        kept = fan(Reads(), operations(3))
        assert len(await values(kept)) == 3
        assert await values(kept) == []

    async def test_two_consumers_of_one_fan_out_are_refused(self):
        kept = fan(Reads(), operations(3))
        first = aiter(kept)
        await anext(first)
        with pytest.raises(SessionStateError, match="make a new one"):
            await anext(kept)
        await kept.aclose()

    async def test_a_break_lets_go_of_everything(self):
        reads, items = Reads(), Counted(operations(1000))
        kept = weakref.ref(items), weakref.ref(reads)
        async for _ in fan(reads, items):
            break
        del reads, items
        await turns()
        gc.collect()
        await turns()
        gc.collect()
        assert [ref() for ref in kept] == [None, None]

    async def test_a_loop_never_begun_leaves_nothing(self):
        fan(Reads(), operations(10))
        fan(Reads(), drip(operations(10)))
        assert others() == set()

    async def test_aclose_waits_until_all_have_ended(self):
        reads = Reads(gated=True)
        fan_out = fan(reads, operations(100))
        first = asyncio.create_task(anext(fan_out))
        await turns()
        reads.let("p0")
        await first
        assert reads.under_way == WORKERS
        await fan_out.aclose()
        assert reads.under_way == 0
        assert others() == set()
        await fan_out.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(fan_out)

    async def test_aclose_ends_a_consumer_that_waits(self):
        reads = Reads(gated=True)
        fan_out = fan(reads, operations(100))
        consumer = asyncio.create_task(values(fan_out))
        await turns()
        await fan_out.aclose()
        assert await consumer == []
        assert reads.cancelled == WORKERS

    async def test_a_reason_is_raised_to_a_consumer_that_waits(self):
        fan_out = fan(Reads(gated=True), operations(100))
        consumer = asyncio.create_task(values(fan_out))
        await turns()
        await fan_out.workers.stop(SessionStateError("closed"))
        with pytest.raises(SessionStateError, match="closed"):
            await consumer

    async def test_a_reason_is_raised_to_a_consumer_that_was_busy(self):
        fan_out = fan(Reads(), operations(100))
        await anext(fan_out)
        await fan_out.workers.stop(SessionStateError("closed"))
        with pytest.raises(SessionStateError, match="closed"):
            await anext(fan_out)

    async def test_a_reason_after_the_end_is_none(self):
        fan_out = fan(Reads(), operations(5))
        assert len(await values(fan_out)) == 5
        await fan_out.workers.stop(SessionStateError("closed"))
        with pytest.raises(StopAsyncIteration):
            await anext(fan_out)

    async def test_aclose_with_an_async_generator_that_is_being_asked(self):
        closed, gate = [], asyncio.Event()

        async def stalled():
            try:
                yield slots_of("p0")
                await gate.wait()
                yield slots_of("p1")
            finally:
                await asyncio.sleep(0)
                closed.append(True)

        fan_out = fan(Reads(gated=True), stalled())
        consumer = asyncio.create_task(values(fan_out))
        await turns()
        await fan_out.aclose()
        assert closed == [True]
        assert await consumer == []

    async def test_cancelling_the_consumer_ends_the_reads(self):
        reads = Reads(gated=True)
        consumer = asyncio.create_task(values(fan(reads, operations(100))))
        await turns()
        consumer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consumer
        await turns()
        assert reads.cancelled == WORKERS
        assert reads.under_way == 0

    @pytest.mark.parametrize("after", range(0, 40, 3))
    async def test_cancelling_at_any_moment_leaves_nothing(self, after):
        reads = Reads()
        consumer = asyncio.create_task(values(fan(reads, drip(operations(1000)))))
        await turns(after)
        consumer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consumer
        await turns()
        assert others() == set()
        assert reads.under_way == 0

    @pytest.mark.parametrize("handed_over", [True, False])
    async def test_a_time_limit_around_one_outcome_loses_nothing(self, handed_over):
        reads = Reads(gated=True)
        fan_out = fan(reads, operations(10), concurrency=1)
        outcomes = aiter(fan_out) if handed_over else fan_out
        seen = []
        for n in range(10):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await anext(outcomes)
            reads.let(f"p{n}")
            seen.append((await asyncio.wait_for(anext(outcomes), 5)).value)
        with pytest.raises(StopAsyncIteration):
            await anext(outcomes)
        assert seen == [f"p{n}" for n in range(10)]

    async def test_a_second_task_that_waits_for_an_outcome_is_refused(self):
        fan_out = fan(Reads(gated=True), operations(10))
        first = asyncio.create_task(anext(fan_out))
        await turns()
        with pytest.raises(SessionStateError, match="another task waits"):
            await anext(fan_out)
        await fan_out.aclose()
        with pytest.raises(StopAsyncIteration):
            await first

    async def test_it_is_a_context_manager(self):
        reads = Reads()
        async with fan(reads, operations(1000)) as fan_out:
            first = await anext(fan_out)
            assert others() != set()
        assert first.ok
        assert others() == set()
        with pytest.raises(StopAsyncIteration):
            await anext(fan_out)

    async def test_a_kept_iterator_that_is_let_go_of_ends_the_reads(self):
        reads = Reads()
        outcomes = aiter(fan(reads, operations(1000)))
        await anext(outcomes)
        del outcomes
        gc.collect()
        await turns()
        assert others() == set()
        assert len(reads.asked) < 20


class TestSession:
    async def test_the_time_limits_of_a_fan_out_hold_for_each_read(self):
        transport, brief = Gate(json_reply(EMPTY_LIST)), Timeouts(total=7.0)
        transport.open.set()
        async with session_on(transport) as session:
            reads = session.ticketing.availabilities.fan_out(
                ["p1", "p2"], from_date=FIRST, to_date=FIRST, timeouts=brief
            )
            assert [outcome.ok async for outcome in reads] == [True, True]
            await values(session.fan_out([PRODUCTS]))
        assert [r.timeouts for r in transport.requests] == [brief, brief, Timeouts()]

    async def test_it_fans_out_over_the_way_of_a_call(self):
        def answer(request):
            if "/p3/" in request.url:
                return refusal(404, "not_found")
            return json_reply(EMPTY_LIST)

        transport = Gate(answer)
        transport.open.set()
        async with session_on(transport, limits=Limits(concurrency=2)) as session:
            outcomes = [o async for o in session.fan_out(operations(10), concurrency=5)]
        failed = [o for o in outcomes if not o.ok]
        assert len(outcomes) == 10
        assert [type(o.error) for o in failed] == [NotFoundError]
        assert failed[0].operation == slots_of("p3")
        assert failed[0].error is not None
        assert failed[0].error.operation == "ListAvailabilities"
        assert failed[0].attempts == 1

    async def test_closing_the_session_ends_it_and_says_so(self):
        transport = Gate()
        session = session_on(transport)
        await session.__aenter__()
        consumer = asyncio.create_task(values(session.fan_out(operations(100))))
        await turns()
        assert transport.under_way == 4
        await session.aclose()
        assert transport.under_way == 0
        with pytest.raises(SessionStateError, match="closed meanwhile"):
            await consumer

    async def test_closing_the_session_inside_the_loop_is_not_taken_for_the_end(self):
        transport = Gate(json_reply(EMPTY_LIST))
        transport.open.set()
        session = session_on(transport)
        await session.__aenter__()
        seen = 0
        with pytest.raises(SessionStateError, match="closed meanwhile"):
            async for _ in session.fan_out(operations(100)):
                seen += 1
                await session.aclose()
        assert seen == 1

    async def test_a_finished_one_is_forgotten_by_the_session(self):
        transport = Gate(json_reply(EMPTY_LIST))
        transport.open.set()
        async with session_on(transport) as session:
            async for _ in session.fan_out(operations(3)):
                pass
            gc.collect()
            assert len(session._readings) == 0

    async def test_a_lost_answer_is_an_outcome(self):
        def lost(request):
            raise OutcomeUnknownError("lost")

        transport = Gate(lost)
        transport.open.set()
        async with session_on(transport) as session:
            (outcome,) = [o async for o in session.fan_out(operations(1))]
        assert type(outcome.error) is TransportError
        assert outcome.attempts == 5
