"""What keeps a replica. A store knows records and checkpoints, and nothing of where they are from.

What one `write` is handed is kept as a whole or not at all, the checkpoint with the records it
covers, and stays written once it is told of.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence

import attrs

from eguma_async.sync.records import Checkpoint, Kept, Record, State

PAGE = 500
ANCHORS = 8
NEWEST = 8
"""Of the checkpoints of the past so many stay: one of each sweep, and the last ones."""


@attrs.frozen(kw_only=True)
class Batch:
    """What is written at once.

    Attributes:
        owner: Who writes.
        version: The checkpoint it has last seen or written; a newer one means somebody else writes.
        now: By the client's clock.
        lease: Seconds for which it goes on.
        records: Readings.
        missing: Ids of records that the server does not show where it should.
        checkpoint: How far that is; None if there is more to come.
        is_anchor: True if the checkpoint is one to go back to.
    """

    owner: str
    version: int
    now: float
    lease: float
    records: Sequence[Record] = ()
    missing: Sequence[str] = ()
    checkpoint: Checkpoint | None = None
    is_anchor: bool = False


@attrs.frozen(kw_only=True)
class Written:
    """What a batch changed.

    Attributes:
        version: Number of the newest checkpoint.
        changed: The records that changed, in the order of their revisions.
        unchanged: How many readings changed nothing.
    """

    version: int
    changed: tuple[Kept, ...]
    unchanged: int


@attrs.frozen(kw_only=True)
class Contents:
    """What a replica holds.

    Attributes:
        records: How many records, those of the next two included.
        unreadable: How many of them cannot be read.
        missing: How many the server does not show any more.
        revision: Number of the last change; 0 if there is none.
        checkpoint: How far it is; None before the first round.
    """

    records: int
    unreadable: int
    missing: int
    revision: int
    checkpoint: Checkpoint | None


class ReplicaStore(abc.ABC):
    """Keeps a replica. One that is not open is opened by `open`; both may be called twice.

    All methods but `describe` raise `ReplicaError` if the store cannot do what is asked.
    """

    @abc.abstractmethod
    def describe(self) -> str:
        """Return what and where it is, for messages: no password."""

    @abc.abstractmethod
    async def open(self) -> None:
        """Make it ready, and make it if there is none."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Let go of it. What is under way is finished first."""

    @abc.abstractmethod
    async def begin(self, origin: str, owner: str, *, now: float, lease: float) -> State:
        """Let one syncer write, for a time that each write renews.

        Args:
            origin: What the records are of. The first one that comes is kept.
            owner: Who wants to write.
            now: By the client's clock.
            lease: Seconds.

        Raises:
            ReplicaBusyError: Another one may write.
            ReplicaError: The replica is one of something else.
        """

    @abc.abstractmethod
    async def write(self, batch: Batch) -> Written:
        """Keep a batch.

        Raises:
            ReplicaBusyError: Another one writes by now; nothing of the batch was kept.
        """

    @abc.abstractmethod
    async def end(self, owner: str) -> None:
        """Let others write."""

    @abc.abstractmethod
    async def known(self, start: float, end: float) -> tuple[str, ...]:
        """Return the ids of the readable records that surely changed last within a range.

        Those that are missing are left out.
        """

    @abc.abstractmethod
    async def due(self, now: float, limit: int = 100) -> tuple[Kept, ...]:
        """Return records that cannot be read and are to be asked for again."""

    @abc.abstractmethod
    async def get(self, name: str) -> Kept | None:
        """Return a record by its id, or by its number."""

    @abc.abstractmethod
    async def page(self, after: str = "", *, limit: int = PAGE) -> tuple[Kept, ...]:
        """Return records in the order of their ids, from behind one of them."""

    @abc.abstractmethod
    async def changes(self, after: int = 0, *, limit: int = PAGE) -> tuple[Kept, ...]:
        """Return the records that changed after a revision, each once, in the order they did."""

    @abc.abstractmethod
    async def contents(self) -> Contents:
        """Return what there is."""

    @abc.abstractmethod
    async def erase(self, ids: Sequence[str]) -> int:
        """Erase the content of records for good, and return of how many."""
