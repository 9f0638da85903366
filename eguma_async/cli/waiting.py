"""A line on stderr that says what a command waits for, once that takes a while."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from eguma_async.core.hooks import AttemptEvent, AttemptStarted, CallEnded, CallStarted, Observer

from .progress import Later, is_showing, status_now
from .text import is_dumb

if TYPE_CHECKING:
    from .errors import Words

SeeAttempt = Callable[[AttemptEvent], None]


def waiting(words: Mapping[str, Words], *, also: SeeAttempt | None) -> Waiting | SeeAttempt | None:
    """Return the observer of a command: it shows what is waited for, where somebody can see it.

    Args:
        words: For the operations by their name.
        also: Sees each request, too.
    """
    return also if is_dumb(sys.stderr) else Waiting(words, also=also)


class Waiting(Observer):
    """Shows a call that is under way for longer than a second, until it ends.

    Nothing is shown beside a bar.

    Args:
        words: For the operations by their name.
        also: Sees each request, too.
    """

    def __init__(self, words: Mapping[str, Words], *, also: SeeAttempt | None = None) -> None:
        self._words = words
        self._also = also
        self._under_way = 0
        self._text = ""
        self._later: Later | None = None
        self._shown = ExitStack()
        self._change: Callable[[str], None] | None = None

    def call_started(self, call: CallStarted, /) -> None:
        """Take note that a call begins."""
        self._under_way += 1
        self._tell(self._doing(call.operation))
        if self._later is None:
            self._later = Later(self._show)

    def call_ended(self, call: CallEnded, started: object, /) -> None:
        """Show nothing more once all calls are over."""
        self._under_way -= 1
        if self._under_way == 0 and self._later is not None:
            self._later.cancel()
            self._later = self._change = None
            self._shown.close()

    def attempt_started(self, attempt: AttemptStarted, /) -> None:
        """Say which attempt it is, if it is not the first."""
        if attempt.attempt > 1:
            self._tell(f"{self._doing(attempt.operation)}: attempt {attempt.attempt}")

    def attempt_ended(self, attempt: AttemptEvent, started: object, /) -> None:
        """Hand on what became of a request."""
        if self._also is not None:
            self._also(attempt)

    def _doing(self, operation: str) -> str:
        known = self._words.get(operation)
        doing = known.doing if known else operation
        return doing[:1].upper() + doing[1:]

    def _tell(self, text: str) -> None:
        self._text = f"{text} ..."
        if self._change is not None:
            self._change(self._text)

    def _show(self) -> None:
        if not is_showing():
            self._change = self._shown.enter_context(status_now(self._text))
