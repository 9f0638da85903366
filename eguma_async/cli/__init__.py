"""The ``eguma`` command.

Data goes to stdout, everything else to stderr. Exit codes:

====  ==============================================================
0     done
1     failed
2     wrong usage or bad input; nothing was sent
3     the key is missing rights, unknown or switched off
4     not found
5     refused by the server: invalid, in conflict, sold out
6     outcome unknown: it may have been done; or done, but not as asked; or
      a recovery has left something open, or for a person
7     no connection, or no answer to a read; nothing was done
129   the terminal was closed (SIGHUP)
130   interrupted with Ctrl-C
141   the reader of the output left early, as `head` does
143   terminated with SIGTERM
====  ==============================================================
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

from .help import prepared_help, show

TYPE_CHECKING = False  # as in `help`
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "run"]

NEEDED = ("cyclopts", "rich")


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line and return its exit code.

    Args:
        argv: Arguments without the program's name; those of the process if not given.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    missing = next((name for name in NEEDED if find_spec(name) is None), None)
    if missing is not None:
        sys.stderr.write(f'eguma: {missing} is missing: pip install "eguma_async[cli]"\n')
        return 1
    text = prepared_help(arguments)
    if text is not None:
        return show(text)
    from .app import execute

    return execute(arguments)


def run() -> None:
    """Run as the ``eguma`` command."""
    try:
        code = main()
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
