"""A copy of a provider's records that misses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Generic, Self, TypeVar

from eguma_async.core.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    DecodingError,
    EgumaError,
    SessionStateError,
    StatusError,
)
from eguma_async.core.log import logger

from .errors import ReplicaBusyError, ReplicaCorruptError, ReplicaError
from .records import ChangeKind, Kept
from .reports import Copied, OnRound, SyncReport, report_of
from .round import Round
from .rules import SyncRules
from .source import Source
from .stores.base import Contents, ReplicaStore

T = TypeVar("T")

LONGEST_PAUSE = 900.0
_FINAL = (
    ConfigurationError,
    SessionStateError,
    AuthenticationError,
    AccessDeniedError,
    ReplicaCorruptError,
)
"""What no waiting mends."""


class Replica(Generic[T]):
    """A copy of a provider's records in a store.

    It opens its store when it is first used. Use it with ``async with``, or close it.

    Args:
        source: Where the records come from.
        store: Where they are kept.
        rules: How far each round looks back.
    """

    def __init__(
        self, source: Source[T], store: ReplicaStore, rules: SyncRules | None = None
    ) -> None:
        if not isinstance(store, ReplicaStore):
            raise ConfigurationError('store must be one, such as SQLiteOrders("orders.db")')
        if rules is not None and not isinstance(rules, SyncRules):
            raise ConfigurationError("rules must be SyncRules(...)")
        self._source = source
        self._store = store
        self._rules = rules or SyncRules()
        self._owner = secrets.token_hex(8)
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._store.describe()}>"

    async def __aenter__(self) -> Self:
        await self._store.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Finish what is being written, and close the store. May be called twice."""
        await self._store.close()

    # Bringing it up to date

    async def sync(self) -> SyncReport:
        """Bring the copy up to date.

        What was read before an error stays, and the next round goes on from there.

        Raises:
            ReplicaBusyError: Another process does.
            ReplicaError: The store cannot be used.
            EgumaError: The server cannot be asked.
        """
        async with self._turn:
            await self._store.open()
            one = Round(self._source, self._store, self._rules, self._owner)
            await one.run()
            report = report_of(one.tally, one.checkpoint.covered)
        if report.late:
            logger.warning(
                "%d records of the copy %s showed up more than %.0f s after their time of change."
                " If that goes on, look at the zone of the copy, or raise its overlap",
                report.late,
                self._store.describe(),
                self._rules.overlap,
            )
        return report

    def follow(
        self,
        *,
        interval: float = 30.0,
        after: int | None = None,
        on_round: OnRound | None = None,
    ) -> Following[T]:
        """Bring the copy up to date again and again, and yield what changes.

        Each changed record comes once, as it is now, however often it changed meanwhile. A round
        that fails is logged, and tried again after a longer and longer pause; if another process
        brings the copy up to date, its changes are yielded all the same. Leaving the loop ends it.

        Args:
            interval: Seconds from one round to the next.
            after: Go on behind this `Copied.revision`; 0 for all there is, None for what changes
                from now on.
            on_round: Is told what each round came to.

        Raises:
            ConfigurationError: An argument is malformed.
        """
        is_number = isinstance(interval, (int, float)) and not isinstance(interval, bool)
        if not is_number or not 0 < interval <= 86_400:
            raise ConfigurationError("interval must be a number of seconds, up to a day")
        if after is not None and (not isinstance(after, int) or after < 0):
            raise ConfigurationError("after must be a revision, 0 or more")
        return Following(self, interval=interval, after=after, on_round=on_round)

    # Reading it

    async def get(self, name: str) -> Copied[T] | None:
        """Return a record by its id or its number; None if the copy has none.

        Raises:
            ReplicaError: The store cannot be used.
        """
        await self._store.open()
        kept = await self._store.get(name)
        return None if kept is None else self._copied(kept)

    async def records(self) -> AsyncIterator[Copied[T]]:
        """Yield every record, in the order of their ids; those that cannot be read as well.

        Raises:
            ReplicaError: The store cannot be used.
        """
        await self._store.open()
        after = ""
        while page := await self._store.page(after):
            after = page[-1].record.id
            for kept in page:
                yield self._copied(kept)

    async def contents(self) -> Contents:
        """Return how many records there are, and how far the copy is.

        Raises:
            ReplicaError: The store cannot be used.
        """
        await self._store.open()
        return await self._store.contents()

    async def erase(self, *ids: str) -> int:
        """Erase the content of records for good, and return of how many.

        Their ids stay, so that the next round does not bring them back.

        Args:
            ids: Ids, not numbers.

        Raises:
            ReplicaError: The store cannot be used.
        """
        await self._store.open()
        return await self._store.erase(ids)

    def _copied(self, kept: Kept, kind: ChangeKind | None = None) -> Copied[T]:
        record, problems, value = kept.record, kept.record.problems, None
        if not (problems or kept.is_erased):
            try:
                value = self._source.read(record.data)
            except DecodingError as error:  # it could be when it was kept: this version differs
                problems = error.problems
        return Copied(
            id=record.id,
            number=record.number,
            kind=kind or kept.kind,
            value=value,
            problems=problems,
            is_missing=kept.is_missing,
            revision=kept.revision,
            raw=record.data,
        )


class Following(AsyncIterator[Copied[T]]):
    """The changes of a copy as they come: an async iterator. Cancelling the waiting loses nothing.

    Attributes:
        revision: That of the last change that was handed out; None before the first.
    """

    def __init__(
        self,
        replica: Replica[T],
        *,
        interval: float,
        after: int | None,
        on_round: OnRound | None,
    ) -> None:
        self.revision: int | None = after
        self._replica = replica
        self._store = replica._store  # noqa: SLF001  # its other half
        self._clock = replica._source.clock  # noqa: SLF001  # its other half
        self._interval = interval
        self._on_round = on_round
        self._read_to = after
        self._buffer: deque[Copied[T]] = deque()
        self._due: float | None = None
        self._failures = 0

    async def __anext__(self) -> Copied[T]:
        """Wait for the next change.

        Raises:
            ReplicaError: The store cannot be used, or has fewer changes than were handled.
            EgumaError: A round failed in a way that no waiting mends.
        """
        while not self._buffer:
            await self._fill()
        change = self._buffer.popleft()
        self.revision = change.revision
        return change

    async def _fill(self) -> None:
        await self._store.open()
        if self._due is None:
            await self._find_beginning()
            self._due = self._clock.monotonic()  # the first round is due now
        elif await self._read_page():
            return
        left = self._due - self._clock.monotonic()
        if left > 0:
            await self._clock.sleep(left)
        await self._round()
        await self._read_page()

    async def _find_beginning(self) -> None:
        newest = (await self._store.contents()).revision
        if self._read_to is None:
            self._read_to = newest
        if self._read_to > newest:
            raise ReplicaError(
                f"the copy {self._store.describe()} has no change {self._read_to}, only {newest}:"
                " it was made anew. Follow it after=0, or after=None for what changes from now on"
            )

    async def _read_page(self) -> bool:
        before = self._read_to or 0
        page = await self._store.changes(before)
        for kept in page:
            self._buffer.append(self._replica._copied(kept, _as_seen(kept, before)))  # noqa: SLF001
            self._read_to = kept.revision
        return bool(page)

    async def _round(self) -> None:
        outcome: SyncReport | EgumaError
        try:
            outcome = await self._replica.sync()
        except ReplicaBusyError as error:
            outcome, self._failures = error.with_traceback(None), 0
        except _FINAL:
            raise
        except EgumaError as error:
            outcome = error.with_traceback(None)
            self._failures += 1
            logger.warning(
                "a round of the copy %s failed (%s); trying again",
                self._store.describe(),
                type(error).__name__,
            )
        else:
            self._failures = 0
        self._due = self._clock.monotonic() + self._pause(outcome)
        if self._on_round is not None:
            self._on_round(outcome)

    def _pause(self, outcome: SyncReport | EgumaError) -> float:
        pause = min(
            self._interval * 2.0 ** min(self._failures, 16), max(self._interval, LONGEST_PAUSE)
        )
        asked = outcome.retry_after if isinstance(outcome, StatusError) else None
        return max(pause, asked or 0.0)


def _as_seen(kept: Kept, before: int) -> ChangeKind:
    """Return what a change is to somebody who has seen all changes up to a revision."""
    is_new = kept.first_revision > before
    told = (ChangeKind.MISSING, ChangeKind.ERASED)
    return ChangeKind.NEW if is_new and kept.kind not in told else kept.kind
