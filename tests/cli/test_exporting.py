"""What exports on the command line share: days and files, and what a terminal gets."""

from __future__ import annotations

import io

import pytest

from eguma_async.cli.errors import Stop
from eguma_async.cli.exporting import Form, _for_terminal, days_and_file, target_of
from eguma_async.exports import Column, ColumnType, Table


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("values", "to_file", "found"),
    [
        (None, None, (None, None)),
        (["2026-12-01"], None, ("2026-12-01", None)),
        (["a.csv"], None, (None, "a.csv")),
        (["a.csv", "2026-12-01"], None, ("2026-12-01", "a.csv")),
        (["2026-12-01"], "2026", ("2026-12-01", "2026")),
        (["-"], None, (None, "-")),
        (["1.12.2026"], None, ("1.12.2026", None)),  # to be refused as a day
        (["2026-12-01.csv"], None, (None, "2026-12-01.csv")),
    ],
)
def test_a_day_and_a_file_are_told_apart(values, to_file, found) -> None:
    assert days_and_file(values, to_file) == found


def test_no_text_of_an_export_steers_a_terminal() -> None:
    table: Table[str] = Table(
        name="texts",
        columns=(Column("text", ColumnType.TEXT, "A."), Column("n", ColumnType.INTEGER, "B.")),
        rows=lambda text: [(text, 1)],
    )

    assert list(_for_terminal(table).rows("a\x1b[2J\x9b\u202eb")) == [("a [2J b", 1)]


def test_parquet_is_nothing_for_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Screen())

    with pytest.raises(Stop, match="nothing for a terminal"):
        target_of(None, Form(format="parquet"), json=False)
    assert target_of(None, Form(format="csv"), json=False) is not None
