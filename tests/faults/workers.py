"""Processes of ours that share a journal, on the sandbox of a shop: they can be killed."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from eguma_async import AsyncSession, Entry, RetryPolicy, State
from eguma_async.journal import Journal, Store
from eguma_async.journal.stores.memory import MemoryStore
from eguma_async.journal.stores.sqlite import SQLiteStore
from tests.journal.conftest import Killed, Mortal

from .shops import BOOKING, EgumaShop
from .stage import Stage

REF = "order-4711"
NOT_MADE = {State.REJECTED, State.ABSENT, State.CANCELLED, State.UNSENT}


class Workers:
    """What runs and dies, and what outlives it.

    Attributes:
        shop: The server.
        store: The journal's; another one takes its place if it is lost.
        killed: How many processes were killed.
    """

    def __init__(self, stage: Stage, shop: EgumaShop, store: Store | None = None) -> None:
        self.stage = stage
        self.shop = shop
        self.store: Store = MemoryStore() if store is None else store
        self.killed = 0
        self.wanted = shop.wanted()
        self.customer = stage.customer()

    @asynccontextmanager
    async def process(
        self,
        dies: str | None = None,
        path: str = "/booking.json",
        *,
        retry: RetryPolicy | None = None,
        api_key: str | None = None,
        base_url: str = "https://api.e-guma.ch",
        store: Store | None = None,
        **options: Any,
    ) -> AsyncIterator[AsyncSession]:
        """Run a process; with `dies` it is killed before or after a request is done."""
        session = AsyncSession(
            api_key or self.shop.key,
            base_url=base_url,
            transport=Mortal(self.shop.transport, dies, path),
            clock=self.shop.sandbox.clock,
            retry=retry or RetryPolicy(budget=1.0),
            random=lambda: 0.5,
            observer=None if dies else self.stage.notes,  # of the dead, nobody hears
            journal=Journal(store or self.store, **options),
        )
        await session.__aenter__()
        try:
            yield session
        except Killed:
            self.killed += 1
            session._closed = True  # it never was closed: it is gone
        except BaseException:
            await session.aclose()
            raise
        else:
            await session.aclose()

    def create(self, session: AsyncSession, client_ref: str = REF, **changes: Any) -> Any:
        """Ask for the booking."""
        wanted = {**self.wanted, "customer": self.customer, **changes}
        return session.ticketing.bookings.create(**wanted, client_ref=client_ref)

    async def crashed(self, dies: str = "after", minutes: float = 2, **changes: Any) -> None:
        """Let a process be killed while it books, and some time pass."""
        before = self.killed
        async with self.process(dies) as session:
            await self.create(session, **changes)
        assert self.killed == before + 1
        self.shop.sandbox.clock.advance(minutes=minutes)

    async def recovered(self, **options: Any) -> Any:
        """Recover in a process of its own."""
        async with self.process(**options) as session:
            recovery = await session.ticketing.bookings.recover()
        self.stage.show(recovery)
        for each in recovery.entries:
            if each.entry.kind == "booking" and each.value is not None:
                self.stage.reported(self.shop, each.value)
        return recovery

    async def entries(self) -> list[Entry]:
        """Return what the journal says."""
        async with Journal(self.store) as journal:
            found = [entry async for entry in journal.entries()]
        self.stage.show(*found)
        return found

    async def entry(self) -> Entry:
        """Return its only entry."""
        (entry,) = await self.entries()
        return entry

    @property
    def posts(self) -> int:
        """How many requests to book reached the server."""
        return self.shop.sent(BOOKING)

    async def account(self) -> None:
        """Check I3: what was made is confirmed, cancelled or open, never noted as not made."""
        entries = [entry for entry in await self.entries() if entry.kind == "booking"]
        settled = {entry.result["booking_id"] for entry in entries if entry.result}
        open_ones = sum(entry.state.is_open for entry in entries)
        made = {order.id for order in self.shop.sandbox.bookings() if order.status == "completed"}
        assert len(made - settled) <= open_ones, "I3: a booking was made that nobody knows of"
        denied = {e.result["booking_id"] for e in entries if e.state in NOT_MADE and e.result}
        assert not made & denied, "I3: a booking is noted as not made"

    def proves_kills(self, times: int = 1) -> None:
        """Say how many processes are killed in this row."""
        self.stage.proves("processes killed", lambda: self.killed, times)


@asynccontextmanager
async def file_store(kind: type[SQLiteStore] = SQLiteStore, **options: Any) -> AsyncIterator[Any]:
    """Yield a store in a file of its own, open."""
    with tempfile.TemporaryDirectory() as directory:
        store = kind(Path(directory) / "bookings.db", **options)
        await store.open()
        try:
            yield store
        finally:
            await store.close()
