"""The third tier: hooks that accept what servers are known to send, or name every fault."""

from __future__ import annotations

import operator
import traceback
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import repeat
from typing import Any, TypeAlias

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from .dialect import Dialect
from .fields import WireNames, is_lenient, is_local, is_nullable, may_be_blank, other_names
from .listing import Listing, UnreadableElement, is_listing, log_unreadable
from .places import in_body
from .scalars import MismatchError, got, register_scalars

Hook: TypeAlias = Callable[[Any, Any], Any]

_ARRAYS = {tuple, list, set, frozenset}
_PLAIN = {str, int, float, bool}


def register_hooks(converter: cattrs.Converter, dialect: Dialect) -> None:
    """Make the converter lossless: cattrs' own defaults read null as "None", "false" as True."""
    names = dialect.names
    register_scalars(converter)
    for kind, read in dialect.readers.items():
        if isinstance(kind, type):
            converter.register_structure_hook(kind, read)
        else:
            converter.register_structure_hook_func(partial(operator.eq, kind), read)
    converter.register_structure_hook_factory(_is_array, lambda kind: _array_hook(converter, kind))
    converter.register_structure_hook_factory(_is_fixed, lambda kind: _fixed_hook(converter, kind))
    converter.register_structure_hook_factory(
        _is_plain_union, lambda kind: _union_hook(converter, kind)
    )
    converter.register_structure_hook_factory(
        is_listing, lambda kind: _listing_hook(converter, typing.get_args(kind)[0], names)
    )
    # By class: cattrs takes a subclass of tuple for something it does not know.
    converter.register_unstructure_hook(
        Listing, lambda listing: [converter.unstructure(element) for element in listing]
    )
    converter.register_structure_hook_factory(
        attrs.has, lambda cls: _attrs_hook(converter, cls, dialect)
    )
    converter.register_structure_hook_factory(
        dialect.may_be_empty, lambda kind: _optional_hook(converter, kind)
    )
    converter.register_unstructure_hook_factory(
        attrs.has, lambda cls: _unstructure_hook(converter, cls, names)
    )


def _is_array(kind: Any) -> bool:
    origin: Any = typing.get_origin(kind)
    return origin in _ARRAYS and not _is_fixed(kind)


def _is_fixed(kind: Any) -> bool:
    origin: Any = typing.get_origin(kind)
    return origin is tuple and typing.get_args(kind)[1:] != (Ellipsis,)


def _is_plain_union(kind: Any) -> bool:
    parts = typing.get_args(kind)
    is_optional = is_nullable(kind) and len(parts) == 2
    is_union = typing.get_origin(kind) in {typing.Union, types.UnionType}
    return is_union and {*parts} <= {*_PLAIN, type(None)} and not is_optional


def _array_hook(converter: cattrs.Converter, kind: Any) -> Hook:
    """Read an array. Cattrs would take any text for one of its characters."""
    made: Any = typing.get_origin(kind)
    element = typing.get_args(kind)[0]
    structure = converter.get_structure_hook(element)

    def hook(value: object, _: Any) -> Any:
        if not isinstance(value, list):
            raise MismatchError(f"expected an array, got {got(value)}")
        return made(_elements(kind, value, repeat((element, structure))))

    return hook


def _fixed_hook(converter: cattrs.Converter, kind: Any) -> Hook:
    """Read an array of so many elements, each of a type of its own."""
    elements = [(each, converter.get_structure_hook(each)) for each in typing.get_args(kind)]

    def hook(value: object, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise MismatchError(f"expected an array, got {got(value)}")
        if len(value) != len(elements):
            raise MismatchError(f"expected {len(elements)} elements, got {len(value)}")
        return tuple(_elements(kind, value, elements))

    return hook


def _elements(kind: Any, values: list[Any], how: Iterable[tuple[Any, Hook]]) -> list[Any]:
    """Read the elements of an array, or raise all their faults."""
    found: list[Any] = []
    faults: list[Exception] = []
    for index, (value, (element, structure)) in enumerate(zip(values, how, strict=False)):
        try:
            found.append(structure(value, element))
        except Exception as fault:  # noqa: BLE001  # a hook of the user's raises anything
            fault.add_note(cattrs.IterableValidationNote("", index, element))
            faults.append(fault)
    if faults:
        raise cattrs.IterableValidationError("elements not accepted", faults, kind)
    return found


def _union_hook(converter: cattrs.Converter, kind: Any) -> Hook:
    """Read a value that is of one of several plain types already, as that one is read."""
    parts = typing.get_args(kind)
    hooks: dict[Any, Hook] = {
        each: converter.get_structure_hook(each) for each in parts if each in _PLAIN
    }
    if is_nullable(kind):
        hooks[type(None)] = lambda value, _: value
    if float in hooks:
        hooks.setdefault(int, lambda value, _: hooks[float](float(value), float))

    def hook(value: object, _: Any) -> Any:
        made_by = hooks.get(type(value))
        if made_by is None:
            raise MismatchError(f"expected another kind of value, got {got(value)}")
        return made_by(value, type(value))

    return hook


def _listing_hook(converter: cattrs.Converter, element: Any, names: WireNames) -> Hook:
    """Read each element by itself."""
    structure = converter.get_structure_hook(element)

    def hook(value: object, _: Any) -> Listing[Any]:
        if not isinstance(value, list):
            raise MismatchError(f"expected an array, got {got(value)}")
        readable, unreadable = [], []
        for index, raw in enumerate(value):
            try:
                readable.append(structure(raw, element))
            except Exception as fault:  # noqa: BLE001  # a hook of the user's raises anything
                found = faults_of(fault, names)
                unreadable.append(UnreadableElement(index=index, problems=found, raw=raw))
        for each in unreadable:
            log_unreadable(element, each)
        return Listing(readable, tuple(unreadable))

    return hook


def _optional_hook(converter: cattrs.Converter, kind: Any) -> Hook:
    """Read an object that may be empty, which says as little as null."""
    (inner,) = (part for part in typing.get_args(kind) if part is not type(None))
    structure = converter.get_structure_hook(inner)

    def hook(value: object, _: Any) -> Any:
        return None if value in (None, [], {}) else structure(value, inner)

    return hook


def _attrs_hook(converter: cattrs.Converter, cls: type, dialect: Dialect) -> Hook:
    attrs.resolve_types(cls)
    names, form = dialect.names, dialect.form_of(cls)
    overrides = {f.name: _override(converter, f, names) for f in attrs.fields(cls)}
    structure: Hook = make_dict_structure_fn(
        cls,
        converter,
        **overrides,
    )
    tidy = _tidier(cls, names)

    def hook(value: object, _: Any) -> Any:
        if form is not None:
            value = form.read(value)
        if not isinstance(value, dict):
            raise MismatchError(f"expected an object, got {got(value)}")
        return structure(tidy(value), cls)

    return hook


def _override(converter: cattrs.Converter, field: attrs.Attribute[Any], names: WireNames) -> Any:
    if is_local(field):
        return override(omit=True)
    name = names.of(field)
    rename = name if name != field.name else None
    if not is_lenient(field):
        return override(rename=rename)
    element = typing.get_args(field.type)[0]
    return override(rename=rename, struct_hook=_listing_hook(converter, element, names))


def _tidier(cls: type, names: WireNames) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that gives a JSON object the names and gaps that `cls` is read with."""
    fields = [f for f in attrs.fields(cls) if not is_local(f)]
    renamed = [(names.of(f), others, f.type) for f in fields if (others := other_names(f))]
    has_default = [
        names.of(f) for f in fields if f.default is not attrs.NOTHING and not is_nullable(f.type)
    ]
    blank = [names.of(f) for f in fields if may_be_blank(f)]

    def tidy(value: dict[str, Any]) -> dict[str, Any]:
        present = dict(value)
        for name, others, kind in renamed:
            found = next((present[o] for o in (name, *others) if o in present), attrs.NOTHING)
            if found is not attrs.NOTHING:
                present[name] = found
            elif is_nullable(kind):
                present[name] = None
        for name in has_default:
            if present.get(name, attrs.NOTHING) is None:
                del present[name]
        for name in blank:
            if present.get(name) == "":
                del present[name]
        return present

    return tidy


def _unstructure_hook(
    converter: cattrs.Converter, cls: type, names: WireNames
) -> Callable[[Any], Any]:
    # Not cattrs' generated function: that one moves what may be left out to the end.
    sent = [f for f in attrs.fields(cls) if in_body(f)]
    fields = [(f.name, names.of(f), f.default is None) for f in sent]

    def hook(instance: object) -> dict[str, Any]:
        values = ((wire, getattr(instance, name), optional) for name, wire, optional in fields)
        return {
            wire: converter.unstructure(value)
            for wire, value, optional in values
            if not (optional and value is None)
        }

    return hook


def faults_of(fault: Exception, names: WireNames) -> tuple[str, ...]:
    """Return one line for each fault, and let go of what these hold."""
    found = tuple(problems(fault, "$", names))
    _let_go(fault)
    return found


def _let_go(fault: BaseException) -> None:
    """Empty the frames that faults went through: the two hold each other, and the answer.

    The garbage collector would come for them; until then an answer stays in memory.
    """
    traceback.clear_frames(fault.__traceback__)
    for inner in fault.exceptions if isinstance(fault, BaseExceptionGroup) else ():
        _let_go(inner)


def problems(fault: BaseException, path: str, names: WireNames) -> Iterator[str]:
    """Yield one line for each fault, with its JSON path in the wire's names."""
    bare: list[Exception] = []
    if isinstance(fault, cattrs.ClassValidationError):
        of_fields, bare = fault.group_exceptions()
        for inner, field in of_fields:
            yield from problems(inner, f"{path}.{names.named(fault.cl, field.name)}", names)
    elif isinstance(fault, cattrs.IterableValidationError):
        of_elements, bare = fault.group_exceptions()
        for inner, element in of_elements:
            yield from problems(inner, f"{path}[{element.index!r}]", names)
    else:
        yield f"{_say(fault)} @ {path}"
    for inner in bare:
        yield from problems(inner, path, names)


def _say(fault: BaseException) -> str:
    """Word a fault without its value, which may be a customer's."""
    if isinstance(fault, KeyError):
        return "required field missing"
    return str(fault) if isinstance(fault, MismatchError) else "value not accepted"
