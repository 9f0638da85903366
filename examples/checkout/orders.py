"""The shop's own memory: which orders there are, and how far each has come.

The SDK's journal knows of an order from the booking on. What comes before, a hold and a payment,
is the shop's own affair: it is written down here before it is done, so that whoever starts next
can tell what to finish and what to refund.
"""

from __future__ import annotations

import asyncio
import enum
import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import attrs
import cattrs

from eguma_async import Booking, Customer, ReserveTickets

T = TypeVar("T")


class State(enum.StrEnum):
    """How far an order has come."""

    HELD = "held"
    """Places are held; nothing was paid."""
    PAYING = "paying"
    """The money may have been taken."""
    PAID = "paid"
    """The money was taken; the booking is under way."""
    REFUND_DUE = "refund_due"
    """Nothing was booked; the money goes back."""
    NEEDS_OPERATOR = "needs_operator"
    """A person has to look."""
    BOOKED = "booked"
    """Done."""
    REFUNDED = "refunded"
    """Nothing was booked, and the money was given back."""
    RELEASED = "released"
    """The places were given back, or have expired; nothing was paid."""


UNFINISHED = (State.PAYING, State.PAID, State.REFUND_DUE)
"""States that the shop brings to an end by itself."""


@attrs.frozen(kw_only=True)
class Order:
    """One order, from the hold on.

    Attributes:
        ref: Names it for everybody: customer, payment provider, and as its `client_ref` the
            journal. It cannot be guessed, as it shows the tickets to whoever knows it.
        state: How far it has come.
        wanted: What is held.
        reservation_id: Under which id.
        expires_at: When the hold ends, aware.
        total_in_cents: What it costs.
        currency: ISO 4217 code.
        customer: Who buys; erased when the order has ended.
        booking: The booking, once there is one.
        reason: Why it was not booked.
    """

    ref: str
    state: State
    wanted: ReserveTickets
    reservation_id: str
    expires_at: datetime
    total_in_cents: int
    currency: str
    customer: Customer | None = None
    booking: Booking | None = None
    reason: str | None = None


class OrdersError(Exception):
    """The file of the orders cannot be used."""


class Orders:
    """Orders in a SQLite file.

    Args:
        path: The file. It holds customers while they pay: only its owner can read it. One process
            has it at a time: what another one reads could be outdated when it writes.
        converter: That of the session, which writes and reads the SDK's models.
    """

    def __init__(self, path: Path, converter: cattrs.Converter) -> None:
        self._path = path
        self._converter = converter
        self._lock = asyncio.Lock()
        self._database: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        self._path.touch(mode=0o600)
        self._database = sqlite3.connect(
            self._path,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,  # one thread at a time
        )
        try:
            await self._run(_prepare)
        except sqlite3.Error as error:
            self._database.close()
            is_taken = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            problem = "another process has it" if is_taken else str(error)
            raise OrdersError(f"{self._path} cannot be used: {problem}") from None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()

    async def save(self, order: Order) -> Order:
        """Write an order down; it is on the disk when this returns."""
        text = json.dumps(self._converter.unstructure(order))
        await self._run(
            lambda db: db.execute(
                "INSERT INTO orders VALUES (?, ?, ?) ON CONFLICT (ref)"
                " DO UPDATE SET state = excluded.state, document = excluded.document",
                (order.ref, order.state.value, text),
            )
        )
        return order

    async def get(self, ref: str) -> Order | None:
        """Return an order; None if there is none."""
        found = await self._read("SELECT document FROM orders WHERE ref = ?", ref)
        return found[0] if found else None

    async def in_state(self, *states: State) -> list[Order]:
        """Return the orders that have come so far."""
        marks = ", ".join("?" * len(states))
        query = f"SELECT document FROM orders WHERE state IN ({marks})"  # noqa: S608  # marks only
        return await self._read(query, *states)

    async def _read(self, query: str, *values: str) -> list[Order]:
        rows = await self._run(lambda db: db.execute(query, values).fetchall())
        return [self._converter.structure(json.loads(text), Order) for (text,) in rows]

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        database = self._database
        if database is None:
            raise RuntimeError("the orders are not open")
        async with self._lock:
            return await asyncio.to_thread(work, database)


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA locking_mode = EXCLUSIVE")  # from the next line until it is closed
    database.execute("BEGIN EXCLUSIVE")
    database.execute("COMMIT")
    database.execute("PRAGMA synchronous = FULL")  # what was saved survives a power cut
    database.execute("PRAGMA secure_delete = ON")  # a customer who is erased is gone
    database.execute(
        "CREATE TABLE IF NOT EXISTS orders"
        " (ref TEXT PRIMARY KEY, state TEXT NOT NULL, document TEXT NOT NULL)"
    )
