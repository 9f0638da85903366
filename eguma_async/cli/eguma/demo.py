"""``eguma demo``: the whole flow against a sandbox, with a reply that gets lost on the way.

What the demo says is checked, not assumed: if one of its claims does not hold, it fails.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from eguma_async.cli.steps import Steps, check_claims
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import money, print_json

if TYPE_CHECKING:
    from eguma_async.core.hooks import AttemptEvent
    from eguma_async.eguma.session import AsyncSession
    from eguma_async.eguma.ticketing.availabilities import Availability, AvailabilityList
    from eguma_async.eguma.ticketing.bookings import Booking
    from eguma_async.eguma.ticketing.items import TicketItem
    from eguma_async.eguma.ticketing.products import Product
    from eguma_async.sandbox import EgumaSandbox

DAYS = timedelta(days=7)
TICKETS = 2


@dataclass(kw_only=True)
class Facts:
    """What came of the demo; the members of its JSON document."""

    company_name: str = ""
    products: int = 0
    slots: int = 0
    reservation_id: str = ""
    booking_id: str = ""
    booking_reference: str = ""
    tickets: list[str] = field(default_factory=list)
    idempotency_key: str | None = None
    lost_replies: int = 0
    attempts: int = 0
    replayed: bool = False
    orders_with_this_reference: int = 0
    orders_booked: int = 0
    tickets_cancelled: int = 0
    order_status: str = ""
    order_status_after_cancel: str = ""
    requests_on_the_wire: int = 0


class SaleSteps(Steps[Facts]):
    """The steps of a sale, which watch their own booking."""

    def __init__(self, simulated: EgumaSandbox) -> None:
        super().__init__(simulated, Facts())
        self._simulated = simulated

    def observe(self, event: AttemptEvent) -> None:
        """Count the attempts of the booking, and add a step for the one whose reply was lost."""
        if event.operation != "BookTickets":
            return
        self.facts.attempts += 1
        if event.status is None:
            booked = len(self._simulated.bookings())
            self.add("Book", f"attempt {event.attempt}: the reply is lost, {booked} order booked")


async def run(*, json: bool) -> None:
    """Play the demo, print it and check it.

    Args:
        json: Print one JSON document instead of a table.
    """
    from eguma_async.sandbox import EgumaSandbox

    steps = await play(EgumaSandbox())
    if json:
        print_json(asdict(steps.facts))
    else:
        _print(steps)
    check(steps.facts)


async def play(simulated: EgumaSandbox) -> SaleSteps:
    """Drive a sandbox through the whole flow over HTTP, and return what happened."""
    from eguma_async.eguma.session import AsyncSession
    from eguma_async.sandbox import serve

    steps = SaleSteps(simulated)
    async with (
        serve(simulated) as server,
        AsyncSession(simulated.demo_key, base_url=server.url, observer=steps.observe) as session,
    ):
        product = await _choose_product(session, steps)
        slots = await _list_slots(session, steps, product)
        booking = await _book(session, steps, simulated, product, slots)
        await _find_order(session, steps, simulated, booking)
        await _cancel(session, steps, booking)
    return steps


async def _choose_product(session: AsyncSession, steps: SaleSteps) -> Product:
    catalogue = await session.ticketing.products.list()
    steps.facts.company_name = catalogue.company_name
    steps.facts.products = len(catalogue.products)
    steps.add("List products", f"{len(catalogue.products)} products of {catalogue.company_name}")
    return next(product for product in catalogue.products if product.is_active)


async def _list_slots(
    session: AsyncSession, steps: SaleSteps, product: Product
) -> AvailabilityList:
    tomorrow = datetime.now().astimezone().date() + timedelta(days=1)
    slots = await session.ticketing.availabilities.list(
        product.id, from_date=tomorrow, to_date=tomorrow + DAYS
    )
    count = steps.facts.slots = len(slots.availabilities)
    steps.add("List availabilities", f"{count} slots of {slots.product_name} in eight days")
    return slots


async def _book(
    session: AsyncSession,
    steps: SaleSteps,
    simulated: EgumaSandbox,
    product: Product,
    slots: AvailabilityList,
) -> Booking:
    from eguma_async.eguma.ticketing.bookings import Customer
    from eguma_async.sandbox import DropAfter

    facts, slot = steps.facts, _roomy(slots)
    lost = simulated.faults.add(DropAfter(method="POST", path="*/booking.json"))
    async with session.ticketing.reservations.hold(
        product_id=product.id, starts_at=slot.starts_at, items=_items(slot)
    ) as hold:
        facts.reservation_id = hold.reservation_id
        steps.add("Hold places", f"{TICKETS} places on {slot.starts_at:%Y-%m-%d at %H:%M}, held")
        booking = await hold.book(Customer("Ada", "Lovelace", "ada@example.com"))
    facts.booking_id, facts.booking_reference = booking.booking_id, booking.booking_reference
    facts.tickets = [ticket.ticket_number for ticket in booking.tickets]
    facts.idempotency_key, facts.replayed = booking.idempotency_key, booking.replayed
    facts.lost_replies = lost.fired
    answer = "a replay of the lost reply" if booking.replayed else "no replay of the lost reply"
    steps.add("Recover", f"attempt {facts.attempts}, same idempotency key: {answer}")
    steps.add("Tickets", ", ".join(facts.tickets))
    return booking


def _roomy(slots: AvailabilityList) -> Availability:
    return next(
        slot
        for slot in slots.availabilities
        if slot.availability_count is None or slot.availability_count >= TICKETS
    )


def _items(slot: Availability) -> tuple[TicketItem, ...]:
    from eguma_async.eguma.ticketing.items import TicketItem

    return (TicketItem(slot.prices[0].category_id, TICKETS),)


async def _find_order(
    session: AsyncSession, steps: SaleSteps, simulated: EgumaSandbox, booking: Booking
) -> None:
    orders = await session.ticketing.orders.list(order_number=booking.booking_reference)
    total = ", ".join(money(order.grand_total_in_cents, order.currency) for order in orders)
    steps.facts.orders_with_this_reference = sum(
        order.number == booking.booking_reference for order in simulated.orders()
    )
    steps.facts.orders_booked = len(simulated.bookings())
    steps.facts.order_status = ", ".join(order.status.value for order in orders)
    steps.add("Find the order", f"{booking.booking_reference}: {steps.facts.order_status}, {total}")


async def _cancel(session: AsyncSession, steps: SaleSteps, booking: Booking) -> None:
    cancelled = await session.ticketing.bookings.cancel(booking.booking_id)
    steps.facts.tickets_cancelled = len(cancelled.cancelled_tickets)
    steps.add("Cancel the booking", f"{len(cancelled.cancelled_tickets)} tickets no longer valid")
    orders = await session.ticketing.orders.list(order_number=booking.booking_reference)
    status = steps.facts.order_status_after_cancel = ", ".join(
        order.status.value for order in orders
    )
    steps.add("Look again", f"{booking.booking_reference}: {status}")


def check(facts: Facts) -> None:
    """Check every claim of the demo.

    Raises:
        Stop: One does not hold.
    """
    check_claims(
        {
            "there is something to sell": facts.products > 0 and facts.slots > 0,
            "one reply was lost": facts.lost_replies == 1,
            "it took a second attempt": facts.attempts == 2,
            "the second answer is a replay": facts.replayed,
            "there is one ticket for each place": len(set(facts.tickets)) == TICKETS,
            "it was booked once": facts.orders_with_this_reference == facts.orders_booked == 1,
            "the order was complete": facts.order_status == "completed",
            "all tickets were cancelled": facts.tickets_cancelled == TICKETS,
            "the order was cancelled": facts.order_status_after_cancel == "cancelled",
        }
    )


def _print(steps: SaleSteps) -> None:
    facts = steps.facts
    print_table("A sale with a lost reply", ("Step", "What happened", ">Requests"), steps.rows)
    orders = facts.orders_with_this_reference
    times = "once, not twice" if orders == 1 else f"{orders} times"
    sys.stdout.write(
        f"\nThe lost reply was recovered with the same idempotency key: the sandbox holds {orders}"
        f" order with reference {facts.booking_reference}.\nIt was booked {times}."
        f" Requests on the wire: {facts.requests_on_the_wire}.\n"
    )
