"""The scripts for shells are valid, complete what there is, and are those of this version."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import subprocess
from functools import cache

import pytest

from eguma_async.cli import main
from eguma_async.cli._help import HELP

Out = pytest.CaptureFixture[str]
ASK = """
complete_line() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  _eguma
  printf '%s\\n' "${COMPREPLY[*]}"
}
"""


@cache
def script(shell: str) -> str:
    """Return what the command prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["completion", shell]) == 0
    return out.getvalue()


def completed(*lines: str) -> list[list[str]]:
    """Return what bash offers for the last word of each line."""
    calls = [f"complete_line {' '.join(map(shlex.quote, shlex.split(line)))}" for line in lines]
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join([script("bash"), ASK, *calls])],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return [line.split() for line in done.stdout.splitlines()]


def test_an_unknown_shell_is_refused(capsys: Out) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "bash" in capsys.readouterr().err


def test_bash_completes_commands_options_and_choices() -> None:
    offered = completed(
        "eguma ava",
        "eguma jour",
        "eguma ticket check",
        "eguma korus order",
        "eguma --fast prod",
        "eguma book --dry",
        "eguma availabilities P1 --t",
        "eguma korus reserve --qu",
        "eguma nonsense --xyz",
    )

    assert [sorted(names) for names in offered] == [
        ["availabilities"],
        ["journal"],
        ["check-in", "check-out"],
        ["order", "order-show", "orders"],
        ["products"],
        ["--dry-run"],
        ["--timeout", "--to", "--to-file", "--to-svg"],
        ["--quantity"],
        [],
    ]


def test_bash_offers_every_command_and_each_of_its_options() -> None:
    commands = [command for command in HELP if command]
    lines = [shlex.join(["eguma", *command[:-1], command[-1]]) for command in commands]
    options = [shlex.join(["eguma", *command, "--"]) for command in commands]

    offered = completed(*lines, *options)

    for command, names in zip(commands, offered[: len(commands)], strict=True):
        assert command[-1] in names
    for command, found in zip(commands, offered[len(commands) :], strict=True):
        listed = re.findall(r"^  .*?(--[a-z-]+)", HELP[command], re.MULTILINE)
        own = {name for name in listed if name != "--version"}
        assert own - _of_examples(command) <= {*found}, command


def _of_examples(command: tuple[str, ...]) -> set[str]:
    return set(re.findall(r"--[a-z-]+", HELP[command].partition("\nExamples:")[2]))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_valid(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [shell, "--no-execute" if shell == "fish" else "-n"],
        input=script(shell),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_zsh_takes_the_script_as_a_file_of_any_name_and_sourced() -> None:
    text = script("zsh")

    assert text.startswith("#compdef eguma\n")
    assert "\n_cyclopts_eguma() {\n" in text
    assert text.endswith('_cyclopts_eguma "$@"\nelse\n  compdef _cyclopts_eguma eguma\nfi\n')


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_every_command_is_in_every_script(shell: str) -> None:
    for command in HELP:
        for word in command:
            assert re.search(rf"\b{re.escape(word)}\b", script(shell)), command
