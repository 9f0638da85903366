"""What is written in each format, read again by the format's own readers, is the same."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eguma_async.core.errors import ConfigurationError
from eguma_async.exports import Column, ColumnType, Format, Table, unguarded
from eguma_async.exports.formats.base import chosen_format
from eguma_async.exports.formats.csv import CsvWriter, guarded
from eguma_async.exports.formats.jsonl import JsonLinesWriter
from eguma_async.exports.formats.parquet import ParquetWriter, load_engine
from tests.support import schemas

COLUMNS = tuple(
    Column(kind.name.lower(), kind, f"A {kind.value}.", null="nothing") for kind in ColumnType
)
HARD = (
    "",
    "=1+1",
    "'",
    "'=x",
    "+41 44",
    " a ",
    'a"b',
    "a,b",
    "a\r\nb",
    "\x00",
    "😀é",
    "\u2028\x9b",
)
TEXTS = st.one_of(st.sampled_from(HARD), st.text(max_size=20))
DECIMALS = st.decimals(
    min_value=-(10**20), max_value=10**20, places=4, allow_nan=False, allow_infinity=False
)
ZONES = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
VALUES = {
    ColumnType.TEXT: TEXTS,
    ColumnType.WORD: TEXTS,
    ColumnType.TEXTS: st.lists(TEXTS, max_size=3).map(tuple),
    ColumnType.INTEGER: st.integers(-(2**63), 2**63 - 1),
    ColumnType.CENTS: st.integers(-(2**63), 2**63 - 1),
    ColumnType.DECIMAL: DECIMALS,
    ColumnType.BOOL: st.booleans(),
    ColumnType.DATE: st.dates(),
    ColumnType.WALL_CLOCK: st.datetimes(),
    ColumnType.INSTANT: st.datetimes(
        min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=ZONES
    ),
}
ROWS = st.lists(st.tuples(*(st.none() | VALUES[c.type] for c in COLUMNS)), max_size=5)
NOTHING = (None,) * len(COLUMNS)
EMPTY = ("", "", (), 0, 0, Decimal("0.00"), False, date.min, datetime.min, datetime(2, 1, 1, tzinfo=UTC))  # fmt: skip
EVERY = settings(max_examples=30, deadline=None)


def as_text(value) -> str:
    """What a cell of CSV says, as a reader of strings sees it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case tuple():
            return json.dumps(value, ensure_ascii=False)
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def csv_of(rows, **options) -> bytes:
    file = io.BytesIO()
    writer = CsvWriter(file, COLUMNS, **options)
    writer.write(rows)
    writer.finish()
    return file.getvalue()


@EVERY
@given(ROWS)
@example([NOTHING, EMPTY])
def test_csv(rows) -> None:
    read = list(csv.reader(io.StringIO(csv_of(rows).decode(), newline=""), strict=True))

    assert read[0] == [column.name for column in COLUMNS]
    assert [
        [
            unguarded(cell) if column.type in (ColumnType.TEXT, ColumnType.WORD) else cell
            for column, cell in zip(COLUMNS, row, strict=True)
        ]
        for row in read[1:]
    ] == [list(map(as_text, row)) for row in rows]


@EVERY
@given(ROWS)
@example([NOTHING, EMPTY])
def test_json_lines(rows) -> None:
    file = io.BytesIO()
    JsonLinesWriter(file, COLUMNS).write(rows)

    lines = file.getvalue().decode().split("\n")
    assert lines.pop() == ""
    assert not any(set(line) & set("\x7f\x9b\u2028\u2029\u202e") for line in lines)
    kept = (ColumnType.TEXT, ColumnType.WORD, ColumnType.INTEGER, ColumnType.CENTS, ColumnType.BOOL)
    assert list(map(json.loads, lines)) == [
        {
            column.name: list(value)
            if isinstance(value, tuple)
            else value
            if value is None or column.type in kept
            else as_text(value)
            for column, value in zip(COLUMNS, row, strict=True)
        }
        for row in rows
    ]


@EVERY
@given(ROWS)
@example([NOTHING, EMPTY])
def test_parquet(rows) -> None:
    file = io.BytesIO()
    writer = ParquetWriter(file, COLUMNS, load_engine(), group_rows=2)
    writer.write(rows)
    writer.finish()

    read = pa.parquet.read_table(io.BytesIO(file.getvalue())).to_pylist()
    for row in read:
        row["texts"] = None if row["texts"] is None else tuple(row["texts"])
    assert [tuple(row.values()) for row in read] == rows


def test_parquet_has_the_types_of_the_columns() -> None:
    file = io.BytesIO()
    writer = ParquetWriter(file, COLUMNS, load_engine(), group_rows=2)
    writer.write([EMPTY] * 5)
    writer.finish()

    parquet = pa.parquet.ParquetFile(io.BytesIO(file.getvalue()))
    assert {field.name: str(field.type) for field in parquet.schema_arrow} == {
        "text": "string",
        "word": "dictionary<values=string, indices=int32, ordered=0>",
        "texts": "list<element: string>",
        "integer": "int64",
        "cents": "int64",
        "decimal": "decimal128(38, 9)",
        "bool": "bool",
        "date": "date32[day]",
        "wall_clock": "timestamp[us]",
        "instant": "timestamp[us, tz=UTC]",
    }
    assert parquet.schema_arrow.field("cents").metadata[b"meaning"] == b"A cents."
    assert [parquet.metadata.row_group(n).num_rows for n in range(parquet.num_row_groups)] == [
        2,
        2,
        1,
    ]


def test_a_row_group_with_long_texts_is_written_early() -> None:
    file = io.BytesIO()
    columns = (Column("text", ColumnType.TEXT, "A text."),)
    writer = ParquetWriter(file, columns, load_engine())
    for _ in range(4):
        writer.write([("x" * 9_000_000,)])
    writer.finish()

    assert pa.parquet.ParquetFile(io.BytesIO(file.getvalue())).num_row_groups == 2


def test_csv_tells_an_empty_text_from_null() -> None:
    data = csv_of([NOTHING, EMPTY])

    assert data.splitlines()[1] == b"," * (len(COLUMNS) - 1)
    read = pa.csv.read_csv(
        io.BytesIO(data),
        convert_options=pa.csv.ConvertOptions(
            strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
        ),
    )
    assert read.column("text").to_pylist() == [None, ""]


def test_csv_is_as_rfc_4180_says() -> None:
    row = ('a "b", c', "d", ("e",), -1, 2, Decimal("1E+3"), True, date(2026, 3, 1)) + (
        datetime(2026, 3, 1, 9),
        datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=1))),
    )

    assert csv_of([row]).split(b"\r\n")[1] == (
        b'"a ""b"", c",d,"[""e""]",-1,2,1000,true,2026-03-01,2026-03-01T09:00:00,'
        b"2026-03-01T09:00:00+01:00"
    )


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "'x", "'"]
)
def test_a_text_that_a_spreadsheet_would_run_is_guarded(text: str) -> None:
    columns = (Column("text", ColumnType.TEXT, "A text."),)

    def cell(**options) -> str:
        file = io.BytesIO()
        CsvWriter(file, columns, **options).write([(text,)])
        _, row = csv.reader(io.StringIO(file.getvalue().decode(), newline=""))
        return row[0]

    assert cell() == f"'{text}"
    assert unguarded(cell()) == text
    assert cell(guard=False) == text


@pytest.mark.parametrize("text", ["a=1", "1-2", "Köln", "1", " a", ""])
def test_other_texts_are_as_they_are(text: str) -> None:
    assert guarded(text) == text
    assert unguarded(text) == text


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("integer", 2**63, "more than 64 bits @ $.integer"),
        ("cents", -(2**63) - 1, "more than 64 bits @ $.cents"),
        ("decimal", Decimal("1E30"), "more than 38 digits, or 9 places @ $.decimal"),
        ("decimal", Decimal("0.0000000001"), "more than 38 digits, or 9 places @ $.decimal"),
        ("decimal", Decimal("NaN"), "more than 38 digits, or 9 places @ $.decimal"),
        ("instant", datetime(2026, 1, 1), "no zone @ $.instant"),
        ("text", "\ud800", "no Unicode @ $.text"),
        ("texts", ("a", "\udfff"), "no Unicode @ $.texts"),
    ],
)
def test_parquet_says_what_it_cannot_take(name: str, value: object, problem: str) -> None:
    writer = ParquetWriter(io.BytesIO(), COLUMNS, load_engine())
    row = tuple(value if column.name == name else None for column in COLUMNS)

    assert writer.problem_of(row) == problem
    assert writer.problem_of(EMPTY) is None


def test_parquet_takes_no_null_where_there_is_none() -> None:
    columns = (Column("text", ColumnType.TEXT, "A text."),)

    assert ParquetWriter(io.BytesIO(), columns, load_engine()).problem_of((None,)) == (
        "null @ $.text"
    )


def test_text_formats_take_numbers_of_any_size() -> None:
    row = tuple(10**40 if column.name == "integer" else None for column in COLUMNS)
    file = io.BytesIO()
    JsonLinesWriter(file, COLUMNS).write([row])

    assert json.loads(file.getvalue())["integer"] == 10**40
    assert str(10**40).encode() in csv_of([row])


@pytest.mark.parametrize(
    ("asked", "name", "found"),
    [
        (None, "a.CSV", Format.CSV),
        (None, "a.ndjson", Format.JSONL),
        (None, "a.b.parquet", Format.PARQUET),
        ("csv", "a.parquet", Format.CSV),
        (Format.JSONL, None, Format.JSONL),
    ],
)
def test_a_format_is_asked_for_or_follows_from_the_name(asked, name, found: Format) -> None:
    assert chosen_format(asked, name) is found


@pytest.mark.parametrize(("asked", "name"), [("xlsx", "a.csv"), (None, "a.xlsx"), (None, None)])
def test_another_format_is_refused(asked, name) -> None:
    with pytest.raises(ConfigurationError, match="csv, jsonl or parquet"):
        chosen_format(asked, name)


def test_a_table_with_fewer_columns() -> None:
    table: Table[int] = Table(
        name="numbers",
        columns=(
            Column("one", ColumnType.INTEGER, "One."),
            Column("two", ColumnType.INTEGER, "Two.", is_private=True),
        ),
        rows=lambda number: [(number, 2 * number)],
    )

    assert table.is_private
    assert table.select("two", "one").names == ("two", "one")
    assert list(table.select("two", "one").rows(3)) == [(6, 3)]
    assert list(table.without_private().rows(3)) == [(3,)]
    assert not table.without_private().is_private
    for wrong in (("three",), ("one", "one"), ()):
        with pytest.raises(ConfigurationError, match="columns of numbers are one, two"):
            table.select(*wrong)


@pytest.mark.source
def test_the_documented_columns_are_those_that_are_written() -> None:
    page = schemas.TARGET.read_text("utf-8")

    assert page == schemas.filled(page), "run `python -m tests.support.schemas`"
    assert page.count("<!-- schema") == len(schemas.TABLES)
