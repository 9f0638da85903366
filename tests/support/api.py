"""Writes `tests/api.txt`: every public name with its signature, a line each.

A change that breaks callers is a line that changes or goes: it shows in the diff. Run it after a
change on purpose: ``python -m tests.support.api``.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import attrs

import eguma_async.ticketing

TARGET = Path(__file__).parents[1] / "api.txt"
HEAD = "# Written by `python -m tests.support.api`: every public name with its signature.\n"
FACES = (
    "eguma_async",
    "eguma_async.calendars",
    "eguma_async.core",
    "eguma_async.eguma.ticketing",
    "eguma_async.exports",
    "eguma_async.fanout",
    "eguma_async.journal",
    "eguma_async.korus",
    "eguma_async.sandbox",
    "eguma_async.sandbox.eguma",
    "eguma_async.sandbox.korus",
    "eguma_async.session",
    "eguma_async.sync",
    "eguma_async.testing",
    "eguma_async.testing.contract",
    "eguma_async.testing.pytest_plugin",
    "eguma_async.ticketing",
    *(
        f"eguma_async.ticketing.{module.name}"
        for module in pkgutil.iter_modules(eguma_async.ticketing.__path__)
    ),
)
_PLAIN = (bool, int, float, str, bytes, type(None))
_ROOT = "eguma_async"


def render() -> str:
    """Return the whole text."""
    lines: list[str] = []
    homes: dict[int, str] = {}
    for face in FACES:
        module = importlib.import_module(face)
        lines.append("")
        for name in module.__all__:
            value = getattr(module, name)
            full = f"{face}.{name}"
            known = homes.setdefault(id(value), full) if _is_ours(value) else full
            lines += [f"{full} = {known}"] if known != full else _of(full, value)
    return HEAD + "\n".join(lines) + "\n"


def _is_ours(value: object) -> bool:
    is_kind = inspect.isclass(value) or inspect.isfunction(value)
    return is_kind and str(getattr(value, "__module__", "")).startswith(_ROOT)


def _of(name: str, value: object) -> Iterator[str]:
    """Yield the lines of one name, its public members below it."""
    if inspect.isclass(value):
        yield from _of_class(name, value)
    elif inspect.isfunction(value):
        yield f"{name}{_signature(value)}"
    else:
        yield f"{name}: {type(value).__name__}"


def _of_class(name: str, cls: type) -> Iterator[str]:
    bases = ", ".join(base.__name__ for base in cls.__bases__ if base is not object)
    yield f"class {name}({bases})"
    if issubclass(cls, enum.Enum):
        yield from (f"{name}.{member.name} = {member.value!r}" for member in cls)
    elif not _is_typed_dict(cls):
        yield f"{name}{_signature(cls)}"
    yield from (f"{name}.{field}: {kind}" for field, kind in _fields(cls).items())
    for member in sorted(_members(cls)):
        yield from _of_member(f"{name}.{member}", inspect.getattr_static(cls, member))


def _is_typed_dict(cls: type) -> bool:
    return hasattr(cls, "__required_keys__")


def _fields(cls: type) -> dict[str, str]:
    """Return the annotated public attributes that are no arguments, those of parents first."""
    found: dict[str, str] = {}
    taken = {field.alias for field in attrs.fields(cls) if field.init} if attrs.has(cls) else set()
    for base in reversed(cls.__mro__):
        if base.__module__.startswith(_ROOT):
            for name, hint in inspect.get_annotations(base).items():
                if not name.startswith("_") and name not in taken:
                    found[name] = str(getattr(hint, "__forward_arg__", hint))
    return found


def _members(cls: type) -> set[str]:
    """Return the names of public methods and properties, of parent classes of ours too."""
    own = {field.name for field in attrs.fields(cls)} if attrs.has(cls) else set()
    return {
        name
        for base in cls.__mro__
        if base.__module__.startswith(_ROOT)
        for name, value in vars(base).items()
        if not name.startswith("_") and name not in own and _can_be_used(value)
    }


def _can_be_used(value: object) -> bool:
    return inspect.isroutine(value) or isinstance(value, property | classmethod | staticmethod)


def _of_member(name: str, value: object) -> Iterator[str]:
    getter = value.func if isinstance(value, cached_property) else getattr(value, "fget", None)
    if getter is not None:
        can_be_set = isinstance(value, property) and value.fset is not None
        yield f"{name}: {getter.__annotations__['return']}{', can be set' if can_be_set else ''}"
        return
    kind = {classmethod: "classmethod ", staticmethod: "staticmethod "}.get(type(value), "")
    function = inspect.unwrap(getattr(value, "__func__", value))  # type: ignore[arg-type]  # routine
    is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    yield f"{kind}{'async ' if is_async else ''}{name}{_signature(function)}"


def _signature(value: object) -> str:
    """Return a signature that is the same in each version of Python and of what we use."""
    try:
        signature = inspect.signature(value)  # type: ignore[arg-type]  # a class or a function
    except (TypeError, ValueError):
        return "(...)"
    parameters = [
        parameter.replace(default=_Default(parameter.default))
        if parameter.default is not inspect.Parameter.empty
        else parameter
        for parameter in signature.parameters.values()
    ]
    text = re.sub(
        r"ForwardRef\('(.*?)', module='[\w.]+'\)",
        r"\1",
        str(signature.replace(parameters=parameters)),
    )
    return re.sub(r"(?<=: |> )(['\"])(.*?)\1(?= =|[,)]|$)", r"\2", text)


class _Default:
    """A default that shows its value only where that is the same in each run."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __repr__(self) -> str:
        if isinstance(self._value, enum.Enum) and type(self._value).__module__.startswith(_ROOT):
            return str(self._value)
        return repr(self._value) if isinstance(self._value, _PLAIN) else "..."


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
