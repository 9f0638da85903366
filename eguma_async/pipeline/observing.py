"""The innermost layer: it tells the log, at DEBUG, and an observer of each request."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

from eguma_async.core.clock import Clock
from eguma_async.core.errors import ConfigurationError, EgumaError
from eguma_async.core.hooks import AttemptEvent, AttemptStarted, CallEnded, CallStarted, Observer
from eguma_async.core.log import logger
from eguma_async.core.messages import HttpRequest, HttpResponse
from eguma_async.core.transport import Transport

from .call import Call

__all__ = [
    "AttemptEvent",
    "Notifier",
    "Observer",
    "ObserverLike",
    "Observing",
    "checked_observer",
]

# Asked for each request: without the adapter's frame.
_is_logged = logger.logger.isEnabledFor
_METHODS = ("call_started", "call_ended", "attempt_started", "attempt_ended")


ObserverLike: TypeAlias = Observer | Callable[[AttemptEvent], None]
"""What can see a session at work."""


class _OnAttempt(Observer):
    """Calls a function after each request."""

    def __init__(self, function: Callable[[AttemptEvent], None]) -> None:
        self._function = function

    def attempt_ended(self, attempt: AttemptEvent, started: object, /) -> None:
        """Call the function."""
        return self._function(attempt)


class _Several(Observer):
    """Tells several observers. What one of them raises is logged, and the others are told.

    They are told of an end in the reverse order, as each may have set something around the next.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def call_started(self, call: CallStarted, /) -> object:
        """Tell all."""
        return [_safely(each.call_started, call) for each in self._observers]

    def call_ended(self, call: CallEnded, started: object, /) -> None:
        """Tell all."""
        for each, own in self._with_own(started):
            _safely(each.call_ended, call, own)

    def attempt_started(self, attempt: AttemptStarted, /) -> object:
        """Tell all."""
        return [_safely(each.attempt_started, attempt) for each in self._observers]

    def attempt_ended(self, attempt: AttemptEvent, started: object, /) -> None:
        """Tell all."""
        for each, own in self._with_own(started):
            _safely(each.attempt_ended, attempt, own)

    def _with_own(self, started: Any) -> Iterator[tuple[Observer, object]]:
        return zip(reversed(self._observers), reversed(started), strict=True)


def checked_observer(given: ObserverLike | Sequence[ObserverLike] | None) -> Observer | None:
    """Return what `given` stands for.

    Raises:
        ConfigurationError: It is no observer and no function, or it would have to be awaited.
    """
    if isinstance(given, (list, tuple)):
        several = [_checked_one(each) for each in given]
        return _Several(several) if several else None
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


class Notifier:
    """Hands events to an observer. What that raises is logged and goes no further.

    Args:
        provider: Name of the API.
        observer: Whom to tell; None for nobody.
        clock: Times the calls.
        is_replay: Tells whether a response is marked as the repetition of an earlier one.

    Attributes:
        provider: Name of the API.
        is_heard: True if there is an observer.
    """

    def __init__(
        self,
        provider: str,
        observer: Observer | None,
        clock: Clock,
        *,
        is_replay: Callable[[HttpResponse], bool] = lambda _: False,
    ) -> None:
        self.provider: str = provider
        self.is_heard: bool = observer is not None
        self._observer = Observer() if observer is None else observer
        self._clock = clock
        self._is_replay = is_replay

    @contextmanager
    def watching(self, call: Call[Any]) -> Iterator[None]:
        """Tell that a call begins, and what became of it."""
        event = CallStarted(provider=self.provider, operation=call.name, repeat=call.repeat)
        started = _safely(self._observer.call_started, event)
        failed: BaseException | None = None
        try:
            yield
        except BaseException as error:
            failed = error
            raise
        finally:
            _safely(self._observer.call_ended, self._ended(call, failed), started)
            del failed

    def _ended(self, call: Call[Any], error: BaseException | None) -> CallEnded:
        return CallEnded(
            provider=self.provider,
            operation=call.name,
            repeat=call.repeat,
            attempts=call.attempts,
            seconds=self._clock.monotonic() - call.began,
            status=None if call.response is None else call.response.status,
            error=None if error is None else type(error).__name__,
            outcome_unknown=_may_be_processed(call, error),
            replayed=self._is_replayed(call),
        )

    def _is_replayed(self, call: Call[Any]) -> bool:
        return call.key is not None and call.response is not None and self._is_replay(call.response)

    def attempt_started(self, request: HttpRequest) -> object:
        """Tell that a request goes out."""
        event = AttemptStarted(
            provider=self.provider,
            operation=request.operation,
            attempt=request.attempt,
            repeat=request.repeat,
            method=request.method,
            url=request.url,
            template=request.template,
        )
        return _safely(self._observer.attempt_started, event)

    def attempt_ended(self, event: AttemptEvent, started: object) -> None:
        """Tell what became of a request."""
        _safely(self._observer.attempt_ended, event, started)


def _may_be_processed(call: Call[Any], error: BaseException | None) -> bool:
    named = error.__cause__ if isinstance(error, asyncio.CancelledError) else error
    if isinstance(named, EgumaError):
        return named.outcome_unknown
    return named is not None and not call.is_read  # a foreign error proves nothing


def _safely(tell: Callable[..., object], *arguments: object) -> object:
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


class Observing:
    """Makes an event of every request."""

    def __init__(self, inner: Transport, *, notifier: Notifier, clock: Clock) -> None:
        self._inner = inner
        self._notifier = notifier
        self._clock = clock

    def send(self, request: HttpRequest, /) -> Coroutine[Any, Any, HttpResponse]:
        """Pass the request on and tell what came of it."""
        if not self._notifier.is_heard and not _is_logged(logging.DEBUG):
            return self._inner.send(request)  # with nobody to tell, not even a frame of its own
        return self._observed(request)

    async def _observed(self, request: HttpRequest) -> HttpResponse:
        started = self._notifier.attempt_started(request)
        began = self._clock.monotonic()
        try:
            response = await self._inner.send(request)
        except BaseException as error:
            self._tell(request, started, began, None, type(error).__name__)
            raise
        self._tell(request, started, began, response.status, None)
        return response

    def _tell(
        self,
        request: HttpRequest,
        started: object,
        began: float,
        status: int | None,
        error: str | None,
    ) -> None:
        event = AttemptEvent(
            provider=self._notifier.provider,
            operation=request.operation,
            attempt=request.attempt,
            repeat=request.repeat,
            seconds=self._clock.monotonic() - began,
            status=status,
            error=error,
        )
        logger.debug(
            "%s %s attempt %d: %s in %.1f ms",
            event.provider,
            event.operation,
            event.attempt,
            error or status,
            event.seconds * 1000,
        )
        self._notifier.attempt_ended(event, started)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()
