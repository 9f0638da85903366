"""The layer that tells of each attempt: to the log at DEBUG, and to a function of the user's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.errors import TransportError
from eguma_async.core.messages import HttpRequest, HttpResponse, Replay
from eguma_async.core.transport import Transport

logger = logging.getLogger("eguma_async")


@attrs.frozen(kw_only=True)
class AttemptEvent:
    """One request on the wire. It holds no secret and no customer's data.

    Attributes:
        provider: Name of the provider.
        operation: Name of the operation.
        attempt: Number of the attempt within its call, from 1.
        replay: Whether the operation may be sent again.
        seconds: How long the attempt took.
        status: HTTP status; None if there was no answer.
        error: Class name of the error; None if there was an answer.
    """

    provider: str
    operation: str
    attempt: int
    replay: Replay
    seconds: float
    status: int | None
    error: str | None


Observer = Callable[[AttemptEvent], None]


class Observing:
    """Makes an event of every attempt. What an observer raises is logged and goes no further."""

    def __init__(
        self, inner: Transport, *, provider: str, observer: Observer | None, clock: Clock
    ) -> None:
        self._inner = inner
        self._provider = provider
        self._observer = observer
        self._clock = clock

    def send(self, request: HttpRequest, /) -> Coroutine[Any, Any, HttpResponse]:
        """Pass the request on and tell what came of it."""
        if self._observer is None and not logger.isEnabledFor(logging.DEBUG):
            return self._inner.send(request)  # with nobody to tell, not even a frame of its own
        return self._observed(request)

    async def _observed(self, request: HttpRequest) -> HttpResponse:
        began = self._clock.monotonic()
        try:
            response = await self._inner.send(request)
        except (TransportError, asyncio.CancelledError) as error:
            self._tell(request, began, None, type(error).__name__)
            raise
        self._tell(request, began, response.status, None)
        return response

    def _tell(
        self, request: HttpRequest, began: float, status: int | None, error: str | None
    ) -> None:
        event = AttemptEvent(
            provider=self._provider,
            operation=request.operation,
            attempt=request.attempt,
            replay=request.replay,
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
        if self._observer is not None:
            try:
                self._observer(event)
            except Exception:
                logger.exception("the observer failed; the call goes on")

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()
