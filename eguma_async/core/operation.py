"""A call as a value: what to send, how safe it is to send again, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
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


def in_query(wire_name: str) -> dict[str, str]:
    """Return the metadata of a field that goes into the query string; None is left out."""
    return {_PLACE: "query", _WIRE_NAME: wire_name}


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
    `IN_PATH` or `in_query`; a body field that is None is left out.
    """

    METHOD: ClassVar[str]
    PATH: ClassVar[str]
    REPLAY: ClassVar[Replay]
    RETURNS: ClassVar[Any]

    @classmethod
    def name(cls) -> str:
        """Return the name used in errors, events and logs."""
        return cls.__name__

    @classmethod
    def has_body(cls) -> bool:
        """Tell whether the operation carries a JSON body."""
        return _plan(cls).has_body

    @classmethod
    def completes(cls) -> bool:
        """Tell whether `complete` adds anything to the decoded value."""
        return cls.complete is not Operation.complete

    def path(self) -> str:
        """Return the path with the ids filled in, quoted."""
        return _plan(type(self)).path(self)

    def query(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs of the query string, unquoted."""
        return tuple(
            (wire_name, _as_text(value))
            for name, wire_name in _plan(type(self)).query
            if (value := getattr(self, name)) is not None
        )

    def complete(self, value: T, answer: Answer, /) -> T:
        """Add to the decoded value what only the answer around it tells."""
        return value

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


@attrs.frozen
class _Plan:
    """What a class of operations looks like on the wire, worked out once."""

    path: Callable[[Any], str]
    query: tuple[tuple[str, str], ...]
    has_body: bool


_PLANS: dict[type[Any], _Plan] = {}


def _plan(cls: type[Any]) -> _Plan:
    plan = _PLANS.get(cls)
    if plan is None:
        plan = _PLANS[cls] = _make_plan(cls)
    return plan


def _make_plan(cls: type[Any]) -> _Plan:
    fields = attrs.fields(cls)
    in_path = tuple(f.name for f in fields if f.metadata.get(_PLACE) == "path")
    return _Plan(
        path=_path_builder(cls.PATH, in_path),
        query=tuple(
            (f.name, f.metadata[_WIRE_NAME]) for f in fields if f.metadata.get(_PLACE) == "query"
        ),
        has_body=any(in_body(f) for f in fields),
    )


def _path_builder(template: str, names: tuple[str, ...]) -> Callable[[Any], str]:
    if not names:
        return lambda _: template
    return lambda operation: template.format(
        **{name: quote(getattr(operation, name), safe="") for name in names}
    )


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else str(value)
