"""JSON to attrs classes and back, in two tiers.

msgspec decodes the bytes straight into the attrs classes, strictly. Only what it refuses is parsed
again and structured by the public cattrs converter of the same classes: that accepts the variants
the API is known to send, or names the JSON path of every fault. Both tiers give equal objects, so
the first one is only a matter of speed; classes whose names differ from the wire's do without it.
Requests are unstructured by cattrs.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, TypeAlias, TypeVar

import attrs
import cattrs
import msgspec
from cattrs.gen import make_dict_structure_fn, override

from .errors import DecodingError
from .operation import in_body
from .scalars import MismatchError, got, is_subclass, register_scalars

T = TypeVar("T")

_ALSO = "eguma_async.also"
_NAME = "eguma_async.name"
_SCALARS = {str, int, bool, float, datetime, date, type(None), Any}


def also_named(*wire_names: str) -> dict[str, tuple[str, ...]]:
    """Return the metadata of a response field that servers are known to name differently."""
    return {_ALSO: wire_names}


def wire_named(wire_name: str) -> dict[str, str]:
    """Return the metadata of a field whose name on the wire no rule gives, such as ``@id``."""
    return {_NAME: wire_name}


class Codec:
    """Encodes request objects and decodes answers.

    Args:
        wire_name: Gives the wire's name of a field by its Python name, unless `wire_named` does.
        as_object: Called with a class and the value an instance is to be made of; returns the
            JSON object to read instead, or the value as it is.

    Attributes:
        converter: The cattrs converter. A structure hook registered on it is honoured: it turns
            the fast tier off for the types it touches.
    """

    def __init__(
        self,
        *,
        wire_name: Callable[[str], str] | None = None,
        as_object: Callable[[type, object], object] | None = None,
    ) -> None:
        self._names = _Names(wire_name)
        self._decoders: dict[Any, Callable[[bytes], Any] | None] = {}
        self._tracked = _TrackedConverter(self._decoders.clear)
        _register_tolerant_hooks(self._tracked, self._names, as_object)
        self._tracked.track()
        self.converter: cattrs.Converter = self._tracked

    def encode(self, value: object) -> bytes:
        """Return compact JSON. None and fields that travel elsewhere are left out."""
        return msgspec.json.encode(self.converter.unstructure(value))

    def decode(self, body: bytes, returns: type[T]) -> T:
        """Decode an answer.

        Raises:
            DecodingError: The body is no JSON, or a required field is missing or of another kind.
        """
        try:
            fast = self._decoders[returns]
        except KeyError:
            fast = self._decoders[returns] = self._fast_decoder(returns)
        if fast is not None:
            try:
                return fast(body)  # type: ignore[no-any-return]  # the decoder was made for T
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass  # the tolerant tier accepts it or says what is wrong
        return self._decode_tolerantly(body, returns)

    def _fast_decoder(self, returns: Any) -> Callable[[bytes], Any] | None:
        if why_not_fast(returns, self._tracked.is_touched, names=self._names) is not None:
            return None
        return msgspec.json.Decoder(returns).decode

    def _decode_tolerantly(self, body: bytes, returns: type[T]) -> T:
        problems: tuple[str, ...]
        try:
            raw = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raw, problems = None, ("no valid JSON @ $",)
            malformed = True
        else:
            malformed = False
            try:
                return self.converter.structure(raw, returns)
            except cattrs.BaseValidationError as group:
                problems = tuple(_problems(group, "$", self._names))
            except Exception as fault:  # noqa: BLE001  # a hook of the user's raises anything
                problems = (f"{_say(fault)} @ $",)
        # Outside of the except block: the faults hold the server's values, and so might a customer.
        raise DecodingError("unreadable answer", problems=problems, malformed=malformed)


class _Names:
    """The wire's names of the fields of attrs classes."""

    def __init__(self, rule: Callable[[str], str] | None = None) -> None:
        self._rule = rule or str

    def of(self, field: attrs.Attribute[Any]) -> str:
        given: str | None = field.metadata.get(_NAME)
        return given or self._rule(field.name)

    def named(self, cls: Any, attribute: str) -> str:
        fields: Any = attrs.fields_dict(cls)
        return self.of(fields[attribute])


_SAME_NAMES = _Names()


def why_not_fast(
    kind: Any,
    is_touched: Callable[[Any], bool] = lambda _: False,
    seen: set[Any] | None = None,
    *,
    names: _Names = _SAME_NAMES,
) -> str | None:
    """Return None if both tiers read a type tree alike, else the reason.

    msgspec skips attrs converters, reads aliases and private names by their attribute name and
    refuses unknown members of a closed enum; a hook of the user's is not known to it at all.
    """
    seen = set() if seen is None else seen
    if kind in seen:
        return None
    seen.add(kind)
    if is_touched(kind):
        return f"a hook is registered for {kind}"
    if kind in _SCALARS:
        return None
    if attrs.has(kind):
        attrs.resolve_types(kind)
        reasons = (
            _why_field_not_fast(kind, f, is_touched, seen, names) for f in attrs.fields(kind)
        )
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        return None if "_missing_" in _own_names(kind) else f"closed enum {kind.__name__}"
    elif typing.get_origin(kind) is not None:
        parts = (part for part in typing.get_args(kind) if part is not Ellipsis)
        reasons = (why_not_fast(part, is_touched, seen, names=names) for part in parts)
    else:
        return f"unknown kind {kind!r}"
    return next((reason for reason in reasons if reason), None)


def _why_field_not_fast(
    cls: type,
    field: attrs.Attribute[Any],
    is_touched: Callable[[Any], bool],
    seen: set[Any],
    names: _Names,
) -> str | None:
    where = f"{cls.__name__}.{field.name}"
    if field.converter is not None:
        return f"{where}: converter"
    if field.alias != field.name:
        return f"{where}: alias"
    if getattr(field.default, "takes_self", False):
        return f"{where}: takes_self"
    if names.of(field) != field.name:
        return f"{where}: wire name"
    return why_not_fast(field.type, is_touched, seen, names=names)


def _own_names(kind: type[enum.Enum]) -> set[str]:
    return {name for c in kind.__mro__ if c.__module__ != "enum" for name in vars(c)}


class _TrackedConverter(cattrs.Converter):
    """A converter that remembers for which types a user registered structure hooks."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._tests: list[Callable[[Any], bool]] | None = None
        super().__init__()

    def track(self) -> None:
        """From here on, hooks are the user's."""
        self._tests = []

    def is_touched(self, kind: Any) -> bool:
        """Tell whether a user's hook applies to a type."""
        return any(test(kind) for test in self._tests or ())

    def _touch(self, test: Callable[[Any], bool]) -> None:
        if self._tests is not None:
            self._tests.append(test)
            self._on_change()

    def register_structure_hook(self, cl: Any, func: Any = None) -> Any:
        result = super().register_structure_hook(cl, func)
        kind = cl if func is not None else typing.get_type_hints(cl)["return"]
        # cattrs gives the hook of a class to its subclasses, too.
        self._touch(lambda other: other == kind or is_subclass(other, kind))
        return result

    def register_structure_hook_func(self, check_func: Any, func: Any) -> None:
        super().register_structure_hook_func(check_func, func)
        self._touch(check_func)

    def register_structure_hook_factory(self, predicate: Any, factory: Any = None) -> Any:
        result = super().register_structure_hook_factory(predicate, factory)
        self._touch(predicate)
        return result


AsObject: TypeAlias = "Callable[[type, object], object] | None"


def _register_tolerant_hooks(
    converter: cattrs.Converter, names: _Names, as_object: AsObject
) -> None:
    """Make the converter lossless: cattrs' own defaults read null as "None", "false" as True."""
    register_scalars(converter)
    converter.register_structure_hook_factory(_is_tuple, lambda kind: _tuple_hook(converter, kind))
    converter.register_structure_hook_factory(
        attrs.has, lambda cls: _attrs_hook(converter, cls, names, as_object)
    )
    converter.register_unstructure_hook_factory(
        attrs.has, lambda cls: _unstructure_hook(converter, cls, names)
    )


def _is_tuple(kind: Any) -> bool:
    origin: Any = typing.get_origin(kind)
    return origin is tuple


def _tuple_hook(converter: cattrs.Converter, kind: Any) -> Callable[[Any, Any], Any]:
    as_list: Any = types.GenericAlias(list, typing.get_args(kind)[:1])
    structure = converter.get_structure_hook(as_list)

    def hook(value: object, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise MismatchError(f"expected an array, got {got(value)}")
        return tuple(structure(value, as_list))

    return hook


def _attrs_hook(
    converter: cattrs.Converter, cls: type, names: _Names, as_object: AsObject
) -> Callable[[Any, Any], Any]:
    attrs.resolve_types(cls)
    fields = attrs.fields(cls)
    overrides = {f.name: override(rename=names.of(f)) for f in fields if names.of(f) != f.name}
    structure: Callable[[Any, Any], Any] = make_dict_structure_fn(
        cls,
        converter,
        **overrides,  # type: ignore[arg-type]  # mypy sees only the overload by single names
    )
    tidy = _tidier(cls, names)

    def hook(value: object, _: Any) -> Any:
        if as_object is not None:
            value = as_object(cls, value)
        if not isinstance(value, dict):
            raise MismatchError(f"expected an object, got {got(value)}")
        return structure(tidy(value), cls)

    return hook


def _tidier(cls: type, names: _Names) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that gives a JSON object the names and gaps that `cls` is read with."""
    fields = attrs.fields(cls)
    other_names = [(names.of(f), f.metadata[_ALSO], f.type) for f in fields if _ALSO in f.metadata]
    has_default = [
        names.of(f) for f in fields if f.default is not attrs.NOTHING and not _nullable(f.type)
    ]
    # Servers write "" for a date or a flag they do not have, as they do for a text.
    may_be_blank = [
        names.of(f)
        for f in fields
        if f.default is None
        and _nullable(f.type)
        and {type(None), datetime, bool}.issuperset(typing.get_args(f.type))
    ]

    def tidy(value: dict[str, Any]) -> dict[str, Any]:
        present = dict(value)
        for name, others, kind in other_names:
            found = next((present[o] for o in (name, *others) if o in present), attrs.NOTHING)
            if found is not attrs.NOTHING:
                present[name] = found
            elif _nullable(kind):
                present[name] = None
        for name in has_default:
            if present.get(name, attrs.NOTHING) is None:
                del present[name]
        for name in may_be_blank:
            if present.get(name) == "":
                del present[name]
        return present

    return tidy


def _nullable(kind: Any) -> bool:
    union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    return union and type(None) in typing.get_args(kind)


def _unstructure_hook(
    converter: cattrs.Converter, cls: type, names: _Names
) -> Callable[[Any], Any]:
    # Not cattrs' generated function: that one moves what may be left out to the end.
    fields = [(f.name, names.of(f), f.default is None) for f in attrs.fields(cls) if in_body(f)]

    def hook(instance: object) -> dict[str, Any]:
        values = ((wire, getattr(instance, name), optional) for name, wire, optional in fields)
        return {
            wire: converter.unstructure(value)
            for wire, value, optional in values
            if not (optional and value is None)
        }

    return hook


def _problems(fault: BaseException, path: str, names: _Names) -> Iterator[str]:
    """Yield one line for each fault, with its JSON path in the wire's names."""
    bare: list[Exception] = []
    if isinstance(fault, cattrs.ClassValidationError):
        of_fields, bare = fault.group_exceptions()
        for inner, field in of_fields:
            yield from _problems(inner, f"{path}.{names.named(fault.cl, field.name)}", names)
    elif isinstance(fault, cattrs.IterableValidationError):
        of_elements, bare = fault.group_exceptions()
        for inner, element in of_elements:
            yield from _problems(inner, f"{path}[{element.index!r}]", names)
    else:
        yield f"{_say(fault)} @ {path}"
    for inner in bare:
        yield from _problems(inner, path, names)


def _say(fault: BaseException) -> str:
    """Word a fault without its value, which may be a customer's."""
    if isinstance(fault, KeyError):
        return "required field missing"
    return str(fault) if isinstance(fault, MismatchError) else "value not accepted"
