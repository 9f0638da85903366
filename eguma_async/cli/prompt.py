"""Lines from stdin, read through the event loop: Ctrl-C cancels the waiting like any other."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from .errors import Stop, usage
from .text import write_stderr

LONGEST_LINE = 4096


def require_answerable(*, yes: bool) -> None:
    """Check, before anything is sent, that a question could be answered.

    Raises:
        Stop: stdin is no terminal and ``--yes`` is not given.
    """
    if not yes and not sys.stdin.isatty():
        raise usage("stdin is no terminal, so nobody can be asked; add --yes to go ahead")


async def confirm(question: str) -> bool:
    """Ask on stderr; only "y" and "yes" are a yes."""
    write_stderr(f"{question} [y/N] ")
    try:
        answer = await read_line()
    except asyncio.CancelledError:
        write_stderr("\n")
        raise
    return (answer or "").lower() in ("y", "yes")


async def require_yes(question: str, *, yes: bool, otherwise: str) -> None:
    """Ask before something that cannot be taken back, unless ``--yes`` has answered already.

    Args:
        question: Names what will be done, to what, and where.
        yes: True to ask nobody.
        otherwise: What to say after any other answer.

    Raises:
        Stop: The answer is no.
    """
    if not yes and not await confirm(question):
        raise Stop(otherwise)


async def confirm_within(question: str, left: timedelta) -> bool:
    """Ask for as long as something is held.

    Raises:
        Stop: Nobody answered in time.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(left.total_seconds()):
            return await confirm(question)
    raise Stop("the hold has expired; nothing was booked")


async def read_secret(question: str) -> str:
    """Read a line; on a terminal, ask for it and do not show it."""
    if not sys.stdin.isatty():
        return await read_line() or ""
    with _hidden_typing(sys.stdin.fileno()):
        write_stderr(f"{question}: ")
        try:
            return await read_line() or ""
        finally:
            write_stderr("\n")


async def read_line() -> str | None:
    """Wait for a line on stdin; None at its end."""
    loop = asyncio.get_running_loop()
    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError):  # a stand-in within the process never keeps one waiting
        return _finished(sys.stdin.readline())
    line: asyncio.Future[str] = loop.create_future()
    reader = _LineReader(descriptor, line)
    try:
        loop.add_reader(descriptor, reader.on_readable)
    except PermissionError:  # a plain file, which is always ready
        return _finished(sys.stdin.readline())
    except NotImplementedError:  # Windows' loop watches sockets only
        _read_in_thread(loop, line)
        return _finished(await line)
    try:
        return _finished(await line)
    finally:
        loop.remove_reader(descriptor)


class _LineReader:
    def __init__(self, descriptor: int, line: asyncio.Future[str]) -> None:
        self._descriptor = descriptor
        self._line = line
        self._read = b""

    def on_readable(self) -> None:
        try:
            data = os.read(self._descriptor, LONGEST_LINE)
        except OSError:  # the terminal is gone, and with it whoever could type
            data = b""
        self._read += data
        complete = not data or b"\n" in self._read or len(self._read) > LONGEST_LINE
        if complete and not self._line.done():
            text = self._read.decode("utf-8", "replace")
            first, newline, _ = text.partition("\n")
            self._line.set_result(first + newline)


def _read_in_thread(loop: asyncio.AbstractEventLoop, line: asyncio.Future[str]) -> None:
    def deliver(text: str) -> None:
        if not line.done():
            line.set_result(text)

    def wait() -> None:
        text = sys.stdin.readline()
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, text)

    # A daemon: a question that was given up must not keep the process alive.
    threading.Thread(target=wait, daemon=True).start()


def _finished(line: str) -> str | None:
    return line.strip() if line else None


@contextmanager
def _hidden_typing(descriptor: int) -> Iterator[None]:
    try:
        import termios
    except ModuleNotFoundError:  # not a POSIX system
        yield
        return
    before = termios.tcgetattr(descriptor)
    hidden = list(before)
    hidden[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, hidden)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
