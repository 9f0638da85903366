"""Carries calls to their end, each the same way: those of operations, of tokens, of downloads."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from eguma_async.core.clock import Clock
from eguma_async.core.errors import EgumaError
from eguma_async.core.messages import HttpRequest, HttpResponse

from .call import Call
from .observing import Notifier
from .retrying import Retrying

T = TypeVar("T")


class Runner:
    """Sends until there is a response to keep, and tells an observer of the call around it.

    As a transport it makes a call of each request, and hands on its response as it came.

    Args:
        loop: Sends, again if need be.
        notifier: Tells an observer.
        clock: Tells when a call begins.

    Attributes:
        clock: The same.
    """

    def __init__(self, loop: Retrying, *, notifier: Notifier, clock: Clock) -> None:
        self._loop = loop
        self._notifier = notifier
        self.clock: Clock = clock

    def run(self, call: Call[T], request: HttpRequest) -> Coroutine[Any, Any, Call[T]]:
        """Send a request and return its call, finished. A plain function: a coroutine less.

        Raises:
            EgumaError: Named by the call; see `Retrying.run` and `Call.refused`.
        """
        if self._notifier.is_heard:
            return self._watched(call, request)
        return self._finished(call, request)

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request that is a call of its own, and return its response: refusals too.

        Raises:
            EgumaError: There is no response to keep.
        """
        call: Call[None] = Call(request.operation, request.repeat, began=self.clock.monotonic())
        await self.run(call, request)
        assert call.response is not None  # noqa: S101  # a call that ends without error has one
        return call.response

    async def aclose(self) -> None:
        """Close the innermost transport."""
        await self._loop.aclose()

    async def _watched(self, call: Call[T], request: HttpRequest) -> Call[T]:
        with self._notifier.watching(call):
            return await self._finished(call, request)

    async def _finished(self, call: Call[T], request: HttpRequest) -> Call[T]:
        try:
            response = await self._loop.run(call, request)
            if call.refused is not None and not 200 <= response.status < 300:
                call.value = await call.refused(call, request, response)
        except asyncio.CancelledError as cancelled:
            call.stamp(cancelled)
            raise
        except EgumaError as error:
            call.stamp(error)
            # Without the frames below: they have it in their variables, so that it, they and the
            # answer would hold each other until the garbage collector comes.
            raise error.with_traceback(None)  # noqa: B904  # the same one
        except Exception as foreign:
            call.note(foreign)
            raise
        return call
