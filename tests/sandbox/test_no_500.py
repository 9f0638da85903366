"""Whatever is sent, a sandbox answers with a status below 500, and what it keeps stays readable."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eguma_async.sandbox import EgumaSandbox, KorusSandbox, SandboxRequest
from eguma_async.sandbox.korus import TOKEN_PATH
from eguma_async.sandbox.serving.control import ControlPlane

FORM = {"content-type": "application/x-www-form-urlencoded"}


class StillClock:
    def now(self):
        return datetime(2026, 3, 2, 9, tzinfo=UTC)

    def monotonic(self):
        return 0.0

    async def sleep(self, seconds, /):
        raise AssertionError("nothing may sleep here")


ODD_TEXTS = [
    "", " ", "\ud83d", "caf\udce9", "\x00", "ä", "%", "%ff", "%ED%A0%80", "../..", "null", "NaN",
    "0001-01-01T00:00:00", "9999-12-31T23:59:59", "9999-12-31", "0001-01-01", "1e999", "a" * 5000,
    "2026-03-29T02:30:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
]  # fmt: skip
ODD_NUMBERS = [
    0, -1, 1, 2**31, 2**63, 10**400, -(10**400), 0.5, -0.0, 1e308, float("inf"), float("nan"), True,
]  # fmt: skip

texts = st.sampled_from(ODD_TEXTS) | st.text(max_size=20)
leaves = texts | st.sampled_from(ODD_NUMBERS) | st.none()


def members(names, values):
    """Objects with some of the known members, and one that is not known."""
    return st.dictionaries(st.sampled_from([*names, "other"]) | texts, values, max_size=6)


def mutations(valid):
    """A valid body with one of its members, at any depth, replaced."""
    paths = list(_paths(valid))
    return st.builds(_replaced, st.just(valid), st.sampled_from(paths), leaves | st.just([]))


def _paths(value, path=()):
    if path:
        yield path
    if isinstance(value, (dict, list)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from _paths(inner, (*path, key))


def _replaced(valid, path, value):
    body = json.loads(json.dumps(valid))
    place = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return body


def encoded(values):
    """JSON texts, with the escapes and the constants that Python writes and JSON lacks."""
    return values.map(lambda value: json.dumps(value).encode())


BROKEN = st.sampled_from(
    [b"", b"{", b"[" * 100_000, b'{"a":' * 50_000, b"\xff", b'"\\ud800"', b'{"\\udfff":1}', b"1" * 5000]
)  # fmt: skip


class Eguma:
    def __init__(self):
        self.sandbox = EgumaSandbox(StillClock())
        self.example = self.sandbox.example("time")
        self.key = self.sandbox.demo_key
        self.ids = [
            self.example.product_id,
            self.sandbox.events()[0].id,
            "x",
            "%2F",
            "%ff",
            "\ud800",
        ]
        selection = {
            "product_id": self.example.product_id,
            "starts_at": self.example.starts_at,
            "items": [{"category_id": self.example.category_ids[0], "quantity": 1}],
        }
        customer = {"first_name": "Ada", "last_name": "L", "email": "a@example.com"}
        booking = {**selection, "customer": customer, "reservation_id": None, "language": "de"}
        self.bodies = [selection, booking, {"reservation_id": "x"}, {"booking_id": "x"}]
        self.paths = [
            "/v1/hello.json", "/v1/ticketing/products.json", "/v1/ticketing/reservation.json",
            "/v1/ticketing/booking.json", "/v1/ticketing/cancel-booking.json",
            "/v1/ticketing/cancel-reservation.json", "/v1/ticketing/orders.json",
            "/v1/ticketing/published_events.json", "/v1/ticketing/tickets/{}/checkin.json",
            "/v1/ticketing/products/{}/availabilities.json", "/v1/ticketing/tickets/{}/info.json",
            "/v1/ticketing/admissions/{}/availability.json", "{}",
        ]  # fmt: skip
        self.names = [
            "from", "to", "updated_at_after", "updated_at_before", "order_number", "last_name",
            "category_id",
        ]  # fmt: skip
        self.header_names = ["idempotency-key", "content-type", "content-encoding", "accept"]

    def secrets(self):
        return (("apikey", self.key),), {}

    def check(self):
        request = SandboxRequest("GET", "/v1/ticketing/orders.json", (("apikey", self.key),))
        response: Any = asyncio.run(self.sandbox.handle(request))
        assert response.status == 200


class Korus:
    def __init__(self):
        self.sandbox = KorusSandbox(StillClock())
        client_id, secret = self.sandbox.demo_client
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        self.grant = urlencode(form)
        request = SandboxRequest("POST", TOKEN_PATH, (), FORM, self.grant.encode())
        self.token = self.sandbox.respond(request).json()["access_token"]
        example = self.sandbox.example("named")
        held = self.post("/v1/booking/reservations/_bulk", {"items": [example.item]})
        self.held = held["reservations"][0]["@id"]
        self.ids = [example.offer, example.catalog, self.held, "x", "%ff", "\ud800", "/" + "a" * 40]
        customer = {
            "firstname": "Ada", "lastname": "L", "email": "a@example.com", "optin": True,
            "country": "FR", "title": "mr",
        }  # fmt: skip
        order = {
            "reservations": [self.held], "customer": customer, "externalReference": "r",
            "notes": "n",
        }  # fmt: skip
        self.bodies = [{"items": [example.item]}, order, {"beneficiary": customer}]
        self.paths = [
            TOKEN_PATH, "/v1/ticketing/catalogs", "{}", "{}/offers", "{}/price", "{}/tickets",
            "{}/availability", "{}/product_bases", "/v1/booking/reservations",
            "/v1/booking/reservations/_bulk", "/v1/booking/orders", "/v1/booking/orders/_bulk",
            "/v1/booking/orders/{}", "/_documents/{}", "{}/documents",
        ]  # fmt: skip
        placed = self.post("/v1/booking/orders/_bulk", order)["orders"][0]
        self.ids += [placed["@id"], placed["documents"][0], placed["items"][0]["tickets"][0]["@id"]]
        self.names = [
            "page", "itemsPerPage", "order[createdAt]", "order[date]", "date[after]", "product[]",
            "date[strictly_before]", "createdAt[before]", "external_reference", "session", "Expires",
            "Signature", "withDisabled",
        ]  # fmt: skip
        self.header_names = [
            "accept", "accept-language", "content-type", "content-encoding", "authorization",
        ]  # fmt: skip

    def secrets(self):
        return (), {"authorization": f"Bearer {self.token}", "content-type": "application/ld+json"}

    def post(self, path, value):
        _, headers = self.secrets()
        body = json.dumps(value).encode()
        return self.sandbox.respond(SandboxRequest("POST", path, (), headers, body)).json()

    def check(self):
        _, headers = self.secrets()
        request = SandboxRequest("GET", "/v1/booking/orders", (), headers)
        response: Any = asyncio.run(self.sandbox.handle(request))
        assert response.status == 200


SIMULATED = {"eguma": Eguma(), "korus": Korus()}


@st.composite
def requests(draw, simulated):
    path = draw(st.sampled_from(simulated.paths)).format(draw(st.sampled_from(simulated.ids)))
    query, headers = simulated.secrets()
    query += tuple(draw(members(simulated.names, texts)).items())
    headers = {**headers, **draw(members(simulated.header_names, texts))}
    some_json = encoded(st.one_of(*map(mutations, simulated.bodies), st.just([]), leaves))
    body = draw(
        some_json
        | BROKEN
        | st.binary(max_size=20)
        | texts.map(lambda t: quote(t, errors="replace").encode())
    )
    method = draw(st.sampled_from(["GET", "POST", "PATCH", "DELETE", "HEAD", "\ud800", "get"]))
    return SandboxRequest(method, path, query, headers, body)


@pytest.mark.parametrize("name", SIMULATED)
@given(data=st.data())
@settings(max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_no_request_is_a_500(name, data):
    simulated: Any = SIMULATED[name]
    request = data.draw(requests(simulated))
    response = asyncio.run(simulated.sandbox.handle(request))
    assert response.status < 500
    response.body.decode()
    simulated.check()
    plane = ControlPlane([simulated.sandbox])
    shown = plane.respond(SandboxRequest("GET", "/_sandbox/requests"))
    assert (shown.status, shown.json()["total"]) == (200, simulated.sandbox.requests.total)


CONTROL_NAMES = [
    "advance", "set", "kind", "seconds", "status", "headers", "retry_after", "body", "path",
    "method", "times", "skip", "keep", "hang_up", "product_id", "starts_at", "capacity",
    "category_id", "price_in_cents", "quantity", "day", "is_active", "channel_is_on", "key", "id",
    "event_id", "ticket_number", "order", "customer", "note", "notes", "tags", "offer", "session",
    "price", "stock", "reservation", "reservation_id", "at", "message", "minutes", "weeks",
    "generation", "hold_seconds", "orders_delay_seconds", "max_range_days", "public_url",
    "externalReference", "after_commit", "content_type",
]  # fmt: skip


@st.composite
def control_calls(draw, plane, simulated):
    sandbox = simulated.sandbox
    known = st.sampled_from(
        [*filter(str.isprintable, simulated.ids), "time", "plain", "reply", "park", "delay"]
    )
    values = leaves | known | st.lists(leaves, max_size=2) | members(CONTROL_NAMES, leaves)
    topic = draw(
        st.sampled_from(["clock", "options", "faults", "requests", "", *sandbox.commands()]) | texts
    )
    names = CONTROL_NAMES
    command = sandbox.commands().get(topic)
    if command is not None and draw(st.booleans()):
        names = [*command.required, *command.optional]
        wanted = st.fixed_dictionaries(dict.fromkeys(command.required, values))
        body = json.dumps(draw(wanted)).encode()
    elif topic == "clock" and draw(st.booleans()):
        units = members(["weeks", "days", "hours", "minutes", "seconds"], leaves)
        moved = st.fixed_dictionaries({}, optional={"advance": units, "set": leaves})
        body = json.dumps(draw(moved)).encode()
    else:
        body = draw(encoded(members(names, values)) | BROKEN)
    method = draw(st.sampled_from(["GET", "POST", "POST", "POST", "DELETE"]))
    return SandboxRequest(method, f"/_sandbox/{topic}", (), draw(members(["origin"], texts)), body)


@pytest.mark.parametrize("name", SIMULATED)
@given(data=st.data())
@settings(max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_no_control_call_is_a_500(name, data):
    simulated: Any = type(SIMULATED[name])()
    plane = ControlPlane([simulated.sandbox])
    for _ in range(data.draw(st.integers(1, 3))):
        response = plane.respond(data.draw(control_calls(plane, simulated)))
        assert response.status < 500
        response.body.decode()
    simulated.sandbox.faults.clear()
    assert plane.respond(SandboxRequest("GET", "/_sandbox")).status == 200
    request = data.draw(requests(simulated))
    assert asyncio.run(simulated.sandbox.handle(request)).status < 500
