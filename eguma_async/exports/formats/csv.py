"""CSV by RFC 4180: a header, CRLF, and an empty text told from null."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

from eguma_async.exports.columns import Column, ColumnType, Row

from .base import iso, text_problem

_QUOTED = re.compile(r'[",\r\n]|\A\s|\s\Z|\A\Z')
# What spreadsheets run, after blanks too and in full width; and our own mark.
_GUARDED = re.compile("[\t\r\n']|\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]")
MARK = "'"


class CsvWriter:
    """Writes CSV.

    Args:
        file: Takes the bytes.
        columns: In their order.
        guard: Put an apostrophe before a text that a spreadsheet would take for a formula.
    """

    def __init__(self, file: BinaryIO, columns: tuple[Column, ...], *, guard: bool = True) -> None:
        self._file = file
        self._names = tuple(column.name for column in columns)
        text = guarded if guard else str
        self._cells = tuple(_cell_of(column.type, text) for column in columns)
        file.write(_line(map(_quoted, self._names)))

    def problem_of(self, row: Row, /) -> str | None:
        """Return why a row cannot be written; None if it can."""
        return text_problem(row, self._names)

    def write(self, rows: Sequence[Row], /) -> None:
        """Write rows."""
        self._file.write(b"".join(map(self._written, rows)))

    def finish(self) -> None:
        """Do nothing: a line is complete by itself."""

    def drop(self) -> None:
        """Do nothing, likewise."""

    def _written(self, row: Row) -> bytes:
        return _line(
            "" if value is None else cell(value)
            for cell, value in zip(self._cells, row, strict=True)
        )


def _line(cells: Any) -> bytes:
    return (",".join(cells) + "\r\n").encode()


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: `unguarded` undoes it.

    An apostrophe stands before what begins with ``=``, ``+``, ``-`` or ``@``, after blanks too,
    with a tab or a line break; and, so that it can be undone, with an apostrophe.
    """
    return MARK + text if _GUARDED.match(text) else text


def unguarded(text: str) -> str:
    """Return the text of a CSV cell as it was before the export guarded it."""
    return text.removeprefix(MARK)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _cell_of(kind: ColumnType, text: Callable[[str], str]) -> Callable[[Any], str]:
    match kind:
        case ColumnType.TEXT | ColumnType.WORD:
            return lambda value: _quoted(text(value))
        case ColumnType.TEXTS:
            return lambda value: _quoted(json.dumps(value, ensure_ascii=False))
        case ColumnType.BOOL:
            return lambda value: "true" if value else "false"
        case ColumnType.DECIMAL:
            return _plain_decimal
        case ColumnType.INTEGER | ColumnType.CENTS:
            return int.__repr__
        case _:
            return iso


def _plain_decimal(value: Decimal) -> str:
    return format(value, "f")
