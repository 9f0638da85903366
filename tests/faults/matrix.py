"""The registry of the fault matrix: what goes wrong, what must become of it, and who shows it.

A row is a check that is handed a `Stage`. Register one with `row`, in any module ``test_*.py``
beside this one that has a `test_row` like theirs; a row that was left out goes out of `LEFT_OUT`.
A row proves with `Stage.proves`, or by `inject` and `strike` of a shop, that its fault happened.
What must hold after some rows only, such as what a journal says, is added with `Stage.afterwards`.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from .stage import PATIENCE, Stage

SIZES = {
    "N": (23, "network and transport"),
    "D": (24, "payload and parsing"),
    "S": (18, "status semantics"),
    "B": (24, "booking and idempotency"),
    "R": (10, "reservations and holds"),
    "A": (16, "asyncio, lifecycle, process"),
    "J": (21, "journal and disk"),
    "Y": (11, "order replica"),
    "F": (8, "fan-out under load"),
    "X": (22, "security"),
    "K": (10, "Korus Ticket"),
}
"""How many rows there are under each letter, and what they are about."""

_NO_LOAD = "needs the limits that adapt to load, which are not there yet"

LEFT_OUT: dict[str, str] = {
    "J20": "needs a Redis server: tests/journal/test_redis.py, by `python -m pytest -m servers`",
    "J21": "needs a PostgreSQL server: tests/journal/test_postgres.py, in the same way",
    "X20": "a matter of CI: it needs a database of advisories, which a test must not download",
    "X21": "a matter of releases: signatures and attestations are made and checked there",
    **{f"F{number}": _NO_LOAD for number in range(1, 9)},
}
"""Rows that cannot be run here, each with its reason."""


class CannotRunError(Exception):
    """Raised by a row for which this machine lacks something, with the reason."""


@attrs.frozen
class Row:
    """One row of the matrix.

    Attributes:
        id: Letter and number, such as ``"N8"``.
        fault: What goes wrong.
        expected: What must become of it.
        check: Lets it go wrong on a stage; a plain function or an async one.
    """

    id: str
    fault: str
    expected: str
    check: Callable[[Stage], Any]

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the table."""
        return place_of(self.id)


LONGEST = 300
"""Characters told of why a row is broken."""

ROWS: dict[str, Row] = {}


def row(row_id: str, fault: str, expected: str) -> Callable[[Callable[[Stage], Any]], Any]:
    """Register a check as a row of the matrix."""

    def register(check: Callable[[Stage], Any]) -> Callable[[Stage], Any]:
        known = ROWS.get(row_id)
        assert known is None or known.check.__module__ == check.__module__, f"{row_id} twice"
        ROWS[row_id] = Row(row_id, fault, expected, check)
        return check

    return register


def rows_of(module: str) -> list[Row]:
    """Return the rows that a module registered, in their order."""
    own = (each for each in ROWS.values() if each.check.__module__ == module)
    return sorted(own, key=lambda each: each.place)


def id_of(row: Row) -> str:
    """Return what a test of the row is called."""
    return row.id


def place_of(row_id: str) -> tuple[int, int]:
    """Return where an id stands in the table."""
    return list(SIZES).index(row_id[0]), int(row_id[1:])


def all_ids() -> list[str]:
    """Return the ids of the whole matrix, in their order."""
    return [f"{letter}{n}" for letter, (size, _) in SIZES.items() for n in range(1, size + 1)]


def load() -> None:
    """Import every module of rows."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        importlib.import_module(f"{__package__}.{path.stem}")


def run(row: Row, *, patience: float = PATIENCE) -> None:
    """Let one fault happen, and check what must hold after any.

    Raises:
        AssertionError: The row is broken.
        CannotRunError: This machine lacks something.
    """
    stage = Stage(patience)
    with stage.watching():
        if inspect.iscoroutinefunction(row.check):
            asyncio.run(stage.perform(row.check))
        else:
            row.check(stage)
    stage.judge()


def check(row: Row) -> None:
    """Run a row as a test of pytest."""
    try:
        run(row)
    except CannotRunError as reason:
        pytest.skip(str(reason))


def broken(row: Row, *, patience: float = PATIENCE) -> str | None:
    """Run a row and return the first line of why it is broken; None if it held."""
    try:
        run(row, patience=patience)
    except CannotRunError:
        raise
    except (Exception, pytest.fail.Exception) as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "/tests/faults/" in frame.filename] or frames
        first = str(error).strip().partition("\n")[0] or ours[-1].line
        first = str(first)[:LONGEST]
        return f"{type(error).__name__}: {first} ({Path(ours[-1].filename).name}:{ours[-1].lineno})"
    return None
