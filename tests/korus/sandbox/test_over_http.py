"""A few calls over a real socket: addresses, links, control plane."""

from __future__ import annotations

import aiohttp
import pytest

from eguma_async.core.errors import OutcomeUnknownError
from eguma_async.core.messages import Credentials, HttpRequest
from eguma_async.sandbox import serve
from eguma_async.sandbox.engine.faults import DropAfter
from eguma_async.sandbox.korus import TOKEN_PATH, KorusSandbox

JSON_LD = {"Content-Type": "application/ld+json", "Accept": "application/ld+json"}
CUSTOMER = {"firstname": "Ada", "lastname": "Lovelace", "email": "ada@example.com"}


@pytest.fixture
async def served():
    """A sandbox on a socket, and a client that is logged in."""
    sandbox = KorusSandbox()
    client_id, secret = sandbox.demo_client
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    async with serve(sandbox) as server, aiohttp.ClientSession() as client:
        async with client.post(server.url + TOKEN_PATH, data=form) as response:
            token = (await response.json())["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield sandbox, server, client


async def post(client, url, body):
    async with client.post(url, json=body, headers=JSON_LD) as response:
        return response.status, await response.json(content_type=None)


async def test_a_booking_from_hold_to_file(served):
    sandbox, server, client = served
    items = {"items": [sandbox.example("example", quantity=2).item]}
    status, held = await post(client, server.url + "/v1/booking/reservations/_bulk", items)
    assert status == 200
    assert held["@context"]["@vocab"] == f"{server.url}/docs.jsonld#"
    purchase = {"reservations": [held["reservations"][0]["@id"]], "customer": CUSTOMER}
    _, answer = await post(client, server.url + "/v1/booking/orders/_bulk", purchase)
    [order] = answer["orders"]

    merge = {"Content-Type": "application/merge-patch+json"}
    document = server.url + order["documents"][0]
    async with client.patch(document, data=b"{}", headers=merge) as response:
        link = (await response.json(content_type=None))["temporaryUrl"]
    assert link.startswith(f"{server.url}/_documents/")
    async with aiohttp.ClientSession() as stranger, stranger.get(link) as response:
        assert response.content_type == "application/pdf"
        assert order["reference"].encode() in await response.read()
    async with client.get(link) as response:
        assert response.status == 400


async def test_the_clock_moves_over_the_control_plane(served):
    sandbox, server, client = served
    items = {"items": [sandbox.example("capped").item]}
    await post(client, server.url + "/v1/booking/reservations/_bulk", items)
    assert sandbox.available("capped") == 49
    path = server.url + "/_sandbox/korus/clock"
    status, _ = await post(client, path, {"advance": {"minutes": 15}})
    assert status == 200
    assert sandbox.available("capped") == 50


async def test_a_lost_answer_is_lost_on_the_socket_too(served):
    sandbox, server, client = served
    sandbox.faults.add(DropAfter(path="*/reservations/_bulk"))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        items = {"items": [sandbox.example("capped").item]}
        await post(client, server.url + "/v1/booking/reservations/_bulk", items)
    assert len(sandbox.reservations()) == 1


async def test_the_in_memory_transport_carries_the_same_bytes():
    sandbox = KorusSandbox()
    client_id, secret = sandbox.demo_client
    transport = sandbox.transport()
    base = "https://api.demo.korusticket.com"
    form = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}"
    answer = await transport.send(
        HttpRequest(
            method="POST",
            url="https://auth.korusticket.com" + TOKEN_PATH,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=form.encode(),
        )
    )
    token = answer.body.split(b'"access_token":"')[1].split(b'"')[0]
    credentials = Credentials(headers=(("Authorization", f"Bearer {token.decode()}"),))
    listed = HttpRequest(method="GET", url=base + "/v1/booking/orders", credentials=credentials)
    assert (await transport.send(listed)).status == 200
    sandbox.faults.add(DropAfter())
    with pytest.raises(OutcomeUnknownError):
        await transport.send(listed)
