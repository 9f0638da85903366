"""Rules 62 to 75: cancelling bookings, the list of orders, check-in and check-out."""

from __future__ import annotations

import re

import pytest


async def _booked(api, label="time", *quantities, **more):
    return (await api.book(api.order(label, *(quantities or (2,)), **more))).json()


async def _cancel(api, booking, **more):
    return await api.post("cancel-booking", {"booking_id": booking["booking_id"]}, **more)


# Cancel booking


async def test_rule_62_cancelling_names_the_booking_and_all_its_tickets(api):
    booking = await _booked(api, "time", 2, 1)
    response = await _cancel(api, booking)
    assert response.status == 200
    assert response.json() == {
        "booking_id": booking["booking_id"],
        "booking_reference": booking["booking_reference"],
        "cancelled_tickets": [
            {"ticket_number": ticket["ticket_number"]} for ticket in booking["tickets"]
        ],
    }


async def test_rule_63_only_the_user_who_booked_can_cancel(api, refused):
    booking = await _booked(api)
    for user in ("Partner portal", "Ticket desk"):
        refused(await _cancel(api, booking, key=api.key_of(user)), 404, "not_found")
    assert (await _cancel(api, booking, key=api.key_of("Web shop", 1))).status == 200


async def test_rule_63_in_generation_a_every_key_of_the_merchant_can_cancel(api, refused):
    api.change(generation="A")
    booking = await _booked(api)
    refused(await _cancel(api, booking, key=api.key_of("Ticket desk")), 404, "not_found")
    assert (await _cancel(api, booking, key=api.key_of("Partner portal"))).status == 200


async def test_rule_63_an_order_of_the_web_shop_cannot_be_cancelled(api, refused):
    order = api.sandbox.orders()[0]
    refused(await _cancel(api, {"booking_id": order.id}), 404, "not_found")


async def test_rule_64_a_second_cancellation_is_refused(api, refused):
    booking = await _booked(api)
    assert (await _cancel(api, booking)).status == 200
    refused(await _cancel(api, booking), 400, "validation_error")
    api.change(not_cancellable_status=409, not_cancellable_code="not_cancellable")
    refused(await _cancel(api, booking), 409, "not_cancellable")
    assert await api.count(api.example("time")) == 50


async def test_rule_65_a_booking_that_has_started_cannot_be_cancelled(api, refused):
    booking = await _booked(api, "time", 1, starts_at="2026-03-02T11:00:00")
    other = await _booked(api, "time", 1, starts_at="2026-03-02T11:00:00")
    api.sandbox.clock.advance(hours=1, minutes=59, seconds=59)
    assert (await _cancel(api, other)).status == 200
    api.sandbox.clock.advance(seconds=1)
    refused(await _cancel(api, booking), 400, "validation_error")


async def test_rule_65_a_day_starts_at_midnight_of_zurich(api, refused):
    today = await _booked(api, "day", 1, starts_at="2026-03-02")
    refused(await _cancel(api, today), 400, "validation_error")
    tomorrow, other = [await _booked(api, "day", 1, starts_at="2026-03-03") for _ in range(2)]
    api.sandbox.clock.advance(hours=14, minutes=59, seconds=59)
    assert (await _cancel(api, other)).status == 200
    api.sandbox.clock.advance(seconds=1)
    refused(await _cancel(api, tomorrow), 400, "validation_error")


async def test_rule_66_one_ticket_checked_in_keeps_the_whole_booking(api, refused):
    booking = await _booked(api, "time", 2)
    number = booking["tickets"][1]["ticket_number"]
    assert (await api.gate(number))["is_successful"]
    refused(await _cancel(api, booking), 400, "validation_error")
    assert (await api.orders(order_number=booking["booking_reference"]))[0]["status"] == "completed"
    assert await api.count(api.example("time")) == 48
    assert (await api.gate(number, "checkout"))["is_successful"]
    api.change(check_out_allows_cancel=False)
    refused(await _cancel(api, booking), 400, "validation_error")
    api.change(check_out_allows_cancel=True)
    assert (await _cancel(api, booking)).status == 200


async def test_rule_67_cancelling_restores_capacity_and_shows_in_orders_and_at_the_gate(api):
    booking = await _booked(api, "small", 3)
    before = (await api.orders(order_number=booking["booking_reference"]))[0]
    assert await api.count(api.example("small")) == 5
    await _cancel(api, booking)
    assert await api.count(api.example("small")) == 8
    after = (await api.orders(order_number=booking["booking_reference"]))[0]
    assert (before["status"], after["status"]) == ("completed", "cancelled")
    assert after["updated_at"] > before["updated_at"]
    assert after["created_at"] == before["created_at"]
    number = booking["tickets"][0]["ticket_number"]
    assert (await api.gate(number))["unsuccessful_code"] == "ticket_deleted"


async def test_rule_68_an_unknown_booking_is_not_found_and_a_missing_id_invalid(api, refused):
    refused(await _cancel(api, {"booking_id": "0" * 24}), 404, "not_found")
    for body in ({}, {"booking_id": ""}, {"booking_id": None}, {"booking_id": 7}):
        refused(await api.post("cancel-booking", body), 400, "validation_error")


# Orders and tickets


async def test_rule_69_after_is_inclusive_and_before_exclusive(api):
    booking = await _booked(api)
    number, second = booking["booking_reference"], "2026-03-02T09:00:00"

    async def found(**filters):
        return [order["order_number"] for order in await api.orders(**filters)]

    assert await found(updated_at_after=second) == [number]
    assert await found(updated_at_after="2026-03-02T09:00:01") == []
    assert number not in await found(updated_at_before=second)
    assert number in await found(updated_at_before="2026-03-02T09:00:01")
    api.sandbox.clock.advance(seconds=0.9)
    later = (await _booked(api))["booking_reference"]
    assert await found(updated_at_after=second) == [number, later]
    # Filters see what the list shows, and that has no fractions of a second.
    assert later in await found(updated_at_before="2026-03-02T09:00:00.5")


async def test_rule_69_filters_are_combined(api):
    number = (await _booked(api))["booking_reference"]
    assert len(await api.orders(order_number=number, last_name="Doe")) == 1
    assert await api.orders(order_number=number, last_name="Keller") == []


@pytest.mark.parametrize("value", ["", "today", "2026-03-02", "2026-03-02T09:00:00Z"])
async def test_rule_69_a_malformed_moment_is_refused_in_plain_text(api, value):
    response = await api.send("GET", "/v1/ticketing/orders.json", updated_at_after=value)
    assert response.status == 400
    assert response.headers["content-type"].startswith("text/plain")


async def test_rule_70_the_last_name_is_case_sensitive(api):
    await _booked(api)
    assert len(await api.orders(last_name="Doe")) == 1
    assert await api.orders(last_name="doe") == []
    assert await api.orders(last_name="Do") == []


async def test_rule_71_a_new_order_was_updated_when_it_was_created(api):
    number = (await _booked(api))["booking_reference"]
    order = (await api.orders(order_number=number))[0]
    assert order["updated_at"] == order["created_at"] == "2026-03-02T09:00:00"


async def test_rule_72_the_result_is_an_array_also_if_nothing_matches(api):
    response = await api.send("GET", "/v1/ticketing/orders.json", order_number="0")
    assert (response.status, response.body) == (200, b"[]")
    assert await api.orders(key=api.key_of("Billetterie")) == []


async def test_rule_73_bookings_of_the_api_appear_with_their_ids_and_language(api):
    booking = await _booked(api, "time", 2, 1, language="fr")
    order = (await api.orders(order_number=booking["booking_reference"]))[0]
    assert order["id"] == booking["booking_id"]
    assert order["order_number"] == booking["booking_reference"]
    assert (order["language"], order["currency"], order["location"]) == ("fr", "CHF", "web")
    assert order["grand_total_in_cents"] == 2 * 4500 + 2200
    assert (order["payments"], order["tags"], order["note"]) == ([], [], "")
    assert order["customer"].pop("id")
    assert order["customer"] == {
        "first_name": "John", "last_name": "Doe", "email": "john.doe@example.com",
        "title": None, "company": "", "street": "", "zip": "", "city": "", "country": "",
        "accepts_marketing": False, "double_opt_in_confirmed_at": None, "phone": "",
    }  # fmt: skip
    adults, children = order["order_lines"]
    assert (adults["quantity"], adults["total_price_in_cents"]) == (2, 9000)
    assert (children["unit_price_in_cents"], children["total_count_people"]) == (2200, 1)
    assert (adults["name"], adults["starts_at"]) == ("Montée au sommet", "2026-03-03T09:00:00")
    assert {ticket["number"] for line in order["order_lines"] for ticket in line["tickets"]} == {
        ticket["ticket_number"] for ticket in booking["tickets"]
    }


async def test_rule_73_the_orders_have_all_documented_members(api):
    web, desk = await api.orders()
    assert set(web) == {
        "id", "created_at", "updated_at", "order_number", "status", "currency", "language",
        "location", "note", "tags", "discount_in_cents", "grand_total_in_cents", "promocode",
        "promocode_name", "customer", "order_lines", "payments",
    }  # fmt: skip
    assert set(web["customer"]) == {
        "id", "title", "first_name", "last_name", "company", "street", "zip", "city", "country",
        "email", "accepts_marketing", "double_opt_in_confirmed_at", "phone",
    }  # fmt: skip
    assert set(web["order_lines"][0]) == {
        "product_id", "name", "starts_at", "ticket_type_id", "ticket_type_name",
        "unit_price_in_cents", "quantity", "total_price_in_cents", "total_count_people", "tags",
        "tickets",
    }  # fmt: skip
    ticket = web["order_lines"][0]["tickets"][0]
    assert set(ticket) == {"number", "count_people", "answers"}
    assert [answer["type"] for answer in ticket["answers"]] == ["dateTime", "text", "optionId"]
    assert set(web["payments"][0]) == {"payment_id", "name", "amount_in_cents", "is_complimentary"}
    assert (web["promocode"], web["discount_in_cents"]) == ("ALPEN10", 670)
    assert web["grand_total_in_cents"] == web["payments"][0]["amount_in_cents"]
    assert (desk["customer"], desk["location"], desk["promocode"]) == (None, "local", None)


async def test_rule_74_check_in_says_why_it_fails_in_a_success(api):
    booking, gone = await _booked(api, "time", 2), await _booked(api, "time", 1)
    number = booking["tickets"][0]["ticket_number"]
    ticket_type = api.product("time").categories[0].ticket_type_id
    assert await api.gate(number) == {
        "is_successful": True,
        "product_id": api.product("time").id,
        "ticket_type_id": ticket_type,
        "unsuccessful_code": None,
        "unsuccessful_message": None,
    }
    failure = {"is_successful": False}
    assert await api.gate(number) == {**failure, "unsuccessful_code": "ticket_already_checkedin"}
    await _cancel(api, gone)
    deleted = gone["tickets"][0]["ticket_number"]
    for act in ("checkin", "checkout"):
        code = (await api.gate(deleted, act))["unsuccessful_code"]
        assert code == "ticket_deleted"
    unknown = {**failure, "unsuccessful_code": "ticket_not_found"}
    assert await api.gate("1" * 19) == unknown
    assert await api.gate(number, key=api.key_of("Ticket desk")) == unknown


async def test_rule_75_check_out_needs_a_ticket_that_is_in(api):
    number = (await _booked(api, "time", 1))["tickets"][0]["ticket_number"]
    assert (await api.gate(number, "checkout"))["unsuccessful_code"] == "ticket_not_checkedin"
    await api.gate(number)
    assert (await api.gate(number, "checkout"))["is_successful"] is True
    assert (await api.gate(number, "checkout"))["unsuccessful_code"] == "ticket_not_checkedin"
    assert (await api.gate("1" * 19, "checkout"))["unsuccessful_code"] == "ticket_not_found"
    assert (await api.gate(number))["is_successful"] is True


async def test_ticket_information_tells_whether_a_ticket_is_in(api):
    number = (await _booked(api, "time", 1))["tickets"][0]["ticket_number"]
    path = f"/v1/ticketing/tickets/{number}/info.json"
    info = (await api.send("GET", path)).json()
    assert re.fullmatch("[0-9a-f]{24}", info.pop("id"))
    assert info == {
        "ticket_number": number,
        "created_at": "2026-03-02T09:00:00",
        "price_in_cents": 4500,
        "is_checked_in": False,
        "checked_in_at": None,
        "event_or_admission_id": api.product("time").id,
    }
    api.sandbox.clock.advance(minutes=5)
    await api.gate(number)
    info = (await api.send("GET", path)).json()
    assert (info["is_checked_in"], info["checked_in_at"]) == (True, "2026-03-02T09:05:00")


async def test_errors_of_the_older_endpoints_are_plain_text_or_json_on_demand(api, refused):
    path = "/v1/ticketing/tickets/1/info.json"
    response = await api.send("GET", path)
    assert (response.status, response.body) == (404, b"The ticket was not found.")
    unauthorized = await api.send("GET", "/v1/ticketing/orders.json", key=None)
    assert unauthorized.headers["content-type"].startswith("text/plain")
    api.change(old_errors="json", unknown_ticket_status=400)
    refused(await api.send("GET", path), 400, "validation_error")


async def test_orders_can_be_closed_to_keys_and_can_show_up_late(api):
    api.change(orders_delay_seconds=30)
    number = (await _booked(api))["booking_reference"]
    assert await api.orders(order_number=number) == []
    api.sandbox.clock.advance(seconds=30)
    assert len(await api.orders(order_number=number)) == 1
    api.change(orders_allowed=False)
    assert (await api.send("GET", "/v1/ticketing/orders.json")).status == 403
