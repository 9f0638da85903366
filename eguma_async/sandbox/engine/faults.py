"""Scripted faults: what goes wrong on the way to a sandbox, within it and on the way back.

Each fault says which requests it is for and how often it fires, and counts how often it did. One
request meets one fault at most: the oldest that matches and is not used up. So a list of faults
reads like a script: first this happens, then that.
"""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

import attrs

from .checks import (
    FLAG,
    HEADER_VALUE,
    SECONDS,
    SHARE,
    Check,
    is_amount,
    must_be,
    status,
    whole,
)
from .clock import SandboxClock
from .messages import (
    HTML_TYPE,
    TEXT_TYPE,
    CutResponse,
    Delivery,
    Dropped,
    SandboxRequest,
    SandboxResponse,
    TimedOut,
    is_header_name,
    is_header_value,
    is_unicode,
)

F = TypeVar("F", bound="ServerFault")

Wait: TypeAlias = Callable[[], Awaitable[None]]
"""Ends when what is waited for has come."""


class RequestContext(Protocol):
    """One request on its way through a sandbox, as a fault sees it.

    Attributes:
        clock: The sandbox's clock.
        patience: How many seconds the caller waits for the first byte of a response.
    """

    clock: SandboxClock
    patience: float

    def begin(self) -> None:
        """Start processing: from now on the request is in flight."""
        ...

    def abandon(self) -> None:
        """Stop without a result, as a crashed server does."""
        ...

    def process(self) -> SandboxResponse:
        """Process (and begin, if that has not happened) and return the true response."""
        ...

    async def process_after(self, wait: Wait) -> SandboxResponse:
        """Begin, wait, and process; abandon the request if the wait is cancelled."""
        ...

    def process_later(self, wait: Wait) -> None:
        """Begin, and do the rest in the background: nobody waits for the response."""
        ...

    def error(self, status: int) -> SandboxResponse:
        """Return an error in the provider's own shape."""
        ...


# A header of these decides where a message ends: the sender sets them.
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "upgrade", "trailer"})


def _are_headers(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str)
        and isinstance(text, str)
        and is_header_name(name)
        and name.lower() not in _FRAMING
        and is_header_value(text)
        for name, text in value.items()
    )


_METHOD = Check("an HTTP verb", lambda value: isinstance(value, str) and is_header_name(value))
_PATH = Check(
    "a path that begins with / or *; * and ? stand for any text",
    lambda value: isinstance(value, str) and value[:1] in {"/", "*", "?", "["},
)
_BODY = Check(
    "a text, or bytes",
    lambda value: isinstance(value, bytes) or (isinstance(value, str) and is_unicode(value)),
)
_WAIT = Check(
    "a number of seconds, 0 or more, or an HTTP date",
    lambda value: HEADER_VALUE.fits(value) or is_amount(value),
)
_HEADERS = Check(
    "an object of header names and values, without those that say where a message ends",
    _are_headers,
)


def _seconds_text(seconds: float) -> str:
    """Write seconds in digits alone: ``2`` for 2.0, and no exponent at any size."""
    digits = f"{Decimal(repr(seconds)):f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


@attrs.define(eq=False)
class ServerFault(abc.ABC):
    """What all faults share.

    Attributes:
        method: HTTP verb it is for; None for any.
        path: Path it is for; ``*`` and ``?`` stand for any text.
        skip: How many matching requests pass before it fires.
        times: How often it fires; None for always.
        fired: How often it has fired.
        seen: How many matching requests have reached it.
        id: Number within its list, from 1; 0 outside of one.
    """

    kind: ClassVar[str]

    method: str | None = attrs.field(
        default=None, kw_only=True, validator=must_be(_METHOD.or_null())
    )
    path: str = attrs.field(default="*", kw_only=True, validator=must_be(_PATH))
    skip: int = attrs.field(default=0, kw_only=True, validator=must_be(whole(0)))
    times: int | None = attrs.field(default=1, kw_only=True, validator=must_be(whole(1).or_null()))
    fired: int = attrs.field(default=0, init=False)
    seen: int = attrs.field(default=0, init=False)
    id: int = attrs.field(default=0, init=False)

    def takes(self, request: SandboxRequest) -> bool:
        """Decide whether to fire for a request, and count it."""
        if self.times is not None and self.fired >= self.times:
            return False
        if self.method is not None and self.method.upper() != request.method:
            return False
        if not fnmatchcase(request.path, self.path):
            return False
        self.seen += 1
        if self.seen <= self.skip:
            return False
        self.fired += 1
        return True

    @abc.abstractmethod
    async def act(self, context: RequestContext) -> Delivery:
        """Carry the fault out on one request."""


Fault = ServerFault
"""An earlier name of `ServerFault`."""


@attrs.define(eq=False)
class Delay(ServerFault):
    """Respond late. The time passes on the sandbox's clock.

    Attributes:
        seconds: How late.
        after_commit: Wait with the work done instead of with the request in flight.
    """

    kind = "delay"

    seconds: float = attrs.field(validator=must_be(SECONDS))
    after_commit: bool = attrs.field(default=False, kw_only=True, validator=must_be(FLAG))

    async def act(self, context: RequestContext) -> Delivery:
        """Wait before or after the work, unless the caller gives up before."""
        wait = context.clock.wait
        if self.after_commit:
            response = context.process()
            await wait(min(self.seconds, context.patience))
            return response if self.seconds < context.patience else TimedOut(context.patience)
        if self.seconds < context.patience:
            return await context.process_after(partial(wait, self.seconds))
        context.begin()
        try:
            await wait(context.patience)
        except BaseException:
            context.abandon()
            raise
        context.process_later(partial(wait, self.seconds - context.patience))
        return TimedOut(context.patience)


@attrs.define(eq=False)
class DropBefore(ServerFault):
    """Break the connection before the server did anything."""

    kind = "drop-before"

    async def act(self, context: RequestContext) -> Delivery:
        """Process nothing."""
        return Dropped(processed=False)


@attrs.define(eq=False)
class DropAfter(ServerFault):
    """Break the connection after the server did its work: the response is lost."""

    kind = "drop-after"

    async def act(self, context: RequestContext) -> Delivery:
        """Process, and lose the response."""
        context.process()
        return Dropped(processed=True)


@attrs.define(eq=False)
class CutBody(ServerFault):
    """Do the work, announce the full length of the response, and break off in its middle.

    Attributes:
        keep: Which part of the body is sent, from 0 to less than 1.
    """

    kind = "cut-body"

    keep: float = attrs.field(default=0.5, validator=must_be(SHARE))

    async def act(self, context: RequestContext) -> Delivery:
        """Process, and cut the response."""
        response = context.process()
        return CutResponse(response, int(len(response.body) * self.keep))


@attrs.define(eq=False)
class Reply(ServerFault):
    """Respond with something else, such as a proxy's 502, a 429 or a broken success.

    Attributes:
        status: HTTP status.
        body: Body; None for an error in the provider's own shape.
        content_type: Type of `body`; by default HTML if it begins with ``<``, else plain text.
        retry_after: Value of ``Retry-After``: seconds, a fraction too, or an HTTP date; None for
            no such header.
        headers: Further headers.
        after_commit: Do the work first, so that only its response is replaced.
    """

    kind = "reply"

    status: int = attrs.field(default=503, validator=must_be(status(200, 599)))
    body: str | bytes | None = attrs.field(
        default=None, kw_only=True, repr=False, validator=must_be(_BODY.or_null())
    )
    content_type: str | None = attrs.field(
        default=None, kw_only=True, validator=must_be(HEADER_VALUE.or_null())
    )
    retry_after: float | str | None = attrs.field(
        default=None,
        kw_only=True,
        validator=must_be(_WAIT.or_null()),
    )
    headers: Mapping[str, str] = attrs.field(
        factory=dict, kw_only=True, validator=must_be(_HEADERS)
    )
    after_commit: bool = attrs.field(default=False, kw_only=True, validator=must_be(FLAG))

    async def act(self, context: RequestContext) -> Delivery:
        """Respond with or without the work done."""
        if self.after_commit:
            context.process()
        plain = context.error(self.status) if self.body is None else self._with_body(self.body)
        headers = {**plain.headers, **{name.lower(): text for name, text in self.headers.items()}}
        if self.retry_after is not None:
            headers["retry-after"] = (
                self.retry_after
                if isinstance(self.retry_after, str)
                else _seconds_text(self.retry_after)
            )
        return SandboxResponse(plain.status, headers, plain.body)

    def _with_body(self, body: str | bytes) -> SandboxResponse:
        data = body.encode() if isinstance(body, str) else body
        guessed = HTML_TYPE if data.lstrip().startswith(b"<") else TEXT_TYPE
        return SandboxResponse(self.status, {"content-type": self.content_type or guessed}, data)


@attrs.define(eq=False)
class Park(ServerFault):
    """Hold requests in flight, between the begin and the end of their processing.

    Attributes:
        after_commit: Hold the response instead, with the work done.
        hang_up: Break the caller's connection at once; the server goes on when released.
        parked: How many requests wait right now.
    """

    kind = "park"

    after_commit: bool = attrs.field(default=False, kw_only=True, validator=must_be(FLAG))
    hang_up: bool = attrs.field(default=False, kw_only=True, validator=must_be(FLAG))
    parked: int = attrs.field(default=0, init=False)
    _released: asyncio.Event = attrs.field(factory=asyncio.Event, init=False, repr=False)
    _arrived: asyncio.Event = attrs.field(factory=asyncio.Event, init=False, repr=False)

    def release(self) -> None:
        """Let all parked requests go on, and those that come later pass."""
        self._released.set()

    async def arrived(self) -> None:
        """Wait until a request has been parked."""
        await self._arrived.wait()

    async def act(self, context: RequestContext) -> Delivery:
        """Begin, and go on once released."""
        if self.after_commit:
            response = context.process()
            if self.hang_up:
                return Dropped(processed=True)
            await self._wait()
            return response
        if self.hang_up:
            context.process_later(self._wait)
            return Dropped(processed=False)
        return await context.process_after(self._wait)

    async def _wait(self) -> None:
        self.parked += 1
        self._arrived.set()
        try:
            await self._released.wait()
        finally:
            self.parked -= 1


class FaultList:
    """The faults of one sandbox, oldest first."""

    def __init__(self) -> None:
        self._faults: list[ServerFault] = []
        self._last_id = 0

    def add(self, fault: F, /) -> F:
        """Arm a fault and return it, so that its counter can be read later."""
        self._last_id += 1
        fault.id = self._last_id
        self._faults.append(fault)
        return fault

    def remove(self, fault: ServerFault, /) -> None:
        """Disarm one fault; what it has parked goes on."""
        self._faults.remove(fault)
        if isinstance(fault, Park):
            fault.release()

    def clear(self) -> None:
        """Disarm all faults; what they have parked goes on."""
        for fault in tuple(self._faults):
            self.remove(fault)

    def take(self, request: SandboxRequest) -> ServerFault | None:
        """Return the fault that fires for a request, or None."""
        return next((fault for fault in self._faults if fault.takes(request)), None)

    def __iter__(self) -> Iterator[ServerFault]:
        return iter(tuple(self._faults))

    def __len__(self) -> int:
        return len(self._faults)
