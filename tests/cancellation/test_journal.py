"""Journals that are opened and closed under cancellation, and work that closing has cut off."""

from __future__ import annotations

import asyncio
import threading

import pytest

from benchmarks._lib import open_descriptors
from eguma_async import JournalError, OutcomeUnknownError, SQLiteJournal, State
from tests.cancellation.driver import CancelAt, Timing
from tests.cancellation.eguma_cases import ADA
from tests.cancellation.grid import MOST_POINTS
from tests.cancellation.journal_cases import REF, create, opens

WAYS = [Timing.AT_SUSPENSION, Timing.AFTER_DONE]


def threads() -> int:
    """Count the threads that are not there for any loop's default executor."""
    return threading.active_count()


async def gone(before: tuple[int, int]) -> None:
    """Wait until there are no more descriptors and threads than before."""
    async with asyncio.timeout(5):
        while (open_descriptors(), threads()) > before:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("when", WAYS, ids=lambda when: when.name.lower())
@pytest.mark.parametrize("what", ["opened", "closed"])
async def test_a_file_is_let_go_of(tmp_path, when, what):
    cancelled = 0
    for k in range(MOST_POINTS):
        before = (open_descriptors(), threads())
        journal = SQLiteJournal(tmp_path / "bookings.db", key="")
        if what == "opened":
            ending = await CancelAt(k, when).run(journal.__aenter__())
            if not ending.fired:
                await journal.__aexit__(None, None, None)
        else:
            await journal.__aenter__()
            ending = await CancelAt(k, when).run(journal.__aexit__(None, None, None))
        assert ending.was_cancelled is ending.fired
        await gone(before)
        with pytest.raises(JournalError, match="not open"):
            [entry async for entry in journal.entries()]
        if not ending.fired:
            break
        cancelled += 1
    assert cancelled


async def test_what_closing_has_cut_off_is_left_to_a_recovery():
    """Closing waits ten seconds; then it cancels what goes on, wherever that is."""
    outcomes = set()
    for k in range(MOST_POINTS):
        async with opens(None) as shop:
            left = k
            fired = False

            def strike(shop=shop):
                nonlocal left, fired
                if left == 0:
                    (work,) = shop.session._background._tasks
                    fired = work.cancel()
                left -= 1

            shop.events.listener = strike
            asking = asyncio.create_task(create(shop))
            await asyncio.wait((asking,))
            shop.events.listener = None
            if not fired:
                assert (await asking).persisted
                break
            with pytest.raises(OutcomeUnknownError) as caught:
                await asking
            assert caught.value.client_ref == REF
            while shop.events.under_way:
                await asyncio.sleep(0)
            shop.sandbox.clock.advance(minutes=2)  # so that the lease has ended
            async with shop.another_session() as session:
                recovery = await session.ticketing.bookings.recover()
                assert recovery.still_open == ()
                assert shop.sold() == len(await shop.entries())
                outcomes.add((len(recovery.entries), shop.sold()))
                booking = await session.ticketing.bookings.create(
                    **shop.wanted, customer=ADA, client_ref=REF
                )
            assert [made.id for made in shop.sandbox.bookings()] == [booking.booking_id]
            (entry,) = await shop.entries()
            assert entry.state is State.CONFIRMED
    assert outcomes == {(0, 0), (1, 1), (0, 1)}  # before it was written down, and once it was done
