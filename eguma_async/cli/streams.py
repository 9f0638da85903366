"""The standard streams of a command."""

from __future__ import annotations

import contextlib
import os
import sys

TYPE_CHECKING = False  # as in `help`, which needs this module
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal, TextIO

    Name = Literal["stdin", "stdout", "stderr"]


@contextlib.contextmanager
def usable_streams() -> Iterator[None]:
    """Give a block three standard streams that exist and take any character."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_not_missing("stdin", "r"))
        for name in ("stdout", "stderr"):
            stack.enter_context(_not_missing(name, "w"))
            stream = getattr(sys, name)
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        yield


@contextlib.contextmanager
def _not_missing(name: Name, mode: Literal["r", "w"]) -> Iterator[None]:
    """Put the null device in place of a stream that was closed before the process began."""
    if getattr(sys, name) is not None:
        yield
        return
    from pathlib import Path

    with Path(os.devnull).open(mode, encoding="utf-8") as nowhere:
        setattr(sys, name, nowhere)
        try:
            yield
        finally:
            setattr(sys, name, None)


def drop_unread_output() -> None:
    """Point streams that take nothing more to nowhere: the interpreter's last flush is quiet then.

    Their reader has left, their terminal is gone or their disk is full, as the writer reported.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _point_to_nowhere(stream)


def _point_to_nowhere(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
