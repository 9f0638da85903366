"""Requests that are refused for their form, and what faults do to good ones."""

from __future__ import annotations

import asyncio

import pytest

from eguma_async.sandbox.engine.faults import CutBody, DropAfter, DropBefore, Park, Reply
from eguma_async.sandbox.engine.messages import CutResponse, Dropped, SandboxRequest

RESERVE = "/v1/booking/reservations/_bulk"
ORDER = "/v1/booking/orders/_bulk"
ORDERS = "/v1/booking/orders"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"items": NaN}', b'"\\ud800"', b'{"items": "x"}',
     b'{"items": [1]}', b"[" * 100_000],
)  # fmt: skip
async def test_a_body_that_is_no_request_is_a_400(api, body):
    response = await api.raw("POST", RESERVE, body, content_type="application/ld+json")
    assert (response.status, response.json()["@type"]) == (400, "Error")


@pytest.mark.parametrize(
    "body",
    [
        {"reservations": "x", "customer": {}},
        {"reservations": [1], "customer": {}},
        {"reservations": ["/v1/booking/reservations/x"], "customer": {}},
        {"reservations": [], "customer": "John"},
        {"reservations": [], "customer": {"email": 7}},
        {"reservations": [], "customer": {"optin": "yes"}},
        {"reservations": [], "customer": {}, "externalReference": 7},
        {"reservations": [], "customer": {}, "externalReference": "\ud800"},
    ],
)
async def test_an_order_with_wrong_types_is_a_400(api, body):
    assert (await api.post(ORDER, body)).status == 400


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
async def test_a_post_must_be_json_ld_unless_the_sandbox_is_lax(make, content_type):
    strict, lax = await make(), await make(strict_content_type=False)
    items = {"items": [strict.item("plain")]}
    refused = await strict.post(RESERVE, items, content_type=content_type)
    assert refused.status == 415
    assert refused.json()["detail"].startswith(f'The content-type "{content_type or ""}" is not')
    assert (await lax.post(RESERVE, items, content_type=content_type)).status == 200
    charset = "application/ld+json; charset=utf-8"
    assert (await strict.post(RESERVE, items, content_type=charset)).status == 200


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 200),
        ("*/*", 200),
        ("application/*", 200),
        ("text/html, application/ld+json;q=0.5", 200),
        ("text/html", 406),
        ("application/ld+json;q=0", 406),
    ],
)
async def test_an_accept_that_cannot_be_met_is_a_406(api, accept, status):
    assert (await api.get(ORDERS, accept=accept)).status == status


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", ORDERS, "GET"),
        ("GET", RESERVE, "POST"),
        ("POST", "/v1/ticketing/catalogs", "GET"),
    ],
)
async def test_a_wrong_method_is_a_405(api, method, path, allow):
    response = await api.raw(method, path)
    assert (response.status, response.headers["allow"]) == (405, allow)


async def test_paths_of_others_are_not_owned(api):
    owned = ["/v1/booking/orders", "/v1/ticketing/catalogs", "/_documents/x"]
    assert all(api.sandbox.owns(path) for path in owned)
    foreign = ["/v1/ticketing/booking.json", "/", "/realms/other/token", "/_sandbox/korus"]
    assert not any(api.sandbox.owns(path) for path in foreign)
    assert (await api.get("/nowhere")).status == 404


async def test_an_absurd_quantity_fails_instead_of_making_tickets_without_end(api):
    answer = await api.reserve(api.item("undated", 1001), api.item("undated", 1000))
    assert [entry["quantity"] for entry in answer["failedReservations"]] == [1001]
    assert len(answer["reservations"]) == 1


async def test_an_answer_dropped_after_the_work_leaves_an_order_to_find(api, buying):
    [held] = await api.hold("plain")
    api.sandbox.faults.add(DropAfter(path=ORDER))
    lost = await api.post(ORDER, buying(held, externalReference="LOST"))
    assert lost == Dropped(processed=True)
    found = (await api.get(ORDERS, ("external_reference", "LOST"))).json()
    assert [order["reservation"] for order in found["member"]] == [held["@id"]]


async def test_a_request_dropped_before_the_work_leaves_nothing(api, buying):
    [held] = await api.hold("plain")
    api.sandbox.faults.add(DropBefore(path=ORDER))
    assert await api.post(ORDER, buying(held)) == Dropped(processed=False)
    assert (await api.get(held["@id"])).json()["order"] is None


async def test_answers_are_cut_and_replaced(api, buying):
    [held] = await api.hold("plain")
    api.sandbox.faults.add(CutBody(path=ORDER, keep=0.25))
    cut = await api.post(ORDER, buying(held))
    assert isinstance(cut, CutResponse)
    assert cut.sent == len(cut.response.body) // 4
    api.sandbox.faults.add(Reply(503, retry_after=2))
    refused = await api.get(ORDERS)
    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    assert refused.json()["@type"] == "Error"


async def test_a_status_without_a_name_has_the_plain_shape_too(api):
    api.sandbox.faults.add(Reply(599))
    refused = await api.get(ORDERS)
    assert (refused.status, refused.json()["detail"]) == (599, "Error")


async def test_a_parked_order_sees_the_hold_expire(api, buying):
    [held] = await api.hold("plain")
    park = api.sandbox.faults.add(Park(path=ORDER))
    waiting = asyncio.ensure_future(api.post(ORDER, buying(held)))
    await park.arrived()
    api.sandbox.clock.advance(minutes=15)
    park.release()
    assert (await waiting).status == 422


async def test_of_many_orders_at_once_for_one_reservation_one_wins(api, buying):
    [held] = await api.hold("plain")
    park = api.sandbox.faults.add(Park(path=ORDER, times=20))
    calls = [asyncio.ensure_future(api.post(ORDER, buying(held))) for _ in range(20)]
    await park.arrived()
    park.release()
    statuses = [response.status for response in await asyncio.gather(*calls)]
    assert sorted(statuses) == [200] + [422] * 19
    assert len(api.sandbox.orders()) == 1


async def test_nothing_secret_is_recorded_or_shown(api):
    [order] = await api.buy("plain")
    link = (await api.patch(order["documents"][0], {})).json()["temporaryUrl"]
    await api.get(link, authorization=None)
    signature = link.rpartition("Signature=")[2]
    shown = "".join(map(repr, (*api.sandbox.requests, *api.sandbox.organizations())))
    shown += repr(api.sandbox.orders()) + repr(api.sandbox.reservations())
    for secret in (signature, api.token, api.sandbox.demo_client[1], "john.doe"):
        assert secret not in shown


async def test_the_same_seed_gives_the_same_bytes(make):
    async def run():
        api = await make()
        [order] = await api.buy("example")
        document = (await api.patch(order["documents"][0], {})).body
        return api.token, order, document

    assert await run() == await run()


async def test_a_request_needs_no_more_than_the_wire(api):
    response = await api.sandbox.handle(SandboxRequest("GET", "/v1/ticketing/catalogs"))
    assert response.status == 401
