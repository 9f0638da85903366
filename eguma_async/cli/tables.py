"""Tables on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from .text import clean, is_plain

PIPE_WIDTH = 400
"""Columns of an output that is no terminal: wide enough that no id is broken."""


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table. A column whose name begins with ``>`` is aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    bare = is_plain(sys.stdout)
    console = Console(
        file=sys.stdout,
        width=None if sys.stdout.isatty() else PIPE_WIDTH,
        color_system=None if bare else "auto",
        markup=False,
        emoji=False,
        highlight=False,
    )
    table = Table(title=clean(title), title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    for name in columns:
        right = name.startswith(">")
        table.add_column(
            name.removeprefix(">"), justify="right" if right else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*map(clean, row))
    # Captured and written by hand: rich ends the process by itself when a pipe is closed.
    with console.capture() as captured:
        console.print(table)
    lines = (line.rstrip() for line in captured.get().splitlines())
    sys.stdout.write("\n".join(lines).strip("\n") + "\n")
    sys.stdout.flush()
