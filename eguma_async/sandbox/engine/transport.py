"""An in-memory way to a sandbox: the same bytes, no socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from eguma_async.core.clock import Clock
from eguma_async.core.delivery import DEFAULT_MAX_BODY_BYTES, deliver
from eguma_async.core.errors import NotSentError, OutcomeUnknownError
from eguma_async.core.messages import HttpRequest, HttpResponse, wire_headers, wire_url
from eguma_async.core.sendable import check_limits, check_sendable
from eguma_async.core.transport import ManagedTransport

from .messages import CutResponse, Delivery, SandboxRequest, SandboxResponse, TimedOut


class RequestHandler(Protocol):
    """What a transport asks of a sandbox."""

    @property
    def clock(self) -> Clock:
        """What the sandbox lives by."""
        ...

    async def handle(self, request: SandboxRequest, *, patience: float) -> Delivery:
        """Take a request of a caller who waits so many seconds, and return what became of it."""
        ...


class SandboxTransport(ManagedTransport):
    """Carries requests to a sandbox within the process.

    It keeps the contract of transports, time limits included. What a sandbox delays on purpose
    counts on the sandbox's clock; everything else, such as a parked request, counts in real time.
    Moving the sandbox's clock by hand is not waiting.

    A caller that is cancelled or gives up does not stop the sandbox: as with a real server, a
    request that was sent is processed. Closing has no effect, so a closed transport may be used
    again.

    Args:
        sandbox: Where the requests go.
        max_body_bytes: The largest body to accept, unless it flows into a sink.

    Attributes:
        clock: The sandbox's: a session that is given no clock tells the time by it.

    Raises:
        ConfigurationError: The limit is no whole number of at least 1.
    """

    def __init__(
        self, sandbox: RequestHandler, *, max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    ) -> None:
        check_limits(max_body_bytes=max_body_bytes)
        self.clock: Clock = sandbox.clock
        self._sandbox = sandbox
        # Whoever stands in for a sandbox need not have one.
        self._date: Callable[[], str | None] | None = getattr(sandbox, "date", None)
        self._max_body_bytes = max_body_bytes
        self._running: set[asyncio.Task[Delivery]] = set()

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send the request once and return the complete response.

        Raises:
            ConfigurationError: The request holds what cannot be sent. Nothing was sent.
            NotSentError: Its URL is none for HTTP.
            OutcomeUnknownError: The connection broke, or the time was up, before the response was
                complete; or its body is too large.
        """
        check_sendable(request)
        origin = _origin(request.url)
        if origin is None:
            raise NotSentError("the URL is not one for HTTP")
        delivery = await self._ask(request, origin)
        if isinstance(delivery, SandboxResponse):
            return await self._hand_over(request, delivery)
        if isinstance(delivery, TimedOut):
            raise OutcomeUnknownError(_too_late(request, delivery.seconds))
        if isinstance(delivery, CutResponse):
            await self._hand_over_part(request, delivery)
            raise OutcomeUnknownError("the connection broke in the middle of the response")
        raise OutcomeUnknownError("the connection broke before the response")

    async def _ask(self, request: HttpRequest, origin: str) -> Delivery:
        # Within the process a response is there whole or not at all, so silence lasts to its end.
        patience = min(request.timeouts.read, request.timeouts.total)
        task = asyncio.ensure_future(
            self._sandbox.handle(_sandbox_request(request, origin), patience=patience)
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        # Usually the response is there at once, and no timer has to be set.
        await asyncio.sleep(0)
        if not task.done():
            # Neither a time limit nor a cancellation of this wait reaches the task.
            await asyncio.wait((task,), timeout=patience)
        return task.result() if task.done() else TimedOut(patience)

    async def _hand_over(self, request: HttpRequest, response: SandboxResponse) -> HttpResponse:
        body = b"" if request.method.upper() == "HEAD" else response.body
        date = None if self._date is None else self._date()
        headers = response.headers if date is None else {"date": date, **response.headers}
        whole = HttpResponse(status=response.status, headers=headers, body=body)
        return await deliver(request, whole, max_body_bytes=self._max_body_bytes)

    async def _hand_over_part(self, request: HttpRequest, cut: CutResponse) -> None:
        part = SandboxResponse(cut.response.status, {}, cut.response.body[: cut.sent])
        if request.sink is not None:
            await self._hand_over(request, part)


def _origin(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host:
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _sandbox_request(request: HttpRequest, origin: str) -> SandboxRequest:
    url = urlsplit(wire_url(request))
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    headers = {name.lower(): value for name, value in wire_headers(request).items()}
    body = request.body or b""
    return SandboxRequest.of_target(request.method.upper(), target, headers, body, origin)


def _too_late(request: HttpRequest, seconds: float) -> str:
    host = urlsplit(request.url).hostname or "the server"
    if seconds < request.timeouts.total:
        return f"{host} was silent for {seconds:g} s"
    return f"no complete response of {host} within {seconds:g} s"
