"""What a replica keeps, and the one rule by which a reading takes the place of another.

All moments are the server's, in seconds since 1970.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs
import msgspec


class ChangeKind(enum.Enum):
    """What happened to a record last."""

    NEW = "new"
    """It was not there before."""
    UPDATED = "updated"
    """It changed."""
    REWRITTEN = "rewritten"
    """It changed, and its time of change did not."""
    REOPENED = "reopened"
    """It had ended, and goes on."""
    MISSING = "missing"
    """The server does not show it any more where it should. It is kept: this may be a fault."""
    FOUND = "found"
    """It was missing, and is there again as it was."""
    ERASED = "erased"
    """Its content was erased here on request."""


@attrs.frozen(kw_only=True)
class Window:
    """A range of moments.

    Attributes:
        start: Its first moment; None for the beginning of time.
        end: The first moment after it; None for no end.
    """

    start: float | None = None
    end: float | None = None


@attrs.frozen(kw_only=True)
class Record:
    """One element of the server's list, as it was read once.

    Attributes:
        id: What tells it from all others.
        number: Another name to find it by.
        earliest: When it changed last. A time without zone may mean two moments: the first.
        latest: The second, or the same. Both are None if the record does not tell.
        is_final: True if it has ended, as a cancelled order has.
        problems: Why it cannot be read; empty if it can.
        found: Where one that cannot be read was found, to ask again.
        data: The element, byte for byte. It holds customers' data.
    """

    id: str
    number: str | None = None
    earliest: float | None = None
    latest: float | None = None
    is_final: bool = False
    problems: tuple[str, ...] = ()
    found: Window | None = None
    data: bytes = attrs.field(repr=False)

    @property
    def is_nameless(self) -> bool:
        """True if it could not even be told which one it is."""
        return self.id.startswith("?")


@attrs.frozen(kw_only=True)
class Kept:
    """A record as it stands in a replica.

    Attributes:
        record: Its last reading.
        kind: What happened to it last.
        revision: Number of that change; each change of the replica has the next one.
        first_revision: Number of its first change.
        is_missing: True if the server does not show it any more.
        tries: How often one that cannot be read was read; of others, how often running an older
            one came.
        ask_at: When to ask for it again, by the client's clock; None for never.
    """

    record: Record
    kind: ChangeKind
    revision: int
    first_revision: int
    is_missing: bool = False
    tries: int = 0
    ask_at: float | None = None

    @property
    def is_erased(self) -> bool:
        """True if its content was erased here."""
        return self.kind is ChangeKind.ERASED


BELIEVED = 3
"""So often running a server has to say that a record has an earlier time of change than it had."""


def merged(old: Kept | None, new: Record, revision: int, now: float) -> Kept:
    """Return what stands in the replica after a reading.

    It is `old` itself if nothing changes: the reading is surely older, says the same, or is of a
    record that was erased. Where it cannot be told which one is older, the later reading counts:
    in the hour that autumn repeats a later time may be written with a smaller number. Nor is it
    older if the server says so three times running: its clock was wrong before, or put back.

    Args:
        old: What stands there; None if nothing does.
        new: The reading.
        revision: Number for it, if it changes something.
        now: By the client's clock.
    """
    if old is None:
        kept = Kept(record=new, kind=ChangeKind.NEW, revision=revision, first_revision=revision)
        return _to_be_asked(kept, 1, now)
    if old.is_erased:
        return old
    new = _found_in_both(new, old)
    tries = old.tries + 1
    if _is_older(new, old.record) and tries < BELIEVED:
        return attrs.evolve(old, tries=tries)
    kind = _kind(old, new)
    if kind is None and new.found not in (None, old.record.found):
        wider = attrs.evolve(old, record=new)
        # Asked for as soon as it was to be, and as seldom: a server may add it to every answer.
        is_soon = old.ask_at is not None and old.ask_at > now
        return wider if is_soon else _to_be_asked(wider, tries, now)
    if kind is None:
        return _to_be_asked(old, tries, now)
    changed = attrs.evolve(old, record=new, kind=kind, revision=revision, is_missing=False)
    return _to_be_asked(changed, tries, now)


def missed(old: Kept, revision: int) -> Kept:
    """Return what stands in the replica once the server has not shown a record where it should."""
    return attrs.evolve(old, kind=ChangeKind.MISSING, revision=revision, is_missing=True)


def erased(old: Kept, revision: int) -> Kept:
    """Return what is left of a record whose content is erased: its id."""
    return attrs.evolve(
        old,
        record=Record(id=old.record.id, data=b""),
        kind=ChangeKind.ERASED,
        revision=revision,
        is_missing=False,
        tries=0,
        ask_at=None,
    )


def _found_in_both(new: Record, old: Kept) -> Record:
    """Let what cannot be read be looked for wherever it was found: it may stand for all of that.

    An answer that holds nothing but nonsense says the same each time it comes, and hides another
    range of records each time.
    """
    before = None if old.is_missing else old.record.found
    if new.found is None or before is None:
        return new
    starts, ends = (before.start, new.found.start), (before.end, new.found.end)
    start = None if None in starts else min(each for each in starts if each is not None)
    end = None if None in ends else max(each for each in ends if each is not None)
    return attrs.evolve(new, found=Window(start=start, end=end))


def _kind(old: Kept, new: Record) -> ChangeKind | None:
    before = old.record
    is_same = before.problems == new.problems and _is_same(before.data, new.data)
    if is_same:
        return ChangeKind.FOUND if old.is_missing else None
    if before.is_final and not new.is_final and not new.problems:
        return ChangeKind.REOPENED
    if (before.earliest, before.latest) == (new.earliest, new.latest) and not before.problems:
        return ChangeKind.REWRITTEN
    return ChangeKind.UPDATED


def _is_older(new: Record, old: Record) -> bool:
    return new.latest is not None and old.earliest is not None and new.latest < old.earliest


def _is_same(one: bytes, other: bytes) -> bool:
    """Tell whether two elements say the same: the order of members means nothing."""
    if one == other:
        return True
    try:
        return _in_order(one) == _in_order(other)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _in_order(element: bytes) -> bytes:
    # Compared as text: to Python, 1 and true are equal.
    return msgspec.json.encode(msgspec.json.decode(element), order="deterministic")


def _to_be_asked(kept: Kept, tries: int, now: float) -> Kept:
    if not kept.record.problems:
        return attrs.evolve(kept, tries=0, ask_at=None) if kept.tries else kept
    return attrs.evolve(kept, tries=tries, ask_at=now + min(60.0 * 2.0 ** min(tries, 12), 86400.0))


@attrs.frozen(kw_only=True)
class Checkpoint:
    """How far a replica is.

    Attributes:
        covered: All that changed before this moment was read; None for nothing yet.
        swept: When the last days were last read once more.
    """

    covered: float | None = None
    swept: float | None = None


@attrs.frozen(kw_only=True)
class State:
    """What a syncer finds in a store as it begins.

    Attributes:
        version: Number of the newest checkpoint, readable or not; each write names it.
        checkpoints: Those that can be read, the newest first.
        damaged: How many of the newest cannot be.
    """

    version: int = 0
    checkpoints: Sequence[Checkpoint] = ()
    damaged: int = 0
