"""A · asyncio, life cycle, process."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import random
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from eguma_async import (
    AsyncSession,
    Booking,
    Limits,
    ListAvailabilities,
    NotSentError,
    Observer,
    OutcomeUnknownError,
    SessionStateError,
    StatusError,
    TicketItem,
    unknown_outcome,
)
from eguma_async.sandbox import DropAfter, EgumaSandbox, Park
from eguma_async.testing import FakeClock

from .cancelling import CancelAt, When
from .matrix import CannotRunError, Row, check, id_of, row, rows_of
from .shops import BOOKING, RELEASE, START, EgumaShop, Exchange, Step, message
from .stage import Stage

ROOT = Path(__file__).parents[2]


async def tried(stage: Stage, call: Awaitable[Any]) -> Any:
    """Await a call that may be cancelled; return its value, or the cancellation."""
    try:
        return await call
    except asyncio.CancelledError as cancelled:
        stage.errors.append(cancelled)
        return cancelled


async def resumed(shop: EgumaShop, asked: dict[str, Any], outcome: Any) -> None:
    """Show that a booking is made once whether or not it was cancelled."""
    if isinstance(outcome, asyncio.CancelledError):
        unknown = unknown_outcome(outcome)
        sent = isinstance(outcome.__cause__, NotSentError) is False
        assert unknown is not None or not sent, "a cancelled booking says nothing"
        if unknown is not None:
            assert unknown.idempotency_key == asked["idempotency_key"]
        shop.stage.reported(shop, await shop.session.ticketing.bookings.create(**asked))
    else:
        assert isinstance(outcome, Booking)
        shop.stage.reported(shop, outcome)


async def _all_slots(shop: EgumaShop) -> None:
    wanted = shop.wanted()
    day = wanted["starts_at"].date()
    one = ListAvailabilities(product_id=wanted["product_id"], from_date=day, to_date=day)
    async with shop.session.fan_out([one] * 3, concurrency=2) as outcomes:
        async for outcome in outcomes:
            outcome.unwrap()


async def _hold_and_leave(shop: EgumaShop) -> None:
    async with shop.hold(1):
        await asyncio.sleep(0)


CALLS: dict[str, Callable[[EgumaShop], Coroutine[Any, Any, Any]]] = {
    "products": lambda shop: shop.session.ticketing.products.list(),
    "slots": lambda shop: shop.slots(),
    "reserve": lambda shop: shop.reserve(1),
    "release": lambda shop: shop.session.ticketing.reservations.cancel("0" * 24),
    "orders": lambda shop: shop.session.ticketing.orders.list(),
    "cancel": lambda shop: shop.session.ticketing.bookings.cancel("0" * 24),
    "check in": lambda shop: shop.session.ticketing.tickets.check_in("1" * 19),
    "events": lambda shop: shop.session.ticketing.events.list(),
    "fan out": _all_slots,
    "hold": _hold_and_leave,
}


@row(
    "A1",
    "a cancellation at every suspension of every call, while waiting and once the answer is there;"
    " and a booking's when its head, its body, its work and half of its answer are through",
    "CancelledError; no connection, permit or place is left; a booking tells its key, which"
    " resumes it; made once",
)
async def cancelled_everywhere(stage: Stage) -> None:
    fired = 0
    for when in When:
        for call in CALLS.values():
            fired += await _at_every_suspension(stage, when, call)
        fired += await _at_every_suspension(stage, when, None)
    stage.proves("cancellations", lambda: min(fired, 60), 60)
    await _at_events_of_the_server(stage)


async def _at_every_suspension(
    stage: Stage, when: When, call: Callable[[EgumaShop], Coroutine[Any, Any, Any]] | None
) -> int:
    """Cancel a call, or a booking, at each of its suspensions; return how many there are."""
    shop = await stage.eguma(sockets=True, limits=Limits(concurrency=1))
    for suspension in range(1, 100):
        asked = {
            **shop.wanted(1),
            "customer": stage.customer(),
            "idempotency_key": f"key-{suspension}",
        }
        work = shop.session.ticketing.bookings.create(**asked) if call is None else call(shop)
        cancelling = CancelAt(_quiet(stage, work), suspension, when)
        outcome = await asyncio.create_task(_run(stage, cancelling))
        if call is None:
            await resumed(shop, asked, outcome)
        async with asyncio.timeout(5):
            await shop.session.ticketing.products.list()  # the one permit is free
        await shop.front.drop_connections()  # the next one is made anew: more to suspend
        if not cancelling.fired:
            assert suspension > 2, "it hardly waits"
            await shop.session.aclose()
            return suspension - 1
    raise AssertionError("it never ends")


async def _run(stage: Stage, cancelling: CancelAt) -> Any:
    return await tried(stage, _awaiting(cancelling))


async def _awaiting(cancelling: CancelAt) -> Any:
    return await cancelling


async def _quiet(stage: Stage, call: Awaitable[Any]) -> Any:
    """Let a refusal be: the tickets and bookings of these calls do not exist."""
    try:
        return await call
    except StatusError as refused:
        stage.errors.append(refused)
        return None


async def _at_events_of_the_server(stage: Stage) -> None:
    for event in ("head", "body", "work", "half"):
        shop = await stage.eguma(sockets=True, limits=Limits(concurrency=1))
        tasks: list[asyncio.Task[Any]] = []
        shop.strike(_cancelling_at(event, tasks))
        asked = {**shop.wanted(), "customer": stage.customer(), "idempotency_key": "key"}
        booking = shop.session.ticketing.bookings.create(**asked)
        tasks.append(asyncio.create_task(tried(stage, booking)))
        outcome = await tasks[0]
        assert unknown_outcome(outcome) is not None, event
        await resumed(shop, asked, outcome)
        assert shop.orders() == 1


def _cancelling_at(event: str, tasks: list[asyncio.Task[Any]]) -> Step:
    """Make a step that cancels a task when the server has come so far."""

    async def step(exchange: Exchange) -> None:
        if event == "head":
            tasks[0].cancel()
        elif event == "body":
            await exchange.read()
            tasks[0].cancel()
        else:
            response = message(await exchange.commit())
            if event == "half":
                await exchange.wire.send(response[:-20])
            tasks[0].cancel()
        await exchange.wire.until_closed()

    return step


@row(
    "A2",
    "10,000 cancellations at random moments, 1,500 of them over 10 connections",
    "the calls after them all succeed; no permit and no connection is lost",
)
async def storm_of_cancellations(stage: Stage) -> None:
    rng = random.Random(20260302)
    cancels = 0
    for sockets, rounds, together in ((False, 170, 50), (True, 30, 50)):
        # Without an observer: the stage's keeps whatever it is told.
        shop = await stage.eguma(sockets=sockets, limits=Limits(concurrency=10), observer=None)
        products = shop.session.ticketing.products
        for _ in range(rounds):
            tasks = [asyncio.create_task(products.list()) for _ in range(together)]
            for task in tasks:
                for _ in range(rng.randrange(3)):
                    await asyncio.sleep(0)
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            cancels += together
            odd = [e for e in ended if isinstance(e, Exception)]
            assert not odd, odd
        async with asyncio.timeout(5):
            await asyncio.gather(*(products.list() for _ in range(30)))
    stage.proves("cancellations", lambda: cancels, 10_000)


@row(
    "A3",
    "asyncio.timeout and wait_for around a booking",
    "TimeoutError with the outcome behind it, whose key resumes the booking; made once",
)
async def timeouts_around(stage: Stage) -> None:
    async def with_timeout(call: Any) -> Any:
        async with asyncio.timeout(0.01):
            return await call

    async def with_wait_for(call: Any) -> Any:
        return await asyncio.wait_for(call, 0.01)

    for limited in (with_timeout, with_wait_for):
        shop = await stage.eguma()
        parked = shop.inject(Park(path=BOOKING))
        buyer = stage.customer()
        with pytest.raises(TimeoutError) as caught:
            await limited(shop.book(customer=buyer))
        unknown = unknown_outcome(caught.value)
        assert unknown is not None
        parked.release()
        for _ in range(5):
            await asyncio.sleep(0)
        booking = await shop.book(customer=buyer, idempotency_key=unknown.idempotency_key)
        assert (booking.replayed, shop.orders()) == (True, 1)


@row(
    "A4",
    "another task of the group fails while a booking is under way",
    "the group drops the cancellation, the log keeps the key, which resumes the booking",
)
async def sibling_fails(stage: Stage) -> None:
    shop = await stage.eguma()
    parked = shop.inject(Park(path=BOOKING))
    buyer = stage.customer()

    async def fail() -> None:
        await parked.arrived()
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(shop.book(customer=buyer, idempotency_key="order-4711"))
            group.create_task(fail())
    assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError]
    told = [each.getMessage() for each in stage.records if each.levelno == logging.WARNING]
    assert len(told) == 1
    assert told[0].endswith("may have been processed; idempotency key: order-4711")
    parked.release()
    for _ in range(5):
        await asyncio.sleep(0)
    assert (await shop.book(customer=buyer, idempotency_key="order-4711")).replayed
    assert shop.orders() == 1


@row(
    "A5",
    "the loop ends with a booking under way, and with one that never began to be awaited",
    "cancelled like any; nothing is printed about errors nobody retrieved",
)
def loop_ends(stage: Stage) -> None:
    sandbox = EgumaSandbox(FakeClock(START))
    parked = sandbox.faults.add(Park(path=BOOKING))
    example = sandbox.example("time")

    async def main() -> None:
        session = AsyncSession(sandbox.demo_key, transport=sandbox.transport())
        await session.__aenter__()
        task = asyncio.create_task(
            session.ticketing.bookings.create(
                product_id=example.product_id,
                starts_at=example.start,
                items=(TicketItem(example.category_ids[0], 1),),
                customer=stage.customer(),
            )
        )
        asyncio.create_task(session.ticketing.products.list())
        await parked.arrived()
        task.set_name("booking")

    asyncio.run(main())
    gc.collect()  # the session is in a cycle with its calls
    unclosed = [each for each in stage.warnings if "unclosed AsyncSession" in str(each.message)]
    for each in unclosed:
        stage.warnings.remove(each)
    stage.proves("loops that ended", lambda: parked.fired)
    assert sandbox.bookings() == ()


@row(
    "A6",
    "used after closing, closed twice, closed during a call and while places are given back",
    "SessionStateError; closing waits for places that are given back, and nothing is sent after it",
)
async def closed(stage: Stage) -> None:
    shop = await stage.eguma()
    parked = shop.inject(Park(path=RELEASE))
    hold = await shop.hold().__aenter__()
    releasing = asyncio.create_task(hold.release())
    await parked.arrived()
    closing = asyncio.create_task(shop.session.aclose())
    await asyncio.sleep(0)
    await stage.fails(SessionStateError, shop.book())
    assert not closing.done()
    parked.release()
    await asyncio.gather(closing, releasing)
    assert shop.sandbox.holds() == ()
    await shop.session.aclose()
    sent = len(shop.sandbox.requests)
    for call in (shop.session.ticketing.products.list(), shop.book(), shop.reserve()):
        error = await stage.fails(SessionStateError, call)
        assert "is closed; make a new one" in str(error)
    assert len(shop.sandbox.requests) == sent

    shop = await stage.eguma()
    parked = shop.inject(Park(path=BOOKING))
    booking = asyncio.create_task(shop.book())
    await parked.arrived()
    await shop.session.aclose()
    parked.release()
    await booking
    assert shop.orders() == 1

    shop = await stage.eguma(auto=False)
    shop.inject(DropAfter(path=BOOKING))
    failing = asyncio.create_task(stage.fails(OutcomeUnknownError, shop.book()))
    await shop.clock.until_sleeping(1)
    await shop.session.aclose()
    shop.clock.advance(10)
    unknown = await failing
    assert unknown.idempotency_key == shop.keys[0]
    assert shop.sent(BOOKING) == 1


@row(
    "A7",
    "entered in one event loop, used in another, in another thread",
    "SessionStateError that says so, at once; nothing is sent",
)
def other_loops(stage: Stage) -> None:
    sandbox = EgumaSandbox(FakeClock(START))
    session = AsyncSession(sandbox.demo_key, transport=sandbox.transport())
    refused = 0

    async def enter() -> None:
        await session.__aenter__()

    async def use() -> None:
        nonlocal refused
        error = await stage.fails(SessionStateError, session.ticketing.products.list())
        assert "belongs to another event loop" in str(error)
        refused += 1

    async def in_a_thread() -> None:
        thread = threading.Thread(target=lambda: asyncio.run(use()))
        thread.start()
        thread.join(10)

    asyncio.run(enter())
    asyncio.run(use())
    asyncio.run(in_a_thread())
    asyncio.run(session.aclose())
    assert len(sandbox.requests) == 0
    stage.proves("uses elsewhere", lambda: refused, 2)


PROGRAM = """
import asyncio, gc, os, resource, signal, sys, warnings
from eguma_async import (
    AiohttpTransport, AsyncSession, Customer, EgumaError, SessionStateError, TicketItem,
    unknown_outcome,
)
from eguma_async.sandbox import EgumaSandbox, Park, Reply, serve

sandbox = EgumaSandbox()
example = sandbox.example("time")
asked = dict(
    product_id=example.product_id,
    starts_at=example.start,
    items=(TicketItem(example.category_ids[0], 1),),
    customer=Customer("Canaryfirst", "Canarylast", "canary.mail@example.com"),
)
"""


def program(stage: Stage, text: str, *, code: int = 0, options: tuple[str, ...] = ()) -> list[str]:
    """Run a program in a process of its own, and return the lines it printed."""
    done = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM + text],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    stage.show(done.stdout, done.stderr)
    assert done.returncode == code, done.stderr[-2000:]
    return (done.stdout + done.stderr).splitlines()


@row(
    "A8",
    "a fork with an open session",
    "in the child: SessionStateError in its own loop, nothing is closed; the parent goes on",
)
def forked(stage: Stage) -> None:
    lines = program(
        stage,
        """
async def main():
    async with serve(sandbox) as server, AsyncSession(sandbox.demo_key, base_url=server.url) as s:
        await s.ticketing.products.list()
        child = os.fork()
        if not child:
            async def use():
                try:
                    await s.ticketing.products.list()
                except SessionStateError as error:
                    print("child:", error, flush=True)
            asyncio.run(use())
            os._exit(0)
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            await asyncio.sleep(0.01)
        booking = await s.ticketing.bookings.create(**asked)
        print("parent:", len(sandbox.bookings()), len(sandbox.requests))
asyncio.run(main())
""",
        options=("-W", "ignore::DeprecationWarning"),
    )
    assert len(lines) == 2, lines
    assert lines[0].startswith("child: this AsyncSession belongs to another event loop")
    assert lines[1] == "parent: 1 2"
    stage.proves("forks", lambda: len(lines) - 1)


@row(
    "A9",
    "a session is forgotten, collected, and the interpreter ends",
    "a ResourceWarning, no error of a finalizer",
)
def forgotten(stage: Stage) -> None:
    lines = program(
        stage,
        """
async def main():
    async with serve(sandbox) as server:
        session = AsyncSession(sandbox.demo_key, base_url=server.url)
        await session.__aenter__()
        await session.ticketing.products.list()
        del session
        gc.collect()
        kept.append(AsyncSession(sandbox.demo_key, base_url=server.url))
        await kept[0].__aenter__()
        await kept[0].ticketing.products.list()
        await asyncio.sleep(0)
kept = []
asyncio.run(main())
print("ends")
""",
        options=("-X", "dev", "-W", "always"),
    )
    warned = [line for line in lines if "unclosed AsyncSession" in line]
    stage.proves("forgotten sessions", lambda: len(warned), 2)
    assert "ends" in lines
    wrong = [line for line in lines if "Exception ignored" in line or "Traceback" in line]
    assert not wrong, wrong


@row(
    "A10",
    "SIGINT, and SIGTERM turned into a cancellation, while a booking is under way",
    "the task is cancelled, its key is told; the key resumes the booking; made once",
)
def interrupted(stage: Stage) -> None:
    keys = 0
    for name in ("SIGINT", "SIGTERM"):
        lines = program(
            stage,
            f"""
async def main():
    parked = sandbox.faults.add(Park(path="*/booking.json"))
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if "{name}" == "SIGTERM":
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    async with AsyncSession(sandbox.demo_key, transport=sandbox.transport()) as session:
        async def interrupt():
            await parked.arrived()
            os.kill(os.getpid(), signal.{name})
        killing = asyncio.create_task(interrupt())
        try:
            await session.ticketing.bookings.create(**asked)
        except asyncio.CancelledError as cancelled:
            key = unknown_outcome(cancelled).idempotency_key
            parked.release()
            await asyncio.sleep(0.01)
            booking = await session.ticketing.bookings.create(**asked, idempotency_key=key)
            print("booked:", booking.replayed, len(sandbox.bookings()), flush=True)
            raise
try:
    asyncio.run(main())
except (KeyboardInterrupt, asyncio.CancelledError) as error:
    print(type(error).__name__)
""",
        )
        assert "booked: True 1" in lines
        keys += 1
        assert lines[-1] in ("KeyboardInterrupt", "CancelledError") or lines[-2] in (
            "KeyboardInterrupt",
            "CancelledError",
        )
    stage.proves("signals", lambda: keys, 2)


class Failing(Observer):
    """Raises whatever it is told."""

    def __init__(self) -> None:
        self.asked = 0

    def _fail(self) -> None:
        self.asked += 1
        raise ZeroDivisionError

    def call_started(self, call: Any, /) -> None:
        self._fail()

    def call_ended(self, call: Any, started: object, /) -> None:
        self._fail()

    def attempt_started(self, attempt: Any, /) -> None:
        self._fail()

    def attempt_ended(self, attempt: Any, started: object, /) -> None:
        self._fail()


@row(
    "A12",
    "the observer raises at every event",
    "the booking is made and returned; each failure is logged once",
)
async def failing_observer(stage: Stage) -> None:
    observer = Failing()
    shop = await stage.eguma(observer=observer)
    shop.inject(DropAfter(path=BOOKING))
    await shop.book()
    assert observer.asked == 6
    told = [each for each in stage.records if "the observer failed" in each.getMessage()]
    assert len(told) == 6
    stage.proves("failures of the observer", lambda: observer.asked, 6)


class Broken(logging.Handler):
    """A handler whose disk is full, say."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "eguma_async":
            self.asked += 1
            raise OSError("no space left on device")


@row(
    "A13",
    "a handler of the log raises at every record",
    "nothing changes for a call: booked, held, given back, read, cancelled",
)
async def failing_log(stage: Stage) -> None:
    broken = Broken()
    logging.root.addHandler(broken)
    try:
        shop = await stage.eguma(observer=Failing())
        shop.inject(DropAfter(path=BOOKING))
        booking = await shop.book()
        async with shop.hold():
            pass
        assert shop.sandbox.holds() == ()
        shop.inject(DropAfter(path=RELEASE, times=5))
        async with shop.hold():
            pass
        await shop.session.ticketing.products.list()
        await shop.session.ticketing.bookings.cancel(booking.booking_id)
        parked = shop.inject(Park(path=BOOKING))
        task = asyncio.create_task(shop.book())
        await parked.arrived()
        cancelled = await stage.cancelled(task)
        assert unknown_outcome(cancelled) is not None
        parked.release()
    finally:
        logging.root.removeHandler(broken)
    assert broken.asked > 10
    stage.proves("failures of the log", lambda: min(broken.asked, 10), 10)


@row(
    "A14",
    "no memory is left while an answer is read",
    "an error of the package; of a booking the outcome is unknown, and its key resumes it",
)
def no_memory(stage: Stage) -> None:
    lines = program(
        stage,
        """
import json
async def main():
    async with serve(sandbox) as server, AsyncSession(sandbox.demo_key, base_url=server.url) as s:
        await s.ticketing.products.list()
        huge = json.dumps({"x": ["many words"] * 2_000_000})
        sandbox.faults.add(Reply(200, body=huge, after_commit=True, path="*/booking.json", times=5))
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (used + 40 * 2**20, before[1]))
        try:
            await s.ticketing.bookings.create(**asked)
        except EgumaError as error:
            failed = error
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)
        sandbox.faults.clear()
        print(failed.outcome_unknown, failed.idempotency_key is not None, flush=True)
        booking = await s.ticketing.bookings.create(**asked, idempotency_key=failed.idempotency_key)
        print(booking.replayed, len(sandbox.bookings()), flush=True)
asyncio.run(main())
""",
    )
    assert lines[:2] == ["True True", "True 1"], lines
    stage.proves("memory that was missing", lambda: lines.count("True True"))


@row(
    "A15",
    "10,000 reads at once: 9,500 in memory, 500 over sockets",
    "no more requests, tasks and connections at a time than allowed; all succeed",
)
async def very_many_reads(stage: Stage) -> None:
    most_tasks = 0
    done = 0
    for sockets, count in ((False, 9_500), (True, 500)):
        # Without an observer: the stage's keeps whatever it is told.
        shop = await stage.eguma(sockets=sockets, limits=Limits(concurrency=20), observer=None)
        wanted = shop.wanted()
        day = wanted["starts_at"].date()
        ids = (wanted["product_id"] for _ in range(count))
        before = len(asyncio.all_tasks())
        outcomes = shop.session.ticketing.availabilities.fan_out(ids, from_date=day, to_date=day)
        async for outcome in outcomes:
            assert outcome.error is None
            done += 1
            most_tasks = max(most_tasks, len(asyncio.all_tasks()) - before)
        if sockets:
            await asyncio.gather(*(shop.slots() for _ in range(100)))
            assert shop.front.server.connections <= 20
    assert most_tasks <= 100
    stage.proves("reads", lambda: done, 10_000)


@row("A16", "another event loop: uvloop", "lost answers, holds and cancellations as on asyncio's")
def on_uvloop(stage: Stage) -> None:
    try:
        uvloop: Any = importlib.import_module("uvloop")
    except ImportError:
        raise CannotRunError("needs uvloop, which is no dependency") from None

    async def main() -> None:
        assert "uvloop" in type(asyncio.get_running_loop()).__module__
        await stage.perform(_on_this_loop)

    uvloop.new_event_loop().close()
    stage.begin_again()  # the pipe for signals, which stays
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def _on_this_loop(stage: Stage) -> None:
    async def reset_after(exchange: Exchange) -> None:
        await exchange.commit()
        exchange.wire.reset()

    shop = await stage.eguma(sockets=True)
    shop.strike(reset_after)
    assert (await shop.book()).replayed
    shop.strike(reset_after)
    await stage.fails(OutcomeUnknownError, shop.reserve())
    async with shop.hold() as hold:
        await shop.booked_with(hold)
    task = asyncio.create_task(shop.session.ticketing.products.list())
    await asyncio.sleep(0)
    await stage.cancelled(task)
    await shop.session.ticketing.products.list()


@pytest.mark.parametrize("row", rows_of(__name__), ids=id_of)
def test_row(row: Row) -> None:
    check(row)
