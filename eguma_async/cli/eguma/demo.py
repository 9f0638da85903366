"""``eguma demo``: the whole flow against a sandbox, with a reply that gets lost on the way.

What the demo says is checked, not assumed: if one of its claims does not hold, it fails.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from eguma_async.cli.errors import usage
from eguma_async.cli.options import JsonOption
from eguma_async.cli.steps import Story, check_claims
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import money, print_json

if TYPE_CHECKING:
    from eguma_async.eguma.session import AsyncSession
    from eguma_async.eguma.ticketing.availabilities import Availability, AvailabilityList
    from eguma_async.eguma.ticketing.bookings import Booking
    from eguma_async.eguma.ticketing.items import TicketItem
    from eguma_async.eguma.ticketing.products import Product
    from eguma_async.pipeline.observing import AttemptEvent
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


class SaleStory(Story[Facts]):
    """The story of a sale, which watches its own booking."""

    def __init__(self, simulated: EgumaSandbox) -> None:
        super().__init__(simulated, Facts())
        self._simulated = simulated

    def observe(self, event: AttemptEvent) -> None:
        """Count the attempts of the booking, and tell of the one whose reply was lost."""
        if event.operation != "BookTickets":
            return
        self.facts.attempts += 1
        if event.status is None:
            booked = len(self._simulated.bookings())
            self.tell("Book", f"attempt {event.attempt}: the reply is lost, {booked} order booked")


async def demo(
    *,
    provider: Annotated[
        Literal["eguma", "korus"], Parameter(help="Whose sandbox to sell in.")
    ] = "eguma",
    output: Annotated[
        Path | None,
        Parameter(
            help="Directory for the tickets, with --provider korus; a temporary one if not given."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Book tickets in a sandbox, lose the reply, and recover it.

    Needs no key and no network: the sandbox listens on a free port of this machine.
    """
    if provider == "korus":
        from eguma_async.cli.korus import demo as korus_demo

        await korus_demo.run(output, json=json)
        return
    if output is not None:
        raise usage("--output goes with --provider korus: e-guma hands out no files")

    from eguma_async.sandbox import EgumaSandbox

    story = await play(EgumaSandbox())
    if json:
        print_json(asdict(story.facts))
    else:
        _print(story)
    check(story.facts)


async def play(simulated: EgumaSandbox) -> SaleStory:
    """Drive a sandbox through the whole flow over HTTP, and return what happened."""
    from eguma_async.eguma.session import AsyncSession
    from eguma_async.sandbox import serve

    story = SaleStory(simulated)
    async with (
        serve(simulated) as server,
        AsyncSession(simulated.demo_key, base_url=server.url, observer=story.observe) as session,
    ):
        product = await _choose_product(session, story)
        slots = await _list_slots(session, story, product)
        booking = await _book(session, story, simulated, product, slots)
        await _find_order(session, story, simulated, booking)
        await _cancel(session, story, booking)
    return story


async def _choose_product(session: AsyncSession, story: SaleStory) -> Product:
    catalogue = await session.ticketing.products.list()
    story.facts.company_name = catalogue.company_name
    story.facts.products = len(catalogue.products)
    story.tell("List products", f"{len(catalogue.products)} products of {catalogue.company_name}")
    return next(product for product in catalogue.products if product.is_active)


async def _list_slots(
    session: AsyncSession, story: SaleStory, product: Product
) -> AvailabilityList:
    tomorrow = datetime.now().astimezone().date() + timedelta(days=1)
    slots = await session.ticketing.availabilities.list(
        product.id, from_date=tomorrow, to_date=tomorrow + DAYS
    )
    count = story.facts.slots = len(slots.availabilities)
    story.tell("List availabilities", f"{count} slots of {slots.product_name} in eight days")
    return slots


async def _book(
    session: AsyncSession,
    story: SaleStory,
    simulated: EgumaSandbox,
    product: Product,
    slots: AvailabilityList,
) -> Booking:
    from eguma_async.eguma.ticketing.bookings import Customer
    from eguma_async.sandbox import DropAfter

    facts, slot = story.facts, _roomy(slots)
    lost = simulated.faults.add(DropAfter(method="POST", path="*/booking.json"))
    async with session.ticketing.reservations.hold(
        product_id=product.id, starts_at=slot.starts_at, items=_items(slot)
    ) as hold:
        facts.reservation_id = hold.reservation_id
        story.tell("Hold places", f"{TICKETS} places on {slot.starts_at:%Y-%m-%d at %H:%M}, held")
        booking = await hold.book(Customer("Ada", "Lovelace", "ada@example.com"))
    facts.booking_id, facts.booking_reference = booking.booking_id, booking.booking_reference
    facts.tickets = [ticket.ticket_number for ticket in booking.tickets]
    facts.idempotency_key, facts.replayed = booking.idempotency_key, booking.replayed
    facts.lost_replies = lost.fired
    answer = "a replay of the lost reply" if booking.replayed else "no replay of the lost reply"
    story.tell("Recover", f"attempt {facts.attempts}, same idempotency key: {answer}")
    story.tell("Tickets", ", ".join(facts.tickets))
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
    session: AsyncSession, story: SaleStory, simulated: EgumaSandbox, booking: Booking
) -> None:
    orders = await session.ticketing.orders.list(order_number=booking.booking_reference)
    total = ", ".join(money(order.grand_total_in_cents, order.currency) for order in orders)
    story.facts.orders_with_this_reference = sum(
        order.number == booking.booking_reference for order in simulated.orders()
    )
    story.facts.orders_booked = len(simulated.bookings())
    story.facts.order_status = ", ".join(order.status.value for order in orders)
    story.tell(
        "Find the order", f"{booking.booking_reference}: {story.facts.order_status}, {total}"
    )


async def _cancel(session: AsyncSession, story: SaleStory, booking: Booking) -> None:
    cancelled = await session.ticketing.bookings.cancel(booking.booking_id)
    story.facts.tickets_cancelled = len(cancelled.cancelled_tickets)
    story.tell("Cancel the booking", f"{len(cancelled.cancelled_tickets)} tickets no longer valid")
    orders = await session.ticketing.orders.list(order_number=booking.booking_reference)
    status = story.facts.order_status_after_cancel = ", ".join(
        order.status.value for order in orders
    )
    story.tell("Look again", f"{booking.booking_reference}: {status}")


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


def _print(story: SaleStory) -> None:
    facts = story.facts
    print_table("A sale with a lost reply", ("Step", "What happened", ">Requests"), story.steps)
    orders = facts.orders_with_this_reference
    times = "once, not twice" if orders == 1 else f"{orders} times"
    sys.stdout.write(
        f"\nThe lost reply was recovered with the same idempotency key: the sandbox holds {orders}"
        f" order with reference {facts.booking_reference}.\nIt was booked {times}."
        f" Requests on the wire: {facts.requests_on_the_wire}.\n"
    )


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(demo)
