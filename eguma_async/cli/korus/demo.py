"""``eguma demo --provider korus``: a sale whose order is booked while its reply gets lost.

As in the other demo, what it says is checked. Its clock skips the pauses of the settling.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from eguma_async.cli.steps import Steps, check_claims
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import amount, print_json

if TYPE_CHECKING:
    from eguma_async.core.hooks import AttemptEvent
    from eguma_async.korus import Hold, KorusSession, Offer, Order, TicketChoice
    from eguma_async.sandbox.korus import KorusSandbox

UNITS = 2
EXAMPLE = "named"
"""The sandbox's offer whose tickets ask who uses them."""


@dataclass(kw_only=True)
class Facts:
    """What came of the demo; the members of its JSON document."""

    catalog: str = ""
    catalog_name: str = ""
    product_base: str = ""
    offer: str = ""
    unit_price: str = "0"
    available: int | None = None
    reservation: str = ""
    expires_at: str = ""
    minutes_to_pay: int = 0
    total: str = "0"
    order_reference: str = ""
    external_reference: str = ""
    orders_sent: int = 0
    lost_replies: int = 0
    orders_with_this_reference: int = 0
    orders_booked: int = 0
    beneficiary_status_before: str = ""
    beneficiary_status: str = ""
    document_path: str = ""
    document_bytes: int = 0
    requests_on_the_wire: int = 0


class SaleSteps(Steps[Facts]):
    """The steps of a sale, which watch their own order."""

    def __init__(self, simulated: KorusSandbox) -> None:
        super().__init__(simulated, Facts())
        self.simulated = simulated

    def observe(self, event: AttemptEvent) -> None:
        """Count how often the order is sent, and add a step for the reply that was lost."""
        if event.operation != "CreateOrders":
            return
        self.facts.orders_sent += 1
        if event.status is None:
            booked = len(self.simulated.orders())
            self.add("Order", f"the reply is lost, {booked} order booked")


async def run(output: Path | None, *, json: bool) -> None:
    """Play the demo, print it and check it.

    Args:
        output: Directory for the document, made if it does not exist; a temporary one if None.
        json: Print one JSON document instead of a table.
    """
    from eguma_async.core.clock import SystemClock
    from eguma_async.sandbox.korus import KorusSandbox
    from eguma_async.testing import FakeClock

    directory = _directory(output)
    clock = FakeClock(SystemClock().now().replace(microsecond=0))
    steps = await play(KorusSandbox(clock), directory)
    if json:
        print_json(asdict(steps.facts))
    else:
        _print(steps)
    check(steps.facts)


def _directory(output: Path | None) -> Path:
    if output is None:
        return Path(tempfile.mkdtemp(prefix="eguma-demo-"))
    output.mkdir(parents=True, exist_ok=True)
    return output


async def play(simulated: KorusSandbox, directory: Path) -> SaleSteps:
    """Drive a sandbox through a whole sale over HTTP, and return what happened."""
    from eguma_async.korus import KorusSession
    from eguma_async.sandbox import serve
    from eguma_async.sandbox.korus import TOKEN_PATH

    steps = SaleSteps(simulated)
    async with (
        serve(simulated) as server,
        KorusSession(
            *simulated.demo_client,
            base_url=server.url,
            token_url=server.url + TOKEN_PATH,
            language="en",
            clock=simulated.clock,
            observer=steps.observe,
        ) as session,
    ):
        offer = await _find_offer(session, steps)
        await _ask_price_and_stock(session, steps, offer)
        choices = await _choose_sessions(session, steps, offer)
        order = await _hold_and_order(session, steps, offer, choices)
        await _name_the_users(session, steps, order)
        await _store_the_document(session, steps, order, directory)
    return steps


async def _find_offer(session: KorusSession, steps: SaleSteps) -> Offer:
    facts, example = steps.facts, steps.simulated.example(EXAMPLE)
    catalogs = [catalog async for catalog in session.catalogs.list()]
    catalog = next(catalog for catalog in catalogs if catalog.iri == example.catalog)
    facts.catalog, facts.catalog_name = catalog.iri, catalog.name
    steps.add("List catalogs", f"signed in; {len(catalogs)} catalogs, {catalog.name} is one")

    bases = [base async for base in session.product_bases.list(catalog.iri)]
    base = next(base for base in bases if base.beneficiary_info_may_be_required)
    facts.product_base = base.iri
    steps.add("List product bases", f"{len(bases)} for sale; {base.name}")

    today = session.clock.now().date()
    offers = session.offers.list(
        catalog.iri, products=[example.product], date_after=today, order="asc"
    )
    found = [offer async for offer in offers]
    offer = found[0]
    facts.offer = offer.iri
    steps.add("List offers", f"{len(found)} for {offer.product.name}; the next is on {offer.date}")
    return offer


async def _ask_price_and_stock(session: KorusSession, steps: SaleSteps, offer: Offer) -> None:
    price = await session.offers.price(offer.iri)
    steps.facts.unit_price = str(price.amount_incl_tax)
    steps.add("Ask for the price", f"{amount(price.amount_incl_tax, price.currency)} each")
    stock = await session.offers.availability(offer.iri)
    steps.facts.available = stock.available_quantity
    steps.add("Ask for the stock", f"{stock.available_quantity} left")


async def _choose_sessions(
    session: KorusSession, steps: SaleSteps, offer: Offer
) -> tuple[TicketChoice, ...]:
    from eguma_async.korus import TicketChoice

    choices, starts = [], []
    async for ticket in session.offers.tickets(offer.iri):
        slot = None if ticket.date_access else await session.offers.sessions(ticket.iri).first()
        choices.append(TicketChoice(ticket.iri, slot.iri if slot else None))
        starts += [f"{slot.occurs_at:%Y-%m-%d at %H:%M}"] if slot and slot.occurs_at else []
    steps.add("Choose sessions", f"{len(choices)} ticket with a session: {', '.join(starts)}")
    return tuple(choices)


async def _hold_and_order(
    session: KorusSession, steps: SaleSteps, offer: Offer, choices: tuple[TicketChoice, ...]
) -> Order:
    from eguma_async.korus import Customer, OfferItem
    from eguma_async.sandbox import DropAfter

    facts, simulated = steps.facts, steps.simulated
    lost = simulated.faults.add(DropAfter(method="POST", path="*/orders/_bulk"))
    async with session.reservations.hold([OfferItem(offer.iri, choices, UNITS)]) as hold:
        _describe_hold(steps, hold)
        began = session.clock.monotonic()
        booked = await hold.order(
            Customer("Ada", "Lovelace", "ada@example.com"),
            external_reference=facts.external_reference,
        )
    booked.raise_for_failures()
    (order,) = booked.orders
    facts.order_reference, facts.lost_replies = order.reference, lost.fired
    facts.orders_with_this_reference = sum(
        made.external_reference == facts.external_reference for made in simulated.orders()
    )
    facts.orders_booked = len(simulated.orders())
    waited = f"{session.clock.monotonic() - began:.0f} s later (skipped here)"
    steps.add("Recover", f"{waited} {order.reference} is found by our reference, not sent again")
    return order


def _describe_hold(steps: SaleSteps, hold: Hold) -> None:
    facts, (reservation,) = steps.facts, hold.reservations
    facts.reservation = reservation.iri
    facts.external_reference = f"demo-{reservation.id}"
    facts.expires_at = hold.expires_at.isoformat()
    facts.minutes_to_pay = int(hold.remaining.total_seconds()) // 60
    facts.total = str(reservation.total_amount_incl_tax)
    steps.add(
        "Hold", f"{UNITS} seats for {facts.minutes_to_pay} min, {facts.total} EUR, price fixed"
    )


async def _name_the_users(session: KorusSession, steps: SaleSteps, order: Order) -> None:
    from eguma_async.korus import Beneficiary

    whole = await session.orders.get(order.iri)
    tickets = [ticket for item in whole.items for ticket in item.tickets]
    steps.facts.beneficiary_status_before = _statuses(whole)
    wanted = ", ".join(tickets[0].required_beneficiary_fields)
    steps.add("Read the order", f"{len(tickets)} tickets wait for {wanted}")
    person = Beneficiary(firstname="Ada", lastname="Lovelace", date_of_birth=date(1985, 12, 10))
    for ticket in tickets:
        await session.beneficiaries.update(ticket.iri, person)
    steps.add("Name the users", f"{len(tickets)} tickets, a request for each")
    steps.facts.beneficiary_status = _statuses(await session.orders.get(order.iri))
    steps.add("Look again", f"the tickets are {steps.facts.beneficiary_status}")


def _statuses(order: Order) -> str:
    """Return the status the tickets of an order share; several if they do not."""
    found = {
        ticket.status.value if ticket.status else "unknown"
        for item in order.items
        for ticket in item.tickets
    }
    return ", ".join(sorted(found))


async def _store_the_document(
    session: KorusSession, steps: SaleSteps, order: Order, directory: Path
) -> None:
    file = directory / f"tickets-{order.id}.pdf"
    stored = await session.documents.download(order.documents[0], to=file)
    steps.facts.document_path, steps.facts.document_bytes = str(file), stored.size
    steps.add("Store the document", f"{stored.size} bytes of PDF")


def check(facts: Facts) -> None:
    """Check every claim of the demo.

    Raises:
        Stop: One does not hold.
    """
    head, size = _look_at(Path(facts.document_path))
    check_claims(
        {
            "there is something to sell": bool(facts.catalog and facts.offer),
            "enough was left": facts.available is not None and facts.available >= UNITS,
            "the hold kept the price": Decimal(facts.total) == UNITS * Decimal(facts.unit_price),
            "there was time to pay": facts.minutes_to_pay > 0,
            "one reply was lost": facts.lost_replies == 1,
            "the order was sent once": facts.orders_sent == 1,
            "it was booked once": facts.orders_with_this_reference == facts.orders_booked == 1,
            "the order was found again": bool(facts.order_reference),
            "the tickets waited": facts.beneficiary_status_before == "waiting_beneficiary_data",
            "the tickets are validated": facts.beneficiary_status == "validated",
            "the document is a PDF file": head == b"%PDF-",
            "the document is whole": size == facts.document_bytes,
        }
    )


def _look_at(file: Path) -> tuple[bytes, int]:
    content = file.read_bytes() if file.is_file() else b""
    return content[:5], len(content)


def _print(steps: SaleSteps) -> None:
    facts = steps.facts
    print_table(
        "A sale through Korus Ticket with a lost reply",
        ("Step", "What happened", ">Requests"),
        steps.rows,
    )
    orders = facts.orders_with_this_reference
    times = "once, not twice" if orders == 1 else f"{orders} times"
    sys.stdout.write(
        f"\nThe order behind the lost reply was found by our own reference: the sandbox holds"
        f" {orders} order with {facts.external_reference}.\nIt was booked {times}."
        f" Requests on the wire: {facts.requests_on_the_wire}.\n"
        f"The tickets, yours to open: {facts.document_path}\n"
    )
