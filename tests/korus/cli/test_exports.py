"""``eguma korus offers`` and ``eguma korus orders`` as exports."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from eguma_async.cli import main
from eguma_async.korus.tables import OFFERS, ORDERS
from tests.korus.cli.commands import document, run

Out = pytest.CaptureFixture[str]


@pytest.fixture
def booked(korus, customer: list[str], capsys: Out) -> str:
    """An order that was made."""
    item = korus.sandbox.example("plain").item
    held = document(capsys, "reserve", item["offer"])["reservations"][0]["iri"]
    out, _ = run(capsys, "order", held, *customer, "--external-reference", "A-1", "--yes", "--json")
    return str(json.loads(out)["orders"][0]["iri"])


@pytest.mark.parametrize("rows", ["orders", "items", "tickets"])
def test_orders_are_exported(booked: str, capsys: Out, rows: str) -> None:
    out, err = run(capsys, "orders", "--format", "jsonl", "--rows", rows)

    assert {json.loads(line)["order"] for line in out.splitlines()} == {booked}
    assert err == ""


def test_orders_without_customers(booked: str, capsys: Out, tmp_path: Path) -> None:
    file = tmp_path / "o.csv"

    run(capsys, "orders", "--to", str(file), "--no-customers")

    assert "Lovelace" not in file.read_text("utf-8")
    assert tuple(file.read_text("utf-8").splitlines()[0].split(",")) == (
        ORDERS.without_private().names
    )


def test_offers_are_exported_for_days(korus, capsys: Out, tmp_path: Path) -> None:
    file = tmp_path / "o.csv"
    catalog = document(capsys, "catalogs")[0]["iri"]
    offers = document(capsys, "offers", catalog)
    day = min(offer["date"] for offer in offers if offer["date"])

    run(capsys, "offers", catalog, "--from", day, "--to", day, "--to", str(file))

    with file.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert tuple(rows[0]) == OFFERS.names
    assert {row["date"] for row in rows} == {day}
    assert len(rows) == len([offer for offer in offers if offer["date"] == day])


def test_options_of_an_export_need_one(korus, capsys: Out) -> None:
    assert main(["korus", "orders", "--rows", "items"]) == 2
    assert "go with an export" in capsys.readouterr().err
