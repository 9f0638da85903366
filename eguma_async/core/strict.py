"""The first tier: msgspec decodes bytes straight into attrs classes, without any tolerance."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime
from typing import Any

import attrs
import msgspec

from .dialect import PLAIN, Dialect
from .fields import is_local, other_names
from .listing import Listing, is_listing
from .scalars import AsWritten, Cents

_SCALARS = {str, int, bool, float, datetime, date, type(None), Any, Cents, AsWritten}


def strict_decoder(kind: Any, dialect: Dialect) -> Callable[[bytes], Any] | str:
    """Return a function that decodes an answer, or the reason why this tier cannot."""
    decoded = as_tuple(kind)
    local = _local_fields(decoded)
    why = why_not_fast(decoded, dialect, ignored=local)
    if why is not None:
        return why
    try:
        decode = msgspec.json.Decoder(decoded).decode
    except (TypeError, NameError):  # the latter where a class is not to be found by its name
        return f"msgspec does not know {named(kind)}, or a type in it"
    if decoded is not kind:
        return lambda body: Listing(decode(body))
    return _without_local(decode, local) if local else decode


def as_tuple(kind: Any) -> Any:
    """Return the tuple that a listing is: msgspec knows no subclasses of it."""
    return types.GenericAlias(tuple, (*typing.get_args(kind), ...)) if is_listing(kind) else kind


def why_not_fast(
    kind: Any, dialect: Dialect = PLAIN, *, ignored: Collection[str] = ()
) -> str | None:
    """Return None if msgspec reads a type tree as the tolerant tier does, else the reason.

    It skips attrs converters, reads aliases and private names by their attribute name and refuses
    unknown members of a closed enum; a hook of the user's is not known to it at all.

    Args:
        kind: Type of an answer.
        dialect: How the API writes.
        ignored: Fields of the class itself that do not count.
    """
    return next(_reasons(kind, dialect, set(), ignored), None)


def _reasons(
    kind: Any, dialect: Dialect, seen: set[Any], ignored: Collection[str] = ()
) -> Iterator[str]:
    if kind in seen:
        return
    seen.add(kind)
    if dialect.is_touched(kind):
        yield f"a hook is registered for {kind}"
    elif kind in dialect.readers:
        yield f"{named(kind)} is read in a way of its own"
    elif attrs.has(kind):
        yield from _reasons_of_class(kind, dialect, seen, ignored)
    elif kind not in _SCALARS:
        yield from _reasons_of_other(kind, dialect, seen)


def _reasons_of_other(kind: Any, dialect: Dialect, seen: set[Any]) -> Iterator[str]:
    """Yield the reasons of an enumeration, or of a type with parts."""
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        if not is_open(kind):
            yield f"closed enum {kind.__name__}"
    elif typing.get_origin(kind) is None or is_listing(kind):
        yield f"unknown kind {kind!r}"
    else:
        if dialect.may_be_empty(kind):
            yield f"{kind} may be empty"
        for part in typing.get_args(kind):
            if part is not Ellipsis:
                yield from _reasons(part, dialect, seen)


def _reasons_of_class(
    cls: Any, dialect: Dialect, seen: set[Any], ignored: Collection[str]
) -> Iterator[str]:
    attrs.resolve_types(cls)
    for field in attrs.fields(cls):
        if field.name not in ignored:
            found = _own_way(field, dialect)
            if found is not None:
                yield f"{cls.__name__}.{field.name}: {found}"
            yield from _reasons(field.type, dialect, seen)
    form = dialect.form_of(cls)
    if form is not None and form.reads_all:
        yield f"{cls.__name__}: form"


def _own_way(field: attrs.Attribute[Any], dialect: Dialect) -> str | None:
    """Name what msgspec does not know of a field."""
    why = why_not_converted(field)
    if why is not None:
        return why
    if is_local(field):
        return "local"
    if field.converter is not None:
        return "converter"
    if dialect.names.of(field) != field.name:
        return "wire name"
    if other_names(field) and field.default is not attrs.NOTHING:
        return "other names"  # it would be taken for missing
    return None


def why_not_converted(field: attrs.Attribute[Any]) -> str | None:
    """Name what keeps msgspec from making an object with a field, whatever it is made of."""
    if field.alias != field.name:
        return "alias"
    if getattr(field.default, "takes_self", False):
        return "takes_self"
    return None if field.init else "init"


def has_plain_default(field: attrs.Attribute[Any]) -> bool:
    """Tell whether msgspec makes of a field's default just that."""
    default: Any = field.default
    origin = typing.get_origin(field.type)
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # it is a class
        return default.factory is origin
    if default == () and origin is tuple:
        return True
    return default is None or (type(default) is field.type and field.type in {str, int, bool})


def is_scalar(kind: Any) -> bool:
    """Tell whether msgspec reads a type as the tolerant tier does, or refuses the value."""
    return kind in _SCALARS


def is_open(kind: type[enum.Enum]) -> bool:
    """Tell whether an enumeration has members for unknown values."""
    return any("_missing_" in vars(c) for c in kind.__mro__ if c.__module__ != "enum")


def named(kind: Any) -> str:
    """Return the short name of a type."""
    name = str(getattr(kind, "__name__", kind))
    parts = typing.get_args(kind)
    return f"{name}[{named(parts[0])}]" if parts and "[" not in name and " " not in name else name


def _local_fields(kind: Any) -> dict[str, Any]:
    """Return the `LOCAL` fields of a class with their defaults; none of what is no attrs class."""
    if not attrs.has(kind):
        return {}
    return {f.name: f.default for f in attrs.fields(kind) if is_local(f)}


def _without_local(
    decode: Callable[[bytes], Any], defaults: dict[str, Any]
) -> Callable[[bytes], Any]:
    """Take back what msgspec read into fields that are no server's to set."""

    def decode_without(body: bytes) -> Any:
        value = decode(body)
        if all(getattr(value, name) is default for name, default in defaults.items()):
            return value
        return attrs.evolve(value, **defaults)

    return decode_without
