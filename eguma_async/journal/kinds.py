"""The journals there are, one for each store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, Unpack

from eguma_async.core.clock import Clock

from .journal import Journal
from .rules import Rules
from .stores.memory import MemoryStore


class JournalOptions(TypedDict, total=False):
    """What every journal takes; see `Journal`."""

    account: str
    key: str | bytes | Iterable[str | bytes] | None
    any_credentials: bool
    rules: Rules | None
    clock: Clock | None


class MemoryJournal(Journal):
    """A journal in memory, for tests: it is gone with the process.

    Args:
        options: See `Journal`.
    """

    def __init__(self, **options: Unpack[JournalOptions]) -> None:
        super().__init__(MemoryStore(), **options)
