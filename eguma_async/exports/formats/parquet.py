"""Parquet, through pyarrow. Needs the extra ``parquet``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any, BinaryIO

from eguma_async.core.errors import ConfigurationError
from eguma_async.exports.columns import Column, ColumnType, Row

from .base import text_problem

GROUP_ROWS = 50_000
"""Rows of a row group."""
BATCH_ROWS = 2000
"""Rows that become columns together: a call into the engine holds up all other threads."""
GROUP_CHARACTERS = 16 * 1024 * 1024
"""Characters of a row group, where its texts are long: memory does not grow with the export."""
_GREATEST = 2**63
_WHOLE_NUMBERS = {ColumnType.INTEGER, ColumnType.CENTS}
_PRECISION, _SCALE = 38, 9  # those of BigQuery's NUMERIC


def load_engine() -> ModuleType:
    """Return pyarrow, with what writes Parquet.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415  # the extra `parquet`
        import pyarrow.parquet as _  # noqa: F401, PLC0415  # as an attribute of the former
    except ImportError:
        raise ConfigurationError(
            "Parquet needs pyarrow: pip install 'eguma_async[parquet]'"
        ) from None
    engine: ModuleType = pa
    return engine


class ParquetWriter:
    """Writes Parquet, a row group at a time.

    Args:
        file: Takes the bytes.
        columns: In their order.
        engine: What `load_engine` returns.
        group_rows: Rows of a row group.
    """

    def __init__(
        self,
        file: BinaryIO,
        columns: tuple[Column, ...],
        engine: ModuleType,
        *,
        group_rows: int = GROUP_ROWS,
    ) -> None:
        self._engine = engine
        self._columns = columns
        self._names = tuple(column.name for column in columns)
        self._group_rows = group_rows
        self._batches: list[Any] = []
        self._rows = self._characters = 0
        self._schema = schema_of(columns, engine)
        self._writer: Any = engine.parquet.ParquetWriter(
            file, self._schema, compression="zstd", version="2.6"
        )

    def problem_of(self, row: Row, /) -> str | None:
        """Return why a row cannot be written; None if it can."""
        for column, value in zip(self._columns, row, strict=True):
            if value is None:
                if not column.null:
                    return f"null @ $.{column.name}"
            elif column.type in _WHOLE_NUMBERS:
                if not -_GREATEST <= value < _GREATEST:
                    return f"more than 64 bits @ $.{column.name}"
            elif column.type is ColumnType.DECIMAL and not _fits(value):
                return f"more than {_PRECISION} digits, or {_SCALE} places @ $.{column.name}"
            elif column.type is ColumnType.INSTANT and value.tzinfo is None:
                return f"no zone @ $.{column.name}"
        return text_problem(row, self._names)

    def write(self, rows: Sequence[Row], /) -> None:
        """Keep rows as columns, and write a row group when there are enough."""
        done = 0
        while done < len(rows):
            part = rows[done : done + min(BATCH_ROWS, self._group_rows - self._rows)]
            done += len(part)
            self._keep(part)
            if self._rows >= self._group_rows or self._characters >= GROUP_CHARACTERS:
                self._write_group()

    def finish(self) -> None:
        """Write what is left, and the end of the file."""
        if self._rows:
            self._write_group()
        self._writer.close()

    def drop(self) -> None:
        """Let go of the file. Its end is written all the same, so that nothing is to come of it."""
        with suppress(Exception):  # it failed before: that is what is told
            self._writer.close()

    def _keep(self, rows: Sequence[Row]) -> None:
        arrays = [
            self._engine.array([_form(column.type, value) for value in values], field.type)
            for column, field, values in zip(
                self._columns, self._schema, zip(*rows, strict=True), strict=True
            )
        ]
        self._batches.append(self._engine.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows += len(rows)
        self._characters += sum(_characters(value) for row in rows for value in row)

    def _write_group(self) -> None:
        table = self._engine.Table.from_batches(self._batches, schema=self._schema)
        self._batches, self._rows, self._characters = [], 0, 0
        self._writer.write_table(table.unify_dictionaries(), row_group_size=self._group_rows)


def _characters(value: object) -> int:
    if isinstance(value, tuple):
        return sum(map(len, value))
    return len(value) if isinstance(value, str) else 0


def schema_of(columns: tuple[Column, ...], engine: ModuleType) -> Any:
    """Return the schema of a file, with what each column means.

    Args:
        columns: In their order.
        engine: What `load_engine` returns.
    """
    types = {
        ColumnType.TEXT: engine.string(),
        ColumnType.WORD: engine.dictionary(engine.int32(), engine.string()),
        ColumnType.TEXTS: engine.list_(engine.string()),
        ColumnType.INTEGER: engine.int64(),
        ColumnType.CENTS: engine.int64(),
        ColumnType.DECIMAL: engine.decimal128(_PRECISION, _SCALE),
        ColumnType.BOOL: engine.bool_(),
        ColumnType.DATE: engine.date32(),
        ColumnType.WALL_CLOCK: engine.timestamp("us"),
        ColumnType.INSTANT: engine.timestamp("us", tz="UTC"),
    }
    return engine.schema(
        [
            engine.field(
                column.name,
                types[column.type],
                nullable=bool(column.null),
                metadata={"meaning": column.meaning, "null": column.null},
            )
            for column in columns
        ]
    )


def _form(kind: ColumnType, value: Any) -> Any:
    """Return a value as pyarrow takes it."""
    if value is None:
        return None
    match kind:
        case ColumnType.WALL_CLOCK:
            return _microseconds(value)
        case ColumnType.INSTANT:
            return _microseconds(value.replace(tzinfo=None)) - (
                (value.utcoffset() or timedelta()) // timedelta(microseconds=1)
            )
        case _:
            return value


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def _microseconds(wall_clock: datetime) -> int:
    """Return a moment without zone in microseconds: subclasses and the year 9999 included."""
    return (wall_clock - _EPOCH) // timedelta(microseconds=1)


def _fits(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        return False  # not a number
    return exponent >= -_SCALE and value.adjusted() < _PRECISION - _SCALE
