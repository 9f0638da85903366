"""The stores that the contract is tested on, each empty and at a place of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from eguma_async.journal.stores.base import Row, Store
from eguma_async.journal.stores.memory import MemoryStore
from eguma_async.journal.stores.sqlite import SQLiteStore

Opening = Callable[[], Store]
"""Makes a store: all that one of them makes keep the same rows."""


def memory(tmp_path) -> Opening:
    """The one store there is: no other process can have it."""
    store = MemoryStore()
    return lambda: store


def sqlite(tmp_path) -> Opening:
    return lambda: SQLiteStore(tmp_path / "journal.db")


_numbers = itertools.count(1)


def postgres(server, **options) -> Opening:
    """A table of its own on a server."""
    from eguma_async.journal.stores.postgres import PostgresStore

    table = f"rows_{next(_numbers)}"
    return lambda: PostgresStore(server.dsn, **{"table": table, **options})


def redis(server, **options) -> Opening:
    """Keys of its own on a server."""
    from eguma_async.journal.stores.redis import RedisStore

    prefix = f"rows-{next(_numbers)}"
    return lambda: RedisStore(server.url, **{"prefix": prefix, **options})


def name(number: int) -> str:
    """Return 64 hex digits."""
    return f"{number:064x}"


def row(series: int = 1, generation: int = 1, **changes) -> Row:
    """Return a row as it is inserted."""
    values: dict[str, Any] = {
        "series": name(series),
        "generation": generation,
        "version": 1,
        "is_open": True,
        "created_at": 1772438400.125,
        "data": b"\x00data\xff",
    }
    return Row(**(values | changes))
