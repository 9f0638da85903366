"""Operations to bytes and documented answers to objects, from the files in tests/wire/eguma."""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import attrs
import pytest

import eguma_async as ea
from eguma_async import (
    AdmissionAvailability,
    AdmissionSlot,
    Availability,
    AvailabilityList,
    BookedTicket,
    Booking,
    BookTickets,
    CancelBooking,
    CancelledBooking,
    CancelledTicket,
    CancelReservation,
    Category,
    CategoryPrice,
    CheckInTicket,
    CheckOutTicket,
    Customer,
    CustomerTitle,
    DecodingError,
    Event,
    EventOrganizer,
    EventTicketType,
    EventTicketTypeGroup,
    EventVenue,
    GetAdmissionAvailability,
    GetTicket,
    HttpResponse,
    ListAvailabilities,
    ListEvents,
    ListOrders,
    ListProducts,
    Order,
    OrderCustomer,
    OrderLine,
    OrderLocation,
    OrderStatus,
    OrderTicket,
    Payment,
    Product,
    ProductList,
    ReleasedReservation,
    Reservation,
    ReserveTickets,
    SlotType,
    TicketAnswer,
    TicketCheck,
    TicketInfo,
    TicketItem,
    Timeouts,
    UnsuccessfulCode,
)
from eguma_async.testing import json_reply

WIRE = Path(__file__).parents[2] / "wire" / "eguma"
API_KEY = "0123456789abcdef01234567"
IDEMPOTENCY_KEY = "3f0c9a4e-6d1b-4b57-8a5e-2f6f1f0f9c11"
PRODUCT, ADULT, CHILD = (
    "64ad1bb1973b861c040c99bd",
    "64ad1bb1973b861c040c99c1",
    "64ad1bb1973b861c040c99c2",
)
HOLD, BOOKING = "69784d61a43bb308fdbf0a14", "69d86bc39927d941d4dab89a"
HOLD_A, BOOKING_A = "50b6d149-49c4-4d2d-a96d-59d251de1edb", "8f7c1a52-0d3e-4f6b-9a21-7be3c5d0e9f4"
TICKETS = ("4666825950402448933", "5520724186522287244")
NUMBER = "4688892266798743783"
START = datetime(2026, 3, 19, 10, 0)
ITEMS = (TicketItem(ADULT, 2),)
RECEIVED = datetime(2026, 3, 19, 7, 0, tzinfo=UTC)

OPERATIONS = {
    "products": ListProducts(),
    "availabilities": ListAvailabilities(
        product_id=PRODUCT, from_date=date(2026, 3, 19), to_date=date(2026, 3, 20)
    ),
    "reservation": ReserveTickets(product_id=PRODUCT, starts_at=START, items=ITEMS),
    "cancel-reservation": CancelReservation(reservation_id=HOLD),
    "booking": BookTickets(
        reservation_id=HOLD,
        product_id=PRODUCT,
        starts_at=START,
        items=ITEMS,
        customer=Customer("John", "Doe", "john.doe@example.com"),
        language="en",
    ),
    "cancel-booking": CancelBooking(booking_id=BOOKING),
    "orders": ListOrders(
        updated_at_after=datetime(2019, 6, 4, 23, 15, 14),
        updated_at_before=datetime(2026, 12, 31),
        last_name="Müller & Söhne",
    ),
    "checkin": CheckInTicket(number=NUMBER),
    "checkout": CheckOutTicket(number=NUMBER),
    "ticket-info": GetTicket(number=NUMBER),
    "events": ListEvents(),
    "admission-availability": GetAdmissionAvailability(
        admission_id=PRODUCT, from_date=date(2026, 3, 19), to_date=date(2026, 3, 20)
    ),
}
# What is answered with an id of the older kind was asked for by one.
ASKED_BY_OLD_IDS = {
    ("cancel-reservation", "A"): CancelReservation(reservation_id=HOLD_A),
    ("cancel-booking", "A"): CancelBooking(booking_id=BOOKING_A),
}


def operation_for(name, generation="B"):
    return ASKED_BY_OLD_IDS.get((name, generation), OPERATIONS[name])


_CATEGORIES = (
    Category(id=ADULT, name="Erwachsene", age_from=16, age_to=None),
    Category(id=CHILD, name="Kind", age_from=6, age_to=15),
)
_PRODUCT_A = Product(
    id=PRODUCT,
    name="Tageskarte",
    description="<p>Gültig einen Tag</p>",
    is_active=True,
    slot_type=SlotType.TIME,
    updated_at=datetime(2026, 2, 1, 8, 30),
    categories=_CATEGORIES,
)
_PRODUCT_B = attrs.evolve(
    _PRODUCT_A,
    name_translations={"de": "Tageskarte", "en": "Day pass"},
    description_translations={
        "de": "<p>Gültig einen Tag</p>",
        "en": "<p>Valid for one day</p>",
    },
)
_SLOT = Availability(
    slot_type=SlotType.TIME,
    starts_at=START,
    closing_at=datetime(2026, 3, 19, 9, 0),
    availability_count=48,
    prices=(
        CategoryPrice(
            category_id=ADULT,
            price_in_cents=4500,
            min_quantity=1,
            max_quantity=10,
            allow_zero_quantity=True,
        ),
        CategoryPrice(
            category_id=CHILD,
            price_in_cents=2200,
            min_quantity=None,
            max_quantity=None,
            allow_zero_quantity=True,
        ),
    ),
)
_UNLIMITED = Availability(
    slot_type=SlotType.DAY,
    starts_at=datetime(2026, 3, 20),
    closing_at=None,
    availability_count=None,
    prices=(),
)
_BOOKED = tuple(BookedTicket(ticket_number=number, category_id=ADULT) for number in TICKETS)
_CANCELLED = tuple(CancelledTicket(ticket_number=number) for number in TICKETS)
_ORDER = Order(
    id="678f6cde973b8604d43af956",
    created_at=datetime(2025, 1, 21, 10, 46, 5),
    updated_at=datetime(2025, 1, 21, 10, 46, 5),
    order_number="1000572",
    status=OrderStatus.COMPLETED,
    currency="CHF",
    language="en",
    location=OrderLocation.WEB,
    discount_in_cents=0,
    grand_total_in_cents=5000,
    promocode=None,
    promocode_name=None,
    customer=None,
    order_lines=(
        OrderLine(
            product_id="678f5130973b950bb88d3f7a",
            name="Magical Brunch",
            starts_at=datetime(2027, 1, 21, 20, 0),
            ticket_type_id="caeadb8f-2b6d-424c-ad8a-4caf42505691",
            ticket_type_name="Normalpreis",
            unit_price_in_cents=5000,
            quantity=1,
            total_price_in_cents=5000,
            total_count_people=1,
            tags=(),
            tickets=(
                OrderTicket(
                    number="5679006056898985032",
                    count_people=1,
                    answers=(TicketAnswer(name="Birthday", type="dateTime", value="1990-12-31"),),
                ),
            ),
        ),
    ),
    payments=(
        Payment(
            payment_id="63206fa6973b861ff8e05230",
            name="VISA",
            amount_in_cents=5000,
            is_complimentary=False,
        ),
    ),
    tags=("tag-1",),
    note="",
)
_API_ORDER = Order(
    id=BOOKING,
    created_at=datetime(2026, 3, 1, 12, 0),
    updated_at=datetime(2026, 3, 2, 8, 15, 30),
    order_number="1000053",
    status=OrderStatus.CANCELLED,
    currency="CHF",
    language="de",
    location=OrderLocation.LOCAL,
    discount_in_cents=500,
    grand_total_in_cents=8500,
    promocode="SPRING",
    promocode_name="Spring 2026",
    customer=OrderCustomer(
        id="69d86bc39927d941d4dab8aa",
        title=CustomerTitle.MRS,
        first_name="Ada",
        last_name="Muster",
        company="",
        street="Hauptstrasse 1",
        zip="8000",
        city="Zürich",
        country="CH",
        email="ada@example.com",
        accepts_marketing=False,
        double_opt_in_confirmed_at=None,
        phone=None,
    ),
    order_lines=(
        OrderLine(
            product_id=PRODUCT,
            name="Tageskarte",
            starts_at=None,
            ticket_type_id="49f4f00f-5f64-4fe4-b0d4-3cb37517c5c7",
            ticket_type_name="Erwachsene",
            unit_price_in_cents=4500,
            quantity=2,
            total_price_in_cents=9000,
            total_count_people=2,
            tags=("snow",),
            tickets=tuple(OrderTicket(number=number) for number in TICKETS),
        ),
    ),
    payments=(),
    tags=(),
    note="ring twice",
)
_CHECKED = TicketCheck(
    is_successful=True,
    product_id="61ecd917e336544444750b28",
    ticket_type_id="49f4f00f-5f64-4fe4-b0d4-3cb37517c5c7",
)
_INFO = TicketInfo(
    id="5c92a097a412b70f68370de9",
    ticket_number=NUMBER,
    created_at=datetime(2019, 3, 20, 21, 20, 39),
    price_in_cents=4900,
    is_checked_in=False,
    checked_in_at=None,
    event_or_admission_id="5a8d3112a412b76a64ab9ab6",
)

_EVENT = Event(
    id="678f5130973b950bb88d3f7a",
    name={"de": "Magischer Brunch", "en": "Magical Brunch"},
    bookable=True,
    start=datetime(2027, 1, 21, 20, 0),
    updated_at=datetime(2026, 11, 2, 9, 15),
    ticket_types=(
        EventTicketType(
            id="caeadb8f-2b6d-424c-ad8a-4caf42505691",
            price_in_cents=5000,
            name={"de": "Normalpreis", "en": "Regular"},
            description={"de": "", "en": ""},
        ),
        EventTicketType(
            id="49f4f00f-5f64-4fe4-b0d4-3cb37517c5c7",
            price_in_cents=2500,
            name={"de": "Kind", "en": "Child"},
            description={"de": "bis 15", "en": "up to 15"},
        ),
    ),
    count_available_tickets=12,
    description_html={"de": "<p>Mit Aussicht</p>", "en": None},
    url={"de": "https://shop.example/de/brunch", "en": "https://shop.example/en/brunch"},
    image_url="https://shop.example/brunch.jpg",
    organizer=EventOrganizer(name="Bergbahn Muster AG", url="https://muster.example"),
    venue=EventVenue(
        name="Gipfelrestaurant",
        street="Bergstrasse 1",
        zip="7000",
        city="Chur",
        country_code="CH",
    ),
    ticket_type_groups=(
        EventTicketTypeGroup(
            name={"de": "Alle", "en": "All"},
            ticket_type_ids=(
                "caeadb8f-2b6d-424c-ad8a-4caf42505691",
                "49f4f00f-5f64-4fe4-b0d4-3cb37517c5c7",
            ),
        ),
    ),
    category_id="63206fa6973b861ff8e05111",
    tags=("brunch",),
)
_BARE_EVENT = Event(
    id="678f5130973b950bb88d3f7b",
    name={"de": "Vollmondfahrt"},
    bookable=False,
    start=datetime(2027, 2, 20, 18, 30),
    updated_at=datetime(2026, 11, 2, 9, 15),
    ticket_types=(),
    count_available_tickets=0,
    description_html={"de": ""},
    url={"de": "https://shop.example/de/mond"},
    organizer=EventOrganizer(name="Bergbahn Muster AG", url=""),
    venue=EventVenue(name="", street="", zip="", city="", country_code=""),
)

EXPECTED = {
    ("products", "B"): ProductList(
        company_name="Bergbahn Muster AG", currency="CHF", products=(_PRODUCT_B,)
    ),
    ("products", "A"): ProductList(
        company_name="Bergbahn Muster AG", currency=None, products=(_PRODUCT_A,)
    ),
    ("availabilities", "B"): AvailabilityList(
        company_name="Bergbahn Muster AG",
        product_name="Tageskarte",
        currency="CHF",
        availabilities=(_SLOT, _UNLIMITED),
    ),
    ("availabilities", "A"): AvailabilityList(
        company_name="Bergbahn Muster AG",
        product_name="Tageskarte",
        currency=None,
        availabilities=(_SLOT,),
    ),
    ("reservation", "B"): Reservation(
        reservation_id=HOLD, expires_at=datetime(2026, 3, 19, 9, 0), received_at=RECEIVED
    ),
    ("reservation", "A"): Reservation(
        reservation_id=HOLD_A, expires_at=datetime(2026, 3, 19, 9, 0), received_at=RECEIVED
    ),
    ("cancel-reservation", "B"): ReleasedReservation(reservation_id=HOLD),
    ("cancel-reservation", "A"): ReleasedReservation(reservation_id=HOLD_A),
    ("booking", "B"): Booking(
        booking_id=BOOKING,
        booking_reference="1000053",
        language="en",
        tickets=_BOOKED,
        replayed=False,
        idempotency_key=IDEMPOTENCY_KEY,
    ),
    ("booking", "A"): Booking(
        booking_id=BOOKING_A,
        booking_reference="T10015",
        language=None,
        tickets=_BOOKED,
        replayed=False,
        idempotency_key=IDEMPOTENCY_KEY,
    ),
    ("cancel-booking", "B"): CancelledBooking(
        booking_id=BOOKING, booking_reference="1000053", cancelled_tickets=_CANCELLED
    ),
    ("cancel-booking", "A"): CancelledBooking(
        booking_id=BOOKING_A, booking_reference="T10015", cancelled_tickets=_CANCELLED
    ),
    ("orders", "B"): (_ORDER, _API_ORDER),
    ("orders", "A"): (_ORDER,),
    ("checkin", "B"): _CHECKED,
    ("checkin", "A"): TicketCheck(is_successful=True),
    ("checkin", "refused"): TicketCheck(
        is_successful=False, unsuccessful_code=UnsuccessfulCode.TICKET_ALREADY_CHECKEDIN
    ),
    ("checkout", "B"): _CHECKED,
    ("checkout", "A"): TicketCheck(is_successful=True),
    ("checkout", "refused"): TicketCheck(
        is_successful=False, unsuccessful_code=UnsuccessfulCode.TICKET_NOT_CHECKEDIN
    ),
    ("ticket-info", "A"): _INFO,
    ("ticket-info", "B"): attrs.evolve(
        _INFO, is_checked_in=True, checked_in_at=datetime(2019, 3, 21, 9, 0, 1)
    ),
    ("events", "B"): (_EVENT, _BARE_EVENT),
    ("events", "A"): (),
    ("admission-availability", "B"): AdmissionAvailability(
        name={"de": "Eintritt mit Zeitslots", "en": "Admission with time slots"},
        is_all_day=False,
        is_unlimited_availability=False,
        slots=(
            AdmissionSlot(starts_at=datetime(2026, 3, 19, 10, 0), availability_count=50),
            AdmissionSlot(starts_at=datetime(2026, 3, 20, 10, 0), availability_count=0),
        ),
    ),
    ("admission-availability", "A"): AdmissionAvailability(
        name={"de": "Tageskarte"},
        is_all_day=True,
        is_unlimited_availability=True,
        slots=(AdmissionSlot(starts_at=datetime(2026, 3, 19)),),
    ),
}


def fixture(name):
    return json.loads((WIRE / f"{name}.json").read_text(encoding="utf-8"))


def content(name, generation="B"):
    return copy.deepcopy(fixture(name)["responses"][generation]["body"])


async def ask(scripted, name, body, generation="B"):
    """Send the operation of a fixture to a server that answers with `body`."""
    async with scripted(json_reply(body)) as (session, _):
        key = IDEMPOTENCY_KEY if name == "booking" else None
        return await session.send(operation_for(name, generation), idempotency_key=key)


def unreadable(value):
    """Return the unreadable elements of a list, or of the list in an object."""
    return getattr(value, "unreadable", ())


async def problems_of(scripted, name, body):
    """Return what is said of an answer that cannot be read, or of an element of it.

    A fault in one element is told with its path in the whole answer, as if there were no others.
    """
    error = value = None
    try:
        value = await ask(scripted, name, body)
    except DecodingError as caught:
        error = caught
    if error is not None:
        assert (error.operation, error.malformed) == (type(OPERATIONS[name]).__name__, False)
        return error.problems
    where = {"products": ".products", "availabilities": ".availabilities"}
    where |= {"admission-availability": ".slots"}
    return tuple(
        problem.replace("@ $", f"@ ${where.get(name, '')}[{each.index}]")
        for each in unreadable(value)
        for problem in each.problems
    )


def test_every_operation_has_a_wire_fixture_and_every_fixture_is_used():
    operations = {
        value
        for name in vars(ea)["__all__"]
        if isinstance(value := getattr(ea, name), type)
        and issubclass(value, ea.Operation)
        and value is not ea.Operation
    }
    assert {type(operation) for operation in OPERATIONS.values()} == operations
    files = {path.stem for path in WIRE.glob("*.json")}
    assert files == {*OPERATIONS, "error"}
    shown = {(name, g) for name in OPERATIONS for g in fixture(name)["responses"]}
    assert shown == set(EXPECTED)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_request_is_exactly_what_the_reference_shows(scripted, name):
    page = fixture(name)
    async with scripted(json_reply(content(name))) as (session, transport):
        key = IDEMPOTENCY_KEY if name == "booking" else None
        await session.send(OPERATIONS[name], idempotency_key=key)
    (sent,), shown = transport.requests, page["request"]
    assert sent.method == shown["method"]
    assert sent.url == "https://api.e-guma.ch" + shown["path"]
    assert sent.query == tuple(tuple(pair) for pair in shown["query"])
    assert dict(sent.headers) == shown["headers"]
    assert sent.body == (None if shown["body"] is None else shown["body"].encode())
    assert sent.credentials.query == (("apikey", API_KEY),)
    assert sent.credentials.headers == ()


@pytest.mark.parametrize("name", OPERATIONS)
async def test_the_key_stands_only_in_the_credentials(scripted, name):
    async with scripted(json_reply(content(name))) as (session, transport):
        await session.send(OPERATIONS[name])
    (sent,) = transport.requests
    seen = (sent.url, sent.query, dict(sent.headers), sent.body, repr(sent))
    assert API_KEY not in repr(seen)


@pytest.mark.parametrize(("name", "generation"), EXPECTED)
async def test_a_documented_answer_becomes_exactly_this_object(scripted, name, generation):
    async with scripted(json_reply(content(name, generation))) as (session, _):
        key = IDEMPOTENCY_KEY if name == "booking" else None
        value, response = await session.exchange(
            operation_for(name, generation), idempotency_key=key
        )
    assert value == EXPECTED[name, generation]
    assert not unreadable(value)
    assert isinstance(response, HttpResponse)


@pytest.mark.parametrize("status", [200, 201, 203, 299])
async def test_any_2xx_is_a_success(scripted, status):
    async with scripted(json_reply(content("reservation"), status)) as (session, _):
        held = await session.send(OPERATIONS["reservation"])
    assert held == EXPECTED["reservation", "B"]


# The resource methods do what the operations do.


def by_hand(ticketing, timeouts=None):
    """Return the calls of the resource methods that do what the operations do, in their order."""
    t = ticketing
    orders: Any = OPERATIONS["orders"]
    slot = {"product_id": PRODUCT, "starts_at": START, "items": ITEMS}
    days = {"from_date": date(2026, 3, 19), "to_date": date(2026, 3, 20)}
    customer = Customer("John", "Doe", "john.doe@example.com")
    return {
        "products": lambda: t.products.list(timeouts=timeouts),
        "availabilities": lambda: t.availabilities.list(PRODUCT, **days, timeouts=timeouts),
        "reservation": lambda: t.reservations.create(**slot, timeouts=timeouts),
        "cancel-reservation": lambda: t.reservations.cancel(HOLD, timeouts=timeouts),
        "booking": lambda: t.bookings.create(
            **slot,
            reservation_id=HOLD,
            customer=customer,
            language="en",
            idempotency_key=IDEMPOTENCY_KEY,
            timeouts=timeouts,
        ),
        "cancel-booking": lambda: t.bookings.cancel(BOOKING, timeouts=timeouts),
        "orders": lambda: t.orders.list(**attrs.asdict(orders), timeouts=timeouts),
        "checkin": lambda: t.tickets.check_in(NUMBER, timeouts=timeouts),
        "checkout": lambda: t.tickets.check_out(NUMBER, timeouts=timeouts),
        "ticket-info": lambda: t.tickets.get(NUMBER, timeouts=timeouts),
        "events": lambda: t.events.list(timeouts=timeouts),
        "admission-availability": lambda: t.events.availability(PRODUCT, **days, timeouts=timeouts),
    }


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_resource_method_sends_the_same_request_as_the_operation(scripted, name):
    short = Timeouts(total=7)
    async with scripted(*[json_reply(content(name))] * 3) as (session, transport):
        key = IDEMPOTENCY_KEY if name == "booking" else None
        value = await session.send(OPERATIONS[name], idempotency_key=key)
        assert await by_hand(session.ticketing)[name]() == value
        assert await by_hand(session.ticketing, short)[name]() == value
    sent, same, hurried = transport.requests
    assert sent == same
    assert hurried == sent.but(timeouts=short)


def test_every_method_of_a_resource_takes_timeouts():
    import inspect

    # Many calls at once go by the session's, and so does a recovery; a hold passes its own on, and
    # an entry is read from the journal. To resume a hold sends nothing.
    without = {"fan_out", "recover", "entry", "resume"}
    ticketing = ea.Ticketing(cast("Any", SessionStub()))
    names = [name for name, of in vars(ea.Ticketing).items() if isinstance(of, cached_property)]
    assert len(names) == 7
    for name in names:
        resource = getattr(ticketing, name)
        for method, function in inspect.getmembers(resource, inspect.ismethod):
            if not method.startswith("_") and method not in without:
                assert "timeouts" in inspect.signature(function).parameters, (name, method)


class SessionStub:
    pass


async def test_items_may_be_any_iterable_and_a_day_slot_may_be_a_date(scripted, wanted):
    wanted |= {"items": iter(wanted["items"]), "starts_at": date(2026, 3, 19)}
    async with scripted(json_reply(content("reservation"))) as (session, transport):
        await session.ticketing.reservations.create(**wanted)
    body = json.loads(transport.requests[0].body)
    assert body["starts_at"] == "2026-03-19"
    assert body["items"] == [{"category_id": ADULT, "quantity": 2}]


async def test_a_subclass_of_datetime_is_sent_like_a_datetime(scripted, wanted):
    class Stamp(datetime):
        def __repr__(self) -> str:
            return "Stamp()"

    wanted["starts_at"] = Stamp(2026, 3, 19, 10, 0)
    async with scripted(json_reply(content("reservation"))) as (session, transport):
        await session.ticketing.reservations.create(**wanted)
    assert json.loads(transport.requests[0].body)["starts_at"] == "2026-03-19T10:00:00"


async def test_what_was_not_given_is_not_sent(scripted, wanted, ada):
    async with scripted(json_reply(content("booking")), json_reply([])) as (session, transport):
        await session.ticketing.bookings.create(**wanted, customer=ada)
        await session.ticketing.orders.list()
    assert list(json.loads(transport.requests[0].body)) == [
        "product_id",
        "starts_at",
        "items",
        "customer",
    ]
    assert transport.requests[1].query == ()


async def test_a_booking_without_a_key_gets_a_fresh_uuid4_each_time(scripted, wanted, ada):
    import uuid

    async with scripted(*[json_reply(content("booking"))] * 2) as (session, transport):
        bookings = [
            await session.ticketing.bookings.create(**wanted, customer=ada) for _ in range(2)
        ]
    sent = [request.headers["Idempotency-Key"] for request in transport.requests]
    assert sent == [booking.idempotency_key for booking in bookings]
    assert len(set(sent)) == 2
    assert all(uuid.UUID(key).version == 4 for key in sent)


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - {"booking"}))
async def test_no_other_request_takes_an_idempotency_key(scripted, name):
    async with scripted() as (session, transport):
        with pytest.raises(ea.ConfigurationError, match="takes no idempotency key"):
            await session.send(OPERATIONS[name], idempotency_key=IDEMPOTENCY_KEY)
    assert transport.requests == []


# Tolerance, both ways through the codec.


def objects(value, path="$"):
    """Yield every JSON object in a document with its path."""
    if isinstance(value, dict):
        yield path, value
        for name, inner in value.items():
            yield from objects(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from objects(inner, f"{path}[{index}]")


BY_LANGUAGE = {"name", "description", "description_html", "url"}


def is_model(path):
    return not path.endswith("_translations") and path.rpartition(".")[2] not in BY_LANGUAGE


@pytest.mark.parametrize(("name", "generation"), EXPECTED)
async def test_unknown_fields_are_ignored_at_every_depth(scripted, name, generation):
    body = content(name, generation)
    for path, found in list(objects(body)):
        if is_model(path):
            found["added_later"] = {"deep": [1, None]}
    assert await ask(scripted, name, body, generation) == EXPECTED[name, generation]


REQUIRED = {
    "products": {
        "$": {"company_name", "products"},
        "$.products[0]": {"id", "name", "is_active", "slot_type", "updated_at", "categories"},
        "$.products[0].categories[0]": {"id", "name"},
        "$.products[0].categories[1]": {"id", "name"},
    },
    "availabilities": {
        "$": {"company_name", "product_name", "availabilities"},
        "$.availabilities[0]": {"slot_type", "starts_at", "availability_count", "prices"},
        "$.availabilities[1]": {"slot_type", "starts_at", "availability_count", "prices"},
        "$.availabilities[0].prices[0]": {"category_id"},
        "$.availabilities[0].prices[1]": {"category_id"},
    },
    "reservation": {"$": {"reservation_id", "expires_at"}},
    "cancel-reservation": {"$": {"reservation_id"}},
    "booking": {
        "$": {"booking_id", "booking_reference", "tickets"},
        "$.tickets[0]": {"ticket_number", "category_id"},
        "$.tickets[1]": {"ticket_number", "category_id"},
    },
    "cancel-booking": {
        "$": {"booking_id", "booking_reference", "cancelled_tickets"},
        "$.cancelled_tickets[0]": {"ticket_number"},
        "$.cancelled_tickets[1]": {"ticket_number"},
    },
    "orders": {
        f"$[{i}]": {
            "id",
            "order_number",
            "status",
            "created_at",
            "updated_at",
            "currency",
            "language",
            "location",
            "discount_in_cents",
            "grand_total_in_cents",
            "order_lines",
            "payments",
        }
        for i in range(2)
    }
    | {
        f"$[{i}].order_lines[0]": {
            "product_id",
            "name",
            "ticket_type_id",
            "ticket_type_name",
            "quantity",
            "total_price_in_cents",
            "total_count_people",
        }
        for i in range(2)
    }
    | {
        "$[0].order_lines[0].tickets[0]": {"number"},
        "$[1].order_lines[0].tickets[0]": {"number"},
        "$[1].order_lines[0].tickets[1]": {"number"},
        "$[0].payments[0]": {"payment_id", "name", "amount_in_cents", "is_complimentary"},
    },
    "checkin": {"$": {"is_successful"}},
    "checkout": {"$": {"is_successful"}},
    "ticket-info": {
        "$": {
            "id",
            "ticket_number",
            "created_at",
            "price_in_cents",
            "is_checked_in",
            "event_or_admission_id",
        }
    },
    "events": {
        "$[0]": {"id", "name", "bookable", "start", "updated_at", "ticket_types"},
        "$[1]": {"id", "name", "bookable", "start", "updated_at", "ticket_types"},
        "$[0].ticket_types[0]": {"id"},
        "$[0].ticket_types[1]": {"id"},
    },
    "admission-availability": {
        "$": {"is_all_day", "is_unlimited_availability", "slots"},
        "$.slots[0]": {"starts_at", "availability_count"},
        "$.slots[1]": {"starts_at", "availability_count"},
    },
}


def fields():
    for name in OPERATIONS:
        for path, found in objects(content(name)):
            if is_model(path):
                for field in found:
                    yield name, path, field


def change(body, path, field, *new):
    """Take a field out of the object at `path`, or give it a new value."""
    found = dict(objects(body))[path]
    if new:
        found[field] = new[0]
    else:
        del found[field]
    return body


def is_required(name, path, field):
    return field in REQUIRED[name].get(path, ())


@pytest.mark.parametrize(("name", "path", "field"), list(fields()))
async def test_an_answer_without_a_field_is_read_or_names_the_field(scripted, name, path, field):
    body = change(content(name), path, field)
    expected: tuple[str, ...] = (f"required field missing @ {path}.{field}",)
    if not is_required(name, path, field):
        expected = ()
    assert await problems_of(scripted, name, body) == expected


# Required, and may be null: that is how "unlimited" is sent.
NULLABLE = {("availabilities", "availability_count")}


@pytest.mark.parametrize(("name", "path", "field"), list(fields()))
async def test_a_null_is_read_as_absent_or_names_the_field(scripted, name, path, field):
    problems = await problems_of(scripted, name, change(content(name), path, field, None))
    if not is_required(name, path, field) or (name, field) in NULLABLE:
        assert problems == ()
        return
    (problem,) = problems
    assert problem.endswith(f"@ {path}.{field}")


# Values of any kind, and lists of objects of which nothing is required.
OF_ANY_KIND = re.compile(
    r"answers\[\d\]\.value|ticket_type_groups\[\d\]\.name|(answers|ticket_type_groups)$"
)

# Lists of which even the only element may be unreadable.
BESIDE_THE_SALE = re.compile(r"(answers|ticket_type_groups)\[\d\]$")


@pytest.mark.parametrize(("name", "path", "field"), list(fields()))
async def test_a_value_of_a_wrong_kind_is_refused_and_never_repeated(
    scripted, caplog, name, path, field
):
    body = change(content(name), path, field, [{"secret": "SECRET-VALUE"}])
    problems = await problems_of(scripted, name, body)
    if OF_ANY_KIND.search(f"{path}.{field}"):
        assert problems == ()
        return
    assert "SECRET-VALUE" not in repr(problems) + caplog.text
    if BESIDE_THE_SALE.search(path):
        assert problems == ()  # it hides neither the order nor the event
        assert "is unreadable" in caplog.text
        return
    assert problems
    assert all(f"@ {path}.{field}" in problem for problem in problems)


async def test_a_slot_without_a_count_is_never_taken_for_an_unlimited_one(scripted):
    body = content("availabilities")
    del body["availabilities"][0]["availability_count"]
    found = await ask(scripted, "availabilities", body)
    assert [slot.starts_at for slot in found.availabilities] == [datetime(2026, 3, 20)]
    (lost,) = found.unreadable
    assert (lost.index, lost.raw) == (0, body["availabilities"][0])


@pytest.mark.parametrize(("count", "sold_out"), [(None, False), (0, True), (-1, True), (1, False)])
async def test_a_slot_is_sold_out_at_zero_and_never_when_unlimited(scripted, count, sold_out):
    body = content("availabilities")
    body["availabilities"][0]["availability_count"] = count
    slots = (await ask(scripted, "availabilities", body)).availabilities
    assert slots[0].is_sold_out is sold_out


@pytest.mark.parametrize("wire_name", ["price", "amount_in_cents", "unit_price_in_cents"])
async def test_a_price_is_found_under_its_other_names(scripted, wire_name):
    body = content("availabilities")
    for slot in body["availabilities"]:
        for price in slot["prices"]:
            price[wire_name] = price.pop("price_in_cents")
    assert await ask(scripted, "availabilities", body) == EXPECTED["availabilities", "B"]


async def test_one_empty_field_does_not_make_all_orders_unreadable(scripted):
    body = content("orders")
    body[1]["customer"] |= dict.fromkeys(body[1]["customer"], "") | {"id": "c"}
    _, order = await ask(scripted, "orders", body)
    assert order.customer.double_opt_in_confirmed_at is None
    assert order.customer.accepts_marketing is None
    assert (order.customer.id, order.customer.email, order.customer.title) == ("c", "", "")


@pytest.mark.parametrize("field", ["updated_at", "created_at", "grand_total_in_cents"])
async def test_an_empty_text_is_no_date_and_no_amount_where_one_is_required(scripted, field):
    (problem,) = await problems_of(scripted, "orders", change(content("orders"), "$[0]", field, ""))
    assert problem.endswith(f"@ $[0].{field}")


async def test_an_empty_count_does_not_mean_unlimited(scripted):
    body = change(content("availabilities"), "$.availabilities[0]", "availability_count", "")
    (problem,) = await problems_of(scripted, "availabilities", body)
    assert problem.endswith("@ $.availabilities[0].availability_count")


UNKNOWN_VALUES = [
    ("products", "$.products[0]", "slot_type"),
    ("availabilities", "$.availabilities[0]", "slot_type"),
    ("orders", "$[1]", "status"),
    ("orders", "$[1]", "location"),
    ("orders", "$[1].customer", "title"),
    ("checkin", "$", "unsuccessful_code"),
]


@pytest.mark.parametrize(("name", "path", "field"), UNKNOWN_VALUES)
@pytest.mark.parametrize("text", ["something-new", ""])
async def test_an_unknown_enum_value_keeps_its_text(scripted, name, path, field, text):
    value = await ask(scripted, name, change(content(name), path, field, text))
    for step in path.replace("[", ".").replace("]", "").removeprefix("$").split("."):
        if step:
            value = value[int(step)] if step.isdigit() else getattr(value, step)
    found = getattr(value, field)
    assert found == text
    assert not found.is_known


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-19T09:00:00",
        "2026-03-19T09:00:00.0",
        "2026-03-19T09:00:00.0000000",
        "2026-03-19T09:00:00.000000000",
        "2026-03-19 09:00:00",
        "2026-03-19T09:00",
    ],
)
async def test_dates_are_read_with_any_number_of_fraction_digits(scripted, written):
    body = {"reservation_id": HOLD, "expires_at": written}
    assert (await ask(scripted, "reservation", body)).expires_at == datetime(2026, 3, 19, 9, 0)


@pytest.mark.parametrize(
    "written", ["2026-03-19T09:00:00Z", "2026-03-19T10:00:00+01:00", "2026-03-19T09:00:00.0000000Z"]
)
async def test_a_zone_that_is_sent_is_kept(scripted, written):
    held = await ask(scripted, "reservation", {"reservation_id": HOLD, "expires_at": written})
    assert held.expires_at == datetime(2026, 3, 19, 9, 0, tzinfo=UTC)
    assert held.expires_at_utc == datetime(2026, 3, 19, 9, 0, tzinfo=UTC)


async def test_a_byte_order_mark_before_an_answer_is_skipped(scripted):
    body = b"\xef\xbb\xbf" + json.dumps(content("reservation")).encode()
    async with scripted(HttpResponse(status=200, body=body)) as (session, _):
        assert await session.send(OPERATIONS["reservation"]) == EXPECTED["reservation", "B"]


async def test_a_19_digit_ticket_number_sent_as_a_number_keeps_every_digit(scripted):
    body = content("booking")
    for ticket in body["tickets"]:
        ticket["ticket_number"] = int(ticket["ticket_number"])
    assert (await ask(scripted, "booking", body)).tickets == _BOOKED


# Refusals.

REFUSALS = {
    "validation": (
        ea.InvalidRequestError,
        400,
        "validation_error",
        "items must not be empty",
    ),
    "unauthorized": (ea.AuthenticationError, 401, "unauthorized", "invalid api key"),
    "forbidden": (ea.AccessDeniedError, 403, "forbidden", "not enabled"),
    "not found": (ea.NotFoundError, 404, "not_found", "unknown product"),
    "plain text": (ea.InvalidRequestError, 400, None, "Der Gutschein ist nicht vorhanden."),
    "asp.net": (ea.NotFoundError, 404, None, "No HTTP resource was found."),
    "byte order mark": (ea.InvalidRequestError, 400, "validation_error", "no"),
    "html": (ea.ServerError, 502, None, ""),
    "empty": (ea.ServerError, 500, None, ""),
    "list": (ea.ServerError, 500, None, "[]"),
    "null code": (ea.InvalidRequestError, 422, None, ""),
    "odd types": (ea.ConflictError, 409, None, ""),
    "unheard-of status": (ea.ServerError, 599, None, "?"),
    "redirect": (ea.StatusError, 302, None, ""),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_each_shape_of_error_becomes_a_typed_error(scripted, case):
    shown = fixture("error")["responses"][case]
    body = shown["text"].encode()
    reply = HttpResponse(
        status=shown["status"], headers={"content-type": shown["content_type"]}, body=body
    )
    async with scripted(reply, retry=ea.RetryPolicy(attempts=1)) as (session, _):
        with pytest.raises(ea.StatusError) as caught:
            await session.ticketing.products.list()
    error = caught.value
    assert (type(error), error.status, error.error_code, error.message) == REFUSALS[case]
    assert error.body == body
    assert (error.operation, error.attempts) == ("ListProducts", 1)


def test_every_error_in_the_fixture_is_tested():
    assert set(fixture("error")["responses"]) == set(REFUSALS)


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        ((409, "idempotency_key_reused"), ea.IdempotencyMismatchError),
        ((422, "idempotency_body_mismatch"), ea.IdempotencyMismatchError),
        ((400, "IdempotencyKeyDifferentPayload"), ea.IdempotencyMismatchError),
        ((409, "already_seen"), ea.ConflictError),
        ((422, "validation_error_in_body"), ea.InvalidRequestError),
    ],
)
async def test_a_refused_key_is_told_from_other_refusals(scripted, wanted, ada, refusal, kind):
    status, code = refusal
    reply = json_reply({"error_code": code, "message": "no"}, status)
    async with scripted(reply) as (session, transport):
        with pytest.raises(ea.StatusError) as caught:
            await session.ticketing.bookings.create(**wanted, customer=ada, idempotency_key="mine")
    assert type(caught.value) is kind
    assert caught.value.idempotency_key == "mine"
    assert len(transport.requests) == 1
    assert not caught.value.outcome_unknown


async def test_a_conflict_over_a_reservation_is_no_matter_of_keys(scripted, wanted):
    reply = json_reply({"error_code": "idempotency_key_reused"}, 409)
    async with scripted(reply) as (session, _):
        with pytest.raises(ea.ConflictError) as caught:
            await session.ticketing.reservations.create(**wanted)
    assert type(caught.value) is ea.ConflictError


async def test_only_the_providers_own_503_says_that_nothing_was_done(scripted, wanted):
    own = json_reply({"error_code": "overloaded"}, 503)
    async with scripted(own, json_reply(content("reservation"))) as (session, _):
        await session.ticketing.reservations.create(**wanted)
    async with scripted(HttpResponse(status=503, body=b"proxy")) as (session, _):
        with pytest.raises(ea.ServerError) as caught:
            await session.ticketing.reservations.create(**wanted)
    assert caught.value.outcome_unknown
    assert caught.value.attempts == 1


@pytest.mark.parametrize("shape", ["json", "text"])
async def test_a_servers_words_are_short_and_fit_to_be_printed(scripted, shape):
    words = "a\x1b[31mb\r\nc\u202ed\u2028e" + "x" * 10_000
    body = json.dumps({"message": words}).encode() if shape == "json" else words.encode()
    async with scripted(HttpResponse(status=400, body=body)) as (session, _):
        with pytest.raises(ea.InvalidRequestError) as caught:
            await session.ticketing.products.list()
    assert caught.value.message.startswith("a [31mb c d exxx")
    assert len(caught.value.message) <= 500


# Replays.


@pytest.mark.parametrize(
    ("headers", "replayed"),
    [
        ({}, False),
        ({"Idempotency-Replayed": "true"}, True),
        ({"idempotent-replayed": "True"}, True),
        ({"X-Idempotent-Replay": "1"}, True),
        ({"IDEMPOTENCY-REPLAY": "yes"}, True),
        ({"Idempotency-Replayed": "2026-03-19T10:00:00"}, True),
        ({"Idempotency-Replayed": "false"}, False),
        ({"Idempotency-Replayed": " False "}, False),
        ({"Idempotency-Replayed": "0"}, False),
        ({"Idempotency-Replayed": "no"}, False),
        ({"Idempotency-Replayed": ""}, False),
        ({"Access-Control-Expose-Headers": "Idempotency-Replayed"}, False),
    ],
)
async def test_a_replay_is_recognised_by_any_of_its_headers(
    scripted, wanted, ada, headers, replayed
):
    reply = json_reply(content("booking"), headers=headers)
    async with scripted(reply) as (session, _):
        booking = await session.ticketing.bookings.create(
            **wanted, customer=ada, idempotency_key="mine"
        )
    assert booking == attrs.evolve(
        cast("Booking", EXPECTED["booking", "B"]), replayed=replayed, idempotency_key="mine"
    )


async def test_a_server_cannot_set_what_only_the_client_knows(scripted):
    body = content("booking") | {"replayed": True, "idempotency_key": "theirs"}
    assert await ask(scripted, "booking", body) == EXPECTED["booking", "B"]
    body = content("reservation") | {"received_at": "2001-01-01T00:00:00"}
    assert await ask(scripted, "reservation", body) == EXPECTED["reservation", "B"]
