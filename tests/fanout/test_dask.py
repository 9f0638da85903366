"""A fan-out over a Dask cluster within this process: the same outcomes, and no key on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import pickle
import subprocess
import sys
from typing import Any

import pytest
from distributed import Client, Scheduler, Worker

from eguma_async.core.errors import (
    ConfigurationError,
    EgumaError,
    NotFoundError,
    TransportError,
)
from eguma_async.core.fan_out import ClusterError
from eguma_async.core.recipe import SessionRecipe
from eguma_async.eguma.session import AsyncSession
from eguma_async.fanout._dask_worker import Answer, Chunk, SessionPlugin, imported
from eguma_async.fanout.dask import DaskExecutor
from eguma_async.pipeline.policy import RetryPolicy
from eguma_async.pipeline.redis_rate import RedisRate
from eguma_async.sandbox import EgumaSandbox, serve
from eguma_async.testing import json_reply
from eguma_async.transports.memory import MemoryTransport
from tests.support.calls import BOOK, EMPTY_LIST, slots_of
from tests.support.canaries import forms, leaks
from tests.support.clusters import HERE, KEY, STAGE, embedded, eventually, wiretap

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed")


class Shop:
    """A server in memory: the name of each list is the id it was asked for.

    Ids that begin with "missing" are unknown. With a gate, answers wait for it.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate: asyncio.Event | None = None
        self.cancelled = 0
        self.refuse = 0
        self.bug: Exception | None = None

    async def __call__(self, request):
        product = request.url.split("/")[-2]
        self.asked.append(product)
        if self.bug is not None:
            raise self.bug
        if self.gate is not None:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        await asyncio.sleep(0)
        if self.refuse > 0:
            self.refuse -= 1
            return json_reply({"message": "slow down"}, 429, headers={"Retry-After": "1"})
        if product.startswith("missing"):
            return json_reply({"error_code": "not_found", "message": "canary words"}, 404)
        return json_reply({**EMPTY_LIST, "product_name": product})


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    STAGE.set(MemoryTransport(shop))
    return shop


@pytest.fixture
async def client(shop):
    async with embedded() as client:
        yield client


@pytest.fixture
async def session():
    async with AsyncSession(KEY, transport=MemoryTransport(nothing)) as session:
        yield session


async def nothing(request):
    raise AssertionError("the caller's own session sends nothing")


def executor_of(client, **options) -> DaskExecutor:
    return DaskExecutor(client, session=HERE, **options)


def reads(count: int) -> list[Any]:
    return [slots_of(f"p{n}") for n in range(count)]


def plugins(client) -> set[str]:
    workers = client.cluster.workers.values()
    return {name for worker in workers for name in worker.plugins if "eguma" in name}


# The same as without


async def test_every_read_has_its_outcome_and_a_poison_item_is_one(client, session, shop) -> None:
    operations = [*reads(130), slots_of("missing"), *reads(3)]
    async with executor_of(client, chunk_size=25) as executor:
        outcomes = [o async for o in session.fan_out(operations, executor=executor)]

    assert len(outcomes) == 134
    named = {id(o.operation): o for o in outcomes}
    for operation in operations:
        outcome = named[id(operation)]
        if operation.product_id == "missing":
            assert isinstance(outcome.error, NotFoundError)
            assert (outcome.error.status, outcome.attempts) == (404, 1)
            assert outcome.error.message == ""  # the server's words are left behind by pickle
        else:
            assert outcome.unwrap().product_name == operation.product_id


async def test_outcomes_may_keep_the_order_of_the_input(client, session) -> None:
    async with executor_of(client, chunk_size=3) as executor:
        names = [
            o.unwrap().product_name
            async for o in session.fan_out(reads(40), executor=executor, ordered=True)
        ]

    assert names == [f"p{n}" for n in range(40)]


async def test_availabilities_fan_out_over_a_cluster(client, session, shop) -> None:
    from datetime import date

    async with executor_of(client) as executor:
        outcomes = [
            o
            async for o in session.ticketing.availabilities.fan_out(
                ["a", "b"],
                from_date=date(2026, 3, 1),
                to_date=date(2026, 3, 9),
                window_days=3,
                executor=executor,
            )
        ]

    assert {o.unwrap().product_name for o in outcomes} == {"a", "b"}
    assert sorted(shop.asked) == ["a"] * 3 + ["b"] * 3


async def test_each_worker_has_one_session_made_like_the_callers(client, shop) -> None:
    retry = RetryPolicy(attempts=2)
    transport = MemoryTransport(nothing)
    async with (
        AsyncSession(
            KEY, base_url="https://shop.test", transport=transport, retry=retry
        ) as session,
        executor_of(client, chunk_size=5) as executor,
    ):
        for _ in range(2):
            async for outcome in session.fan_out(reads(60), executor=executor):
                assert outcome.ok

    assert len(STAGE.made) == 2
    for options in STAGE.options:
        assert options["base_url"] == "https://shop.test"
        assert options["retry"] == retry


async def test_a_client_in_a_thread_of_its_own_will_do(shop, session) -> None:
    from distributed import LocalCluster

    def start():
        cluster = LocalCluster(n_workers=1, processes=False, dashboard_address=":0")
        return cluster, Client(cluster)

    def end(cluster, client) -> None:
        client.close()
        cluster.close()

    cluster, client = await asyncio.to_thread(start)
    try:
        async with executor_of(client, chunk_size=10) as executor:
            outcomes = [o async for o in session.fan_out(reads(30), executor=executor)]
    finally:
        await asyncio.to_thread(end, cluster, client)

    assert sorted(o.unwrap().product_name for o in outcomes) == sorted(f"p{n}" for n in range(30))


async def test_an_address_is_connected_to_for_the_length_of_the_block(shop, session) -> None:
    async with embedded() as client:
        async with DaskExecutor(client.scheduler.address, session=HERE) as executor:
            assert executor.workers == 2
            outcomes = [o async for o in session.fan_out(reads(3), executor=executor)]
        assert len(client.cluster.scheduler.clients) == 2  # this client, and Dask's own

    assert all(o.ok for o in outcomes)


# Bounds


async def test_the_input_is_taken_as_the_workers_and_the_reader_keep_up(
    client, session, shop
) -> None:
    shop.gate = asyncio.Event()
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield slots_of(f"p{taken}")

    executor = executor_of(client, chunk_size=5, chunks_per_worker=2)
    async with executor, session.fan_out(endless(), executor=executor) as outcomes:
        waiting = asyncio.create_task(anext(outcomes))
        await eventually(lambda: len(shop.asked) >= 4)
        assert taken <= 2 * 5 * 2 * 2  # workers, reads, chunks, and as many that wait
        shop.gate.set()
        assert (await waiting).ok
        for _ in range(100):
            assert (await anext(outcomes)).ok
        assert taken <= 101 + 2 * 5 * 2 * 2


async def test_a_worker_that_joins_later_has_work_and_a_session(shop, session, monkeypatch) -> None:
    async with embedded(1) as client, executor_of(client, chunk_size=1) as executor:
        async with session.fan_out(reads(400), executor=executor) as outcomes:
            await anext(outcomes)
            assert executor.chunks_at_once == 4
            client.cluster.scale(2)
            await client.wait_for_workers(2)
            executor._crews[0]._counted_at = None
            for _ in range(100):
                assert (await anext(outcomes)).ok
            assert executor.chunks_at_once == 8

    assert len(STAGE.made) == 2


async def test_leaving_the_loop_cancels_the_rest(client, session, shop) -> None:
    shop.gate = asyncio.Event()
    executor = executor_of(client, chunk_size=10)
    async with executor:
        async with session.fan_out(reads(500), executor=executor) as outcomes:
            waiting = asyncio.create_task(anext(outcomes))
            await eventually(lambda: len(shop.asked) >= 4)
            waiting.cancel()
            await asyncio.wait([waiting])
        workers = client.cluster.workers.values()
        await eventually(lambda: not client.cluster.scheduler.tasks)
        await eventually(lambda: not any(worker.state.executing for worker in workers))
        await eventually(lambda: shop.cancelled == len(shop.asked))
        asked = len(shop.asked)
        assert asked <= 40
        shop.gate.set()
        async for outcome in session.fan_out([slots_of("after")], executor=executor):
            assert outcome.ok

    assert shop.asked[asked:] == ["after"]


async def test_leaving_the_executor_closes_the_sessions(client, session) -> None:
    async with executor_of(client) as executor:
        async for _ in session.fan_out(reads(3), executor=executor):
            assert len(plugins(client)) == 1

    assert plugins(client) == set()
    assert STAGE.made
    assert all(made._closed for made in STAGE.made)
    await executor.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        session.fan_out(reads(1), executor=executor)


async def test_sessions_are_closed_when_nobody_holds_the_executor(client, session) -> None:
    async for _ in session.fan_out(reads(3), executor=executor_of(client)):
        pass

    gc.collect()
    await eventually(lambda: plugins(client) == set())
    await eventually(lambda: all(made._closed for made in STAGE.made))


async def test_a_429_slows_all_workers_down(client, session, shop) -> None:
    shop.refuse = 1
    executor = executor_of(client, chunk_size=10)
    async with executor:
        assert executor.rate is None
        outcomes = [o async for o in session.fan_out(reads(40), executor=executor)]
        await eventually(lambda: executor.rate is not None)
        seen: list[Any] = []
        async for _ in session.fan_out(reads(1), executor=executor, on_progress=seen.append):
            pass
        assert seen[0].pace == pytest.approx(executor.rate, rel=0.2)

    assert all(o.ok for o in outcomes)
    assert sum(o.attempts for o in outcomes) == 41


async def test_the_workers_keep_to_a_rate_together(client, session, shop) -> None:
    async with executor_of(client, chunk_size=20, rate=100.0) as executor:
        async for outcome in session.fan_out(reads(40), executor=executor):
            assert outcome.ok

    # On the clock of both sessions, 20 reads each at 50 a second, or all on one worker.
    assert sum(STAGE.clock.sleeps) >= 38 * 0.02 * 0.9


async def test_workers_share_an_exact_rate_through_a_redis_of_their_own(
    client, session, monkeypatch
) -> None:
    password = "canary-password-of-redis"
    executor = executor_of(client, redis_variable="RATE_URL")
    monkeypatch.delenv("RATE_URL", raising=False)
    with pytest.raises(ConfigurationError, match=r"worker tcp://.*environment variable RATE_URL"):
        await anext(session.fan_out(reads(1), executor=executor))

    monkeypatch.setenv("RATE_URL", f"redis://:{password}@127.0.0.1:1/0")
    async with executor:
        outcomes = [o async for o in session.fan_out(reads(3), executor=executor)]
        workers = client.cluster.workers.values()
        kept = [pickle.dumps(p) for w in workers for n, p in w.plugins.items() if "eguma" in n]

    assert all(o.ok for o in outcomes)  # without that server they go on as without it
    assert len(kept) == 2
    assert all(isinstance(o["limits"].shared, RedisRate) for o in STAGE.options)
    assert [leaks(each, forms(password)) for each in kept] == [[], []]


@pytest.mark.parametrize("wrong", ["redis://:secret@h", 5, ""])
async def test_a_url_is_no_variable(client, wrong) -> None:
    with pytest.raises(ConfigurationError, match="name of an environment variable"):
        DaskExecutor(client, redis_variable=wrong)


async def test_a_worker_that_is_retired_hands_its_chunks_back(client, session, shop) -> None:
    shop.gate = asyncio.Event()
    async with executor_of(client, chunk_size=10) as executor:
        async with session.fan_out(reads(60), executor=executor) as outcomes:
            first = asyncio.create_task(anext(outcomes))
            await eventually(lambda: len(shop.asked) >= 4)
            worker = next(iter(client.cluster.workers.values()))
            retiring = asyncio.create_task(worker.close())
            await eventually(lambda: STAGE.made[0]._closed or STAGE.made[1]._closed)
            shop.gate.set()
            came = [await first, *[o async for o in outcomes]]
        await retiring

    assert sorted(o.unwrap().product_name for o in came) == sorted(f"p{n}" for n in range(60))


# What is refused, and what ends it


async def test_only_reads_are_fanned_out(client, session, shop) -> None:
    async with executor_of(client) as executor:
        with pytest.raises(ConfigurationError, match="it is no read"):
            async for _ in session.fan_out([BOOK], executor=executor):
                pass

    assert shop.asked == []


async def test_a_bug_is_no_outcome(client, session, shop, caplog) -> None:
    shop.bug = RuntimeError("a bug of ours")
    async with executor_of(client) as executor:
        with pytest.raises(RuntimeError, match="a bug of ours"):
            async for _ in session.fan_out([slots_of("canary")], executor=executor):
                pass

    assert "Compute Failed" in caplog.text  # what Dask says of the task
    assert "canary" not in caplog.text


@pytest.mark.parametrize("key", [None, "another-key-0123456789"])
async def test_the_key_of_each_workers_environment_must_be_the_same(
    client, monkeypatch, key, caplog
) -> None:
    if key is None:
        monkeypatch.delenv("EGUMA_API_KEY", raising=False)
    else:
        monkeypatch.setenv("EGUMA_API_KEY", key)
    async with AsyncSession(KEY) as session:
        executor = DaskExecutor(client)
        async with executor:
            with pytest.raises(ConfigurationError) as caught:
                async for _ in session.fan_out(reads(1), executor=executor):
                    pass
            assert plugins(client) == set()

    assert str(caught.value).startswith("worker tcp://")
    told = "EGUMA_API_KEY" if key is None else "other credentials than the caller's session"
    assert told in str(caught.value)
    for text in (str(caught.value), caplog.text):
        assert KEY not in text
        assert "another-key" not in text


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        ("tests.support.clusters:broken_factory", "broken_factory failed with RuntimeError"),
        ("tests.support.clusters:nothing", "cannot be imported"),
        ("no.such.module:make", "cannot be imported"),
    ],
)
async def test_a_factory_that_fails_is_named(client, session, factory, told, caplog) -> None:
    async with DaskExecutor(client, session=factory) as executor:
        with pytest.raises(ConfigurationError, match=told) as caught:
            async for _ in session.fan_out(reads(1), executor=executor):
                pass

    assert "canary" not in str(caught.value)


async def test_a_session_with_a_transport_of_its_own_needs_a_factory(client, session) -> None:
    with pytest.raises(ConfigurationError, match="transport of its own.*session="):
        session.fan_out(reads(1), executor=DaskExecutor(client))


async def test_workers_of_another_version_are_refused() -> None:
    class OnWorker:
        address = "tcp://w:1"

    plugin = SessionPlugin("n", SessionRecipe(factory=HERE), "0.0.0")
    with pytest.raises(ConfigurationError, match=r"worker tcp://w:1 .*install the same version"):
        await plugin.setup(OnWorker())


@pytest.mark.parametrize("factory", [lambda **_: None, "no reference", "__main__:make", "a:", 5])
async def test_what_a_worker_cannot_import_is_refused(client, factory) -> None:
    with pytest.raises(ConfigurationError, match="workers cannot import"):
        DaskExecutor(client, session=factory)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"chunk_size": 0}, "chunk_size"),
        ({"chunk_size": True}, "chunk_size"),
        ({"chunks_per_worker": 1001}, "chunks_per_worker"),
        ({"rate": 0}, "rate"),
    ],
)
async def test_malformed_arguments_are_refused(client, options, told) -> None:
    with pytest.raises(ConfigurationError, match=told):
        DaskExecutor(client, **options)


def test_what_is_no_client_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"distributed.Client.*not object"):
        DaskExecutor(object())


async def test_an_address_must_be_entered_first(session) -> None:
    with pytest.raises(ConfigurationError, match="async with"):
        session.fan_out(reads(1), executor=DaskExecutor("tcp://127.0.0.1:1", session=HERE))


async def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['distributed'] = None\n"
        "from eguma_async import DaskExecutor\n"
        "DaskExecutor('tcp://127.0.0.1:1')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=30
    )

    assert "pip install 'eguma_async[dask]'" in done.stderr.splitlines()[-1]
    assert "ModuleNotFoundError" not in done.stderr


async def test_a_cluster_that_is_lost_is_told(shop, session) -> None:
    shop.gate = asyncio.Event()
    async with embedded(1) as other, contextlib.AsyncExitStack() as line:
        port = int(other.scheduler.address.rsplit(":", 1)[1])
        tapped, _ = await line.enter_async_context(wiretap("127.0.0.1", port))
        async with Client(f"tcp://127.0.0.1:{tapped}", asynchronous=True, timeout=0.1) as client:
            executor = executor_of(client, chunk_size=5)
            outcomes = session.fan_out(reads(20), executor=executor)
            waiting = asyncio.create_task(anext(outcomes))
            await eventually(lambda: len(shop.asked) == 4)
            await line.aclose()
            with pytest.raises(ClusterError, match="cannot be reached"):
                await waiting
            with pytest.raises(ClusterError, match="cannot be reached"):
                await anext(session.fan_out(reads(1), executor=executor))
            await executor.aclose()


async def test_reads_whose_workers_all_died_are_outcomes(client, session, shop, caplog) -> None:
    shop.gate = asyncio.Event()
    async with executor_of(client, chunk_size=5) as executor:
        outcomes = session.fan_out(reads(5), executor=executor)
        waiting = asyncio.create_task(anext(outcomes))
        await eventually(lambda: len(shop.asked) == 4)
        scheduler = client.cluster.scheduler
        (task,) = [t for key, t in scheduler.tasks.items() if "eguma_async-chunk" in key]
        task.suspicious = 10
        await scheduler.remove_worker(
            task.processing_on.address, stimulus_id="test", expected=False
        )
        lost = [await waiting, *[o async for o in outcomes]]

    assert len(lost) == 5
    for outcome in lost:
        assert isinstance(outcome.error, TransportError)
        assert not outcome.error.outcome_unknown
        assert "every worker that tried the chunk died" in str(outcome.error)


# No key on the wire


async def test_no_key_crosses_the_wire_or_is_written(monkeypatch, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox = EgumaSandbox()
    key = sandbox.demo_key
    monkeypatch.setenv("EGUMA_API_KEY", key)
    product = sandbox.example("time").product_id
    scheduler = Scheduler(host="127.0.0.1", port=0, dashboard=False)
    async with serve(sandbox) as server, scheduler:
        _, port = scheduler.address.rsplit(":", 1)
        async with wiretap("127.0.0.1", int(port)) as (tapped, seen):
            address = f"tcp://127.0.0.1:{tapped}"
            async with (
                Worker(address, nthreads=1, dashboard=False) as worker,
                Client(address, asynchronous=True) as client,
                AsyncSession(base_url=server.url) as session,
                DaskExecutor(client, chunk_size=5) as executor,
            ):
                operations = [slots_of(product), slots_of("missing"), *reads(20)]
                outcomes = [o async for o in session.fan_out(operations, executor=executor)]
                (plugin,) = [p for p in worker.plugins.values() if isinstance(p, SessionPlugin)]
                kept = pickle.dumps(plugin) + repr(plugin).encode() + repr(vars(plugin)).encode()
                tasks = repr(list(scheduler.tasks.values())).encode()
                events = repr(scheduler.get_events()).encode()

    assert len(sandbox.requests) == len(operations)
    assert sum(o.ok for o in outcomes) == 1
    assert product.encode() in seen  # the tap does hear what crosses
    assert b"SessionPlugin" in seen
    written = (bytes(seen), kept, tasks, events, caplog.text, repr(outcomes))
    assert [leaks(each, forms(key)) for each in written] == [[]] * len(written)


def test_what_crosses_the_wire_survives_and_shows_nothing() -> None:
    chunk = Chunk("k", (slots_of("canary"),), None, 2.5)
    answer = Answer((("canary", None, 1, 0.5),))
    back = pickle.loads(pickle.dumps((chunk, answer)))

    assert (back[0].operations, back[0].share) == (chunk.operations, 2.5)
    assert back[1] == answer
    assert "canary" not in repr((chunk, answer))


async def test_a_plugin_crosses_without_its_session(shop) -> None:
    class OnWorker:
        address = "tcp://w:1"

    plugin = SessionPlugin("n", SessionRecipe(factory=HERE))
    await plugin.setup(OnWorker())
    back = pickle.loads(pickle.dumps(plugin))
    await plugin.teardown(None)
    await plugin.teardown(None)

    assert (back.name, back._recipe, back._session) == ("n", plugin._recipe, None)
    assert leaks(pickle.dumps(plugin), forms(KEY)) == []


def test_a_reference_is_followed_to_what_it_names() -> None:
    assert imported("eguma_async.eguma.session:AsyncSession") is AsyncSession
    with pytest.raises(EgumaError, match="cannot be imported"):
        imported("")
