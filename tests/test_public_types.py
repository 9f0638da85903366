"""Every type in a public signature has a public name."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import textwrap
import types
import typing
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from tests.support.api import FACES

Alias = dict[str, int]


def public(face: str) -> dict[str, Any]:
    module = importlib.import_module(face)
    return {name: getattr(module, name) for name in module.__all__}


def written_in(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what the public parts of a class or function are annotated with, and where."""
    if isinstance(value, type):
        seen: set[str] = set()
        for base in value.__mro__:
            yield from _of_class(base, seen)
            seen |= vars(base).keys()
    elif isinstance(value, types.FunctionType):
        names = vars(importlib.import_module(value.__module__))
        for hint in value.__annotations__.values():
            yield hint, names


def _of_class(base: type, hidden: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not base.__module__.startswith(("eguma_async.", __name__)):
        return
    names = vars(importlib.import_module(base.__module__))
    for name, hint in inspect.get_annotations(base).items():
        if not name.startswith("_"):
            yield str(getattr(hint, "__forward_arg__", hint)), names  # that of a TypedDict
    yield from ((hint, names) for hint in _set_when_made(base))
    for name, member in vars(base).items():
        if name.startswith(("_", "test_")) and (name != "__init__" or attrs.has(base)):
            continue
        if name in hidden:
            continue
        function = member.fget if isinstance(member, property) else inspect.unwrap(member)
        yield from written_in(getattr(function, "__func__", function))


def _set_when_made(base: type) -> Iterator[str]:
    """Yield the annotations of attributes that the methods of a class set: ``self.name: Type``."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(base)))):
        match node:
            case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                if not name.startswith("_"):
                    yield ast.unparse(node.annotation)


def own_types_in(hint: str, names: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the types of the package that an annotation names, aliases too.

    The type is None if it is imported for type checkers alone.
    """
    for node in ast.walk(ast.parse(hint)):
        if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
            value = names.get(node.id)
            if isinstance(value, typing.TypeVar):
                bound = value.__bound__
                yield from [(bound.__name__, bound)] if isinstance(bound, type) else []
            elif not _is_foreign(node.id, value):
                yield node.id, value


def _is_foreign(name: str, value: object) -> bool:
    if isinstance(value, types.ModuleType):
        return True
    home = getattr(value, "__module__", "eguma_async")
    if home.startswith(("eguma_async", __name__)):
        return False
    return isinstance(value, type) or getattr(importlib.import_module(home), name, None) is value


@pytest.mark.parametrize("face", FACES)
def test_every_type_in_a_public_signature_has_a_public_name(face: str) -> None:
    named = {name for each in FACES for name in public(each)}
    values = {id(value) for each in FACES for value in public(each).values()}
    missing = {
        f"{found}, of {name}"
        for name, value in public(face).items()
        for hint, names in written_in(value)
        for found, kind in own_types_in(hint, names)
        if (found not in named if kind is None else id(kind) not in values)
    }
    assert missing == set()


class Hidden:
    """What a signature names, and no face."""


class Shown:
    """A class with public and private parts."""

    field: dict[str, Alias]

    def __init__(self) -> None:
        self.made: Made = Made()
        self._own_made: Unseen = Unseen()

    def method(self) -> dict[str, tuple[Hidden | None, ...]]:
        raise NotImplementedError

    def _own(self) -> Unseen:
        raise NotImplementedError


class Made:
    """What an attribute is that is set when the object is made."""


class Unseen:
    """What private methods and attributes are."""


def test_types_and_aliases_without_a_name_are_found() -> None:
    found = [each for hint, names in written_in(Shown) for each in own_types_in(hint, names)]
    assert found == [("Alias", Alias), ("Made", Made), ("Hidden", Hidden)]
