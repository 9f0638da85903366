"""Operations to bytes and documented answers to objects, from the files in tests/wire/korus."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from eguma_async import DecodingError, NotFoundError, OpenEnum
from eguma_async.korus import (
    Beneficiary,
    BulkOrders,
    BulkReservations,
    Catalog,
    CreateOrders,
    Customer,
    DocumentLink,
    FailedOrder,
    FailedReservation,
    GetCatalog,
    GetOfferAvailability,
    GetOfferPrice,
    GetOrder,
    GetReservation,
    Iri,
    LinkDocument,
    ListCatalogs,
    ListDocuments,
    ListOffers,
    ListOfferSessions,
    ListOfferTickets,
    ListOptionValues,
    ListOrders,
    ListProductBases,
    ListProducts,
    ListReservations,
    Offer,
    OfferAvailability,
    OfferItem,
    OfferPrice,
    OfferProduct,
    OfferSession,
    OfferTicket,
    Order,
    OrderCustomer,
    OrderDocument,
    OrderItem,
    OrderStatus,
    OrderTicket,
    Product,
    ProductBase,
    ProductBaseOptionValue,
    Reservation,
    ReservationStatus,
    ReservedItem,
    ReservedTicket,
    ReserveOffers,
    SeatsArrangement,
    SessionAvailability,
    TicketChoice,
    TicketSeating,
    TicketStatus,
    Title,
    UpdateBeneficiary,
    Venue,
    ViolationsError,
)
from eguma_async.testing import json_reply

WIRE = Path(__file__).parents[2] / "wire" / "korus"
DEMO = "https://api.demo.korusticket.com"
CATALOG = Iri("/v1/ticketing/catalogs/0194abdc-3a71-72b0-a9b9-89d4be0cd73e")
CLUB = Iri("/v1/ticketing/catalogs/0196f2ef-c0de-7456-ac8e-8e2479c54aa5")
BASE = Iri(f"{CLUB}/product_bases/0199570c-3380-7e12-9dcd-7cbe238e71f0")
PRODUCT = Iri(f"{CATALOG}/products/0194abfe-1c04-7ade-9bc3-dbcfefb12652")
OFFER = Iri(f"{CATALOG}/offers/0194ac40-fda7-78c1-8fcb-26fc2df25894")
DYNAMIC = Iri(f"{CATALOG}/offers/0194ac3f-7bdd-7175-a275-30c865618283")
ENTRY = Iri(f"{OFFER}/tickets/0194ac40-fda7-78c1-8fcb-26fc2e2612d4")
SHOW = Iri(f"{OFFER}/tickets/7522b8de-37a2-458d-b099-6d515b0739be")
SESSION = Iri(f"{SHOW}/sessions/337177bc-e513-444f-bcee-49a3e25b48a3")
RESERVATION = Iri("/v1/booking/reservations/35e72d9b-0fdc-44e3-869c-e1781c14418e")
ORDERED = Iri("/v1/booking/reservations/0194b10f-3ddd-70a5-a96a-d1026cd42746")
ORDER = Iri("/v1/booking/orders/0194b132-448c-7d1b-bb13-f8e09ae5c18f")
DOCUMENT = Iri(f"{ORDER}/documents/0194b132-449c-79cd-9da1-50be439b6e9d")
TICKET = Iri(
    f"{ORDER}/items/0194b132-4490-7aaa-8bbb-000000000001"
    "/tickets/0194b132-4491-7aaa-8bbb-000000000002"
)
SUMMER, WINTER = timezone(timedelta(hours=2)), timezone(timedelta(hours=1))
SHOW_AT = datetime(2025, 6, 7, 20, 0, tzinfo=SUMMER)

JOHN = Customer(
    "John", "Doe", "john.doe@gmail.com", phone="0612345678", country="FR", language="fr"
)
BORN = Beneficiary(
    firstname="john",
    lastname="doe",
    title=Title.MR,
    nationality="FR",
    date_of_birth=date(2000, 1, 1),
    place_of_birth="Aix-en-Provence",
    email="john.doe@example.com",
    phone="+33610203040",
)

OPERATIONS: dict[str, Any] = {
    "catalogs": ListCatalogs(order="desc"),
    "product-bases": ListProductBases(catalog=CLUB, with_disabled=True),
    "option-values": ListOptionValues(product_base=BASE, code="zone"),
    "products": ListProducts(parent=CATALOG),
    "offers": ListOffers(
        catalog=CATALOG,
        products=(PRODUCT, "0194abfe-1bdb-7b12-af59-ad81ae443689"),
        session=SESSION,
        product_base=BASE,
        option_values=("a",),
        date_after=date(2025, 6, 1),
        date_strictly_after=date(2025, 5, 31),
        date_before=date(2025, 6, 30),
        date_strictly_before=date(2025, 7, 1),
        order="asc",
    ),
    "price": GetOfferPrice(iri=DYNAMIC),
    "availability": GetOfferAvailability(iri=DYNAMIC),
    "offer-tickets": ListOfferTickets(offer=OFFER),
    "offer-sessions": ListOfferSessions(ticket=SHOW),
    "reserve": ReserveOffers(
        items=[OfferItem(OFFER, [TicketChoice(ENTRY), TicketChoice(SHOW, SESSION)])]
    ),
    "reservations": ListReservations(),
    "reservation": GetReservation(iri=RESERVATION),
    "order-create": CreateOrders(
        reservations=[ORDERED],
        customer=JOHN,
        external_reference="CUSTOM_BOOKING_REF_NUMBER_003",
    ),
    "orders": ListOrders(
        external_reference="A-1",
        created_at_after=datetime(2025, 1, 29, tzinfo=UTC),
        created_at_before=datetime(2025, 1, 30, tzinfo=WINTER),
        order="asc",
    ),
    "order": GetOrder(iri=ORDER),
    "documents": ListDocuments(order=ORDER),
    "document-link": LinkDocument(iri=DOCUMENT, language="en"),
    "beneficiary": UpdateBeneficiary(iri=TICKET, beneficiary=BORN),
    "error": GetCatalog(iri=CATALOG),
}

_CATALOG = Catalog(
    iri=CATALOG,
    name="Catalogue Puy du Fou - CSE",
    created_at=datetime(2025, 1, 28, 7, 42, 4, tzinfo=UTC),
)
_BASE = ProductBase(iri=BASE, name="Saison 2025 - 2026 - Ligue 1 Uber Eats - OL / FC LORIENT")
_OFFER = Offer(
    iri=OFFER,
    date=date(2025, 6, 7),
    availability_check_required=False,
    realtime_price_required=True,
    price=OfferPrice(amount_incl_tax=Decimal("80.00"), currency="EUR"),
    product=OfferProduct(iri=PRODUCT, name="Puy du Fou", description="", disabled=False),
    tickets=(OfferTicket(iri=ENTRY, date_access=True), OfferTicket(iri=SHOW, date_access=False)),
)
_BARE_OFFER = Offer(
    iri=OFFER,
    product=OfferProduct(iri=PRODUCT),
    tickets=(OfferTicket(iri=ENTRY), OfferTicket(iri=SHOW)),
)
_RESERVATION = Reservation(
    iri=RESERVATION,
    expired=False,
    created_at=datetime(2025, 1, 29, 7, 55, 53, tzinfo=UTC),
    expires_at=datetime(2025, 1, 29, 8, 10, 53, tzinfo=UTC),
    total_amount_incl_tax=Decimal("80.00"),
    total_amount_excl_tax=Decimal("75.83"),
    items=(
        ReservedItem(
            offer=OFFER,
            product=PRODUCT,
            unit_amount_incl_tax=Decimal("80.00"),
            unit_amount_excl_tax=Decimal("75.83"),
            offer_tickets=(
                ReservedTicket(ticket=ENTRY),
                ReservedTicket(ticket=SHOW, session=SESSION),
            ),
        ),
    ),
    organization=Iri("/v1/ticketing/organizations/0194abdc-3a79-7ec3-b1b9-a1f291de587d"),
)
_OLDER_RESERVATION = attrs.evolve(
    _RESERVATION,
    total_amount_excl_tax=None,
    catalog=CATALOG,
    seats_arrangement=SeatsArrangement("SCATTERED"),
    releasable=True,
    status=ReservationStatus.RESERVED,
    items=(attrs.evolve(_RESERVATION.items[0], unit_amount_excl_tax=None, date=date(2025, 6, 7)),),
)
_FRESH_TICKET = OrderTicket(
    iri=Iri("/.well-known/genid/6fef51eaef68c943a2de"),
    ticket=ENTRY,
    beneficiary_amendable=True,
    status=TicketStatus.VALIDATED,
)
_ORDER = Order(
    iri=ORDER,
    created_at=datetime(2025, 1, 29, 8, 34, 9, tzinfo=UTC),
    organization=Iri("/v1/organizations/0194abdc-3a79-7ec3-b1b9-a1f291de587d"),
    reference="KT-ORD-6799E80128885",
    external_reference="CUSTOM_BOOKING_REF_NUMBER_003",
    total_amount_incl_tax=Decimal("80.00"),
    total_amount_excl_tax=Decimal("75.83"),
    reservation=ORDERED,
    customer=None,
    items=(
        OrderItem(
            unit_amount_incl_tax=Decimal("80.00"),
            unit_amount_excl_tax=Decimal("75.83"),
            product=Iri(
                "/v1/ticketing/catalogs/0194d07e-aa37-7171-820c-712e91552451"
                "/products/0194abfe-1bdb-7b12-af59-ad81ae443689"
            ),
            tickets=(
                _FRESH_TICKET,
                attrs.evolve(
                    _FRESH_TICKET,
                    iri=Iri("/.well-known/genid/567f51eaef68c943aaa"),
                    ticket=SHOW,
                    voucher="8553501100013199",
                    occurs_at=SHOW_AT,
                    beneficiary_designation_deadline=datetime(2025, 12, 31, 18, 30, tzinfo=WINTER),
                    seating=TicketSeating(
                        seat_number="227",
                        level="EST/INT-127-128-129-130-131",
                        row="26",
                        stand="EST",
                        stair="131",
                        gate="V",
                    ),
                ),
            ),
        ),
    ),
    documents=(DOCUMENT,),
)
_NEWER_ORDER = attrs.evolve(
    _ORDER,
    reference="KTOLKT-84A749",
    connector_reference="3875",
    status=OrderStatus.CONFIRMED,
    catalog=CATALOG,
    customer=OrderCustomer(
        firstname="John",
        lastname="Doe",
        email="john.doe@gmail.com",
        optin=False,
        country="FR",
        language="fr",
        title=Title.MX,
    ),
    items=(
        OrderItem(
            id="0194b132-4490-7aaa-8bbb-000000000001",
            quantity=1,
            unit_amount_incl_tax=Decimal("80.00"),
            unit_amount_excl_tax=Decimal("75.83"),
            total_amount_incl_tax=Decimal("80.00"),
            total_amount_excl_tax=Decimal("75.83"),
            amount_incl_tax=Decimal("80.00"),
            amount_excl_tax=Decimal("75.83"),
            date=date(2026, 1, 18),
            product=PRODUCT,
            tickets=(
                OrderTicket(
                    iri=TICKET,
                    voucher="8555400800002783",
                    required_beneficiary_fields=("dateOfBirth",),
                    beneficiary_amendable=False,
                    status=TicketStatus.WAITING_BENEFICIARY_DATA,
                ),
            ),
        ),
    ),
)

# A list stands for the elements of a page.
READS = {
    ("catalogs", "seed"): [_CATALOG],
    ("catalogs", "v1.0.19"): [
        attrs.evolve(_CATALOG, last_synced_at=datetime(2025, 1, 29, 3, tzinfo=UTC))
    ],
    ("catalogs", "empty"): [],
    ("product-bases", "v1.0.38"): [_BASE],
    ("product-bases", "release"): [
        attrs.evolve(
            _BASE,
            description="<p>x</p>",
            use_session=True,
            timezone="Europe/Paris",
            recurring=False,
            beneficiary_info_may_be_required=True,
            instant_document_delivery=False,
            universe="sport",
            venue=Venue(name="Groupama Stadium", postal_code="69150", latitude="45.7653"),
        )
    ],
    ("option-values", "v1.0.29"): [
        ProductBaseOptionValue(
            iri=Iri(f"{BASE}/options/zone/values/east"), code="zone", name="Est", value="east"
        )
    ],
    ("products", "seed"): [
        Product(
            iri=PRODUCT,
            name="Puy du Fou 1 jour Adulte + Cinéscénie Argent",
            description="<span>…</span>",
        )
    ],
    ("offers", "v1.0.7"): [_OFFER],
    ("offers", "bare"): [_BARE_OFFER],
    ("price", "public"): OfferPrice(
        amount_incl_tax=Decimal("100.00"), amount_excl_tax=Decimal("80.00"), currency="EUR"
    ),
    ("availability", "public"): OfferAvailability(
        available_quantity=41301,
        sessions_availability=(
            SessionAvailability(
                session=Iri(
                    f"{DYNAMIC}/tickets/0199570c-9a82-791e-ab92-88e99b5f159a"
                    "/sessions/0199570c-9a85-7f53-962a-a8f0a54441cb"
                ),
                available_quantity=4000,
            ),
        ),
    ),
    ("availability", "v1.0.7"): OfferAvailability(available_quantity=10),
    ("offer-tickets", "public"): [
        OfferTicket(iri=ENTRY, name="Entrée 1 jour", description="", date_access=True)
    ],
    ("offer-sessions", "inferred"): [
        OfferSession(iri=SESSION, occurs_at=SHOW_AT, available_quantity=12)
    ],
    ("offer-sessions", "renamed"): [OfferSession(iri=SESSION, occurs_at=SHOW_AT)],
    ("reserve", "seed"): BulkReservations(reservations=(_RESERVATION,)),
    ("reserve", "v1.0.7"): BulkReservations(
        reservations=(
            attrs.evolve(
                _OLDER_RESERVATION,
            ),
        )
    ),
    ("reserve", "failed"): BulkReservations(
        reservations=(),
        failed=(
            FailedReservation(
                raw={
                    "@type": "FailedReservation",
                    "@id": "/.well-known/genid/2b",
                    "offer": OFFER,
                    "quantity": 1,
                    "message": "Complet",
                }
            ),
        ),
    ),
    ("reservations", "seed"): [_RESERVATION],
    ("reservation", "seed"): _RESERVATION,
    ("order-create", "seed"): BulkOrders(orders=(_ORDER,)),
    ("order-create", "failed"): BulkOrders(
        orders=(),
        failed=(
            FailedOrder(
                raw={
                    "@type": "FailedOrder",
                    "@id": "/.well-known/genid/4d",
                    "reservation": ORDERED,
                    "message": "Refus",
                }
            ),
        ),
    ),
    ("orders", "seed"): [_ORDER],
    ("order", "release"): _NEWER_ORDER,
    ("documents", "v1.0.19"): [
        OrderDocument(iri=DOCUMENT, downloadable_at=datetime(2025, 1, 29, 8, 35, tzinfo=UTC))
    ],
    ("beneficiary", "v1.0.19"): OrderTicket(
        iri=TICKET,
        voucher="8555400800002783",
        beneficiary=BORN,
        beneficiary_amendable=True,
        status=TicketStatus.VALIDATED,
    ),
}


def fixture(name):
    return json.loads((WIRE / f"{name}.json").read_text("utf-8"))


def reply(name, answer):
    found = fixture(name)["responses"][answer]
    return json_reply(found["body"], found["status"])


def test_every_fixture_is_used_and_every_answer_is_read():
    assert {path.stem for path in WIRE.glob("*.json")} == set(OPERATIONS)
    answers = {(name, answer) for name in OPERATIONS for answer in fixture(name)["responses"]}
    apart = {("order-create", "expired"), ("error", "public"), ("document-link", "public")}
    assert answers == set(READS) | apart


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_request_is_exactly_what_the_reference_shows(scripted, name):
    found = fixture(name)
    answer = next(iter(found["responses"]))
    async with scripted(reply(name, answer)) as (session, transport):
        try:
            await session.send(OPERATIONS[name])
        except NotFoundError:
            assert name == "error"
    (sent,) = transport.requests
    expected = found["request"]
    assert (sent.method, sent.url) == (expected["method"], DEMO + expected["path"])
    assert [list(pair) for pair in sent.query] == expected["query"]
    assert dict(sent.headers) == expected["headers"]
    assert (None if sent.body is None else sent.body.decode()) == expected["body"]
    assert sent.credentials.headers == (
        ("Authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.canary-access-token"),
    )


@pytest.mark.parametrize(("name", "answer"), READS)
async def test_an_answer_becomes_exactly_these_objects(scripted, name, answer):
    async with scripted(reply(name, answer)) as (session, _):
        value = await session.send(OPERATIONS[name])
    expected = READS[name, answer]
    if isinstance(expected, list):
        assert list(value.items) == expected
        assert value.total_items == len(expected)
    else:
        assert value == expected


async def test_a_signed_link_is_read_and_shown_to_nobody(scripted):
    async with scripted(reply("document-link", "public")) as (session, _):
        link = await session.documents.link(DOCUMENT)
    assert isinstance(link, DocumentLink)
    assert (link.iri, link.cached_language) == (DOCUMENT, "fr")
    assert link.temporary_url.reveal().endswith("&Signature=abc%2Bdef%3D")
    assert "Signature" not in repr(link)


async def test_an_instant_keeps_the_offset_of_the_venue(scripted):
    async with scripted(reply("order-create", "seed")) as (session, _):
        booked = await session.send(OPERATIONS["order-create"])
    entry, show = booked.orders[0].items[0].tickets
    assert entry.occurs_at is None
    assert show.occurs_at.utcoffset() == timedelta(hours=2)
    assert show.beneficiary_designation_deadline.utcoffset() == timedelta(hours=1)


async def test_an_unknown_value_of_an_enumeration_keeps_its_text(scripted):
    async with scripted(reply("reserve", "v1.0.7")) as (session, _):
        held = await session.send(OPERATIONS["reserve"])
    arrangement = held.reservations[0].seats_arrangement
    assert isinstance(arrangement, OpenEnum)
    assert (arrangement, arrangement.is_known) == ("SCATTERED", False)


async def test_unknown_members_stay_reachable(scripted):
    async with scripted(reply("option-values", "v1.0.29")) as (session, _):
        (value,) = (await session.send(OPERATIONS["option-values"])).items
    assert value.raw["surprise"] == 1


async def test_an_expired_reservation_is_named(scripted):
    async with scripted(reply("order-create", "expired")) as (session, _):
        with pytest.raises(ViolationsError) as caught:
            await session.send(OPERATIONS["order-create"])
    (violation,) = caught.value.violations
    assert (violation.path, violation.index) == ("reservations[0].expired", 0)
    assert violation.code == "d53a91b0-def3-426a-83d7-269da7ab4200" == caught.value.error_code
    assert violation.message == "La réservation a expiré"
    assert caught.value.expired_reservations == (ORDERED,)
    assert str(caught.value) == (
        "CreateOrders: HTTP 422 d53a91b0-def3-426a-83d7-269da7ab4200 @ reservations[0].expired"
    )


async def test_a_fault_is_located_in_the_names_of_the_wire(scripted):
    body = fixture("reservation")["responses"]["seed"]["body"]
    del body["totalAmountInclTax"]
    body["items"][0]["offerTickets"][0]["ticket"] = 5
    body["items"][0]["unitAmountInclTax"] = "8e1"
    async with scripted(json_reply(body)) as (session, _):
        with pytest.raises(DecodingError) as caught:
            await session.reservations.get(RESERVATION)
    assert set(caught.value.problems) == {
        "required field missing @ $.totalAmountInclTax",
        "expected a link @ $.items[0].offerTickets[0].ticket",
        "expected an amount such as 80.00, got text @ $.items[0].unitAmountInclTax",
    }


async def test_the_identity_of_a_resource_may_not_be_missing(scripted):
    async with scripted(json_reply({"name": "x", "createdAt": "2025-01-28T07:42:04Z"})) as (s, _):
        with pytest.raises(DecodingError, match=r"required field missing @ \$\.@id"):
            await s.catalogs.get(CATALOG)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("80.00", Decimal("80.00")),
        ("80", Decimal("80.00")),
        (80, Decimal("80.00")),
        (80.1, Decimal("80.10")),
        (1234567.89, Decimal("1234567.89")),
        ("0.1", Decimal("0.10")),
        ("-5.00", Decimal("-5.00")),
        ("80.125", Decimal("80.125")),
    ],
)
async def test_money_keeps_its_cents(scripted, written, read):
    async with scripted(json_reply({"amountInclTax": written})) as (session, _):
        price = await session.offers.price(OFFER)
    assert str(price.amount_incl_tax) == str(read)


@pytest.mark.parametrize("written", ["8e1", "NaN", "Infinity", "", " 80", "80,00", "+80", True, []])
async def test_what_is_no_plain_amount_is_refused(scripted, written):
    async with scripted(json_reply({"amountInclTax": written})) as (session, _):
        with pytest.raises(DecodingError, match=r"expected an amount .* @ \$\.amountInclTax"):
            await session.offers.price(OFFER)


async def test_the_language_of_the_session_goes_with_every_request(scripted):
    async with scripted(
        reply("price", "public"), reply("document-link", "public"), language="en"
    ) as (session, transport):
        await session.offers.price(OFFER)
        await session.documents.link(DOCUMENT, language="de")
    assert [r.headers["Accept-Language"] for r in transport.requests] == ["en", "de"]


@pytest.mark.parametrize("kind", ["ConstraintViolation", None])
async def test_violations_are_recognised_by_what_they_hold(scripted, kind):
    answer = {
        "@type": kind,
        "violations": [
            {
                "propertyPath": "reservations[7].expired",
                "message": "x",
                "code": "d53a91b0-def3-426a-83d7-269da7ab4200",
            },
            {"odd": 1},
            "text",
        ],
    }
    async with scripted(json_reply(answer, 422)) as (session, _):
        with pytest.raises(ViolationsError) as caught:
            await session.send(OPERATIONS["order-create"])
    # K4: an index that was not sent names no reservation; the violation itself is kept.
    assert caught.value.expired_reservations == ()
    assert [v.index for v in caught.value.violations] == [7, None]
    assert b"reservations[7]" in caught.value.body


async def test_only_the_rule_against_expiry_tells_of_expiry(scripted):
    path = "reservations[0].expired"
    answer = {"violations": [{"propertyPath": path, "message": "La réservation a expiré"}]}
    async with scripted(json_reply(answer, 422)) as (session, _):
        with pytest.raises(ViolationsError) as caught:
            await session.send(OPERATIONS["order-create"])
    assert caught.value.expired_reservations == ()
    assert caught.value.violations[0].path == path
