"""What is said of a command line that cannot be understood: one line, with a hint, and exit 2."""

from __future__ import annotations

import pytest

from eguma_async.cli import main

Out = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("prodcts", 'Did you mean "products"?'),
        ("avail x", 'Unknown command: avail. Did you mean "availabilities"?'),
        ("re", 'Did you mean "reserve" or "release"?'),
        ("ticket check", 'Did you mean "check-in" or "check-out"?'),
        ("korus catalog", 'Did you mean "catalogs"?'),
        ("ticket checkin 1", 'Did you mean "check-in"?'),
        ("orders snyc orders.db", 'Unexpected argument: snyc. Did you mean "sync"?'),
        ("products --jsn", "Did you mean --json?"),
        ("products --jsno=1", "Did you mean --json?"),
        ("products --verbos", "Did you mean --verbose?"),
        ("book p s --itm a=1", "Did you mean --item, not --itm?"),
        ("korus order /v1/r --external-ref x", "Did you mean --external-reference?"),
        ("demo --provider kors", 'Did you mean "korus"?'),
        ("--hlep", "Unknown option: --hlep. Did you mean --help?"),
        ("--verison", "Unknown option: --verison. Did you mean --version?"),
        ("korus --hepl", "Unknown option: --hepl. Did you mean --help?"),
        ("--json products", "options go after the command, as in `eguma COMMAND --json`"),
        ("-v", "options go after the command"),
        ("products --fast --sandbox", "--fast goes before the command, once, as in `eguma --fast"),
        ("--fast --fast products", "--fast goes before the command, once"),
        ("korus --json catalogs", "as in `eguma korus COMMAND --json`"),
        ("products extra", "Unexpected argument: extra. See `eguma products --help`."),
        ("availabilities", "PRODUCT is missing. See `eguma availabilities --help`."),
        ("reserve p 2026-01-01", "--item is missing. See `eguma reserve --help`."),
        ("reserve p 2026-01-01 --item", "--item needs a value."),
        ("products --proxy", "--proxy needs a value."),
        ("products --timeout soon", "--timeout must be a number. See `eguma products --help`."),
        ("korus reserve /v1/o --quantity two", "--quantity must be a whole number."),
        ("products -x", "See `eguma products --help`."),
        ("korus orders -vx", "See `eguma korus orders --help`."),
    ],
)
def test_a_line_that_cannot_be_understood_gets_a_hint(line: str, told: str, capsys: Out) -> None:
    assert main(line.split()) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("eguma: ")
    assert err.count("\n") == 1
    assert told in err


@pytest.mark.parametrize(
    ("line", "heading"), [("", "Selling:"), ("korus", "Selling:"), ("ticket", "Commands:")]
)
def test_a_group_without_a_command_shows_its_commands(line: str, heading: str, capsys: Out) -> None:
    assert main(line.split()) == 0

    out, err = capsys.readouterr()
    assert f"\n{heading}\n" in out
    assert err == ""
