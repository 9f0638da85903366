"""A call as a value: what to send, how safe it is to send again, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from urllib.parse import quote

import attrs

from .errors import OutcomeUnknownError, StatusError
from .messages import HttpResponse, Replay

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
    return _PLACE not in field.metadata


@attrs.frozen(kw_only=True)
class Answer:
    """What came beside the decoded value.

    Attributes:
        response: The answer itself.
        received_at: When it came, aware, in UTC.
        idempotency_key: Key the call carried; None without one.
        replayed: True if the server marked the answer as a repetition of an earlier one.
    """

    response: HttpResponse
    received_at: datetime
    idempotency_key: str | None
    replayed: bool


class Send(Protocol):
    """Sends an operation: the `send` of a session."""

    async def __call__(self, operation: Operation[R], /) -> R:
        """Send the operation and return its value."""
        ...


@attrs.frozen(kw_only=True)
class Operation(Generic[T]):
    """Base of every request object.

    A subclass is a frozen attrs class. Its fields are the JSON body, but for those marked with
    `IN_PATH`, `in_query`, `in_header` or `PLACED_BY_HAND`; a body field that is None is left out.

    One that names its `CONTENT_TYPE` always carries a body, an empty object without body fields;
    the others use the provider's.
    """

    METHOD: ClassVar[str]
    PATH: ClassVar[str]
    REPLAY: ClassVar[Replay]
    RETURNS: ClassVar[Any]
    CONTENT_TYPE: ClassVar[str | None] = None

    @classmethod
    def name(cls) -> str:
        """Return the name used in errors, events and logs."""
        return cls.__name__

    @classmethod
    def is_read(cls) -> bool:
        """Tell whether it changes nothing on the server, whatever becomes of it."""
        return cls.REPLAY is Replay.SAFE and cls.METHOD == "GET"

    @classmethod
    def shape(cls) -> Shape:
        """Return what all operations of this class have in common on the wire."""
        shape = _SHAPES.get(cls)
        if shape is None:
            shape = _SHAPES[cls] = _make_shape(cls)
        return shape

    def path(self) -> str:
        """Return the path with the ids filled in, quoted."""
        return self.shape().path(self)

    def query(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs of the query string, unquoted. A tuple gives one pair per element."""
        return self.shape().query(self)

    def headers(self) -> dict[str, str]:
        """Return the headers of this operation alone."""
        return {
            wire_name: value
            for name, wire_name in self.shape().headers
            if (value := getattr(self, name)) is not None
        }

    def complete(self, value: T, answer: Answer, /) -> T:
        """Add to the decoded value what only the answer around it tells."""
        return value

    def explain(self, refusal: StatusError, /) -> StatusError:
        """Add to a refusal what only the operation knows."""
        return refusal

    async def settle(self, refusal: StatusError, send: Send, began_at: datetime, /) -> T:
        """Decide what a refusal means after an earlier attempt had an unknown outcome.

        Args:
            refusal: The last answer.
            send: Sends another operation, to look things up.
            began_at: When the call began, aware, in UTC.

        Raises:
            OutcomeUnknownError: By default, unless the operation is a read.
            StatusError: The refusal itself, if it proves that nothing was done.
        """
        if self.REPLAY is Replay.SAFE:
            raise refusal
        raise OutcomeUnknownError(
            f"refused with HTTP {refusal.status}, but an earlier attempt may have been processed",
            refusal=refusal,
        )


@attrs.frozen(kw_only=True)
class Shape:
    """What a class of operations looks like on the wire, worked out once.

    Attributes:
        name: Name of the class, for errors, events and logs.
        path: Makes the path of an operation.
        query: Makes the pairs of its query string.
        headers: Fields that are headers of their own, with the wire's names.
        has_body: True if operations of the class carry a JSON body.
        completes: True if `Operation.complete` adds anything to the decoded value.
    """

    name: str
    path: Callable[[Any], str]
    query: Callable[[Any], tuple[tuple[str, str], ...]]
    headers: tuple[tuple[str, str], ...]
    has_body: bool
    completes: bool


_SHAPES: dict[type[Any], Shape] = {}


def _make_shape(cls: type[Operation[Any]]) -> Shape:
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cls)
    return Shape(
        name=cls.name(),
        path=_path_builder(cls.PATH, [f for f in fields if _place(f) == "path"]),
        query=_query_builder([f for f in fields if _place(f) == "query"]),
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
        return lambda operation: f"{head}{_quoted(get(operation))}{tail}"
    return lambda operation: template.format(
        **{name: _quoted(getattr(operation, name)) for name in names}
    )


def _query_builder(
    fields: list[attrs.Attribute[Any]],
) -> Callable[[Any], tuple[tuple[str, str], ...]]:
    wire_names = [f.metadata[_WIRE_NAME] for f in fields]
    if len(fields) < 2:  # attrgetter gives a tuple for two names and more only
        names = [f.name for f in fields]
        return lambda operation: _pairs(wire_names, [getattr(operation, n) for n in names])
    get = attrgetter(*[f.name for f in fields])
    return lambda operation: _pairs(wire_names, get(operation))


def _pairs(names: Iterable[str], values: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        [(n, _as_text(v)) for n, vs in zip(names, values, strict=True) for v in _as_tuple(vs)]
    )


@lru_cache(maxsize=1024)
def _quoted(segment: str) -> str:
    return quote(segment, safe="")


def _as_tuple(value: object) -> tuple[object, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return str(value)  # a date is written as ISO 8601
