"""Transports for tests: one with a script, one that records."""

from __future__ import annotations

import inspect
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.delivery import DEFAULT_MAX_BODY_BYTES
from eguma_async.core.errors import EgumaError
from eguma_async.core.messages import NO_CREDENTIALS, HttpRequest, HttpResponse
from eguma_async.core.transport import ManagedTransport, Transport, clock_of
from eguma_async.transports.memory import MemoryTransport

Step = (
    HttpResponse
    | EgumaError
    | Callable[[HttpRequest], HttpResponse]
    | Callable[[HttpRequest], Awaitable[HttpResponse]]
)
"""An answer, an error to raise, or a function of the request that gives either."""


def json_reply(
    content: Any, status: int = 200, *, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return a response with a JSON body."""
    return HttpResponse(
        status=status,
        headers={"content-type": "application/json", **(headers or {})},
        body=json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(),
    )


def text_reply(
    text: str = "",
    status: int = 200,
    *,
    content_type: str = "text/plain; charset=utf-8",
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Return a response with a text body."""
    return HttpResponse(
        status=status,
        headers={"content-type": content_type, **(headers or {})},
        body=text.encode(),
    )


class ScriptedTransport(ManagedTransport):
    """Answers one request after the other as its script says, and remembers the requests.

    Args:
        steps: What to do, first in, first out.
        max_body_bytes: The largest body to accept, unless it flows into a sink.

    Attributes:
        requests: Every request that came, credentials included.
    """

    def __init__(self, *steps: Step, max_body_bytes: int = DEFAULT_MAX_BODY_BYTES) -> None:
        self.requests: list[HttpRequest] = []
        self._steps = deque(steps)
        self._memory = MemoryTransport(self._answer, max_body_bytes=max_body_bytes)

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Do the next step of the script.

        Raises:
            AssertionError: The script is at its end.
        """
        self.requests.append(request)
        return await self._memory.send(request)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        if not self._steps:
            raise AssertionError(
                f"request {len(self.requests)} was not expected: {request.method} {request.url}"
            )
        step = self._steps.popleft()
        if isinstance(step, EgumaError):
            raise step
        if isinstance(step, HttpResponse):
            return step
        result = step(request)
        return await result if inspect.isawaitable(result) else result

    def assert_done(self) -> None:
        """Check that every step was used.

        Raises:
            AssertionError: Some were not.
        """
        if self._steps:
            raise AssertionError(
                f"{len(self._steps)} steps were not used; {len(self.requests)} requests came"
            )


@attrs.frozen
class Exchange:
    """One request and what became of it.

    Attributes:
        request: Without its credentials and its sink.
        response: The response; None if there was none. Its body is empty if it went into a sink.
        error: What was raised instead, a cancellation included.
    """

    request: HttpRequest
    response: HttpResponse | None = None
    error: BaseException | None = None


class RecordingTransport(ManagedTransport):
    """Passes everything on to another transport and keeps a record.

    Attributes:
        exchanges: What happened, in the order in which it ended.
    """

    def __init__(self, inner: Transport) -> None:
        self.exchanges: list[Exchange] = []
        self._inner = inner

    @property
    def clock(self) -> Clock | None:
        """The clock of where the inner transport's requests go; None if it is not known."""
        return clock_of(self._inner)

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send through the inner transport and note the outcome."""
        bare = attrs.evolve(request, credentials=NO_CREDENTIALS, sink=None)
        try:
            response = await self._inner.send(request)
        except BaseException as error:
            self.exchanges.append(Exchange(bare, error=error))
            raise
        self.exchanges.append(Exchange(bare, response))
        return response

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()
