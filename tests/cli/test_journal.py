"""``eguma journal``: looking into a journal and putting it right, with no key and no network."""

from __future__ import annotations

import base64
import io
import json
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eguma_async import BookTickets, CancelBooking, State
from eguma_async.cli import main
from eguma_async.cli.journal.location import journal_at
from eguma_async.cli.journal.upkeep import MADE
from eguma_async.cli.redaction import redacted
from eguma_async.cli.text import aged, say
from eguma_async.core.resumable import Resumable
from eguma_async.journal.kinds import SQLiteJournal
from eguma_async.korus.booking.order_creation import CreateOrders
from tests.support.journals import PERSON, Filled

Out = pytest.CaptureFixture[str]
KEY = base64.b64encode(b"canary-journal-key-of-32-bytes!!").decode()


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    journal = Filled(tmp_path / "bookings.db")
    journal.book("order-1")
    journal.leave_open("order-2")
    return journal


def tickets_of(filled: Filled) -> list[str]:
    return [ticket.number for order in filled.sandbox.bookings() for ticket in order.tickets]


def run(capsys: Out, *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert main(["journal", *arguments]) == code, capsys.readouterr().err
    captured = capsys.readouterr()
    return captured.out, captured.err


def document(capsys: Out, *arguments: str) -> Any:
    out, err = run(capsys, *arguments, "--json")
    assert err == ""
    return json.loads(out)


# Listing


def test_entries_are_listed_with_their_age_state_and_what_to_do(filled, capsys: Out) -> None:
    out, err = run(capsys, "list", *filled.options)

    head, columns, _, first, second = out.splitlines()
    (order,) = filled.sandbox.bookings()
    assert head == "2 entries"
    assert columns.split("  ")[0] == "Age"
    assert first.split()[1:] == [
        *("s", "confirmed", "booking", "order-1", f"{order.number};", "1", "attempt", "nothing")
    ]
    assert "inflight" in second
    assert "order-2" in second
    assert "DecodingError; 1 attempt; may have been done" in second
    assert second.endswith("run a recovery")
    assert err == ""


def test_only_what_is_open_is_listed_on_demand(filled, capsys: Out) -> None:
    out, _ = run(capsys, "list", "--open", *filled.options)

    assert out.startswith("1 entry\n")
    assert "order-2" in out
    assert "order-1" not in out


def test_entries_are_one_json_document(filled, capsys: Out) -> None:
    first, second = document(capsys, "list", *filled.options)

    (order,) = filled.sandbox.bookings()
    assert (first["client_ref"], first["state"], first["is_open"]) == (
        "order-1",
        "confirmed",
        False,
    )
    assert first["result"]["booking_id"] == order.id
    assert first["result"]["booking_reference"] == order.number
    assert first["created_at"].endswith("+00:00")
    assert 0 <= first["age_seconds"] < 60
    assert (second["state"], second["reason"], second["in_doubt"]) == (
        "inflight",
        "DecodingError",
        True,
    )
    assert second["advice"] == "run a recovery"
    assert second["result"] is None


@pytest.mark.parametrize("command", [["list"], ["show", "order-1"], ["export"]])
@pytest.mark.parametrize("json_too", [True, False])
def test_tickets_are_shown_on_demand_only(
    filled, command: list[str], json_too: bool, capsys: Out
) -> None:
    form = ["--json"] if json_too and command != ["export"] else []
    hidden, _ = run(capsys, *command, *form, *filled.options)
    shown, _ = run(capsys, *command, *form, "--reveal", *filled.options)

    tickets = tickets_of(filled)
    assert len(tickets) == 2
    for ticket in tickets:
        assert ticket not in hidden
        assert ticket in shown


def test_what_is_not_known_to_be_harmless_is_hidden(filled, capsys: Out) -> None:
    filled.set_result("order-1", {"booking_id": "b1", "gate_code": "canary-1", "tickets": []})

    out, _ = run(capsys, "show", "order-1", *filled.options)
    (shown,) = document(capsys, "show", "order-1", *filled.options)

    assert "canary-1" not in out
    assert shown["result"] == {"booking_id": "b1", "gate_code": "***", "tickets": []}


def test_accounts_are_told_apart(filled, capsys: Out) -> None:
    filled.book("order-1", account="north")

    everything, _ = run(capsys, "list", *filled.options)
    assert "Account" in everything
    only = document(capsys, "list", "--account", "north", *filled.options)
    assert [entry["account"] for entry in only] == ["north"]


def test_the_environment_says_where_the_journal_is(filled, capsys: Out, monkeypatch) -> None:
    monkeypatch.setenv("EGUMA_JOURNAL", str(filled.path))

    assert len(document(capsys, "list")) == 2


def test_neither_a_key_nor_the_network_is_needed(filled, capsys: Out, monkeypatch) -> None:
    monkeypatch.setenv("EGUMA_BASE_URL", "http://nowhere.invalid")

    run(capsys, "list", *filled.options)
    run(capsys, "resolve", "order-2", "--as", "absent", "--yes", *filled.options)
    run(capsys, "erase", "order-1", "--yes", *filled.options)
    run(capsys, "prune", "--yes", *filled.options)


# One entry


def test_all_of_an_entry_is_shown(filled, capsys: Out) -> None:
    out, _ = run(capsys, "show", "order-1", *filled.options)

    (order,) = filled.sandbox.bookings()
    (entry, _) = filled.entries()
    rows = dict(line.split("  ", 1) for line in out.splitlines() if "  " in line)
    told = {name: value.strip() for name, value in rows.items()}
    assert out.startswith("booking order-1: confirmed\n")
    assert told["Provider"] == "e-guma"
    assert told["Environment"] == "http://127.0.0.1"
    assert told["Booking id"] == order.id
    assert told["Idempotency key"] == entry.idempotency_key
    assert told["Attempts"] == "1"
    assert told["Tickets"] == "***"


def test_each_candidate_is_shown(filled, capsys: Out) -> None:
    filled.leave_open("order-3")
    (*_, entry) = filled.entries()
    assert entry.candidates == ()
    filled.set_candidates("order-3", ("0123456789abcdef", "fedcba9876543210"))

    out, _ = run(capsys, "show", "order-3", *filled.options)
    (shown,) = document(capsys, "show", "order-3", *filled.options)

    assert out.count("May be  ") == 2
    assert "0123456789abcdef" in out
    assert shown["candidates"] == ["0123456789abcdef", "fedcba9876543210"]
    assert "may be: 0123456789abcdef, fed" in run(capsys, "list", *filled.options)[0]


def test_a_cancellation_is_shown_under_its_own_reference(filled, capsys: Out) -> None:
    (order,) = filled.sandbox.bookings()
    filled.cancel(order.id)

    (entry,) = document(capsys, "show", order.id, *filled.options)

    assert (entry["kind"], entry["state"]) == ("cancellation", "confirmed")


def test_a_damaged_entry_is_listed_and_shown_by_its_digits(filled, capsys: Out) -> None:
    digits = filled.damage("order-2")

    listed = document(capsys, "list", *filled.options)

    assert [entry["state"] for entry in listed] == ["confirmed", "quarantined"]
    assert "damaged entry" in run(capsys, "show", digits, *filled.options)[0]
    table, _ = run(capsys, "list", *filled.options)
    assert "damaged: nothing of it is believed" in table
    assert "back office" in table


@pytest.mark.parametrize("command", [["show"], ["erase"], ["resolve", "--as", "absent"]])
def test_a_reference_that_is_unknown_is_not_found(filled, command: list[str], capsys: Out) -> None:
    yes = [] if command == ["show"] else ["--yes"]
    _, err = run(capsys, *command, "order-9", *yes, *filled.options, code=4)

    assert err == "eguma: the journal has no such entry: order-9\n"


# Resolving


def test_a_person_says_that_it_was_booked(filled, capsys: Out) -> None:
    filled.leave_to_a_person("order-3")
    assert filled.entries()[-1].state is State.NEEDS_OPERATOR
    made = ["--booking-id", "f14295ec14453306ee08fa03", "--reference", "1000007"]

    entry = document(
        capsys, "resolve", "order-3", "--as", "confirmed", *made, "--yes", *filled.options
    )

    assert (entry["state"], entry["reason"]) == ("confirmed", "resolved")
    assert filled.entries()[-1].result == {
        "booking_id": "f14295ec14453306ee08fa03",
        "booking_reference": "1000007",
    }


def test_what_was_resolved_is_handed_out_and_not_sent(filled, capsys: Out) -> None:
    run(
        capsys,
        *("resolve", "order-2", "--as", "confirmed", "--booking-id", "b1", "--yes"),
        *filled.options,
    )
    requests = filled.sandbox.requests.total

    filled.book("order-2")

    assert filled.sandbox.requests.total == requests


@pytest.mark.parametrize("outcome", ["absent", "cancelled"])
def test_a_person_says_that_it_was_not(filled, outcome: str, capsys: Out) -> None:
    run(capsys, "resolve", "order-2", "--as", outcome, "--yes", *filled.options)

    assert filled.entries()[-1].state is State(outcome)


def test_what_was_confirmed_needs_its_id(filled, capsys: Out) -> None:
    options = ["resolve", "order-2", "--as", "confirmed", "--yes", *filled.options]
    assert "--booking-id" in run(capsys, *options, code=2)[1]
    assert "--booking-id" in run(capsys, *options, "--reference", "1000007", code=2)[1]
    two = ["--booking-id", "b1", "--booking-id", "b2"]
    assert "one --booking-id" in run(capsys, *options, *two, code=2)[1]
    assert filled.entries()[-1].state is State.INFLIGHT


def test_a_damaged_entry_is_resolved_by_its_digits(filled, capsys: Out) -> None:
    digits = filled.damage("order-2")
    options = ["resolve", digits, "--as", "confirmed", "--booking-id", "b1", "--yes"]

    _, err = run(capsys, *options, *filled.options, code=2)
    assert "--kind booking" in err
    run(capsys, *options, "--kind", "booking", *filled.options)

    entry = filled.entries()[-1]
    assert (entry.state, entry.result["booking_id"]) == (State.CONFIRMED, "b1")


def test_what_is_known_is_not_resolved_again(filled, capsys: Out) -> None:
    _, err = run(capsys, "resolve", "order-1", "--as", "absent", "--yes", *filled.options, code=1)

    assert "its outcome is known already: confirmed" in err
    assert filled.entries()[0].state is State.CONFIRMED


def test_of_several_entries_with_a_reference_one_is_named(filled, capsys: Out) -> None:
    filled.leave_open("order-2", base_url="http://localhost", account="north")
    options = ["resolve", "order-2", "--as", "absent", "--yes", *filled.options]

    _, err = run(capsys, *options, code=2)
    assert "--environment http://127.0.0.1 --account ''" in err
    assert "--environment http://localhost --account north" in err
    run(capsys, *options, "--account", "north")
    run(capsys, *options, "--account", "")

    assert [entry.state for entry in filled.entries()[1:]] == [State.ABSENT, State.ABSENT]


@pytest.mark.parametrize(
    "command",
    [["resolve", "order-2", "--as", "absent"], ["erase", "order-1"], ["prune"]],
)
def test_nothing_is_changed_where_nobody_can_be_asked(
    filled, command: list[str], capsys: Out, monkeypatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    before = filled.entries()

    assert "--yes" in run(capsys, *command, *filled.options, code=2)[1]

    assert filled.entries() == before


@pytest.mark.parametrize(("answer", "code", "state"), [("y", 0, "absent"), ("n", 1, "inflight")])
def test_the_answer_on_a_terminal_decides(
    *, filled, terminal, start, answer: str, code: int, state: str
) -> None:
    child = start(
        "journal", "resolve", "order-2", "--as", "absent", *filled.options, stdin=terminal[1]
    )
    asked = child.read_until("[y/N]")
    os.write(terminal[0], f"{answer}\n".encode())

    assert child.finish()[0] == code

    assert "booking order-2: inflight, DecodingError" in asked
    assert filled.entries()[1].state.value == state


@pytest.mark.parametrize("kind", [BookTickets, CancelBooking, CreateOrders])
def test_what_a_person_enters_is_what_the_operation_reads(kind: type[Resumable[Any]]) -> None:
    """What `recall` needs, for all kinds there are."""
    made = MADE[kind.KIND](["the-id"], ["the-number"])
    if kind is CreateOrders:
        assert made == {"orders": ["the-id"], "references": ["the-number"]}
        return
    coroutine = kind.recall(made, None)  # type: ignore[arg-type]  # it reads nothing
    with pytest.raises(StopIteration) as recalled:
        coroutine.send(None)  # it waits for nothing
    assert recalled.value.value.booking_id == "the-id"
    assert recalled.value.value.booking_reference == "the-number"


# Erasing and pruning


def test_what_came_of_an_entry_is_erased(filled, capsys: Out) -> None:
    entry = document(capsys, "erase", "order-1", "--yes", *filled.options)

    assert (entry["state"], entry["reason"], entry["result"]) == ("confirmed", "erased", None)
    assert filled.entries()[0].result is None
    written = filled.path.read_bytes()
    assert not any(ticket.encode() in written for ticket in tickets_of(filled))


def test_what_is_open_is_not_erased(filled, capsys: Out) -> None:
    _, err = run(capsys, "erase", "order-2", "--yes", *filled.options, code=1)

    assert "not known yet" in err


def test_young_entries_stay(filled, capsys: Out) -> None:
    assert document(capsys, "prune", "--yes", *filled.options) == {"removed": 0}
    assert len(filled.entries()) == 2


def test_old_entries_that_have_ended_go(filled, capsys: Out) -> None:
    filled.age(timedelta(days=5))

    assert document(capsys, "prune", "--yes", "--older-than", "4.5", *filled.options) == {
        "removed": 1
    }

    assert [entry.client_ref for entry in filled.entries()] == ["order-2"]


@pytest.mark.parametrize("days", ["3", "nan", "1e300"])
def test_what_a_server_may_still_know_is_not_pruned(filled, days: str, capsys: Out) -> None:
    _, err = run(capsys, "prune", "--yes", "--older-than", days, *filled.options, code=2)

    assert err.count("\n") == 1


# Exporting


def test_entries_are_exported_as_lines(filled, capsys: Out) -> None:
    out, err = run(capsys, "export", *filled.options)

    assert [json.loads(line)["client_ref"] for line in out.splitlines()] == ["order-1", "order-2"]
    assert err == ""


def test_a_file_is_written_for_its_owner_only(filled, capsys: Out, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text("old")
    file.chmod(0o644)

    out, err = run(capsys, "export", "--open", "--to", str(file), *filled.options)

    assert out == ""
    assert err == f"1 entry written to {file}\n"
    (line,) = file.read_text("utf-8").splitlines()
    assert json.loads(line)["client_ref"] == "order-2"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bookings.db", "out.jsonl"]


def test_an_export_that_fails_leaves_the_file_as_it_was(
    filled, capsys: Out, tmp_path: Path
) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text("old")
    filled.path.write_bytes(b"no database at all, and longer than its header" * 40)

    run(capsys, "export", "--to", str(file), *filled.options, code=1)

    assert file.read_text() == "old"


def test_a_file_that_cannot_be_written_is_told(filled, capsys: Out, tmp_path: Path) -> None:
    _, err = run(capsys, "export", "--to", str(tmp_path), *filled.options, code=2)

    assert "plain file" in err


# Where it is


@pytest.mark.parametrize(
    "command", [["list"], ["show", "r"], ["export"], ["erase", "r", "--yes"], ["prune", "--yes"]]
)
def test_a_journal_that_is_missing_is_not_made(
    tmp_path: Path, command: list[str], capsys: Out
) -> None:
    path = tmp_path / "none.db"

    _, err = run(capsys, *command, "--journal", str(path), code=4)

    assert f"there is no journal at {path}" in err
    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_no_journal_and_stays_as_it_is(tmp_path: Path, capsys: Out) -> None:
    tmp_path.chmod(0o755)

    _, err = run(capsys, "list", "--journal", str(tmp_path), code=2)

    assert "no file" in err
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_file_that_is_no_journal_is_told(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a journal, " * 100)

    _, err = run(capsys, "list", "--journal", str(path), code=1)

    assert "no journal" in err
    assert path.read_text() == "not a journal, " * 100


def test_without_a_journal_it_says_how_to_name_one(capsys: Out) -> None:
    _, err = run(capsys, "list", code=2)

    assert "--journal PATH" in err
    assert "EGUMA_JOURNAL" in err


def test_a_path_is_a_file(tmp_path: Path) -> None:
    assert isinstance(journal_at(str(tmp_path / "b.db"), key=""), SQLiteJournal)
    assert isinstance(journal_at("C:\\bookings.db", key=""), SQLiteJournal)


@pytest.mark.parametrize(
    "line",
    [
        "list --journal nonsense://app:canary-pw-1@db/bookings",
        "list nonsense://app:canary-pw-1@db/bookings",
        "list --jurnal=nonsense://app:canary-pw-1@db",
        "show r --journal nonsense://db/x?password=canary-pw-1",
    ],
)
def test_no_password_of_a_location_is_shown(line: str, capsys: Out, monkeypatch) -> None:
    _, err = run(capsys, *line.split(), code=2)
    assert "canary" not in err

    *command, location = line.split()
    if command[-1:] == ["--journal"]:
        monkeypatch.setenv("EGUMA_JOURNAL", location)
        _, err = run(capsys, *command[:-1], code=2)
        assert "no kind of journal for nonsense://" in err
        assert "canary" not in err


@pytest.mark.parametrize(
    "location",
    [
        "nonsense://app:canary-pw-2@db",
        "nonsense://:canary%2Dpw%2D2@db/0",
        "nonsense://db/x?sslpassword=canary-pw-2",
    ],
)
def test_the_password_of_a_location_is_a_secret_from_then_on(location: str, capsys: Out) -> None:
    run(capsys, "list", "--journal", location, code=2)

    say("the server said canary-pw-2")

    assert capsys.readouterr().err == "the server said ***\n"


@pytest.mark.parametrize("flag", ["--key", "--journal-key", "--journal_key=canary-key-0123"])
def test_the_key_is_no_argument_and_is_not_repeated(flag: str, capsys: Out) -> None:
    _, err = run(capsys, "list", flag, "canary-key-0123", code=2)

    assert "EGUMA_ASYNC_JOURNAL_KEY" in err
    assert "canary" not in err


# Encrypted


def test_an_encrypted_entry_opens_with_the_key_of_the_environment(
    tmp_path: Path, capsys: Out, monkeypatch
) -> None:
    pytest.importorskip("cryptography")
    journal = Filled(tmp_path / "sealed.db")
    journal.book("order-1", key=KEY)

    (locked,) = document(capsys, "list", *journal.options)
    table, _ = run(capsys, "list", *journal.options)
    monkeypatch.setenv("EGUMA_ASYNC_JOURNAL_KEY", KEY)
    (opened,) = document(capsys, "list", *journal.options)

    assert (locked["locked"], locked["result"]) == (True, None)
    assert locked["advice"] == "give the journal its key"
    assert "encrypted" in table
    assert opened["result"]["booking_id"]


def test_a_key_that_is_none_is_told_and_not_repeated(filled, capsys: Out, monkeypatch) -> None:
    monkeypatch.setenv("EGUMA_ASYNC_JOURNAL_KEY", "canary-key-too-short")

    _, err = run(capsys, "list", *filled.options, code=2)

    assert "32 bytes" in err
    assert "canary" not in err


def test_each_key_of_a_journal_is_a_secret(monkeypatch) -> None:
    monkeypatch.setenv("EGUMA_ASYNC_JOURNAL_KEY", "canary-first-key, canary-second-key")

    assert redacted("canary-second-key, and canary-first-key") == "***, and ***"


def test_no_command_shows_a_customer_or_a_key(tmp_path: Path, capsys: Out, monkeypatch) -> None:
    pytest.importorskip("cryptography")
    monkeypatch.setenv("EGUMA_ASYNC_JOURNAL_KEY", f"{KEY},{base64.b64encode(b'x' * 32).decode()}")
    journal = Filled(tmp_path / "bookings.db")
    journal.book("order-1", key=KEY)
    journal.leave_open("order-2", key=KEY)
    written = tmp_path / "out.jsonl"
    for command in (
        ["list", "--reveal"],
        ["list", "--json", "--reveal"],
        ["show", "order-1", "--reveal"],
        ["show", "order-2", "--json"],
        ["export", "--reveal"],
        ["export", "--reveal", "--to", str(written)],
        ["resolve", "order-2", "--as", "absent", "--yes"],
        ["erase", "order-1", "--yes"],
        ["prune", "--yes"],
    ):
        assert main(["journal", *command, *journal.options]) == 0

    captured = capsys.readouterr()
    said = captured.out + captured.err + written.read_text("utf-8")
    assert "order-2" in said
    for canary in (*PERSON, KEY, journal.sandbox.demo_key):
        assert canary not in said
        assert canary.encode() not in journal.path.read_bytes()


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=47, minutes=59), "47 h"),
        (timedelta(hours=48), "2 d"),
    ],
)
def test_an_age_is_written_in_the_unit_that_fits(passed: timedelta, text: str) -> None:
    assert aged(passed) == text
