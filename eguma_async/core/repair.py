"""The second tier: parsed JSON is put in order by generated functions, for msgspec to convert.

For each class one function is written, as attrs writes an ``__init__``. It makes a new object of
the JSON object, with the names of the class's fields, that holds what the tolerant tier would make
of each member, or what msgspec makes that of. What it cannot put in order it leaves, or it raises
whatever comes: the tolerant tier then reads the answer, or names its faults. So this tier is a
matter of speed only.

Source is generated because loops over fields cost three times as much. `source_of` shows it.
"""

from __future__ import annotations

import enum
import typing
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import attrs
import msgspec

from .dialect import Dialect, Read
from .fields import is_local, is_nullable, may_be_blank, other_names
from .scalars import (
    AMOUNTS,
    READERS,
    AsWritten,
    Cents,
    WrittenDatetime,
    read_as_written,
    read_decimal,
    read_enum,
)
from .strict import as_tuple, has_plain_default, is_open, named, why_not_converted, why_not_fast

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
_EMPTY: dict[Any, str] = {dict: "{}", tuple: "()", list: "[]"}


class NotRepairableError(Exception):
    """A type that this tier cannot read as the tolerant one does. Its text says why."""


class _MissingError(Exception):
    """Ends the repair of an answer: a field is missing, or an array is none."""


def repairing_decoder(kind: Any, dialect: Dialect) -> Callable[[Any], Any] | str:
    """Return a function that makes a value of parsed JSON, or the reason why this tier cannot.

    The function changes nothing of what it is given, and raises whatever comes.
    """
    target = as_tuple(kind)
    try:
        writer = _Writer(dialect)
        repair = writer.compiled(target)
    except NotRepairableError as error:
        return str(error)
    convert = msgspec.convert
    if target is not kind:
        listing = typing.get_origin(kind)
        return lambda raw: listing(convert(repair(raw), target))
    return lambda raw: convert(repair(raw), target)


def source_of(kind: Any, dialect: Dialect) -> str:
    """Return the functions that are generated for a type, the inner ones first.

    Raises:
        NotRepairableError: There are none.
    """
    writer = _Writer(dialect)
    writer.write(as_tuple(kind))
    return writer.source


def _finished(values: dict[str, Any], cls: type, late: dict[str, Any]) -> object:
    """Make an object and set what msgspec would refuse, as attrs sets it: the class is frozen."""
    made: object = msgspec.convert(values, cls)
    for name, value in late.items():
        object.__setattr__(made, name, value)
    return made


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _otherwise(lines: Sequence[str]) -> list[str]:
    return ["else:", *_indented(lines)] if lines else []


class _Writer:
    """Writes the functions of one type and of all within it."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._functions: list[str] = []
        self._names: dict[Any, str] = {}
        self._known: dict[str, Any] = {
            "AMOUNTS": AMOUNTS,
            "MissingError": _MissingError,
            "WrittenDatetime": WrittenDatetime,
            "MISSING": attrs.NOTHING,
            "NOTHING": (None, [], {}),
            "finished": _finished,
        }

    @property
    def source(self) -> str:
        return "\n\n".join(self._functions)

    def compiled(self, kind: Any) -> Callable[[Any], Any]:
        name = self.write(kind)
        exec(self.source, self._known)  # noqa: S102  # made of the names of classes and fields
        repair: Callable[[Any], Any] = self._known[name]
        return repair

    def write(self, kind: Any) -> str:
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

    def _steps(self, kind: Any, v: str) -> list[str]:
        """Return what puts a variable in order; nothing if msgspec reads it alike as it is."""
        self._refuse_touched(kind)
        reader = self._reader_of(kind)
        if reader is not None:
            expression = self._read(kind, v, *reader)
            test = reader[1].format(v=v)
            return [f"if {test}:", f"    {v} = {expression}"] if test else [f"{v} = {expression}"]
        parts = [part for part in typing.get_args(kind) if part is not type(None)]
        if is_nullable(kind) and len(parts) == 1:
            return self._nullable_steps(kind, parts[0], v)
        if attrs.has(kind):
            return [f"{v} = {self.write(kind)}({v})"]
        arguments = typing.get_args(kind)
        if typing.get_origin(kind) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
            return [
                f"if type({v}) is not list:",
                "    raise MissingError",
                *self._element_steps(arguments[0], v),
            ]
        why = why_not_fast(kind, self._dialect)
        if why is not None:
            raise NotRepairableError(why)
        return []

    def _nullable_steps(self, kind: Any, part: Any, v: str) -> list[str]:
        lines = self._steps(part, v)
        if self._dialect.may_be_empty(kind):
            return [f"if not {v} and {v} in NOTHING:", f"    {v} = None", *_otherwise(lines)]
        return [f"if {v} is not None:", *_indented(lines)] if lines else []

    def _element_steps(self, kind: Any, v: str) -> list[str]:
        self._refuse_touched(kind)
        reader = self._reader_of(kind)
        if reader is not None:
            value, test = self._read(kind, "each", *reader), reader[1].format(v="each")
            if test:
                value = f"{value} if {test} else each"
        elif self._steps(kind, "each"):
            value = f"{self.write(kind)}(each)"
        else:
            return []
        return [f"{v} = [{value} for each in {v}]"]

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
        lines = self._form(cls, fields)
        always: list[attrs.Attribute[Any]] = []
        sometimes: list[attrs.Attribute[Any]] = []
        late = [f for f in fields if AsWritten in (f.type, *typing.get_args(f.type))]
        lines += ["get = value.get", *(["late = {}"] if late else [])]
        for field in fields:
            steps, is_certain = self._field(cls, field)
            lines += steps
            (always if is_certain else sometimes).append(field)
        pairs = ", ".join(f"{f.name!r}: {f.name}_" for f in always)
        if not sometimes and not late:
            return [*lines, f"return {{{pairs}}}"]
        lines.append(f"values = {{{pairs}}}")
        for field in sometimes:
            lines += [
                f"if {field.name}_ is not MISSING:",
                f"    values[{field.name!r}] = {field.name}_",
            ]
        if late:
            bound = self._bound(cls, "cls")
            lines += ["if late:", f"    return finished(values, {bound}, late)"]
        return [*lines, "return values"]

    def _form(self, cls: Any, fields: list[attrs.Attribute[Any]]) -> list[str]:
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

    def _field(self, cls: Any, field: attrs.Attribute[Any]) -> tuple[list[str], bool]:
        """Return what sets the variable of a field, and whether it is never MISSING."""
        why = why_not_converted(field)
        if why is not None:
            raise NotRepairableError(f"{cls.__name__}.{field.name}: {why}")
        v = f"{field.name}_"
        steps = self._steps_of(field, v)
        if may_be_blank(field):
            steps = [
                f"if {v} == '':",
                f"    {v} = None",
                *(["else:", *_indented(steps)] if steps else []),
            ]
        required = field.default is attrs.NOTHING
        nullable = is_nullable(field.type)
        lines = self._fetched(field, v, required=required, nullable=nullable)
        if not required and field.default is not None:
            default, is_certain = self._default(field)
            absent = "MISSING" if nullable else "None"
            lines += [f"if {v} is {absent}:", f"    {v} = {default}", *_otherwise(steps)]
        else:
            lines, is_certain = lines + steps, True
        if field.converter is not None:
            lines += self._converted(cls, field, v, is_certain=is_certain)
        return lines, is_certain

    def _fetched(
        self, field: attrs.Attribute[Any], v: str, *, required: bool, nullable: bool
    ) -> list[str]:
        """Return what takes a member out of the object, by the first name it has there."""
        name, others = self._dialect.names.of(field), other_names(field)
        if not others:
            if required:
                return [f"{v} = value[{name!r}]"]
            absent = ", MISSING" * (nullable and field.default is not None)
            return [f"{v} = get({name!r}{absent})"]
        lines = []
        for number, each in enumerate((name, *others)):
            lines += [f"{'el' * bool(number)}if {each!r} in value:", f"    {v} = value[{each!r}]"]
        missing = f"{v} = None" if nullable or not required else "raise MissingError"
        return [*lines, "else:", f"    {missing}"]

    def _default(self, field: attrs.Attribute[Any]) -> tuple[str, bool]:
        """Return the default of a field as source; MISSING if msgspec had better set it."""
        if not has_plain_default(field):
            return "MISSING", False
        factory = getattr(field.default, "factory", None)
        return _EMPTY[factory] if factory else repr(field.default), True

    def _converted(
        self, cls: Any, field: attrs.Attribute[Any], v: str, *, is_certain: bool
    ) -> list[str]:
        """Return what passes a value through an attrs converter, which msgspec does not call."""
        kinds = {field.type, *typing.get_args(field.type)} - {type(None)}
        if not (is_certain and callable(field.converter) and kinds <= _FINAL):
            raise NotRepairableError(f"{cls.__name__}.{field.name}: converter")
        return [f"{v} = {self._bound(field.converter, 'convert')}({v})"]

    def _steps_of(self, field: attrs.Attribute[Any], v: str) -> list[str]:
        nullable = is_nullable(field.type)
        kinds = typing.get_args(field.type) if nullable else (field.type,)
        if AsWritten not in kinds:
            return self._steps(field.type, v)
        for kind in (field.type, *kinds):
            self._refuse_touched(kind)
        test = _IS_ODD_START.format(v=v)
        if nullable:
            test = f"{v} is not None and ({test})"
        read = self._bound(read_as_written, "read")
        return [
            f"if {test}:",
            f"    {v} = {read}({v}, None)",
            f"    if type({v}) is WrittenDatetime:",
            f"        late[{field.name!r}], {v} = {v}, {v}.plain()",
        ]
