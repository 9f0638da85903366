"""What a format does: it takes rows and writes bytes."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import date
from pathlib import PurePath
from typing import Any, Protocol

from eguma_async.core.errors import ConfigurationError
from eguma_async.exports.columns import Row


class Format(enum.StrEnum):
    """A format of an export."""

    CSV = "csv"
    """RFC 4180 with a header, UTF-8."""
    JSONL = "jsonl"
    """A JSON object on each line, UTF-8."""
    PARQUET = "parquet"
    """Apache Parquet. Needs the extra ``parquet``."""


_SUFFIXES = {
    ".csv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".parquet": Format.PARQUET,
}


def format_of(name: str | PurePath) -> Format | None:
    """Return the format that the end of a file's name stands for; None if none does."""
    return _SUFFIXES.get(PurePath(name).suffix.lower())


def chosen_format(asked: str | None, name: str | PurePath | None) -> Format:
    """Return the format that is asked for, or that a file's name stands for.

    Raises:
        ConfigurationError: There is no such format, or none is named.
    """
    if asked is not None:
        try:
            return Format(asked)
        except ValueError:
            raise ConfigurationError("format must be csv, jsonl or parquet") from None
    found = None if name is None else format_of(name)
    if found is None:
        raise ConfigurationError(
            "name a format, csv, jsonl or parquet, or a file that ends in .csv, .jsonl or .parquet"
        )
    return found


class RowWriter(Protocol):
    """Writes rows in a format. It works in a thread of its own, one call at a time."""

    def problem_of(self, row: Row, /) -> str | None:
        """Return why a row cannot be written in this format; None if it can."""
        ...

    def write(self, rows: Sequence[Row], /) -> None:
        """Write rows, or keep them for a block that is written as a whole."""
        ...

    def finish(self) -> None:
        """Write what is kept, and what ends the file. The file stays open."""
        ...

    def drop(self) -> None:
        """Let go of the file without an end."""
        ...


def iso(value: date) -> str:
    """Return a day or a moment in ISO 8601."""
    return value.isoformat()


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written as UTF-8: half a surrogate pair cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def text_problem(row: Row, names: tuple[str, ...]) -> str | None:
    """Return which text of a row is no Unicode; None if all are."""
    for name, value in zip(names, row, strict=True):
        texts: tuple[Any, ...] = value if isinstance(value, tuple) else (value,)
        if any(isinstance(text, str) and not is_unicode(text) for text in texts):
            return f"no Unicode @ $.{name}"
    return None
