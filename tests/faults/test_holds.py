"""R · reservations and holds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial

import attrs
import pytest

from eguma_async import (
    ConflictError,
    EgumaError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    SessionStateError,
    Timeouts,
)
from eguma_async.sandbox import (
    Delay,
    DropAfter,
    DropBefore,
    EgumaOptions,
    Park,
    Reply,
    SandboxResponse,
)
from eguma_async.testing import FakeClock

from .matrix import Row, check, id_of, row, rows_of
from .shops import BOOKING, RELEASE, RESERVATION, START, Rewrite
from .stage import Stage

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@row(
    "R1",
    "the answer to a hold is lost",
    "outcome unknown after one request; what may be held ends by itself after an hour",
)
async def lost_hold(stage: Stage) -> None:
    shop = await stage.eguma()
    shop.inject(DropAfter(path=RESERVATION, times=2))
    error = await stage.fails(OutcomeUnknownError, shop.reserve())
    assert (error.attempts, shop.sent(RESERVATION)) == (1, 1)
    await stage.fails(OutcomeUnknownError, shop.hold().__aenter__())
    assert (shop.sent(RESERVATION), len(shop.sandbox.holds())) == (2, 2)
    shop.sandbox.clock.advance(minutes=60)
    assert shop.sandbox.holds() == ()


@row(
    "R2",
    "the hold ends while the customer pays",
    "InvalidRequestError, and `remaining` says so before; booked without the hold instead",
)
async def hold_ends(stage: Stage) -> None:
    shop = await stage.eguma()
    async with shop.hold() as hold:
        assert hold.remaining == HOUR
        shop.sandbox.clock.advance(minutes=61)
        assert hold.remaining == timedelta()
        error = await stage.fails(InvalidRequestError, hold.book(stage.customer()))
        assert (error.attempts, error.outcome_unknown) == (1, False)
    stage.proves("refusals", lambda: len(stage.errors))
    assert shop.orders() == 0
    await shop.book()
    assert shop.orders() == 1


@row(
    "R3",
    "the hold ends between the sending of a booking and its processing",
    "InvalidRequestError; nothing is booked in its place",
)
async def hold_ends_under_way(stage: Stage) -> None:
    stage.limit = 400.0
    shop = await stage.eguma(timeouts=Timeouts(read=200, total=300))
    shop.inject(Delay(120, path=BOOKING))
    async with shop.hold() as hold:
        shop.sandbox.clock.advance(minutes=59)
        assert hold.remaining == MINUTE
        error = await stage.fails(InvalidRequestError, hold.book(stage.customer()))
        assert (error.attempts, error.outcome_unknown) == (1, False)
    assert (shop.orders(), shop.sent(BOOKING)) == (0, 1)


@row(
    "R4",
    "expires_at without a zone: written in UTC, in Zurich, from a server whose clock is wrong",
    "an hour remains from the answer on, whichever it is; never more",
)
async def zone_unknown(stage: Stage) -> None:
    opened = 0
    for zone in ("utc", "zurich"):
        shop = await stage.eguma(options=EgumaOptions(expires_at_zone=zone))
        async with shop.hold() as hold:
            opened += 1
            assert hold.remaining == HOUR, zone
            assert hold.expires_at_utc == shop.sandbox.clock.now() + HOUR, zone
            shop.clock.advance(minutes=20)
            assert hold.remaining == 40 * MINUTE, zone
        ahead = START + 3 * HOUR
        shop = await stage.eguma(options=EgumaOptions(expires_at_zone=zone), clock=FakeClock(ahead))
        dated = {"Date": format_datetime(START, usegmt=True)}
        shop.inject(Rewrite(partial(with_headers, dated), path=RESERVATION))
        async with shop.hold() as hold:
            opened += 1
            assert hold.remaining == HOUR, zone
    stage.proves("zones", lambda: opened, 4)


def with_headers(headers: dict[str, str], response: SandboxResponse) -> SandboxResponse:
    return attrs.evolve(response, headers={**response.headers, **headers})


@row("R5", "held, and the process ends", "the places are free again after an hour, by themselves")
async def crash_after_the_hold(stage: Stage) -> None:
    shop = await stage.eguma()
    wanted = shop.wanted()
    slot = (wanted["product_id"], wanted["starts_at"].isoformat())
    free = shop.sandbox.availability(*slot)
    assert free is not None
    await shop.reserve()
    left = shop.sandbox.availability(*slot)
    assert left == free - 2
    await shop.session.aclose()
    shop.sandbox.clock.advance(minutes=60)
    assert shop.sandbox.availability(*slot) == free
    stage.proves("holds left behind", lambda: len(shop.sandbox.reservations()))


@row(
    "R6",
    "a hold is given back whose answer is lost, that has ended, that the server refuses",
    "gone is gone after a lost answer and for `Hold.release`; told at once: NotFoundError, conflict",
)
async def given_back(stage: Stage) -> None:
    shop = await stage.eguma()
    cancel = shop.session.ticketing.reservations.cancel
    held = await shop.reserve()
    shop.inject(DropAfter(path=RELEASE))
    assert (await cancel(held.reservation_id)).reservation_id == held.reservation_id
    assert shop.sent(RELEASE) == 2
    assert shop.sandbox.holds() == ()
    error = await stage.fails(NotFoundError, cancel(held.reservation_id))
    assert error.attempts == 1
    hold = await shop.hold().__aenter__()
    shop.sandbox.clock.advance(minutes=61)
    await hold.release()
    held = await shop.reserve()
    shop.inject(Reply(409, path=RELEASE))
    await stage.fails(ConflictError, cancel(held.reservation_id))
    assert len(shop.sandbox.holds()) == 1


@row(
    "R7",
    "a hold is given back that was booked",
    "NotFoundError, or nothing at all from `Hold.release`; the booking stands",
)
async def given_back_after_booking(stage: Stage) -> None:
    shop = await stage.eguma()
    async with shop.hold() as hold:
        await shop.booked_with(hold)
        await hold.release()
    assert shop.sent(RELEASE) == 0
    cancel = shop.session.ticketing.reservations.cancel
    try:
        await cancel(hold.reservation_id)
    except EgumaError as error:
        stage.errors.append(error)
    stage.proves("refusals", lambda: len(stage.errors))
    assert [order.status for order in shop.sandbox.bookings()] == ["completed"]


@row(
    "R8",
    "the block of a hold is left with an error, by a cancellation, and giving back fails",
    "given back once; the error or the cancellation comes through, whatever giving back came to",
)
async def left_early(stage: Stage) -> None:
    shop = await stage.eguma()
    mistake = RuntimeError("of the program")
    with pytest.raises(RuntimeError) as caught:
        async with shop.hold():
            raise mistake
    assert caught.value is mistake
    assert (shop.sent(RELEASE), shop.sandbox.holds()) == (1, ())

    entered = asyncio.Event()

    async def wait_inside() -> None:
        async with shop.hold():
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait_inside())
    await entered.wait()
    await stage.cancelled(task)
    assert (shop.sent(RELEASE), shop.sandbox.holds()) == (2, ())

    shop.inject(DropBefore(path=RELEASE, times=5))
    with pytest.raises(RuntimeError) as caught:
        async with shop.hold():
            raise mistake
    assert caught.value is mistake
    assert mistake.__context__ is None
    assert len(shop.sandbox.holds()) == 1

    parked = shop.inject(Park(path=RELEASE))
    entered.clear()
    task = asyncio.create_task(wait_inside())
    await entered.wait()
    task.cancel()
    await parked.arrived()
    await stage.cancelled(task)  # a second time, while the places are given back
    parked.release()
    await shop.session.aclose()
    assert len(shop.sandbox.holds()) == 1


@row(
    "R9",
    "one hold is booked by two tasks, and with two keys",
    "the second task: SessionStateError here; the second key: refused there; one booking",
)
async def booked_twice(stage: Stage) -> None:
    shop = await stage.eguma()
    parked = shop.inject(Park(path=BOOKING))
    async with shop.hold() as hold:
        first = asyncio.create_task(shop.booked_with(hold))
        await parked.arrived()
        error = await stage.fails(SessionStateError, hold.book(stage.customer()))
        assert "being booked already" in str(error)
        parked.release()
        await first
        await stage.fails(SessionStateError, hold.book(stage.customer()))
    refused = await stage.fails(
        NotFoundError, shop.book(reservation_id=hold.reservation_id, idempotency_key="another")
    )
    assert refused.attempts == 1
    assert shop.orders() == 1


@row(
    "R10",
    "an hour of a hold over a change of clocks",
    "an hour remains, in spring and in autumn, in either zone",
)
async def hour_over_a_change(stage: Stage) -> None:
    opened = 0
    spring, autumn = (
        datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    )
    for start in (spring, autumn, spring - 40 * MINUTE, autumn - 40 * MINUTE, autumn + 20 * MINUTE):
        for zone in ("utc", "zurich"):
            shop = await stage.eguma(options=EgumaOptions(expires_at_zone=zone), start=start)
            async with shop.hold() as hold:
                opened += 1
                assert hold.remaining == HOUR, (start, zone)
                assert hold.expires_at_utc == start + HOUR, (start, zone)
                shop.clock.advance(minutes=59)
                assert hold.remaining == MINUTE, (start, zone)
                await shop.booked_with(hold)
            assert shop.orders() == 1
    stage.proves("holds over a change", lambda: opened, 10)


@pytest.mark.parametrize("row", rows_of(__name__), ids=id_of)
def test_row(row: Row) -> None:
    check(row)
