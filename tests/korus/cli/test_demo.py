from __future__ import annotations

import dataclasses
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eguma_async.cli import main
from eguma_async.cli.errors import Stop
from eguma_async.cli.korus.demo import check, play
from eguma_async.core.errors import EgumaError
from eguma_async.sandbox import KorusSandbox, Reply
from eguma_async.testing import FakeClock


@pytest.fixture
def simulated() -> KorusSandbox:
    return KorusSandbox(FakeClock(datetime(2026, 3, 19, 10, tzinfo=UTC)))


def test_the_demo_prints_what_happened_as_one_document(start, tmp_path) -> None:
    child = start("demo", "--provider", "korus", "--json", env={"TMPDIR": str(tmp_path)})
    code, out, err = child.finish()

    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert facts["catalog"].startswith("/v1/ticketing/catalogs/")
    assert facts["offer"].startswith(facts["catalog"])
    assert facts["reservation"].startswith("/v1/booking/reservations/")
    assert datetime.fromisoformat(facts["expires_at"]).tzinfo is not None
    assert facts["minutes_to_pay"] == 15
    assert facts["order_reference"].startswith("KT-ORD-")
    assert facts["external_reference"].startswith("demo-")
    assert facts["orders_with_this_reference"] == facts["orders_booked"] == 1
    assert facts["orders_sent"] == facts["lost_replies"] == 1
    assert facts["beneficiary_status_before"] == "waiting_beneficiary_data"
    assert facts["beneficiary_status"] == "validated"
    assert facts["requests_on_the_wire"] == 17
    document = Path(facts["document_path"])
    assert document.is_relative_to(tmp_path)
    assert document.read_bytes().startswith(b"%PDF-")
    assert document.stat().st_size == facts["document_bytes"]


def test_the_demo_tells_its_steps_and_where_the_file_is(
    capsys: pytest.CaptureFixture[str], tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    assert main(["demo", "--provider", "korus"]) == 0

    out = capsys.readouterr().out
    (document,) = tmp_path.glob("eguma-demo-*/*.pdf")
    assert "the reply is lost, 1 order booked" in out
    assert "2 s later (skipped here)" in out
    assert "booked once, not twice" in out
    assert "Requests on the wire: 17" in out
    assert str(document) in out


def test_the_file_goes_where_it_is_wanted(capsys: pytest.CaptureFixture[str], tmp_path) -> None:
    wanted = tmp_path / "new" / "tickets"

    assert main(["demo", "--provider", "korus", "--output", str(wanted), "--json"]) == 0

    facts = json.loads(capsys.readouterr().out)
    assert Path(facts["document_path"]).parent == wanted


def test_a_directory_that_cannot_be_made_is_a_failure(
    capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")

    assert main(["demo", "--provider", "korus", "--output", str(taken)]) == 1

    assert str(taken) in capsys.readouterr().err


def test_the_demo_shows_no_secret_and_needs_no_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("KORUS_BASE_URL", "http://nowhere.invalid")
    monkeypatch.setenv("KORUS_TOKEN_URL", "http://nowhere.invalid")
    monkeypatch.setenv("KORUS_CLIENT_SECRET", "canary-secret")

    for more in ([], ["--json"]):
        assert main(["demo", "--provider", "korus", "--output", str(tmp_path), *more]) == 0

    captured = capsys.readouterr()
    for secret in ("demo-secret", "canary-secret", "eyJ", "Signature"):
        assert secret not in captured.out + captured.err


async def test_an_order_that_shows_late_is_found_by_a_later_look(simulated, tmp_path) -> None:
    empty = '{"@id": "/v1/booking/orders", "member": [], "totalItems": 0}'
    fault = Reply(200, body=empty, content_type="application/ld+json", path="/v1/booking/orders")
    late = simulated.faults.add(fault)

    steps = await play(simulated, tmp_path)

    assert late.fired == 1
    check(steps.facts)


async def test_a_sandbox_without_the_wanted_stock_fails_the_demo(simulated, tmp_path) -> None:
    simulated.set_stock("named", 1)

    with pytest.raises(EgumaError, match="could not be reserved"):
        await play(simulated, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "lie",
    [
        {"offer": ""},
        {"available": 1},
        {"total": "109.99"},
        {"minutes_to_pay": 0},
        {"lost_replies": 0},
        {"orders_sent": 2},
        {"orders_with_this_reference": 2},
        {"orders_booked": 2},
        {"order_reference": ""},
        {"beneficiary_status_before": "validated"},
        {"beneficiary_status": "waiting_beneficiary_data"},
        {"document_path": __file__},
        {"document_bytes": 1},
    ],
)
async def test_every_claim_of_the_demo_is_checked(lie: dict[str, Any], simulated, tmp_path) -> None:
    steps = await play(simulated, tmp_path)
    check(steps.facts)

    with pytest.raises(Stop, match="not true") as stop:
        check(dataclasses.replace(steps.facts, **lie))
    assert stop.value.code == 1


def test_the_output_directory_is_for_korus_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--output", "x"]) == 2
    assert "--provider korus" in capsys.readouterr().err
