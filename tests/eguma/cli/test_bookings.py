from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from datetime import timedelta
from typing import Any

import pytest

from eguma_async.cli import main
from eguma_async.cli.errors import Stop
from eguma_async.cli.prompt import confirm_within, read_line
from eguma_async.eguma.ticketing.bookings import BookTickets
from eguma_async.sandbox import DropAfter, Park, Reply

Out = pytest.CaptureFixture[str]


ENDINGS = pytest.mark.parametrize(
    ("how", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "hung up"),
    ],
)

AGAIN = pytest.mark.parametrize(
    ("how", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
"""A hang-up that comes again means nothing."""


@pytest.fixture
def slot(connected) -> list[str]:
    example = connected.sandbox.example("time")
    return [example.product_id, example.starts_at, "--item", f"{example.category_ids[0]}=2"]


def test_book_holds_shows_the_total_and_books_the_hold(
    connected, slot: list[str], customer: list[str], capsys: Out
) -> None:
    assert main(["book", *slot, *customer, "--yes", "--json"]) == 0

    captured = capsys.readouterr()
    booking = json.loads(captured.out)
    assert len(booking["tickets"]) == 2
    assert [order.id for order in connected.sandbox.bookings()] == [booking["booking_id"]]
    assert connected.sandbox.holds() == ()
    assert "2 x Erwachsene: 90.00 CHF" in captured.err
    assert "Total: 90.00 CHF" in captured.err
    assert "Held for 59 min" in captured.err


def test_book_uses_a_given_reservation_and_holds_nothing(
    connected, slot: list[str], customer: list[str], capsys: Out
) -> None:
    assert main(["reserve", *slot, "--json"]) == 0
    reservation = json.loads(capsys.readouterr().out)["reservation_id"]

    assert main(["book", *slot, *customer, "--reservation", reservation, "--yes"]) == 0

    assert connected.paths().count("/v1/ticketing/reservation.json") == 1
    assert len(connected.sandbox.bookings()) == 1


def test_a_lost_reply_is_recovered_with_the_given_key(
    connected, slot: list[str], customer: list[str], capsys: Out
) -> None:
    lost = connected.sandbox.faults.add(DropAfter(path="*/booking.json"))

    assert main(["book", *slot, *customer, "--yes", "--json", "--idempotency-key", "k-7"]) == 0

    booking = json.loads(capsys.readouterr().out)
    assert lost.fired == 1
    assert booking["replayed"] is True
    assert booking["idempotency_key"] == "k-7"
    assert len(connected.sandbox.bookings()) == 1


def test_the_same_key_with_another_booking_is_refused_and_explained(
    connected, slot: list[str], customer: list[str], capsys: Out
) -> None:
    again = ["book", *slot, *customer, "--yes", "--idempotency-key", "k-7"]
    assert main(again) == 0

    assert main(again) == 5

    assert "--reservation included" in capsys.readouterr().err
    assert connected.sandbox.holds() == ()
    assert len(connected.sandbox.bookings()) == 1


def body_shown(capsys: Out) -> dict[str, Any]:
    """Return the body of the booking that a dry run shows."""
    *_, booking = json.loads(capsys.readouterr().out)["requests"]
    return json.loads(booking["body"])


def test_a_dry_run_prints_the_body_and_sends_nothing(
    connected, slot: list[str], customer: list[str], capsys: Out
) -> None:
    assert main(["book", *slot, *customer, "--language", "en", "--dry-run", "--json"]) == 0

    assert body_shown(capsys) == {
        "reservation_id": "RESERVATION_ID",
        "product_id": slot[0],
        "starts_at": slot[1],
        "items": [{"category_id": slot[3].partition("=")[0], "quantity": 2}],
        "customer": {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"},
        "language": "en",
    }
    assert connected.paths() == []


def test_a_booking_that_is_not_what_was_asked_for_is_shown_and_said_to_exist(
    connected, slot: list[str], customer: list[str], capsys: Out
) -> None:
    category = slot[3].partition("=")[0]
    tickets = [{"ticket_number": "4666825950402448933", "category_id": category}]
    short = {"booking_id": "b1", "booking_reference": "1000053", "tickets": tickets}
    fault = Reply(200, path="*/booking.json", body=json.dumps(short), after_commit=True)
    connected.sandbox.faults.add(fault)

    assert main(["book", *slot, *customer, "--yes"]) == 6

    captured = capsys.readouterr()
    assert json.loads(captured.out)["booking_id"] == "b1"
    assert " is booked." in captured.err
    assert "released" not in captured.err
    assert "/v1/ticketing/cancel-reservation.json" not in connected.paths()


def test_a_start_goes_to_the_server_to_the_letter(
    connected, slot: list[str], customer: list[str], capsys: Out
) -> None:
    for written in ("2027-03-19T10:00:00+01:00", "2027-03-19T10:00:00.0000000", "2027-03-19"):
        slot[1] = written
        assert main(["book", *slot, *customer, "--dry-run", "--json"]) == 0
        assert body_shown(capsys)["starts_at"] == written


def test_nothing_is_held_where_nobody_can_be_asked(
    connected, slot: list[str], customer: list[str], capsys: Out, monkeypatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    assert main(["book", *slot, *customer]) == 2

    assert "--yes" in capsys.readouterr().err
    assert connected.paths() == []


def test_a_refused_booking_gives_the_places_back(
    connected, slot: list[str], customer: list[str], capsys: Out
) -> None:
    assert main(["book", *slot, *customer, "--language", "xx", "--yes"]) == 5

    assert connected.sandbox.holds() == ()
    assert "was released" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "code", "bookings"), [("y", 0, 1), ("n", 1, 0), ("", 1, 0)])
def test_the_answer_on_a_terminal_decides(
    *, connected, slot, customer, terminal, start, answer: str, code: int, bookings: int
) -> None:
    ours, theirs = terminal
    child = start("book", *slot, *customer, stdin=theirs)
    child.read_until("[y/N]")
    os.write(ours, f"{answer}\n".encode())

    assert child.finish()[0] == code

    assert len(connected.sandbox.bookings()) == bookings
    assert connected.sandbox.holds() == ()


@ENDINGS
def test_ending_the_question_releases_the_hold(
    *, connected, slot, customer, terminal, start, how: signal.Signals, code: int, word: str
) -> None:
    child = start("book", *slot, *customer, stdin=terminal[1])
    child.read_until("[y/N]")
    (hold,) = connected.sandbox.holds()

    child.interrupt(how)
    ended, out, err = child.finish()

    assert ended == code
    assert connected.sandbox.holds() == ()
    assert connected.sandbox.bookings() == ()
    assert f"Reservation {hold.id} was released" in err
    assert err.endswith(f"eguma: {word}\n")
    assert "Traceback" not in err
    assert out == ""


def test_closing_the_terminal_releases_the_hold(connected, slot, customer, terminal, start) -> None:
    ours, theirs = terminal
    child = start("book", *slot, *customer, controlling=theirs)
    os.close(theirs)
    child.read_until("[y/N]", ours)
    assert len(connected.sandbox.holds()) == 1

    os.close(ours)

    assert child.finish()[0] == 129
    assert connected.sandbox.holds() == ()
    assert connected.sandbox.bookings() == ()


def test_a_terminal_that_only_goes_silent_is_a_no(
    connected, slot, customer, terminal, start
) -> None:
    ours, theirs = terminal
    child = start("book", *slot, *customer, stdin=theirs)
    os.close(theirs)
    child.read_until("[y/N]")

    os.close(ours)
    code, _, err = child.finish()

    assert code == 1
    assert connected.sandbox.holds() == ()
    assert err.endswith("eguma: nothing was booked\n")


@pytest.mark.parametrize("gone", ["stdout", "stderr"])
def test_a_hang_up_releases_the_hold_when_readers_are_gone_too(
    *, connected, slot, customer, terminal, start, gone: str
) -> None:
    child = start("book", *slot, *customer, stdin=terminal[1])
    child.read_until("[y/N]")
    getattr(child.process, gone).close()
    setattr(child.process, gone, None)

    child.interrupt(signal.SIGHUP)

    assert child.finish()[0] == 129
    assert connected.sandbox.holds() == ()


@AGAIN
def test_ending_it_again_during_the_release_says_what_may_still_be_held(
    *, connected, slot, customer, terminal, start, how: signal.Signals, code: int, word: str
) -> None:
    park = connected.sandbox.faults.add(Park(path="*/cancel-reservation.json"))
    child = start("book", *slot, *customer, stdin=terminal[1])
    child.read_until("[y/N]")
    (hold,) = connected.sandbox.holds()

    child.interrupt(how)
    connected.call(park.arrived())
    child.interrupt(how)
    ended, _, err = child.finish()
    connected.call(_released(park))

    assert ended == code
    end = f"{hold.expires_at:%Y-%m-%d %H:%M} UTC"
    assert f"Reservation {hold.id} may still be held; it ends by itself at {end}" in err
    assert f"eguma release {hold.id}\n" in err
    assert "was released" not in err
    assert f"eguma: {word}" in err
    assert "Traceback" not in err


def test_a_hold_that_cannot_be_released_is_told_with_its_end(
    connected, slot, customer, capsys: Out
) -> None:
    connected.sandbox.faults.add(Reply(path="*/cancel-reservation.json", status=400))

    assert main(["book", *slot, *customer, "--language", "xx", "--yes"]) == 5

    (hold,) = connected.sandbox.holds()
    err = capsys.readouterr().err
    assert f"Reservation {hold.id} could not be released; it ends by itself at" in err
    assert f"eguma release {hold.id}" in err


def test_a_hold_that_runs_out_at_the_question_is_not_booked(
    connected, slot, customer, terminal, start
) -> None:
    child = start("book", *slot, *customer, stdin=terminal[1])
    child.read_until("[y/N]")
    connected.sandbox.clock.advance(minutes=61)
    os.write(terminal[0], b"y\n")

    code, _, err = child.finish()

    assert code == 5
    assert connected.sandbox.bookings() == ()
    assert "HTTP 400" in err


async def test_a_question_nobody_answers_ends_with_the_hold(terminal, monkeypatch) -> None:
    with os.fdopen(os.dup(terminal[1])) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(Stop, match="expired"):
            await confirm_within("Book this?", timedelta(0))


async def test_a_line_is_read_where_the_loop_cannot_watch_stdin(monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise NotImplementedError

    read, write = os.pipe()
    with os.fdopen(read) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", refuse)
        os.write(write, b"yes\n")
        os.close(write)
        assert await read_line() == "yes"
        assert await read_line() is None


def test_interrupting_a_hold_under_way_gives_it_back(connected, slot, customer, start) -> None:
    park = connected.sandbox.faults.add(Park(path="*/reservation.json"))
    child = start("book", *slot, *customer, "--yes")
    connected.call(park.arrived())

    child.interrupt()
    connected.call(_released(park))
    code, _, err = child.finish()

    assert code == 130
    assert connected.sandbox.bookings() == ()
    assert connected.sandbox.holds() == ()
    assert "If places were held, they were given back" in err


def test_a_booking_whose_answer_cannot_be_read_is_resumed_with_what_was_told(
    connected, slot, customer, capsys: Out
) -> None:
    connected.sandbox.faults.add(Reply(path="*/booking.json", status=200, body='{"no": 1}'))

    assert main(["book", *slot, *customer, "--yes", "--idempotency-key", "k-7"]) == 6

    (hold,) = connected.sandbox.holds()
    err = capsys.readouterr().err
    assert f"--reservation {hold.id} --idempotency-key k-7" in err
    assert "released" not in err


def test_a_bug_while_booking_keeps_the_hold_and_names_the_key(
    connected, slot, customer, capsys: Out, monkeypatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(BookTickets, "complete", fail)

    assert main(["book", *slot, *customer, "--yes", "--idempotency-key", "k-7"]) == 1

    err = capsys.readouterr().err
    assert "may be booked, with the idempotency key k-7" in err
    assert "was released" not in err


def test_a_sandbox_that_ends_with_the_command_gets_no_hints(
    connected, slot, customer, capsys: Out
) -> None:
    assert main(["reserve", *slot]) == 0
    assert main(["book", *slot, *customer, "--yes"]) == 0
    told = capsys.readouterr().err
    assert main(["reserve", *slot, "--sandbox"]) == 0
    assert main(["book", *slot, *customer, "--yes", "--sandbox"]) == 0
    told_in_sandbox = capsys.readouterr().err

    for hint in ("eguma release", "eguma cancel"):
        assert hint in told
        assert hint not in told_in_sandbox


def test_an_interrupted_booking_is_resumed_with_what_was_told(
    connected, slot, customer, start, capsys: Out
) -> None:
    park = connected.sandbox.faults.add(Park(path="*/booking.json"))
    child = start("book", *slot, *customer, "--yes")
    connected.call(park.arrived())
    child.interrupt()
    code, _, err = child.finish()
    assert code == 130
    words = err.split()
    options = [words[i : i + 2] for i, w in enumerate(words) if w in RESUME]
    assert {option for option, _ in options} == RESUME
    connected.call(_released(park))
    connected.call(_until_booked(connected.sandbox))

    resumed = [part.rstrip(".") for option in options for part in option]
    assert main(["book", *slot, *customer, "--yes", "--json", *resumed]) == 0

    assert json.loads(capsys.readouterr().out)["replayed"] is True
    assert len(connected.sandbox.bookings()) == 1
    assert "/v1/ticketing/cancel-reservation.json" not in connected.paths()


RESUME = {"--reservation", "--idempotency-key"}


async def _released(park: Park) -> None:
    park.release()


async def _until_booked(sandbox) -> None:
    for _ in range(1000):
        if sandbox.bookings():
            return
        await asyncio.sleep(0)
    raise AssertionError("the parked booking was not finished")


def test_cancel_asks_on_a_terminal(
    *, connected, slot, customer, terminal, start, capsys: Out
) -> None:
    assert main(["book", *slot, *customer, "--yes", "--json"]) == 0
    booking = json.loads(capsys.readouterr().out)["booking_id"]

    child = start("cancel", booking, stdin=terminal[1])
    child.read_until("[y/N]")
    os.write(terminal[0], b"no\n")
    assert child.finish()[0] == 1
    assert connected.sandbox.bookings()[0].status == "completed"

    assert main(["cancel", booking, "--yes"]) == 0
    assert connected.sandbox.bookings()[0].status == "cancelled"
