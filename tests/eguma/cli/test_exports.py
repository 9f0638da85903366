"""``eguma availabilities`` and ``eguma orders`` as exports, and the calendar."""

from __future__ import annotations

import csv
import io
import json
import stat
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from eguma_async.cli import main
from eguma_async.eguma.ticketing.tables import AVAILABILITIES, ORDERS
from eguma_async.sandbox import EgumaSandbox, Reply
from tests.support.commands import on_terminal

Out = pytest.CaptureFixture[str]
RANGE = ["--from", "2026-12-01", "--to", "2026-12-02"]
SANDBOX = EgumaSandbox()
PRODUCT = SANDBOX.example("time").product_id
OTHER = SANDBOX.example("day").product_id


def read(file: Path) -> list[dict[str, Any]]:
    match file.suffix:
        case ".csv":
            return list(csv.DictReader(io.StringIO(file.read_text("utf-8"), newline="")))
        case ".jsonl":
            return list(map(json.loads, file.read_text("utf-8").splitlines()))
        case _:
            return pyarrow.parquet.read_table(file).to_pylist()


@pytest.mark.parametrize("end", ["csv", "jsonl", "parquet"])
def test_to_names_a_day_and_a_file(tmp_path: Path, capsys: Out, end: str) -> None:
    file = tmp_path / f"s.{end}"

    assert main(["availabilities", PRODUCT, "--sandbox", *RANGE, "--to", str(file)]) == 0

    rows = read(file)
    assert tuple(rows[0]) == AVAILABILITIES.names
    assert {str(row["starts_at"])[:10] for row in rows} == {"2026-12-01", "2026-12-02"}
    assert capsys.readouterr() == ("", "")


def test_the_format_may_differ_from_the_name(tmp_path: Path) -> None:
    file = tmp_path / "s.txt"

    assert (
        main(["availabilities", PRODUCT, "--sandbox", "--format", "csv", "--to-file", str(file)])
        == 0
    )

    assert file.read_text("utf-8").startswith("product_id,")


@pytest.mark.parametrize("to", [[], ["--to", "-"], ["--to-file=-"]])
def test_stdout_takes_it(capsys: Out, to: list[str]) -> None:
    assert main(["availabilities", PRODUCT, "--sandbox", *RANGE, *to, "--format", "csv"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == ",".join(AVAILABILITIES.names)
    assert len(lines) > 2


def test_some_that_fail_are_told_and_hide_no_others(tmp_path: Path, capsys: Out) -> None:
    file = tmp_path / "s.jsonl"

    assert (
        main(["availabilities", PRODUCT, "gone", OTHER, "--sandbox", *RANGE, "--to", str(file)])
        == 4
    )

    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("gone: listing the availabilities failed: HTTP 404")
    assert last == "eguma: 1 of 3 failed"
    assert {row["product_id"] for row in read(file)} == {PRODUCT, OTHER}


def test_where_all_fail_there_is_no_file(tmp_path: Path, capsys: Out) -> None:
    file = tmp_path / "s.csv"
    file.write_text("before")

    assert main(["availabilities", "gone", "--sandbox", "--to", str(file)]) == 4

    assert file.read_text() == "before"
    assert capsys.readouterr().err.endswith(f"1 of 1 failed; {file} is as it was before\n")


def test_json_sums_an_export_up(tmp_path: Path, capsys: Out) -> None:
    file = tmp_path / "s.parquet"

    assert main(["availabilities", PRODUCT, "--sandbox", *RANGE, "--to", str(file), "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {
        "rows": len(read(file)),
        "unreadable": 0,
        "problems": [],
        "failed": 0,
        "bytes": file.stat().st_size,
        "to_file": str(file),
        "format": "parquet",
    }


def test_several_products_are_several_tables(capsys: Out) -> None:
    assert main(["availabilities", PRODUCT, "gone", OTHER, "--sandbox", *RANGE]) == 4

    out, err = capsys.readouterr()
    assert out.index("Gipfelfahrt") < out.index("Tageskarte")
    assert err.splitlines()[-1] == "eguma: 1 of 3 failed"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--to", "2026-13-01"], "--to must be a day"),
        (["--to", "01.12.2026"], "--to must be a day"),
        (["--to", "a.csv", "--to-file", "b.csv"], "one day and one file"),
        (["--to", "2026-12-01", "--to", "2026-12-02"], "one day and one file"),
        (["--to", "slots.xlsx"], "in which format is slots.xlsx to be?"),
        (["--to", "-"], "in which format is stdout to be?"),
        (["--to", "--format"], "--to needs a value"),
        (["--format", "csv", "--json"], "stdout has the export"),
        (["--calendar", "--json"], "--calendar goes with neither --json nor --format"),
        (["--calendar", "--format", "csv"], "--calendar goes with neither --json nor --format"),
        (["--calendar", "--to", "c.csv"], "FILE.svg"),
        (["--calendar", "--to", "c.svg", "--to-svg", "d.svg"], "give one file"),
        (["--calendar", "--from", "2026-12-02", "--to", "2026-12-01"], "--to must not be before"),
        (["--to-svg", "--json"], "--to-svg needs a value"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str], told: str, capsys: Out, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["availabilities", PRODUCT, "--sandbox", *arguments]) == 2

    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_several_products_have_no_document_and_no_calendar(capsys: Out) -> None:
    assert main(["availabilities", PRODUCT, OTHER, "--sandbox", "--json"]) == 2
    assert main(["availabilities", PRODUCT, OTHER, "--sandbox", "--calendar"]) == 2

    assert "--format jsonl" in capsys.readouterr().err


@pytest.mark.parametrize("place", [".", "nowhere/s.csv", "/dev/full"])
def test_a_place_that_cannot_be_written_is_refused_before_any_request(
    connected, capsys: Out, tmp_path: Path, place: str
) -> None:
    for command in (["availabilities", PRODUCT], ["orders"]):
        assert main([*command, "--format", "csv", "--to-file", str(tmp_path / place)]) == 2

    assert "is no plain file" in capsys.readouterr().err
    assert list(connected.sandbox.requests) == []


@pytest.mark.parametrize("rows", ["orders", "lines", "tickets", "payments"])
def test_orders_are_exported(tmp_path: Path, rows: str) -> None:
    file = tmp_path / "o.csv"

    assert main(["orders", "--sandbox", "--rows", rows, "--to", str(file)]) == 0

    found = read(file)
    assert {row["order_number"] for row in found} == {"1000001", "1000002"}
    is_private = rows in ("orders", "tickets")
    assert (stat.S_IMODE(file.stat().st_mode) == 0o600) == is_private


def test_orders_without_customers(capsys: Out) -> None:
    assert main(["orders", "--sandbox", "--no-customers", "--format", "jsonl"]) == 0

    first, _ = map(json.loads, capsys.readouterr().out.splitlines())
    assert tuple(first) == ORDERS.without_private().names


def test_filters_hold_for_an_export(capsys: Out) -> None:
    assert main(["orders", "--sandbox", "--format", "jsonl", "--order-number", "1000002"]) == 0

    (order,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert order["order_number"] == "1000002"


@pytest.mark.parametrize("option", [["--rows", "lines"], ["--no-customers"]])
def test_options_of_an_export_need_one(option: list[str], capsys: Out) -> None:
    assert main(["orders", "--sandbox", *option]) == 2
    assert "go with an export" in capsys.readouterr().err


def test_an_order_that_cannot_be_read_is_told(connected, tmp_path: Path, capsys: Out) -> None:
    file = tmp_path / "o.jsonl"
    assert main(["orders", "--json"]) == 0
    good = json.dumps(json.loads(capsys.readouterr().out)[0])
    connected.sandbox.faults.add(Reply(200, body=f"[{good}, {{}}]".encode(), path="*/orders.json"))

    assert main(["orders", "--to", str(file)]) == 1

    said, last = capsys.readouterr().err.splitlines()
    assert said.startswith("1 could not be read, or written as jsonl: required field missing")
    assert last == f"eguma: {file} has all but 1 that could not be read"
    assert len(read(file)) == 1


def test_a_reading_that_ends_early_leaves_what_was_there(
    connected, tmp_path: Path, capsys: Out
) -> None:
    file = tmp_path / "o.csv"
    file.write_text("before")
    connected.sandbox.faults.add(Reply(200, body=b"[", path="*/orders.json", times=9))

    assert main(["orders", "--to", str(file)]) != 0

    assert f"0 rows had been read; {file} is as it was before." in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["o.csv"]
    assert file.read_text() == "before"


def test_a_calendar_a_person_can_read(start) -> None:
    code, out = on_terminal(
        start,
        "availabilities",
        PRODUCT,
        "--sandbox",
        *["--from", "2026-12-01", "--to", "2027-01-31", "--calendar"],
        env={"NO_COLOR": "1"},
    )

    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "Bergbahn Muster AG: Gipfelfahrt"
    assert lines[2].split() == ["December", "2026", "January", "2027"]
    assert lines[3].split() == ["Wk", "Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"] * 2
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("options", [["--calendar", "--to"], ["--to-svg"]])
def test_a_calendar_is_a_picture(tmp_path: Path, options: list[str]) -> None:
    file = tmp_path / "c.svg"

    assert main(["availabilities", PRODUCT, "--sandbox", *options, str(file)]) == 0

    assert file.read_text("utf-8").startswith("<svg ")
    assert file.read_text("utf-8").endswith("</svg>\n")


def test_a_picture_may_go_to_stdout(capsys: Out) -> None:
    assert main(["availabilities", PRODUCT, "--sandbox", "--to-svg", "-"]) == 0

    assert capsys.readouterr().out.startswith("<svg ")
