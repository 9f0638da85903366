"""Scripted faults: what goes wrong on the way to a sandbox, within it and on the way back.

Each fault says which requests it is for and how often it fires, and counts how often it did. One
request meets one fault at most: the oldest that matches and is not used up. So a list of faults
reads like a script: first this happens, then that.
"""

from __future__ import annotations

import abc
import asyncio
import math
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from types import NoneType
from typing import Any, ClassVar, Protocol, TypeVar

import attrs

from eguma_async.core.clock import Clock

from .messages import (
    HTML_TYPE,
    TEXT_TYPE,
    CutResponse,
    Delivery,
    Dropped,
    SandboxRequest,
    SandboxResponse,
    is_header_name,
    is_header_value,
)

F = TypeVar("F", bound="ServerFault")


class Call(Protocol):
    """One request on its way through a sandbox, as a fault sees it."""

    clock: Clock

    def begin(self) -> None:
        """Start processing: from now on the request is in flight."""
        ...

    def finish(self) -> SandboxResponse:
        """Process (and begin, if that has not happened) and return the true answer."""
        ...

    def abandon(self) -> None:
        """Stop without a result, as a crashed server does."""
        ...

    def detach(self, park: Park) -> None:
        """Finish in the background once `park` lets go."""
        ...

    def error(self, status: int) -> SandboxResponse:
        """Return an error in the provider's own shape."""
        ...


Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def _a(kind: str, *types: type) -> Validator:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        # A bool counts as an int in Python, but not in JSON.
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise ValueError(f"{attribute.name} must be {kind}")

    return check


def _number(text: str, fits: Callable[[float], bool], *types: type) -> Validator:
    is_number = _a(text, *types)

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        is_number(instance, attribute, value)
        if value is not None and not fits(value):
            raise ValueError(f"{attribute.name} must be {text}")

    return check


_text = _a("a text", str)
_text_or_none = _a("a text or null", str, NoneType)
_flag = _a("true or false", bool)
_from_zero = _number("a whole number, 0 or more", lambda n: n >= 0, int)
_from_one = _number("a whole number, 1 or more, or null", lambda n: n >= 1, int, NoneType)
_seconds = _number("a number of seconds, 0 or more", lambda n: 0 <= n < math.inf, int, float)
_share = _number("a number from 0 to less than 1", lambda n: 0 <= n < 1, int, float)
_status = _number("a status from 200 to 599", lambda n: 200 <= n <= 599, int)


def _header_text(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not (isinstance(value, str) and is_header_value(value)):
        raise ValueError(f"{attribute.name} must be printable ASCII or null")


def _wait(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    is_text = isinstance(value, str) and is_header_value(value)
    if not (value is None or is_number or is_text):
        raise ValueError(f"{attribute.name} must be seconds, an HTTP date or null")


def _headers(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, Mapping) or not all(
        isinstance(text, str) and is_header_name(name) and is_header_value(text)
        for name, text in value.items()
    ):
        raise ValueError(f"{attribute.name} must be an object of header names and values")


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

    method: str | None = attrs.field(default=None, kw_only=True, validator=_text_or_none)
    path: str = attrs.field(default="*", kw_only=True, validator=_text)
    skip: int = attrs.field(default=0, kw_only=True, validator=_from_zero)
    times: int | None = attrs.field(default=1, kw_only=True, validator=_from_one)
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
    async def act(self, call: Call) -> Delivery:
        """Carry the fault out on one request."""


@attrs.define(eq=False)
class Delay(ServerFault):
    """Answer late. The time passes on the sandbox's clock.

    Attributes:
        seconds: How late.
        after_commit: Wait with the work done instead of with the request in flight.
    """

    kind = "delay"

    seconds: float = attrs.field(validator=_seconds)
    after_commit: bool = attrs.field(default=False, kw_only=True, validator=_flag)

    async def act(self, call: Call) -> Delivery:
        """Wait before or after the work."""
        if self.after_commit:
            response = call.finish()
            await call.clock.sleep(self.seconds)
            return response
        call.begin()
        try:
            await call.clock.sleep(self.seconds)
        except BaseException:
            call.abandon()
            raise
        return call.finish()


@attrs.define(eq=False)
class DropBefore(ServerFault):
    """Break the connection before the server did anything."""

    kind = "drop-before"

    async def act(self, call: Call) -> Delivery:
        """Process nothing."""
        return Dropped(processed=False)


@attrs.define(eq=False)
class DropAfter(ServerFault):
    """Break the connection after the server did its work: the answer is lost."""

    kind = "drop-after"

    async def act(self, call: Call) -> Delivery:
        """Process, and lose the answer."""
        call.finish()
        return Dropped(processed=True)


@attrs.define(eq=False)
class CutBody(ServerFault):
    """Do the work, announce the full length of the answer, and break off in its middle.

    Attributes:
        keep: Which part of the body is sent, from 0 to less than 1.
    """

    kind = "cut-body"

    keep: float = attrs.field(default=0.5, validator=_share)

    async def act(self, call: Call) -> Delivery:
        """Process, and cut the answer."""
        response = call.finish()
        return CutResponse(response, int(len(response.body) * self.keep))


@attrs.define(eq=False)
class Reply(ServerFault):
    """Answer something else, such as a proxy's 502, a 429 or a broken success.

    Attributes:
        status: HTTP status.
        body: Body; None for an error in the provider's own shape.
        content_type: Type of `body`; by default HTML if it begins with ``<``, else plain text.
        retry_after: Value of ``Retry-After``: seconds or an HTTP date; None for no such header.
        headers: Further headers.
        after_commit: Do the work first, so that only its answer is replaced.
    """

    kind = "reply"

    status: int = attrs.field(default=503, validator=_status)
    body: str | bytes | None = attrs.field(
        default=None, kw_only=True, repr=False, validator=_a("a text or null", str, bytes, NoneType)
    )
    content_type: str | None = attrs.field(default=None, kw_only=True, validator=_header_text)
    retry_after: float | str | None = attrs.field(
        default=None,
        kw_only=True,
        validator=_wait,
    )
    headers: Mapping[str, str] = attrs.field(factory=dict, kw_only=True, validator=_headers)
    after_commit: bool = attrs.field(default=False, kw_only=True, validator=_flag)

    async def act(self, call: Call) -> Delivery:
        """Answer with or without the work done."""
        if self.after_commit:
            call.finish()
        plain = call.error(self.status) if self.body is None else self._with_body(self.body)
        headers = {**plain.headers, **{name.lower(): text for name, text in self.headers.items()}}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return SandboxResponse(plain.status, headers, plain.body)

    def _with_body(self, body: str | bytes) -> SandboxResponse:
        data = body.encode() if isinstance(body, str) else body
        guessed = HTML_TYPE if data.lstrip().startswith(b"<") else TEXT_TYPE
        return SandboxResponse(self.status, {"content-type": self.content_type or guessed}, data)


@attrs.define(eq=False)
class Park(ServerFault):
    """Hold requests in flight, between the begin and the end of their processing.

    Attributes:
        hang_up: Break the caller's connection at once; the server goes on when released.
        parked: How many requests wait right now.
    """

    kind = "park"

    hang_up: bool = attrs.field(default=False, kw_only=True, validator=_flag)
    parked: int = attrs.field(default=0, init=False)
    _released: asyncio.Event = attrs.field(factory=asyncio.Event, init=False, repr=False)
    _arrived: asyncio.Event = attrs.field(factory=asyncio.Event, init=False, repr=False)

    def release(self) -> None:
        """Let all parked requests go on, and those that come later pass."""
        self._released.set()

    async def arrived(self) -> None:
        """Wait until a request has been parked."""
        await self._arrived.wait()

    async def act(self, call: Call) -> Delivery:
        """Begin, and go on once released."""
        call.begin()
        if self.hang_up:
            call.detach(self)
            return Dropped(processed=False)
        await self.wait(call)
        return call.finish()

    async def wait(self, call: Call) -> None:
        """Hold a call that has begun until released; abandon it if the wait is cancelled."""
        self.parked += 1
        self._arrived.set()
        try:
            await self._released.wait()
        except BaseException:
            call.abandon()
            raise
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


KINDS: Mapping[str, type[ServerFault]] = {
    fault.kind: fault for fault in (Delay, DropBefore, DropAfter, CutBody, Reply, Park)
}


def fault_from_json(value: Mapping[str, Any]) -> ServerFault:
    """Make a fault from its JSON form: ``kind`` and the arguments of its class.

    Raises:
        ValueError: A member is unknown, missing or out of range.
    """
    members = dict(value)
    kind = members.pop("kind", None)
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    arguments = [field for field in attrs.fields(cls) if field.init]
    known = {field.name for field in arguments}
    if unknown := sorted(members.keys() - known):
        raise ValueError(f"{kind} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    required = {field.name for field in arguments if field.default is attrs.NOTHING}
    if missing := sorted(required - members.keys()):
        raise ValueError(f"{kind} needs {', '.join(missing)}")
    return cls(**members)


def fault_to_json(fault: ServerFault) -> dict[str, object]:
    """Return the JSON form of a fault with its counters; bodies are left out."""
    shown = {
        field.name: getattr(fault, field.name)
        for field in attrs.fields(type(fault))
        if field.repr and field.name not in {"id", "headers"}
    }
    return {"id": fault.id, "kind": fault.kind, **shown}
