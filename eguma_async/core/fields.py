"""What a class says of its fields on the wire, as metadata of attrs."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs

_ALSO = "eguma_async.also"
_NAME = "eguma_async.name"
_LOCAL = "eguma_async.local"
_LENIENT = "eguma_async.lenient"

LOCAL = {_LOCAL: True}
"""Metadata of a field that is this package's own: it is neither read from a response nor sent."""

LENIENT = {_LENIENT: True}
"""Metadata of a tuple whose unreadable elements do not hide the others: see `Listing`."""


def also_named(*wire_names: str) -> dict[str, tuple[str, ...]]:
    """Return the metadata of a response field that servers are known to name differently."""
    return {_ALSO: wire_names}


def wire_named(wire_name: str) -> dict[str, str]:
    """Return the metadata of a field whose name on the wire no rule gives, such as ``@id``."""
    return {_NAME: wire_name}


def other_names(field: attrs.Attribute[Any]) -> tuple[str, ...]:
    """Return the other names that `also_named` gave a field."""
    names: tuple[str, ...] = field.metadata.get(_ALSO, ())
    return names


def is_local(field: attrs.Attribute[Any]) -> bool:
    """Tell whether a field is marked `LOCAL`."""
    return _LOCAL in field.metadata


def is_lenient(field: attrs.Attribute[Any]) -> bool:
    """Tell whether a field is marked `LENIENT`."""
    return _LENIENT in field.metadata


def is_nullable(kind: Any) -> bool:
    """Tell whether None is among the values of a type."""
    union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    return union and type(None) in typing.get_args(kind)


def may_be_blank(field: attrs.Attribute[Any]) -> bool:
    """Tell whether an empty text is read as None: servers write it for a date they do not have.

    A flag too, but no text: an empty one is a value of its own.
    """
    kinds = {type(None), datetime, bool}
    return (
        field.default is None
        and is_nullable(field.type)
        and kinds.issuperset(typing.get_args(field.type))
    )


class WireNames:
    """The wire's names of the fields of attrs classes.

    Args:
        rule: Gives the wire's name of a field by its Python name, unless `wire_named` does.
    """

    def __init__(self, rule: Callable[[str], str] | None = None) -> None:
        self._rule = rule or str

    def of(self, field: attrs.Attribute[Any]) -> str:
        """Return the wire's name of a field."""
        given: str | None = field.metadata.get(_NAME)
        return given or self._rule(field.name)

    def named(self, cls: Any, attribute: str) -> str:
        """Return the wire's name of a field of a class."""
        fields: Any = attrs.fields_dict(cls)
        return self.of(fields[attribute])
