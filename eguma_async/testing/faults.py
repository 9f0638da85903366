"""Faults between a client and its server, on demand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import partial
from urllib.parse import urlsplit

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.delivery import DEFAULT_MAX_BODY_BYTES
from eguma_async.core.errors import NotSentError, OutcomeUnknownError
from eguma_async.core.messages import HttpRequest, HttpResponse
from eguma_async.core.operation import Operation
from eguma_async.core.sendable import check_limits, check_sendable
from eguma_async.core.transport import ManagedTransport, Transport, clock_of
from eguma_async.transports.memory import MemoryTransport

from . import _checks
from .transports import text_reply

Send = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Lets a request go on, and returns its response."""
Action = Callable[[HttpRequest, Send], Awaitable[HttpResponse]]
"""What a fault does with a request; calling `Send` lets the request go on."""


def drop_request(*, unknown: bool = False) -> Action:
    """Never let the request out; raise `NotSentError`, or `OutcomeUnknownError` if asked to."""

    async def action(request: HttpRequest, send: Send) -> HttpResponse:
        kind = OutcomeUnknownError if unknown else NotSentError
        raise kind("the request was dropped")

    return action


def lose_reply() -> Action:
    """Let the server answer, then raise `OutcomeUnknownError` as if the response never came."""

    async def action(request: HttpRequest, send: Send) -> HttpResponse:
        await send(request)
        raise OutcomeUnknownError("the response was lost")

    return action


def cut_body(keep: int) -> Action:
    """Let the server answer and keep only the first bytes, as a proxy does without saying so.

    Raises:
        ConfigurationError: `keep` is no whole number from 0 on.
    """
    _checks.count("keep", keep, least=0)

    async def action(request: HttpRequest, send: Send) -> HttpResponse:
        response = await send(request)
        return attrs.evolve(response, body=response.body[:keep])

    return action


def answer_instead(response: HttpResponse) -> Action:
    """Give this response; the server never sees the request.

    Raises:
        ConfigurationError: `response` is none.
    """
    _checks.response(response)

    async def action(request: HttpRequest, send: Send) -> HttpResponse:
        return response

    return action


def refuse(
    status: int, *, retry_after: float | None = None, headers: Mapping[str, str] | None = None
) -> Action:
    """Answer with a bare status, and ``Retry-After`` in seconds if given.

    Args:
        status: HTTP status, 200 to 599.
        retry_after: Any number of seconds, fractions too.
        headers: Further headers.

    Raises:
        ConfigurationError: The status is none, the seconds are not a number from 0 on, or the
            headers are not texts by name.
    """
    _checks.status(status)
    _checks.headers(headers)
    waiting = {} if retry_after is None else {"retry-after": _seconds(retry_after)}
    return answer_instead(HttpResponse(status=status, headers={**waiting, **(headers or {})}))


def html_page(status: int = 502) -> Action:
    """Answer with a web page, as gateways and captive portals do.

    Raises:
        ConfigurationError: The status is none.
    """
    _checks.status(status)
    page = "<!doctype html><title>Gateway</title><h1>Please try again later</h1>"
    return answer_instead(text_reply(page, status, content_type="text/html; charset=utf-8"))


def delay(seconds: float, clock: Clock) -> Action:
    """Wait on a clock before the request goes on, with what is left of its time limits.

    A wait as long as the limit on silence, or on the whole attempt, ends there with
    `OutcomeUnknownError`, on any clock; the request does not go on.

    Raises:
        ConfigurationError: The seconds are not a number from 0 on, or the clock is none.
    """
    _checks.seconds("seconds", seconds)
    _checks.clock(clock)

    async def action(request: HttpRequest, send: Send) -> HttpResponse:
        limits = request.timeouts
        patience = min(limits.read, limits.total)
        await clock.sleep(min(seconds, patience))
        if seconds >= patience:
            raise OutcomeUnknownError(f"no response within {patience:g} s")
        left = attrs.evolve(limits, read=limits.read - seconds, total=limits.total - seconds)
        return await send(request.but(timeouts=left))

    return action


@attrs.define(eq=False)
class Fault:
    """One thing that goes wrong, and when.

    Attributes:
        action: What goes wrong.
        operation: Only for requests of this operation: its class or the name of its class.
        method: Only for this HTTP verb.
        path: Only where the URL's path is like this; ``*`` and ``?`` stand for any text, as in
            ``*/booking.json``. The faults of a sandbox match alike.
        times: How often it happens; None for every time.
        skip: How many matching requests pass before it happens first.
        fired: How often it happened. A test that injects a fault should check it.

    Raises:
        ConfigurationError: One of these can never match, or is of the wrong kind.
    """

    action: Action = attrs.field(validator=_checks.action)
    operation: str | type[Operation[object]] | None = attrs.field(
        default=None, kw_only=True, converter=_checks.operation_name
    )
    method: str | None = attrs.field(default=None, kw_only=True, converter=_checks.method)
    path: str = attrs.field(default="*", kw_only=True, validator=_checks.path)
    times: int | None = attrs.field(default=1, kw_only=True, validator=_checks.times)
    skip: int = attrs.field(default=0, kw_only=True, validator=_checks.skip)
    fired: int = attrs.field(default=0, init=False)
    _passed: int = attrs.field(default=0, init=False, repr=False)

    def strikes(self, request: HttpRequest) -> bool:
        """Count the request if it matches, and return whether the fault happens to it."""
        if not self._matches(request):
            return False
        if self._passed < self.skip:
            self._passed += 1
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        self.fired += 1
        return True

    def _matches(self, request: HttpRequest) -> bool:
        return (
            self.operation in {None, request.operation}
            and self.method in {None, request.method}
            and fnmatchcase(_path_of(request.url), self.path)
        )


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:  # one that leads nowhere, which is for the inner transport to say
        return ""


class FaultTransport(ManagedTransport):
    """Lets things go wrong on the client's side of another transport.

    A request meets the faults in the order given. One that answers or raises ends the way; the
    faults behind it are neither met nor counted. The contract of transports holds on the way of a
    fault as it does without one: what cannot be sent is refused before a fault is counted, time
    limits end the wait, bodies are bounded, and names of headers come in lower case.

    A fault holds the whole response in its hands, so a sink gets it only afterwards.

    Args:
        inner: Takes what gets through.
        faults: What goes wrong.
        max_body_bytes: The largest body that a fault may hand over, unless it flows into a sink.
            What no fault touches is bounded by the inner transport.

    Raises:
        ConfigurationError: A fault is none, or the limit is below 1.
    """

    def __init__(
        self, inner: Transport, *faults: Fault, max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    ) -> None:
        for fault in faults:
            _checks.fault(fault, Fault)
        check_limits(max_body_bytes=max_body_bytes)
        self._inner = inner
        self._faults = faults
        self._max_body_bytes = max_body_bytes

    @property
    def clock(self) -> Clock | None:
        """The clock of where the inner transport's requests go; None if it is not known."""
        return clock_of(self._inner)

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send the request past the faults.

        Raises:
            NotSentError: A fault or the inner transport said so.
            OutcomeUnknownError: One of them said so, the time was up, or the body is too large.
            ConfigurationError: The request holds what cannot be sent.
        """
        check_sendable(request)
        return await self._pass(self._faults, request)

    async def _pass(self, faults: tuple[Fault, ...], request: HttpRequest) -> HttpResponse:
        for position, fault in enumerate(faults):
            if fault.strikes(request):
                return await self._strike(fault, faults[position + 1 :], request)
        return await self._inner.send(request)

    async def _strike(
        self, fault: Fault, behind: tuple[Fault, ...], request: HttpRequest
    ) -> HttpResponse:
        onward = partial(self._pass, behind)
        go_on = onward if request.sink is None else partial(_collect, onward)

        async def act(request: HttpRequest) -> HttpResponse:
            return await fault.action(request.but(sink=None), go_on)

        # A fault is a function that answers, so its way is that of every such function.
        door = MemoryTransport(act, max_body_bytes=self._max_body_bytes)
        return await door.send(request)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


class _Chunks:
    """Keeps a body that may be larger than the largest one to be collected."""

    def __init__(self) -> None:
        self.body: bytearray = bytearray()

    async def write(self, chunk: bytes, /) -> None:
        self.body += chunk

    def restart(self) -> None:
        self.body.clear()


async def _collect(send: Send, request: HttpRequest) -> HttpResponse:
    """Send a request whose caller has a sink, and return the response with its body."""
    chunks = _Chunks()
    response = await send(request.but(sink=chunks))
    return attrs.evolve(response, body=bytes(chunks.body)) if response.ok else response


def _seconds(value: float) -> str:
    """Write a number of seconds in digits, never with an exponent."""
    _checks.seconds("retry_after", value)
    text = format(Decimal(str(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
