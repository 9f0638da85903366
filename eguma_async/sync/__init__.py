"""A copy of a provider's orders that misses nothing and doubles nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eguma_async._lazy import lazy_names

if TYPE_CHECKING:
    from .errors import ReplicaBusyError as ReplicaBusyError
    from .errors import ReplicaCorruptError as ReplicaCorruptError
    from .errors import ReplicaError as ReplicaError
    from .records import ChangeKind as ChangeKind
    from .records import Checkpoint as Checkpoint
    from .records import Kept as Kept
    from .records import Record as Record
    from .records import State as State
    from .records import Window as Window
    from .replica import Following as Following
    from .replica import Replica as Replica
    from .reports import Copied as Copied
    from .reports import OnRound as OnRound
    from .reports import SyncReport as SyncReport
    from .rules import SyncRules as SyncRules
    from .source import Answer as Answer
    from .source import Keep as Keep
    from .source import Source as Source
    from .source import TooMuchError as TooMuchError
    from .stores.base import Batch as Batch
    from .stores.base import Contents as Contents
    from .stores.base import ReplicaStore as ReplicaStore
    from .stores.base import Written as Written
    from .stores.memory import MemoryOrders as MemoryOrders
    from .stores.postgres import PostgresOrders as PostgresOrders
    from .stores.sqlite import SQLiteOrders as SQLiteOrders
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
