"""What came of an export."""

from __future__ import annotations

from typing import Any

import attrs

from eguma_async.core.errors import EgumaError
from eguma_async.core.operation import Operation

NAMED = 100
"""Failures, and kinds of faults, that a report names; the rest is counted."""


@attrs.frozen(kw_only=True)
class ExportFailure:
    """A read of a fan-out that failed.

    Attributes:
        operation: The read.
        error: What it failed with.
    """

    operation: Operation[Any]
    error: EgumaError


@attrs.frozen(kw_only=True)
class ExportReport:
    """What came of an export: what is in the file, and what is not.

    Attributes:
        rows: Rows that were written.
        elements: Elements they were made of.
        unreadable: Elements, or parts of them, that could not be read or do not fit the format.
        problems: What was wrong with those, each kind once, as paths without values; 100 at most.
        failed: Reads of a fan-out that failed.
        failures: The first 100 of them.
        bytes: Bytes that were written.
    """

    rows: int = 0
    elements: int = 0
    unreadable: int = 0
    problems: tuple[str, ...] = ()
    failed: int = 0
    failures: tuple[ExportFailure, ...] = ()
    bytes: int = 0

    @property
    def is_complete(self) -> bool:
        """True if nothing is missing."""
        return not (self.unreadable or self.failed)


class Tally:
    """Counts what becomes a report."""

    def __init__(self) -> None:
        self.rows: int = 0
        self.elements: int = 0
        self.unreadable: int = 0
        self.failed: int = 0
        self.bytes: int = 0
        self._problems: dict[str, None] = {}
        self._failures: list[ExportFailure] = []

    def add_unreadable(self, problems: tuple[str, ...]) -> None:
        """Count an element that is not in the file."""
        self.unreadable += 1
        for problem in problems:
            if len(self._problems) < NAMED:
                self._problems.setdefault(problem)

    def add_failure(self, operation: Operation[Any], error: EgumaError) -> None:
        """Count a read that failed."""
        self.failed += 1
        if len(self._failures) < NAMED:
            self._failures.append(ExportFailure(operation=operation, error=error))

    def report(self) -> ExportReport:
        """Return what was counted so far."""
        return ExportReport(
            rows=self.rows,
            elements=self.elements,
            unreadable=self.unreadable,
            problems=tuple(self._problems),
            failed=self.failed,
            failures=tuple(self._failures),
            bytes=self.bytes,
        )
