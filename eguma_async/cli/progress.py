"""A bar or a line on stderr that shows how far a command is, where somebody can see it.

It appears once something takes a while, and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .text import is_dumb, is_plain

if TYPE_CHECKING:
    from rich.console import Console

    from eguma_async.core.fan_out import Progress

Show = Callable[[int, int | None], None]
"""Takes how many are done, and of how many; None if that is not known."""
ShowFanOut = Callable[["Progress"], None]


DELAY = 1.0
"""Seconds that something takes before it is shown: what is done at once stays quiet."""
_showing: list[object] = []
"""The bars and lines of this process; one of them is seen at a time."""


class Later:
    """Does something after a while, unless that is over by then.

    Args:
        act: What to do.
    """

    def __init__(self, act: Callable[[], None]) -> None:
        self._handle = asyncio.get_running_loop().call_later(DELAY, act)

    def cancel(self) -> None:
        """Do nothing any more."""
        self._handle.cancel()


def is_showing() -> bool:
    """Tell whether there is a bar or a line already."""
    return bool(_showing)


@contextmanager
def status_line(text: str) -> Iterator[Callable[[str], None]]:
    """Show a line on stderr for the length of a block, once it has lasted for a second.

    Nothing is shown where stderr is no terminal.

    Args:
        text: What it says at first.

    Yields:
        What changes its text.
    """
    if is_dumb(sys.stderr):
        yield lambda _: None
        return
    with _as_the_one_shown():
        line = _Line(text)
        later = Later(line.show)
        try:
            yield line.change
        finally:
            later.cancel()
            line.hide()


@contextmanager
def status_now(text: str) -> Iterator[Callable[[str], None]]:
    """Show a line on stderr at once, and yield what changes its text.

    Args:
        text: What it says at first.
    """
    with _as_the_one_shown():
        line = _Line(text)
        line.show()
        try:
            yield line.change
        finally:
            line.hide()


class _Line:
    """A line with something that moves.

    Args:
        text: What it says at first.
    """

    def __init__(self, text: str) -> None:
        from rich.live import Live
        from rich.spinner import Spinner
        from rich.text import Text

        self._as_text = Text
        self._spinner = Spinner("dots", text=Text(text))
        self._live = Live(
            self._spinner,
            console=_stderr_console(),
            transient=True,
            # What is printed meanwhile comes above it; what a pipe or a file gets stays there.
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=True,
        )

    def show(self) -> None:
        """Begin."""
        self._live.start()

    def change(self, text: str) -> None:
        """Say something else."""
        self._spinner.update(text=self._as_text(text))

    def hide(self) -> None:
        """End, if it has begun, and leave nothing behind."""
        self._live.stop()


@contextmanager
def _as_the_one_shown() -> Iterator[None]:
    mark = object()
    _showing.append(mark)
    try:
        yield
    finally:
        _showing.remove(mark)


def _stderr_console() -> Console:
    from rich.console import Console

    return Console(file=sys.stderr, color_system=None if is_plain(sys.stderr) else "auto")


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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    # Not redirected: stdout is for what the command prints.
    bar = Progress(
        *columns,
        console=_stderr_console(),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    task = bar.add_task(label, facts="")

    def update(done: int, total: int | None, known: str) -> None:
        bar.update(task, completed=done, total=total, facts=known)

    with _as_the_one_shown():
        later = Later(bar.start)
        try:
            yield update
        finally:
            later.cancel()
            bar.stop()
