"""Help that was laid out in advance: it needs none of what the commands need, so it comes at once.

The texts are what `app` prints, written down by ``python -m tests.support.help``. Whoever asks for
help in another way, such as ``eguma products --json --help``, gets the same text from `app`.
"""

from __future__ import annotations

import sys

from .streams import drop_unread_output, usable_streams

TYPE_CHECKING = False  # not from `typing`, whose import takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Sequence

FLAGS = ("--help", "-h")


def prepared_help(arguments: Sequence[str]) -> str | None:
    """Return the help of a line that is a command and ``--help``; None for any other."""
    if not arguments or arguments[-1] not in FLAGS:
        return None
    from ._help import HELP

    return HELP.get(tuple(arguments[:-1]))


def show(text: str) -> int:
    """Print a text on stdout and return the exit code."""
    with usable_streams():
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            from .app import report

            return report(error)
        finally:
            drop_unread_output()
    return 0
