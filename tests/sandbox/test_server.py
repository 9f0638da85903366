"""The sandbox over real HTTP on loopback, and its control plane."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import subprocess
import sys
from typing import Any

import aiohttp
import pytest

from eguma_async.sandbox import (
    EgumaSandbox,
    KorusSandbox,
    Park,
    Reply,
    Sandbox,
    SandboxRequest,
    serve,
)
from eguma_async.sandbox.engine.messages import MAX_BODY_BYTES, CutResponse, json_response
from eguma_async.sandbox.serving.server import _is_loopback

PRODUCTS = "/v1/ticketing/products.json"
ORDERS = "/v1/booking/orders"
TOO_LARGE: dict[Any, dict[str, Any]] = {
    EgumaSandbox: {"error_code": "validation_error"},
    KorusSandbox: {"@type": "Error", "status": 413},
}


class Other(Sandbox):
    name = "other"

    def owns(self, path):
        return path.startswith("/other")

    def respond(self, request):
        return json_response(200, {"method": request.method, "query": request.query})

    def error(self, status):
        return json_response(status, {})


class Curl:
    """One client to one server."""

    def __init__(self, sandbox, url, client):
        self.sandbox, self.url, self.client = sandbox, url, client

    async def __call__(self, method, path, *, body=None, headers=None, **query):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
        async with self.client.request(
            method, self.url + path, data=data, headers=headers, params=query
        ) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return response.status, json.loads(text) if is_json else text

    async def state(self):
        return (await self("GET", "/_sandbox"))[1]

    async def command(self, name, body):
        return await self("POST", f"/_sandbox/{name}", body=body)


@pytest.fixture
async def curl(clock):
    sandbox = EgumaSandbox(clock)
    async with serve(sandbox) as server, aiohttp.ClientSession() as client:
        yield Curl(sandbox, server.url, client)


async def _example(curl, label="small"):
    return next(
        item for item in (await curl.state())["state"]["examples"] if item["label"] == label
    )


async def _book(curl, example, key="k", quantity=1, **changes):
    body = {
        "product_id": example["product_id"],
        "starts_at": example["starts_at"],
        "items": [{"category_id": example["category_ids"][0], "quantity": quantity}],
        "customer": {"first_name": "John", "last_name": "Doe", "email": "j@example.com"},
        **changes,
    }
    return await curl(
        "POST",
        "/v1/ticketing/booking.json",
        body=body,
        headers={"Idempotency-Key": key},
        apikey=example["api_key"],
    )


async def test_a_ticket_is_found_held_and_booked_with_nothing_but_http(curl):
    example = await _example(curl)
    query = {"apikey": example["api_key"]}
    day = example["starts_at"][:10]
    path = f"/v1/ticketing/products/{example['product_id']}/availabilities.json"
    status, value = await curl("GET", path, **{"from": day, "to": day}, **query)
    assert (status, value["availabilities"][0]["availability_count"]) == (200, 8)
    status, booking = await _book(curl, example)
    assert (status, len(booking["tickets"])) == (200, 1)
    assert await curl("GET", "/v1/hello.json") == (200, "OK")
    assert (await curl("GET", PRODUCTS))[0] == 401
    assert (await curl("GET", "/nothing"))[0] == 404


async def test_the_mark_of_a_replay_goes_over_the_wire(curl):
    example = await _example(curl)
    assert (await _book(curl, example))[0] == 200
    async with curl.client.post(
        curl.url + "/v1/ticketing/booking.json",
        params={"apikey": example["api_key"]},
        headers={"Idempotency-Key": "k"},
        data=b"{}",
    ) as response:
        assert response.status == 409
    before = len(curl.sandbox.bookings())
    status, _ = await _book(curl, example)
    assert (status, len(curl.sandbox.bookings())) == (200, before)


@pytest.mark.parametrize(("kind", "booked"), [("drop-before", 0), ("drop-after", 1)])
async def test_a_drop_breaks_the_connection(curl, kind, booked):
    example = await _example(curl)
    fault = {"kind": kind, "path": "*/booking.json"}
    status, shown = await curl.command("faults", fault)
    assert (status, shown["kind"], shown["fired"]) == (200, kind, 0)
    with pytest.raises(aiohttp.ClientConnectionError):
        await _book(curl, example)
    assert len(curl.sandbox.bookings()) == booked
    assert (await curl.state())["faults"][0]["fired"] == 1
    assert (await _book(curl, example))[0] == 200
    assert len(curl.sandbox.bookings()) == 1


class Gone(Sandbox):
    """Answers with half a body once its caller has hung up."""

    name = "gone"

    def __init__(self):
        super().__init__()
        self.came, self.hung_up = asyncio.Event(), asyncio.Event()

    def owns(self, path):
        return True

    def respond(self, request):
        raise AssertionError("handle() is asked instead")

    def error(self, status):
        return json_response(status, {})

    async def handle(self, request, *, patience=0):
        self.came.set()
        await self.hung_up.wait()
        return CutResponse(json_response(200, {"a": "b" * 1000}), 100)


async def test_half_an_answer_for_a_caller_that_is_gone_is_no_error_of_the_server(caplog):
    sandbox = Gone()
    async with serve(sandbox) as server:
        _, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await sandbox.came.wait()
        writer.transport.abort()
        async with aiohttp.ClientSession() as client, client.head(server.url + "/_sandbox"):
            pass  # by now the server knows that the other one is gone
        sandbox.hung_up.set()
        await asyncio.sleep(0)
    assert "Error handling request" not in caplog.text


async def test_a_cut_body_announces_its_full_length(curl):
    example = await _example(curl)
    await curl.command("faults", {"kind": "cut-body", "keep": 0.5, "path": "*/booking.json"})
    async with curl.client.post(
        curl.url + "/v1/ticketing/booking.json",
        params={"apikey": example["api_key"]},
        headers={"Idempotency-Key": "k"},
        json={},
    ) as response:
        assert response.status == 400
        length = int(response.headers["content-length"])
        received = bytearray()
        with pytest.raises(aiohttp.ClientPayloadError):
            async for chunk in response.content.iter_any():
                received += chunk
    assert len(received) == length // 2
    assert received.startswith(b'{"error_code":')


async def test_a_parked_request_is_released_over_http(curl):
    example = await _example(curl)
    _, park = await curl.command("faults", {"kind": "park", "path": "*/booking.json"})
    first = asyncio.ensure_future(_book(curl, example))
    await next(iter(curl.sandbox.faults)).arrived()
    status, value = await _book(curl, example)
    assert (status, value["error_code"]) == (409, "idempotency_in_progress")
    status, _ = await curl.command(f"faults/{park['id']}/release", {})
    assert (status, (await first)[0]) == (200, 200)


async def test_the_date_of_an_answer_is_the_sandboxes(curl):
    curl.sandbox.clock.advance(days=1)
    async with curl.client.get(curl.url + PRODUCTS) as response:
        assert response.headers.getall("date") == ["Tue, 03 Mar 2026 08:00:00 GMT"]


async def test_a_server_that_ends_does_not_wait_for_what_is_parked(clock):
    sandbox = EgumaSandbox(clock)
    park = sandbox.faults.add(Park())
    async with aiohttp.ClientSession() as client:
        async with serve(sandbox) as server:
            call = asyncio.ensure_future(Curl(sandbox, server.url, client)("GET", PRODUCTS))
            await park.arrived()
        with pytest.raises(aiohttp.ClientConnectionError):
            await call
    assert park.parked == 0


async def test_a_page_of_a_proxy_comes_as_html(curl):
    curl.sandbox.faults.add(Reply(502, body="<html>Bad Gateway</html>", retry_after=3))
    async with curl.client.get(curl.url + PRODUCTS) as response:
        assert (response.status, response.content_type) == (502, "text/html")
        assert response.headers["retry-after"] == "3"


# The control plane


async def test_the_clock_is_advanced_and_set_over_http(curl):
    assert await curl("GET", "/_sandbox/clock") == (200, {"now": "2026-03-02T08:00:00+00:00"})
    moved = await curl.command("clock", {"advance": {"minutes": 61, "seconds": 1}})
    assert moved == (200, {"now": "2026-03-02T09:01:01+00:00"})
    moved = await curl.command("eguma/clock", {"set": "2040-01-01T00:00:00Z"})
    assert moved == (200, {"now": "2040-01-01T00:00:00+00:00"})
    example = await _example(curl)
    assert example["starts_at"] == "2040-01-02T20:30:00"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"advance": {}},
        {"advance": 5},
        {"advance": {"minutes": -1}},
        {"advance": {"minutes": "1"}},
        {"advance": {"years": 1}},
        {"advance": {"weeks": 1e300}},
        {"set": "2040-01-01"},
        {"set": "soon"},
        {"set": 5},
        {"advance": {"minutes": 1}, "set": "2040-01-01T00:00:00Z"},
        [],
        b"{",
    ],
)
async def test_a_malformed_clock_command_is_explained(curl, body):
    status, value = await curl.command("clock", body)
    assert (status, list(value)) == (400, ["error"])
    assert value["error"]
    assert (await curl.state())["clock"] == "2026-03-02T08:00:00+00:00"


async def test_options_are_read_and_changed_over_http(curl):
    status, options = await curl.command("options", {"sold_out_status": 409, "replay_header": None})
    assert (status, options["sold_out_status"], options["replay_header"]) == (200, 409, None)
    assert curl.sandbox.options.sold_out_status == 409
    for body, text in (
        ({"sold_out": 409}, "no option sold_out"),
        ({"sold_out_status": 200}, "sold_out_status must be a status from 400 to 499"),
        ({"generation": "C"}, "generation must be one of A, B"),
        ({"hide_sold_out_slots": 1}, "hide_sold_out_slots must be true or false"),
    ):
        status, value = await curl.command("options", body)
        assert status == 400
        assert text in value["error"]
    assert (await curl("GET", "/_sandbox/options"))[1]["sold_out_status"] == 409


async def test_prices_orders_and_holds_are_changed_over_http(curl):
    example = await _example(curl)
    slot = {"product_id": example["product_id"], "starts_at": example["starts_at"]}
    price = {"product_id": slot["product_id"], "category_id": example["category_ids"][0]}
    changed = await curl.command("set-price", {**price, "price_in_cents": 3500})
    assert changed == (200, {"price_in_cents": 3500})
    changed = await curl.command("set-price", {**price, **slot, "price_in_cents": 3900})
    assert changed == (200, {"price_in_cents": 3900})
    booking = (await _book(curl, example))[1]
    number = booking["booking_reference"]
    query = {"apikey": example["api_key"], "order_number": number}
    (order,) = (await curl("GET", "/v1/ticketing/orders.json", **query))[1]
    assert order["grand_total_in_cents"] == 3900
    edit = {"order": number, "customer": {"city": "Bern"}, "note": "n", "tags": ["t"]}
    assert await curl.command("update-order", edit) == (200, {"updated": number})
    assert await curl.command("cancel-order", {"order": number}) == (200, {"cancelled": number})
    (order,) = (await curl("GET", "/v1/ticketing/orders.json", **query))[1]
    assert (order["status"], order["customer"]["city"], order["note"], order["tags"]) == (
        "cancelled", "Bern", "n", ["t"],
    )  # fmt: skip
    left = {"availability_count": 5}
    assert await curl.command("set-capacity", {**slot, "capacity": 5}) == (200, left)
    assert (
        await curl.command(
            "set-capacity", {**slot, "starts_at": "2030-01-01T00:00:00", "capacity": 5}
        )
    )[0] == 404
    items = [{"category_id": example["category_ids"][0], "quantity": 5}]
    path, key = "/v1/ticketing/reservation.json", example["api_key"]
    _, held = await curl("POST", path, body={**slot, "items": items}, apikey=key)
    hold = {"reservation_id": held["reservation_id"]}
    assert (await curl.command("release-reservation", hold))[0] == 200
    assert curl.sandbox.availability(**slot) == 5
    product = {"id": slot["product_id"], "is_active": False}
    assert await curl.command("set-active", product) == (200, {"is_active": False})
    channel = {"product_id": slot["product_id"], "channel_is_on": False}
    assert (await curl.command("set-channel", channel))[1]["channel_is_on"] is False


async def test_events_are_sold_and_shown_over_http(curl):
    event = (await curl.state())["state"]["events"][0]
    assert event["count_available_tickets"] == 80
    sale = {"event_id": event["event_id"], "quantity": 3}
    assert await curl.command("event-sales", sale) == (200, {"count_available_tickets": 77})
    hidden = {"id": event["event_id"], "is_active": False}
    assert (await curl.command("set-active", hidden))[0] == 200
    events = await curl("GET", "/v1/ticketing/published_events.json", apikey=curl.sandbox.demo_key)
    assert event["event_id"] not in {shown["id"] for shown in events[1]}


async def test_the_merchants_side_is_open_to_curl(curl):
    example = await _example(curl)
    slot = {"product_id": example["product_id"], "starts_at": example["starts_at"]}
    sold = await curl.command("desk-sales", {**slot, "quantity": 3})
    assert sold == (200, {"availability_count": 5})
    assert (await curl.command("desk-sales", {**slot, "quantity": 6}))[0] == 400
    assert (await curl.command("capacity", {**slot, "capacity": 4}))[1] == {"availability_count": 1}
    assert (await curl.command("capacity", {**slot, "capacity": None}))[1] == {
        "availability_count": None
    }
    number = (await _book(curl, example))[1]["tickets"][0]["ticket_number"]
    gate = {"ticket_number": number}
    assert (await curl.command("check-in", gate))[1]["is_successful"] is True
    assert (await curl.command("check-in", gate))[1]["is_successful"] is False
    assert (await curl.command("check-out", gate))[1]["is_successful"] is True
    assert (await curl.command("check-out", {"ticket_number": "1"}))[0] == 404
    product = {"product_id": example["product_id"]}
    changed = await curl.command("product", {**product, "is_active": False})
    assert changed == (200, {"is_active": False, "channel_is_on": True})
    changed = await curl.command("product", {**product, "channel_is_on": False, "is_active": True})
    assert changed == (200, {"is_active": True, "channel_is_on": False})
    blocked = await curl.command("block-day", {**product, "day": "2026-03-05"})
    assert blocked == (200, {"blocked": "2026-03-05"})
    key = {"key": example["api_key"]}
    assert (await curl.command("key", {**key, "is_active": False}))[0] == 200
    assert (await curl("GET", PRODUCTS, apikey=example["api_key"]))[0] == 401


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("desk-sales", {}),
        ("desk-sales", {"product_id": "x", "starts_at": "2026-03-03", "quantity": "1"}),
        ("capacity", {"product_id": 5, "starts_at": "2026-03-03", "capacity": 1}),
        ("block-day", {"product_id": "x", "day": "tomorrow"}),
        ("product", {"product_id": "x"}),
        ("product", {"product_id": "x", "is_active": "no"}),
        ("check-in", {"number": "1"}),
    ],
)
async def test_a_malformed_command_is_explained(curl, name, body):
    status, value = await curl.command(name, body)
    assert (status, list(value)) == (400, ["error"])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("desk-sales", {"product_id": "x", "starts_at": "2026-03-03", "quantity": 1}),
        ("event-sales", {"event_id": "x", "quantity": 1}),
        ("set-active", {"id": "x", "is_active": True}),
        ("key", {"key": "x", "is_active": True}),
        ("check-in", {"ticket_number": "1"}),
        ("cancel-order", {"order": "1"}),
        ("release-reservation", {"reservation_id": "x"}),
    ],
)
async def test_a_command_about_what_is_not_there_is_not_found(curl, name, body):
    status, value = await curl.command(name, body)
    assert (status, list(value)) == (404, ["error"])


async def test_faults_are_listed_disarmed_and_explained_over_http(curl):
    for status in (500, 503):
        await curl.command("faults", {"kind": "reply", "status": status})
    assert [fault["status"] for fault in (await curl("GET", "/_sandbox/faults"))[1]["faults"]] == [
        500, 503,
    ]  # fmt: skip
    assert (await curl("DELETE", "/_sandbox/faults/1"))[0] == 200
    assert (await curl("GET", "/_sandbox/faults/2"))[1]["status"] == 503
    assert (await curl("GET", "/_sandbox/faults/1"))[0] == 404
    assert (await curl("POST", "/_sandbox/faults/2/release"))[0] == 404
    assert (await curl("DELETE", "/_sandbox/faults"))[1]["faults"] == []
    status, value = await curl.command("faults", {"kind": "delay"})
    assert (status, value) == (400, {"error": "delay needs seconds"})


async def test_the_requests_are_shown_without_secrets(curl):
    example = await _example(curl)
    await _book(curl, example)
    status, value = await curl("GET", "/_sandbox/requests")
    assert (status, value["total"]) == (200, 1)
    assert value["requests"][0]["idempotency_key"] == "k"
    assert value["requests"][0]["query"] == [["apikey", "***"]]
    assert example["api_key"] not in json.dumps(value)


async def test_the_control_plane_knows_its_paths_and_methods(curl):
    status, value = await curl("GET", "/_sandbox/nothing")
    assert status == 404
    assert "desk-sales" in value["error"]
    assert (await curl("GET", "/_sandbox/desk-sales"))[0] == 400
    assert (await curl("DELETE", "/_sandbox/clock"))[0] == 400
    status, _ = await curl("GET", "/_sandbox", headers={"Host": "evil.example:8080"})
    assert status == 404  # a name of a page's own that leads to this machine
    status, _ = await curl("GET", "/_sandbox", headers={"Origin": "http://evil.example"})
    assert status == 403


async def test_the_state_shows_merchants_keys_examples_and_holds(curl):
    example = await _example(curl)
    items = [{"category_id": example["category_ids"][0], "quantity": 2}]
    slot = {"product_id": example["product_id"], "starts_at": example["starts_at"]}
    _, held = await curl(
        "POST",
        "/v1/ticketing/reservation.json",
        body={**slot, "items": items},
        apikey=example["api_key"],
    )
    state = (await curl.state())["state"]
    assert state["holds"] == [
        {
            "reservation_id": held["reservation_id"],
            **slot,
            "items": items,
            "expires_at": "2026-03-02T09:00:00+00:00",
        }
    ]
    keys = state["merchants"][0]["users"][0]["keys"]
    assert keys[0] == {"value": curl.sandbox.demo_key, "is_active": True}
    assert (state["orders"], state["bookings"]) == (2, 0)


async def _refused_by(sandbox, path, **sent):
    """Send a request over HTTP and in memory; return the one answer both give."""
    async with serve(sandbox) as server, aiohttp.ClientSession() as client:
        data = io.BytesIO(sent["body"])
        async with client.post(server.url + path, data=data, headers=sent["headers"]) as response:
            there = response.status, response.headers["content-type"], await response.read()
    request = SandboxRequest("POST", path, (), sent["headers"], sent["body"])
    here = await sandbox.handle(request)
    assert there == (here.status, here.headers["content-type"], here.body)
    return here


@pytest.mark.parametrize(("kind", "path"), [(EgumaSandbox, PRODUCTS), (KorusSandbox, ORDERS)])
async def test_a_body_that_is_far_too_large_is_refused_in_the_providers_shape(kind, path):
    sandbox = kind()
    refused = await _refused_by(sandbox, path, body=b"x" * (MAX_BODY_BYTES + 1), headers={})
    assert refused.status == 413
    assert refused.json().items() >= TOO_LARGE[kind].items()
    # Nothing of it is kept, as it is not read to its end.
    assert sandbox.requests.total == 0


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x"])
@pytest.mark.parametrize(
    "body",
    [b"hello", gzip.compress(b"{}" * 999)[:20], gzip.compress(b"{}")],
    ids=["garbage", "truncated", "whole"],
)
@pytest.mark.parametrize(("kind", "path"), [(EgumaSandbox, PRODUCTS), (KorusSandbox, ORDERS)])
async def test_an_encoded_body_is_refused_in_the_providers_shape(kind, path, body, encoding):
    sandbox = kind()
    refused = await _refused_by(sandbox, path, body=body, headers={"content-encoding": encoding})
    assert (refused.status, refused.json().keys()) == (415, sandbox.error(415).json().keys())
    assert sandbox.requests.total == 2


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
async def test_a_body_that_is_not_encoded_may_say_so(curl, encoding):
    example = await _example(curl)
    status, _ = await curl(
        "POST",
        "/v1/ticketing/cancel-booking.json",
        body={"booking_id": "x"},
        headers={"Content-Encoding": encoding},
        apikey=example["api_key"],
    )
    assert status == 404


async def _raw(port, head, body=b""):
    """Send bytes as they are; return the status line and the body of the response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    length = b"" if b"ransfer-" in head else b"Content-Length: %d\r\n" % len(body)
    writer.write(head + b"Host: localhost\r\nConnection: close\r\n" + length + b"\r\n" + body)
    received = await reader.read()
    writer.close()
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


@pytest.mark.parametrize(
    "head",
    [
        b"GET %b HTTP/1.1\r\nX-Name: caf\xe9\r\n",
        b"GET %b HTTP/1.1\r\nIdempotency-Key: \xff\r\n",
        b"GET %b?a=%%ff HTTP/1.1\r\n",
        b"GET %b?a=%%ED%%A0%%80 HTTP/1.1\r\n",
        b"GET %b/%%ff HTTP/1.1\r\n",
    ],
)
async def test_text_that_is_not_unicode_is_refused_in_the_providers_shape(head):
    for sandbox, path in ((EgumaSandbox(), PRODUCTS), (KorusSandbox(), ORDERS)):
        async with serve(sandbox) as server:
            status, body = await _raw(server.port, head % path.encode())
            assert status == 400
            assert json.loads(body).keys() == sandbox.error(400).json().keys()
            status, body = await _raw(server.port, b"GET /_sandbox/requests HTTP/1.1\r\n")
            assert (status, json.loads(body)["total"]) == (200, 1)


async def test_a_caller_that_hangs_up_within_its_body_is_no_fault_of_the_server(curl, caplog):
    port = int(curl.url.rpartition(":")[2])
    head = f"POST {PRODUCTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    await writer.drain()
    assert (await curl("GET", "/v1/hello.json"))[0] == 200
    writer.close()
    await writer.wait_closed()
    for _ in range(3):
        assert (await curl("GET", "/v1/hello.json"))[0] == 200
    assert caplog.records == []
    assert curl.sandbox.requests.total == 4


FRAMING = """
import asyncio
import sys
from eguma_async.sandbox import EgumaSandbox, serve

async def main():
    async with serve(EgumaSandbox()) as server:
        for body in map(bytes.fromhex, sys.argv[1:]):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            head = "POST /v1/ticketing/products.json HTTP/1.1\\r\\nHost: x\\r\\n"
            writer.write((head + "Transfer-Encoding: chunked\\r\\n\\r\\n").encode())
            await writer.drain()
            other = await asyncio.open_connection("127.0.0.1", server.port)
            other[1].write(b"GET /v1/hello.json HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
            await other[0].readline()
            other[1].close()
            writer.write(body)
            print((await reader.readline()).decode().split()[1])
            writer.close()

asyncio.run(main())
"""


def test_a_framing_that_breaks_while_it_is_read_is_a_400():
    """The parser in C tells nothing until the caller hangs up; the one in Python does."""
    bodies = [b"zz\r\n", b"5\r\nhelloXX0\r\n\r\n"]
    if int(aiohttp.__version__.split(".")[1]) < 13:
        del bodies[1]  # it waits for more, as it takes any two bytes for the end of a piece
    environment = {**os.environ, "AIOHTTP_NO_EXTENSIONS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", FRAMING, *map(bytes.hex, bodies)],
        capture_output=True, text=True, timeout=60, check=False, env=environment,
    )  # fmt: skip
    assert ran.stdout.split() == ["400"] * len(bodies), ran.stderr


async def test_a_body_that_breaks_its_framing_is_no_fault_of_the_server(curl):
    port = int(curl.url.rpartition(":")[2])
    head = f"POST {PRODUCTS} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n".encode()
    for body in (b"zz\r\n", b"5\r\nhelloXX0\r\n\r\n"):
        status, _ = await _raw(port, head, body)
        assert status == 400


async def test_a_control_call_that_is_not_unicode_is_explained(curl):
    port = int(curl.url.rpartition(":")[2])
    for head, body in (
        (b"POST /_sandbox/options HTTP/1.1\r\n", b'{"\\ud800": 1}'),
        (b"POST /_sandbox/options HTTP/1.1\r\nX-A: \xff\r\n", b"{}"),
        (b"POST /_sandbox/%ff HTTP/1.1\r\n", b"{}"),
        (b"POST /_sandbox/clock HTTP/1.1\r\n", b"[" * 100_000),
        (b"POST /_sandbox/faults HTTP/1.1\r\n", b'{"kind": "delay", "seconds": 1e999}'),
        (b"POST /_sandbox/clock HTTP/1.1\r\n", b"x" * (MAX_BODY_BYTES + 1)),
    ):
        status, answer = await _raw(port, head, body)
        assert status in {400, 413}
        assert json.loads(answer)["error"]


@pytest.mark.parametrize("status", [200, 204, 205, 206, 304, 399, 404, 418, 500, 599])
async def test_any_scripted_status_arrives(curl, status):
    for fault in (Reply(status), Reply(status, body="x"), Reply(status, body="")):
        curl.sandbox.faults.add(fault)
        async with curl.client.get(curl.url + PRODUCTS) as response:
            assert response.status == status
            await response.read()


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host, is_loopback):
    assert _is_loopback(host) is is_loopback


async def test_requests_to_the_control_plane_are_not_counted(curl):
    await curl.state()
    assert curl.sandbox.requests.total == 0


async def test_each_request_goes_to_the_sandbox_that_owns_its_path(clock):
    eguma, other = EgumaSandbox(clock), Other(clock)
    async with serve(eguma, other) as server, aiohttp.ClientSession() as client:
        call = Curl(eguma, server.url, client)
        assert (await call("PUT", "/other/x", a="1 ä"))[1] == {
            "method": "PUT", "query": [["a", "1 ä"]],
        }  # fmt: skip
        assert (await call("GET", PRODUCTS, apikey=eguma.demo_key))[0] == 200
        assert await call("GET", "/") == (404, {"error": "no sandbox has this path"})
        assert await call("GET", "/_sandbox") == (200, {"sandboxes": ["eguma", "other"]})
        status, value = await call("GET", "/_sandbox/other")
        assert (status, value["options"], value["commands"], value["state"]) == (200, {}, [], {})
        assert (await call("GET", "/_sandbox/clock"))[0] == 404
        assert (await call("POST", "/_sandbox/other/options", body={"a": 1}))[0] == 400
    assert (eguma.requests.total, other.requests.total) == (1, 1)


async def test_a_server_can_be_closed_twice_and_says_where_it_is():
    server = serve(EgumaSandbox(), host="127.0.0.1")
    async with server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert server.port > 0
    await server.aclose()


def test_a_server_is_not_opened_to_other_machines_by_accident():
    with pytest.raises(ValueError, match="allow_remote"):
        serve(EgumaSandbox(), host="0.0.0.0")
    assert serve(EgumaSandbox(), host="0.0.0.0", allow_remote=True)
    assert serve(EgumaSandbox(), host="::1").url == "http://[::1]:0"
    with pytest.raises(ValueError, match="at least one"):
        serve()
    with pytest.raises(ValueError, match="name"):
        serve(EgumaSandbox(), EgumaSandbox())
