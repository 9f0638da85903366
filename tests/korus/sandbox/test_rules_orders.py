"""Rules 19 to 38: orders."""

from __future__ import annotations

import re

import pytest

ORDER = "/v1/booking/orders/_bulk"
ORDERS = "/v1/booking/orders"
FALSE = "d53a91b0-def3-426a-83d7-269da7ab4200"
NULL = "60d2f30b-8cfa-4372-b155-9656634de120"
BLANK = "c1051bb4-d103-4f74-8988-acbcafc7fdc3"
EMAIL = "bd79c0ab-ddba-46cc-a703-a7a4b08de310"
TOO_LONG = "d94b19cc-114f-4f44-9cc4-4138e80a87b9"
NOT_NULL = "ad32d13f-c3d4-423b-909a-857b961eb720"
TOO_FEW = "bef8e338-6ae5-4caf-b8e2-50e7b0579e69"
TICKET_FIELDS = {
    "ticket",
    "voucher",
    "occursAt",
    "requiredBeneficiaryFields",
    "beneficiary",
    "beneficiaryDesignationDeadline",
    "beneficiaryAmendable",
    "status",
    "seating",
}


async def test_rule_19_each_reservation_becomes_one_order_in_request_order(api):
    held = await api.hold("plain", "example", "capped")
    answer = await api.order(*held[::-1])
    assert answer["@type"] == "CreateOrderBulkOutput"
    assert answer["@context"]["orders"] == "CreateOrderBulkOutput/orders"
    ordered = [order["reservation"] for order in answer["orders"]]
    assert ordered == [reservation["@id"] for reservation in held[::-1]]


async def test_rule_19_the_printed_request_works_once_its_reservation_is_there(api):
    printed = "/v1/booking/reservations/0194b10f-3ddd-70a5-a96a-d1026cd42746"
    api.sandbox.hold_example(printed)
    [order] = (await api.order({"@id": printed}))["orders"]
    assert order["reservation"] == printed
    assert order["totalAmountInclTax"] == "80.00"
    with pytest.raises(ValueError, match="does not exist yet"):
        api.sandbox.hold_example(printed)


async def test_rule_20_amounts_equal_those_of_the_reservation(api):
    [held] = await api.hold(api.item("example", 2))
    [order] = (await api.order(held))["orders"]
    for name in ("totalAmountInclTax", "totalAmountExclTax"):
        assert order[name] == held[name]
    for name in ("unitAmountInclTax", "unitAmountExclTax"):
        assert order["items"][0][name] == held["items"][0][name]


async def test_rule_21_the_server_makes_a_unique_reference(api):
    names = ["plain"] * 5
    references = [order["reference"] for order in await api.buy(*names)]
    assert all(re.fullmatch(r"KT-ORD-[0-9A-F]{13}", reference) for reference in references)
    assert len(set(references)) == 5
    assert int(references[0][7:15], 16) == 1772442000  # 2026-03-02T09:00:00Z


async def test_rule_22_the_external_reference_is_echoed_up_to_255_characters(api, buying, broken):
    first, second, third = await api.hold("plain", "plain", "plain")
    [order] = (await api.order(first, externalReference="é" * 255))["orders"]
    assert order["externalReference"] == "é" * 255
    refused = await api.post(ORDER, buying(second, externalReference="é" * 256))
    assert broken(refused) == [("externalReference", TOO_LONG)]
    [order] = (await api.order(third))["orders"]
    assert order["externalReference"] is None


async def test_rule_23_the_same_reference_twice_makes_two_orders(api):
    [first] = await api.buy("plain", externalReference="REF 1")
    [second] = await api.buy("plain", externalReference="REF 1")
    await api.buy("plain", externalReference="REF 2")
    assert first["id"] != second["id"]
    assert first["reference"] != second["reference"]
    found = (await api.get(ORDERS, ("external_reference", "REF 1"))).json()
    assert [order["id"] for order in found["member"]] == [first["id"], second["id"]]
    refused = await api.get(ORDERS, ("external_reference", "x" * 51))
    assert refused.status == 400


@pytest.mark.parametrize("generation", ["seed", "1.0.7", "release"])
async def test_rule_24_order_tickets_have_all_members(make, generation):
    api = await make(generation=generation)
    [order] = await api.buy("example")
    entry, show = order["items"][0]["tickets"]
    assert entry.keys() >= TICKET_FIELDS
    assert show.keys() >= TICKET_FIELDS
    nothing = {"voucher", "occursAt", "beneficiary", "beneficiaryDesignationDeadline", "seating"}
    assert {name for name in TICKET_FIELDS if entry[name] is None} == nothing
    assert re.fullmatch(r"\d{16}", show["voucher"])
    assert entry["status"] == show["status"] == "validated"


async def test_rule_25_a_ticket_occurs_when_its_session_starts(api):
    summer = api.item("example", session=1)
    [order] = await api.buy(summer)
    entry, show = order["items"][0]["tickets"]
    assert entry["occursAt"] is None
    session = (await api.get(summer["ticketSessions"][1]["session"])).json()
    assert show["occursAt"] == session["occursAt"] == "2026-04-01T22:30:00+02:00"


async def test_rule_26_seating_is_null_or_six_texts(api):
    [order] = await api.buy(api.item("seated", 2))
    seats = [ticket["seating"] for ticket in order["items"][0]["tickets"]]
    for seat in seats:
        assert seat["@type"] == "TicketSeating"
        texts = {name: text for name, text in seat.items() if not name.startswith("@")}
        assert texts.keys() == {"seatNumber", "level", "row", "stand", "stair", "gate"}
        assert all(isinstance(text, str) for text in texts.values())
    assert seats[0]["seatNumber"] != seats[1]["seatNumber"]


async def test_rule_27_documents_lie_below_the_order(api):
    [order] = await api.buy("plain")
    assert order["documents"]
    assert all(iri.startswith(f"{order['@id']}/documents/") for iri in order["documents"])


async def test_rule_28_a_reservation_knows_its_order(api):
    [held] = await api.hold("plain")
    [order] = (await api.order(held))["orders"]
    assert (await api.get(held["@id"])).json()["order"] == order["@id"]


async def test_rule_29_the_refusal_of_an_expired_reservation_is_the_printed_body(api, buying):
    [held] = await api.hold("plain")
    api.sandbox.clock.advance(minutes=15)
    refused = await api.post(ORDER, buying(held))
    assert refused.status == 422
    assert refused.headers["content-type"] == "application/problem+json; charset=utf-8"
    assert 'rel="http://www.w3.org/ns/json-ld#error"' in refused.headers["link"]
    assert refused.json() == {
        "@context": "/contexts/ConstraintViolationList",
        "@id": f"/validation_errors/{FALSE}",
        "@type": "ConstraintViolationList",
        "status": 422,
        "violations": [
            {
                "propertyPath": "reservations[0].expired",
                "message": "La réservation a expiré",
                "code": FALSE,
            }
        ],
        "detail": "reservations[0].expired: La réservation a expiré",
        "description": "reservations[0].expired: La réservation a expiré",
        "type": f"/validation_errors/{FALSE}",
        "title": "An error occurred",
    }


async def test_rule_29_newer_frameworks_name_the_type_otherwise(make, buying):
    api = await make(violation_type="ConstraintViolation")
    [held] = await api.hold("plain")
    api.sandbox.release_reservation(held["id"])
    refused = (await api.post(ORDER, buying(held))).json()
    assert refused["@type"] == "ConstraintViolation"
    assert refused["@context"] == "/contexts/ConstraintViolation"


async def expired_and_live(api, expired: int):
    api.sandbox.set_hold("plain", 60)
    dead = await api.hold(*["plain"] * expired)
    [live] = await api.hold("capped")
    api.sandbox.clock.advance(seconds=60)
    return dead, live


async def test_rule_30_each_expired_reservation_has_its_violation_in_order(api, buying):
    dead, live = await expired_and_live(api, 2)
    refused = (await api.post(ORDER, buying(live, dead[0]))).json()
    assert [v["propertyPath"] for v in refused["violations"]] == ["reservations[1].expired"]
    refused = (await api.post(ORDER, buying(dead[0], live, dead[1]))).json()
    paths = ["reservations[0].expired", "reservations[2].expired"]
    assert [v["propertyPath"] for v in refused["violations"]] == paths
    assert refused["detail"] == "\n".join(f"{path}: La réservation a expiré" for path in paths)
    assert refused["type"] == refused["@id"] == f"/validation_errors/0={FALSE};1={FALSE}"


async def test_rule_31_after_the_refusal_nothing_is_booked(api, buying):
    [dead], live = await expired_and_live(api, 1)
    assert (await api.post(ORDER, buying(live, dead))).status == 422
    assert (await api.get(live["@id"])).json()["order"] is None
    assert (await api.get(ORDERS)).json()["totalItems"] == 0
    assert len((await api.order(live))["orders"]) == 1


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (None, "La réservation a expiré"),
        ("fr", "La réservation a expiré"),
        ("de", "La réservation a expiré"),
        ("en", "The reservation has expired"),
        ("fr;q=0.4, en-GB", "The reservation has expired"),
        ("en;q=much", "La réservation a expiré"),
        ("en;q=0, *", "La réservation a expiré"),
    ],
)
async def test_rule_32_the_text_follows_the_language_and_the_code_stays(api, buying, wanted, text):
    [dead], _ = await expired_and_live(api, 1)
    refused = await api.post(ORDER, buying(dead), accept_language=wanted)
    [violation] = refused.json()["violations"]
    assert (violation["message"], violation["code"]) == (text, FALSE)


async def test_rule_33_a_reservation_is_ordered_once(api, buying, broken):
    first, second = await api.hold("plain", "plain")
    twice = await api.post(ORDER, buying(first, second, second))
    assert broken(twice) == [("reservations[2].order", NULL)]
    await api.order(first)
    again = await api.post(ORDER, buying(second, first))
    assert broken(again) == [("reservations[1].order", NULL)]
    assert (await api.get(ORDERS)).json()["totalItems"] == 1


@pytest.mark.parametrize("status", [403, 404])
async def test_rule_34_another_organizations_reservation_is_refused(api, other, buying, status):
    api.sandbox.set_options({"foreign_status": status})
    [held] = await api.hold("plain")
    refused = await other.post(ORDER, buying(held))
    assert refused.status == status
    assert refused.json()["@type"] == "Error"
    assert not api.sandbox.orders()
    assert (await other.get(held["@id"])).status == status


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"firstname": " "}, "firstname", BLANK),
        ({"lastname": None}, "lastname", BLANK),
        ({"email": ""}, "email", BLANK),
        ({"email": "john.doe"}, "email", EMAIL),
        ({"country": "XX"}, "country", "8f900c12-61bd-455d-9398-996cd040f7f0"),
        ({"country": "fr"}, "country", "8f900c12-61bd-455d-9398-996cd040f7f0"),
        ({"language": "xx"}, "language", "ee65fec4-9a20-4202-9f39-ca558cd7bdf7"),
        ({"title": "dr"}, "title", "8e179f1b-97aa-4560-a02f-2a8b42e49df7"),
    ],
)
async def test_rule_35_the_customer_is_checked(api, broken, change, field, code):
    [held] = await api.hold("plain")
    customer = {"firstname": "Ada", "lastname": "Lovelace", "email": "ada@example.com", **change}
    refused = await api.post(ORDER, {"reservations": [held["@id"]], "customer": customer})
    assert broken(refused) == [(f"customer.{field}", code)]
    assert not api.sandbox.orders()


async def test_rule_35_names_and_email_are_enough_and_a_customer_is_needed(api, buying, broken):
    [held] = await api.hold("plain")
    refused = await api.post(ORDER, buying(held, customer=None))
    assert broken(refused) == [("customer", NOT_NULL)]
    refused = await api.post(ORDER, buying(held, customer={}))
    names = ["firstname", "lastname", "email"]
    assert broken(refused) == [(f"customer.{name}", BLANK) for name in names]
    given = {"firstname": "Ada", "lastname": "Lovelace", "email": "ada@example.com"}
    [order] = (await api.order(held, customer=given))["orders"]
    assert order["customer"] | given == order["customer"]
    assert order["customer"]["phone"] is None


async def test_rule_36_a_refused_reservation_fails_alone_and_may_be_retried(api, buying, broken):
    api.sandbox.fail_offer("capped", "ordering", times=1, message="Out of order")
    good, bad = await api.hold("plain", "capped")
    answer = await api.order(bad, good)
    assert [order["reservation"] for order in answer["orders"]] == [good["@id"]]
    [failed] = answer["failedOrders"]
    assert failed["@type"] == "FailedOrder"
    assert (failed["reservation"], failed["message"]) == (bad["@id"], "Out of order")
    assert (await api.get(bad["@id"])).json()["order"] is None
    assert (await api.available("capped"))["availableQuantity"] == 49
    retried = await api.order(bad)
    assert [order["reservation"] for order in retried["orders"]] == [bad["@id"]]
    assert retried["failedOrders"] == []


async def test_rule_36_a_reservation_whose_order_always_fails_expires(api, buying, broken):
    [held] = await api.hold("fails_ordering")
    for _ in range(2):
        assert (await api.order(held))["orders"] == []
    api.sandbox.clock.advance(minutes=15)
    refused = await api.post(ORDER, buying(held))
    assert broken(refused) == [("reservations[0].expired", FALSE)]


async def test_rule_37_the_customer_of_the_bulk_answer_is_empty_or_an_object(make):
    seed, release = await make(generation="seed"), await make()
    [order] = await seed.buy("plain")
    assert order["customer"] == []
    read = (await seed.get(order["@id"])).json()
    assert read["customer"]["email"] == "john.doe@gmail.com"
    [order] = await release.buy("plain")
    assert order["customer"]["@type"] == "OrderCustomer"
    assert order["customer"]["optin"] is False


async def test_rule_38_failed_orders_are_absent_or_present(make):
    seed, release = await make(generation="seed"), await make()
    [first, failing] = await seed.hold("plain", "fails_ordering")
    answer = await seed.order(first)
    assert "failedOrders" not in answer
    assert "failedOrders" not in answer["@context"]
    assert len((await seed.order(failing))["failedOrders"]) == 1
    answer = await release.order(*await release.hold("plain"))
    assert answer["failedOrders"] == []
    assert answer["@context"]["failedOrders"] == "CreateOrderBulkOutput/failedOrders"


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        ({"reservations": []}, [("reservations", TOO_FEW)]),
        ({}, [("reservations", NOT_NULL)]),
    ],
)
async def test_an_order_needs_reservations(api, buying, broken, request_body, expected):
    customer = buying()["customer"]
    refused = await api.post(ORDER, {**request_body, "customer": customer})
    assert broken(refused) == expected


async def test_units_have_tickets_of_their_own(api):
    [order] = await api.buy(api.item("example", 3))
    tickets = order["items"][0]["tickets"]
    assert len(tickets) == 6
    assert len({ticket["@id"] for ticket in tickets}) == 6
    vouchers = [ticket["voucher"] for ticket in tickets if ticket["voucher"]]
    assert len(set(vouchers)) == 3


async def test_an_ordered_reservation_reads_expired_after_its_time_and_keeps_its_stock(
    api, buying, broken
):
    [held] = await api.hold("capped")
    await api.order(held)
    assert (await api.get(held["@id"])).json()["expired"] is False
    api.sandbox.clock.advance(minutes=15)
    assert (await api.get(held["@id"])).json()["expired"] is True
    assert api.sandbox.available("capped") == 49
    refused = await api.post(ORDER, buying(held))
    paths = [("reservations[0].expired", FALSE), ("reservations[0].order", NULL)]
    assert broken(refused) == paths


async def test_orders_are_not_filtered_by_an_empty_reference(api):
    assert (await api.get(ORDERS, ("external_reference", ""))).status == 400
