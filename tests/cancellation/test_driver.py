"""The driver cancels where it says, and the grid fails where it should."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from benchmarks._lib import open_descriptors
from tests.cancellation.driver import CancelAt, Events, Timing
from tests.cancellation.eguma_cases import ADA, EGUMA_CASES, EgumaShop, case
from tests.cancellation.grid import sweep
from tests.cancellation.korus_cases import KORUS_CASES

only_where_told = pytest.mark.skipif(
    open_descriptors() == 0, reason="the system does not tell the descriptors"
)
TIMINGS = [Timing.AT_SUSPENSION, Timing.AFTER_DONE]


class Steps:
    """Waits three times and notes how far it got."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.futures: list[asyncio.Future[str]] = []

    async def run(self) -> str:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        self.done.append("turn")
        self.futures.append(loop.create_future())
        loop.call_soon(self.set_result, 0)
        self.done.append(await self.futures[0])
        inner = asyncio.create_task(asyncio.sleep(0, "task"))
        self.done.append(await inner)
        return "end"

    def set_result(self, number: int) -> None:
        if not self.futures[number].done():
            self.futures[number].set_result("future")


@pytest.mark.parametrize("when", TIMINGS)
@pytest.mark.parametrize(("k", "reached"), [(0, []), (1, ["turn"]), (2, ["turn", "future"])])
async def test_it_cancels_at_the_suspension_that_was_asked_for(k, reached, when):
    steps = Steps()
    ending = await CancelAt(k, when).run(steps.run())
    assert (ending.fired, ending.was_cancelled, steps.done) == (True, True, reached)


@pytest.mark.parametrize("when", TIMINGS)
async def test_behind_the_last_suspension_it_lets_the_coroutine_end(when):
    ending = await CancelAt(3, when).run(Steps().run())
    assert (ending.fired, ending.error, ending.result) == (False, None, "end")


async def test_what_is_waited_for_is_cancelled_at_the_suspension_and_done_after_it():
    at, after = Steps(), Steps()
    await CancelAt(1, Timing.AT_SUSPENSION).run(at.run())
    await CancelAt(1, Timing.AFTER_DONE).run(after.run())
    assert at.futures[0].cancelled()
    assert after.futures[0].result() == "future"


async def test_it_cancels_on_an_event_of_the_server():
    events, reached = Events(), []

    async def server():
        for name in ("first", "second"):
            await events.happened(name)
            reached.append(name)

    async def client():
        serving = asyncio.create_task(server())
        await asyncio.wait({serving})

    ending = await CancelAt(1, Timing.ON_EVENT).run(client(), events)
    assert ending.was_cancelled
    await asyncio.sleep(0)
    assert events.seen == ["first", "second"]
    assert (await CancelAt(2, Timing.ON_EVENT).run(client(), events)).fired is False


async def test_one_that_is_done_is_not_cancelled_any_more():
    events = Events()

    async def client():
        return "done"

    assert (await CancelAt(0, Timing.ON_EVENT).run(client(), events)).fired is False


async def test_it_cancels_again_and_again():
    caught = []

    async def stubborn():
        for _ in range(3):
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                caught.append("again")
        return "end"

    ending = await CancelAt(1, Timing.AT_SUSPENSION, again=True).run(stubborn())
    assert (ending.fired, ending.result, caught) == (True, "end", ["again", "again"])


# What the grid must not let pass

LEFT = contextlib.ExitStack()


async def swallows(shop: EgumaShop) -> None:
    try:
        await shop.session.ticketing.products.list()
    except asyncio.CancelledError:
        return


async def keeps_a_permit(shop: EgumaShop) -> None:
    assert shop.session._layers._permits.try_acquire()
    await asyncio.sleep(0)
    shop.session._layers._permits.release()


async def leaves_a_task(shop: EgumaShop) -> None:
    task = asyncio.create_task(asyncio.sleep(3600))
    LEFT.callback(task.cancel)
    await asyncio.sleep(0)
    task.cancel()


async def leaves_a_descriptor(shop: EgumaShop) -> None:
    end = socket.socket()
    LEFT.callback(end.close)
    await asyncio.sleep(0)
    end.close()


async def tells_nothing(shop: EgumaShop) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await shop.session.ticketing.reservations.create(**shop.wanted)
        return
    raise asyncio.CancelledError  # a bare one: what it meant is lost


async def leaves_an_error(shop: EgumaShop) -> None:
    asyncio.get_running_loop().create_future().set_exception(ValueError("nobody looks"))
    await shop.session.ticketing.products.list()


async def books_twice(shop: EgumaShop) -> None:
    await shop.session.ticketing.products.list()
    for _ in range(2):
        await shop.desk.ticketing.bookings.create(**shop.wanted, customer=ADA)


@pytest.mark.parametrize(
    ("run", "details", "error", "words"),
    [
        (swallows, {}, AssertionError, "the cancellation was lost"),
        (keeps_a_permit, {}, TimeoutError, None),
        (leaves_a_task, {}, AssertionError, "left"),
        pytest.param(
            leaves_a_descriptor, {}, AssertionError, "1 descriptors left", marks=only_where_told
        ),
        (
            tells_nothing,
            {"write": "*/reservation.json", "operation": "ReserveTickets"},
            AssertionError,
            "the write arrived",
        ),
        (leaves_an_error, {}, AssertionError, "nobody looks"),
        (books_twice, {}, AssertionError, "sold twice"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_the_grid_fails(run, details, error, words):
    faulty = case("Faulty.call", run, **details)
    with LEFT, pytest.raises(error, match=words):
        await sweep(faulty, Timing.AT_SUSPENSION, patience=0.2)


async def test_the_notes_name_the_case_and_the_point():
    with pytest.raises(AssertionError) as caught:
        await sweep(case("Faulty.call", swallows), Timing.AFTER_DONE)
    assert caught.value.__notes__ == ["eguma Faulty.call, after what it waits for is done, point 0"]


def test_names_of_cases_are_unique():
    names = [one.id for one in (*EGUMA_CASES, *KORUS_CASES)]
    assert len(set(names)) == len(names)
