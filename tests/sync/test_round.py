"""One round, on a source that is told what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from eguma_async import EgumaError, MemoryOrders, SyncRules, TransportError
from eguma_async.core.clock import Clock
from eguma_async.sync import Answer, Keep, Record, Replica, TooMuchError, Window
from eguma_async.testing import FakeClock

START = 1_800_000_000.0


@attrs.define
class Shown:
    """A record, and from when the list shows it."""

    record: Record
    seen_from: float = 0.0


class ToldSource:
    """A list whose answers take as long, and refuse as much, as they are told to."""

    origin = "told"
    earliest = START - 1e6

    def __init__(self) -> None:
        self.clock: Any = FakeClock(datetime.fromtimestamp(START, UTC))
        self.shown: list[Shown] = []
        self.asked: list[Window] = []
        self.takes: Callable[[Window], float] = lambda _: 0.0
        self.refuses: Callable[[Window], EgumaError | None] = lambda _: None

    @property
    def now(self) -> float:
        return float(self.clock.now().timestamp())

    async def ask(self, window: Window, keep: Keep, /, *, whole: bool) -> Answer:
        asked_at = self.now
        self.asked.append(window)
        error = None if whole else self.refuses(window)
        if error is not None:
            raise error
        await keep([each.record for each in self.shown if self._is_in(each, window)])
        self.clock.advance(self.takes(window))
        return Answer(asked_at=asked_at, is_easy=True)

    def _is_in(self, each: Shown, window: Window) -> bool:
        at = each.record.earliest
        assert at is not None
        start = -1e18 if window.start is None else window.start
        end = 1e18 if window.end is None else window.end
        return each.seen_from <= self.now and start <= at < end

    def read(self, data: bytes, /) -> bytes:
        return data

    def show(self, id_: str, at: float, *, seen_from: float = 0.0) -> None:
        record = Record(id=id_, earliest=at, latest=at, data=id_.encode())
        self.shown.append(Shown(record, seen_from))


def replica_of(source: ToldSource, **rules: Any) -> Replica[bytes]:
    assert isinstance(source.clock, FakeClock)
    clock: Clock = source.clock
    assert clock is not None
    return Replica(source, MemoryOrders(), SyncRules(**rules))


async def test_what_comes_late_while_a_round_takes_long_is_found_by_the_next_one():
    source = ToldSource()
    replica = replica_of(source, window=990)
    await replica.sync()
    source.clock.advance(700)
    now = source.now
    source.show("late", now - 50, seen_from=now + 100)
    source.takes = lambda window: 600.0 if window.end is not None else 0.0
    source.asked.clear()
    assert (await replica.sync()).new == 0
    assert source.asked == [
        Window(start=now - 1000, end=now - 10),
        Window(start=now - 10),
    ]
    assert (await replica.sync()).new == 1


async def test_what_comes_late_after_a_window_of_the_past_needs_no_second_look():
    source = ToldSource()
    replica = replica_of(source, window=1000)
    await replica.sync()
    source.clock.advance(10_000)
    report = await replica.sync()
    assert report.checkpoint == datetime.fromtimestamp(source.now, UTC)
    source.asked.clear()
    await replica.sync()
    assert source.asked == [Window(start=source.now - 300)]


@pytest.mark.parametrize("most", [1, 7, 40, 1000])
async def test_windows_are_halved_until_they_are_small_enough(most):
    source = ToldSource()
    for number in range(200):
        source.show(f"{number}", START - 1000 + number * 5)

    def refuses(window: Window) -> EgumaError | None:
        count = sum(source._is_in(each, window) for each in source.shown)
        return TooMuchError(TransportError("too much")) if count > most else None

    source.refuses = refuses
    report = await replica_of(source).sync()
    assert report.new == 200
    assert (report.bisected > 0) == (most < 200)
    answered = [w for w in source.asked if refuses(w) is None]
    ends = [w.end for w in answered]
    for window, end in zip(answered[1:], ends, strict=False):
        assert window.start == end, "no gap between two windows"
    assert answered[-1].end is None


async def test_crowded_seconds_are_read_whatever_it_takes():
    source = ToldSource()
    for number in range(50):
        source.show(f"{number}", START - 100)
    source.refuses = lambda window: (
        TooMuchError(TransportError("too much"))
        if sum(source._is_in(each, window) for each in source.shown) > 10
        else None
    )
    assert (await replica_of(source).sync()).new == 50
    assert Window(start=START - 100, end=START - 99) in source.asked


async def test_what_was_missing_and_was_only_changed_is_not_told_as_missing():
    source = ToldSource()
    source.show("a", START - 60)
    replica = replica_of(source, sweep_every=10)
    await replica.sync()
    source.clock.advance(100)

    def change(_: Window) -> float:
        if len(source.asked) > 1:  # between the end of the list and the last days
            source.shown.clear()
            source.show("a", source.now)
        return 1.0

    source.takes = change
    source.asked.clear()
    report = await replica.sync()
    assert (report.swept, report.missing) == (True, 0)


async def test_checkpoints_never_run_ahead_of_what_was_asked():
    source = ToldSource()
    replica = replica_of(source, window=50)
    for step in (0, 10, 100, 1000):
        source.clock.advance(step)
        source.takes = lambda _: 3.0
        asked = source.now
        checkpoint = (await replica.sync()).checkpoint
        assert checkpoint is not None
        assert checkpoint <= datetime.fromtimestamp(source.now, UTC) - timedelta(seconds=3)
        assert checkpoint.timestamp() >= asked - 300
