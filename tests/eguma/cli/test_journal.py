"""Bookings and cancellations with a journal: asked for again, interrupted, and recovered."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from eguma_async.cli import main
from eguma_async.sandbox import DropAfter, Park, Reply

Out = pytest.CaptureFixture[str]
BOOKING = "*/booking.json"


@pytest.fixture
def slot(connected) -> list[str]:
    example = connected.sandbox.example("time")
    return [example.product_id, example.starts_at, "--item", f"{example.category_ids[0]}=2"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "my bookings.db"


@pytest.fixture
def kept(path: Path) -> list[str]:
    return ["--journal", str(path), "--client-ref", "order-1"]


@pytest.fixture
def book(slot: list[str], customer: list[str], kept: list[str]) -> list[str]:
    return ["book", *slot, *customer, *kept, "--yes"]


def unreadable() -> Reply:
    """Return a fault that books, and says so in an answer nobody can read."""
    return Reply(200, body='{"no": 1}', path=BOOKING, after_commit=True)


def entries(capsys: Out, path: Path) -> Any:
    capsys.readouterr()
    assert main(["journal", "list", "--json", "--journal", str(path)]) == 0
    return json.loads(capsys.readouterr().out)


def recover(capsys: Out, path: Path, *arguments: str, code: int = 0) -> tuple[Any, str]:
    capsys.readouterr()
    line = ["journal", "recover", "--no-wait", "--journal", str(path), "--json", *arguments]
    assert main(line) == code, capsys.readouterr().err
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


# Booking


def test_the_same_command_again_is_the_same_booking(connected, book, path, capsys: Out) -> None:
    assert main([*book, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main([*book, "--json"]) == 0
    captured = capsys.readouterr()

    again = json.loads(captured.out)
    assert again["booking_id"] == first["booking_id"]
    assert again["tickets"] == first["tickets"]
    assert (first["persisted"], again["persisted"]) == (True, True)
    assert "order-1 was asked for before and is confirmed." in captured.err
    assert connected.paths().count("/v1/ticketing/booking.json") == 1
    assert connected.paths().count("/v1/ticketing/reservation.json") == 0
    (entry,) = entries(capsys, path)
    assert (entry["client_ref"], entry["state"]) == ("order-1", "confirmed")


def test_something_else_under_the_same_reference_is_refused(
    connected, book, slot, capsys: Out
) -> None:
    assert main(book) == 0
    other = [argument.replace("=2", "=1") for argument in book]

    assert main(other) == 5

    err = capsys.readouterr().err
    assert "this client_ref stands for something else already" in err
    assert "HTTP 409" not in err
    assert "`eguma journal show`" in err
    assert len(connected.sandbox.bookings()) == 1


def test_a_reservation_is_booked_under_a_reference(connected, book, slot, capsys: Out) -> None:
    assert main(["reserve", *slot, "--json"]) == 0
    reservation = json.loads(capsys.readouterr().out)["reservation_id"]

    assert main([*book, "--reservation", reservation]) == 0
    assert main([*book, "--reservation", reservation]) == 0

    assert len(connected.sandbox.bookings()) == 1
    assert connected.sandbox.holds() == ()


def test_without_a_reference_places_are_held_and_the_booking_is_kept(
    *, connected, slot, customer, path, capsys: Out, monkeypatch
) -> None:
    monkeypatch.setenv("EGUMA_JOURNAL", str(path))

    assert main(["book", *slot, *customer, "--yes"]) == 0

    assert "Held for 59 min" in capsys.readouterr().err
    (entry,) = entries(capsys, path)
    assert (entry["kind"], entry["state"]) == ("booking", "confirmed")


def test_the_places_are_kept_when_a_held_booking_is_in_doubt(
    connected, slot, customer, path, capsys: Out
) -> None:
    connected.sandbox.faults.add(Reply(200, body='{"no": 1}', path=BOOKING))

    assert main(["book", *slot, *customer, "--yes", "--journal", str(path)]) == 6

    err = capsys.readouterr().err
    assert len(connected.sandbox.holds()) == 1
    assert "released" not in err
    assert f"eguma journal recover --journal '{path}' --client-ref " in err
    recovered, _ = recover(capsys, path)
    assert recovered["confirmed"] == 1
    assert connected.sandbox.holds() == ()


def test_a_refusal_is_tried_anew_on_demand_only(connected, book, path, capsys: Out) -> None:
    body = json.dumps({"error_code": "validation_error", "message": "sold out"})
    connected.sandbox.faults.add(Reply(400, body=body, path=BOOKING))

    assert main(book) == 5
    assert main(book) == 5
    assert "add --new-generation once its reason is gone" in capsys.readouterr().err
    assert connected.sandbox.bookings() == ()
    assert main([*book, "--new-generation"]) == 0

    assert len(connected.sandbox.bookings()) == 1
    assert [entry["generation"] for entry in entries(capsys, path)] == [1, 2]


def test_a_lost_reply_is_recovered_at_once(connected, book, capsys: Out) -> None:
    lost = connected.sandbox.faults.add(DropAfter(path=BOOKING))

    assert main([*book, "--json"]) == 0

    assert lost.fired == 1
    assert json.loads(capsys.readouterr().out)["persisted"] is True
    assert len(connected.sandbox.bookings()) == 1


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--client-ref", "r"], "--client-ref needs --journal"),
        (["--account", "north"], "--account needs --journal"),
        (["--new-generation"], "--new-generation goes with --client-ref"),
        (["--journal", ""], "--journal must not be empty"),
        (["--journal", "x.db", "--client-ref", "a\nb"], "client_ref must be a text"),
        (["--journal", "x.db", "--sandbox"], "--sandbox ends with the command"),
        (["--journal", "redis-ish://h"], "no kind of journal for redis-ish://"),
    ],
)
def test_options_that_go_ill_together_send_nothing(
    *, connected, slot, customer, more: list[str], told: str, capsys: Out, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["book", *slot, *customer, "--yes", *more]) == 2

    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert connected.paths() == []
    assert not (tmp_path / "x.db").exists()


def test_a_sandbox_within_the_command_leaves_the_journal_of_the_environment_alone(
    *, connected, slot, customer, path, capsys: Out, monkeypatch
) -> None:
    monkeypatch.setenv("EGUMA_JOURNAL", str(path))

    assert main(["book", *slot, *customer, "--yes", "--sandbox"]) == 0

    assert not path.exists()


def test_a_journal_that_cannot_be_made_sends_nothing(
    connected, slot, customer, tmp_path: Path, capsys: Out
) -> None:
    (tmp_path / "file").write_text("")
    where = ["--journal", str(tmp_path / "file" / "b.db"), "--client-ref", "r"]

    assert main(["book", *slot, *customer, "--yes", *where]) == 1

    assert "cannot be made" in capsys.readouterr().err
    assert connected.paths() == []


def test_a_cancellation_is_kept(connected, book, path, capsys: Out) -> None:
    assert main([*book, "--json"]) == 0
    booking = json.loads(capsys.readouterr().out)["booking_id"]
    lost = connected.sandbox.faults.add(DropAfter(path="*/cancel-booking.json"))

    assert main(["cancel", booking, "--yes", "--json", "--journal", str(path)]) == 0

    assert lost.fired == 1
    assert json.loads(capsys.readouterr().out)["persisted"] is True
    kept = entries(capsys, path)
    assert [(each["kind"], each["state"]) for each in kept] == [
        ("booking", "confirmed"),
        ("cancellation", "confirmed"),
    ]


def test_a_booking_is_cancelled_by_its_reference(connected, book, path, capsys: Out) -> None:
    connected.sandbox.faults.add(unreadable())
    assert main(book) == 6
    line = ["cancel", "--client-ref", "order-1", "--yes", "--journal", str(path)]

    assert main(line) == 0

    (order,) = connected.sandbox.bookings()
    assert order.status == "cancelled"
    line[2] = "order-9"
    assert main(line) == 5
    assert "no booking is known under this client_ref" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("cancel --yes", "give either the id of a booking, or --client-ref"),
        ("cancel b1 --client-ref r --yes", "give either the id"),
        ("cancel --client-ref r --yes", "--client-ref needs --journal"),
    ],
)
def test_one_booking_is_cancelled(connected, line: str, told: str, capsys: Out) -> None:
    assert main(line.split()) == 2

    assert told in capsys.readouterr().err
    assert connected.paths() == []


# Interrupted


@pytest.mark.parametrize(
    ("how", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_an_interrupted_booking_says_how_to_go_on(
    *, connected, book, path, start, how: signal.Signals, code: int, word: str, capsys: Out
) -> None:
    park = connected.sandbox.faults.add(Park(path=BOOKING))
    child = start(*book)
    connected.call(park.arrived())

    child.interrupt(how)
    connected.call(_released(park))
    ended, out, err = child.finish()

    assert (ended, out) == (code, "")
    assert err.endswith(
        f"eguma: {word} while booking: the journal keeps it; go on with"
        f" `eguma journal recover --journal '{path}' --client-ref order-1`.\n"
    )
    # The answer came while the command ended, and the journal has it.
    (entry,) = entries(capsys, path)
    assert entry["state"] == "confirmed"
    recovered, err = recover(capsys, path, "--client-ref", "order-1")
    assert recovered["entries"] == []
    assert len(connected.sandbox.bookings()) == 1


async def _released(park: Park) -> None:
    park.release()


def test_a_journal_of_the_environment_is_not_repeated(
    *, connected, slot, customer, path, capsys: Out, monkeypatch
) -> None:
    monkeypatch.setenv("EGUMA_JOURNAL", str(path))
    connected.sandbox.faults.add(unreadable())

    assert main(["book", *slot, *customer, "--yes", "--client-ref", "o'1", "--account", "n"]) == 6

    err = capsys.readouterr().err
    assert "go on with `eguma journal recover --account n --client-ref 'o'\"'\"'1'`." in err


# Recovering


def test_what_is_open_is_recovered(connected, book, path, capsys: Out) -> None:
    connected.sandbox.faults.add(unreadable())
    assert main(book) == 6

    recovered, err = recover(capsys, path)

    (order,) = connected.sandbox.bookings()
    (entry,) = recovered.pop("entries")
    assert (entry["client_ref"], entry["state"], entry["error"]) == ("order-1", "confirmed", None)
    assert (entry["result"]["booking_id"], entry["result"]["tickets"]) == (order.id, "***")
    assert recovered == {
        "confirmed": 1,
        **dict.fromkeys(("rejected", "absent", "cancelled", "unsent"), 0),
        **dict.fromkeys(("needs_operator", "still_open", "mismatched", "busy", "others"), 0),
    }
    assert err == ""


def test_recovery_is_told_as_a_table(connected, book, path, capsys: Out) -> None:
    connected.sandbox.faults.add(unreadable())
    assert main(book) == 6
    capsys.readouterr()

    assert main(["journal", "recover", "--no-wait", "--journal", str(path)]) == 0

    captured = capsys.readouterr()
    (order,) = connected.sandbox.bookings()
    assert captured.out.startswith("1 entry was open\n")
    assert f"{order.number}; 2 attempts" in captured.out
    assert captured.err == ""


def test_what_stays_open_ends_with_6(connected, book, path, capsys: Out) -> None:
    fault = unreadable()
    fault.times = None
    connected.sandbox.faults.add(fault)
    assert main(book) == 6

    recovered, err = recover(capsys, path, code=6)

    assert (recovered["still_open"], recovered["confirmed"]) == (1, 0)
    assert "unreadable response" in recovered["entries"][0]["error"]
    assert err == "eguma: 1 still open. Run it again.\n"


def test_what_needs_a_person_ends_with_6(connected, book, path, capsys: Out) -> None:
    body = json.dumps({"error_code": "idempotency_key_mismatch", "message": "no"})
    connected.sandbox.faults.add(Reply(409, body=body, path=BOOKING))
    assert main(book) in (5, 6)

    recovered, err = recover(capsys, path, code=6)

    assert (recovered["needs_operator"], recovered["still_open"]) == (1, 0)
    assert "1 waiting for a person" in err
    assert "`eguma journal resolve`" in err
    assert (
        main(["journal", "resolve", "order-1", "--as", "absent", "--yes", "--journal", str(path)])
        == 0
    )
    recover(capsys, path)


def test_what_another_process_works_on_ends_with_6(
    connected, book, path, start, capsys: Out
) -> None:
    park = connected.sandbox.faults.add(Park(path=BOOKING))
    child = start(*book)
    connected.call(park.arrived())

    recovered, err = recover(capsys, path, code=6)
    child.process.kill()
    child.process.wait()

    assert (recovered["busy"], recovered["entries"]) == (1, [])
    assert err == "eguma: 1 being worked on by another process. Run it again.\n"


def test_what_is_done_but_not_as_asked_for_ends_with_6(connected, book, path, capsys: Out) -> None:
    connected.sandbox.faults.add(unreadable())
    assert main(book) == 6
    short = {"booking_id": "b1", "booking_reference": "1000053", "tickets": []}
    connected.sandbox.faults.add(Reply(200, body=json.dumps(short), path=BOOKING))

    recovered, err = recover(capsys, path, code=6)

    assert (recovered["mismatched"], recovered["confirmed"]) == (1, 1)
    assert "1 done, but not as asked for" in err


def test_one_reference_is_recovered_alone(connected, book, path, capsys: Out) -> None:
    connected.sandbox.faults.add(unreadable())
    assert main(book) == 6
    connected.sandbox.faults.add(unreadable())
    assert main([argument.replace("order-1", "order-2") for argument in book]) == 6

    recovered, _ = recover(capsys, path, "--client-ref", "order-2")

    assert [each["client_ref"] for each in recovered["entries"]] == ["order-2"]
    states = {each["client_ref"]: each["state"] for each in entries(capsys, path)}
    assert states == {"order-1": "inflight", "order-2": "confirmed"}
    assert main(["journal", "recover", "--journal", str(path), "--client-ref", "order-2"]) == 0
    assert "eguma journal show order-2" in capsys.readouterr().err


def test_what_belongs_to_others_is_counted_and_left(
    connected, book, path, capsys: Out, monkeypatch
) -> None:
    connected.sandbox.faults.add(unreadable())
    assert main(book) == 6
    other = connected.sandbox.merchants()[0].users[1].keys[0].value
    monkeypatch.setenv("EGUMA_API_KEY", other)

    recovered, _ = recover(capsys, path)
    assert (recovered["others"], recovered["entries"]) == (1, [])
    assert main(["journal", "recover", "--journal", str(path)]) == 0
    assert "1 open entry belongs to another account" in capsys.readouterr().err
    recovered, _ = recover(capsys, path, "--any-credentials")

    assert (recovered["confirmed"], recovered["others"]) == (1, 0)
    assert len(connected.sandbox.bookings()) == 1


def test_a_recovery_makes_no_journal(connected, path, capsys: Out) -> None:
    assert main(["journal", "recover", "--journal", str(path)]) == 4

    assert not path.exists()
    assert connected.paths() == []


def test_a_recovery_needs_a_key(path, book, connected, capsys: Out, monkeypatch) -> None:
    assert main(book) == 0
    monkeypatch.delenv("EGUMA_API_KEY")

    assert main(["journal", "recover", "--journal", str(path)]) == 2

    assert "EGUMA_API_KEY" in capsys.readouterr().err


def test_progress_is_shown_on_a_terminal(
    *, connected, book, path, start, terminal, capsys: Out
) -> None:
    for name in ("order-1", "order-2"):
        connected.sandbox.faults.add(unreadable())
        assert main([argument.replace("order-1", name) for argument in book]) == 6
    park = connected.sandbox.faults.add(Park(path="*/booking.json", skip=1))
    ours, theirs = terminal
    child = start(
        "journal",
        "recover",
        "--no-wait",
        "--journal",
        str(path),
        stderr=theirs,
        env={"TERM": "xterm-256color"},
    )
    os.close(theirs)
    seen = child.read_until("1/2", ours)  # as it takes longer than a second
    connected.call(_released(park))
    code, out, _ = child.finish()

    assert code == 0
    assert out.startswith("2 entries were open")
    assert "recovering" in seen


def test_an_interrupted_recovery_says_that_nothing_is_lost(
    connected, book, path, start, capsys: Out
) -> None:
    connected.sandbox.faults.add(unreadable())
    assert main(book) == 6
    park = connected.sandbox.faults.add(Park(path=BOOKING))
    child = start("journal", "recover", "--journal", str(path))
    connected.call(park.arrived())

    child.interrupt()
    connected.call(_released(park))
    code, out, err = child.finish()

    assert (code, out) == (130, "")
    assert "What is not known yet stays in the journal: run the same command again." in err
    assert "Traceback" not in err
    recover(capsys, path)
    assert len(connected.sandbox.bookings()) == 1


def test_nothing_of_the_customer_is_shown_or_left(connected, slot, kept, path, capsys: Out) -> None:
    person = ("Canary-Ada", "Canary-Lovelace", "canary@example.com")
    names = ("--first-name", "--last-name", "--email")
    customer = [part for pair in zip(names, person, strict=True) for part in pair]
    connected.sandbox.faults.add(unreadable())
    assert main(["book", *slot, *customer, *kept, "--yes", "-v"]) == 6
    assert main(["journal", "recover", "-v", "--no-wait", "--journal", str(path)]) == 0

    captured = capsys.readouterr()
    said = captured.out + captured.err
    assert "BookTickets attempt 1" in said
    for canary in (*person, connected.sandbox.demo_key):
        assert canary not in said
        assert canary.encode() not in path.read_bytes()
