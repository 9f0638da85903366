"""Total timeouts: one timer for all requests, with the manners of `asyncio.timeout`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from eguma_async.core.messages import HttpRequest
from eguma_async.transports._deadline import NEVER, Deadlines, Watch


async def watched(
    deadlines: Deadlines, seconds: float, work: asyncio.Future[Any] | None = None
) -> str:
    """Wait as a transport does, and say how the waiting ended."""
    watch = deadlines.start(seconds, Watch)
    try:
        await (work or asyncio.get_running_loop().create_future())
    except asyncio.CancelledError:
        return "expired" if deadlines.end(watch) else "cancelled"
    return "late" if deadlines.end(watch) else "done"


async def test_a_request_whose_time_is_up_ends_and_leaves_its_task_uncancelled():
    assert await watched(Deadlines(), 0.01) == "expired"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)  # a cancellation left over would strike here


async def test_each_request_has_its_own_deadline():
    deadlines = Deadlines()
    ended: list[float] = []

    async def request(seconds: float) -> None:
        assert await watched(deadlines, seconds) == "expired"
        ended.append(seconds)

    async with asyncio.TaskGroup() as group:
        for seconds in (0.03, 0.01, 0.02):
            group.create_task(request(seconds))
    assert ended == [0.01, 0.02, 0.03]


async def test_those_that_are_due_at_once_end_in_the_order_of_their_deadlines():
    deadlines = Deadlines()
    ended: list[int] = []

    async def request(place: int) -> None:
        assert await watched(deadlines, place / 1000) == "expired"
        ended.append(place)

    tasks = [asyncio.create_task(request(place)) for place in (7, 3, 9, 1, 5, 8, 2, 6, 4)]
    await asyncio.sleep(0)
    time.sleep(0.02)  # the loop is busy until all are due
    await asyncio.gather(*tasks)
    assert ended == [1, 2, 3, 4, 5, 6, 7, 8, 9]


async def test_a_watch_that_rings_twice_leaves_its_task_uncancelled():
    deadlines = Deadlines()
    task = asyncio.create_task(watched(deadlines, 60))
    await asyncio.sleep(0)
    (watch,) = deadlines.watches.values()
    watch.ring()  # for the transport is closed
    watch.ring()  # for the time is up
    assert await task == "expired"
    assert task.cancelling() == 0


async def test_a_request_that_ends_in_time_is_not_touched_by_the_others_deadline():
    deadlines = Deadlines()
    work = asyncio.get_running_loop().create_future()
    slow = asyncio.create_task(watched(deadlines, 60, work))
    assert await watched(deadlines, 0.01) == "expired"
    work.set_result(None)
    assert await slow == "done"


async def test_somebody_elses_cancellation_stays_one():
    deadlines = Deadlines()
    task = asyncio.create_task(watched(deadlines, 60))
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "cancelled"
    assert task.cancelling() == 1


async def test_a_cancellation_at_the_same_moment_is_not_taken_for_the_deadline():
    deadlines = Deadlines()
    task = asyncio.create_task(watched(deadlines, 0.01))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.01, task.cancel)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.get_running_loop().create_future()
    ended = await task
    assert (ended, task.cancelling()) in {("cancelled", 1), ("expired", 0)}


async def test_a_shorter_timeout_around_it_wins():
    deadlines = Deadlines()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            if await watched(deadlines, 60) == "cancelled":
                raise asyncio.CancelledError


async def test_one_timer_serves_all_and_goes_when_nothing_is_left(monkeypatch):
    deadlines, loop = Deadlines(), asyncio.get_running_loop()
    made = []
    call_at = loop.call_at

    def counting(when, *args, **kwargs):
        made.append(when)
        return call_at(when, *args, **kwargs)

    monkeypatch.setattr(loop, "call_at", counting)
    for _ in range(50):
        work = loop.create_future()
        work.set_result(None)
        assert await watched(deadlines, 60, work) == "done"
    assert len(made) == 1
    deadlines.close()
    assert deadlines._timer is None


async def test_closing_does_not_forget_a_request_under_way():
    deadlines = Deadlines()
    task = asyncio.create_task(watched(deadlines, 0.01))
    await asyncio.sleep(0)
    deadlines.close()
    assert await task == "expired"


async def test_whatever_ends_a_request_ends_its_watch(make, serve):
    class Ended(BaseException):
        pass

    class Sink:
        async def write(self, chunk, /):
            raise Ended

        def restart(self):
            pass

    server = await serve()
    async with make() as transport:
        with pytest.raises(Ended):
            await transport.send(HttpRequest(method="GET", url=server.url, sink=Sink()))
        assert not transport._deadlines.watches
    await server.all_gone.wait()


async def test_alarms_of_any_kind_ring_once_and_in_their_turn():
    class Bell:
        deadline = NEVER

        def __init__(self, name: str) -> None:
            self.name = name

        def ring(self) -> None:
            rung.append((self.name, self.deadline))

    deadlines = Deadlines()
    rung: list[tuple[str, float]] = []
    first, second, silent = Bell("first"), Bell("second"), Bell("silent")
    for bell in (first, second, silent):
        deadlines.add(bell)
    deadlines.set(first, 0.01)
    deadlines.set(second, 0.03)
    deadlines.set(silent, 0.02)
    silent.deadline = NEVER  # what it waited for has come
    while len(rung) < 2:
        await asyncio.sleep(0.005)
    assert rung == [("first", NEVER), ("second", NEVER)]
    assert deadlines._timer is None
    deadlines.set(first, 60)
    deadlines.discard(first)
    deadlines.close()
    assert deadlines._timer is None
