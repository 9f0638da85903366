"""The operations of a provider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eguma_async.core.operation import Operation


def operations_of(session: type) -> dict[str, type[Operation[Any]]]:
    """Return the operations of the package that a session comes from, by their name."""
    home = session.__module__.rpartition(".")[0]
    return {
        one.__name__: one
        for one in _subclasses(Operation)
        if one.__module__.startswith(f"{home}.") and hasattr(one, "RETURNS")
    }


def _subclasses(one: type[Any]) -> Iterator[type[Any]]:
    for sub in one.__subclasses__():
        yield sub
        yield from _subclasses(sub)
