"""Stores of a replica, each empty and at a place of its own."""

from __future__ import annotations

import itertools

import pytest

from eguma_async.sync import MemoryOrders, SQLiteOrders
from tests.journal.servers import run_postgres

BACKENDS = ["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.servers)]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres():
    with run_postgres() as server:
        yield server


@pytest.fixture(params=BACKENDS)
def opening(request, tmp_path):
    """Make stores that keep the same records."""
    if request.param == "memory":
        store = MemoryOrders()
        return lambda: store
    if request.param == "sqlite":
        return lambda: SQLiteOrders(tmp_path / "orders.db", filesystem_of=lambda _: "")
    from eguma_async.sync import PostgresOrders

    dsn, table = request.getfixturevalue("postgres").dsn, f"orders_{next(_numbers)}"
    return lambda: PostgresOrders(dsn, table=table)


@pytest.fixture
async def store(opening):
    made = opening()
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def another(opening, store):
    """Return a second one with the same records, as another process has it."""
    made = opening()
    await made.open()
    yield made
    if made is not store:
        await made.close()
