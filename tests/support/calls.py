"""What the tests of the core share: sample operations, answers, and a session on a script."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import attrs

from eguma_async.core.errors import NotSentError, OutcomeUnknownError
from eguma_async.core.messages import HttpRequest
from eguma_async.eguma.session import AsyncSession
from eguma_async.eguma.ticketing.availabilities import ListAvailabilities
from eguma_async.eguma.ticketing.bookings import BookTickets, CancelBooking, Customer
from eguma_async.eguma.ticketing.items import TicketItem
from eguma_async.eguma.ticketing.orders import ListOrders
from eguma_async.eguma.ticketing.products import ListProducts
from eguma_async.eguma.ticketing.reservations import CancelReservation, ReserveTickets
from eguma_async.pipeline.policy import RetryPolicy
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply

BASE = "https://api.e-guma.test"
KEY = "canary-key-0123456789abcdef"
START = datetime(2026, 3, 19, 8, 0, tzinfo=UTC)
SLOT = datetime(2026, 3, 19, 10, 0)
CUSTOMER = Customer("Canary-Ada", "Canary-Lovelace", "canary@example.com")

BOOK = BookTickets(
    product_id="p1", starts_at=SLOT, items=(TicketItem("adult", 2),), customer=CUSTOMER
)
RESERVE = ReserveTickets(product_id="p1", starts_at=SLOT, items=(TicketItem("adult", 2),))
CANCEL = CancelBooking(booking_id="b1")
RELEASE = CancelReservation(reservation_id="r1")
PRODUCTS = ListProducts()
ORDERS = ListOrders()

CATALOGUE = {"company_name": "Museum", "products": []}
BOOKED = {
    "booking_id": "b1",
    "booking_reference": "1000053",
    "tickets": [
        {"ticket_number": number, "category_id": "adult"}
        for number in ("1234567890123456789", "2345678901234567890")
    ],
}
HELD = {"reservation_id": "r1", "expires_at": "2026-03-19T10:00:00.0000000"}
RELEASED = {"reservation_id": "r1"}
CANCELLED = {
    "booking_id": "b1",
    "booking_reference": "1000053",
    "cancelled_tickets": [{"ticket_number": "1234567890123456789"}],
}
EMPTY_LIST = {"company_name": "Museum", "product_name": "Entry", "availabilities": []}


def slots_of(product_id: str) -> ListAvailabilities:
    return ListAvailabilities(
        product_id=product_id, from_date=date(2026, 3, 1), to_date=date(2026, 3, 2)
    )


def order(status: str, order_id: str = "b1") -> dict[str, object]:
    return {
        "id": order_id,
        "order_number": "1000053",
        "status": status,
        "created_at": "2026-03-19T09:00:00",
        "updated_at": "2026-03-19T09:00:00",
        "currency": "CHF",
        "language": "de",
        "location": "web",
        "discount_in_cents": 0,
        "grand_total_in_cents": 5000,
        "payments": [
            {
                "payment_id": "pay",
                "name": "Invoice",
                "amount_in_cents": 5000,
                "is_complimentary": False,
            }
        ],
        "order_lines": [
            {
                "product_id": "p1",
                "name": "Entry",
                "ticket_type_id": "t",
                "ticket_type_name": "Adult",
                "quantity": 1,
                "total_price_in_cents": 5000,
                "total_count_people": 1,
                "tags": ["a"],
                "tickets": [
                    {
                        "number": "1234567890123456789",
                        "answers": [{"name": "Name?", "type": "text", "value": "Canary"}],
                    }
                ],
            }
        ],
        "customer": {"title": "Mr", "first_name": "Canary", "accepts_marketing": True},
    }


def refusal(status: int, code: str | None, **headers: str):
    content = {"message": "canary words of the server"}
    if code is not None:
        content["error_code"] = code
    return json_reply(content, status, headers={k.replace("_", "-"): v for k, v in headers.items()})


def unknown() -> OutcomeUnknownError:
    return OutcomeUnknownError("the connection broke")


def not_sent() -> NotSentError:
    return NotSentError("no route")


IN_PROGRESS = refusal(409, "idempotency_in_progress")


@asynccontextmanager
async def scripted(*steps, **options):
    """Open a session on a script, all of which must be used."""
    transport = ScriptedTransport(*steps)
    async with session_on(transport, **options) as session:
        yield session, transport
    transport.assert_done()


def session_on(transport, **options) -> AsyncSession:
    options = {
        "base_url": BASE,
        "clock": FakeClock(START),
        "retry": RetryPolicy(budget=1.0),
        "random": lambda: 0.5,
        **options,
    }
    return AsyncSession(KEY, transport=transport, **options)


@attrs.define
class Gate:
    """A transport whose answers wait until the test lets them through."""

    answer: object = attrs.Factory(lambda: json_reply(CATALOGUE))
    requests: list[HttpRequest] = attrs.Factory(list)
    under_way: int = 0
    most: int = 0
    closed: int = 0
    open: asyncio.Event = attrs.Factory(asyncio.Event)

    async def send(self, request, /):
        self.requests.append(request)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.open.wait()
        finally:
            self.under_way -= 1
        return self.answer(request) if callable(self.answer) else self.answer

    async def aclose(self):
        self.closed += 1


async def turns(count: int = 20) -> None:
    """Let other tasks run."""
    for _ in range(count):
        await asyncio.sleep(0)
