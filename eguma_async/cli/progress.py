"""A bar on stderr that shows how far a command is, where somebody can see it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .text import is_dumb, is_plain

if TYPE_CHECKING:
    from eguma_async.core.fan_out import Progress

Show = Callable[[int, int | None], None]
"""Takes how many are done, and of how many; None if that is not known."""
ShowFanOut = Callable[["Progress"], None]


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
    with _bar(label) as update:
        yield None if update is None else lambda done, total: update(done, total, "")


@contextmanager
def fan_out_bar(label: str) -> Iterator[ShowFanOut | None]:
    """Do the same for a fan-out, with its rate, the limits in force and the time that is left.

    Args:
        label: What is being read.
    """
    with _bar(label) as update:
        if update is None:
            yield None
            return

        def show(progress: Progress) -> None:
            update(progress.done, progress.total, facts(progress))

        yield show


def facts(progress: Progress) -> str:
    """Write what is known of a fan-out under way, such as ``40/s · limit 12 · 1 failed · 5 s``."""
    known = (
        (progress.rate, "{:.0f}/s"),
        (progress.limit, "limit {}"),
        (progress.pace, "at most {:.0f}/s"),
        (progress.failed or None, "{} failed"),
    )
    parts = [form.format(value) for value, form in known if value is not None]
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    return " · ".join(parts)


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int | None, str], None] | None]:
    if is_dumb(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(file=sys.stderr, color_system=None if is_plain(sys.stderr) else "auto")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    # Not redirected: stdout is for what the command prints.
    with Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task(label, facts="")

        def update(done: int, total: int | None, known: str) -> None:
            bar.update(task, completed=done, total=total, facts=known)

        yield update
