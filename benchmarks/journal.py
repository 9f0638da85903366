"""What a journal costs: bookings on a sandbox in memory, with and without one, in turns.

- ``plain``: `bookings.create` on a session without a journal.
- ``journalled``: the same under `SQLiteJournal` in a file: each booking is written down and synced
  to the disk before it leaves, and its outcome before it is returned.

``..._bookings_per_s``: 8 at once. Gate: ``journalled_bookings_per_s`` >= 500.

``added_p99_ms``: one at a time; the 99th percentile with a journal less the one without, in each
round. Gate: <= 2. ``added_p50_ms`` is the same for the median. ``sync_ms`` is what this disk takes
to sync one page: a booking waits for two of them.
"""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

import attrs

from eguma_async import AsyncSession, Customer, SQLiteJournal, TicketItem
from eguma_async.sandbox import EgumaSandbox

from . import _lib

AT_ONCE = 8
BOOKINGS = 400
CUSTOMER = Customer("Ada", "Lovelace", "ada@example.com")


@attrs.frozen
class Turn:
    """What one contender did in one turn.

    Attributes:
        rate: Bookings a second, several at once.
        p50: Milliseconds of a booking at the median, one at a time.
        p99: The same at the 99th percentile.
    """

    rate: float
    p50: float
    p99: float


async def turn(directory: Path | None) -> Turn:
    """Book on a sandbox of its own, with a journal in a directory, or without one."""
    sandbox = EgumaSandbox(seed=1)
    journal = None if directory is None else SQLiteJournal(directory / "bookings.db")
    session = AsyncSession(
        sandbox.demo_key,
        base_url="https://api.e-guma.ch",
        transport=sandbox.transport(),
        journal=journal,
    )
    async with session:
        await _book(session, sandbox, "warm", BOOKINGS // 10, 1)
        gc.collect()
        alone = await _book(session, sandbox, "alone", BOOKINGS, 1)
        began = time.perf_counter()
        await _book(session, sandbox, "together", BOOKINGS * 2, AT_ONCE)
        rate = BOOKINGS * 2 / (time.perf_counter() - began)
    spans = statistics.quantiles(alone, n=100)
    return Turn(rate, spans[49] * 1e3, spans[98] * 1e3)


async def _book(
    session: AsyncSession, sandbox: EgumaSandbox, name: str, count: int, at_once: int
) -> list[float]:
    """Return the seconds of each booking."""
    slot = sandbox.example("unlimited")
    starts_at = datetime.fromisoformat(str(slot.starts_at))
    items = [TicketItem(slot.category_ids[0], 1)]
    spans: list[float] = []
    numbers = iter(range(count))

    async def buy() -> None:
        for number in numbers:
            ref = f"{name}-{number}" if session.keeps_journal else None
            began = time.perf_counter()
            await session.ticketing.bookings.create(
                product_id=slot.product_id,
                starts_at=starts_at,
                items=items,
                customer=CUSTOMER,
                client_ref=ref,
            )
            spans.append(time.perf_counter() - began)

    await asyncio.gather(*(buy() for _ in range(at_once)))
    return spans


def sync_ms(directory: Path) -> float:
    """Return the milliseconds that this disk takes to sync one page, at the median."""
    spans = []
    descriptor = os.open(directory / "page", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for number in range(100):
            began = time.perf_counter()
            os.pwrite(descriptor, b"x" * 4096, number * 4096)
            os.fsync(descriptor)
            spans.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
    return statistics.median(spans) * 1e3


def main() -> None:
    """Run it."""
    given = _lib.arguments(__doc__, rounds=7)
    turns: dict[bool, list[Turn]] = {False: [], True: []}
    syncs = []
    for journalled in _lib.alternating(given.rounds, [False, True], patience=given.patience):
        with tempfile.TemporaryDirectory() as directory:
            syncs.append(sync_ms(Path(directory)))
            where = Path(directory) if journalled else None
            turns[journalled].append(asyncio.run(turn(where)))
    plain, kept = turns[False], turns[True]
    pairs = list(zip(plain, kept, strict=True))
    figures = {
        "plain_bookings_per_s": _lib.middle([each.rate for each in plain], "/s"),
        "journalled_bookings_per_s": _lib.middle([each.rate for each in kept], "/s", ">= 500"),
        "added_p50_ms": _lib.middle([with_.p50 - without.p50 for without, with_ in pairs], "ms"),
        "added_p99_ms": _lib.middle(
            [with_.p99 - without.p99 for without, with_ in pairs], "ms", "<= 2"
        ),
        "sync_ms": _lib.middle(syncs, "ms"),
    }
    _lib.report("journal", figures, as_json=given.json, rounds=len(kept))


if __name__ == "__main__":
    main()
