"""JSON lines: an object on each line, with null where there is nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from eguma_async.exports.columns import Column, ColumnType, Row

from .base import iso, text_problem

# What JSON takes as it is and a terminal or an editor does not: other line breaks, C1, and the
# controls of writing direction. The writer has escaped C0 already.
_CONTROL = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_PLAIN = {
    ColumnType.TEXT,
    ColumnType.WORD,
    ColumnType.TEXTS,
    ColumnType.INTEGER,
    ColumnType.CENTS,
    ColumnType.BOOL,
}


class JsonLinesWriter:
    """Writes JSON lines.

    Args:
        file: Takes the bytes.
        columns: In their order.
    """

    def __init__(self, file: BinaryIO, columns: tuple[Column, ...]) -> None:
        self._file = file
        self._names = tuple(column.name for column in columns)
        self._forms = tuple(_form_of(column.type) for column in columns)
        self._encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

    def problem_of(self, row: Row, /) -> str | None:
        """Return why a row cannot be written; None if it can."""
        return text_problem(row, self._names)

    def write(self, rows: Sequence[Row], /) -> None:
        """Write rows."""
        self._file.write("".join(map(self._written, rows)).encode())

    def finish(self) -> None:
        """Do nothing: a line is complete by itself."""

    def drop(self) -> None:
        """Do nothing, likewise."""

    def _written(self, row: Row) -> str:
        document = {
            name: value if value is None or form is None else form(value)
            for name, form, value in zip(self._names, self._forms, row, strict=True)
        }
        text = self._encode(document)
        if not text.isascii():
            text = _CONTROL.sub(_escaped, text)
        return text + "\n"


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _form_of(kind: ColumnType) -> Callable[[Any], Any] | None:
    """Return what makes JSON of a value; None if it is JSON already."""
    if kind in _PLAIN:
        return None
    return (lambda value: format(value, "f")) if kind is ColumnType.DECIMAL else iso
