"""The examples of README and docs: where they stand, and a way to run each of them cheaply."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import attrs

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
OTHERS = tuple(
    ROOT / name
    for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md")
)
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in (*PAGES, *OTHERS)}
SHELLS = ("console", "bash", "sh")
_ENDS_A_COMMAND = {"|", "||", "&&", "&", ";", ">", ">>", "<"}


def blocks(text: str, *languages: str) -> list[str]:
    """Return the contents of the code blocks in these languages."""
    any_of = "|".join(languages)
    return re.findall(rf"^```(?:{any_of})\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def named_blocks(*languages: str) -> dict[str, str]:
    """Return the code blocks of all pages, each by its page and its number there."""
    return {
        f"{_module_name(page)}_{number}": block
        for page in PAGES
        for number, block in enumerate(blocks(page.read_text("utf-8"), *languages), 1)
    }


def _module_name(page: Path) -> str:
    parts = page.relative_to(ROOT).with_suffix("").parts
    return re.sub(r"\W", "_", "_".join(parts).lower())


def is_test(example: str) -> bool:
    """Tell whether pytest is to run an example."""
    return bool(re.search(r"^class Test|^(async )?def test_", example, re.MULTILINE))


def commands() -> dict[str, list[str]]:
    """Return the arguments of each ``eguma`` command on a page, by the line it stands on."""
    found = {}
    for text in TEXTS.values():
        for block in blocks(text, *SHELLS):
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                for command in _commands_of(line):
                    found["eguma " + " ".join(command)] = command
    return found


def _commands_of(line: str) -> Iterator[list[str]]:
    """Yield the arguments of each command of a line that is ours."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word not in _ENDS_A_COMMAND:
            words.append(word)
            continue
        while words and (words[0] == "$" or re.match(r"\w+=", words[0])):
            del words[0]  # the prompt, and variables set for this command
        if words and words[0] == "eguma":
            yield words[1:]
        words = []


def runs_alone(command: list[str]) -> bool:
    """Tell whether a command needs no key, nothing that a reader fills in, and comes to an end."""
    names_something = any(re.fullmatch(r"[A-Z][A-Z_-]+", word) for word in command)
    # A crash kills processes of its own: tests/cli/test_crash.py.
    ends = command[:1] != ["sandbox"] and not {"--follow", "--crash"} & {*command}
    return ends and not names_something and ("--sandbox" in command or command[:1] == ["demo"])


@attrs.frozen
class Done:
    """What became of an example."""

    code: int
    stdout: str
    stderr: str


class ExampleServer:
    """Runs examples in processes that are forked from one with the package loaded."""

    def __init__(self) -> None:
        ours = ("PYTEST_", "EGUMA_", "KORUS_")
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", Path(__file__).with_name("example_server.py")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith(ours)},
                "NO_COLOR": "1",
                "COLUMNS": "100",
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def run(self, kind: str, what: str | list[str], directory: Path) -> Done:
        """Run something in a directory.

        Args:
            kind: ``script``, ``tests`` (of pytest) or ``command`` (of ours).
            what: The path of the script, or the arguments.
            directory: Where; the outputs are kept there as well.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        outputs = {name: str(directory / f"{name}.txt") for name in ("stdout", "stderr")}
        job = {"kind": kind, "what": what, "directory": str(directory), **outputs}
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()
        code = int(stdout.readline())
        out, err = (Path(path).read_text("utf-8") for path in outputs.values())
        return Done(code, out, err)
