"""How ``eguma fanout`` writes what it has read: as JSON lines, or as a table of prices."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eguma_async.cli.text import as_json, clean, moment, plain

if TYPE_CHECKING:
    from eguma_async.core.fan_out import Outcome
    from eguma_async.eguma.ticketing.availabilities import AvailabilityList

COLUMNS = (
    "product_id",
    "product_name",
    "currency",
    "slot_type",
    "starts_at",
    "closing_at",
    "availability_count",
    "category_id",
    "price_in_cents",
    "min_quantity",
    "max_quantity",
    "error",
)
_FORMULA = ("=", "+", "-", "@")
"""How a cell begins that a spreadsheet would run."""

Write = Callable[["Outcome[AvailabilityList]"], str]
"""Returns the lines of an outcome, with their line breaks."""


def writer(to_file: Path | None) -> tuple[str, Write]:
    """Return the head of a file and what writes its lines: a table for ``.csv``, else JSON.

    Args:
        to_file: The file; None for stdout.
    """
    if to_file is not None and to_file.suffix.lower() == ".csv":
        return _row(COLUMNS), _as_rows
    return "", _as_line


def error_of(outcome: Outcome[AvailabilityList]) -> dict[str, Any] | None:
    """Return what is known of a failure, without the server's own words."""
    error = outcome.error
    if error is None:
        return None
    return {
        "type": type(error).__name__,
        "status": getattr(error, "status", None),
        "error_code": getattr(error, "error_code", None),
        "message": str(error),
    }


def _as_line(outcome: Outcome[AvailabilityList]) -> str:
    return as_json(_document(outcome)) + "\n"


def _document(outcome: Outcome[AvailabilityList]) -> dict[str, Any]:
    document: dict[str, Any] = {
        **plain(outcome.operation),
        "ok": outcome.ok,
        "attempts": outcome.attempts,
        "seconds": round(outcome.seconds, 3),
    }
    error = error_of(outcome)
    if error is None:
        return {**document, "value": outcome.value}
    if outcome.parts:  # those of them that were read are not lost
        document["parts"] = [_document(part) for part in outcome.parts]
    return {**document, "error": error}


def _as_rows(outcome: Outcome[AvailabilityList]) -> str:
    return "".join(map(_row, _rows(outcome)))


def _rows(outcome: Outcome[AvailabilityList]) -> Iterator[tuple[object, ...]]:
    product_id = plain(outcome.operation)["product_id"]
    if outcome.error is not None:
        for part in outcome.parts:
            if part.ok:
                yield from _rows(part)
        yield (product_id, *[None] * (len(COLUMNS) - 2), str(outcome.error))
        return
    found = outcome.unwrap()
    for slot in found.availabilities:
        head = (
            product_id,
            found.product_name,
            found.currency,
            slot.slot_type.value,
            moment(slot.starts_at),
            None if slot.closing_at is None else moment(slot.closing_at),
            slot.availability_count,
        )
        for price in slot.prices:
            limits = price.min_quantity, price.max_quantity
            yield (*head, price.category_id, price.price_in_cents, *limits, None)
        if not slot.prices:
            yield (*head, *[None] * (len(COLUMNS) - len(head)))


def _row(cells: tuple[object, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(map(_cell, cells))
    return text.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = clean(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
