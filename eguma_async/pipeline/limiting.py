"""The layer that keeps the number of requests under way within bounds."""

from __future__ import annotations

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.errors import ConfigurationError, NotSentError
from eguma_async.core.messages import HttpRequest, HttpResponse
from eguma_async.core.semaphore import Semaphore
from eguma_async.core.transport import Transport

from .call import cancelled_as


@attrs.frozen(kw_only=True)
class Limits:
    """Bounds of one session.

    Attributes:
        concurrency: Requests under way at once, and connections kept for them. Further ones wait
            for their turn; the timeouts of an attempt begin after that.
    """

    concurrency: int = attrs.field(default=100)

    @concurrency.validator
    def _check(self, _: object, value: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigurationError("concurrency must be a whole number of at least 1")


class Limiting:
    """Gives each request a permit. Waiting for a retry holds none.

    Args:
        inner: Carries one request.
        permits: As many as there may be requests under way.
        clock: Tells whether it is too late.
    """

    def __init__(self, inner: Transport, *, permits: Semaphore, clock: Clock) -> None:
        self._inner = inner
        self._permits = permits
        self._clock = clock

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send as soon as there is a permit.

        A cancellation before that has a `NotSentError` as its cause.

        Raises:
            NotSentError: It came too late: see `HttpRequest.begin_by`.
        """
        if not self._permits.try_acquire():
            with cancelled_as(NotSentError("cancelled while waiting for its turn")):
                await self._permits.acquire()
        try:
            if request.begin_by is not None and self._clock.monotonic() > request.begin_by:
                raise NotSentError("not sent: its turn came after the deadline of the call")
            return await self._inner.send(request)
        finally:
            self._permits.release()

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()
