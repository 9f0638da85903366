"""Help comes at once, is the same text everywhere, and is what the commands really take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eguma_async.cli import main
from eguma_async.cli._help import HELP
from eguma_async.cli.help import prepared_help
from eguma_async.cli.layout import COLUMNS
from tests.support import help as generator
from tests.support.commands import on_terminal

Out = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
HEAVY = {"aiohttp", "asyncio", "attr", "cattrs", "cyclopts", "msgspec", "pathlib", "rich", "typing"}
STALE = f"the help of a command has changed: run `{generator.COMMAND}`"


def test_the_prepared_help_is_what_the_command_line_prints() -> None:
    assert generator.commands() == list(HELP), STALE
    for command in HELP:
        assert generator.rendered(command) == HELP[command], STALE


@pytest.mark.source
def test_the_file_is_what_the_command_writes() -> None:
    assert generator.TARGET.read_text("utf-8") == generator.source(HELP), STALE


def test_there_is_help_for_each_command_and_each_group() -> None:
    assert len(HELP) >= 40
    assert {(), ("book",), ("korus",), ("korus", "order"), ("journal", "list")} <= HELP.keys()


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", HELP, ids=" ".join)
def test_each_help_is_printed_as_prepared(command, flag: str, capsys: Out) -> None:
    assert main([*command, flag]) == 0

    assert capsys.readouterr() == (HELP[command], "")
    lines = HELP[command].splitlines()
    assert lines[0].startswith(" ".join(("Usage: eguma", *command)))
    assert max(map(len, lines)) <= COLUMNS
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("", ()),
        ("korus", ("korus",)),
        ("journal", ("journal",)),
        ("--help products", ("products",)),
        ("products --json --help", ("products",)),
        ("korus orders --help --json", ("korus", "orders")),
    ],
)
def test_help_that_is_asked_for_otherwise_is_the_same(line: str, command, capsys: Out) -> None:
    assert main(line.split()) == 0

    assert capsys.readouterr() == (HELP[command], "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["korus"],
        ["help"],
        ["bogus", "--help"],
        ["korus", "bogus", "-h"],
        ["korus order", "--help"],
        ["Products", "--help"],
        ["--help", "products"],
        ["products", "--json", "--help"],
        ["products", "--help="],
    ],
)
def test_only_a_command_and_a_flag_get_prepared_help(arguments: list[str]) -> None:
    assert prepared_help(arguments) is None


@pytest.mark.parametrize("command", [(), ("korus",), ("journal", "list")], ids=" ".join)
def test_help_loads_nothing_that_a_command_needs(command) -> None:
    program = (
        "import json, sys; from eguma_async.cli import main; before = set(sys.modules);"
        "code = main(sys.argv[1:]); print(json.dumps(sorted(sys.modules)), file=sys.stderr);"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {program}"]
        + [*command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, HELP[command])
    assert HEAVY & set(json.loads(done.stderr)) == set()


# On terminals


@pytest.mark.parametrize("columns", [1, 2, 7, 40, 80])
@pytest.mark.parametrize("line", ["book --help", "book --json --help", "korus"])
def test_help_ends_and_is_whole_at_any_width(start, line: str, columns: int) -> None:
    # Libraries that draw boxes wrap without end, and take all memory, where there is no room.
    arguments, env = line.split(), {"COLUMNS": str(columns)}

    code, out = on_terminal(start, *arguments, columns=columns, env=env)

    assert (code, out) == (0, HELP[(arguments[0],)])


@pytest.mark.parametrize("columns", [1, 2, 80])
def test_wrong_usage_ends_at_any_width(start, columns: int) -> None:
    env = {"COLUMNS": str(columns)}

    code, out = on_terminal(start, "products", "--jsn", columns=columns, env=env, errors=True)

    assert code == 2
    assert out.startswith("eguma: ")
    assert out.endswith("See `eguma products --help`.\n")


@pytest.mark.parametrize("env", [{}, {"FORCE_COLOR": "1"}, {"TERM": "dumb"}])
def test_help_has_neither_colour_nor_boxes(start, env: dict[str, str]) -> None:
    for line in ("--help", "products --json --help", "korus"):
        code, out = on_terminal(start, *line.split(), env=env)

        assert code == 0
        assert out.isascii()
        assert "\x1b" not in out
