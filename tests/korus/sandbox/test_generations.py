from __future__ import annotations

import pytest

CATALOG_DETAILS = {"lastSyncedAt"}
BASE_DETAILS = {"description", "useSession", "timezone", "maxAmountPerOrder", "venue", "medias"}
RESERVATION_DETAILS = {"catalog", "seatsArrangement", "releasable", "status"}
ORDER_DETAILS = {"catalog", "connectorReference", "status", "cancelledAt"}


async def test_the_seed_shows_exactly_the_printed_members(make):
    api = await make(generation="seed")
    [held] = await api.hold("example")
    assert list(held) == [
        "@id", "@type", "expired", "id", "createdAt", "totalAmountInclTax", "totalAmountExclTax",
        "expiresAt", "items", "organization", "order",
    ]  # fmt: skip
    [item] = held["items"]
    assert list(item) == [
        "@type", "@id", "unitAmountInclTax", "unitAmountExclTax", "offer", "product",
        "offerTickets",
    ]  # fmt: skip
    assert [list(ticket) for ticket in item["offerTickets"]] == [
        ["@type", "@id", "ticket"],
        ["@type", "@id", "ticket", "session"],
    ]
    organization = "0194abdc-3a79-7ec3-b1b9-a1f291de587d"
    assert held["organization"] == f"/v1/ticketing/organizations/{organization}"

    [order] = (await api.order(held))["orders"]
    assert list(order) == [
        "@id", "@type", "id", "createdAt", "organization", "reference", "externalReference",
        "totalAmountInclTax", "totalAmountExclTax", "reservation", "customer", "items",
        "documents",
    ]  # fmt: skip
    assert order["organization"] == f"/v1/organizations/{organization}"
    [item] = order["items"]
    assert list(item) == [
        "@type", "@id", "unitAmountInclTax", "unitAmountExclTax", "product", "tickets",
    ]  # fmt: skip
    for ticket in item["tickets"]:
        assert ticket["@type"] == "ReservationItemOfferTicket"
        assert ticket["@id"].startswith("/.well-known/genid/")
        assert "id" not in ticket


async def test_release_adds_members_to_what_the_seed_shows(make):
    seed, release = await make(generation="seed"), await make()
    [old], [new] = await seed.hold("seated"), await release.hold("seated")
    assert new.keys() - old.keys() == RESERVATION_DETAILS
    added = {"amountInclTax", "amountExclTax", "quantity", "date"}
    assert new["items"][0].keys() - old["items"][0].keys() == added
    assert new["items"][0]["offerTickets"][0]["seating"]["stand"] == "EST"

    [before], [after] = (await seed.order(old))["orders"], (await release.order(new))["orders"]
    assert after.keys() - before.keys() == {*ORDER_DETAILS, "notes"}
    assert after["status"] == "confirmed"
    totals = {"id", "totalAmountInclTax", "totalAmountExclTax"}
    assert after["items"][0].keys() - before["items"][0].keys() == {*added, *totals}
    ticket = after["items"][0]["tickets"][0]
    below = f"{after['@id']}/items/{after['items'][0]['id']}/tickets/{ticket['id']}"
    assert (ticket["@id"], ticket["@type"]) == (below, "OrderItemTicketResource")


async def test_release_echoes_notes(api):
    [order] = await api.buy("plain", notes="Wheelchair")
    assert order["notes"] == "Wheelchair"


async def test_1_0_7_has_its_own_names(make):
    api = await make(generation="1.0.7")
    [held] = await api.hold("example")
    [item] = held["items"]
    assert (item["amountInclTax"], item["amountExclTax"]) == ("80.00", "75.83")
    assert not {"unitAmountInclTax", "quantity"} & item.keys()
    assert item["offerTickets"][0]["session"] is None
    assert held.keys() >= RESERVATION_DETAILS
    [order] = (await api.order(held))["orders"]
    assert order.keys() >= ORDER_DETAILS
    assert "notes" not in order
    [_, ticket] = order["items"][0]["tickets"]
    assert ticket["event"] == "Cinéscénie"
    assert (await api.get(ticket["@id"])).json()["id"] == ticket["id"]


async def test_1_0_7_shows_less_of_the_catalog(make):
    old, new = await make(generation="1.0.7"), await make()
    catalog = old.sandbox.example("example").catalog

    async def first(api, path):
        return (await api.get(path)).json()["member"][0]

    catalogs = [await first(api, "/v1/ticketing/catalogs") for api in (old, new)]
    assert catalogs[1].keys() - catalogs[0].keys() == CATALOG_DETAILS
    bases = [await first(api, catalog + "/product_bases") for api in (old, new)]
    assert bases[0].keys() == {"@id", "@type", "id", "name", "disabled"}
    assert bases[1].keys() >= BASE_DETAILS
    assert "sessionsAvailability" not in await old.available("example")
    offers = [await first(api, catalog + "/offers") for api in (old, new)]
    assert ["form" in offer["tickets"][0] for offer in offers] == [True, False]


@pytest.mark.parametrize(("generation", "plain"), [("1.0.7", False), ("release", True)])
async def test_a_beneficiary_is_nested_in_older_generations(make, generation, plain):
    api = await make(generation=generation)
    [order] = await api.buy("named")
    ada = {"firstname": "Ada", "lastname": "Lovelace", "dateOfBirth": "1815-12-10"}
    iri = order["items"][0]["tickets"][0]["@id"]
    shown = (await api.patch(iri, {"beneficiary": ada})).json()["beneficiary"]
    assert ("@type" not in shown) is plain
    assert {name: shown[name] for name in ada} == ada


async def test_the_generation_can_change_while_bookings_live(api):
    [order] = await api.buy("plain")
    api.sandbox.set_options({"generation": "seed"})
    assert "status" not in (await api.get(order["@id"])).json()
    api.sandbox.set_options({"generation": "release"})
    assert (await api.get(order["@id"])).json()["status"] == "confirmed"
