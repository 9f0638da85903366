"""What the back offices of all sandboxes have in common: words, errors, an empty beginning."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from eguma_async import AsyncSession, KorusSession, TicketItem
from eguma_async.korus import OfferItem, TicketChoice
from eguma_async.sandbox import EgumaSandbox, KorusSandbox, NoSuchRecordError, Sandbox
from eguma_async.sandbox.eguma import Price, SlotPlan, Venue
from eguma_async.sandbox.engine.commands import Command
from eguma_async.testing import FakeClock

UNKNOWN = "64ad1bb1973b861c040c99bd"
RESERVATION = "0194b10f-3ddd-70a5-a96a-d1026cd42746"
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
SANDBOXES = (EgumaSandbox, KorusSandbox)

VAIN: dict[str, Callable[[Any], object]] = {
    "e-guma: product": lambda s: s.product(UNKNOWN),
    "e-guma: event": lambda s: s.event(UNKNOWN),
    "e-guma: example": lambda s: s.example("nothing"),
    "e-guma: availability": lambda s: s.availability(UNKNOWN, "2026-03-04T09:00:00"),
    "e-guma: slot": lambda s: s.availability(s.example("time").product_id, "2026-03-04T09:01:00"),
    "e-guma: set_active": lambda s: s.set_active(UNKNOWN, True),
    "e-guma: set_channel": lambda s: s.set_channel(UNKNOWN, True),
    "e-guma: block_day": lambda s: s.block_day(UNKNOWN, date(2026, 3, 4)),
    "e-guma: set_capacity": lambda s: s.set_capacity(UNKNOWN, date(2026, 3, 4), 1),
    "e-guma: set_price": lambda s: s.set_price(UNKNOWN, UNKNOWN, 1),
    "e-guma: category": lambda s: s.set_price(s.example("time").product_id, UNKNOWN, 1),
    "e-guma: desk_sale": lambda s: s.desk_sale(UNKNOWN, date(2026, 3, 4), 1),
    "e-guma: sell_event": lambda s: s.sell_event(UNKNOWN, 1),
    "e-guma: release_reservation": lambda s: s.release_reservation(UNKNOWN),
    "e-guma: cancel_order": lambda s: s.cancel_order(UNKNOWN),
    "e-guma: update_order": lambda s: s.update_order(UNKNOWN, note="x"),
    "e-guma: check_in": lambda s: s.check_in(UNKNOWN),
    "e-guma: check_out": lambda s: s.check_out(UNKNOWN),
    "e-guma: set_key_active": lambda s: s.set_key_active(UNKNOWN, True),
    "Korus: offer": lambda s: s.offer(UNKNOWN),
    "Korus: no text": lambda s: s.offer(""),
    "Korus: example": lambda s: s.example("nothing"),
    "Korus: availability": lambda s: s.availability(UNKNOWN),
    "Korus: set_price": lambda s: s.set_price(UNKNOWN, "1.00"),
    "Korus: set_capacity": lambda s: s.set_capacity(UNKNOWN, 1),
    "Korus: set_active": lambda s: s.set_active(UNKNOWN, True),
    "Korus: fail_offer": lambda s: s.fail_offer(UNKNOWN),
    "Korus: set_hold": lambda s: s.set_hold(UNKNOWN, 5),
    "Korus: release_reservation": lambda s: s.release_reservation(UNKNOWN),
    "Korus: cancel_order": lambda s: s.cancel_order(UNKNOWN),
    "Korus: update_order": lambda s: s.update_order(UNKNOWN, notes="x"),
}


@pytest.mark.parametrize("call", VAIN)
def test_what_is_not_there_is_the_same_error_everywhere(call: str) -> None:
    kind = EgumaSandbox if call.startswith("e-guma") else KorusSandbox
    with pytest.raises(NoSuchRecordError) as caught:
        VAIN[call](kind(FakeClock(NOON)))
    assert isinstance(caught.value, LookupError)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value)


@pytest.mark.parametrize("kind", SANDBOXES)
def test_an_empty_sandbox_has_nothing_and_says_so(kind: type[EgumaSandbox | KorusSandbox]) -> None:
    sandbox = kind(demo_data=False)
    assert sandbox.example_names == ()
    for name in ("holds", "reservations", "orders", *_own_lists(kind)):
        assert getattr(sandbox, name)() == ()
    with pytest.raises(NoSuchRecordError):
        sandbox.example("plain")
    with pytest.raises(NoSuchRecordError, match="yet: use add_"):
        _ = sandbox.demo_key if isinstance(sandbox, EgumaSandbox) else sandbox.demo_client


def test_an_empty_sandbox_has_no_reservation_to_show() -> None:
    with pytest.raises(NoSuchRecordError, match="no example"):
        KorusSandbox(demo_data=False).hold_example(RESERVATION)
    sandbox = KorusSandbox(demo_data=False)
    name = {"fr": "Visite"}
    base = sandbox.add_product_base(sandbox.add_catalog("Museum"), name)
    sandbox.add_offer(sandbox.add_product(base, name), "15.00", None, label="visit")
    with pytest.raises(NoSuchRecordError, match="no organization"):
        sandbox.hold_example(RESERVATION)


def _own_lists(kind: type[Sandbox]) -> tuple[str, ...]:
    if kind is EgumaSandbox:
        return "merchants", "products", "events", "bookings"
    return "organizations", "catalogs", "offers"


@pytest.mark.parametrize("kind", SANDBOXES)
def test_both_have_the_same_words(kind: type[EgumaSandbox | KorusSandbox]) -> None:
    shared = {
        "availability", "cancel_order", "commands", "example", "holds", "orders",
        "release_reservation", "reservations", "set_active", "set_capacity", "set_price", "state",
        "today", "transport", "update_order",
    }  # fmt: skip
    assert shared <= {name for name, _ in inspect.getmembers(kind, inspect.isfunction)}
    assert {"example_names", "options"} <= {
        name for name, value in inspect.getmembers(kind) if isinstance(value, property)
    }
    assert list(inspect.signature(kind).parameters) == ["clock", "seed", "options", "demo_data"]


@pytest.mark.parametrize("kind", SANDBOXES)
def test_every_record_is_listed_by_a_method(kind: type[Sandbox]) -> None:
    """What is asked for again has changed since; a property would hide that it is made anew."""
    listed = [
        name
        for name, value in inspect.getmembers(kind)
        if isinstance(value, property)
        and "tuple[" in str(inspect.signature(value.fget).return_annotation)  # type: ignore[arg-type]  # they can be read
    ]
    assert listed == ["example_names"] if kind is EgumaSandbox else ["demo_client", "example_names"]


@pytest.mark.parametrize("kind", SANDBOXES)
def test_commands_of_the_same_name_are_of_one_kind(kind: type[Sandbox]) -> None:
    commands = kind().commands()
    shared = {
        "set-price", "set-capacity", "set-active", "release-reservation", "cancel-order",
        "update-order",
    }  # fmt: skip
    assert shared <= commands.keys()
    assert all(isinstance(command, Command) for command in commands.values())


async def test_what_was_added_to_an_empty_eguma_is_sold() -> None:
    sandbox = EgumaSandbox(FakeClock(NOON), demo_data=False)
    sandbox.add_merchant("Nobody works there yet")
    sandbox.add_user(sandbox.add_merchant("Nobody has a key yet"), "Shop")
    merchant = sandbox.add_merchant("Museum")
    key = sandbox.add_key(merchant, sandbox.add_user(merchant, "Shop"))
    adult = sandbox.add_category("Adult")
    plan = SlotPlan(at=time(10), prices=(Price(adult.id, 1500),), quota=5)
    product = sandbox.add_product(merchant, {"en": "Visit"}, (adult,), (plan,), label="visit")
    ticket_type = sandbox.add_ticket_type({"en": "Adult"}, 1500, {"en": ""})
    venue = Venue(name="Hall", street="", zip="", city="", country_code="CH")
    start = datetime.combine(sandbox.today(), time(20))
    event = sandbox.add_event(merchant, {"en": "Gala"}, start, (ticket_type,), venue=venue, quota=9)
    assert (sandbox.demo_key, sandbox.example_names, sandbox.events()) == (
        key,
        ("visit",),
        (event,),
    )
    async with AsyncSession(key, transport=sandbox.transport(), clock=sandbox.clock) as session:
        (listed,) = (await session.ticketing.products.list()).products
        example = sandbox.example("visit")
        items = [TicketItem(adult.id, 2)]
        held = await session.ticketing.reservations.create(
            product_id=listed.id, starts_at=example.start, items=items
        )
    assert (listed.id, example.product_id) == (product.id, product.id)
    assert sandbox.availability(product.id, example.start.isoformat()) == 3
    assert [hold.id for hold in sandbox.holds()] == [held.reservation_id]
    sandbox.release_reservation(held.reservation_id)
    assert sandbox.holds() == ()
    assert [hold.id for hold in sandbox.reservations()] == [held.reservation_id]


async def test_what_was_added_to_an_empty_korus_is_sold() -> None:
    sandbox = KorusSandbox(FakeClock(NOON), demo_data=False)
    catalog = sandbox.add_catalog("Museum")
    sandbox.add_organization("Shop", client_id="shop", client_secret="s3cret", catalogs=[catalog])  # noqa: S106
    name = {"fr": "Visite", "en": "Visit"}
    product = sandbox.add_product(sandbox.add_product_base(catalog, name), name)
    offer = sandbox.add_offer(product, Decimal("15.00"), sandbox.today(), stock=5, label="visit")
    ticket = sandbox.add_ticket(offer, name)
    assert (sandbox.demo_client, sandbox.example_names) == (("shop", "s3cret"), ("visit",))
    async with KorusSession(
        *sandbox.demo_client, transport=sandbox.transport(), clock=sandbox.clock
    ) as session:
        (listed,) = [each async for each in session.offers.list(catalog.iri)]
        item = OfferItem(listed.iri, (TicketChoice(ticket.iri),), 2)
        result = await session.reservations.create([item])
    assert listed.iri == offer.iri
    assert sandbox.availability("visit") == 3
    (held,) = result.reservations
    assert [made.iri for made in sandbox.holds()] == [held.iri]
    sandbox.release_reservation(held.iri)
    assert (sandbox.holds(), sandbox.availability("visit")) == ((), 5)
    assert [made.iri for made in sandbox.reservations()] == [held.iri]


def test_the_days_of_both_are_those_of_their_places() -> None:
    clock = FakeClock(datetime(2026, 3, 3, 23, 30, tzinfo=UTC))
    assert [kind(clock).today() for kind in SANDBOXES] == [date(2026, 3, 4)] * 2
