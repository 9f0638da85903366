"""Rules 1 to 18: reservations."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

RESERVE = "/v1/booking/reservations/_bulk"
CATALOG = "/v1/ticketing/catalogs/0194abdc-3a71-72b0-a9b9-89d4be0cd73e"
OFFER = f"{CATALOG}/offers/0194ac40-fda7-78c1-8fcb-26fc2df25894"
ENTRY = f"{OFFER}/tickets/0194ac40-fda7-78c1-8fcb-26fc2e2612d4"
SHOW = f"{OFFER}/tickets/7522b8de-37a2-458d-b099-6d515b0739be"
SESSION = f"{SHOW}/sessions/337177bc-e513-444f-bcee-49a3e25b48a3"
FALSE = "d53a91b0-def3-426a-83d7-269da7ab4200"
NOT_NULL = "ad32d13f-c3d4-423b-909a-857b961eb720"
NULL = "60d2f30b-8cfa-4372-b155-9656634de120"
CHOICE = "8e179f1b-97aa-4560-a02f-2a8b42e49df7"
TOO_FEW = "bef8e338-6ae5-4caf-b8e2-50e7b0579e69"
POSITIVE = "778b7ae0-84d3-481a-9dec-35fdb64b1d78"


def body(quantity=1, **changes):
    """The request as the booking workflow prints it, with members of its item changed."""
    item = {
        "quantity": quantity,
        "offer": OFFER,
        "ticketSessions": [{"ticket": ENTRY}, {"ticket": SHOW, "session": SESSION}],
    }
    return {"items": [{k: v for k, v in {**item, **changes}.items() if v is not ...}]}


async def test_rule_01_the_printed_request_is_held(api):
    response = await api.post(RESERVE, body())
    assert response.status == 200
    assert response.headers["content-type"] == "application/ld+json; charset=utf-8"
    answer = response.json()
    assert answer["@type"] == "CreateReservationBulkOutput"
    assert len(answer["reservations"]) == 1
    assert answer["failedReservations"] == []


@pytest.mark.parametrize("base", ["https://api.demo.korusticket.com", "https://korus.example"])
async def test_rule_02_the_context_names_the_base_url_and_both_arrays(make, base):
    api = await make(public_url=base)
    answer = (await api.post(RESERVE, body())).json()
    assert answer["@context"] == {
        "@vocab": f"{base}/docs.jsonld#",
        "hydra": "http://www.w3.org/ns/hydra/core#",
        "reservations": "CreateReservationBulkOutput/reservations",
        "failedReservations": "CreateReservationBulkOutput/failedReservations",
    }
    assert answer["@id"].startswith("/.well-known/genid/")


@pytest.mark.parametrize("generation", ["seed", "1.0.7", "release"])
async def test_rule_03_without_a_failure_the_list_of_failures_is_empty(make, generation):
    api = await make(generation=generation)
    assert (await api.reserve("plain"))["failedReservations"] == []


@pytest.mark.parametrize("generation", ["seed", "release"])
async def test_rule_04_a_ticket_without_a_session_has_no_session_key(make, generation):
    api = await make(generation=generation)
    [held] = await api.hold(body()["items"][0])
    echoed = held["items"][0]["offerTickets"][0]
    assert echoed["ticket"] == ENTRY
    assert "session" not in echoed


async def test_rule_05_a_chosen_session_is_echoed(api):
    [held] = await api.hold(body()["items"][0])
    echoed = held["items"][0]["offerTickets"][1]
    assert (echoed["ticket"], echoed["session"]) == (SHOW, SESSION)


async def test_rule_06_tickets_keep_the_order_of_the_request(api):
    choices = body()["items"][0]["ticketSessions"][::-1]
    [held] = await api.hold(body(ticketSessions=choices)["items"][0])
    echoed = held["items"][0]["offerTickets"]
    assert [ticket["ticket"] for ticket in echoed] == [SHOW, ENTRY]
    assert {ticket["@type"] for ticket in echoed} == {"ReservationItemOfferTicket"}
    assert all(ticket["@id"].startswith("/.well-known/genid/") for ticket in echoed)


async def test_rule_07_an_item_has_offer_product_and_unit_amounts(api):
    [held] = await api.hold(body()["items"][0])
    [item] = held["items"]
    assert item["offer"] == OFFER
    assert item["product"] == f"{CATALOG}/products/0194abfe-1c04-7ade-9bc3-dbcfefb12652"
    assert (item["unitAmountInclTax"], item["unitAmountExclTax"]) == ("80.00", "75.83")


async def test_rule_08_totals_are_the_sums_of_quantity_times_unit(api):
    [held] = await api.hold(body(3)["items"][0])
    assert (held["totalAmountInclTax"], held["totalAmountExclTax"]) == ("240.00", "227.49")


async def test_rule_09_a_new_reservation_lives_for_15_minutes(api):
    [held] = await api.hold("plain")
    assert held["expired"] is False
    assert held["order"] is None
    assert held["createdAt"] == "2026-03-02T09:00:00+00:00"
    assert held["expiresAt"] == "2026-03-02T09:15:00+00:00"


async def test_rule_10_instants_are_whole_seconds_in_utc(api):
    api.sandbox.clock.advance(seconds=1.9)
    [held] = await api.hold("plain")
    assert held["createdAt"] == "2026-03-02T09:00:02+00:00"


async def test_rule_11_a_hold_lowers_the_offer_and_each_chosen_session(api):
    before = await api.available("example")
    await api.hold(body(3)["items"][0])
    after = await api.available("example")
    assert before["availableQuantity"] - after["availableQuantity"] == 3
    left = {s["session"]: s["availableQuantity"] for s in after["sessionsAvailability"]}
    assert left.pop(SESSION) == 97
    assert list(left.values()) == [100]


async def test_rule_12_the_price_of_a_reservation_stays(api):
    [held] = await api.hold("plain")
    api.sandbox.set_price("plain", "99.00")
    kept = (await api.get(held["@id"])).json()
    assert kept["totalAmountInclTax"] == held["totalAmountInclTax"] == "47.00"
    [order] = (await api.order(held))["orders"]
    assert order["totalAmountInclTax"] == "47.00"
    [later] = await api.hold("plain")
    assert later["totalAmountInclTax"] == "99.00"


async def test_rule_13_at_expiry_the_stock_returns_and_ordering_is_refused(api, buying, broken):
    [held] = await api.hold(api.item("plain", 5))
    api.sandbox.clock.advance(minutes=14, seconds=59)
    assert (await api.get(held["@id"])).json()["expired"] is False
    assert (await api.available("plain"))["availableQuantity"] == 195
    api.sandbox.clock.advance(seconds=1)
    assert (await api.available("plain"))["availableQuantity"] == 200
    assert (await api.get(held["@id"])).json()["expired"] is True
    refused = await api.post("/v1/booking/orders/_bulk", buying(held))
    assert broken(refused) == [("reservations[0].expired", FALSE)]


async def test_rule_14_a_refused_item_fails_while_the_others_are_held(api):
    api.sandbox.set_stock("fails_reserving", 10)
    answer = await api.reserve("plain", "fails_reserving", "capped")
    offers = [r["items"][0]["offer"] for r in answer["reservations"]]
    assert offers == [api.sandbox.example(name).offer for name in ("plain", "capped")]
    [failed] = answer["failedReservations"]
    assert failed["@type"] == "FailedReservation"
    assert failed["offer"] == api.sandbox.example("fails_reserving").offer
    assert failed["quantity"] == 1
    assert failed["message"]
    assert (await api.available("fails_reserving"))["availableQuantity"] == 10


async def test_rule_15_reservations_of_one_call_may_expire_apart(api):
    long, short = await api.hold("plain", "short_hold")
    assert long["expiresAt"] == "2026-03-02T09:15:00+00:00"
    assert short["expiresAt"] == "2026-03-02T09:05:00+00:00"


BROKEN = {
    "no items": ({"items": []}, [("items", TOO_FEW)]),
    "items missing": ({}, [("items", NOT_NULL)]),
    "quantity zero": (body(0), [("items[0].quantity", POSITIVE)]),
    "quantity missing": (body(...), [("items[0].quantity", NOT_NULL)]),
    "offer missing": (body(offer=...), [("items[0].offer", NOT_NULL)]),
    "tickets missing": (body(ticketSessions=...), [("items[0].ticketSessions", NOT_NULL)]),
    "no ticket": (body(ticketSessions=[]), [("items[0].ticketSessions", TOO_FEW)]),
    "ticket not named": (
        body(ticketSessions=[{}, {"ticket": ENTRY}, {"ticket": SHOW, "session": SESSION}]),
        [("items[0].ticketSessions[0].ticket", NOT_NULL)],
    ),
    "ticket left out": (
        body(ticketSessions=[{"ticket": ENTRY}]),
        [("items[0].ticketSessions", TOO_FEW)],
    ),
    "ticket twice": (
        body(
            ticketSessions=[
                {"ticket": ENTRY},
                {"ticket": SHOW, "session": SESSION},
                {"ticket": ENTRY},
            ]
        ),
        [("items[0].ticketSessions[2].ticket", "7911c98d-b845-4da0-94b7-a8dac36bc55a")],
    ),
    "session missing": (
        body(ticketSessions=[{"ticket": ENTRY}, {"ticket": SHOW}]),
        [("items[0].ticketSessions[1].session", NOT_NULL)],
    ),
    "session not to choose": (
        body(
            ticketSessions=[
                {"ticket": ENTRY, "session": SESSION},
                {"ticket": SHOW, "session": SESSION},
            ]
        ),
        [("items[0].ticketSessions[0].session", NULL)],
    ),
    "several at once": (
        body(0, ticketSessions=[{"ticket": ENTRY}, {"ticket": SHOW}]),
        [
            ("items[0].quantity", POSITIVE),
            ("items[0].ticketSessions[1].session", NOT_NULL),
        ],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_rule_16_an_inconsistent_request_is_refused_whole(api, broken, case):
    request, expected = BROKEN[case]
    if request.get("items"):
        request = {"items": [*request["items"], api.item("plain")]}
    assert broken(await api.post(RESERVE, request)) == expected
    assert (await api.available("plain"))["availableQuantity"] == 200
    assert not api.sandbox.reservations()


async def test_rule_16_tickets_and_sessions_of_others_and_disabled_products_are_refused(
    api, broken
):
    other_ticket = api.item("dynamic_price")["ticketSessions"]
    choices = [{"ticket": ENTRY}, {"ticket": SHOW, "session": SESSION}, other_ticket[0]]
    refused = await api.post(RESERVE, body(ticketSessions=choices))
    assert broken(refused) == [("items[0].ticketSessions[2].ticket", CHOICE)]

    choices = [{"ticket": ENTRY}, {"ticket": SHOW, "session": other_ticket[1]["session"]}]
    refused = await api.post(RESERVE, body(ticketSessions=choices))
    assert broken(refused) == [("items[0].ticketSessions[1].session", CHOICE)]

    for name in ("disabled_product", "disabled_base"):
        refused = await api.post(RESERVE, {"items": [api.item(name)]})
        assert broken(refused) == [("items[0].offer.product.disabled", FALSE)]


async def test_rule_16_more_units_than_one_order_may_have_are_refused(api, broken):
    refused = await api.post(RESERVE, {"items": [api.item("capped", 5)]})
    [(path, _)] = broken(refused)
    assert path == "items[0].quantity"
    assert len(await api.hold(api.item("capped", 4))) == 1


UNKNOWN = "01940000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"offer": "nonsense"}, 'Invalid IRI "nonsense".'),
        ({"offer": CATALOG}, f'Invalid IRI "{CATALOG}".'),
        ({"offer": f"https://api.demo.korusticket.com{OFFER}"}, None),
        (
            {"offer": f"{CATALOG}/offers/{UNKNOWN}"},
            f'Item not found for "{CATALOG}/offers/{UNKNOWN}".',
        ),
        ({"ticketSessions": [{"ticket": f"{OFFER}/tickets/{UNKNOWN}"}]}, None),
        ({"ticketSessions": [{"ticket": SHOW, "session": f"{SHOW}/sessions/{UNKNOWN}"}]}, None),
        ({"offer": 7}, 'The type of the "items[0].offer" attribute must be "string", "int" given.'),
        ({"quantity": "1"}, None),
        ({"quantity": True}, None),
        ({"ticketSessions": {}}, None),
    ],
)
async def test_rule_17_bad_and_unknown_iris_and_wrong_types_are_a_400(api, change, detail):
    response = await api.post(RESERVE, body(**change))
    assert response.status == 400
    assert response.headers["content-type"] == "application/problem+json; charset=utf-8"
    error = response.json()
    assert (error["@type"], error["status"]) == ("Error", 400)
    assert detail is None or error["detail"] == detail


async def test_rule_18_too_little_stock_fails_the_item(api):
    answer = await api.reserve(
        "sold_out", api.item("availability_check", 2), api.item("availability_check", 2)
    )
    assert [r["items"][0]["quantity"] for r in answer["reservations"]] == [2]
    failed = [(entry["offer"], entry["quantity"]) for entry in answer["failedReservations"]]
    names = [("sold_out", 1), ("availability_check", 2)]
    assert failed == [(api.sandbox.example(name).offer, count) for name, count in names]
    assert (await api.available("availability_check"))["availableQuantity"] == 1


async def test_rule_18_too_little_stock_can_refuse_the_request(make, broken):
    api = await make(short_stock="violation")
    items = [
        api.item("plain"),
        api.item("availability_check", 2),
        api.item("availability_check", 2),
    ]
    refused = await api.post(RESERVE, {"items": items})
    assert [path for path, _ in broken(refused)] == ["items[2].quantity"]
    assert not api.sandbox.reservations()
    assert (await api.available("plain"))["availableQuantity"] == 200


async def test_items_of_a_catalog_can_share_one_reservation(make):
    api = await make(reservation_per="catalog")
    park, club = await api.hold("plain", "seated", "short_hold")
    assert [item["offer"] for item in park["items"]] == [
        api.sandbox.example(name).offer for name in ("plain", "short_hold")
    ]
    assert park["expiresAt"] == "2026-03-02T09:05:00+00:00"
    assert Decimal(park["totalAmountInclTax"]) == 72
    assert len(club["items"]) == 1


async def test_seats_of_a_hold_are_side_by_side_until_rows_and_gaps_part_them(api):
    first, second = await api.hold(api.item("seated", 3), api.item("seated", 2))
    assert first["seatsArrangement"] == second["seatsArrangement"] == "ADJACENT"
    api.sandbox.release_reservation(first["id"])
    [third] = await api.hold(api.item("seated", 4))
    assert third["seatsArrangement"] == "NON_ADJACENT"
    [unseated] = await api.hold("plain")
    assert unseated["seatsArrangement"] == "UNKNOWN"


async def test_a_hold_can_be_set_for_an_offer(api):
    api.sandbox.set_hold("plain", 30)
    [held] = await api.hold("plain")
    api.sandbox.clock.advance(timedelta(seconds=30))
    assert (await api.get(held["@id"])).json()["expired"] is True


async def test_the_limit_of_one_order_counts_all_items_of_a_shared_reservation(make, broken):
    api = await make(reservation_per="catalog")
    refused = await api.post(RESERVE, {"items": [api.item("capped", 2), api.item("capped", 3)]})
    assert [path for path, _ in broken(refused)] == ["items[1].quantity"]


async def test_seats_in_two_rows_are_not_adjacent(api):
    _, across = await api.hold(api.item("seated", 19), api.item("seated", 2))
    assert across["seatsArrangement"] == "NON_ADJACENT"


async def test_an_expired_reservation_stays_so_when_the_clock_goes_back(api):
    [held] = await api.hold("plain")
    api.sandbox.clock.advance(minutes=15)
    assert api.sandbox.available("plain") == 200
    api.sandbox.clock.set(api.sandbox.clock.now() - timedelta(minutes=10))
    assert (await api.get(held["@id"])).json()["expired"] is True
    assert api.sandbox.available("plain") == 200
