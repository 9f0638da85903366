"""What a replica tells: records as it has them, and what a round came to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic, TypeVar

import attrs

from eguma_async.core.errors import EgumaError

from .records import ChangeKind
from .round import Tally

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Copied(Generic[T]):
    """A record as the copy has it.

    Attributes:
        id: What tells it from all others. One that begins with ``?`` could not be read at all.
        number: Another name of it; None if it cannot be read.
        kind: What happened to it last.
        value: The record; None if it cannot be read, or was erased.
        problems: Why it cannot be read, as paths without values; empty if it can.
        is_missing: True if the server does not show it any more. Nothing is deleted for that.
        revision: Number of its last change: whoever has handled it follows on `after` it.
        raw: What the server sent. It holds customers' data: it is in no ``repr``.
    """

    id: str
    number: str | None
    kind: ChangeKind
    value: T | None = attrs.field(repr=False)
    problems: tuple[str, ...] = ()
    is_missing: bool = False
    revision: int
    raw: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class SyncReport:
    """What a round came to.

    Attributes:
        new: Records that were not there before.
        updated: Records that changed.
        rewritten: Records that changed although their time of change did not.
        reopened: Records that had ended, and go on.
        missing: Records the server does not show any more where it should.
        found: Records that were missing, and are there again.
        unreadable: How many of all these cannot be read.
        unchanged: Readings that changed nothing.
        late: Of what changed, how many showed up later than the overlap allows for.
        windows: How many ranges were asked for.
        bisected: How often one was too much, and a smaller one was asked for.
        swept: True if the last days were read once more.
        went_back: True if the checkpoint could not be used, and an earlier one was.
        checkpoint: All that changed before this moment, by the server's clock, is in the copy.
    """

    new: int = 0
    updated: int = 0
    rewritten: int = 0
    reopened: int = 0
    missing: int = 0
    found: int = 0
    unreadable: int = 0
    unchanged: int = 0
    late: int = 0
    windows: int = 0
    bisected: int = 0
    swept: bool = False
    went_back: bool = False
    checkpoint: datetime | None = None

    @property
    def changed(self) -> int:
        """How many records changed in the copy."""
        kinds = (self.new, self.updated, self.rewritten, self.reopened, self.missing, self.found)
        return sum(kinds)


OnRound = Callable[[SyncReport | EgumaError], None]
"""Is told what each round came to."""


def report_of(tally: Tally, covered: float | None) -> SyncReport:
    """Return the report of a round.

    Args:
        tally: What it came to.
        covered: How far the copy is.
    """
    kinds = {
        kind.value: count for kind, count in tally.kinds.items() if kind is not ChangeKind.ERASED
    }
    return SyncReport(
        **kinds,
        unreadable=tally.unreadable,
        unchanged=tally.unchanged,
        late=tally.late,
        windows=tally.windows,
        bisected=tally.bisected,
        swept=tally.swept,
        went_back=tally.went_back,
        checkpoint=None if covered is None else datetime.fromtimestamp(covered, UTC),
    )
