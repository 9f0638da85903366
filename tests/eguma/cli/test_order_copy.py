"""``eguma orders sync``."""

from __future__ import annotations

import json
import os
import signal
import stat

import pytest

from eguma_async import ReplicaBusyError, SyncReport, TransportError
from eguma_async.cli import main
from eguma_async.cli.eguma.order_copy import _Rounds
from tests.support.commands import Child

Out = pytest.CaptureFixture[str]


def test_all_orders_are_copied_and_then_what_changed(connected, capsys: Out, tmp_path) -> None:
    file = tmp_path / "orders.db"
    assert main(["orders", "sync", str(file)]) == 0
    out, err = capsys.readouterr()
    assert "2 new" in out
    assert "2 orders in" in out
    assert err == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    order = connected.sandbox.orders()[0].id
    connected.sandbox.touch_order(order, note="changed")
    assert main(["orders", "sync", str(file), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["updated"], document["orders"], document["missing_in_all"]) == (1, 2, 0)
    assert document["checkpoint"].endswith("+00:00")


def test_what_cannot_be_read_is_said(connected, capsys: Out, tmp_path) -> None:
    connected.sandbox.distort_order(connected.sandbox.orders()[0].id, {"status": None})
    assert main(["orders", "sync", str(tmp_path / "orders.db")]) == 0
    assert "1 order could not be read; they are kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--follow", "--interval", "0"], "--interval"),
        (["--zone", "Europe/Nowhere"], "Europe/Nowhere"),
    ],
)
def test_wrong_options_are_told(connected, capsys: Out, tmp_path, arguments, told) -> None:
    assert main(["orders", "sync", str(tmp_path / "o.db"), *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "o.db").exists()


def test_another_file_is_left_alone(connected, capsys: Out, tmp_path) -> None:
    (tmp_path / "other.db").write_text("something else, and long enough to be a header")
    assert main(["orders", "sync", str(tmp_path / "other.db")]) == 1
    assert "no copy of orders" in capsys.readouterr().err
    assert (tmp_path / "other.db").read_text().startswith("something else")


def test_a_copy_of_the_sandbox_is_not_gone_on_with(connected, capsys: Out, tmp_path) -> None:
    assert main(["orders", "sync", str(tmp_path / "o.db"), "--sandbox"]) == 0
    assert main(["orders", "sync", str(tmp_path / "o.db")]) == 1
    assert "copy of the orders of the sandbox" in capsys.readouterr().err


def test_a_copy_of_one_api_is_not_gone_on_with_from_another(
    connected, capsys: Out, tmp_path
) -> None:
    assert main(["orders", "sync", str(tmp_path / "o.db")]) == 0
    seen = len(list(connected.sandbox.requests))
    for other in ("https://test.example.ch", "https://api.e-guma.ch"):
        assert main(["orders", "sync", str(tmp_path / "o.db"), "--base-url", other]) == 1
        assert "copy of the orders of http://127.0.0.1" in capsys.readouterr().err
    assert len(list(connected.sandbox.requests)) == seen


def test_rounds_that_fail_are_told_where_nobody_sees_a_status_line(capsys: Out) -> None:
    shown: list[str] = []
    rounds = _Rounds(shown.append)
    failed, busy = TransportError("no connection"), ReplicaBusyError("another process does")
    for outcome in (SyncReport(), failed, failed, busy, failed, SyncReport(), SyncReport()):
        rounds.take(outcome)
    assert capsys.readouterr().err.splitlines() == [
        "a round failed: no connection; trying again.",
        "rounds succeed again; up to the beginning.",
    ]
    assert shown[2] == "3 rounds, 2 failed; a round failed: no connection; trying again"
    assert shown[3] == "4 rounds, 2 failed; another process does"
    assert rounds.told() == "7 rounds, 3 failed"


def test_following_prints_each_change_and_ends_with_ctrl_c(connected, tmp_path) -> None:
    file = tmp_path / "orders.db"
    command = ("orders", "sync", str(file), "--follow", "--interval", "0.1", "--json")
    child = Child(*command, env=dict(os.environ))
    assert child.process.stdout is not None
    try:
        child.read_until("1000002", child.process.stdout.fileno())
        order = connected.sandbox.orders()[0].id
        connected.sandbox.cancel_order(order)
        seen = child.read_until("cancelled", child.process.stdout.fileno())
        change = json.loads(seen.splitlines()[-1])
        assert (change["kind"], change["id"], change["status"]) == ("updated", order, "cancelled")
        assert set(change) == {
            "kind", "revision", "id", "order_number", "status", "updated_at", "problems",
        }  # fmt: skip
        child.interrupt(signal.SIGINT)
        code, _, err = child.finish()
    finally:
        child.close()
    assert code == 130
    assert "2 new, 1 updated; what was read is kept" in err
    assert main(["orders", "sync", str(file)]) == 0
