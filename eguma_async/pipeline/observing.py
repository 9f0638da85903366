"""The innermost layer: it tells the log, at DEBUG, and an observer of each request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from eguma_async.core.clock import Clock
from eguma_async.core.errors import EgumaError
from eguma_async.core.hooks import (
    AttemptEvent,
    AttemptStarted,
    CallEnded,
    CallStarted,
    EntryRecovered,
    EntryWritten,
    Observer,
    SessionLoad,
    SessionStarted,
    TurnWaited,
    WaitReason,
)
from eguma_async.core.log import logger
from eguma_async.core.messages import HttpRequest, HttpResponse
from eguma_async.core.transport import Transport

from .call import Call, cancelled_as
from .observers import safely

# Asked for each request: without the adapter's frame.
_is_logged = logger.logger.isEnabledFor
_BRIEF = 0.001
"""Seconds. Whatever is under way for less is no waiting."""


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
        self._session: tuple[SessionStarted, object] | None = None

    @contextmanager
    def watching(self, call: Call[Any]) -> Iterator[None]:
        """Tell that a call begins, and what became of it."""
        event = CallStarted(provider=self.provider, operation=call.name, repeat=call.repeat)
        started = safely(self._observer.call_started, event)
        failed: BaseException | None = None
        try:
            yield
        except BaseException as error:
            failed = error
            raise
        finally:
            safely(self._observer.call_ended, self._ended(call, failed), started)
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

    def session_started(self, credential: str, load: Callable[[], SessionLoad]) -> None:
        """Tell that the session is open.

        Args:
            credential: Tells its credentials from others.
            load: Returns what it has under way.
        """
        session = SessionStarted(provider=self.provider, credential=credential, load=load)
        self._session = session, safely(self._observer.session_started, session)

    def session_ended(self) -> None:
        """Tell that the session is closed, if it was told that it is open."""
        if self._session is not None:
            told, self._session = self._session, None
            safely(self._observer.session_ended, *told)

    @contextmanager
    def timing(
        self, request: HttpRequest, reason: WaitReason, meaning: EgumaError
    ) -> Iterator[None]:
        """Tell how long a request waits for its turn.

        Args:
            request: The request.
            reason: What it waits for.
            meaning: What a cancellation of the waiting means.
        """
        began = self._clock.monotonic()
        try:
            with cancelled_as(meaning):
                yield
        finally:
            seconds = self._clock.monotonic() - began
            if seconds >= _BRIEF:
                turn = TurnWaited(
                    provider=self.provider,
                    operation=request.operation,
                    repeat=request.repeat,
                    reason=reason,
                    seconds=seconds,
                )
                safely(self._observer.turn_waited, turn)

    def entry_written(self, entry: EntryWritten, /) -> None:
        """Tell that an entry of the journal was written."""
        safely(self._observer.entry_written, entry)

    def entry_recovered(self, entry: EntryRecovered, /) -> None:
        """Tell what a recovery found out about an entry."""
        safely(self._observer.entry_recovered, entry)

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
        return safely(self._observer.attempt_started, event)

    def attempt_ended(self, event: AttemptEvent, started: object) -> None:
        """Tell what became of a request."""
        safely(self._observer.attempt_ended, event, started)


def _may_be_processed(call: Call[Any], error: BaseException | None) -> bool:
    named = error.__cause__ if isinstance(error, asyncio.CancelledError) else error
    if isinstance(named, EgumaError):
        return named.outcome_unknown
    return named is not None and not call.is_read  # a foreign error proves nothing


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
        if _is_logged(logging.DEBUG):
            _log(event)
        self._notifier.attempt_ended(event, started)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def _log(event: AttemptEvent) -> None:
    """Write a line for people, with the same as fields for machines."""
    logger.debug(
        "%s %s attempt %d: %s in %.1f ms",
        event.provider,
        event.operation,
        event.attempt,
        event.error or event.status,
        event.seconds * 1000,
        extra={
            "provider": event.provider,
            "operation": event.operation,
            "attempt": event.attempt,
            "status": event.status,
            "error": event.error,
            "seconds": event.seconds,
        },
    )
