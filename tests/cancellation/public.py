"""The public coroutines of a session or a journal, found by looking at its classes."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from functools import cached_property
from typing import Any, get_args, get_origin, get_type_hints

import eguma_async.core.session

SPECIAL = ("__aenter__", "__aexit__", "__aiter__", "__anext__", "__call__")
FOR_TYPE_CHECKERS = vars(eguma_async.core.session)
"""What resources import for type checkers only."""


def coroutines_of(thing: object) -> set[str]:
    """Return the names of all that can be awaited: coroutines, lists, holds and fan-outs.

    They are those of a session or a journal, of its resources, and of whatever one of these returns, such as
    ``BaseSession.send``, ``Bookings.create``, ``Orders.list``, ``Pager.first`` and ``Hold.book``.
    """
    found: set[str] = set()
    waiting: list[type[Any]] = [type(thing), *map(type, _resources(thing))]
    seen: set[type[Any]] = set()
    while waiting:
        cls = waiting.pop()
        if cls in seen:
            continue
        seen.add(cls)
        for name, function in _methods(cls):
            returned = [one for one in _classes(function) if _can_be_awaited(one)]
            waiting += returned
            if inspect.iscoroutinefunction(function) or returned:
                found.add(_name(function, name))
    return found


def _name(function: Any, name: str) -> str:
    return f"{function.__qualname__.rpartition('.')[0]}.{name}"


def _resources(thing: object) -> Iterator[object]:
    """Yield what hangs on public attributes, such as ``session.ticketing.products``."""
    made_on_use = (
        name for name, value in vars(type(thing)).items() if isinstance(value, cached_property)
    )
    for name in dict.fromkeys((*vars(thing), *made_on_use)):
        if name.startswith("_"):
            continue
        value = getattr(thing, name)
        if type(value).__module__.startswith("eguma_async."):
            yield value
            yield from _resources(value)


def _methods(cls: type[Any]) -> Iterator[tuple[str, Any]]:
    seen: set[Any] = set()
    for name, function in inspect.getmembers(cls, inspect.isfunction):
        ours = function.__module__.startswith("eguma_async.")
        # A second name of the same function needs no case of its own.
        if ours and (not name.startswith("_") or name in SPECIAL) and function not in seen:
            seen.add(function)
            yield function.__name__, function


def _classes(function: Any) -> Iterator[type[Any]]:
    """Yield the classes of this package in what a method returns."""
    waiting = [get_type_hints(function, localns=FOR_TYPE_CHECKERS).get("return")]
    while waiting:
        hint = waiting.pop()
        waiting += get_args(hint)
        origin = get_origin(hint) or hint
        if isinstance(origin, type) and (
            origin is AsyncIterator or origin.__module__.startswith("eguma_async.")
        ):
            yield origin


def _can_be_awaited(cls: type[Any]) -> bool:
    return hasattr(cls, "__aiter__") or any(
        inspect.iscoroutinefunction(function) for _, function in _methods(cls)
    )
