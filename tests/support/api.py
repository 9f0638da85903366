"""Writes `tests/public_api.txt`: every public name with its signature, fields and methods.

A test compares it with the code, so that no change of a public signature goes unseen; its
difference is what a review, and CHANGELOG.md, have to speak of. After a change that is meant, run
``python -m tests.support.api``.
"""

from __future__ import annotations

import enum
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ForwardRef

TARGET = Path(__file__).parents[1] / "public_api.txt"
FACES = (
    "eguma_async",
    "eguma_async.korus",
    "eguma_async.journal",
    "eguma_async.sync",
    "eguma_async.fanout",
    "eguma_async.exports",
    "eguma_async.calendars",
    "eguma_async.calibration",
    "eguma_async.calibration.eguma",
    "eguma_async.calibration.korus",
    "eguma_async.ticketing.calendar",
    "eguma_async.ticketing.tables",
    "eguma_async.korus.tables",
    "eguma_async.testing",
    "eguma_async.testing.contract",
    "eguma_async.testing.pytest_plugin",
    "eguma_async.telemetry.otel",
    "eguma_async.sandbox",
    "eguma_async.sandbox.eguma",
    "eguma_async.sandbox.korus",
    "eguma_async.core",
)
"""An object that several faces offer is described at the first of them."""


def render() -> str:
    """Return the text of the file."""
    addresses: dict[int, str] = {}
    for face in FACES:
        module = importlib.import_module(face)
        for name in _names(module):
            addresses.setdefault(id(getattr(module, name)), f"{face}.{name}")
    lines = [line for face in FACES for line in _face(face, addresses)]
    return "\n".join([*lines, ""])


def _face(face: str, addresses: dict[int, str]) -> Iterator[str]:
    module = importlib.import_module(face)
    for name in sorted(_names(module)):
        value, address = getattr(module, name), f"{face}.{name}"
        is_object = isinstance(value, type) or inspect.isroutine(value)
        if is_object and addresses[id(value)] != address:
            yield f"{address} is {addresses[id(value)]}"
        elif isinstance(value, type):
            yield from _class(address, value, {*addresses})
        elif inspect.isroutine(value):
            yield f"{address}{_signature(value)}"
        else:
            yield f"{address}: {type(value).__name__}"


def _names(module: Any) -> list[str]:
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return list(listed)
    own = module.__name__
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and (name.isupper() or getattr(value, "__module__", "") == own)
    ]


def _class(address: str, kind: type, public: set[int]) -> Iterator[str]:
    bases = ", ".join(base.__name__ for base in kind.__bases__ if base is not object)
    yield f"class {address}({bases})"
    told = {"__init__"}
    if issubclass(kind, enum.Enum):
        yield from (f"    {each.name} = {each.value!r}" for each in kind)
        told.update(kind.__members__)
    else:
        made = inspect.unwrap(inspect.getattr_static(kind, "__init__"))
        if inspect.isfunction(made) and made.__module__ != "typing":  # that of a Protocol
            yield f"    __init__{_signature(made)}"
            told.update(inspect.signature(made).parameters)  # its fields, most of them
    for name in sorted(_members(kind, public) - told):
        yield from _member(name, inspect.getattr_static(kind, name))


def _members(kind: type, public: set[int]) -> set[str]:
    """Return the names of a class, and of those bases that are described nowhere else."""
    ours = [
        base
        for base in kind.__mro__
        if base.__module__.startswith("eguma_async") and (base is kind or id(base) not in public)
    ]
    names = {name for base in ours for name in vars(base)}
    return {name for name in names if not name.startswith(("_", "test_"))}


def _member(name: str, value: Any) -> Iterator[str]:
    function: Any = getattr(value, "__func__", value)
    if isinstance(value, property):
        function = value.fget
    function = inspect.unwrap(getattr(function, "func", function))
    if isinstance(value, property) or not callable(function):
        told = inspect.get_annotations(function).get("return", "") if callable(function) else ""
        yield f"    {name}: {told}" if told else f"    {name}"
    elif inspect.isfunction(function):
        word = "async " if inspect.iscoroutinefunction(function) else ""
        yield f"    {word}{name}{_signature(function)}"
    else:
        yield f"    {name}"


def _signature(function: Any) -> str:
    """Write a signature, in the words of its source."""
    try:
        signature = inspect.signature(function, follow_wrapped=True)
    except (TypeError, ValueError):  # written in C
        return "(...)"
    words, last = [], None
    for each in signature.parameters.values():
        if last is each.POSITIONAL_ONLY and each.kind is not last:
            words.append("/")
        if each.kind is each.KEYWORD_ONLY and last not in (each.VAR_POSITIONAL, each.KEYWORD_ONLY):
            words.append("*")
        last = each.kind
        words.append(_parameter(each))
    if last is inspect.Parameter.POSITIONAL_ONLY:
        words.append("/")
    told = signature.return_annotation
    arrow = "" if told is signature.empty else f" -> {_annotation(told)}"
    return f"({', '.join(words)}){arrow}"


def _parameter(given: inspect.Parameter) -> str:
    is_many, is_named = given.kind is given.VAR_POSITIONAL, given.kind is given.VAR_KEYWORD
    stars = "*" * is_many + "**" * is_named
    told = "" if given.annotation is given.empty else f": {_annotation(given.annotation)}"
    default = "" if given.default is given.empty else f" = {_default(given.default)}"
    return f"{stars}{given.name}{told}{default}"


def _annotation(told: Any) -> str:
    if isinstance(told, ForwardRef):
        return told.__forward_arg__
    return told if isinstance(told, str) else getattr(told, "__qualname__", str(told))


def _default(value: Any) -> str:
    simple = value is None or isinstance(value, (bool, int, float, str, bytes, tuple))
    if isinstance(value, enum.Enum):
        return str(value)
    return repr(value) if simple else type(value).__name__  # else its `repr` may change by itself


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
