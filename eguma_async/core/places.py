"""Where the fields of an operation go in its request, as metadata of attrs."""

from __future__ import annotations

from typing import Any

import attrs

from .fields import is_local

_PLACE = "eguma_async.place"
_WIRE_NAME = "eguma_async.wire_name"

IN_PATH = {_PLACE: "path"}
"""Metadata of a field that fills its ``{name}`` in `Operation.PATH`, quoted."""

IN_PATH_AS_IS = {_PLACE: "path as is"}
"""Metadata of a field that fills its ``{name}`` with a path, such as an IRI: nothing is quoted.

The field needs a validator that accepts nothing but such paths.
"""

PLACED_BY_HAND = {_PLACE: "by hand"}
"""Metadata of a field that is not in the body: the operation's own methods say where it goes."""


def in_query(wire_name: str) -> dict[str, str]:
    """Return the metadata of a field that goes into the query string; None is left out.

    Texts and whole numbers go as they are, dates and times in ISO 8601 with whole seconds, true and
    false in lower case, `Decimal` and finite floats in plain notation, an enum as its value, and a
    tuple as one pair for each of its elements. Anything else is refused.
    """
    return {_PLACE: "query", _WIRE_NAME: wire_name}


def in_header(wire_name: str) -> dict[str, str]:
    """Return the metadata of a field that goes into a header; None is left out.

    Values are written as by `in_query`, but for tuples.
    """
    return {_PLACE: "header", _WIRE_NAME: wire_name}


def in_body(field: attrs.Attribute[Any]) -> bool:
    """Tell whether a field of an operation belongs to its JSON body."""
    return _PLACE not in field.metadata and not is_local(field)


def is_in(place: str, field: attrs.Attribute[Any]) -> bool:
    """Tell whether a field is marked for a place: path, path as is, query, header or by hand."""
    return field.metadata.get(_PLACE) == place


def name_in_place(field: attrs.Attribute[Any]) -> str:
    """Return the wire's name of a field that is in the query or in a header."""
    name: str = field.metadata[_WIRE_NAME]
    return name
