"""What a type checker must see. It is checked by `tests/test_typing.py` and never run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import assert_type

from eguma_async import (
    AdmissionAvailability,
    AdmissionSlot,
    AsyncSession,
    AttemptEvent,
    Availability,
    AvailabilityList,
    Booking,
    BookingOutcome,
    BookingSearch,
    BookTickets,
    CancelBooking,
    CancelledBooking,
    CancelReservation,
    Customer,
    EgumaError,
    Event,
    FanOut,
    Hold,
    HoldContext,
    HttpRequest,
    HttpResponse,
    IncompleteListError,
    KorusSession,
    KorusTokens,
    ListAvailabilities,
    ListEvents,
    Listing,
    ListOrders,
    ListProducts,
    MemoryTransport,
    Observer,
    Operation,
    Order,
    OrderStatus,
    Outcome,
    PriceChangedError,
    ProductList,
    ReleasedReservation,
    Reservation,
    ReserveTickets,
    ResultMismatchError,
    SlotType,
    StatusError,
    TicketCheck,
    TicketInfo,
    TicketItem,
    Timeouts,
    Transport,
    UnreadableElement,
    unknown_outcome,
)
from eguma_async import korus as k


async def resources(session: AsyncSession) -> None:
    t = session.ticketing
    assert_type(await t.products.list(), ProductList)
    slots = await t.availabilities.list("id", from_date=date.max, to_date=date.max)
    assert_type(slots, AvailabilityList)
    assert_type(slots.availabilities, tuple[Availability, ...])
    assert_type(slots.availabilities[0].availability_count, int | None)
    assert_type(slots.availabilities[0].slot_type, SlotType)
    items = [TicketItem("category", 2)]
    held = await t.reservations.create(product_id="id", starts_at=datetime.max, items=items)
    assert_type(held, Reservation)
    assert_type(held.expires_at_utc, datetime)
    assert_type(await t.reservations.cancel("id"), ReleasedReservation)
    booking = await t.bookings.create(
        product_id="id", starts_at=date.max, items=items, customer=Customer("a", "b", "c")
    )
    assert_type(booking, Booking)
    assert_type(await t.bookings.cancel("id"), CancelledBooking)
    orders = await t.orders.list(updated_at_after=datetime.max)
    assert_type(orders, Listing[Order])
    assert_type(orders.unreadable, tuple[UnreadableElement, ...])
    assert_type(slots.unreadable, tuple[UnreadableElement, ...])
    assert_type(orders[0].status, OrderStatus)
    as_tuple: tuple[Order, ...] = orders
    assert_type(as_tuple[0].grand_total_in_cents, int)
    assert_type(slots.availabilities[0].can_book(items), bool)
    assert_type(slots.availabilities[0].total_in_cents(items), int | None)
    assert_type(t.today(), date)
    assert_type(await t.tickets.check_in("1"), TicketCheck)
    assert_type(await t.tickets.check_out("1"), TicketCheck)
    assert_type(await t.tickets.get("1"), TicketInfo)


async def reconciling(session: AsyncSession) -> None:
    bookings, items = session.ticketing.bookings, [TicketItem("category", 2)]
    found = await bookings.reconcile(
        product_id="id",
        starts_at=datetime.max,
        items=items,
        customer=Customer("a", "b", "c"),
        began_at=datetime.max,
        other_bookings=["id"],
    )
    assert_type(found, BookingSearch)
    assert_type(found.outcome, BookingOutcome)
    assert_type(found.order, Order | None)
    assert_type(found.orders, tuple[Order, ...])
    same = await bookings.settle(
        product_id="id",
        starts_at=date.max,
        items=items,
        customer=Customer("a", "b", "c"),
        began_at=datetime.max,
    )
    assert_type(same, BookingSearch)


async def events(session: AsyncSession) -> None:
    found = await session.ticketing.events.list(category_id="id")
    assert_type(found, Listing[Event])
    assert_type(found[0].name, dict[str, str | None])
    assert_type(found[0].ticket_types[0].price_in_cents, int | None)
    slots = await session.ticketing.events.availability("id", from_date=date.max, to_date=date.max)
    assert_type(slots, AdmissionAvailability)
    assert_type(slots.slots, tuple[AdmissionSlot, ...])
    assert_type(await session.send(ListEvents()), Listing[Event])


async def with_timeouts(session: AsyncSession) -> None:
    t, short = session.ticketing, Timeouts(total=5)
    await t.products.list(timeouts=short)
    await t.availabilities.list("id", from_date=date.max, to_date=date.max, timeouts=short)
    await t.reservations.cancel("id", timeouts=short)
    await t.bookings.cancel("id", timeouts=short)
    await t.orders.list(timeouts=short)
    await t.tickets.get("1", timeouts=short)
    await t.events.list(timeouts=short)


async def holding(session: AsyncSession) -> None:
    context = session.ticketing.reservations.hold(
        product_id="id",
        starts_at=datetime.max,
        items=(TicketItem("category", 1),),
        expected_total_in_cents=4500,
        timeouts=Timeouts(),
    )
    assert_type(context, HoldContext)
    async with context as hold:
        assert_type(hold, Hold)
        assert_type(hold.remaining, timedelta)
        assert_type(hold.total_in_cents, int | None)
        assert_type(hold.is_booked, bool)
        assert_type(await hold.book(Customer("a", "b", "c"), timeouts=Timeouts()), Booking)


async def operations(session: AsyncSession, read: ListAvailabilities, book: BookTickets) -> None:
    assert_type(await session.send(ListProducts()), ProductList)
    assert_type(await session.send(read), AvailabilityList)
    assert_type(await session.send(ListOrders()), Listing[Order])
    assert_type(await session.send(book, idempotency_key="mine"), Booking)
    assert_type(await session.send(CancelBooking(booking_id="id")), CancelledBooking)
    assert_type(await session.send(CancelReservation(reservation_id="id")), ReleasedReservation)
    assert_type(await session.exchange(book), tuple[Booking, HttpResponse])
    operation: Operation[Reservation] = ReserveTickets(
        product_id="id", starts_at=datetime.max, items=(TicketItem("category", 1),)
    )
    assert_type(await session.send(operation), Reservation)


async def many(session: AsyncSession, ids: list[str], reads: list[ListAvailabilities]) -> None:
    fan_out = session.ticketing.availabilities.fan_out(ids, from_date=date.max, to_date=date.max)
    assert_type(fan_out, FanOut[AvailabilityList])
    async for outcome in fan_out:
        assert_type(outcome, Outcome[AvailabilityList])
        assert_type(outcome.value, AvailabilityList | None)
        assert_type(outcome.error, EgumaError | None)
        assert_type(outcome.unwrap(), AvailabilityList)
    async for other in session.fan_out(reads):
        assert_type(other.unwrap(), AvailabilityList)


def errors(error: BaseException) -> None:
    assert_type(unknown_outcome(error), EgumaError | None)
    if isinstance(error, StatusError):
        assert_type(error.status, int)
        assert_type(error.error_code, str | None)
        assert_type(error.retry_after, float | None)
        assert_type(error.replayed, bool)
    if isinstance(error, PriceChangedError):
        assert_type(error.expected, int | Decimal | None)
        assert_type(error.actual, int | Decimal | None)
    if isinstance(error, ResultMismatchError):
        assert_type(error.differences, tuple[str, ...])
    if isinstance(error, EgumaError):
        assert_type(error.idempotency_key, str | None)
        assert_type(error.outcome_unknown, bool)


def transports(handler: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> None:
    def note(event: AttemptEvent) -> None:
        assert_type(event.status, int | None)

    transport: Transport = MemoryTransport(handler)
    AsyncSession("key", transport=transport, observer=note)
    session = AsyncSession("key", transport=transport, observer=[note, Observer()])
    assert_type(session.load.in_flight, int)
    assert_type(session.load.rate, float | None)


async def korus(session: KorusSession, error: k.ViolationsError) -> None:
    async for offer in session.offers.list("catalog", date_after=date.max):
        assert_type(offer, k.Offer)
        assert_type(offer.price, k.OfferPrice | None)
        assert_type(offer.iri, k.Iri)
    assert_type(await session.catalogs.list().first(), k.Catalog | None)
    assert_type((await session.offers.price("offer")).amount_incl_tax, Decimal)
    items = [k.OfferItem("offer", [k.TicketChoice("ticket", "session")], 2)]
    async with session.reservations.hold(items) as hold:
        assert_type(hold, k.Hold)
        assert_type(hold.expires_at, datetime)
        booked = await hold.order(k.Customer("a", "b", "c"), external_reference="r")
    assert_type(booked, k.BulkOrders)
    assert_type(booked.orders, tuple[k.Order, ...])
    assert_type(await session.orders.reconcile("r", ["reservation"]), k.Reconciliation)
    assert_type(await session.orders.settle("r", ["reservation"]), k.Settlement)
    assert_type(await session.documents.download("d", to="f.pdf"), k.DownloadedDocument)
    assert_type(await session.send(k.GetOrder(iri="order")), k.Order)
    assert_type(error.violations, tuple[k.Violation, ...])
    await hold.order(k.Customer("a", "b", "c"))  # type: ignore[call-arg]


async def korus_holds(session: KorusSession, items: list[k.OfferItem]) -> None:
    short = Timeouts(total=5.0)
    result = await session.reservations.create(items, timeouts=short)
    assert_type(result, k.BulkReservations)
    assert_type(result.missing, tuple[k.OfferItem, ...])
    assert_type(result.unaccounted, tuple[str, ...])
    assert_type(result.unreadable, tuple[k.UnreadableElement, ...])
    assert_type(result.total_amount_incl_tax, Decimal)
    entering = session.reservations.hold(items, expected_total=Decimal("95.00"), timeouts=short)
    assert_type(entering, k.HoldContext)
    async with entering as hold:
        assert_type(hold.orderable, tuple[k.Reservation, ...])
        assert_type(hold.expired, tuple[k.Reservation, ...])
        assert_type(hold.orders, tuple[k.Order, ...])
        assert_type(hold.remaining, timedelta)
        await hold.order(
            k.Customer("a", "b", "c"),
            external_reference="r",
            reconcile_unknown=False,
            timeouts=short,
        )
    session.reservations.hold(items, expected_total=95.0)  # type: ignore[arg-type]


async def korus_lists(session: KorusSession) -> None:
    orders = session.orders.list(external_reference="r", timeouts=Timeouts())
    assert_type(orders, k.Pager[k.Order])
    async for order in orders:
        assert_type(order, k.Order)
    assert_type(orders.unreadable, tuple[k.UnreadableElement, ...])
    async for page in orders.pages():
        assert_type(page, k.Page[k.Order])
        assert_type(page.total_items, int | None)


def korus_tokens(later: Callable[[], Awaitable[str]]) -> None:
    tokens = KorusTokens("client", "secret", token_url="https://auth.example.com/token")
    KorusSession(token=tokens, base_url="https://api.example.com")
    KorusSession(token="ready")
    KorusSession(token=lambda: "ready")
    KorusSession(token=later)
    KorusSession(token=lambda: 7)  # type: ignore[arg-type,return-value]


def korus_errors(error: BaseException) -> None:
    if isinstance(error, k.PartialFailureError):
        assert_type(error.differences, tuple[str, ...])
        mismatch: ResultMismatchError = error
        assert_type(mismatch.operation, str | None)
    if isinstance(error, IncompleteListError):
        assert_type(error.announced, int | None)
        assert_type(error.read, int)
        assert_type(error.problems, tuple[str, ...])
    if isinstance(error, PriceChangedError):
        assert_type(error.expected, int | Decimal | None)
        assert_type(error.actual, int | Decimal | None)


async def refused(session: AsyncSession) -> None:
    """Each of these is an error of the caller's that a type checker finds."""
    t = session.ticketing
    await t.availabilities.list("id", date.max, date.max)  # type: ignore[call-arg]
    await t.availabilities.list("id", from_date="2026-03-19", to_date=date.max)  # type: ignore[arg-type]
    await t.bookings.cancel(1)  # type: ignore[arg-type]
    await t.bookings.create(  # type: ignore[call-arg]
        product_id="id", starts_at=datetime.max, items=[TicketItem("c", 1)]
    )
    TicketItem("category", "2")  # type: ignore[arg-type]
    Customer("Ada", "Lovelace")  # type: ignore[call-arg]
    await session.send("ListProducts")  # type: ignore[arg-type]
    AsyncSession("key", None)  # type: ignore[call-arg]
    AsyncSession("key", verify=False)  # type: ignore[call-arg]
    Customer("a", "b", "c").email = "d"  # type: ignore[misc]
