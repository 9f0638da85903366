from __future__ import annotations

import errno
import io
import json

import pytest

from eguma_async.cli.redaction import keep_secret
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import as_json, clean, counted, money, say
from eguma_async.eguma.ticketing.orders import OrderStatus
from eguma_async.eguma.ticketing.tickets import TicketCheck


def test_control_characters_become_spaces() -> None:
    assert clean("a\x1b[2Jb\x9bc\u202ed\ne") == "a [2Jb c d e"


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [(4500, "CHF", "45.00 CHF"), (5, None, "0.05"), (-670, "EUR", "-6.70 EUR"), (None, "EUR", "?")],
)
def test_cents_are_written_as_an_amount(cents: int | None, currency: str | None, text: str) -> None:
    assert money(cents, currency) == text


def test_json_keeps_every_field_and_every_character_without_controls() -> None:
    check = TicketCheck(is_successful=False, unsuccessful_message="é\x9b\u202e")

    text = as_json({"check": check, "status": OrderStatus("odd"), "all": (1, None)})

    assert "\x9b" not in text
    assert "\u202e" not in text
    assert json.loads(text) == {
        "check": {
            "is_successful": False,
            "unsuccessful_code": None,
            "unsuccessful_message": "é\x9b\u202e",
            "product_id": None,
            "ticket_type_id": None,
        },
        "status": "odd",
        "all": [1, None],
    }


def test_a_table_takes_a_merchants_text_literally(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("[bold]T\x07", ("Name",), [("[red]x :smile: \x1b[31my",)])

    out = capsys.readouterr().out
    assert "[bold]T" in out
    assert "[red]x :smile:  [31my" in out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_what_is_counted_is_singular_or_plural() -> None:
    assert [counted(["x"] * n, "order") for n in range(3)] == ["0 orders", "1 order", "2 orders"]


class Failing(io.StringIO):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error


def test_words_for_a_terminal_that_is_gone_are_dropped(monkeypatch) -> None:
    monkeypatch.setattr("sys.stderr", Failing(OSError(errno.EIO, "gone")))

    say("nobody reads this")


def test_words_for_a_reader_who_left_end_the_command(monkeypatch) -> None:
    monkeypatch.setattr("sys.stderr", Failing(BrokenPipeError()))

    with pytest.raises(BrokenPipeError):
        say("nobody reads this")


def test_a_secret_is_left_out_of_what_is_said(capsys, monkeypatch) -> None:
    keep_secret("canary-1234")
    monkeypatch.setenv("EGUMA_API_KEY", "canary-5678")
    monkeypatch.setenv("KORUS_CLIENT_SECRET", "short")

    say("a canary-1234, a canary-5678, a short word")

    assert capsys.readouterr().err == "a ***, a ***, a short word\n"
