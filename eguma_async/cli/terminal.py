"""Output through rich: rich lays it out, and this module writes it to stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .layout import COLUMNS
from .text import is_plain

if TYPE_CHECKING:
    from rich.console import Console


def output_console(*, piped_width: int | None = None) -> Console:
    """Make a console that knows what stdout can show.

    Args:
        piped_width: Columns of an output that is no terminal; rich's default if not given.
    """
    from rich.console import Console

    return Console(
        file=sys.stdout,
        width=None if sys.stdout.isatty() else piped_width,
        color_system=None if is_plain(sys.stdout) else "auto",
        markup=False,
        emoji=False,
        highlight=False,
    )


def help_console() -> Console:
    """Make a console for help and version: the same text wherever it goes."""
    from rich.console import Console

    return Console(
        file=sys.stdout,
        width=COLUMNS,
        color_system=None,
        markup=False,
        emoji=False,
        highlight=False,
    )


@contextmanager
def captured_output(console: Console) -> Iterator[None]:
    """Write on stdout what a block prints on a console.

    Not left to rich, which ends the process by itself, with 1, when its reader has left.
    """
    with console.capture() as captured:
        yield
    text = "\n".join(line.rstrip() for line in captured.get().splitlines()).strip("\n")
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
