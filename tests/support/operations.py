"""The operations of a provider."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from eguma_async.core.operation import Operation


def operations_of(session: type) -> dict[str, type[Operation[Any]]]:
    """Return the operations of the package that a session comes from, by their name."""
    home = session.__module__.rpartition(".")[0]
    for found in pkgutil.walk_packages(import_module(home).__path__, f"{home}."):
        import_module(found.name)  # resources are loaded with their first use
    return {
        one.__name__: one
        for one in _subclasses(Operation)
        if one.__module__.startswith(f"{home}.") and hasattr(one, "RETURNS")
    }


def _subclasses(one: type[Any]) -> Iterator[type[Any]]:
    for sub in one.__subclasses__():
        yield sub
        yield from _subclasses(sub)
