"""The examples that help shows are command lines that work."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eguma_async.cli import main
from eguma_async.cli._help import HELP
from eguma_async.cli.app import build_app
from eguma_async.cli.connection import session_clock
from eguma_async.cli.later import LaterClock
from eguma_async.cli.terminal import help_console
from tests.support.commands import Served

Out = pytest.CaptureFixture[str]
LASTING = ("sandbox", "--follow")
"""Commands that go on for ever."""
OF_THE_SHELL = (">", "$(")
SLOW = ("demo",)  # they have tests of their own
PERSON = ("--first-name", "Ada", "--last-name", "Lovelace", "--email", "ada@example.com")


def examples(command: tuple[str, ...]) -> list[str]:
    """Return the command lines of a help, each in one line again."""
    _, _, rest = HELP[command].partition("\nExamples:\n")
    block = rest.partition("\n\n")[0].replace(" \\\n", " ")
    return [" ".join(line.split()) for line in block.splitlines()]


EXAMPLES = [(command, line) for command in HELP for line in examples(command)]
LINES = [line for _, line in EXAMPLES if not any(mark in line for mark in OF_THE_SHELL)]
IS_GROUP = {command[:-1] for command in HELP if command}


@pytest.fixture
def _no_pauses() -> Iterator[None]:
    """Calibration makes a pause before each request."""
    token = session_clock.set(LaterClock(0))
    yield
    session_clock.reset(token)


def parsed(arguments: list[str]) -> None:
    build_app(help_console()).parse_args(arguments, exit_on_error=False, print_error=False)


def test_each_command_has_an_example_of_its_own() -> None:
    for command in HELP:
        lines = examples(command)
        own = [line for line in lines if " ".join(("eguma", *command)) in line]
        assert own or (command in IS_GROUP), command


def test_what_help_refers_to_is_there() -> None:
    for command, text in HELP.items():
        for line in text.replace("\n", " ").split("See also: ")[1:]:
            for name in line.partition(".")[0].split("`")[1::2]:
                assert tuple(name.split()[1:]) in HELP, (command, name)


@pytest.fixture
def run(capsys: Out, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run an example with what stands for its words in capitals."""
    monkeypatch.chdir(tmp_path)

    def carry_out(line: str, words: dict[str, str], code: int = 0) -> None:
        for name, value in words.items():
            line = line.replace(name, value)
        arguments = shlex.split(line)[1:]
        is_asking = arguments[0] == "book" or "order" in arguments or "cancel" in arguments
        yes = ["--yes"] if is_asking and not {"--yes", "--dry-run"} & {*arguments} else []
        capsys.readouterr()
        assert main([*arguments, *yes]) == code, (line, capsys.readouterr().err)

    return carry_out


@pytest.mark.usefixtures("_no_pauses")
def test_the_examples_of_e_guma_work(
    connected: Served, capsys: Out, run: Callable[..., Any]
) -> None:
    example = connected.sandbox.example("time")
    words = {"PRODUCT": example.product_id, "STARTS_AT": example.starts_at}
    words["CATEGORY"] = example.category_ids[0]
    words["NUMBER"] = connected.sandbox.orders()[0].tickets[0].number
    words["REFERENCE"] = connected.sandbox.orders()[0].number
    sale = (example.product_id, example.starts_at, "--item", f"{words['CATEGORY']}=1")
    ran = [line for line in LINES if _is_of_eguma(line)]
    assert len(ran) >= 20

    for line in ran:
        if "RESERVATION" in line:
            capsys.readouterr()
            assert main(["reserve", *sale, "--json"]) == 0
            words["RESERVATION"] = json.loads(capsys.readouterr().out)["reservation_id"]
        if "BOOKING" in line:
            capsys.readouterr()
            assert main(["book", *sale, *PERSON, "--yes", "--json"]) == 0
            words["BOOKING"] = json.loads(capsys.readouterr().out)["booking_id"]
        if "api.example" in line:
            parsed(shlex.split(line)[1:])
        else:
            run(line, words)


def _is_of_eguma(line: str) -> bool:
    others = ("eguma korus", "eguma journal", *(f"eguma {word}" for word in (*LASTING, *SLOW)))
    return not line.startswith(others) and "--follow" not in line


def test_the_examples_of_the_journal_work(
    connected: Served, capsys: Out, run: Callable[..., Any], tmp_path: Path
) -> None:
    example = connected.sandbox.example("time")
    sale = (example.product_id, example.starts_at, "--item", f"{example.category_ids[0]}=1")
    kept = ("--journal", str(tmp_path / "bookings.db"), "--client-ref", "order-4711")
    assert main(["book", *sale, *PERSON, *kept, "--yes"]) == 0
    lines = [line for line in LINES if line.startswith("eguma journal")]
    assert len(lines) >= 8

    for line in lines:
        if " resolve " in line:
            parsed(shlex.split(line)[1:])  # nothing of it is open
        else:
            run(line, {})


@pytest.mark.usefixtures("_no_pauses")
def test_the_examples_of_korus_work(
    korus: Served, capsys: Out, run: Callable[..., Any], tmp_path: Path
) -> None:
    words = {"CATALOG": "", "OFFER": ""}
    _find_offer(capsys, words)
    person = ("--external-reference", "mine", *PERSON)
    made = _document(capsys, "order", _reserved(capsys, words), *person, "--yes")["orders"][0]
    order = _document(capsys, "order-show", made["iri"])
    words["ORDER"] = made["iri"]
    words["DOCUMENT"] = order["documents"][0] if order["documents"] else ""
    lines = [line for line in LINES if line.startswith("eguma korus")]
    assert len(lines) >= 18

    for line in lines:
        if "RESERVATION" in line:
            words["RESERVATION"] = _reserved(capsys, words)
        if "TICKET" in line or "DOCUMENT" in line or "journal" in line:
            parsed(shlex.split(line)[1:])  # tests of their own run them
        else:
            run(line, words)


def _find_offer(capsys: Out, words: dict[str, str]) -> None:
    """Find an offer whose tickets need no session."""
    for catalog in _document(capsys, "catalogs"):
        for offer in _document(capsys, "offers", catalog["iri"]):
            tickets = _document(capsys, "tickets", offer["iri"])
            left = offer["available_quantity"]
            if not any(t["sessions"] for t in tickets) and (left is None or left > 20):
                words["CATALOG"], words["OFFER"] = catalog["iri"], offer["iri"]
                return
    raise AssertionError("the demo has no such offer")


def _reserved(capsys: Out, words: dict[str, str]) -> str:
    made = _document(capsys, "reserve", words["OFFER"])
    return str(made["reservations"][0]["iri"])


def _document(capsys: Out, *arguments: str) -> Any:
    capsys.readouterr()
    assert main(["korus", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)
