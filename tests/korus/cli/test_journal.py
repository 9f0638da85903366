"""Orders with a journal: asked for again, interrupted, and recovered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eguma_async.cli import main
from eguma_async.korus.booking import reconciliation
from eguma_async.sandbox import DropAfter, DropBefore, Park
from tests.korus.cli.commands import document, run

Out = pytest.CaptureFixture[str]
ORDERING, LISTING = "*/orders/_bulk", "/v1/booking/orders"


@pytest.fixture
def reservation(korus, capsys: Out) -> str:
    item = korus.sandbox.example("plain").item
    chosen = [
        f"--session={choice['ticket']}={choice['session']}"
        for choice in item["ticketSessions"]
        if "session" in choice
    ]
    return document(capsys, "reserve", item["offer"], *chosen)["reservations"][0]["iri"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bookings.db"


@pytest.fixture
def order(reservation: str, customer: list[str], path: Path) -> list[str]:
    kept = ["--journal", str(path), "--client-ref", "order-1"]
    return ["order", reservation, *customer, "--external-reference", "A-1042", *kept, "--yes"]


@pytest.fixture
def impatient(monkeypatch) -> None:
    monkeypatch.setattr(reconciliation, "PAUSES", (0.0, 0.0, 0.0))


def recover(capsys: Out, path: Path, code: int = 0) -> tuple[Any, str]:
    out, err = run(
        capsys, "journal", "recover", "--no-wait", "--journal", str(path), "--json", code=code
    )
    return json.loads(out), err


def leave_open(korus, order: list[str], capsys: Out) -> str:
    """Order so that the answer is lost and the orders cannot be looked for."""
    korus.sandbox.faults.add(DropAfter(path=ORDERING))
    korus.sandbox.faults.add(DropBefore(path=LISTING, times=None))
    _, err = run(capsys, *order, code=6)
    korus.sandbox.faults.clear()
    return err


def test_the_same_command_again_is_the_same_order(korus, order, capsys: Out) -> None:
    first = json.loads(run(capsys, *order, "--json")[0])
    out, err = run(capsys, *order, "--json")

    assert [made["iri"] for made in json.loads(out)["orders"]] == [
        made["iri"] for made in first["orders"]
    ]
    assert first["persisted"] is True
    assert "order-1 was asked for before and is confirmed." in err
    assert korus.paths().count("/v1/booking/orders/_bulk") == 1


def test_without_a_reference_of_its_own_an_order_is_kept_too(
    korus, order, path, capsys: Out
) -> None:
    place = order.index("--client-ref")
    del order[place : place + 2]

    run(capsys, *order)

    assert main(["journal", "list", "--json", "--journal", str(path)]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["client_ref"].startswith("A-1042#")
    assert (entry["kind"], entry["state"]) == ("order", "confirmed")
    (made,) = korus.sandbox.orders()
    assert entry["result"]["orders"] == [made.iri]
    assert entry["result"]["references"] == [made.reference]


def test_an_order_in_doubt_says_how_to_go_on(korus, order, path, capsys: Out, impatient) -> None:
    err = leave_open(korus, order, capsys)

    assert "ordering has an unknown outcome" in err
    assert f"go on with `eguma korus journal recover --journal {path} --client-ref order-1`." in err
    assert "stays held" not in err


def test_an_order_is_recovered_and_not_sent_again(
    korus, order, path, capsys: Out, impatient
) -> None:
    leave_open(korus, order, capsys)

    recovered, err = recover(capsys, path)

    (made,) = korus.sandbox.orders()
    assert recovered["confirmed"] == 1
    assert recovered["entries"][0]["result"]["orders"] == [made.iri]
    assert korus.paths().count("/v1/booking/orders/_bulk") == 1
    assert err == ""


def test_what_stays_open_ends_with_6(korus, order, path, capsys: Out, impatient) -> None:
    leave_open(korus, order, capsys)
    korus.sandbox.faults.add(DropBefore(path=LISTING, times=None))

    recovered, err = recover(capsys, path, code=6)

    assert recovered["still_open"] == 1
    assert "1 still open" in err


def test_an_entry_of_the_other_provider_is_counted_and_left(
    *, korus, order, path, capsys: Out, monkeypatch, impatient
) -> None:
    leave_open(korus, order, capsys)
    monkeypatch.setenv("EGUMA_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("EGUMA_API_KEY", "k")

    assert main(["journal", "recover", "--journal", str(path)]) == 0

    assert "`eguma korus journal recover`" in capsys.readouterr().err
    assert recover(capsys, path)[0]["confirmed"] == 1


def test_a_person_says_what_was_ordered(korus, order, path, capsys: Out, impatient) -> None:
    leave_open(korus, order, capsys)
    (made,) = korus.sandbox.orders()
    who = ["resolve", "order-1", "--as", "confirmed", "--yes", "--journal", str(path)]

    assert main(["journal", *who, "--booking-id", made.iri, "--reference", made.reference]) == 0

    again = json.loads(run(capsys, *order, "--json")[0])
    assert [each["reference"] for each in again["orders"]] == [made.reference]
    assert korus.paths().count("/v1/booking/orders/_bulk") == 1


def test_an_interrupted_order_says_how_to_go_on(korus, order, path, start, capsys: Out) -> None:
    park = korus.sandbox.faults.add(Park(path=ORDERING))
    child = start("korus", *order)
    korus.call(park.arrived())

    child.interrupt()
    korus.call(_released(park))
    code, _, err = child.finish()

    assert code == 130
    assert "eguma: interrupted while ordering: the journal keeps it; go on with `eguma korus" in err
    assert recover(capsys, path)[0]["entries"] == []
    assert len(korus.sandbox.orders()) == 1


async def _released(park: Park) -> None:
    park.release()
