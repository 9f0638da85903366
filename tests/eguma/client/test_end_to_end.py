"""The client against the simulated API, in memory: each refusal and each accident by its name."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from eguma_async import (
    AccessDeniedError,
    AsyncSession,
    AuthenticationError,
    ConflictError,
    Customer,
    DecodingError,
    IdempotencyMismatchError,
    InvalidRequestError,
    NotFoundError,
    OrderStatus,
    OutcomeUnknownError,
    RetryPolicy,
    ServerError,
    StatusError,
    TicketItem,
    UnsuccessfulCode,
    unknown_outcome,
)
from eguma_async.sandbox import (
    CutBody,
    DropAfter,
    DropBefore,
    EgumaOptions,
    EgumaSandbox,
    Park,
    Reply,
    SandboxClock,
)
from eguma_async.testing import FakeClock

ADA = Customer("Ada", "Lovelace", "ada@example.com")
ONCE = RetryPolicy(attempts=1)
BOOKING = "*/booking.json"


@pytest.fixture
def sandbox():
    # A Monday, 09:00 in Zurich, and time passes only when somebody sleeps.
    clock = SandboxClock(FakeClock(datetime(2026, 3, 2, 8, 0, tzinfo=UTC)))
    return EgumaSandbox(clock=clock, seed=1)


@pytest.fixture
def open_session(sandbox):
    def make(api_key=None, *, retry=None):
        return AsyncSession(
            api_key or sandbox.demo_key,
            base_url="https://api.e-guma.ch",
            transport=sandbox.transport(),
            clock=sandbox.clock,
            retry=retry or RetryPolicy(budget=1.0),
            random=lambda: 0.5,
        )

    return make


@pytest.fixture
async def session(open_session):
    async with open_session() as session:
        yield session


def to_book(sandbox, label="time", quantity=2):
    example = sandbox.example(label)
    return {
        "product_id": example.product_id,
        "starts_at": datetime.fromisoformat(example.starts_at),
        "items": (TicketItem(example.category_ids[0], quantity),),
    }


def posts(sandbox, path):
    return [record for record in sandbox.requests if record.path.endswith(f"/{path}.json")]


@asynccontextmanager
async def nothing_lost(sandbox, slot):
    """Check that a refused call leaves stock, holds and orders as they were."""

    def state():
        return (
            sandbox.availability(slot["product_id"], slot["starts_at"].isoformat()),
            len(sandbox.holds()),
            len(sandbox.bookings()),
        )

    before = state()
    yield
    assert state() == before


async def test_from_the_catalogue_to_the_cancellation(sandbox, session):
    catalogue = await session.ticketing.products.list()
    product = next(
        product
        for product in catalogue.products
        if product.id == sandbox.example("time").product_id
    )
    today = sandbox.today()
    slots = await session.ticketing.availabilities.list(
        product.id, from_date=today, to_date=today + timedelta(days=7)
    )
    slot = next(slot for slot in slots.availabilities if (slot.availability_count or 0) >= 4)
    price = slot.prices[0]
    hold = session.ticketing.reservations.hold(
        product_id=product.id,
        starts_at=slot.starts_at,
        items=[TicketItem(price.category_id, 2)],
    )
    lost = sandbox.faults.add(DropAfter(path=BOOKING))
    async with hold as held:
        assert held.expires_at_utc == sandbox.clock.now() + timedelta(hours=1)
        booking = await held.book(ADA, language="de")
    assert lost.fired == 1
    assert booking.replayed
    assert booking.language == "de"
    assert len(booking.tickets) == 2
    assert [record.idempotency_key for record in posts(sandbox, "booking")] == [
        booking.idempotency_key
    ] * 2
    assert len({record.body_sha256 for record in posts(sandbox, "booking")}) == 1
    assert len(sandbox.bookings()) == 1
    assert sandbox.holds() == ()
    assert posts(sandbox, "cancel-reservation") == []

    (order,) = await session.ticketing.orders.list(order_number=booking.booking_reference)
    assert order.id == booking.booking_id
    assert order.status is OrderStatus.COMPLETED
    assert {ticket.number for line in order.order_lines for ticket in line.tickets} == {
        ticket.ticket_number for ticket in booking.tickets
    }
    assert await session.ticketing.orders.list(last_name="lovelace") == ()
    assert len(await session.ticketing.orders.list(last_name="Lovelace")) == 1

    cancelled = await session.ticketing.bookings.cancel(booking.booking_id)
    assert {ticket.ticket_number for ticket in cancelled.cancelled_tickets} == {
        ticket.ticket_number for ticket in booking.tickets
    }
    (order,) = await session.ticketing.orders.list(order_number=booking.booking_reference)
    assert order.status is OrderStatus.CANCELLED
    with pytest.raises(InvalidRequestError) as caught:
        await session.ticketing.bookings.cancel(booking.booking_id)
    assert caught.value.operation == "CancelBooking"


@pytest.mark.parametrize("options", [{"generation": "A"}, {"generation": "B"}])
@pytest.mark.parametrize("label", ["time", "day", "unlimited"])
async def test_both_generations_of_the_api_can_be_sold_from(sandbox, session, options, label):
    sandbox.options = EgumaOptions(**options)
    slot = to_book(sandbox, label)
    catalogue = await session.ticketing.products.list()
    assert slot["product_id"] in {product.id for product in catalogue.products}
    async with session.ticketing.reservations.hold(**slot) as hold:
        booking = await hold.book(ADA)
    assert len(booking.tickets) == 2
    assert not booking.replayed


@pytest.mark.parametrize("zone", ["zurich", "utc"])
@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 3, 2, 8, 0, tzinfo=UTC),
        datetime(2026, 6, 2, 8, 0, tzinfo=UTC),
        datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    ],
    ids=str,
)
async def test_a_hold_ends_in_an_hour_whichever_zone_the_server_writes(sandbox, session, zone, now):
    sandbox.clock.set(now)
    sandbox.options = attrs.evolve(sandbox.options, expires_at_zone=zone)
    async with session.ticketing.reservations.hold(**to_book(sandbox)) as hold:
        assert hold.remaining == timedelta(hours=1)
    assert sandbox.holds() == ()


async def test_a_wrong_key_is_an_authentication_error(sandbox, open_session):
    async with open_session("f" * 24) as session:
        with pytest.raises(AuthenticationError) as caught:
            await session.ticketing.products.list()
    assert caught.value.error_code == "unauthorized"
    assert len(sandbox.requests) == 1


async def test_a_key_switched_off_during_a_hold_fails_the_booking(sandbox, session):
    slot = to_book(sandbox)
    with pytest.raises(AuthenticationError):
        async with session.ticketing.reservations.hold(**slot) as hold:
            sandbox.set_key_active(sandbox.demo_key, is_active=False)
            await hold.book(ADA)
    assert sandbox.bookings() == ()


async def test_a_product_that_is_not_enabled_is_forbidden(sandbox, session):
    slot = to_book(sandbox)
    sandbox.set_channel(slot["product_id"], is_on=False)
    async with nothing_lost(sandbox, slot):
        for call in (
            session.ticketing.reservations.create(**slot),
            session.ticketing.bookings.create(**slot, customer=ADA),
            session.ticketing.availabilities.list(
                slot["product_id"], from_date=sandbox.today(), to_date=sandbox.today()
            ),
        ):
            with pytest.raises(AccessDeniedError) as caught:
                await call
            assert caught.value.error_code == "forbidden"


async def test_unknown_ids_are_not_found(sandbox, session):
    t, nobody = session.ticketing, "0" * 24
    slot = to_book(sandbox) | {"product_id": nobody}
    for call in (
        t.availabilities.list(nobody, from_date=sandbox.today(), to_date=sandbox.today()),
        t.reservations.create(**slot),
        t.reservations.cancel(nobody),
        t.bookings.create(**slot, customer=ADA),
        t.bookings.create(**to_book(sandbox), customer=ADA, reservation_id=nobody),
        t.bookings.cancel(nobody),
        t.tickets.get("1" * 19),
    ):
        with pytest.raises(NotFoundError):
            await call


@pytest.mark.parametrize("status", [400, 409, 422])
async def test_sold_out_is_refused_and_takes_nothing(sandbox, session, status):
    sandbox.options = EgumaOptions(sold_out_status=status, sold_out_code="sold_out")
    slot = to_book(sandbox)
    sandbox.set_capacity(slot["product_id"], slot["starts_at"].isoformat(), 1)
    async with nothing_lost(sandbox, slot):
        for call in (
            session.ticketing.reservations.create(**slot),
            session.ticketing.bookings.create(**slot, customer=ADA),
        ):
            with pytest.raises((InvalidRequestError, ConflictError)) as caught:
                await call
            assert (caught.value.status, caught.value.error_code) == (status, "sold_out")
            assert not caught.value.outcome_unknown


async def test_after_the_cut_off_nothing_is_booked(sandbox, session):
    slot = to_book(sandbox)
    sandbox.clock.set(slot["starts_at"].replace(tzinfo=UTC))
    async with nothing_lost(sandbox, slot):
        with pytest.raises(InvalidRequestError):
            await session.ticketing.reservations.create(**slot)
        with pytest.raises(InvalidRequestError):
            await session.ticketing.bookings.create(**slot, customer=ADA)


async def test_an_expired_hold_is_refused_and_leaving_it_is_no_error(sandbox, session):
    slot = to_book(sandbox)
    async with nothing_lost(sandbox, slot):
        with pytest.raises(InvalidRequestError):
            async with session.ticketing.reservations.hold(**slot) as hold:
                sandbox.clock.advance(minutes=61)
                assert hold.remaining == timedelta(0)
                await hold.book(ADA)


async def test_a_booking_of_another_user_cannot_be_cancelled(sandbox, session, open_session):
    merchant = sandbox.merchants()[0]
    stranger = sandbox.add_key(merchant, sandbox.add_user(merchant, "another"))
    booking = await session.ticketing.bookings.create(**to_book(sandbox), customer=ADA)
    async with open_session(stranger) as other:
        with pytest.raises(NotFoundError):
            await other.ticketing.bookings.cancel(booking.booking_id)
    await session.ticketing.bookings.cancel(booking.booking_id)


async def test_a_booking_with_a_ticket_checked_in_cannot_be_cancelled(sandbox, session):
    t = session.ticketing
    booking = await t.bookings.create(**to_book(sandbox), customer=ADA)
    number = booking.tickets[0].ticket_number
    assert (await t.tickets.check_in(number)).is_successful
    again = await t.tickets.check_in(number)
    assert again.unsuccessful_code is UnsuccessfulCode.TICKET_ALREADY_CHECKEDIN
    assert (await t.tickets.get(number)).is_checked_in
    with pytest.raises(InvalidRequestError):
        await t.bookings.cancel(booking.booking_id)
    assert (await t.tickets.check_out(number)).is_successful
    await t.bookings.cancel(booking.booking_id)
    gone = await t.tickets.check_in(number)
    assert gone.unsuccessful_code is UnsuccessfulCode.TICKET_DELETED
    nobody = await t.tickets.check_in("1" * 19)
    assert nobody.unsuccessful_code is UnsuccessfulCode.TICKET_NOT_FOUND


async def test_the_same_key_for_another_booking_is_a_mismatch(sandbox, session):
    create = session.ticketing.bookings.create
    await create(**to_book(sandbox), customer=ADA, idempotency_key="mine")
    with pytest.raises(IdempotencyMismatchError) as caught:
        await create(**to_book(sandbox, quantity=1), customer=ADA, idempotency_key="mine")
    assert caught.value.idempotency_key == "mine"
    assert len(sandbox.bookings()) == 1


async def test_the_same_key_and_booking_is_a_replay(sandbox, session):
    create, slot = session.ticketing.bookings.create, to_book(sandbox)
    first = await create(**slot, customer=ADA, idempotency_key="mine")
    second = await create(**slot, customer=ADA, idempotency_key="mine")
    assert not first.replayed
    assert second == attrs.evolve(first, replayed=True)


# Accidents.


async def test_a_page_of_a_gateway_is_a_server_error_without_its_html(sandbox, open_session):
    sandbox.faults.add(Reply(502, body="<html><h1>Bad Gateway</h1></html>", times=None))
    async with open_session(retry=ONCE) as session:
        with pytest.raises(ServerError) as caught:
            await session.ticketing.products.list()
        assert (caught.value.status, caught.value.message) == (502, "")
        assert not caught.value.outcome_unknown
        with pytest.raises(ServerError) as caught:
            await session.ticketing.bookings.create(**to_book(sandbox), customer=ADA)
        assert caught.value.outcome_unknown


async def test_a_page_of_a_gateway_once_does_not_stop_a_booking(sandbox, session):
    sandbox.faults.add(Reply(502, body="<html>", path=BOOKING, after_commit=True))
    booking = await session.ticketing.bookings.create(**to_book(sandbox), customer=ADA)
    assert booking.replayed
    assert len(sandbox.bookings()) == 1


async def test_a_cut_answer_is_asked_for_again(sandbox, session):
    sandbox.faults.add(CutBody(0.5, path="*/products.json"))
    assert (await session.ticketing.products.list()).products
    sandbox.faults.add(CutBody(0.9, path=BOOKING))
    booking = await session.ticketing.bookings.create(**to_book(sandbox), customer=ADA)
    assert booking.replayed
    assert len(sandbox.bookings()) == 1


async def test_a_200_that_is_no_json_is_asked_for_again_once(sandbox, session):
    sandbox.faults.add(Reply(200, body="<html>login</html>", path=BOOKING, after_commit=True))
    booking = await session.ticketing.bookings.create(**to_book(sandbox), customer=ADA)
    assert booking.replayed
    sandbox.faults.add(Reply(200, body="<html>login</html>", times=None))
    with pytest.raises(DecodingError) as caught:
        await session.ticketing.products.list()
    assert caught.value.malformed


async def test_a_lost_reservation_is_not_repeated_and_leaves_one_hold_at_most(sandbox, session):
    sandbox.faults.add(DropAfter(path="*/reservation.json"))
    with pytest.raises(OutcomeUnknownError) as caught:
        await session.ticketing.reservations.create(**to_book(sandbox))
    assert caught.value.attempts == 1
    assert len(sandbox.holds()) == 1
    sandbox.clock.advance(minutes=60)
    assert sandbox.holds() == ()


async def test_a_lost_cancellation_is_settled_with_the_order_list(sandbox, session):
    booking = await session.ticketing.bookings.create(**to_book(sandbox), customer=ADA)
    sandbox.faults.add(DropAfter(path="*/cancel-booking.json"))
    cancelled = await session.ticketing.bookings.cancel(booking.booking_id)
    assert cancelled.booking_reference == booking.booking_reference
    assert {ticket.ticket_number for ticket in cancelled.cancelled_tickets} == {
        ticket.ticket_number for ticket in booking.tickets
    }


@pytest.mark.parametrize("zone", ["zurich", "utc"])
async def test_settling_works_whichever_zone_the_order_list_writes(sandbox, session, zone):
    sandbox.options = EgumaOptions(updated_at_zone=zone)
    booking = await session.ticketing.bookings.create(**to_book(sandbox), customer=ADA)
    sandbox.faults.add(DropAfter(path="*/cancel-booking.json"))
    cancelled = await session.ticketing.bookings.cancel(booking.booking_id)
    assert cancelled.booking_id == booking.booking_id


async def test_a_lost_cancellation_stays_unknown_if_the_orders_may_not_be_read(sandbox, session):
    booking = await session.ticketing.bookings.create(**to_book(sandbox), customer=ADA)
    sandbox.options = EgumaOptions(orders_allowed=False)
    sandbox.faults.add(DropAfter(path="*/cancel-booking.json"))
    with pytest.raises(OutcomeUnknownError) as caught:
        await session.ticketing.bookings.cancel(booking.booking_id)
    assert isinstance(caught.value.refusal, StatusError)


async def test_a_booking_still_in_progress_is_waited_for(sandbox, session):
    park = sandbox.faults.add(Park(path=BOOKING, hang_up=True))
    task = asyncio.create_task(session.ticketing.bookings.create(**to_book(sandbox), customer=ADA))
    for _ in range(200):
        if len(posts(sandbox, "booking")) >= 3:
            break
        await asyncio.sleep(0)
    park.release()
    booking = await task
    assert booking.replayed
    assert len(sandbox.bookings()) == 1


async def test_a_hold_goes_on_after_the_network_failed_for_good(sandbox, open_session):
    lost = sandbox.faults.add(DropAfter(path=BOOKING))
    async with open_session(retry=ONCE) as session:
        async with session.ticketing.reservations.hold(**to_book(sandbox)) as hold:
            with pytest.raises(OutcomeUnknownError) as caught:
                await hold.book(ADA)
            sandbox.faults.add(DropBefore(path=BOOKING))
            with pytest.raises(OutcomeUnknownError):
                await hold.book(ADA)
            booking = await hold.book(ADA)
    assert lost.fired == 1
    assert booking.idempotency_key == caught.value.idempotency_key
    assert len(sandbox.bookings()) == 1
    assert posts(sandbox, "cancel-reservation") == []


async def test_a_cancelled_booking_call_can_be_resumed_with_its_key(sandbox, session):
    slot = to_book(sandbox)
    park = sandbox.faults.add(Park(path=BOOKING))
    task = asyncio.create_task(session.ticketing.bookings.create(**slot, customer=ADA))
    await _until(lambda: park.parked)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    park.release()
    found = unknown_outcome(caught.value)
    assert found is not None
    key = found.idempotency_key
    booking = await session.ticketing.bookings.create(**slot, customer=ADA, idempotency_key=key)
    assert booking.idempotency_key == key
    assert len(sandbox.bookings()) == 1


async def _until(condition):
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come to that")


@pytest.mark.parametrize("steps", range(40))
async def test_cancelled_at_any_moment_a_sale_books_once_or_leaves_no_hold(
    sandbox, open_session, steps
):
    """Whatever happens, a place is either sold or free again at the latest after an hour."""
    slot = to_book(sandbox)
    free = sandbox.availability(slot["product_id"], slot["starts_at"].isoformat())

    async def sell(session):
        async with session.ticketing.reservations.hold(**slot) as hold:
            await hold.book(ADA)

    async with open_session() as session:
        task = asyncio.create_task(sell(session))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        outcome = None
        try:
            await task
        except asyncio.CancelledError as error:
            outcome = error
        await _until(lambda: len(asyncio.all_tasks()) == 1)
    sandbox.clock.advance(minutes=60)
    sold = len(sandbox.bookings())
    assert sold in (0, 1)
    left = sandbox.availability(slot["product_id"], slot["starts_at"].isoformat())
    assert left == free - 2 * sold
    if sold:
        # Whoever is not told of the booking is told that there may be one, and its key.
        key = sandbox.requests[1].idempotency_key
        unknown = None if outcome is None else unknown_outcome(outcome)
        assert outcome is None or (unknown is not None and unknown.idempotency_key == key)
