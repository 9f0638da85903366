"""Records as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from eguma_async.sync.records import ChangeKind, Kept, Record, Window

COLUMNS = (
    "id",
    "number",
    "earliest",
    "latest",
    "is_final",
    "problems",
    "found_from",
    "found_to",
    "kind",
    "revision",
    "first_revision",
    "is_missing",
    "tries",
    "ask_at",
    "data",
)


def row_of(kept: Kept) -> tuple[Any, ...]:
    """Return the values of the columns, in their order."""
    record = kept.record
    found = record.found or Window()
    return (
        record.id,
        record.number,
        record.earliest,
        record.latest,
        int(record.is_final),
        msgspec.json.encode(record.problems).decode() if record.problems else None,
        found.start,
        found.end,
        kept.kind.value,
        kept.revision,
        kept.first_revision,
        int(kept.is_missing),
        kept.tries,
        kept.ask_at,
        record.data,
    )


def kept_of(row: Sequence[Any]) -> Kept:
    """Return the record that a row stands for."""
    problems = row[5]
    record = Record(
        id=row[0],
        number=row[1],
        earliest=row[2],
        latest=row[3],
        is_final=bool(row[4]),
        problems=() if problems is None else msgspec.json.decode(problems, type=tuple[str, ...]),
        found=None if problems is None else Window(start=row[6], end=row[7]),
        data=bytes(row[14]),
    )
    return Kept(
        record=record,
        kind=ChangeKind(row[8]),
        revision=row[9],
        first_revision=row[10],
        is_missing=bool(row[11]),
        tries=row[12],
        ask_at=row[13],
    )
