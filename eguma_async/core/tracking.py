"""A cattrs converter that knows which types a user reads in a way of their own."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

import cattrs

from .scalars import is_subclass


class TrackedConverter(cattrs.Converter):
    """A converter that remembers for which types structure hooks were registered after `track`.

    Args:
        on_change: Called after each of them.
    """

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
        """Register a hook for a class, and note it."""
        result = super().register_structure_hook(cl, func)
        kind = cl if func is not None else typing.get_type_hints(cl)["return"]
        # cattrs gives the hook of a class to its subclasses, too.
        self._touch(lambda other: other == kind or is_subclass(other, kind))
        return result

    def register_structure_hook_func(self, check_func: Any, func: Any) -> None:
        """Register a hook by predicate, and note it."""
        super().register_structure_hook_func(check_func, func)
        self._touch(check_func)

    def register_structure_hook_factory(self, predicate: Any, factory: Any = None) -> Any:
        """Register a factory of hooks, and note it."""
        result = super().register_structure_hook_factory(predicate, factory)
        self._touch(predicate)
        return result
