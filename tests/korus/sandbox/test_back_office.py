"""The issuer's side, through Python methods and through the control plane."""

from __future__ import annotations

import json

import pytest

from eguma_async.sandbox import ControlError
from eguma_async.sandbox.engine.messages import SandboxRequest
from eguma_async.sandbox.korus import KorusOptions, KorusSandbox
from eguma_async.sandbox.serving.control import ControlPlane

UNKNOWN = "01940000-0000-7000-8000-000000000000"


async def test_a_cancelled_order_shows_it_and_returns_its_stock(api):
    [order] = await api.buy(api.item("capped", 3))
    assert api.sandbox.available("capped") == 47
    api.sandbox.cancel_order(order["id"])
    api.sandbox.clock.advance(minutes=1)
    api.sandbox.cancel_order(order["@id"])
    assert api.sandbox.available("capped") == 50
    shown = (await api.get(order["@id"])).json()
    assert (shown["status"], shown["cancelledAt"]) == ("cancelled", "2026-03-02T09:00:00+00:00")


async def test_a_released_reservation_is_over_at_once(api, buying):
    [held] = await api.hold(api.item("capped", 2))
    api.sandbox.release_reservation(held["id"])
    shown = (await api.get(held["@id"])).json()
    assert (shown["expired"], shown["status"], shown["releasable"]) == (True, "released", False)
    assert shown["expiresAt"] == "2026-03-02T09:00:00+00:00"
    assert api.sandbox.available("capped") == 50
    assert (await api.post("/v1/booking/orders/_bulk", buying(held))).status == 422
    api.sandbox.clock.advance(hours=1)
    assert api.sandbox.available("capped") == 50


async def test_an_ordered_reservation_is_not_released(api):
    [order] = await api.buy("capped")
    with pytest.raises(ValueError, match="cancel the order"):
        api.sandbox.release_reservation(order["reservation"])
    api.sandbox.clock.advance(hours=1)
    assert api.sandbox.available("capped") == 49


async def test_a_reservation_that_lives_is_ordered_although_the_capacity_was_lowered(api):
    [held] = await api.hold(api.item("capped", 3))
    api.sandbox.set_capacity("capped", 1)
    assert api.sandbox.availability("capped") == 0
    assert (await api.reserve("capped"))["failedReservations"][0]["message"] == "Not enough stock"
    [order] = (await api.order(held))["orders"]
    assert order["totalAmountInclTax"] == "180.00"
    assert (await api.available("capped"))["availableQuantity"] == 0
    api.sandbox.set_capacity("capped", 4)
    assert (await api.available("capped"))["availableQuantity"] == 1
    api.sandbox.cancel_order(order["id"])
    assert (await api.available("capped"))["availableQuantity"] == 4


async def test_a_session_that_was_lowered_keeps_what_is_reserved_too(api):
    item = api.item("seated", 2)
    session = item["ticketSessions"][0]["session"]
    [held] = await api.hold(item)
    api.sandbox.set_capacity(session, 1)
    assert api.sandbox.availability(session) == 0
    assert len((await api.reserve("seated"))["failedReservations"]) == 1
    assert len((await api.order(held))["orders"]) == 1


async def test_a_product_is_taken_off_sale_and_put_back(api, broken):
    [held] = await api.hold("plain")
    api.sandbox.set_active("plain", False)
    refused = await api.post("/v1/booking/reservations/_bulk", {"items": [api.item("plain")]})
    assert [path for path, _ in broken(refused)] == ["items[0].offer.product.disabled"]
    assert len((await api.order(held))["orders"]) == 1
    api.sandbox.set_active("plain", True)
    assert len(await api.hold("plain")) == 1


async def test_an_edited_order_shows_the_changes(api):
    [order] = await api.buy("plain", externalReference="A-1", notes="Window")
    customer = {"lastname": "Byron", "phone": None, "optin": True, "country": "CH"}
    api.sandbox.update_order(order["id"], customer=customer, external_reference="A-2")
    shown = (await api.get(order["@id"])).json()
    assert {name: shown["customer"][name] for name in customer} == customer
    assert (shown["customer"]["firstname"], shown["notes"]) == ("John", "Window")
    found = (await api.get("/v1/booking/orders", ("external_reference", "A-2"))).json()
    assert [one["id"] for one in found["member"]] == [order["id"]]
    api.sandbox.update_order(order["@id"], notes="")
    assert (await api.get(order["@id"])).json()["notes"] == ""


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"customer": {"name": "x"}}, "has no name"),
        ({"customer": {"lastname": ""}}, "customer.lastname: This value cannot be blank"),
        ({"customer": {"lastname": 5}}, "customer.lastname"),
        ({"customer": {"lastname": "\ud83d"}}, "customer.lastname must be a text"),
        ({"customer": {"email": "x"}}, "e-mail"),
        ({"customer": {"optin": "yes"}}, "customer.optin"),
        ({"notes": "\ud83d"}, "notes must be a text"),
        ({"external_reference": 5}, "external_reference must be a text"),
    ],
)
async def test_an_edit_that_cannot_be_changes_nothing(api, changes, text):
    [order] = await api.buy("plain")
    before = (await api.get(order["@id"])).json()["customer"]
    with pytest.raises(ValueError, match=text):
        api.sandbox.update_order(order["id"], **{"notes": "new", **changes})
    after = (await api.get(order["@id"])).json()
    assert ({**after["customer"], "@id": before["@id"]}, after["notes"]) == (before, None)


async def test_failures_can_look_otherwise(api):
    api.sandbox.reshape_failures(lambda entry: {"error": {"text": entry["message"]}})
    answer = await api.reserve("sold_out")
    assert answer["failedReservations"] == [{"error": {"text": "Not enough stock"}}]


async def test_an_offer_fails_as_often_as_told_and_then_works(api):
    api.sandbox.fail_offer("plain", times=2)
    outcomes = [len(await api.hold("plain")) for _ in range(3)]
    assert outcomes == [0, 0, 1]
    api.sandbox.fail_offer("plain", None)
    assert api.sandbox.offer("plain").failure is None


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda sandbox: sandbox.set_price("plain", "1.001"), ValueError),
        (lambda sandbox: sandbox.set_price("plain", "NaN"), ValueError),
        (lambda sandbox: sandbox.set_price("plain", "9" * 26), ValueError),
        (lambda sandbox: sandbox.set_capacity("plain", -1), ValueError),
        (lambda sandbox: sandbox.set_capacity("plain", 1.5), ValueError),
        (lambda sandbox: sandbox.set_capacity(UNKNOWN, 1), LookupError),
        (lambda sandbox: sandbox.set_active(UNKNOWN, True), LookupError),
        (lambda sandbox: sandbox.update_order(UNKNOWN, notes="x"), LookupError),
        (lambda sandbox: sandbox.set_hold("plain", 1.5), ValueError),
        (lambda sandbox: sandbox.set_hold("plain", 10**10), ValueError),
        (lambda sandbox: sandbox.set_price("plain", "much"), ValueError),
        (lambda sandbox: sandbox.set_price(UNKNOWN, "1.00"), LookupError),
        (lambda sandbox: sandbox.set_stock("plain", -1), ValueError),
        (
            lambda sandbox: sandbox.set_stock("337177bc-e513-444f-bcee-49a3e25b48a3", None),
            ValueError,
        ),
        (lambda sandbox: sandbox.set_hold("plain", 0), ValueError),
        (lambda sandbox: sandbox.fail_offer("plain", "payment"), ValueError),
        (lambda sandbox: sandbox.cancel_order(UNKNOWN), LookupError),
        (lambda sandbox: sandbox.release_reservation("plain"), LookupError),
        (lambda sandbox: sandbox.hold_example("nonsense"), ValueError),
        (lambda sandbox: sandbox.example("nothing"), LookupError),
        (lambda sandbox: sandbox.set_options({"colour": "red"}), ControlError),
        (lambda sandbox: sandbox.set_options({"foreign_status": 418}), ControlError),
        (lambda sandbox: sandbox.set_options({"refresh_tokens": 1}), ControlError),
        (lambda sandbox: KorusOptions(public_url="korus.example"), ValueError),
        (lambda sandbox: KorusOptions(hold_seconds=0), ValueError),
        (
            lambda sandbox: KorusOptions(generation="2.0"),  # type: ignore[arg-type]  # wrong
            ValueError,
        ),
    ],
)
def test_what_cannot_be_done_is_refused(act, error):
    with pytest.raises(error):
        act(KorusSandbox())


def test_a_sold_out_example_is_not_held():
    sandbox = KorusSandbox()
    sandbox.set_stock("example", 0)
    with pytest.raises(ValueError, match="sold out"):
        sandbox.hold_example(UNKNOWN)


def test_demo_ids_are_the_same_on_any_day_and_dates_follow_the_clock():
    one, two = KorusSandbox(), KorusSandbox()
    assert [one.example(name) for name in one.example_names] == [
        two.example(name) for name in two.example_names
    ]
    assert one.example("plain") != KorusSandbox(seed=2).example("plain")
    today = one.clock.now().date()
    date = one.offer("plain").date
    assert date is not None
    assert 0 <= (date - today).days <= 2


@pytest.fixture
def control(api):
    """Send a command to the control plane; return status and answer."""

    plane = ControlPlane([api.sandbox])

    def send(path, body=None, method="POST"):
        data = b"" if body is None else json.dumps(body).encode()
        response = plane.respond(SandboxRequest(method, f"/_sandbox/korus{path}", (), {}, data))
        return response.status, response.json()

    return send


async def test_the_control_plane_shows_how_to_log_in_and_what_to_reserve(api, control):
    status, overview = control("", method="GET")
    assert status == 200
    assert overview["state"]["organizations"][0]["client_id"] == api.sandbox.demo_client[0]
    examples = {entry["name"]: entry for entry in overview["state"]["examples"]}
    assert examples["capped"]["available"] == 50
    assert len(await api.hold(examples["capped"]["item"])) == 1
    assert overview["options"]["generation"] == "release"


async def test_the_control_plane_carries_out_each_command(api, control):
    assert control("/set-price", {"offer": "plain", "price": "9.50"}) == (200, {"price": "9.50"})
    assert control("/set-stock", {"offer": "plain", "stock": 7}) == (200, {"available": 7})
    assert control("/set-capacity", {"offer": "plain", "capacity": 7}) == (200, {"available": 7})
    session = api.item("example")["ticketSessions"][1]["session"]
    assert control("/set-capacity", {"session": session, "capacity": 4}) == (200, {"available": 4})
    assert control("/set-active", {"offer": "plain", "is_active": True})[0] == 200
    assert control("/set-stock", {"session": session, "stock": 3}) == (200, {"available": 3})
    assert control("/set-hold", {"offer": "plain", "seconds": 60})[0] == 200
    [held] = await api.hold("plain")
    assert (held["totalAmountInclTax"], held["expiresAt"][14:19]) == ("9.50", "01:00")
    [order] = (await api.order(held))["orders"]
    edit = {"order": order["id"], "customer": {"lastname": "B"}, "externalReference": "E"}
    assert control("/update-order", edit) == (200, {"updated": order["id"]})
    shown = (await api.get(order["@id"])).json()
    assert (shown["customer"]["lastname"], shown["externalReference"]) == ("B", "E")
    assert control("/cancel-order", {"order": order["id"]}) == (200, {"cancelled": order["id"]})
    [held] = await api.hold("plain")
    assert control("/release-reservation", {"reservation": held["@id"]})[0] == 200
    assert api.sandbox.available("plain") == 7
    failing = {"offer": "plain", "at": "reservation", "times": 1, "message": "No"}
    assert control("/fail-offer", failing) == (200, {"at": "reservation"})
    assert (await api.reserve("plain"))["failedReservations"][0]["message"] == "No"
    assert control("/fail-offer", {"offer": "plain", "at": None}) == (200, {"at": None})
    printed = "/v1/booking/reservations/0194b10f-3ddd-70a5-a96a-d1026cd42746"
    assert control("/hold-example", {}) == (200, {"reservation": printed})
    assert control("/revoke-tokens") == (200, {"tokens_issued": 1})
    assert (await api.get(printed)).status == 401
    assert control("/clock", {"advance": {"minutes": 5}})[1]["now"][11:16] == "09:05"
    assert control("/options", {"generation": "seed"})[1]["generation"] == "seed"


@pytest.mark.parametrize(
    ("command", "body", "status"),
    [
        ("/set-price", {"offer": "plain"}, 400),
        ("/set-price", {"offer": "plain", "price": 9}, 400),
        ("/set-price", {"offer": "nothing", "price": "9.00"}, 404),
        ("/set-stock", {"offer": "plain", "stock": -1}, 400),
        ("/set-stock", {"stock": 1}, 400),
        ("/set-capacity", {"offer": "plain", "session": "x", "capacity": 1}, 400),
        ("/set-capacity", {"session": "x", "capacity": 1}, 404),
        ("/update-order", {"order": "x", "customer": "Ada"}, 400),
        ("/set-stock", {"offer": "plain", "stock": True}, 400),
        ("/cancel-order", {"order": "x"}, 404),
        ("/cancel-order", {"order": "x", "more": 1}, 400),
        ("/hold-example", {"reservation": ""}, 400),
        ("/nothing", {}, 404),
    ],
)
async def test_wrong_commands_are_explained(control, command, body, status):
    answered, answer = control(command, body)
    assert answered == status
    assert answer["error"]
