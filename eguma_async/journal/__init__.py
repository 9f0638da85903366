"""Bookings that survive a crash: what was asked for, kept until its outcome is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eguma_async._lazy import lazy_names

if TYPE_CHECKING:
    from .journal import Journal as Journal
    from .kinds import JournalOptions as JournalOptions
    from .kinds import MemoryJournal as MemoryJournal
    from .kinds import PostgresJournal as PostgresJournal
    from .kinds import RedisJournal as RedisJournal
    from .kinds import SQLiteJournal as SQLiteJournal
    from .rules import JournalRules as JournalRules
    from .sealing import key_from_keyring as key_from_keyring
    from .stores.base import Place as Place
    from .stores.base import Row as Row
    from .stores.base import Store as Store
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
