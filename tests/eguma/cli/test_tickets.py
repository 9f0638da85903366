"""`eguma ticket qr` and `eguma ticket pdf`: what they write is read back as a gate does."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from eguma_async.cli import main
from eguma_async.sandbox import Reply
from tests.support import codes

Out = pytest.CaptureFixture[str]
NUMBER = "4666825950402448933"


@pytest.fixture
def booked(connected, customer: list[str], capsys: Out) -> dict[str, Any]:
    """Return a booking of two tickets, as `book` prints it."""
    return _booked(connected, "time", customer, capsys)


def _booked(
    connected: Any, kind: str, customer: list[str], capsys: Any, *more: str
) -> dict[str, Any]:
    example = connected.sandbox.example(kind)
    slot = [example.product_id, example.starts_at, "--item", f"{example.category_ids[0]}=2"]
    assert main(["book", *slot, *customer, "--yes", "--json", *more]) == 0
    return json.loads(capsys.readouterr().out)


def _numbers(booking: dict[str, Any]) -> list[str]:
    return sorted(ticket["ticket_number"] for ticket in booking["tickets"])


def _scanned(path: Path) -> list[str]:
    return sorted(
        number for page in codes.from_pdf(path.read_bytes()) for number in codes.read(page)
    )


# Codes


def test_a_code_is_stored_without_a_key_or_a_network(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "t.png"

    assert main(["ticket", "qr", NUMBER, "--to", str(path)]) == 0

    assert codes.read(codes.from_png(path.read_bytes())) == [NUMBER]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    captured = capsys.readouterr()
    assert "Code stored" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize("form", ["svg", "pdf"])
def test_the_name_of_the_file_says_what_it_becomes(tmp_path: Path, capsys: Out, form: str) -> None:
    path = tmp_path / f"t.{form}"

    assert main(["ticket", "qr", NUMBER, "--to", str(path), "--json"]) == 0

    data = path.read_bytes()
    assert json.loads(capsys.readouterr().out) == {"path": str(path), "size": len(data)}
    (picture,) = [codes.from_svg(data)] if form == "svg" else codes.from_pdf(data)
    assert codes.read(picture) == [NUMBER]


def test_a_code_is_drawn_on_stdout(capsys: Out) -> None:
    assert main(["ticket", "qr", "007"]) == 0

    assert codes.read(codes.from_terminal(capsys.readouterr().out)) == ["007"]


def test_a_picture_goes_down_a_pipe(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["ticket", "qr", NUMBER, "--to", "-", "--format", "png", "--scale", "2"]) == 0

    assert codes.read(codes.from_png(capsysbinary.readouterr().out)) == [NUMBER]


class Terminal(io.StringIO):
    encoding = "UTF-8"

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_black_on_white_and_no_bytes(
    monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")

    assert main(["ticket", "qr", NUMBER]) == 0
    drawn = terminal.getvalue()
    assert main(["ticket", "qr", NUMBER, "--format", "png"]) == 2

    assert "\x1b[30;107m" in drawn
    assert codes.read(codes.from_terminal(drawn)) == [NUMBER]
    assert terminal.getvalue() == drawn
    assert "that is nothing for a terminal" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["", "--to", "t.png"], "the ticket has no number yet"),
        (["12 34", "--to", "t.png"], "visible ASCII characters"),
        ([NUMBER, "--to", "t.gif"], "must end in .png, .svg or .pdf"),
        ([NUMBER, "--to", "no/t.png"], "in a directory that exists"),
        ([NUMBER, "--to", "t.png", "--scale", "0"], "scale must be"),
        ([NUMBER, "--to", "t.png", "--format", "svg"], "--format goes with --to -"),
        ([NUMBER, "--json"], "--json goes with --to FILE"),
    ],
)
def test_what_cannot_be_drawn_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["ticket", "qr", *arguments]) == 2

    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


# Tickets in PDF


def test_each_ticket_of_a_booking_has_a_page(booked, connected, tmp_path, capsys: Out) -> None:
    path = tmp_path / "tickets.pdf"
    example = connected.sandbox.example("time")

    assert main(["ticket", "pdf", booked["booking_reference"], "--to", str(path), "--json"]) == 0

    data = path.read_bytes()
    assert json.loads(capsys.readouterr().out) == {
        "path": str(path),
        "size": len(data),
        "tickets": 2,
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert _scanned(path) == _numbers(booked)
    text = codes.texts(data)[0]
    for shown in (
        "Bergbahn Muster AG",
        "Gipfelfahrt",
        example.starts_at[11:16],
        example.starts_at[:4],
        booked["booking_reference"],
        "1/2",
    ):
        assert shown in text
    assert b"lovelace" not in data.lower()


def test_what_is_for_a_day_has_no_time(connected, customer, tmp_path, capsys: Out) -> None:
    booked = _booked(connected, "day", customer, capsys)
    path = tmp_path / "tickets.pdf"

    assert main(["ticket", "pdf", booked["booking_reference"], "--to", str(path)]) == 0

    assert "2 " in capsys.readouterr().out
    assert not any("00:00" in text for text in codes.texts(path.read_bytes()))
    assert _scanned(path) == _numbers(booked)


def test_a_pdf_goes_down_a_pipe(
    connected, customer, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    booked = _booked(connected, "time", customer, capsysbinary)

    assert main(["ticket", "pdf", booked["booking_reference"], "--to", "-", "--size", "a6"]) == 0

    pages = codes.from_pdf(capsysbinary.readouterr().out)
    assert sorted(number for page in pages for number in codes.read(page)) == _numbers(booked)


def test_a_catalogue_that_cannot_be_read_does_not_matter(booked, connected, tmp_path) -> None:
    path = tmp_path / "tickets.pdf"
    connected.sandbox.faults.add(Reply(403, path="*/products.json"))

    assert main(["ticket", "pdf", booked["booking_reference"], "--to", str(path)]) == 0

    assert _scanned(path) == _numbers(booked)
    assert "Bergbahn Muster AG" not in codes.texts(path.read_bytes())[0]


def test_a_cancelled_booking_is_refused(booked, tmp_path, capsys: Out) -> None:
    path = tmp_path / "tickets.pdf"
    assert main(["cancel", booked["booking_id"], "--yes"]) == 0
    capsys.readouterr()

    assert main(["ticket", "pdf", booked["booking_reference"], "--to", str(path)]) == 5

    assert "was cancelled: its tickets are not valid" in capsys.readouterr().err
    assert not path.exists()


def test_an_id_is_no_reference(booked, tmp_path, capsys: Out) -> None:
    path = tmp_path / "tickets.pdf"

    assert main(["ticket", "pdf", booked["booking_id"], "--to", str(path)]) == 4

    assert "give the reference of the booking and not its id" in capsys.readouterr().err
    assert not path.exists()


def test_a_journal_knows_the_reference(connected, customer, tmp_path, capsys: Out) -> None:
    path = tmp_path / "tickets.pdf"
    kept = ["--journal", str(tmp_path / "bookings.db"), "--client-ref", "order-1"]
    booked = _booked(connected, "time", customer, capsys, *kept)

    assert main(["ticket", "pdf", *kept, "--to", str(path)]) == 0

    assert _scanned(path) == _numbers(booked)
    kept[-1] = "order-2"
    assert main(["ticket", "pdf", *kept, "--to", str(path)]) == 4
    assert "the journal knows no booking" in capsys.readouterr().err


def test_what_may_not_be_booked_is_not_printed(connected, customer, tmp_path, capsys: Out) -> None:
    example = connected.sandbox.example("time")
    kept = ["--journal", str(tmp_path / "bookings.db"), "--client-ref", "order-1"]
    slot = [example.product_id, example.starts_at, "--item", f"{example.category_ids[0]}=2"]
    lost = Reply(200, body='{"no": 1}', path="*/booking.json", after_commit=True, times=None)
    connected.sandbox.faults.add(lost)
    assert main(["book", *slot, *customer, *kept, "--yes"]) == 6
    capsys.readouterr()

    assert main(["ticket", "pdf", *kept, "--to", str(tmp_path / "t.pdf")]) == 6

    assert "eguma journal recover" in capsys.readouterr().err


def test_letters_that_the_font_lacks_are_told(connected, customer, tmp_path, capsys: Out) -> None:
    path = tmp_path / "tickets.pdf"
    example = connected.sandbox.example("time")
    product = connected.sandbox.product(example.product_id)
    product.name_translations = dict.fromkeys(product.name_translations, "Музей")
    booked = _booked(connected, "time", customer, capsys)

    assert main(["ticket", "pdf", booked["booking_reference"], "--to", str(path)]) == 0

    err = capsys.readouterr().err
    assert "The font has no М е з й у: a box stands for each." in err
    assert _scanned(path) == _numbers(booked)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give either the reference of a booking, or --client-ref"),
        (["1000053", "--client-ref", "a"], "give either the reference of a booking"),
        (["--client-ref", "a"], "--client-ref needs --journal"),
        (["1000053", "--journal", "a.db"], "--journal and --account go with --client-ref"),
    ],
)
def test_wrong_usage_sends_nothing(connected, tmp_path, capsys: Out, arguments, says) -> None:
    assert main(["ticket", "pdf", *arguments, "--to", str(tmp_path / "t.pdf")]) == 2

    assert says in capsys.readouterr().err
    assert connected.paths() == []


def test_a_place_that_is_none_is_found_before_anything_is_sent(connected, tmp_path, capsys) -> None:
    assert main(["ticket", "pdf", "1000053", "--to", str(tmp_path)]) == 2

    assert "must name a plain file" in capsys.readouterr().err
    assert connected.paths() == []
