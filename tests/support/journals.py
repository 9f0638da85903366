"""A journal in a file, filled by sessions on a sandbox in memory, as programs leave it behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs

from eguma_async import AsyncSession, Customer, EgumaError, RetryPolicy, TicketItem
from eguma_async.core.journal import Entry
from eguma_async.journal.kinds import SQLiteJournal
from eguma_async.journal.line import Line
from eguma_async.journal.records import changed
from eguma_async.sandbox import EgumaSandbox, Reply

PERSON = ("Canary-Ada", "Canary-Lovelace", "canary@example.com")
BASE_URL = "http://127.0.0.1"


class Filled:
    """A journal that commands look into.

    Attributes:
        path: Where it is.
        sandbox: What its bookings were made with.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sandbox = EgumaSandbox()
        self._example = self.sandbox.example("time")

    @property
    def options(self) -> list[str]:
        """The options that name it."""
        return ["--journal", str(self.path)]

    def book(self, reference: str, *, base_url: str = BASE_URL, **options: Any) -> None:
        """Ask for two tickets under a reference, whatever comes of it."""

        async def run(session: AsyncSession) -> None:
            with contextlib.suppress(EgumaError):
                await session.ticketing.bookings.create(
                    product_id=self._example.product_id,
                    starts_at=datetime.fromisoformat(str(self._example.starts_at)),
                    items=(TicketItem(self._example.category_ids[0], 2),),
                    customer=Customer(*PERSON),
                    client_ref=reference,
                )

        self._in_session(run, base_url, options)

    def cancel(self, booking_id: str) -> None:
        """Cancel a booking, whatever comes of it."""

        async def run(session: AsyncSession) -> None:
            with contextlib.suppress(EgumaError):
                await session.ticketing.bookings.cancel(booking_id)

        self._in_session(run, BASE_URL, {})

    def leave_open(self, reference: str, **options: Any) -> None:
        """Ask for tickets, and get an answer nobody can read."""
        self._answered(reference, Reply(200, body='{"no": 1}', path="*/booking.json"), options)

    def leave_to_a_person(self, reference: str, **options: Any) -> None:
        """Ask for tickets, and get an answer that only a person can make sense of."""
        body = json.dumps({"error_code": "idempotency_key_mismatch", "message": "no"})
        self._answered(
            reference,
            Reply(409, body=body, content_type="application/json", path="*/booking.json"),
            options,
        )

    def damage(self, reference: str) -> str:
        """Change what an entry says; return the digits it is known by since."""

        async def damage() -> str:
            async with SQLiteJournal(self.path, key="") as journal:
                (row,) = [kept.row async for kept in journal._matching(reference)]
                other = attrs.evolve(row, version=row.version + 1, data=bytes(len(row.data)))
                assert await journal._store.replace(other)
                return row.series

        return asyncio.run(damage())

    def set_candidates(self, reference: str, candidates: tuple[str, ...]) -> None:
        """Note what an entry may be, as a search that finds several does."""
        self._rewrite(reference, lambda line: changed(line, candidates=candidates))

    def set_result(self, reference: str, result: dict[str, Any]) -> None:
        """Note what came of an entry."""
        self._rewrite(reference, lambda line: changed(line, result=result))

    def age(self, by: timedelta) -> None:
        """Make all entries older."""
        for entry in self.entries():
            self._rewrite(
                entry.client_ref,
                lambda line: changed(
                    line,
                    created=attrs.evolve(line.created, wall=line.created.wall - by.total_seconds()),
                ),
            )

    def _rewrite(self, reference: str, change: Callable[[Line], Line]) -> None:
        async def rewrite() -> None:
            async with SQLiteJournal(self.path, key="") as journal:
                async for kept in journal._matching(reference):
                    await journal._records.delete(kept)
                    await journal._records.insert(change(kept.line))

        asyncio.run(rewrite())

    def entries(self) -> list[Entry]:
        """Return what the journal says."""

        async def read() -> list[Entry]:
            async with SQLiteJournal(self.path, key="") as journal:
                return [entry async for entry in journal.entries()]

        return asyncio.run(read())

    def _answered(self, reference: str, fault: Reply, options: dict[str, Any]) -> None:
        self.sandbox.faults.add(fault)
        self.book(reference, **options)
        assert fault.fired == 1

    def _in_session(
        self, run: Callable[[AsyncSession], Any], base_url: str, options: dict[str, Any]
    ) -> None:
        async def all_of_it() -> None:
            async with AsyncSession(
                self.sandbox.demo_key,
                base_url=base_url,
                transport=self.sandbox.transport(),
                retry=RetryPolicy(attempts=1),
                journal=SQLiteJournal(self.path, **{"key": "", **options}),
            ) as session:
                await run(session)

        asyncio.run(all_of_it())
