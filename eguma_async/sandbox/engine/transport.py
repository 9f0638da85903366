"""An in-memory way to a sandbox: the same bytes, no socket."""

from __future__ import annotations

import asyncio
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from eguma_async.core.errors import OutcomeUnknownError
from eguma_async.core.messages import BodySink, HttpRequest, HttpResponse

from .messages import CutResponse, Delivery, Dropped, SandboxRequest

CHUNK = 64 * 1024


class Handler(Protocol):
    """What a transport asks of a sandbox."""

    async def handle(self, request: SandboxRequest) -> Delivery:
        """Take a request and answer it."""
        ...


class SandboxTransport:
    """Carry requests to a sandbox within the process.

    A caller that is cancelled does not stop the sandbox: as with a real server, a request that
    was sent is processed. Closing has no effect, so a closed transport may be used again.

    Args:
        sandbox: Where the requests go.
    """

    def __init__(self, sandbox: Handler) -> None:
        self._sandbox = sandbox
        self._running: set[asyncio.Task[Delivery]] = set()

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send the request once and return the complete answer.

        Raises:
            OutcomeUnknownError: The connection broke before the answer was complete.
        """
        task = asyncio.ensure_future(self._sandbox.handle(_sandbox_request(request)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        delivery = await asyncio.shield(task)
        if isinstance(delivery, Dropped):
            raise _unknown(request, "the connection broke before the answer")
        if isinstance(delivery, CutResponse):
            if request.sink is not None and 200 <= delivery.response.status < 300:
                await _pour(delivery.response.body[: delivery.sent], request.sink)
            raise _unknown(request, "the connection broke in the middle of the answer")
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        if request.sink is not None and 200 <= delivery.status < 300:
            await _pour(delivery.body, request.sink)
            return HttpResponse(status=delivery.status, headers=headers)
        return HttpResponse(status=delivery.status, headers=headers, body=delivery.body)

    async def aclose(self) -> None:
        """Do nothing: the sandbox lives on."""


def _sandbox_request(request: HttpRequest) -> SandboxRequest:
    url = urlsplit(request.url)
    pairs = tuple(parse_qsl(url.query, keep_blank_values=True))
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.update((name.lower(), value) for name, value in request.credentials.headers)
    return SandboxRequest(
        request.method.upper(),
        url.path or "/",
        pairs + tuple(request.query) + tuple(request.credentials.query),
        headers,
        request.body or b"",
    )


async def _pour(body: bytes, sink: BodySink) -> None:
    for start in range(0, len(body), CHUNK):
        await sink.write(body[start : start + CHUNK])


def _unknown(request: HttpRequest, message: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        message, operation=request.operation or None, attempts=request.attempt
    )
