"""The first tier for classes whose names or values differ from the wire's.

msgspec renames the fields of its own structs, not those of attrs classes. So each class gets a
struct with the wire's names. The answer is decoded into structs, in C; what has to be read by
hand, such as amounts, is read as a struct is made; and msgspec converts structs to attrs objects by
their attributes, in C again. Whatever is not as usual is refused, for the next tier to read.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import attrs
import msgspec

from .dialect import Dialect
from .fields import is_local, is_nullable, other_names
from .generated import function
from .scalars import AMOUNTS
from .strict import as_tuple, has_plain_default, is_scalar, why_not_converted, why_not_fast

_Field: TypeAlias = "attrs.Attribute[Any]"


class _NoStructError(Exception):
    """A type without a struct. Its text says why."""


def struct_decoder(kind: Any, dialect: Dialect) -> Callable[[bytes], Any] | str:
    """Return a function that decodes an answer by way of structs, or the reason why none can."""
    target = as_tuple(kind)
    try:
        decode = msgspec.json.Decoder(_Structs(dialect).type_of(target)).decode
    except _NoStructError as error:
        return str(error)
    except (TypeError, ValueError) as error:  # a default, or a union, that msgspec does not know
        return f"msgspec: {error}"
    convert = msgspec.convert
    if target is kind:
        return lambda body: convert(decode(body), target, from_attributes=True)
    listing = typing.get_origin(kind)
    return lambda body: listing(convert(decode(body), target, from_attributes=True))


class _Structs:
    """The structs of one type and of all within it."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._made: dict[Any, Any] = {}

    def type_of(self, kind: Any) -> Any:
        """Return the type that msgspec decodes in place of another."""
        self._refuse_touched(kind)
        if is_scalar(kind):
            return kind
        if attrs.has(kind):
            return self._struct(kind)
        arguments = typing.get_args(kind)
        if typing.get_origin(kind) is tuple and arguments[1:] == (Ellipsis,):
            element: Any = self.type_of(arguments[0])
            return types.GenericAlias(tuple, (element, ...))
        if is_nullable(kind) and len(arguments) == 2:
            (part,) = (part for part in arguments if part is not type(None))
            if attrs.has(part) or not self._dialect.may_be_empty(kind):
                return self.type_of(part) | None
        why = why_not_fast(kind, self._dialect)
        if why is not None:
            raise _NoStructError(why)
        return kind

    def _refuse_touched(self, kind: Any) -> None:
        if self._dialect.is_touched(kind):
            raise _NoStructError(f"a hook is registered for {kind}")

    def _struct(self, cls: Any) -> Any:
        if cls in self._made:
            if self._made[cls] is None:
                raise _NoStructError(f"{cls.__name__} is within itself")
            return self._made[cls]
        self._made[cls] = None
        attrs.resolve_types(cls)
        form = self._dialect.form_of(cls)
        if form is not None and form.reads_all:
            raise _NoStructError(f"{cls.__name__}: form")
        fields: list[_Field] = [f for f in attrs.fields(cls) if not is_local(f)]
        members = [self._member(cls, f) for f in fields]
        odd = [name for f in fields for name in other_names(f)]
        for number, name in enumerate((*odd, *(form.odd_names if form else ()))):
            # It takes no value: an object that has such a member is refused.
            absent = msgspec.field(name=name, default=msgspec.UNSET)
            members.append((f"odd_{number}", msgspec.UnsetType, absent))
        hand = self._by_hand(cls, fields)
        made = self._made[cls] = msgspec.defstruct(
            cls.__name__,
            members,
            kw_only=True,
            gc=False,  # it lives for one decoding, and is in no cycle
            namespace=hand and {"__post_init__": hand},
        )
        if hand is not None:
            hand.__globals__["EMPTY"] = made() if self._may_be_empty(fields) else None
        return made

    def _may_be_empty(self, fields: Sequence[_Field]) -> bool:
        """Tell whether an empty object, which may stand for null, could be taken for one."""
        return self._dialect.empty_is_null and all(f.default is not attrs.NOTHING for f in fields)

    def _member(self, cls: Any, field: _Field) -> tuple[str, Any, Any]:
        why = why_not_converted(field)
        if why is None and field.default is not attrs.NOTHING and not has_plain_default(field):
            why = "default"
        if why is None and field.converter is not None and not self._is_final(field):
            why = "converter"
        if why is not None:
            raise _NoStructError(f"{cls.__name__}.{field.name}: {why}")
        factory = getattr(field.default, "factory", None)
        default = {"default_factory": factory} if factory else {"default": field.default}
        if field.default is attrs.NOTHING:
            default = {}
        member = msgspec.field(name=self._dialect.names.of(field), **default)
        if not self._is_read(_inner(field)):
            kind = self.type_of(field.type)
            if self._dialect.may_be_empty(field.type):
                kind = kind | list  # an empty array may stand for the object
            return field.name, kind, member
        for kind in (field.type, _inner(field)):
            self._refuse_touched(kind)
        is_tuple = typing.get_origin(field.type) is tuple
        return field.name, tuple[Any, ...] if is_tuple else Any, member

    def _is_read(self, kind: Any) -> bool:
        """Tell whether values of a type are read by hand."""
        return kind is Decimal or (kind in self._dialect.readers and not is_scalar(kind))

    def _is_final(self, field: _Field) -> bool:
        """Tell whether the member of a struct is what an attrs converter expects."""
        kind = _inner(field) if is_nullable(field.type) else field.type
        return callable(field.converter) and (is_scalar(kind) or self._is_read(kind))

    def _by_hand(self, cls: Any, fields: Sequence[_Field]) -> Callable[[Any], None] | None:
        """Return what puts a new struct in order; None if there is nothing to do."""
        known: dict[str, Any] = {"AMOUNTS": AMOUNTS, "EMPTY": None}
        lines = []
        if self._may_be_empty(fields):
            lines += ["if self == EMPTY:", "    raise ValueError('empty')"]
        for field in fields:
            lines += self._reading(field, known)
            if field.converter is not None:
                known[f"convert_{field.name}"] = field.converter
                lines.append(f"self.{field.name} = convert_{field.name}(self.{field.name})")
        if not lines:
            return None
        source = "\n    ".join(("def hand(self):", *lines))
        hand: Callable[[Any], None] = function("hand", source, known)
        return hand

    def _reading(self, field: _Field, known: dict[str, Any]) -> Iterator[str]:
        """Yield what reads a member by hand, if that is to be."""
        kind, me = _inner(field), f"self.{field.name}"
        if self._dialect.may_be_empty(field.type):
            yield f"if {me} == []:"
            yield f"    {me} = None"
        if not self._is_read(kind):
            return
        read, as_kind = f"read_{field.name}", f"kind_{field.name}"
        known[read], known[as_kind] = self._dialect.readers.get(kind), kind
        value = f"{read}({{v}}, {as_kind})" if known[read] else "AMOUNTS[{v}]"
        if typing.get_origin(field.type) is tuple:
            yield f"{me} = [{value.format(v='each')} for each in {me}]"
        elif is_nullable(field.type):
            yield f"if {me} is not None:"
            yield f"    {me} = {value.format(v=me)}"
        else:
            yield f"{me} = {value.format(v=me)}"


def _inner(field: _Field) -> Any:
    """Return the type of a field without None, or that of the elements of a tuple."""
    parts = [p for p in typing.get_args(field.type) if p not in (type(None), Ellipsis)]
    has_one = typing.get_origin(field.type) is tuple or is_nullable(field.type)
    return parts[0] if has_one and len(parts) == 1 else field.type
