"""How an API writes JSON, for all tiers of the codec."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from .fields import WireNames, is_nullable

Read: TypeAlias = Callable[[object, Any], Any]
"""Reads a JSON value, given the type it is read as; raises `MismatchError` for what it refuses."""


@attrs.frozen(kw_only=True)
class ObjectForm:
    """What may stand for the JSON object that a class is read from.

    Attributes:
        read: Returns the object to read instead of a value, or the value as it is. It changes
            nothing in place.
        reads_all: True if every value has to pass through it. False if it leaves objects alone
            that have no object where the class has a tuple, and none of the `odd_names`.
        odd_names: Members that make an object odd.
    """

    read: Callable[[object], object]
    reads_all: bool = True
    odd_names: tuple[str, ...] = ()


def _plain_objects(_: type) -> ObjectForm | None:
    return None


def _untouched(_: Any) -> bool:
    return False


@attrs.frozen(kw_only=True)
class Dialect:
    """What the tiers have to know of an API and of its user.

    Attributes:
        names: The wire's names.
        form_of: Gives the form of a class; None for plain objects.
        readers: How values of some types are read, if not as everywhere. One of a type that all
            tiers know, such as `date`, is asked for what is not written as usual only, and has to
            read the rest as they do.
        empty_is_null: True if an empty object or array stands for null, where an object or null
            is expected.
        is_touched: Tells whether a hook of the user's applies to a type.
    """

    names: WireNames = attrs.field(factory=WireNames)
    form_of: Callable[[type], ObjectForm | None] = _plain_objects
    readers: Mapping[Any, Read] = attrs.field(factory=dict)
    empty_is_null: bool = False
    is_touched: Callable[[Any], bool] = _untouched

    @property
    def has_forms(self) -> bool:
        """Whether anything but plain objects may stand for an object."""
        return self.form_of is not _plain_objects

    def may_be_empty(self, kind: Any) -> bool:
        """Tell whether an empty object or array is read as None for a type."""
        return self.empty_is_null and is_optional_object(kind)


PLAIN = Dialect()
"""Plain objects, with the names of the fields."""


def is_optional_object(kind: Any) -> bool:
    """Tell whether a type is one of JSON objects, or None, and nothing else."""
    parts = [part for part in typing.get_args(kind) if part is not type(None)]
    return is_nullable(kind) and len(parts) == 1 and _is_object(parts[0])


def _is_object(kind: Any) -> bool:
    return attrs.has(kind) or typing.get_origin(kind) is dict
