"""A bar on stderr that shows how far a command is, where somebody can see it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .text import is_dumb, is_plain

Show = Callable[[int, int | None], None]
"""Takes how many are done, and of how many; None if that is not known."""


@contextmanager
def status_line(text: str) -> Iterator[Callable[[str], None]]:
    """Show a line on stderr for the length of a block, and yield what changes its text.

    Nothing is shown where stderr is no terminal, or one that stdout fills as well.

    Args:
        text: What it says at first.
    """
    if is_dumb(sys.stderr):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(file=sys.stderr, color_system=None if is_plain(sys.stderr) else "auto")
    with console.status(escape(text)) as status:
        yield lambda changed: status.update(escape(changed))


@contextmanager
def progress_bar(label: str) -> Iterator[Show | None]:
    """Show a bar for the length of a block; yield None where stderr is no terminal.

    Args:
        label: What is being done.
    """
    if is_dumb(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(file=sys.stderr, color_system=None if is_plain(sys.stderr) else "auto")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # Not redirected: stdout is for what the command prints.
    with Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task(label)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield show
