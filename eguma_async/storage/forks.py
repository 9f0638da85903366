"""A file of SQLite and forks: a child must never touch what its parent has open.

The child has the parent's connection, but none of its locks. Closing it there could move the log
into the file and delete it, while the parent goes on writing to it. Nor may the child open the
file anew: SQLite keeps its locks in a table of the process, and in the child that table says that
locks are held that are not.
"""

from __future__ import annotations

import os
from typing import Protocol

Identity = tuple[int, int]
"""What names a file whatever its path: its device and its number there."""


class Holder(Protocol):
    """Something that has a file open."""

    @property
    def identity(self) -> Identity | None:
        """Which file."""
        ...

    @property
    def connection(self) -> object:
        """The connection to it, or None."""
        ...


_holders: dict[int, Holder] = {}
_barred: set[Identity] = set()


def hold(holder: Holder) -> None:
    """Note that something opens a file."""
    _holders[id(holder)] = holder


def release(holder: Holder) -> None:
    """Note that it has closed it."""
    _holders.pop(id(holder), None)


def is_barred(identity: Identity | None) -> bool:
    """Tell whether a file was open when this process was forked."""
    return identity in _barred


def _after_fork() -> None:
    """Leave the parent's connections alone for ever, also when the child ends in an orderly way."""
    for holder in list(_holders.values()):
        if holder.identity is not None:
            _barred.add(holder.identity)
        _immortal(holder.connection)
    _holders.clear()


def _immortal(thing: object) -> None:
    """Keep something from being closed by the interpreter: one reference more than there are."""
    try:
        import ctypes  # noqa: PLC0415  # only a child needs it
    except ImportError:  # pragma: no cover  # an interpreter without it
        _kept.append(thing)
    else:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


_kept: list[object] = []

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
