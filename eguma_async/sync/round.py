"""One round of a synchronisation: from the checkpoint to the server's present.

Each round goes on from the checkpoint, less an overlap, window by window. How far the server had
come is told by its own clock, as it was when the window was asked for. So what a window covers ends
there, and whatever the client's clock says, nothing is taken for read that may still change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import attrs

from eguma_async.core.errors import EgumaError
from eguma_async.core.log import logger

from .errors import ReplicaError
from .records import ChangeKind, Checkpoint, Record, State, Window
from .rules import SyncRules
from .source import Answer, Source, TooMuchError
from .stores.base import PAGE, Batch, ReplicaStore

SHORTEST = 1.0
"""A window of one second cannot be made smaller: that is all a time of the server tells."""
LONG_LEASE = 1000.0
"""Seconds for a window that is read whatever it takes."""
_EASY_ONES = 8
"""After so many easy windows a size that was too much once is tried again."""


@attrs.define(kw_only=True)
class Tally:
    """What a round came to so far."""

    kinds: dict[ChangeKind, int] = attrs.field(factory=dict)
    unchanged: int = 0
    unreadable: int = 0
    late: int = 0
    windows: int = 0
    bisected: int = 0
    swept: bool = False
    went_back: bool = False


class Round:
    """One round. It is used once.

    Args:
        source: Where the records come from.
        store: Where they go to; open.
        rules: How far to look back.
        owner: Who this is, for others that share the store.
    """

    def __init__(
        self, source: Source[Any], store: ReplicaStore, rules: SyncRules, owner: str
    ) -> None:
        self._source = source
        self._store = store
        self._rules = rules
        self._owner = owner
        self._version = 0
        self._good: list[Checkpoint] = []
        self._at = Checkpoint()
        self._seen: set[str] = set()
        self._suspects: set[str] = set()
        self._width = rules.window
        self._ceiling = math.inf
        self._easy = 0
        self._is_alive = False
        self._asked_at: float | None = None
        self._was_now = 0.0
        self._asked_window = Window()
        self._since = math.inf
        self._present_then = 0.0
        self._latest = math.inf
        self._lease = rules.lease
        self.tally: Tally = Tally()

    @property
    def _is_first(self) -> bool:
        """True as long as there is no copy yet that something could be missing of."""
        return self._since == math.inf

    @property
    def checkpoint(self) -> Checkpoint:
        """How far the copy is."""
        return self._at

    async def run(self) -> None:
        """Bring the copy up to date.

        Raises:
            ReplicaBusyError: Another process does.
            EgumaError: The server, or the store, cannot be used; what was read so far is kept.
        """
        state = await self._store.begin(
            self._source.origin, self._owner, now=self._now(), lease=self._rules.lease
        )
        try:
            await self._run(state)
        finally:
            with suppress(ReplicaError):  # others go on when the time is over
                await self._store.end(self._owner)

    async def _run(self, state: State) -> None:
        self._version = state.version
        self._good = list(state.checkpoints)
        if state.damaged:
            self._say_going_back("damaged")
        self._take_good_one()
        await self._catch_up()
        if self._sweep_is_due():
            await self._sweep()
        await self._ask_for_unreadable()
        await self._look_for_missing()

    # Checkpoints

    def _take_good_one(self) -> None:
        self._at = self._good.pop(0) if self._good else Checkpoint()
        covered = self._at.covered
        self._since = math.inf if covered is None else covered - self._rules.overlap

    def _say_going_back(self, why: str) -> None:
        self.tally.went_back = True
        logger.warning(
            "the checkpoint of the copy %s is %s: going on from an earlier one",
            self._store.describe(),
            why,
        )

    def _is_in_future(self, asked_at: float) -> bool:
        covered = self._at.covered
        return covered is not None and covered > asked_at + self._rules.overlap

    # Ranges

    async def _catch_up(self) -> None:
        """Read from the checkpoint to the present."""
        while True:
            covered = self._at.covered
            if covered is None:
                await self._read(Window(end=math.floor(self._source.earliest)), moves=True)
                start = math.floor(self._source.earliest)
            else:
                start = math.floor(covered - self._rules.overlap)
            if await self._read(Window(start=start), moves=True):
                self._present_then = self._asked_at or 0.0
                return
            self._say_going_back("in the future")
            self._take_good_one()

    def _sweep_is_due(self) -> bool:
        swept, now = self._at.swept, self._asked_at
        return now is not None and (swept is None or now >= swept + self._rules.sweep_every)

    async def _sweep(self) -> None:
        """Read the last days once more, for what was written long after its time of change."""
        began = self._asked_at
        assert began is not None  # noqa: S101  # a round that has caught up knows it
        end = math.ceil(self._since) if self._since < math.inf else None
        if end is not None:
            start = math.floor(end - self._rules.sweep_span)
            await self._read(Window(start=start, end=end), moves=False)
            self.tally.swept = True
        self._at = attrs.evolve(self._at, swept=began)
        await self._write((), self._at, is_anchor=True)

    async def _ask_for_unreadable(self) -> None:
        """Ask again for what could not be read: the server, or this package, may be mended."""
        windows: dict[Window, None] = {}
        for kept in await self._store.due(self._now()):
            record = kept.record
            if record.id in self._seen:
                continue
            if record.is_nameless:
                self._suspects.add(record.id)  # one that can be read may be in its place by now
            if record.earliest is not None and record.latest is not None:
                start, end = math.floor(record.earliest), math.floor(record.latest) + 1
                windows[Window(start=start, end=end)] = None
            elif record.found is not None:
                windows[record.found] = None
        for window in windows:
            await self._read(window, moves=False)

    async def _look_for_missing(self) -> None:
        """Note what the server does not show any more where it should.

        What was changed while this round was under way has another place by now: before anything is
        noted, the end of the list is looked at once more.
        """
        self._suspects -= self._seen
        if not self._suspects:
            return
        await self._read(
            Window(start=math.floor(self._present_then - self._rules.overlap)), moves=False
        )
        missing = sorted(self._suspects - self._seen)
        if missing:
            await self._write((), None, missing=missing)

    async def _read(self, whole: Window, *, moves: bool) -> bool:
        """Read a range window by window; False if the checkpoint is in the future.

        Args:
            whole: The range.
            moves: Whether the checkpoint goes with it.
        """
        start = whole.start
        while True:
            window = self._next(start, whole.end)
            ids: set[str] = set()
            answer, rest = await self._ask(window, ids)
            if not self._is_first:
                self._seen |= ids
            if moves and self._is_in_future(answer.asked_at):
                await self._write(rest, None)
                return False
            await self._note_suspects(self._asked_window, ids)
            end = self._asked_window.end
            await self._write(rest, self._moved(end, answer.asked_at) if moves else None)
            if end is None or end > answer.asked_at or (whole.end is not None and end >= whole.end):
                return True
            start = end

    def _moved(self, end: float | None, asked_at: float) -> Checkpoint:
        """Move the checkpoint to the end of a window, or to when it was asked for.

        What lies within the overlap then may still come late. However long this round goes on, the
        next one has to look there once more: the checkpoint stays where its overlap covers that.
        """
        if end is None or end > asked_at - self._rules.overlap:
            self._latest = min(self._latest, asked_at)
        covered = min(asked_at if end is None else end, self._latest)
        before = self._at.covered
        self._at = attrs.evolve(
            self._at, covered=covered if before is None else max(before, covered)
        )
        return self._at

    # Windows

    def _next(self, start: float | None, end: float | None) -> Window:
        """Return the window that begins where the last one ended."""
        if start is None:
            return Window(end=end)
        width = self._width
        if end is None:
            is_last = start + width >= self._present()
            return Window(start=start, end=None if is_last else start + width)
        return Window(start=start, end=min(end, start + width))

    def _present(self) -> float:
        """Return about what the server's clock shows. Nothing but sizes depends on it."""
        if self._asked_at is None:
            return self._now()
        return self._asked_at + self._source.clock.monotonic() - self._was_now

    async def _ask(self, window: Window, ids: set[str]) -> tuple[Answer, Sequence[Record]]:
        """Ask for a window, and for a smaller one as long as it is too much."""
        while True:
            self.tally.windows += 1
            self._asked_window = window
            buffer: list[Record] = []

            keep = partial(self._keep, window, buffer, ids)
            is_shortest = window.end is not None and self._width_of(window) <= SHORTEST
            try:
                if is_shortest:  # it may take long, and nobody is to go on meanwhile
                    self._lease = max(self._rules.lease, LONG_LEASE)
                    await self._write((), None)
                answer = await self._source.ask(window, keep, whole=is_shortest)
            except TooMuchError as too_much:
                reason = too_much.reason
            else:
                self._asked_at, self._was_now = answer.asked_at, self._source.clock.monotonic()
                self._grow(answer)
                return answer, [_placed(record, window, answer) for record in buffer]
            finally:
                self._lease = self._rules.lease
            if is_shortest or (window.start is None and window.end is None):
                raise reason
            window = self._smaller(window, reason)

    async def _keep(
        self, window: Window, buffer: list[Record], ids: set[str], records: Sequence[Record], /
    ) -> None:
        """Take records of a window; what is more than a page is written before the rest comes."""
        for record in records:
            if not self._is_first:
                ids.add(record.id)
            buffer.append(attrs.evolve(record, found=window) if record.problems else record)
        while len(buffer) > PAGE:
            await self._write(buffer[:PAGE], None)
            del buffer[:PAGE]

    def _smaller(self, window: Window, reason: EgumaError) -> Window:
        """Return the first half of a window that was too much.

        A server that cannot answer at all is not asked for ever smaller windows.
        """
        self.tally.bisected += 1
        if window.start is None:
            return Window(start=0.0, end=window.end)
        width = max(SHORTEST, float(math.floor(self._width_of(window) / 2)))
        self._width = self._ceiling = width
        self._easy = 0
        if not self._is_alive:
            self._is_alive, width = True, SHORTEST
        return Window(start=window.start, end=window.start + width)

    def _width_of(self, window: Window) -> float:
        if window.start is None:
            return math.inf
        if window.end is None:  # it may be larger than it seems, if the client's clock is wrong
            return max(2 * SHORTEST, self._present() - window.start)
        return window.end - window.start

    def _grow(self, answer: Answer) -> None:
        if not answer.is_easy:
            return
        self._easy += 1
        if self._easy >= _EASY_ONES:
            self._easy, self._ceiling = 0, self._ceiling * 2
        self._width = max(self._width, min(self._width * 2, self._ceiling))

    # Writing

    async def _note_suspects(self, window: Window, ids: set[str]) -> None:
        """Note which records a window should have shown and has not."""
        if window.start is None or self._is_first:
            return
        assert self._asked_at is not None  # noqa: S101  # it was answered
        end = self._asked_at if window.end is None else min(window.end, self._asked_at)
        # A second at each end is left out: that is as exactly as the server tells.
        known = await self._store.known(window.start + 1, end - 1)
        self._suspects |= set(known) - ids

    async def _write(
        self,
        records: Sequence[Record],
        checkpoint: Checkpoint | None,
        *,
        missing: Sequence[str] = (),
        is_anchor: bool = False,
    ) -> None:
        written = await self._store.write(
            Batch(
                owner=self._owner,
                version=self._version,
                now=self._now(),
                lease=self._lease,
                records=records,
                missing=missing,
                checkpoint=checkpoint,
                is_anchor=is_anchor,
            )
        )
        self._version = written.version
        self.tally.unchanged += written.unchanged
        for kept in written.changed:
            kinds = self.tally.kinds
            kinds[kept.kind] = kinds.get(kept.kind, 0) + 1
            self.tally.unreadable += bool(kept.record.problems)
            latest = kept.record.latest
            is_late = latest is not None and not self._is_first and latest < self._since
            if is_late and kept.kind is not ChangeKind.MISSING:
                self.tally.late += 1

    def _now(self) -> float:
        return self._source.clock.now().timestamp()


def _placed(record: Record, window: Window, answer: Answer) -> Record:
    """Note of a record that cannot be read where to look for it again."""
    if not record.problems or window.end is not None:
        return record
    end = math.ceil(answer.asked_at) + SHORTEST
    return attrs.evolve(record, found=Window(start=window.start, end=end))
