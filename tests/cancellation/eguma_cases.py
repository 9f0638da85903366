"""Every public coroutine of e-guma's session."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from eguma_async import AsyncSession, Customer, RetryPolicy, TicketItem
from eguma_async.core.errors import unknown_outcome
from eguma_async.core.transport import Transport
from eguma_async.eguma.ticketing.bookings import BookTickets
from eguma_async.eguma.ticketing.orders import ListOrders
from eguma_async.eguma.ticketing.products import ListProducts
from eguma_async.journal.journal import Journal
from eguma_async.journal.stores.base import Store
from eguma_async.sandbox import DropAfter, EgumaSandbox, Reply
from eguma_async.sandbox.engine.transport import SandboxTransport
from eguma_async.testing import FakeClock
from tests.cancellation.driver import Ending, Events
from tests.cancellation.grid import Case, Shop, consumed
from tests.cancellation.session_cases import session_cases
from tests.cancellation.wires import ByteServer, Watched

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
BASE = "https://api.e-guma.test"
ADA = Customer("Ada", "Lovelace", "ada@example.com")
BOOK, CANCEL = "/v1/ticketing/booking.json", "/v1/ticketing/cancel-booking.json"
RESERVE, RELEASE = "/v1/ticketing/reservation.json", "/v1/ticketing/cancel-reservation.json"


class EgumaShop(Shop):
    """A shop of e-guma's."""

    sandbox: EgumaSandbox
    session: AsyncSession
    desk: AsyncSession

    def __init__(
        self, events: Events, server: ByteServer | None, store: Store | None = None
    ) -> None:
        super().__init__(events)
        self.sandbox = EgumaSandbox(FakeClock(START))
        self.store = store
        self._server = server
        if server is not None:
            server.sandbox, server.events = self.sandbox, events
        self._watched = SandboxTransport(Watched(self.sandbox, events))
        example = self.sandbox.example("time")
        self.product_id = example.product_id
        self.days: dict[str, Any] = {
            "from_date": example.start.date(),
            "to_date": example.start.date(),
        }
        self.wanted: dict[str, Any] = {
            "product_id": example.product_id,
            "starts_at": example.start,
            "items": (TicketItem(example.category_ids[0], 2),),
        }
        self.session = self.another_session()
        self.desk = AsyncSession(
            self.sandbox.demo_key,
            base_url=BASE,
            transport=self.sandbox.transport(),
            clock=self.sandbox.clock,
        )

    def another_session(self) -> AsyncSession:
        if self._server is None:
            return self._session(BASE, self._watched)
        transport = self._server.transport(self.LIMITS)
        return self.lent(self._session(self._server.url, transport), transport)

    def _session(self, base_url: str, transport: Transport | None) -> AsyncSession:
        return AsyncSession(
            self.sandbox.demo_key,
            base_url=base_url,
            transport=transport,
            clock=self.sandbox.clock,
            limits=self.LIMITS,
            retry=RetryPolicy(budget=1.0),
            random=lambda: 0.5,
            journal=None if self.store is None else Journal(self.store, key=""),
        )

    async def follow_up(self, session: Any) -> None:
        assert (await session.ticketing.products.list()).products

    def sold(self) -> int:
        return len(self.sandbox.bookings())


@asynccontextmanager
async def opens(server: ByteServer | None):
    shop = EgumaShop(Events(), server)
    async with shop.desk, shop.session:
        yield shop


def case(covers: str, run: Any, **details: Any) -> Case:
    return Case(covers=tuple(covers.split()), opens=opens, run=run, **details)


async def booked(shop: EgumaShop) -> Any:
    return await shop.desk.ticketing.bookings.create(**shop.wanted, customer=ADA)


async def reserved(shop: EgumaShop) -> Any:
    return await shop.desk.ticketing.reservations.create(**shop.wanted)


async def held(shop: EgumaShop) -> Any:
    return await shop.session.ticketing.reservations.hold(**shop.wanted).__aenter__()


async def to_be_left(shop: EgumaShop) -> Any:
    context = shop.session.ticketing.reservations.hold(**shop.wanted)
    await context.__aenter__()
    return context


async def whole_hold(shop: EgumaShop) -> None:
    async with shop.session.ticketing.reservations.hold(**shop.wanted) as hold:
        await hold.book(ADA)


async def book_resumed(shop: EgumaShop) -> None:
    hold = shop.session.ticketing.reservations.resume(
        shop.ready.reservation_id, **shop.wanted, expires_at_utc=shop.ready.expires_at_utc
    )
    await hold.book(ADA)


async def fanned_out(shop: EgumaShop) -> list[Any]:
    return await consumed(
        shop.session.ticketing.availabilities.fan_out([shop.product_id] * 3, **shop.days)
    )


async def reconcile(shop: EgumaShop) -> Any:
    return await shop.session.ticketing.bookings.reconcile(
        **shop.wanted, customer=ADA, began_at=shop.session.clock.now() - timedelta(minutes=1)
    )


def create(shop: EgumaShop) -> Any:
    return shop.session.ticketing.bookings.create(**shop.wanted, customer=ADA)


def enter(shop: EgumaShop) -> Any:
    return shop.session.ticketing.reservations.hold(**shop.wanted).__aenter__()


def enter_at_a_price(shop: EgumaShop) -> Any:
    hold = shop.session.ticketing.reservations.hold(**shop.wanted, expected_total_in_cents=10**6)
    return hold.__aenter__()


async def resumed(shop: EgumaShop, ending: Ending) -> None:
    """The key behind a cancellation leads to the one booking."""
    outcome = None if ending.error is None else unknown_outcome(ending.error)
    if outcome is None:
        return
    again = BookTickets(**shop.wanted, customer=ADA)
    booking = await shop.session.send(again, idempotency_key=outcome.idempotency_key)
    assert [order.id for order in shop.sandbox.bookings()] == [booking.booking_id]


async def booked_in_the_end(shop: EgumaShop, ending: Ending) -> None:
    """The hold goes on with the key of the attempt that was cancelled."""
    outcome = None if ending.error is None else unknown_outcome(ending.error)
    if ending.error is not None:
        key = None if outcome is None else outcome.idempotency_key
        assert shop.ready.idempotency_key == key
        await shop.ready.book(ADA)
    assert shop.ready.is_booked
    assert shop.sold() == 1


async def nothing_is_held(shop: EgumaShop, ending: Ending) -> None:
    assert shop.sandbox.holds() == ()


async def nothing_is_held_in_silence(shop: EgumaShop, ending: Ending) -> None:
    """Places that were held for somebody who was cancelled are given back, or named."""
    if ending.error is not None and unknown_outcome(ending.error) is None:
        assert shop.sandbox.holds() == ()


async def held_or_sold_once(shop: EgumaShop, ending: Ending) -> None:
    await nothing_is_held_in_silence(shop, ending)
    await nothing_is_sold_in_silence(shop, ending)


async def nothing_is_sold_in_silence(shop: EgumaShop, ending: Ending) -> None:
    if shop.sold() and ending.error is not None:
        assert unknown_outcome(ending.error) is not None


def ticket(shop: EgumaShop) -> str:
    return shop.ready.tickets[0].ticket_number


def lost(path: str) -> Any:
    """Lose the first answer to a request."""
    return lambda: [DropAfter(path=path)]


def busy(path: str) -> Any:
    """Refuse a request twice, to be tried again."""
    return lambda: [Reply(503, path=path, times=2)]


EGUMA_CASES = [
    *session_cases(opens, ListProducts(), ListOrders()),
    case("Products.list", lambda shop: shop.session.ticketing.products.list()),
    case(
        "Products.list",
        lambda shop: shop.session.ticketing.products.list(),
        name="sent again",
        faults=busy("*/products.json"),
    ),
    case(
        "Availabilities.list",
        lambda shop: shop.session.ticketing.availabilities.list(shop.product_id, **shop.days),
    ),
    case("Availabilities.fan_out", fanned_out),
    case("Events.list", lambda shop: shop.session.ticketing.events.list()),
    case(
        "Events.availability",
        lambda shop: shop.session.ticketing.events.availability(shop.product_id, **shop.days),
    ),
    case("Orders.list", lambda shop: shop.session.ticketing.orders.list(), prepare=booked),
    case(
        "Orders.stream",
        lambda shop: consumed(shop.session.ticketing.orders.stream()),
        prepare=booked,
    ),
    case(
        "Reservations.create",
        lambda shop: shop.session.ticketing.reservations.create(**shop.wanted),
        write=RESERVE,
        operation="ReserveTickets",
    ),
    case(
        "Reservations.cancel",
        lambda shop: shop.session.ticketing.reservations.cancel(shop.ready.reservation_id),
        prepare=reserved,
        write=RELEASE,
        operation="CancelReservation",
    ),
    case("Reservations.hold", whole_hold, after=held_or_sold_once),
    case("Reservations.resume", book_resumed, prepare=reserved, after=nothing_is_sold_in_silence),
    case("HoldContext.__aenter__", enter, after=nothing_is_held_in_silence),
    case(
        "HoldContext.__aenter__",
        enter_at_a_price,
        name="at a price",
        after=nothing_is_held_in_silence,
    ),
    case(
        "HoldContext.__aexit__",
        lambda shop: shop.ready.__aexit__(None, None, None),
        prepare=to_be_left,
        after=nothing_is_held,
    ),
    case(
        "HoldContext.__aexit__",
        lambda shop: shop.ready.__aexit__(None, None, None),
        name="after a lost answer",
        prepare=to_be_left,
        faults=lost(RELEASE),
        after=nothing_is_held,
    ),
    case(
        "Hold.book",
        lambda shop: shop.ready.book(ADA),
        prepare=held,
        write=BOOK,
        operation="BookTickets",
        after=booked_in_the_end,
    ),
    case(
        "Hold.book",
        lambda shop: shop.ready.book(ADA),
        name="after a lost answer",
        prepare=held,
        write=BOOK,
        operation="BookTickets",
        faults=lost(BOOK),
        after=booked_in_the_end,
    ),
    case("Hold.release", lambda shop: shop.ready.release(), prepare=held, after=nothing_is_held),
    case("Bookings.create", create, write=BOOK, operation="BookTickets", after=resumed),
    case(
        "Bookings.create",
        create,
        name="after a lost answer",
        write=BOOK,
        operation="BookTickets",
        faults=lost(BOOK),
        after=resumed,
    ),
    case(
        "Bookings.cancel",
        lambda shop: shop.session.ticketing.bookings.cancel(shop.ready.booking_id),
        prepare=booked,
        write=CANCEL,
        operation="CancelBooking",
    ),
    case(
        "Bookings.cancel",
        lambda shop: shop.session.ticketing.bookings.cancel(shop.ready.booking_id),
        name="after a lost answer",  # a refusal then, and a look at the orders
        prepare=booked,
        write=CANCEL,
        operation="CancelBooking",
        faults=lost(CANCEL),
    ),
    case("Bookings.reconcile", reconcile, prepare=booked),
    case("Bookings.reconcile", reconcile, name="in vain"),
    case(
        "Tickets.check_in",
        lambda shop: shop.session.ticketing.tickets.check_in(ticket(shop)),
        prepare=booked,
        write="/v1/ticketing/tickets/*/checkin.json",
        operation="CheckInTicket",
    ),
    case(
        "Tickets.check_out",
        lambda shop: shop.session.ticketing.tickets.check_out(ticket(shop)),
        prepare=booked,
        write="/v1/ticketing/tickets/*/checkout.json",
        operation="CheckOutTicket",
    ),
    case(
        "Tickets.get",
        lambda shop: shop.session.ticketing.tickets.get(ticket(shop)),
        prepare=booked,
    ),
]
