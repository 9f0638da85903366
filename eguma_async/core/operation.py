"""A call as a value: what to send, how safe it is to send again, and what comes back."""

from __future__ import annotations

import typing
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from urllib.parse import quote

import attrs

from .clock import Clock
from .errors import ConfigurationError, OutcomeUnknownError, StatusError
from .fields import is_local
from .messages import HttpResponse, Repeat

T = TypeVar("T")
R = TypeVar("R")

_PLACE = "eguma_async.place"
_WIRE_NAME = "eguma_async.wire_name"

IN_PATH = {_PLACE: "path"}
"""Metadata of a field that fills its ``{name}`` in `Operation.PATH`."""


PLACED_BY_HAND = {_PLACE: "by hand"}
"""Metadata of a field that is not in the body: the operation's own methods say where it goes."""


def in_query(wire_name: str) -> dict[str, str]:
    """Return the metadata of a field that goes into the query string; None is left out."""
    return {_PLACE: "query", _WIRE_NAME: wire_name}


def in_header(wire_name: str) -> dict[str, str]:
    """Return the metadata of a field that goes into a header; None is left out."""
    return {_PLACE: "header", _WIRE_NAME: wire_name}


def in_body(field: attrs.Attribute[Any]) -> bool:
    """Tell whether a field of an operation belongs to its JSON body."""
    return _PLACE not in field.metadata and not is_local(field)


class ResponseContext:
    """What came beside the decoded value. What few ask for is worked out when they do.

    Args:
        response: The response itself.
        idempotency_key: Key the call carried; None without one.
        clock: Tells when the response came: now.
        is_replay: Tells whether it is marked as a repetition of an earlier one.

    Attributes:
        response: The response itself.
        idempotency_key: Key the call carried; None without one.
    """

    __slots__ = ("_clock", "_is_replay", "idempotency_key", "response")

    response: HttpResponse
    idempotency_key: str | None

    def __init__(
        self,
        response: HttpResponse,
        idempotency_key: str | None,
        clock: Clock,
        is_replay: Callable[[HttpResponse], bool],
    ) -> None:
        self.response = response
        self.idempotency_key = idempotency_key
        self._clock = clock
        self._is_replay = is_replay

    @property
    def received_at(self) -> datetime:
        """When the response came, aware, in UTC."""
        return self._clock.now()

    @property
    def replayed(self) -> bool:
        """True if the server marked the response as a repetition of an earlier one."""
        return self._is_replay(self.response)


class Send(Protocol):
    """Sends an operation: the `send` of a session."""

    async def __call__(self, operation: Operation[R], /) -> R:
        """Send the operation and return its value."""
        ...


@attrs.frozen(kw_only=True)
class Operation(Generic[T]):
    """Base of every request object: ``class ListThings(Operation[ThingList])``.

    A subclass is a frozen attrs class. Its fields are the JSON body, but for those marked with
    `IN_PATH`, `in_query`, `in_header` or `PLACED_BY_HAND`; a body field that is None is left out.

    What it returns follows from its type argument. One that names its `CONTENT_TYPE` always
    carries a body, an empty object without body fields; the others use the provider's.

    Attributes:
        METHOD: HTTP verb in capitals.
        PATH: Path below the base URL, with ``{name}`` for each field that is `IN_PATH`.
        REPEAT: Whether it may be sent again.
        CONTENT_TYPE: Media type of the body, if it is not the provider's.
        RETURNS: What the response is decoded into; set by the class itself.
    """

    METHOD: ClassVar[str]
    PATH: ClassVar[str]
    REPEAT: ClassVar[Repeat]
    CONTENT_TYPE: ClassVar[str | None] = None
    RETURNS: ClassVar[Any]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        returns = _type_argument(cls)
        if returns is not None:
            if cls.__dict__.get("RETURNS", returns) != returns:
                raise TypeError(f"{cls.__name__}: RETURNS follows from the type argument; drop it")
            cls.RETURNS = returns

    @classmethod
    def name(cls) -> str:
        """Return the name used in errors, events and logs."""
        return cls.__name__

    @classmethod
    def is_read(cls) -> bool:
        """Tell whether it changes nothing on the server, whatever becomes of it."""
        return cls.REPEAT is Repeat.READ

    @classmethod
    def plan(cls) -> RequestPlan:
        """Return what all requests of this class of operations have in common."""
        plan = _PLANS.get(cls)
        if plan is None:
            plan = _PLANS[cls] = _make_plan(cls)
        return plan

    def path(self) -> str:
        """Return the path with the ids filled in, quoted."""
        return self.plan().own_path(self)

    def query(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs of the query string, unquoted. A tuple gives one pair per element."""
        return self.plan().own_query(self)

    def headers(self) -> dict[str, str]:
        """Return the headers of this operation alone."""
        return {
            wire_name: value
            for name, wire_name in self.plan().headers
            if (value := getattr(self, name)) is not None
        }

    def complete(self, value: T, context: ResponseContext, /) -> T:
        """Add to the decoded value what only the response around it tells, and check it.

        Raises:
            EgumaError: What came back is not what was asked for. The error carries the value.
        """
        return value

    def explain(self, refusal: StatusError, /) -> StatusError:
        """Add to a refusal what only the operation knows."""
        return refusal

    async def fall_back(self, refusal: StatusError, send: Send, /) -> T:
        """Read in another way what was refused, such as a long range in shorter ones.

        Only a read is asked for this.

        Args:
            refusal: The response.
            send: Sends another operation, with the timeouts of this call.

        Raises:
            StatusError: By default, the refusal itself.
        """
        raise refusal

    async def reconcile(self, refusal: StatusError, send: Send, began_at: datetime, /) -> T:
        """Find out what a refusal means after an earlier attempt had an unknown outcome.

        Args:
            refusal: The last response.
            send: Sends another operation, to look things up.
            began_at: When the call began, aware, in UTC.

        Raises:
            OutcomeUnknownError: By default, unless the operation is a read.
            StatusError: The refusal itself, if it proves that nothing was done.
        """
        if self.is_read():
            raise refusal
        raise OutcomeUnknownError(
            f"refused with HTTP {refusal.status}, but an earlier attempt may have been processed",
            refusal=refusal,
        )


def _type_argument(cls: type) -> Any:
    """Return what stands for ``T`` in the bases of a class; None if it is still open."""
    for base in cls.__dict__.get("__orig_bases__", ()):
        for argument in typing.get_args(base)[:1]:
            if not isinstance(argument, TypeVar):
                return argument
    return None


@attrs.frozen(kw_only=True)
class RequestPlan:
    """What all requests of one class of operations have in common, worked out once.

    Attributes:
        name: Name of the class, for errors, events and logs.
        path: Makes the path of an operation: `Operation.path`, without the way there.
        query: Makes the pairs of its query string, in the same manner.
        own_path: Makes the path from what the class declares.
        own_query: Makes the query from what the class declares.
        headers: Fields that are headers of their own, with the wire's names.
        has_body: True if operations of the class carry a JSON body.
        completes: True if `Operation.complete` looks at the decoded value.
    """

    name: str
    path: Callable[[Any], str]
    query: Callable[[Any], tuple[tuple[str, str], ...]]
    own_path: Callable[[Any], str]
    own_query: Callable[[Any], tuple[tuple[str, str], ...]]
    headers: tuple[tuple[str, str], ...]
    has_body: bool
    completes: bool


_PLANS: dict[type[Any], RequestPlan] = {}


def _make_plan(cls: type[Operation[Any]]) -> RequestPlan:
    missing = [n for n in ("METHOD", "PATH", "REPEAT", "RETURNS") if not hasattr(cls, n)]
    if missing:
        raise ConfigurationError(
            f"{cls.__name__} must define {', '.join(missing)}; RETURNS follows from the type"
            " argument, as in Operation[Thing]"
        )
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cls)
    path = _path_builder(cls.PATH, [f for f in fields if _place(f) == "path"])
    query = _query_builder([f for f in fields if _place(f) == "query"])
    return RequestPlan(
        name=cls.name(),
        path=path if cls.path is Operation.path else cls.path,
        query=query if cls.query is Operation.query else cls.query,
        own_path=path,
        own_query=query,
        headers=tuple(_named(f) for f in fields if _place(f) == "header"),
        has_body=cls.CONTENT_TYPE is not None or any(in_body(f) for f in fields),
        completes=cls.complete is not Operation.complete,
    )


def _place(field: attrs.Attribute[Any]) -> Any:
    return field.metadata.get(_PLACE)


def _named(field: attrs.Attribute[Any]) -> tuple[str, str]:
    return field.name, field.metadata[_WIRE_NAME]


def _path_builder(template: str, fields: list[attrs.Attribute[Any]]) -> Callable[[Any], str]:
    if not fields:
        return lambda _: template
    names = [f.name for f in fields]
    if len(names) == 1:  # as most paths: no need for the machinery of format
        get = attrgetter(names[0])
        head, tail = template.split(f"{{{names[0]}}}")
        return lambda operation: head + _quoted(get(operation)) + tail
    return lambda operation: template.format(
        **{name: _quoted(getattr(operation, name)) for name in names}
    )


def _query_builder(
    fields: list[attrs.Attribute[Any]],
) -> Callable[[Any], tuple[tuple[str, str], ...]]:
    parts = [(f.metadata[_WIRE_NAME], attrgetter(f.name)) for f in fields]

    def query(operation: Any) -> tuple[tuple[str, str], ...]:
        pairs: list[tuple[str, str]] = []
        for name, get in parts:
            value = get(operation)
            as_text = _TEXT.get(type(value))
            if as_text is not None:
                pairs.append((name, as_text(value)))
            else:
                pairs += [(name, _as_text(part)) for part in _as_tuple(value)]
        return tuple(pairs)

    return query


@lru_cache(maxsize=1024)
def _quoted(segment: str) -> str:
    return quote(segment, safe="")


def _as_tuple(value: object) -> tuple[object, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _as_text(value: object) -> str:
    return _TEXT.get(type(value), str)(value)


_TEXT: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    date: date.isoformat,
    datetime: lambda value: value.isoformat(timespec="seconds"),
    int: str,
    str: str,
}
