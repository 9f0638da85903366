"""``eguma fanout``: a line for each product, a table, what failed, and pieces of long ranges."""

from __future__ import annotations

import csv
import io
import json
import logging
import socket
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dask
import pyarrow.parquet
import pytest
from distributed import LocalCluster

from eguma_async.cli import main
from eguma_async.cli.eguma.outcome_lines import line_of
from eguma_async.cli.progress import facts
from eguma_async.core.errors import TransportError
from eguma_async.core.fan_out import Outcome, Progress
from eguma_async.eguma.ticketing.availabilities import (
    Availability,
    AvailabilityList,
    CategoryPrice,
    ListAvailabilities,
)
from eguma_async.eguma.ticketing.products import SlotType
from eguma_async.eguma.ticketing.tables import AVAILABILITIES
from eguma_async.sandbox import Reply

Out = pytest.CaptureFixture[str]
RANGE = ["--from", "2026-12-01", "--to", "2026-12-10"]


def outcome(value=None, error=None, parts=()):
    operation = ListAvailabilities(
        product_id="p1", from_date=date(2026, 12, 1), to_date=date(2026, 12, 2)
    )
    return Outcome(
        operation=operation, value=value, error=error, attempts=1, seconds=0.25, parts=parts
    )


def slots(name: str, *prices: CategoryPrice) -> AvailabilityList:
    slot = Availability(
        slot_type=SlotType.DAY,
        starts_at=datetime(2026, 12, 1),
        availability_count=None,
        prices=prices,
    )
    return AvailabilityList(company_name="M", product_name=name, availabilities=(slot,))


def test_a_table_has_a_row_for_each_price(connected, tmp_path: Path) -> None:
    file = tmp_path / "slots.csv"
    product = connected.sandbox.example("time").product_id

    assert main(["fanout", product, *RANGE, "--to-file", str(file)]) == 0

    with file.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert tuple(rows[0]) == AVAILABILITIES.names
    assert {row["product_name"] for row in rows} == {"Gipfelfahrt"}
    assert {row["price_in_cents"] for row in rows} == {"1800", "2200", "3600", "4500"}
    assert {row["starts_at"][:10] for row in rows} <= {f"2026-12-{n:02d}" for n in range(1, 11)}


@pytest.mark.parametrize("end", ["csv", "parquet"])
def test_a_table_has_what_was_read_and_stderr_all_that_failed(
    connected, capsys: Out, tmp_path: Path, end: str
) -> None:
    file = tmp_path / f"slots.{end}"
    product = connected.sandbox.example("time").product_id
    gone = [f"missing{n}" for n in range(23)]

    assert main(["fanout", product, *gone, *RANGE, "--to-file", str(file)]) == 4

    err = capsys.readouterr().err.splitlines()
    assert {line.partition(":")[0] for line in err[:-1]} == set(gone)
    assert err[-1] == "eguma: 23 of 24 failed"
    if end == "parquet":
        ids = set(pyarrow.parquet.read_table(file).column("product_id").to_pylist())
    else:
        with file.open(encoding="utf-8", newline="") as text:
            ids = {row["product_id"] for row in csv.DictReader(text)}
    assert ids == {product}


def test_a_line_keeps_the_pieces_that_were_read() -> None:
    error = TransportError("cut")
    parts = (outcome(slots("A")), outcome(error=error))

    line = json.loads(line_of(outcome(error=error, parts=parts)))

    assert [part["ok"] for part in line["parts"]] == [True, False]
    assert line["parts"][0]["value"]["product_name"] == "A"
    assert line["error"]["type"] == "TransportError"


def test_failures_are_listed_with_their_reasons(connected, capsys: Out, tmp_path: Path) -> None:
    file = tmp_path / "slots.jsonl"
    product = connected.sandbox.example("time").product_id

    assert main(["fanout", product, "gone", "missing", "--to-file", str(file), "--json"]) == 4

    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert (told["done"], told["failed"]) == (3, 2)
    assert {(one["product_id"], one["status"]) for one in told["failures"]} == {
        ("gone", 404),
        ("missing", 404),
    }
    first, second, last = captured.err.splitlines()
    assert {first.partition(":")[0], second.partition(":")[0]} == {"gone", "missing"}
    assert "HTTP 404 not_found" in first
    assert last == "eguma: 2 of 3 failed"
    assert len(file.read_text("utf-8").splitlines()) == 3


@pytest.mark.parametrize("place", [".", "nowhere/slots.csv", "/dev/full"])
def test_a_file_that_cannot_be_written_is_refused_before_any_request(
    connected, capsys: Out, tmp_path: Path, place: str
) -> None:
    assert main(["fanout", "--all", *RANGE, "--to-file", str(tmp_path / place)]) == 2

    assert "is no plain file, or in a directory that does not exist" in capsys.readouterr().err
    assert list(connected.sandbox.requests) == []


def test_failures_of_several_kinds_are_a_failure(connected, capsys: Out) -> None:
    product = connected.sandbox.example("time").product_id
    connected.sandbox.faults.add(Reply(403, path=f"*/{product}/availabilities.json"))

    assert main(["fanout", product, "missing"]) == 1

    assert "2 of 2 failed" in capsys.readouterr().err


def test_many_failures_are_counted_after_the_first_twenty(connected, capsys: Out) -> None:
    assert main(["fanout", *(f"missing{n}" for n in range(23))]) == 4

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 22
    assert lines[20:] == [
        "And 3 more; the output has the reasons.",
        "eguma: 23 of 23 failed",
    ]


def test_a_long_range_is_read_in_pieces(connected, capsys: Out) -> None:
    product = connected.sandbox.example("time").product_id
    assert main(["fanout", product, *RANGE]) == 0
    whole = json.loads(capsys.readouterr().out)["value"]
    before = len(connected.paths())

    assert main(["fanout", product, *RANGE, "--window-days", "4"]) == 0

    line = json.loads(capsys.readouterr().out)
    assert line["value"] == whole
    assert (line["from_date"], line["to_date"]) == ("2026-12-01", "2026-12-10")
    assert len(connected.paths()) - before == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--window-days", "0"], "window_days"),
        (["--cluster", "tcp://h:1", "--sandbox"], "--sandbox"),
        (["--cluster", "tcp://h:1", "--proxy", "http://h:1"], "--proxy"),
        (["--cluster", "tcp://h:1", "--concurrency", "5"], "--concurrency"),
        (["--cluster", "no address"], "tls://scheduler:8786"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str], told: str, capsys: Out, monkeypatch
) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", "k")

    assert main(["fanout", "p1", *arguments]) == 2

    assert told in capsys.readouterr().err


def test_the_bar_says_how_fast_and_how_long() -> None:
    at_first = Progress(done=0, failed=0, total=None)
    under_way = Progress(
        done=40, failed=2, total=100, rate=9.6, limit=12, pace=20.0, seconds_left=71.6
    )

    assert facts(at_first) == ""
    assert facts(under_way) == "10/s · limit 12 · at most 20/s · 2 failed · 1:12 left"


@pytest.fixture
def scheduler() -> Iterator[str]:
    """The address of a cluster whose workers have the environment of the test."""
    cluster: Any = LocalCluster
    with cluster(
        n_workers=1, processes=False, protocol="tcp://", dashboard_address=":0"
    ) as running:
        yield running.scheduler_address


def test_a_cluster_does_it(connected, capsys: Out, scheduler: str) -> None:
    product = connected.sandbox.example("time").product_id
    level = logging.getLogger("distributed").level

    assert main(["fanout", product, "missing", *RANGE, "--cluster", scheduler]) == 4

    assert logging.getLogger("distributed").level == level
    captured = capsys.readouterr()
    lines = {line["product_id"]: line for line in map(json.loads, captured.out.splitlines())}
    assert lines[product]["value"]["product_name"] == "Gipfelfahrt"
    assert lines["missing"]["error"]["status"] == 404
    assert captured.err.splitlines()[-1] == "eguma: 1 of 2 failed"


def test_a_cluster_with_another_key_is_refused(
    connected, capsys: Out, scheduler: str, monkeypatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-of-another-key\n"))

    assert main(["fanout", "p1", "--key-stdin", "--cluster", scheduler]) == 2

    err = capsys.readouterr().err
    assert "other credentials" in err
    assert "canary-of-another-key" not in err
    assert connected.sandbox.demo_key not in err


@pytest.mark.servers  # it takes ten seconds to give up
def test_a_cluster_has_no_lean_way_to_the_network(capsys: Out, monkeypatch) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", "the-key-of-a-merchant")

    assert main(["--fast", "fanout", "p1", "--cluster", "tcp://127.0.0.1:9"]) == 2

    assert "--cluster goes with none of --sandbox, --proxy and --fast" in capsys.readouterr().err


def test_a_cluster_that_is_not_there_is_no_connection(capsys: Out, monkeypatch) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", "k")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
            assert main(["fanout", "p1", "--cluster", address]) == 7

    assert address in capsys.readouterr().err
