"""What users pass as an observer, made one: a function, an observer, or several."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.hooks import (
    AttemptEvent,
    AttemptStarted,
    CallEnded,
    CallStarted,
    EntryRecovered,
    EntryWritten,
    Observer,
    ObserverLike,
    SessionStarted,
    TurnWaited,
)
from eguma_async.core.log import logger

_METHODS = tuple(name for name in vars(Observer) if not name.startswith("_"))


class _OnAttempt(Observer):
    """Calls a function after each request."""

    def __init__(self, function: Callable[[AttemptEvent], None]) -> None:
        self._function = function

    def attempt_ended(self, attempt: AttemptEvent, started: object, /) -> None:
        """Call the function."""
        return self._function(attempt)


class Several(Observer):
    """Tells several observers. What one of them raises is logged, and the others are told.

    They are told of an end in the reverse order, as each may have set something around the next.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def session_started(self, session: SessionStarted, /) -> object:
        """Tell all."""
        return [safely(each.session_started, session) for each in self._observers]

    def session_ended(self, session: SessionStarted, started: object, /) -> None:
        """Tell all."""
        for each, own in self._with_own(started):
            safely(each.session_ended, session, own)

    def turn_waited(self, turn: TurnWaited, /) -> None:
        """Tell all."""
        for each in self._observers:
            safely(each.turn_waited, turn)

    def entry_written(self, entry: EntryWritten, /) -> None:
        """Tell all."""
        for each in self._observers:
            safely(each.entry_written, entry)

    def entry_recovered(self, entry: EntryRecovered, /) -> None:
        """Tell all."""
        for each in self._observers:
            safely(each.entry_recovered, entry)

    def call_started(self, call: CallStarted, /) -> object:
        """Tell all."""
        return [safely(each.call_started, call) for each in self._observers]

    def call_ended(self, call: CallEnded, started: object, /) -> None:
        """Tell all."""
        for each, own in self._with_own(started):
            safely(each.call_ended, call, own)

    def attempt_started(self, attempt: AttemptStarted, /) -> object:
        """Tell all."""
        return [safely(each.attempt_started, attempt) for each in self._observers]

    def attempt_ended(self, attempt: AttemptEvent, started: object, /) -> None:
        """Tell all."""
        for each, own in self._with_own(started):
            safely(each.attempt_ended, attempt, own)

    def _with_own(self, started: Any) -> Iterator[tuple[Observer, object]]:
        return zip(reversed(self._observers), reversed(started), strict=True)


def checked_observer(given: ObserverLike | Sequence[ObserverLike] | None) -> Observer | None:
    """Return what `given` stands for.

    Raises:
        ConfigurationError: It is no observer and no function, or it would have to be awaited.
    """
    if isinstance(given, (list, tuple)):
        several = [_checked_one(each) for each in given]
        return Several(several) if several else None
    return None if given is None else _checked_one(given)


def _checked_one(given: Any) -> Observer:
    functions = [getattr(given, name) for name in _METHODS] if isinstance(given, Observer) else []
    if not functions and (isinstance(given, type) or not callable(given)):
        raise ConfigurationError(
            "observer must be an Observer, or a function that takes an AttemptEvent, or several,"
            f" not {given!r:.40}"
        )
    if any(map(_is_async, functions or [given])):
        raise ConfigurationError(
            "observer must be made of plain functions: nobody awaits it. Let it put the event"
            " into a queue, and a task of yours take it from there"
        )
    return given if isinstance(given, Observer) else _OnAttempt(given)


def _is_async(function: Any) -> bool:
    function = inspect.unwrap(function)
    while isinstance(function, partial):
        function = function.func
    called = getattr(function, "__call__", None)  # noqa: B004  # it is known to be callable
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


def safely(tell: Callable[..., object], *arguments: object) -> object:
    """Tell something, and return what that gives. What it raises is logged and goes no further."""
    result = None
    try:
        result = tell(*arguments)
    except Exception:  # noqa: BLE001  # an observer raises anything
        logger.exception("the observer failed; the call goes on")
    if inspect.iscoroutine(result):
        result.close()
        logger.error("the observer gave a coroutine, which nobody awaits; the call goes on")
        return None
    return result
