"""The functions of the second tier, as source.

It is generated because a loop over fields takes nearly twice as long. `repair.source_of` shows it.
"""

from __future__ import annotations

import enum
import typing
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import attrs
import msgspec

from .dialect import Dialect, Read
from .fields import is_local, is_nullable, may_be_blank, other_names
from .generated import function
from .scalars import (
    AMOUNTS,
    READERS,
    AsWritten,
    Cents,
    read_decimal,
    read_enum,
    read_written,
)
from .strict import has_plain_default, is_open, named, why_not_converted, why_not_fast

_ALWAYS = ""
# Which values of a type have to be read by its reader; msgspec reads the others alike, and what is
# of another form than the usual one goes to the reader as well.
_NEEDS_READER: dict[Any, str] = {
    str: "type({v}) is not str",
    int: "type({v}) is not int",
    Cents: "type({v}) is not int",
    bool: "type({v}) is not bool",
    datetime: "type({v}) is not str or len({v}) < 19 or {v}[-5] in '+-'",
    date: "type({v}) is not str or len({v}) != 10",
}
_IS_ODD_START = "type({v}) is not str or len({v}) != 19 or {v}[10] != 'T'"
# A reader leaves values of these types as they are in the end, fit for an attrs converter.
_FINAL = {str, int, bool, Cents, Decimal, Any}
# Default factories whose value is written as a literal.
_EMPTY: dict[Any, str] = {dict: "{}", tuple: "()", list: "[]", set: "[]", frozenset: "[]"}
# The key of an object for what is set once msgspec has made it; no member of an answer is that.
_LATE = object()

_Field: TypeAlias = "attrs.Attribute[Any]"


class NotRepairableError(Exception):
    """A type that this tier cannot read as the tolerant one does. Its text says why."""


class _MissingError(Exception):
    """Ends the repair of an answer: a field is missing, or an array is none."""


def _finished(values: list[dict[Any, Any]], kind: Any) -> Any:
    """Make the objects of a list that have what msgspec would refuse, and set it as attrs does.

    All of a list at once, as each call of `convert` looks the type up again.
    """
    late = [(at, value.pop(_LATE)) for at, value in enumerate(values) if _LATE in value]
    if not late:
        return values
    made = msgspec.convert(values, kind)
    for at, pairs in late:
        for name, value in pairs:
            object.__setattr__(made[at], name, value)  # the class is frozen
    return made


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _otherwise(lines: Sequence[str]) -> list[str]:
    return ["else:", *_indented(lines)] if lines else []


class RepairSource:
    """Writes the functions of one type and of all within it."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._functions: list[str] = []
        self._names: dict[Any, str] = {}
        self._known: dict[str, Any] = {
            "AMOUNTS": AMOUNTS,
            "MissingError": _MissingError,
            "MISSING": attrs.NOTHING,
            "NOTHING": (None, [], {}),
            "finished": _finished,
            "LATE": _LATE,
        }

    @property
    def source(self) -> str:
        """What was written, the inner functions first."""
        return "\n\n".join(self._functions)

    def compiled(self, kind: Any) -> Callable[[Any], Any]:
        """Return the function for a type."""
        name = self.write_all(kind)
        repair: Callable[[Any], Any] = function(name, self.source, self._known)
        return repair

    def write_all(self, kind: Any) -> str:
        """Write the functions for a type and for all within it, and return the outermost name."""
        body = [*self._steps(kind, "value"), "return value"]
        self._functions.append("\n".join(("def repair(value):", *_indented(body))))
        return "repair"

    def _write(self, kind: Any) -> str:
        """Write the function for a type, unless it is there, and return its name."""
        if kind in self._names:
            return self._names[kind]
        self._refuse_touched(kind)
        word = "".join(c if c.isalnum() else "_" for c in named(kind))
        name = self._names[kind] = f"repair_{word}_{len(self._names)}"
        if attrs.has(kind):
            body = self._class_body(kind)
        else:
            body = [*self._steps(kind, "value"), "return value"]
        self._functions.append("\n".join((f"def {name}(value):", *_indented(body))))
        return name

    def _refuse_touched(self, kind: Any) -> None:
        if self._dialect.is_touched(kind):
            raise NotRepairableError(f"a hook is registered for {kind}")

    def _bound(self, value: object, word: str) -> str:
        name = f"{word}_{len(self._known)}"
        self._known[name] = value
        return name

    # Values

    def _steps(self, kind: Any, v: str, to: str = "") -> list[str]:
        """Return what puts a value in order; nothing if msgspec reads it alike as it is.

        Args:
            kind: Its type.
            v: The variable that has it.
            to: What another value is assigned to; the variable by default.
        """
        to = to or v
        self._refuse_touched(kind)
        reader = self._reader_of(kind)
        if reader is not None:
            expression = self._read(kind, v, *reader)
            test = reader[1].format(v=v)
            return [f"if {test}:", f"    {to} = {expression}"] if test else [f"{to} = {expression}"]
        parts = [part for part in typing.get_args(kind) if part is not type(None)]
        if is_nullable(kind) and len(parts) == 1:
            return self._nullable_steps(kind, parts[0], v, to)
        if attrs.has(kind):
            made = f"{self._write(kind)}({v})"
            if _late_fields(kind):
                made = f"finished([{made}], {self._bound(tuple[kind, ...], 'kind')})[0]"
            return [f"{to} = {made}"]
        arguments = typing.get_args(kind)
        if typing.get_origin(kind) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
            return [
                f"if type({v}) is not list:",
                "    raise MissingError",
                *self._element_steps(arguments[0], v, to),
            ]
        why = why_not_fast(kind, self._dialect)
        if why is not None:
            raise NotRepairableError(why)
        return []

    def _nullable_steps(self, kind: Any, part: Any, v: str, to: str) -> list[str]:
        lines = self._steps(part, v, to)
        if self._dialect.may_be_empty(kind):
            return [f"if not {v} and {v} in NOTHING:", f"    {to} = None", *_otherwise(lines)]
        return [f"if {v} is not None:", *_indented(lines)] if lines else []

    def _element_steps(self, kind: Any, v: str, to: str) -> list[str]:
        self._refuse_touched(kind)
        reader = self._reader_of(kind)
        if reader is not None:
            value, test = self._read(kind, "each", *reader), reader[1].format(v="each")
            if test:
                value = f"{value} if {test} else each"
        elif self._steps(kind, "each"):
            value = f"{self._write(kind)}(each)"
        else:
            return []
        values = f"[{value} for each in {v}]"
        if attrs.has(kind) and _late_fields(kind):
            values = f"finished({values}, {self._bound(tuple[kind, ...], 'kind')})"
        return [f"{to} = {values}"]

    def _reader_of(self, kind: Any) -> tuple[Read, str] | None:
        """Return how a single value is read, and what values need it."""
        own = self._dialect.readers.get(kind)
        if kind is Decimal and own is None:
            return READERS[Decimal], _ALWAYS
        if kind in _NEEDS_READER:
            return own or READERS[kind], _NEEDS_READER[kind]
        if own is not None:
            return own, _ALWAYS
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            plain = issubclass(kind, str) and is_open(kind)
            return read_enum, _NEEDS_READER[str] if plain else _ALWAYS
        if kind == AsWritten:
            raise NotRepairableError("a moment to be kept as written, in an unusual place")
        return None

    def _read(self, kind: Any, v: str, read: Read, _: str) -> str:
        if read is read_decimal:
            return f"AMOUNTS[{v}]"
        return f"{self._bound(read, 'read')}({v}, {self._bound(kind, 'kind')})"

    # Objects

    def _class_body(self, cls: Any) -> list[str]:
        attrs.resolve_types(cls)
        fields = [f for f in attrs.fields(cls) if not is_local(f)]
        lines = [*self._form(cls, fields), "get = value.get"]
        late = _late_fields(cls)
        if late:
            lines.append("late = None")
        if self._is_in_place(fields):
            lines += (f"value.pop({f.name!r}, None)" for f in attrs.fields(cls) if is_local(f))
            for field in fields:
                lines += self._field(cls, field, f"{field.name}_ = value[{field.name!r}]")
        else:
            for field in fields:
                lines += self._field(cls, field, "")
            lines += self._made_anew(fields)
        if late:
            lines += ["if late is not None:", "    value[LATE] = late"]
        return [*lines, "return value"]

    def _is_in_place(self, fields: Sequence[_Field]) -> bool:
        """Tell whether an object is changed in place: a third less than making another.

        What a form has read is not changed: it may be kept as it came.
        """
        names = self._dialect.names
        return not self._dialect.has_forms and all(names.of(f) == f.name for f in fields)

    def _made_anew(self, fields: Sequence[_Field]) -> list[str]:
        always = [f for f in fields if f.default is attrs.NOTHING or has_plain_default(f)]
        pairs = ", ".join(f"{f.name!r}: {f.name}_" for f in always)
        lines = [f"value = {{{pairs}}}"]
        for field in fields:
            if field not in always:
                lines += [
                    f"if {field.name}_ is not MISSING:",
                    f"    value[{field.name!r}] = {field.name}_",
                ]
        return lines

    def _form(self, cls: Any, fields: Sequence[_Field]) -> list[str]:
        form = self._dialect.form_of(cls)
        if form is None:
            return []
        read = f"value = {self._bound(form.read, 'read')}(value)"
        if form.reads_all:
            return [read]
        lists = [f for f in fields if typing.get_origin(f.type) is tuple]
        names = [n for f in lists for n in (self._dialect.names.of(f), *other_names(f))]
        tests = ["type(value) is not dict"]
        tests += (f"type(value.get({n!r})) is dict" for n in names)
        tests += (f"{n!r} in value" for n in form.odd_names)
        return [f"if {' or '.join(tests)}:", f"    {read}"]

    def _field(self, cls: Any, field: _Field, in_place: str) -> list[str]:
        """Return what puts a member in order.

        Args:
            cls: The class.
            field: The field.
            in_place: The variable of the field, and the member, as targets of an assignment; empty
                if only the variable is set.
        """
        why = why_not_converted(field)
        if why is not None:
            raise NotRepairableError(f"{cls.__name__}.{field.name}: {why}")
        v = f"{field.name}_"
        to = in_place or v
        steps = self._steps_of(field, v, to)
        if may_be_blank(field):
            steps = [f"if {v} == '':", f"    {to} = None", *_otherwise(steps)]
        lines = self._fetched(field, v, to)
        if field.default is not None and field.default is not attrs.NOTHING:
            absent = "MISSING" if is_nullable(field.type) else "None"
            default = f"{to} = {_default(field)}"
            if in_place and not has_plain_default(field):
                default = f"value.pop({field.name!r}, None)"
            steps = [f"if {v} is {absent}:", f"    {default}", *_otherwise(steps)]
        if field.converter is not None:
            steps += [f"{to} = {self._converter(cls, field)}({v})"]
        # In place, there may be nothing to do.
        return [*lines, *steps] if steps or other_names(field) or not in_place else []

    def _fetched(self, field: _Field, v: str, to: str) -> list[str]:
        """Return what takes a member out of the object, by the first name it has there."""
        name, others = self._dialect.names.of(field), other_names(field)
        required, nullable = field.default is attrs.NOTHING, is_nullable(field.type)
        if not others:
            if required:
                return [f"{v} = value[{name!r}]"]
            absent = ", MISSING" * (nullable and field.default is not None)
            return [f"{v} = get({name!r}{absent})"]
        lines = [f"if {name!r} in value:", f"    {v} = value[{name!r}]"]
        for other in others:
            lines += [f"elif {other!r} in value:", f"    {to} = value[{other!r}]"]
        missing = f"{to} = None" if nullable or not required else "raise MissingError"
        return [*lines, "else:", f"    {missing}"]

    def _converter(self, cls: Any, field: _Field) -> str:
        """Return the name of an attrs converter, which msgspec does not call."""
        kinds = {field.type, *typing.get_args(field.type)} - {type(None)}
        is_certain = field.default is attrs.NOTHING or has_plain_default(field)
        if not (is_certain and callable(field.converter) and kinds <= _FINAL):
            raise NotRepairableError(f"{cls.__name__}.{field.name}: converter")
        return self._bound(field.converter, "convert")

    def _steps_of(self, field: _Field, v: str, to: str) -> list[str]:
        nullable = is_nullable(field.type)
        kinds = typing.get_args(field.type) if nullable else (field.type,)
        if AsWritten not in kinds:
            return self._steps(field.type, v, to)
        for kind in (field.type, *kinds):
            self._refuse_touched(kind)
        test = _IS_ODD_START.format(v=v)
        if nullable:
            test = f"{v} is not None and ({test})"
        read = self._bound(read_written, "read")
        return [
            f"if {test}:",
            f"    written, moment = {read}({v})",
            f"    late = (*(late or ()), ({field.name!r}, written))",
            f"    {to} = moment",
        ]


def _late_fields(cls: Any) -> list[_Field]:
    """Return the fields of a class that keep the text of a moment, which msgspec refuses."""
    attrs.resolve_types(cls)
    found: list[_Field] = [
        f for f in attrs.fields(cls) if AsWritten in (f.type, *typing.get_args(f.type))
    ]
    return [f for f in found if not is_local(f)]


def _default(field: _Field) -> str:
    """Return the default of a field as source; MISSING if msgspec had better set it."""
    if not has_plain_default(field):
        return "MISSING"
    factory = getattr(field.default, "factory", None)
    if factory is None:
        return repr(field.default)
    if factory not in _EMPTY:
        raise NotRepairableError(f"{field.name}: default")
    return _EMPTY[factory]
