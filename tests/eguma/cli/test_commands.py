from __future__ import annotations

import contextlib
import io
import json
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eguma_async.cli import main
from eguma_async.sandbox import DropBefore, Reply

Out = pytest.CaptureFixture[str]


def _document(capsys: Out) -> dict[str, Any]:
    captured = capsys.readouterr()
    return json.loads(captured.out)


def test_products_are_listed_as_a_table(connected, capsys: Out) -> None:
    assert main(["products"]) == 0

    out = capsys.readouterr().out
    assert "Bergbahn Muster AG (CHF)" in out
    assert connected.sandbox.example("time").product_id in out
    assert "Gipfelfahrt" in out


def test_products_are_one_json_document(connected, capsys: Out) -> None:
    assert main(["products", "--json"]) == 0

    captured = capsys.readouterr()
    assert json.loads(captured.out)["company_name"] == "Bergbahn Muster AG"
    assert captured.err == ""


def test_availabilities_have_the_asked_for_days(connected, capsys: Out) -> None:
    example = connected.sandbox.example("time")
    day = example.starts_at[:10]

    assert main(["availabilities", example.product_id, "--from", day, "--to", day, "--json"]) == 0

    slots = _document(capsys)["availabilities"]
    assert {slot["starts_at"][:10] for slot in slots} == {day}
    assert dict(connected.sandbox.requests[0].query)["to"] == day


def test_availabilities_default_to_the_next_seven_days(connected, capsys: Out) -> None:
    example = connected.sandbox.example("time")

    assert main(["availabilities", example.product_id, "--from", "2040-02-27"]) == 0

    assert ("to", "2040-03-05") in connected.sandbox.requests[0].query


def test_reserve_and_release_hold_and_give_back(connected, capsys: Out) -> None:
    example = connected.sandbox.example("time")
    item = f"{example.category_ids[0]}=2"

    assert main(["reserve", example.product_id, example.starts_at, "--item", item, "--json"]) == 0
    reservation = _document(capsys)
    assert connected.sandbox.holds()[0].id == reservation["reservation_id"]
    assert reservation["expires_at_utc"].endswith("+00:00")

    assert main(["release", reservation["reservation_id"]]) == 0
    assert connected.sandbox.holds() == ()


def test_orders_are_filtered_by_number(connected, capsys: Out) -> None:
    number = connected.sandbox.orders()[0].number

    assert main(["orders", "--order-number", number, "--json"]) == 0

    assert [order["order_number"] for order in json.loads(capsys.readouterr().out)] == [number]


def test_orders_are_filtered_by_time(connected, capsys: Out) -> None:
    assert main(["orders", "--updated-after", "2040-01-01", "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == []
    assert ("updated_at_after", "2040-01-01T00:00:00") in connected.sandbox.requests[0].query


def test_a_ticket_is_checked_in_once_and_out_again(connected, capsys: Out) -> None:
    number = connected.sandbox.orders()[0].tickets[0].number

    assert main(["ticket", "check-in", number]) == 0
    assert main(["ticket", "check-in", number]) == 5
    assert "ticket_already_checkedin" in capsys.readouterr().err
    assert main(["ticket", "info", number, "--json"]) == 0
    assert _document(capsys)["is_checked_in"] is True
    assert main(["ticket", "check-out", number]) == 0


def test_an_unknown_ticket_is_not_found(connected, capsys: Out) -> None:
    assert main(["ticket", "check-in", "1" * 19]) == 4
    assert main(["ticket", "info", "1" * 19]) == 4


def test_cancel_needs_yes_where_nobody_can_be_asked(
    connected, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert main(["cancel", "b1"]) == 2

    assert "--yes" in capsys.readouterr().err
    assert connected.paths() == []


def test_an_unknown_booking_is_not_found(connected, capsys: Out) -> None:
    assert main(["cancel", "b1", "--yes"]) == 4
    err = capsys.readouterr().err
    assert err == (
        "eguma: cancelling the booking failed: HTTP 404 not_found: The booking was not found."
        " Check the id; it must belong to this key.\n"
    )


def test_a_wrong_key_is_an_access_error(
    connected, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", "canary-key-0123456789")

    assert main(["products"]) == 3

    captured = capsys.readouterr()
    assert "HTTP 401 unauthorized" in captured.err
    assert "check EGUMA_API_KEY" in captured.err.replace("Check", "check")
    assert "canary" not in captured.err + captured.out


def test_a_server_that_repeats_the_key_does_not_make_us_print_it(
    connected, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", "canary-key-0123456789")
    body = json.dumps({"error_code": "x", "message": "bad key canary-key-0123456789"})
    connected.sandbox.faults.add(Reply(400, body=body, content_type="application/json"))

    assert main(["products"]) == 5

    assert "bad key ***" in capsys.readouterr().err


def test_an_unapproved_key_is_an_access_error(
    connected, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = connected.sandbox.merchants()[0].users[2]
    monkeypatch.setenv("EGUMA_API_KEY", office.keys[0].value)

    assert main(["products"]) == 3
    assert "HTTP 403" in capsys.readouterr().err


def test_the_key_is_read_from_stdin(connected, capsys: Out, monkeypatch) -> None:
    monkeypatch.delenv("EGUMA_API_KEY")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{connected.sandbox.demo_key}\nmore\n"))

    assert main(["products", "--key-stdin", "--json"]) == 0

    captured = capsys.readouterr()
    assert connected.sandbox.demo_key not in captured.out + captured.err


def test_without_a_key_nothing_is_sent(connected, capsys: Out, monkeypatch) -> None:
    monkeypatch.delenv("EGUMA_API_KEY")

    assert main(["products"]) == 2

    assert "EGUMA_API_KEY" in capsys.readouterr().err
    assert connected.paths() == []


@pytest.mark.parametrize("flag", ["--key", "--api-key", "--apikey=canary-1"])
def test_the_key_is_no_argument_and_is_not_repeated(flag: str, capsys: Out) -> None:
    assert main(["products", flag, "canary-1"]) == 2

    captured = capsys.readouterr()
    assert "--key-stdin" in captured.err
    assert "canary" not in captured.err


def test_no_command_shows_the_key(connected, capsys: Out, customer: list[str]) -> None:
    key = connected.sandbox.demo_key
    example = connected.sandbox.example("time")
    slot = [example.product_id, example.starts_at, "--item", f"{example.category_ids[0]}=1"]
    connected.sandbox.faults.add(DropBefore(path="*/orders.json", times=None))
    for command in (
        ["products"],
        ["availabilities", example.product_id],
        ["reserve", *slot],
        ["book", *slot, *customer, "--yes"],
        ["orders"],
        ["release", "nothing"],
        ["fanout", "--all"],
    ):
        main(command)

    captured = capsys.readouterr()
    assert len(connected.paths()) > 7
    assert key not in captured.out + captured.err


def test_a_refused_connection_has_its_own_exit_code(capsys: Out, monkeypatch, served) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", "k")
    with socket_that_refuses() as port:
        code = main(["release", "r1", "--base-url", f"http://127.0.0.1:{port}"])

    assert code == 7
    assert "ECONNREFUSED" in capsys.readouterr().err


@contextlib.contextmanager
def socket_that_refuses():
    """Keep a port bound without listening on it: whoever connects is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_sold_out_is_a_refusal(connected, capsys: Out) -> None:
    example = connected.sandbox.example("sold-out")
    item = f"{example.category_ids[0]}=1"

    assert main(["reserve", example.product_id, example.starts_at, "--item", item]) == 5

    assert "HTTP 400 validation_error" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["prodcts"], 'Did you mean "products"?'),
        (["ticket", "chek-in", "1"], 'Did you mean "check-in"?'),
        (["products", "--nonsense"], "--nonsense"),
        (["--json", "products"], "options go after the command"),
        (["book"], "PRODUCT"),
        (["availabilities", "p", "--from", "tomorrow"], "--from must be a day"),
        (["availabilities", "p", "--from", "2026-02-30"], "--from must be a day"),
        (["availabilities", "p", "--from", "2026-02-02", "--to", "2026-02-01"], "--to must not be"),
        (["orders", "--updated-after", "2026-01-01T00:00:00Z"], "without zone"),
        (["reserve", "p", "noon", "--item", "c=1"], "STARTS_AT"),
        (["reserve", "p", "2026-01-01", "--item", "c"], "CATEGORY=QUANTITY"),
        (["reserve", "p", "2026-01-01", "--item", "c=0", "--sandbox"], "quantity"),
        (["availabilities", "../p", "--sandbox"], "product_id"),
        (["products", "--base-url", "http://example.com"], "https"),
        (["products", "--sandbox", "--base-url", "https://example.com"], "--sandbox"),
        (["fanout"], "--all"),
        (["fanout", "p", "--all"], "--all"),
        (["fanout", "p", "--concurrency", "0", "--sandbox"], "concurrency"),
        (["sandbox", "--port", "70000"], "--port"),
        (["sandbox", "--host", "0.0.0.0"], "--host"),  # noqa: S104
        (["products", "\udcff"], "UTF-8"),
    ],
)
def test_bad_input_is_told_on_stderr_with_exit_code_2(
    arguments: list[str], told: str, capsys: Out, monkeypatch
) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", "k")

    assert main(arguments) == 2

    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_the_embedded_sandbox_needs_no_key(capsys: Out) -> None:
    assert main(["products", "--sandbox", "--json"]) == 0
    product = _document(capsys)["products"][0]["id"]

    assert main(["availabilities", product, "--sandbox", "--json"]) == 0
    assert _document(capsys)["product_name"] == "Gipfelfahrt"


def test_fan_out_writes_a_line_for_each_product(connected, capsys: Out) -> None:
    product = connected.sandbox.example("time").product_id

    assert main(["fanout", product, "missing"]) == 4

    captured = capsys.readouterr()
    lines = {line["product_id"]: line for line in map(json.loads, captured.out.splitlines())}
    assert lines[product]["ok"]
    assert lines[product]["value"]["product_name"] == "Gipfelfahrt"
    assert lines["missing"]["error"] == {
        "type": "NotFoundError",
        "status": 404,
        "error_code": "not_found",
        "message": "ListAvailabilities: HTTP 404 not_found",
    }
    assert "1 of 2 failed" in captured.err


def test_fan_out_over_all_products_fills_a_file(connected, capsys: Out, tmp_path: Path) -> None:
    file = tmp_path / "slots.jsonl"

    assert main(["fanout", "--all", "--to-file", str(file), "--json"]) == 0

    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert all(line["ok"] for line in lines)
    told = json.loads(capsys.readouterr().out)
    assert told.pop("seconds") >= 0
    assert told == {
        "done": len(lines),
        "failed": 0,
        "failures": [],
        "slots": sum(len(line["value"]["availabilities"]) for line in lines),
        "to_file": str(file),
    }


def test_a_file_that_cannot_be_written_is_refused(connected, capsys: Out, tmp_path: Path) -> None:
    assert main(["fanout", "--all", "--to-file", str(tmp_path)]) == 2

    assert str(tmp_path) in capsys.readouterr().err


def test_a_bug_is_shown_without_the_key(connected, capsys: Out, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"oops {connected.sandbox.demo_key}")

    monkeypatch.setattr("eguma_async.cli.eguma.catalog.print_json", broken)

    assert main(["products", "--json"]) == 1

    err = capsys.readouterr().err
    assert "RuntimeError: oops ***" in err
    assert connected.sandbox.demo_key not in err


def test_an_expired_reservation_is_refused(connected, capsys: Out, customer: list[str]) -> None:
    example = connected.sandbox.example("time")
    slot = [example.product_id, example.starts_at, "--item", f"{example.category_ids[0]}=1"]
    assert main(["reserve", *slot, "--json"]) == 0
    reservation = _document(capsys)["reservation_id"]
    connected.sandbox.clock.advance(timedelta(minutes=61))

    assert main(["book", *slot, *customer, "--reservation", reservation, "--yes"]) == 5
    assert connected.sandbox.bookings() == ()
