"""What servers are known to write differently, and what is read as it comes."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from eguma_async import DecodingError, InvalidRequestError, ResultMismatchError
from eguma_async.core.fields import LENIENT
from eguma_async.korus import (
    KORUS,
    BulkOrders,
    BulkReservations,
    CreateOrders,
    Customer,
    FailedOrder,
    FailedReservation,
    GetOffer,
    ListOffers,
    OfferItem,
    ReserveOffers,
    TicketChoice,
    ViolationsError,
)
from eguma_async.korus.errors import MUST_BE_FALSE
from eguma_async.korus.json_ld import as_list
from eguma_async.testing import json_reply
from tests.korus.client.conftest import wire
from tests.korus.client.test_wire import OPERATIONS, READS, fixture

CATALOG = "/v1/ticketing/catalogs/1"
BASE = f"{CATALOG}/product_bases/2"
OFFER = f"{CATALOG}/offers/1"
TICKET = f"{OFFER}/tickets/1"
ONE, TWO = "/v1/booking/reservations/1", "/v1/booking/reservations/2"
JOHN = Customer("John", "Doe", "john@example.com")


def gapped(value):
    """Write every list as PHP writes one with a gap, and an empty one as an object."""
    if isinstance(value, dict):
        return {key: gapped(each) for key, each in value.items()}
    if isinstance(value, list):
        return {str(3 * number): gapped(each) for number, each in enumerate(value)}
    return value


@pytest.mark.parametrize(("name", "answer"), [key for key in READS if key[0] != "option-values"])
async def test_lists_with_gaps_are_read_as_lists_wherever_one_is_meant(scripted, name, answer):
    found = fixture(name)["responses"][answer]
    body = gapped(found["body"])
    async with scripted(json_reply(body, found["status"])) as (session, _):
        value = await session.send(OPERATIONS[name])
    expected = READS[name, answer]
    got = list(value.items) if isinstance(expected, list) else value
    assert _without_raw(got) == _without_raw(expected)


def _without_raw(value):
    """Leave out what is kept as it came, and so has the gaps."""
    if isinstance(value, list):
        return [_without_raw(each) for each in value]
    if isinstance(value, (BulkReservations, BulkOrders)):
        messages: Any = tuple(f.message for f in value.failed)
        return attrs.evolve(value, failed=messages)
    return value


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"0": "a", "1": "b"}, ["a", "b"]),
        ({"7": "a"}, ["a"]),
        ({"2": "a", "0": "b"}, ["a", "b"]),
        ({}, []),
        (["a"], ["a"]),
        ({"@id": "a"}, {"@id": "a"}),
        ({"0": "a", "x": "b"}, {"0": "a", "x": "b"}),
        ({"-1": "a"}, {"-1": "a"}),
        ({"²": "a"}, {"²": "a"}),
        (None, None),
        ("0", "0"),
    ],
)
def test_only_an_object_with_numbers_for_names_is_a_list(written, read):
    assert as_list(written) == read


async def test_an_object_that_is_no_list_is_not_guessed_to_be_one(scripted):
    body = {"@id": OFFER, "product": CATALOG, "tickets": {"@id": TICKET}}
    async with scripted(json_reply(body)) as (session, _):
        with pytest.raises(DecodingError, match=r"expected an array, got an object @ \$\.tickets"):
            await session.send(GetOffer(iri=OFFER))


@pytest.mark.parametrize("price", [[], {}, None])
async def test_an_empty_array_is_an_empty_object(scripted, price):
    body = {"@id": OFFER, "product": {"@id": CATALOG, "name": None}, "price": price}
    async with scripted(json_reply(body)) as (session, _):
        offer = await session.send(GetOffer(iri=OFFER))
    assert offer.price is None
    async with scripted(json_reply({**body, "product": []})) as (session, _):
        with pytest.raises(DecodingError, match=r"required field missing @ \$\.product\.@id"):
            await session.send(GetOffer(iri=OFFER))


VIOLATION = {
    "propertyPath": "reservations[1].expired",
    "message": "expired",
    "code": MUST_BE_FALSE,
}


@pytest.mark.parametrize("violations", [[VIOLATION], {"1": VIOLATION}, {"0": "x", "4": VIOLATION}])
@pytest.mark.parametrize("words", ["detail", "hydra:description", "hydra:title"])
async def test_violations_are_read_from_a_list_with_gaps(scripted, violations, words):
    refusal = json_reply({"status": 422, "violations": violations, words: "no"}, 422)
    async with scripted(refusal) as (session, _):
        with pytest.raises(ViolationsError) as caught:
            await session.orders.create([ONE, TWO], JOHN, "A-1")
    assert caught.value.expired_reservations == (TWO,)
    assert caught.value.message == "no"


async def test_no_violations_are_none_however_they_are_written(scripted):
    async with scripted(json_reply({"violations": {}}, 422)) as (session, _):
        with pytest.raises(ViolationsError) as caught:
            await session.orders.create([ONE], JOHN, "A-1")
    assert caught.value.violations == ()
    async with scripted(json_reply({"violations": {"a": VIOLATION}}, 422)) as (session, _):
        with pytest.raises(InvalidRequestError) as refused:
            await session.orders.create([ONE], JOHN, "A-1")
    assert not isinstance(refused.value, ViolationsError)


def test_a_failed_order_tells_its_expiry_from_a_list_with_gaps():
    raw = {"reservation": ONE, "violations": {"1": {**VIOLATION, "message": "late"}}}
    assert FailedOrder(raw=raw).expired
    assert FailedOrder(raw=raw).message == "late"


@pytest.mark.parametrize(
    ("raw", "offer", "quantity"),
    [
        ({"offer": OFFER, "quantity": 2}, OFFER, 2),
        ({"offer": {"@id": OFFER}}, OFFER, None),
        ({"@id": OFFER, "@type": "TicketingOffer"}, OFFER, None),
        ({"@id": f"https://api.example{OFFER}", "quantity": 0}, OFFER, None),
        ({"@id": "/.well-known/genid/1", "quantity": True}, None, None),
        ({"value": 7}, None, None),
    ],
)
def test_a_failed_reservation_tells_its_offer_where_it_can(raw, offer, quantity):
    failure = FailedReservation(raw=raw)
    assert (failure.offer, failure.quantity) == (offer, quantity)


async def test_failures_of_any_json_type_are_kept(scripted):
    shapes = [OFFER, "sold out", 7, None, [], ["a"], {}]
    body = {"reservations": [], "failedReservations": shapes}
    item = OfferItem(OFFER, [TicketChoice(TICKET)])
    async with scripted(json_reply(body)) as (session, _):
        result = await session.reservations.create([item])
    assert [f.raw for f in result.failed] == [
        {"@id": OFFER},
        {"@id": "sold out"},
        {"value": 7},
        {"value": None},
        {},
        {"value": ["a"]},
        {},
    ]
    assert result.failed[0].offer == OFFER
    assert result.missing == ()


# Free values


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"logo": "https://x/y.png"}, {"logo": "https://x/y.png"}),
        ([{"url": "https://x/y.png"}], [{"url": "https://x/y.png"}]),
        ("https://x/y.png", "https://x/y.png"),
        ([], None),
        ({}, None),
        (None, None),
    ],
)
async def test_pictures_are_read_as_they_come(scripted, written, read):
    row = {"@id": BASE, "name": "n", "medias": written}
    async with scripted(json_reply({"member": [row]})) as (session, _):
        (base,) = [b async for b in session.product_bases.list(CATALOG)]
    assert base.medias == read
    assert base.raw == row


@pytest.mark.parametrize("name", ["Zone", {"fr": "Zone", "en": "Area"}, None])
@pytest.mark.parametrize("member", ["name", "label"])
async def test_the_name_of_an_option_is_read_as_it_comes(scripted, name, member):
    body = json_reply({"member": [{"code": "zone", member: name}]})
    async with scripted(body, body) as (session, _):
        (option,) = [o async for o in session.product_bases.options(BASE)]
        (value,) = [v async for v in session.product_bases.option_values(BASE, "zone")]
    assert option.name == name == value.name


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2025-06-07", date(2025, 6, 7)),
        ("2025-06-07T00:00:00+02:00", date(2025, 6, 7)),
        ("2025-06-07T23:30:00-05:00", date(2025, 6, 7)),
        ("2025-06-07T00:00:00", date(2025, 6, 7)),
        (None, None),
    ],
)
async def test_a_day_may_be_written_as_an_instant(scripted, written, day):
    body = {"member": [{"@id": OFFER, "product": CATALOG, "date": written}]}
    async with scripted(json_reply(body)) as (session, _):
        (offer,) = (await session.send(ListOffers(catalog=CATALOG))).items
    assert offer.date == day


@pytest.mark.parametrize("written", ["2025-06-07Tmorning", "07.06.2025", "2025-13-01", 20250607])
async def test_what_is_no_day_is_refused(scripted, written):
    body = {"@id": OFFER, "product": CATALOG, "date": written}
    async with scripted(json_reply(body)) as (session, _):
        with pytest.raises(DecodingError, match=r"@ \$\.date"):
            await session.offers.get(OFFER)


async def test_an_instant_may_be_written_as_a_day(scripted):
    body = {"member": [{"@id": f"{TICKET}/sessions/1", "date": "2025-06-07"}]}
    async with scripted(json_reply(body)) as (session, _):
        (slot,) = [s async for s in session.offers.sessions(TICKET)]
    assert slot.occurs_at == datetime(2025, 6, 7)


# Fields of our own


@pytest.mark.parametrize("odd", [0, "x", {"offer": 1}, [7]])
async def test_members_named_like_fields_of_our_own_do_no_harm(scripted, odd):
    bulk = wire("reserve") | {"missing": odd, "unaccounted": odd, "unreadable": odd, "raw": odd}
    orders = wire("order-create") | {"unaccounted": odd, "failed": odd}
    async with scripted(json_reply(bulk), json_reply(orders)) as (session, _):
        held = await session.send(OPERATIONS["reserve"])
        booked = await session.send(OPERATIONS["order-create"])
    assert held == READS["reserve", "seed"]
    assert booked == READS["order-create", "seed"]


# One resource, and not another


async def test_another_resource_than_was_asked_for_is_refused(scripted):
    other = json_reply({**wire("reservation"), "@id": TWO})
    async with scripted(other) as (session, transport):
        with pytest.raises(ResultMismatchError, match="another resource was asked for") as caught:
            await session.reservations.get(ONE)
    assert caught.value.result.iri == TWO
    assert caught.value.operation == "GetReservation"
    assert not caught.value.outcome_unknown
    assert len(transport.requests) == 1  # asking again would not help


@pytest.mark.parametrize(
    "iri", [ONE, f"https://api.example{ONE}", "/v2/holds/1", "/.well-known/genid/7"]
)
async def test_one_resource_may_have_several_paths(scripted, iri):
    async with scripted(json_reply({**wire("reservation"), "@id": iri})) as (session, _):
        assert (await session.reservations.get(ONE)).total_amount_incl_tax == 80


# Unreadable elements of a bulk result


async def test_one_reservation_that_cannot_be_read_does_not_hide_the_others(scripted):
    (good,) = wire("reserve")["reservations"]
    bad = dict(good)
    del bad["expiresAt"]
    item = OPERATIONS["reserve"].items[0]
    async with scripted(json_reply({"reservations": [good, bad]})) as (session, _):
        result = await session.send(ReserveOffers(items=[item, item]))
    assert [r.iri for r in result.reservations] == [good["@id"]]
    assert [element.raw for element in result.unreadable] == [bad]
    assert result.missing == (item,)
    with pytest.raises(ResultMismatchError):
        result.raise_for_failures()


async def test_one_order_that_cannot_be_read_is_unaccounted_for(scripted):
    good = wire("order-create")["orders"][0]
    bad = {**good, "@id": "/v1/booking/orders/2", "reservation": TWO, "totalAmountInclTax": "8e1"}
    asked = CreateOrders(
        reservations=[good["reservation"], TWO], customer=JOHN, external_reference="A-1"
    )
    async with scripted(json_reply({"orders": [good, bad]})) as (session, _):
        result = await session.send(asked)
    assert [o.reservation for o in result.orders] == [good["reservation"]]
    assert (result.unaccounted, len(result.unreadable)) == ((TWO,), 1)
    with pytest.raises(ResultMismatchError):
        result.raise_for_failures()


async def test_what_was_refused_is_told_beside_what_cannot_be_read(scripted):
    one, two = {"reservation": ONE}, {"reservation": TWO}
    asked = CreateOrders(reservations=[ONE, TWO], customer=JOHN, external_reference="A-1")
    async with scripted(json_reply({"orders": [one], "failedOrders": [two]})) as (session, _):
        result = await session.send(asked)
    assert [failure.reservation for failure in result.failed] == [TWO]
    assert (result.orders, [each.raw for each in result.unreadable]) == ((), [one])
    assert result.unaccounted == (ONE,)


async def test_a_bulk_result_of_which_nothing_can_be_read_is_an_error(scripted):
    item = OPERATIONS["reserve"].items[0]
    ordered = CreateOrders(reservations=[ONE], customer=JOHN, external_reference="A-1")
    steps = json_reply({"reservations": [{}]}), json_reply({"orders": [{}]})
    async with scripted(*steps) as (session, _):
        for asked, name in ((ReserveOffers(items=[item]), "reservations"), (ordered, "orders")):
            with pytest.raises(DecodingError) as caught:
                await session.send(asked)
            assert f"required field missing @ $.{name}[0].@id" in caught.value.problems
            assert caught.value.outcome_unknown


def test_every_list_of_resources_keeps_what_can_be_read():
    from eguma_async import korus

    pages = [getattr(korus, name) for name in korus.__all__ if name.endswith("Page")]
    listed = [page for page in pages if attrs.has(page)]
    assert len(listed) >= 11
    for page in listed:
        assert LENIENT.items() <= attrs.fields_dict(page)["member"].metadata.items(), page


def test_amounts_and_moments_go_back_as_they_came():
    moment = datetime(2025, 6, 7, 20, tzinfo=timezone(timedelta(hours=2)))
    assert KORUS.codec.converter.unstructure(moment) == "2025-06-07T20:00:00+02:00"
    assert KORUS.codec.converter.unstructure(date(2025, 6, 7)) == "2025-06-07"
