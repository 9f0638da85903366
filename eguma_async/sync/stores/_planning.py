"""What a batch does to the records that are there: the same for every store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from eguma_async.sync.errors import ReplicaBusyError, ReplicaError
from eguma_async.sync.records import ChangeKind, Kept, erased, merged, missed

from .base import Batch


@attrs.frozen(kw_only=True)
class Plan:
    """What is to be written.

    Attributes:
        puts: Records to write.
        drops: Ids of records to remove: what could not be read had no id, and is gone.
        changed: The records that changed, in the order of their revisions.
        unchanged: How many readings changed nothing.
    """

    puts: tuple[Kept, ...]
    drops: tuple[str, ...]
    changed: tuple[Kept, ...]
    unchanged: int


def ids_of(batch: Batch) -> list[str]:
    """Return the ids of all records a batch is about."""
    return list(dict.fromkeys([*(each.id for each in batch.records), *batch.missing]))


def plan(there: Mapping[str, Kept], batch: Batch, revision: int) -> Plan:
    """Work out what a batch changes.

    Args:
        there: The records of `ids_of` that are there.
        batch: The batch.
        revision: Number of the last change so far.
    """
    now: dict[str, Kept] = dict(there)
    changed: dict[str, Kept] = {}
    touched: dict[str, None] = {}
    drops: list[str] = []
    unchanged = 0

    def change(kept: Kept) -> None:
        nonlocal revision
        revision = kept.revision
        now[kept.record.id] = kept
        changed.pop(kept.record.id, None)
        changed[kept.record.id] = kept
        touched[kept.record.id] = None

    for record in batch.records:
        before = now.get(record.id)
        after = merged(before, record, revision + 1, batch.now)
        if before is None or after.revision != before.revision:
            change(after)
            continue
        unchanged += 1
        if after != before:
            now[record.id] = after
            touched[record.id] = None
    for id_ in batch.missing:
        before = now.get(id_)
        if before is None or before.is_missing or before.is_erased:
            continue
        if before.record.is_nameless:
            drops.append(id_)
        else:
            change(missed(before, revision + 1))
    return Plan(
        puts=tuple(now[id_] for id_ in touched),
        drops=tuple(drops),
        changed=tuple(changed.values()),
        unchanged=unchanged,
    )


def erasures(there: Sequence[Kept], revision: int) -> list[Kept]:
    """Return what is left of records whose content is to be erased."""
    open_ones = [kept for kept in there if kept.kind is not ChangeKind.ERASED]
    return [erased(kept, revision + number) for number, kept in enumerate(open_ones, 1)]


def check_lease(holder: tuple[str, float] | None, owner: str, now: float, lease: float) -> None:
    """Check that one may begin to write.

    Args:
        holder: Who may write, and until when.
        owner: Who wants to.
        now: By the same clock.
        lease: For how long. A lease that ends much later was taken by a clock that was wrong.

    Raises:
        ReplicaBusyError: Somebody else may.
    """
    if holder is not None and holder[0] != owner and now < holder[1] <= now + 20 * lease:
        raise ReplicaBusyError(
            "another process brings this copy up to date; if it died, others may go on in"
            f" {holder[1] - now:.0f} seconds"
        )


def check_turn(holder: tuple[str, float] | None, version: int, batch: Batch, now: float) -> None:
    """Check that nobody else may write by now, or has written a checkpoint.

    Args:
        holder: Who may write, and until when.
        version: Number of the newest checkpoint.
        batch: What is to be written.
        now: By the clock of the holder's time.

    Raises:
        ReplicaBusyError: Somebody may, or has.
    """
    check_lease(holder, batch.owner, now, batch.lease)
    if version != batch.version:
        raise ReplicaBusyError("another process has gone on with this copy")


def check_origin(found: str, origin: str) -> None:
    """Check that a replica is one of what it is to be.

    Raises:
        ReplicaError: It is one of something else.
    """
    if found != origin:
        raise ReplicaError(f"this is a copy of {found}, not of {origin}: give each its own place")
