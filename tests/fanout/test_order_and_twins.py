"""The order of the input, equal reads made once, reads in pieces, and chunks carried out elsewhere."""

from __future__ import annotations

import asyncio
import gc
import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.core.errors import (
    ConfigurationError,
    EgumaError,
    NotFoundError,
    SessionStateError,
    TransportError,
)
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, in_query
from eguma_async.fanout import InPieces, LocalExecutor, LocalFanOut, Outcome, run_chunk
from eguma_async.testing import FakeClock, json_reply
from tests.fanout.test_local import Counted, Finished, Reads, drip, operations, others, values
from tests.support.calls import BOOK, EMPTY_LIST, PRODUCTS, Gate, session_on, slots_of, turns
from tests.support.garbage import only_new_garbage

WORKERS = 4


def fan(reads, items, **options) -> LocalFanOut[Any]:
    options = {"concurrency": WORKERS, "on_progress": None, "clock": FakeClock(), **options}
    return LocalFanOut(reads, items, **options)


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


class TestOrdered:
    @pytest.mark.parametrize("kind", [list, drip])
    async def test_outcomes_come_in_the_order_of_the_input(self, kind):
        reads = Reads(gated=True)
        fan_out = fan(reads, kind(operations(4)), ordered=True)
        first = asyncio.create_task(anext(fan_out))
        await turns()
        for product_id in ("p2", "p3", "p1"):
            reads.let(product_id)
            await turns()
        assert not first.done()
        reads.let("p0")
        assert [(await first).value, *await values(fan_out)] == ["p0", "p1", "p2", "p3"]

    async def test_a_slow_one_holds_up_no_more_than_a_window(self):
        class FirstIsSlow(Reads):
            async def __call__(self, operation, /):
                if operation.product_id == "p0":
                    self.asked.append("p0")
                    await slow.wait()
                    return Finished("p0")
                return await super().__call__(operation)

        slow, items = asyncio.Event(), Counted(operations(1000))
        fan_out = fan(FirstIsSlow(), items, ordered=True)
        first = asyncio.create_task(anext(fan_out))
        await turns(200)
        assert items.taken == 4 * WORKERS
        slow.set()
        assert (await first).value == "p0"
        for n in range(1, 50):
            assert (await anext(fan_out)).value == f"p{n}"
        await fan_out.aclose()

    async def test_a_slow_consumer_is_waited_for(self):
        items = Counted(operations(1000))
        fan_out = fan(Reads(), items, ordered=True)
        for handed_on in range(1, 6):
            await anext(fan_out)
            await turns(100)
            assert items.taken == handed_on + 4 * WORKERS
        await fan_out.aclose()

    async def test_failures_keep_their_place(self):
        reads = Reads(broken={"p3": NotFoundError(status=404)})
        outcomes = [o async for o in fan(reads, operations(8), ordered=True)]
        assert [o.value for o in outcomes] == [f"p{n}" if n != 3 else None for n in range(8)]

    async def test_a_bug_reaches_the_consumer_even_behind_a_slow_one(self):
        reads = Reads(gated=True, broken={"p1": ZeroDivisionError()})
        fan_out = fan(reads, operations(10), ordered=True)
        first = asyncio.create_task(anext(fan_out))
        await turns()
        reads.let("p1")
        with pytest.raises(ZeroDivisionError):
            await first

    async def test_leaving_leaves_nothing(self):
        reads = Reads()
        async for _ in fan(reads, operations(1000), ordered=True):
            break
        gc.collect()
        await turns()
        assert reads.under_way == 0
        assert len(reads.asked) < 40

    @given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 6))
    def test_each_place_of_the_input_has_its_own_outcome(self, ids, workers):
        async def play():
            turns_of = iter([0, 3, 1, 2] * 200)

            async def answer(operation, /):
                await turns(next(turns_of))
                return Finished(operation.product_id)

            items = [slots_of(f"p{n}") for n in ids]
            outcomes = [o async for o in fan(answer, items, ordered=True, concurrency=workers)]
            assert [o.value for o in outcomes] == [f"p{n}" for n in ids]
            assert all(o.operation is item for o, item in zip(outcomes, items, strict=True))

        asyncio.run(play())


class TestTwins:
    async def test_equal_reads_under_way_are_made_once(self):
        reads = Reads(gated=True)
        items = [slots_of("p0") for _ in range(5)]
        fan_out = fan(reads, items)
        first = asyncio.create_task(anext(fan_out))
        await turns()
        reads.let("p0")
        outcomes = [await first, *[o async for o in fan_out]]
        assert reads.asked == ["p0"]
        assert [o.value for o in outcomes] == ["p0"] * 5
        assert {id(o.operation) for o in outcomes} == {id(item) for item in items}

    async def test_one_that_comes_later_is_made_again(self):
        reads = Reads()
        assert await values(fan(reads, [slots_of("p0")] * 3, concurrency=1)) == ["p0"] * 3
        assert reads.asked == ["p0"] * 3

    async def test_others_go_on_meanwhile(self):
        reads = Reads(gated=True)
        items = [slots_of("p0"), slots_of("p0"), slots_of("p1"), slots_of("p2"), slots_of("p3")]
        fan_out = fan(reads, items)
        first = asyncio.create_task(anext(fan_out))
        await turns()
        assert sorted(reads.asked) == ["p0", "p1", "p2", "p3"]
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await fan_out.aclose()

    async def test_they_take_room_as_others_do(self):
        reads, items = Reads(gated=True), Counted(slots_of("p0") for _ in range(10_000))
        fan_out = fan(reads, items)
        first = asyncio.create_task(anext(fan_out))
        await turns(50)
        assert items.taken == 2 * WORKERS
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await fan_out.aclose()

    async def test_an_answer_of_the_server_holds_for_all_with_an_error_each(self):
        error = NotFoundError(status=404)
        reads = Reads(gated=True, broken={"p0": error})
        fan_out = fan(reads, [slots_of("p0") for _ in range(3)])
        first = asyncio.create_task(anext(fan_out))
        await turns()
        reads.let("p0")
        outcomes = [await first, *[o async for o in fan_out]]
        assert reads.asked == ["p0"]
        assert [type(o.error) for o in outcomes] == [NotFoundError] * 3
        assert len({id(o.error) for o in outcomes}) == 3

    async def test_a_read_that_was_given_up_is_made_again_for_its_twins(self):
        asked = []

        async def answer(operation, /):
            asked.append(operation.product_id)
            await turns(5)
            if len(asked) == 1:
                raise TransportError("the deadline passed")
            return Finished("value")

        outcomes = [o async for o in fan(answer, [slots_of("p0") for _ in range(4)])]
        assert asked == ["p0", "p0"]
        assert [o.value for o in outcomes] == [None, "value", "value", "value"]
        assert type(outcomes[0].error) is TransportError

    async def test_a_bug_in_one_is_told_and_leaves_nothing(self):
        reads = Reads(broken={"p0": ZeroDivisionError()})
        with pytest.raises(ZeroDivisionError):
            await values(fan(reads, [slots_of("p0") for _ in range(4)]))

    async def test_reads_without_a_hash_are_made_each(self):
        @attrs.frozen(kw_only=True)
        class Search(Operation[int]):
            METHOD = "GET"
            PATH = "/v1/search.json"
            REPEAT = Repeat.READ
            words: list[str] = attrs.field(factory=list, metadata=in_query("words"))

        asked = []

        async def answer(operation, /):
            asked.append(operation)
            await turns(3)
            return Finished(len(asked))

        assert len(await values(fan(answer, [Search(words=["a"]) for _ in range(3)]))) == 3
        assert len(asked) == 3

    @given(
        st.lists(st.integers(0, 3), max_size=30),
        st.integers(1, 5),
        st.booleans(),
        st.sets(st.integers(0, 40)),
    )
    def test_every_one_has_an_outcome_whatever_fails(self, ids, workers, ordered, failing):
        async def play():
            calls, under_way = 0, set()

            async def answer(operation, /):
                nonlocal calls
                calls += 1
                number = calls
                assert operation.product_id not in under_way
                under_way.add(operation.product_id)
                await turns(number % 4)
                under_way.discard(operation.product_id)
                if number in failing:
                    raise (TransportError("lost") if number % 2 else NotFoundError(status=404))
                return Finished(operation.product_id)

            items = [slots_of(f"p{n}") for n in ids]
            outcomes = [o async for o in fan(answer, items, concurrency=workers, ordered=ordered)]
            found = sorted(o.operation.product_id for o in outcomes)  # type: ignore[attr-defined]
            assert found == sorted(f"p{n}" for n in ids)
            assert all(o.ok == (o.value is not None) for o in outcomes)

        asyncio.run(play())


def together(found):
    return "+".join(found)


def whole(name: str, count: int) -> InPieces[Any]:
    pieces = tuple(slots_of(f"{name}{n}") for n in range(count))
    return InPieces(operation=slots_of(name), pieces=pieces, join=together)


class TestPieces:
    @pytest.mark.parametrize("ordered", [True, False])
    @pytest.mark.parametrize("kind", [list, drip])
    async def test_they_are_joined_in_their_order(self, ordered, kind):
        items = [whole("a", 3), slots_of("b"), whole("c", 20)]
        outcomes = [o async for o in fan(Reads(), kind(items), ordered=ordered)]
        found = {o.operation.product_id: o for o in outcomes}  # type: ignore[attr-defined]
        assert found["a"].value == "a0+a1+a2"
        assert found["b"].value == "b"
        assert found["c"].value == "+".join(f"c{n}" for n in range(20))
        assert (found["c"].attempts, found["c"].parts) == (40, ())
        if ordered:
            assert list(found) == ["a", "b", "c"]

    async def test_they_are_made_one_product_after_the_other(self):
        made = []

        def wholes():
            for n in range(1000):
                made.append(n)
                yield whole(f"p{n}-", 6)

        fan_out = fan(Reads(), wholes())
        for _ in range(3):
            await anext(fan_out)
            await turns(50)
        assert len(made) <= 3 + 2 * WORKERS + 1
        await fan_out.aclose()

    async def test_one_that_fails_is_named_and_the_others_are_not_lost(self):
        reads = Reads(broken={"a1": NotFoundError("canary", status=404, operation="ListThings")})
        (outcome,) = [o async for o in fan(reads, [whole("a", 3)])]
        assert outcome.value is None
        assert type(outcome.error) is NotFoundError
        assert outcome.error.operation == "ListAvailabilities (2 of 3)"
        assert [part.value for part in outcome.parts] == ["a0", None, "a2"]
        assert outcome.parts[1].error is reads.broken["a1"]
        assert outcome.parts[1].operation == slots_of("a1")
        assert pickle.loads(pickle.dumps(outcome)).parts[2].value == "a2"

    async def test_pieces_that_do_not_fit_together_are_an_outcome(self):
        def contradicts(found):
            raise EgumaError("they contradict each other")

        item = attrs.evolve(whole("a", 2), join=contradicts)
        (outcome,) = [o async for o in fan(Reads(), [item])]
        assert str(outcome.error) == "they contradict each other"
        assert [part.value for part in outcome.parts] == ["a0", "a1"]

    async def test_a_bug_in_joining_is_told(self):
        def bug(found):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await values(fan(Reads(), [attrs.evolve(whole("a", 2), join=bug)]))

    async def test_pieces_of_two_wholes_that_are_equal_are_made_once(self):
        reads = Reads(gated=True)
        fan_out = fan(reads, [whole("a", 2), whole("a", 2)])
        first = asyncio.create_task(anext(fan_out))
        await turns()
        assert reads.asked == ["a0", "a1"]
        for name in reads.asked:
            reads.let(name)
        assert [(await first).value, *await values(fan_out)] == ["a0+a1", "a0+a1"]

    async def test_one_with_more_pieces_than_there_is_room(self):
        (outcome,) = [o async for o in fan(Reads(), [whole("a", 500)], concurrency=1)]
        assert outcome.value is not None
        assert outcome.value.count("+") == 499

    @pytest.mark.parametrize("pieces", [(BOOK,), (PRODUCTS, 5)])
    async def test_pieces_that_are_no_reads_are_refused(self, pieces):
        reads = Reads()
        item = InPieces(operation=PRODUCTS, pieces=pieces, join=together)
        with pytest.raises(ConfigurationError):
            await values(fan(reads, [item]))
        assert reads.asked == []

    def test_no_pieces_at_all_are_refused(self):
        with pytest.raises(ConfigurationError, match="one piece at least"):
            InPieces(operation=PRODUCTS, pieces=(), join=together)


class Elsewhere:
    """An executor under the test's hands."""

    chunk_size = 3
    chunks_at_once = 2

    def __init__(self, *, gated=False, lose=False):
        self.chunks: list[list[str]] = []
        self.timeouts: list[Any] = []
        self.under_way = self.most = self.cancelled = 0
        self.gate = asyncio.Event()
        self.lose = lose
        if not gated:
            self.gate.set()

    async def run(self, chunk, /, *, timeouts=None):
        self.chunks.append([operation.product_id for operation in chunk])
        self.timeouts.append(timeouts)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.gate.wait()
            await turns(2)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1
        sent = pickle.loads(pickle.dumps(chunk))  # as another machine has them
        outcomes = [Outcome(operation=o, value=o.product_id, attempts=1, seconds=0.1) for o in sent]
        return outcomes[1:] if self.lose else outcomes


class TestExecutor:
    @pytest.mark.parametrize("ordered", [True, False])
    @pytest.mark.parametrize("kind", [list, drip, Counted])
    async def test_it_gets_chunks_and_the_consumer_each_outcome(self, kind, ordered):
        executor, items = Elsewhere(), operations(20)
        fan_out = fan(Reads(), kind(items), executor=executor, ordered=ordered)
        outcomes = [o async for o in fan_out]
        assert sorted(str(o.value) for o in outcomes) == sorted(f"p{n}" for n in range(20))
        assert {id(o.operation) for o in outcomes} == set(map(id, items))
        assert max(map(len, executor.chunks)) == 3
        assert len(executor.chunks) <= 20 / 3 + 2
        assert executor.most == 2
        if ordered:
            assert [o.value for o in outcomes] == [f"p{n}" for n in range(20)]

    async def test_it_is_given_no_more_than_there_is_room_for(self):
        executor, items = Elsewhere(), Counted(operations(1000))
        fan_out = fan(Reads(), items, executor=executor)
        for handed_on in range(1, 6):
            await anext(fan_out)
            await turns(100)
            assert items.taken == handed_on + 2 * 2 * 3
        await fan_out.aclose()

    async def test_leaving_gives_the_chunks_up(self):
        executor = Elsewhere(gated=True)
        fan_out = fan(Reads(), operations(100), executor=executor)
        first = asyncio.create_task(anext(fan_out))
        await turns()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await fan_out.aclose()
        assert executor.cancelled == 2

    async def test_equal_reads_are_in_one_chunk_once(self):
        executor = Elsewhere()
        items = [slots_of("p0") for _ in range(9)] + [slots_of("p1")]
        assert len(await values(fan(Reads(), items, executor=executor))) == 10
        assert sum(executor.chunks, []).count("p0") < 9

    async def test_pieces_are_chunked_as_well(self):
        executor = Elsewhere()
        (outcome,) = [o async for o in fan(Reads(), [whole("a", 7)], executor=executor)]
        assert outcome.value == "a0+a1+a2+a3+a4+a5+a6"

    async def test_an_outcome_that_it_loses_is_a_bug_of_its_own(self):
        with pytest.raises(RuntimeError, match="2 outcomes, and not one for each of the 3"):
            await values(fan(Reads(), operations(9), executor=Elsewhere(lose=True)))

    async def test_no_write_reaches_it(self):
        executor = Elsewhere()
        with pytest.raises(ConfigurationError, match="is not fanned out"):
            await values(fan(Reads(), [BOOK], executor=executor))
        assert executor.chunks == []

    async def test_the_session_hands_it_the_time_limits_and_refuses_a_concurrency(self):
        executor: Any = Elsewhere()
        async with session_on(Gate()) as session:
            brief = attrs.evolve(session._options.timeouts, total=7.0)
            reads = session.fan_out(operations(2), executor=executor, timeouts=brief)
            assert len(await values(reads)) == 2
            with pytest.raises(ConfigurationError, match="the executor's own"):
                session.fan_out(operations(2), executor=executor, concurrency=5)
        assert executor.timeouts[0] == brief

    async def test_closing_the_session_ends_it(self):
        executor: Any = Elsewhere(gated=True)
        session = session_on(Gate())
        await session.__aenter__()
        fan_out = session.fan_out(operations(20), executor=executor)
        first = asyncio.create_task(anext(fan_out))
        await turns()
        await session.aclose()
        with pytest.raises(SessionStateError):
            await first
        assert executor.cancelled == 2


class TestLocalExecutor:
    async def test_it_does_what_a_fan_out_does(self):
        gate = Gate(json_reply(EMPTY_LIST))
        gate.open.set()
        async with session_on(gate) as session:
            executor = LocalExecutor(session, chunk_size=4, chunks_at_once=2)
            outcomes = [o async for o in session.fan_out(operations(10), executor=executor)]
        assert len(gate.requests) == 10
        assert all(o.ok for o in outcomes)

    async def test_a_chunk_has_its_errors_as_values_in_order(self):
        def answer(request):
            return json_reply({}, 404) if "/p1/" in request.url else json_reply(EMPTY_LIST)

        gate = Gate(answer)
        gate.open.set()
        async with session_on(gate) as session:
            outcomes = await run_chunk(session, operations(3))
        assert [o.ok for o in outcomes] == [True, False, True]
        again = pickle.loads(pickle.dumps(outcomes))
        assert type(again[1].error) is NotFoundError
        assert again[0].value == outcomes[0].value

    @pytest.mark.parametrize("wrong", [{"chunk_size": 0}, {"chunks_at_once": 1.5}])
    def test_numbers_without_sense_are_refused(self, wrong):
        session: Any = None
        with pytest.raises(ConfigurationError, match="whole number"):
            LocalExecutor(session, **wrong)
