"""Write `eguma_async/cli/_help.py`: the help of each command and group, as cyclopts prints it.

Run it after a change of the command line: ``python -m tests.support.help``.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from eguma_async.cli.app import build_app, execute
from eguma_async.cli.terminal import help_console

if TYPE_CHECKING:
    from cyclopts import App

TARGET = Path(__file__).parents[2] / "eguma_async" / "cli" / "_help.py"
COMMAND = "python -m tests.support.help"
HEAD = f'''"""The help of each command and group.

Written by ``{COMMAND}``; do not edit it.
"""

'''


def commands() -> list[tuple[str, ...]]:
    """Return the words of each command and group; none for the whole."""
    return [(), *_below(build_app(help_console()), ())]


def _below(app: App, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name in app:
        if not name.startswith("-"):
            yield (*path, name)
            yield from _below(app[name], (*path, name))


def rendered(command: tuple[str, ...]) -> str:
    """Return the help that cyclopts prints for a command."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = execute([*command, "--help"])
    assert code == 0, command
    return out.getvalue()


def source(texts: Mapping[tuple[str, ...], str]) -> str:
    """Return the module's source."""
    lines = [f"{HEAD}HELP = {{"]
    for command, text in texts.items():
        words = ", ".join(f'"{word}"' for word in command) + ("," if len(command) == 1 else "")
        escaped = text.replace("\\", "\\\\").replace('"""', '\\"""')
        lines.append(f'    ({words}): """\\\n{escaped}""",')
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    TARGET.write_text(source({command: rendered(command) for command in commands()}), "utf-8")
    sys.stdout.write(f"{TARGET.name} is written\n")
