"""What a table is made of: columns with a type, and what makes rows of an element."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeAlias, TypeVar

import attrs

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fan_out import Outcome

T = TypeVar("T")

Row: TypeAlias = tuple[Any, ...]
"""The values of a row, in the order of the columns; None for null."""


class ColumnType(enum.Enum):
    """What the values of a column are, and how each format writes them.

    In CSV and JSON lines each value is written as the Python value it is; the comments say what it
    is in Parquet. Null is an empty cell, ``null`` and null.
    """

    TEXT = "text"
    """`str`: ``string``."""
    WORD = "word"
    """`str`, one of few that come again and again: ``dictionary<string>``."""
    TEXTS = "texts"
    """`tuple` of `str`: ``list<string>``; in CSV a JSON array."""
    INTEGER = "integer"
    """`int`: ``int64``."""
    CENTS = "cents"
    """`int`, minor units of the currency in the row's ``currency``: ``int64``."""
    DECIMAL = "decimal"
    """`decimal.Decimal`: ``decimal128(38, 9)``; in JSON lines a text."""
    BOOL = "bool"
    """`bool`: ``bool``; in CSV ``true`` and ``false``."""
    DATE = "date"
    """`datetime.date`: ``date32``; else ``YYYY-MM-DD``."""
    WALL_CLOCK = "wall clock"
    """`datetime.datetime` without zone: ``timestamp[us]``; else ISO 8601."""
    INSTANT = "instant"
    """`datetime.datetime` with zone: ``timestamp[us, UTC]``; else ISO 8601 with its offset."""


@attrs.frozen
class Column:
    """A column of a table.

    Attributes:
        name: Its name in all formats.
        type: What its values are.
        meaning: What they mean.
        null: What null means; empty if there is none.
        is_private: True if it may hold a customer's data.
    """

    name: str
    type: ColumnType
    meaning: str
    null: str = attrs.field(default="", kw_only=True)
    is_private: bool = attrs.field(default=False, kw_only=True)


def _value_of(outcome: Outcome[Any]) -> Any:
    return outcome.value


def _none(element: object) -> tuple[Any, ...]:
    return ()


@attrs.frozen(kw_only=True)
class Table(Generic[T]):
    """A kind of rows: its columns, and how an element becomes rows.

    Attributes:
        name: What it is a table of, such as ``"orders"``.
        columns: In their order, which does not change from one version to the next.
        rows: Makes the rows of an element: none, one or several, each as long as `columns`.
        of_outcome: Makes an element of the value of an `Outcome`.
        unreadable: Returns those parts of an element that could not be read, each with `problems`.
    """

    name: str
    columns: tuple[Column, ...]
    rows: Callable[[T], Iterable[Row]] = attrs.field(repr=False)
    of_outcome: Callable[[Outcome[Any]], T] = attrs.field(default=_value_of, repr=False)
    unreadable: Callable[[T], tuple[Any, ...]] = attrs.field(default=_none, repr=False)

    @property
    def is_private(self) -> bool:
        """True if it may hold customers' data: a file of it is its owner's alone to read."""
        return any(column.is_private for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def select(self, *names: str) -> Table[T]:
        """Return a table with these columns alone, in this order.

        Raises:
            ConfigurationError: There is no such column, or one is named twice.
        """
        places = {column.name: place for place, column in enumerate(self.columns)}
        unknown = [name for name in names if name not in places]
        if unknown or len(set(names)) != len(names) or not names:
            raise ConfigurationError(
                f"columns of {self.name} are {', '.join(places)}; name each once"
            )
        chosen = tuple(places[name] for name in names)
        rows = self.rows
        return attrs.evolve(
            self,
            columns=tuple(self.columns[place] for place in chosen),
            rows=lambda element: (tuple(row[place] for place in chosen) for row in rows(element)),
        )

    def without_private(self) -> Table[T]:
        """Return a table without the columns that may hold customers' data."""
        return self.select(*(column.name for column in self.columns if not column.is_private))
