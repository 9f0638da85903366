"""What a booking and an order make of their tickets, for people to show."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import attrs
import pytest

from eguma_async import (
    AsyncSession,
    BookedTicket,
    Booking,
    Category,
    ConfigurationError,
    Customer,
    Order,
    Product,
    SlotType,
    TicketInfo,
    TicketItem,
)
from eguma_async.korus import Iri, OrderTicket
from eguma_async.sandbox import EgumaSandbox
from tests.support import codes

NUMBER = "0466682595040244893"
PRODUCT = Product(
    id="p",
    name="Gipfelfahrt",
    name_translations={"fr": "Montée", "it": None},
    is_active=True,
    slot_type=SlotType.TIME,
    updated_at=datetime(2026, 1, 1),
    categories=(
        Category(id="a", name="Erwachsene", name_translations={"fr": "Adultes"}),
        Category(id="c", name="Kind"),
    ),
)
BOOKING = Booking(
    booking_id="b",
    booking_reference="1000053",
    tickets=(
        BookedTicket(ticket_number=NUMBER, category_id="a"),
        BookedTicket(ticket_number="2", category_id="c"),
        BookedTicket(ticket_number="3", category_id=""),
    ),
    language="fr",
)
STARTS_AT = datetime(2026, 3, 19, 10, 0)


def test_a_ticket_has_a_code_wherever_it_is_told_of() -> None:
    info = TicketInfo(
        id="t",
        ticket_number=NUMBER,
        created_at=STARTS_AT,
        price_in_cents=100,
        is_checked_in=False,
        event_or_admission_id="p",
    )
    voucher = OrderTicket(iri=Iri("/t"), voucher="8553501100013199")

    for code in (BOOKING.tickets[0].qr(), info.qr()):
        assert codes.read(codes.from_png(code.png())) == [NUMBER]
    assert codes.read(codes.from_png(voucher.qr().png())) == ["8553501100013199"]


def test_a_ticket_without_a_voucher_has_no_code_yet() -> None:
    with pytest.raises(ConfigurationError, match="the ticket has no number yet"):
        OrderTicket(iri=Iri("/t")).qr()


def test_the_pages_of_a_booking_are_in_its_language() -> None:
    pages = BOOKING.pages(PRODUCT, STARTS_AT, merchant="Bergbahn Muster AG")

    assert [(page.number, page.product, page.category) for page in pages] == [
        (NUMBER, "Montée", "Adultes"),
        ("2", "Montée", "Kind"),
        ("3", "Montée", ""),
    ]
    assert {(page.starts, page.reference, page.merchant, page.language) for page in pages} == {
        (STARTS_AT, "1000053", "Bergbahn Muster AG", "fr")
    }


@pytest.mark.parametrize("language", [None, "de", "it"])
def test_a_name_that_is_not_translated_is_that_of_the_merchant(language: str | None) -> None:
    (page, *_) = attrs.evolve(BOOKING, language=language).pages(PRODUCT, STARTS_AT)

    assert (page.product, page.category) == ("Gipfelfahrt", "Erwachsene")


@pytest.mark.parametrize(
    ("slot_type", "starts_at", "shown"),
    [
        (SlotType.DAY, datetime(2026, 3, 19), date(2026, 3, 19)),
        (SlotType.DAY, date(2026, 3, 19), date(2026, 3, 19)),
        (SlotType.TIME, datetime(2026, 3, 19), datetime(2026, 3, 19)),
        (SlotType("other"), datetime(2026, 3, 19, 9), datetime(2026, 3, 19, 9)),
    ],
)
def test_what_is_for_a_day_shows_the_day(slot_type: SlotType, starts_at: Any, shown: Any) -> None:
    pages = BOOKING.pages(attrs.evolve(PRODUCT, slot_type=slot_type), starts_at)

    assert [(page.starts, type(page.starts)) for page in pages] == [(shown, type(shown))] * 3


def test_another_product_than_the_booked_one_is_refused() -> None:
    other = attrs.evolve(PRODUCT, categories=(Category(id="x", name="Other"),))

    with pytest.raises(ConfigurationError, match="product is not what was booked"):
        BOOKING.pdf(other, STARTS_AT)


async def _sold(kind: str) -> tuple[Booking, Product, Order, Any]:
    sandbox = EgumaSandbox()
    example = sandbox.example(kind)
    starts_at = datetime.fromisoformat(str(example.starts_at))
    items = [TicketItem(example.category_ids[0], 2)]
    async with AsyncSession(sandbox.demo_key, transport=sandbox.transport()) as session:
        catalogue = await session.ticketing.products.list()
        booking = await session.ticketing.bookings.create(
            product_id=example.product_id,
            starts_at=starts_at,
            items=items,
            customer=Customer("Ada", "Lovelace", "ada@example.com"),
        )
        (order,) = await session.ticketing.orders.list(order_number=booking.booking_reference)
        await session.ticketing.bookings.cancel(booking.booking_id)
        (cancelled,) = await session.ticketing.orders.list(order_number=booking.booking_reference)
    (product,) = (each for each in catalogue.products if each.id == example.product_id)
    assert cancelled.pages()[0].is_cancelled
    return booking, product, order, starts_at


@pytest.mark.parametrize("kind", ["time", "day"])
async def test_a_booking_and_its_order_print_the_same_tickets(kind: str) -> None:
    booking, product, order, starts_at = await _sold(kind)
    numbers = sorted(ticket.ticket_number for ticket in booking.tickets)
    tickets = [ticket for line in order.order_lines for ticket in line.tickets]

    for data in (booking.pdf(product, starts_at, size="a6"), order.pdf([product], size="a6")):
        assert sorted(n for page in codes.from_pdf(data) for n in codes.read(page)) == numbers
    assert [codes.read(codes.from_png(each.qr().png())) for each in tickets] == [
        [each.number] for each in tickets
    ]
    starts = {page.starts for page in order.pages([product])}
    assert starts == {starts_at if kind == "time" else starts_at.date()}
    assert starts == {page.starts for page in booking.pages(product, starts_at)}
    assert starts == {page.starts for page in order.pages()}
    assert not any(page.is_cancelled for page in order.pages())


async def test_midnight_is_a_time_if_the_product_says_so() -> None:
    _, product, order, _ = await _sold("day")
    (line,) = order.order_lines

    assert line.shown_start(SlotType.TIME) == line.starts_at
    assert type(line.shown_start(SlotType.TIME)) is datetime
    assert type(line.shown_start()) is date
    assert type(line.shown_start(product.slot_type)) is date
    assert attrs.evolve(line, starts_at=None).shown_start(SlotType.DAY) is None
