"""The process of a command: the signals that end it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import Any, cast

CANCELLATIONS = 2
"""How many signals cancel: the first the command, the second its cleaning up. More end it hard."""
HANG_UP: signal.Signals | None = getattr(signal, "SIGHUP", None)
"""The terminal was closed. Not every system has this signal."""
Handler = Callable[[int, FrameType | None], Any] | signal.Handlers


class Ended(Exception):  # noqa: N818  # like KeyboardInterrupt, it is no error
    """The command was ended by a signal.

    Attributes:
        by: The first signal that came.
    """

    def __init__(self, by: signal.Signals) -> None:
        super().__init__(by)
        self.by = by


def run_until_ended(command: Coroutine[Any, Any, None]) -> None:
    """Run a command that Ctrl-C, SIGTERM and SIGHUP cancel, so that it cleans up.

    Raises:
        Ended: It was cancelled so.
    """
    ending = _Ending()
    with ending.handling_signals():
        try:
            asyncio.run(ending.watch(command))
        # OSError: a command that is ended may find that its streams are gone as well.
        except (asyncio.CancelledError, KeyboardInterrupt, OSError) as error:
            if not ending.received:
                raise
            raise Ended(ending.received[0]) from error


class _Ending:
    """Signals become cancellations.

    asyncio does so with the first Ctrl-C only: the second raises `KeyboardInterrupt` wherever it
    lands, such as in the task that releases a hold.
    """

    def __init__(self) -> None:
        self.received: list[signal.Signals] = []
        self._cancel: Callable[[], object] | None = None

    @contextlib.contextmanager
    def handling_signals(self) -> Iterator[None]:
        """Handle signals that nobody else handles or ignores; only the main thread can."""
        defaults: dict[signal.Signals, Handler] = {
            signal.SIGINT: signal.default_int_handler,
            signal.SIGTERM: signal.SIG_DFL,
        }
        if HANG_UP is not None:
            defaults[HANG_UP] = signal.SIG_DFL
        is_main = threading.current_thread() is threading.main_thread()
        ours = [s for s in defaults if is_main and signal.getsignal(s) is defaults[s]]
        for one in ours:
            signal.signal(one, self._on_signal)
        try:
            yield
        finally:
            for one in ours:
                signal.signal(one, defaults[one])

    async def watch(self, command: Coroutine[Any, Any, None]) -> None:
        """Await a command, which the signals cancel."""
        task = cast("asyncio.Task[None]", asyncio.current_task())  # as asyncio.run made it
        loop = asyncio.get_running_loop()
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            await command
        finally:
            self._cancel = None

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if number == HANG_UP and self.received:
            return  # kernel and shell both send it, so that a second one means nothing
        self.received.append(signal.Signals(number))
        if self._cancel is None or len(self.received) > CANCELLATIONS:
            raise KeyboardInterrupt
        self._cancel()
