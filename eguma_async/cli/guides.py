"""What help shows of a command besides what it is: its group, examples, and related commands."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cyclopts import Group

from .layout import COLUMNS, INDENT

if TYPE_CHECKING:
    from cyclopts import App

LOOKING = Group("Looking", sort_key=1)
SELLING = Group("Selling", sort_key=2)
OPERATING = Group("Operating", sort_key=3)
TRYING = Group("Trying out and setting up", sort_key=4)
ELSEWHERE = Group("Another provider", sort_key=5)
Path = tuple[str, ...]
_BOUND = "\u00a0"
_OPTION = re.compile(r"(--[a-z-]+) (?!-)")


@dataclass(frozen=True)
class Guide:
    """What help shows of one command.

    Attributes:
        examples: Command lines. Words in capitals, such as PRODUCT, stand for what other commands
            print; the tests put in those of a sandbox, and run them.
        see: Related commands, without `eguma`.
        group: Where the list of commands shows it; among the others if not given.
    """

    examples: tuple[str, ...]
    see: tuple[str, ...] = ()
    group: Group | None = None


def attach(app: App, guides: Mapping[Path, Guide], epilogue: str) -> None:
    """Let the help of commands show their guides.

    Args:
        app: The command line.
        guides: By the words of each command.
        epilogue: What every help ends with.
    """
    for path, guide in guides.items():
        command = app
        for word in path:
            command = command[word]
        command.help_epilogue = epilogue_of(guide, epilogue)
        if guide.group is not None:
            command.group = (guide.group,)


def epilogue_of(guide: Guide, epilogue: str) -> str:
    """Write what stands at the end of a help."""
    parts = ["\n".join(("Examples:", *map(_example, guide.examples)))] if guide.examples else []
    if guide.see:
        names = ", ".join(f"`eguma {name}`" for name in guide.see)
        parts.append(textwrap.fill(f"See also: {names}.", COLUMNS, break_on_hyphens=False))
    return "\n\n".join([*parts, textwrap.fill(epilogue, COLUMNS, break_on_hyphens=False)]) + "\n"


def _example(line: str) -> str:
    """Write a command line in lines that can be copied; no option is parted from its value."""
    return (
        textwrap.fill(
            _OPTION.sub(rf"\1{_BOUND}", line),
            COLUMNS - len(" \\"),
            initial_indent=INDENT,
            subsequent_indent=INDENT * 3,
            break_long_words=False,
            break_on_hyphens=False,
        )
        .replace("\n", " \\\n")
        .replace(_BOUND, " ")
    )
