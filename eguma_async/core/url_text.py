"""How values are written in a URL and in a header."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote
from uuid import UUID

from .errors import ConfigurationError

# The methods of the base classes: a subclass, such as another library's datetime, prints itself in
# a form of its own. In this order, as true is a whole number, and a moment is a day.
AS_TEXT: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    datetime: lambda value: datetime.isoformat(value, timespec="seconds"),
    date: date.isoformat,
    int: int.__repr__,
    str: str.__str__,
}
"""How the usual values are written, by their exact type."""


def as_text(value: object, where: str) -> str:
    """Return the text of a value.

    Args:
        value: Of any type.
        where: The operation and its field, for the error.

    Raises:
        ConfigurationError: It has no text that a server would read back.
    """
    write = AS_TEXT.get(type(value))
    return _other_text(value, where) if write is None else write(value)


def _other_text(value: object, where: str) -> str:
    if isinstance(value, enum.Enum):
        return as_text(value.value, where)
    for kind, write in AS_TEXT.items():
        if isinstance(value, kind):
            return write(value)
    if isinstance(value, float) and math.isfinite(value):
        value = Decimal(float.__repr__(value))
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")  # without an exponent, which not every server reads
    if isinstance(value, UUID):
        return UUID.__str__(value)
    raise ConfigurationError(
        f"{where} must be text, a number, true or false, a date, a datetime or an enum of these,"
        f" not {type(value).__name__}"
        + (", which is not finite" if isinstance(value, (float, Decimal)) else "")
    )


def as_texts(value: object, where: str) -> tuple[str, ...]:
    """Return the texts of a value that may be missing, or of the elements of a tuple.

    Raises:
        ConfigurationError: As for `as_text`.
    """
    if value is None:
        return ()
    if isinstance(value, tuple):
        return tuple(as_text(part, where) for part in value)
    return (as_text(value, where),)


def as_segment(value: object, where: str) -> str:
    """Return a value as one segment of a path, quoted.

    Raises:
        ConfigurationError: It would lead elsewhere, as an empty text and ``..`` do, or `as_text`
            refuses it.
    """
    segment = quoted(value if type(value) is str else as_text(value, where))
    if not segment:
        raise ConfigurationError(f'{where} is part of a path: it must not be empty, "." or ".."')
    return segment


def as_path(value: object, where: str) -> str:
    """Return a value that is a path itself, such as an IRI: nothing in it is quoted.

    Raises:
        ConfigurationError: It does not begin with a slash, and would become part of the host.
    """
    path = value if type(value) is str else as_text(value, where)
    if not path.startswith("/"):
        raise ConfigurationError(f"{where} must be a path that begins with a slash")
    return path


@lru_cache(maxsize=1024)
def quoted(segment: str) -> str:
    """Return a segment quoted, and an empty text for what is none."""
    return "" if segment in (".", "..") else quote(segment, safe="")
