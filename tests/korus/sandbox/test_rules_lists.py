"""Rules 50 to 62: tokens, lists, catalog, transport."""

from __future__ import annotations

import pytest

from eguma_async.sandbox.engine.messages import SandboxRequest
from eguma_async.sandbox.korus import TOKEN_PATH

CATALOGS = "/v1/ticketing/catalogs"
PARK = f"{CATALOGS}/0194abdc-3a71-72b0-a9b9-89d4be0cd73e"
OFFERS = f"{PARK}/offers"
UNKNOWN = "01940000-0000-7000-8000-000000000000"
PATHS = [CATALOGS, OFFERS, "/v1/booking/orders", f"/v1/booking/orders/{UNKNOWN}", "/v1/nothing"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Basic x", "{token}"])
async def test_rule_50_without_a_valid_token_everything_is_a_401(api, path, header):
    sent = None if header is None else header.format(token=api.token)
    response = await api.get(path, authorization=sent)
    assert response.status == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.json()["status"] == 401


async def test_rule_50_a_token_ends_with_its_time(api):
    api.sandbox.clock.advance(seconds=1799)
    assert (await api.get(CATALOGS)).status == 200
    api.sandbox.clock.advance(seconds=1)
    refused = await api.get(CATALOGS)
    assert refused.status == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


async def test_rule_50_revoked_tokens_are_refused_and_new_ones_counted(api):
    assert api.sandbox.tokens_issued == 1
    refresh = (await api.ask_token()).json()["refresh_token"]
    api.sandbox.revoke_tokens()
    assert (await api.get(CATALOGS)).status == 401
    renewed = await api.ask_token(grant_type="refresh_token", refresh_token=refresh)
    assert renewed.status == 400
    await api.log_in()
    assert (await api.get(CATALOGS)).status == 200
    assert api.sandbox.tokens_issued == 3


async def test_rule_51_a_refresh_token_belongs_to_its_client(api, other):
    token = (await api.ask_token()).json()["refresh_token"]
    stolen = await other.ask_token(grant_type="refresh_token", refresh_token=token)
    assert (stolen.status, stolen.json()["error"]) == (400, "invalid_grant")


async def test_rule_51_client_credentials_give_the_five_fields(api):
    response = await api.ask_token()
    assert response.status == 200
    answer = response.json()
    fields = {"access_token", "expires_in", "refresh_expires_in", "refresh_token", "token_type"}
    assert answer.keys() == fields
    assert (answer["expires_in"], answer["refresh_expires_in"]) == (1800, 1800)
    assert answer["token_type"] == "Bearer"
    assert answer["access_token"].count(".") == 2


async def test_rule_51_a_refresh_token_works_once_and_until_its_time(api):
    first = (await api.ask_token()).json()["refresh_token"]
    renewed = await api.ask_token(grant_type="refresh_token", refresh_token=first)
    assert renewed.status == 200
    api.token = renewed.json()["access_token"]
    assert (await api.get(CATALOGS)).status == 200
    used = await api.ask_token(grant_type="refresh_token", refresh_token=first)
    assert (used.status, used.json()["error"]) == (400, "invalid_grant")
    api.sandbox.clock.advance(seconds=1800)
    late = renewed.json()["refresh_token"]
    expired = await api.ask_token(grant_type="refresh_token", refresh_token=late)
    assert (expired.status, expired.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant"),
    ],
)
async def test_rule_51_bad_token_requests_are_refused(api, fields, status, error):
    response = await api.ask_token(**fields)
    assert (response.status, response.json()["error"]) == (status, error)


async def test_rule_51_a_token_request_must_be_a_form_and_name_its_grant(api):
    headers = {"content-type": "application/json"}
    body = b'{"grant_type":"client_credentials"}'
    response = await api.sandbox.handle(SandboxRequest("POST", TOKEN_PATH, (), headers, body))
    assert (response.status, response.json()["error"]) == (400, "invalid_request")
    response = await api.sandbox.handle(SandboxRequest("GET", TOKEN_PATH))
    assert response.status == 405


async def test_old_tokens_are_forgotten_in_the_end(api):
    for _ in range(1001):
        await api.ask_token()
    api.sandbox.clock.advance(hours=1)
    await api.ask_token()
    assert api.sandbox.tokens_issued == 1003
    assert len(api.sandbox._state.tokens._access) == 1


async def test_rule_51_refresh_tokens_can_be_left_out(make):
    answer = (await (await make(refresh_tokens=False)).ask_token()).json()
    assert "refresh_token" not in answer
    assert answer["refresh_expires_in"] == 0


async def test_rule_52_a_list_has_its_envelope_and_ten_members(api):
    answer = (await api.get(OFFERS)).json()
    assert answer["@context"] == "/contexts/TicketingOffer"
    assert (answer["@id"], answer["@type"]) == (OFFERS, "Collection")
    assert answer["totalItems"] > 20
    assert len(answer["member"]) == 10
    assert all({"@id", "@type"} <= member.keys() for member in answer["member"])
    assert not any("@context" in member for member in answer["member"])
    assert answer["view"]["@id"] == f"{OFFERS}?page=1"


async def test_rule_52_at_most_fifty_members_come_at_once(api):
    for _ in range(6):
        await api.hold(*["plain"] * 10)
    answer = (await api.get("/v1/booking/reservations", ("itemsPerPage", "500"))).json()
    assert (answer["totalItems"], len(answer["member"])) == (60, 50)
    empty = (await api.get("/v1/booking/reservations", ("itemsPerPage", "0"))).json()
    assert (empty["totalItems"], empty["member"]) == (60, [])
    beyond = await api.get("/v1/booking/reservations", ("page", "99"))
    assert (beyond.status, beyond.json()["member"]) == (200, [])


@pytest.mark.parametrize(
    "query",
    [
        [("page", "0")],
        [("page", "-1")],
        [("itemsPerPage", "-1")],
        [("itemsPerPage", "0"), ("page", "2")],
        [("page", "one")],
    ],
)
async def test_rule_52_bad_pages_are_a_400(api, query):
    response = await api.get(CATALOGS, *query)
    assert (response.status, response.json()["@type"]) == (400, "Error")


async def test_rule_53_thirteen_items_by_two_make_seven_pages(api):
    await api.hold(*["plain"] * 13)
    path = "/v1/booking/reservations?itemsPerPage=2"
    first = (await api.get(path)).json()["view"]
    assert first == {
        "@id": f"{path}&page=1",
        "@type": "PartialCollectionView",
        "first": f"{path}&page=1",
        "last": f"{path}&page=7",
        "next": f"{path}&page=2",
    }
    assert (await api.get(f"{path}&page=2")).json()["view"]["previous"] == f"{path}&page=1"
    seen, link = [], path
    for _ in range(7):
        page = (await api.get(link)).json()
        seen += [member["id"] for member in page["member"]]
        link = page["view"].get("next")
    assert link is None
    assert page["view"]["previous"] == f"{path}&page=6"
    assert len(seen) == len(set(seen)) == 13


async def test_rule_53_a_catalog_list_is_long_enough_to_page(api):
    answer = (await api.get(f"{PARK}/products", ("itemsPerPage", "2"))).json()
    assert answer["totalItems"] >= 13
    answer = (await api.get(OFFERS, ("itemsPerPage", "2"))).json()
    assert answer["totalItems"] >= 13


async def test_rule_54_a_view_appears_with_any_parameter_but_page(api):
    assert "view" not in (await api.get(CATALOGS)).json()
    assert "view" not in (await api.get(CATALOGS, ("page", "1"))).json()
    view = (await api.get(CATALOGS, ("itemsPerPage", "20"))).json()["view"]
    assert view == {"@id": f"{CATALOGS}?itemsPerPage=20", "@type": "PartialCollectionView"}
    view = (await api.get(CATALOGS, ("order[createdAt]", "asc"))).json()["view"]
    assert view["@id"] == f"{CATALOGS}?order%5BcreatedAt%5D=asc"


async def test_rule_55_lists_are_ordered_both_ways(api):
    names = [
        [c["name"] for c in (await api.get(CATALOGS, ("order[createdAt]", way))).json()["member"]]
        for way in ("asc", "desc")
    ]
    assert names[0] == names[1][::-1] == ["Catalogue Puy du Fou - CSE", "Olympique Lyonnais"]
    for way in ("asc", "desc"):
        pairs = [("order[date]", way), ("itemsPerPage", "50")]
        offers = (await api.get(OFFERS, *pairs)).json()["member"]
        dates = [offer["date"] for offer in offers]
        assert dates[-1] is None
        assert dates[:-1] == sorted(dates[:-1], reverse=way == "desc")


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ({"after": "2026-03-12", "before": "2026-03-14"}, ["12", "13", "14"]),
        ({"strictly_after": "2026-03-12", "strictly_before": "2026-03-14"}, ["13"]),
        ({"after": "2026-03-13T10:00:00", "before": "2026-03-13"}, ["13"]),
        ({"after": "2026-03-14", "before": "2026-03-12"}, []),
    ],
)
async def test_rule_55_offers_are_filtered_by_day(api, operators, expected):
    query = [(f"date[{name}]", value) for name, value in operators.items()]
    found = (await api.get(OFFERS, *query)).json()["member"]
    assert [offer["date"][-2:] for offer in found] == expected


async def test_rule_55_orders_are_filtered_by_their_moment(api):
    for _ in range(3):
        await api.buy("plain")
        api.sandbox.clock.advance(minutes=1)

    async def minutes(**operators):
        query = [(f"createdAt[{name}]", value) for name, value in operators.items()]
        listed = (await api.get("/v1/booking/orders", *query)).json()["member"]
        return [order["createdAt"][14:16] for order in listed]

    assert await minutes(after="2026-03-02T09:01:00+00:00") == ["01", "02"]
    assert await minutes(strictly_after="2026-03-02T09:01:00Z") == ["02"]
    assert await minutes(before="2026-03-02T10:01:00+01:00") == ["00", "01"]
    assert await minutes(strictly_before="2026-03-02T09:01:00") == ["00"]
    assert await minutes(before="2026-03-02") == []
    refused = await api.get("/v1/booking/orders", ("createdAt[after]", "yesterday"))
    assert refused.status == 400


async def test_rule_56_an_organization_without_access_has_an_empty_list(make):
    newcomer = await make(2)
    response = await newcomer.get(CATALOGS)
    assert response.status == 200
    assert (response.json()["totalItems"], response.json()["member"]) == (0, [])


async def test_rule_57_disabled_bases_are_hidden(api):
    async def disabled(*query):
        members = (await api.get(f"{PARK}/product_bases", *query)).json()["member"]
        return [base["name"] for base in members if base["disabled"]]

    assert await disabled() == await disabled(("withDisabled", "false")) == []
    assert await disabled(("withDisabled", "true")) == ["Saison passée"]


async def test_rule_58_option_codes_are_four(api):
    [base] = [
        base
        for base in (await api.get(f"{PARK}/product_bases")).json()["member"]
        if base["useSession"]
    ]
    options = (await api.get(base["@id"] + "/options")).json()["member"]
    assert [option["code"] for option in options] == ["days_count", "price_type"]
    codes = {"seating_category": 0, "zone": 0, "price_type": 2, "days_count": 1}
    for code, count in codes.items():
        values = await api.get(f"{base['@id']}/options/{code}/values")
        assert values.json()["totalItems"] == count
    assert (await api.get(f"{base['@id']}/options/colour/values")).status == 404


async def test_rule_59_price_and_availability_tell_the_state_and_change_nothing(api):
    offer = api.sandbox.example("dynamic_price").offer
    listed = (await api.get(offer)).json()
    assert listed["realtimePriceRequired"] is True
    assert listed["price"]["amountInclTax"] == "95.00"
    for _ in range(2):
        price = (await api.get(offer + "/price")).json()
        assert (price["amountInclTax"], price["amountExclTax"]) == ("100.00", "80.00")
        assert (price["currency"], price["@id"]) == ("eur", offer + "/price")
        assert (await api.get(offer + "/availability")).json()["availableQuantity"] == 41301
    api.sandbox.set_price("dynamic_price", "120.00")
    api.sandbox.set_stock("dynamic_price", None)
    price = (await api.get(offer + "/price")).json()
    assert (price["amountInclTax"], price["amountExclTax"]) == ("120.00", "113.74")
    assert (await api.available("dynamic_price"))["availableQuantity"] is None
    silent = api.sandbox.example("no_tax_quoted").offer
    assert (await api.get(silent + "/price")).json()["amountExclTax"] is None


PARTS = ("", "/nothing", "/offers", "/products", "/product_bases", f"/offers/{UNKNOWN}/price")


@pytest.mark.parametrize("part", PARTS)
async def test_rule_60_the_unknown_is_a_404(api, part):
    response = await api.get(f"{CATALOGS}/{UNKNOWN}{part}")
    assert response.status == 404
    assert response.headers["content-type"] == "application/problem+json; charset=utf-8"
    assert response.json() == {
        "@context": "/contexts/Error",
        "@id": "/errors/404",
        "@type": "Error",
        "title": "An error occurred",
        "detail": "Not Found",
        "status": 404,
        "type": "/errors/404",
        "description": "Not Found",
    }


async def test_rule_60_the_unknown_within_a_known_catalog_is_a_404(api):
    for path in (f"{OFFERS}/{UNKNOWN}", f"{OFFERS}/{UNKNOWN}/tickets", "/v1/nothing"):
        assert (await api.get(path)).status == 404


@pytest.mark.parametrize("status", [403, 404])
async def test_rule_60_the_foreign_is_refused(make, status):
    api = await make(foreign_status=status)
    foreign = api.sandbox.example("foreign")
    for path in (foreign.catalog, foreign.offer, foreign.offer + "/price", foreign.product):
        response = await api.get(path)
        assert (response.status, response.json()["status"]) == (status, status)


async def test_rule_61_any_version_of_uuid_is_accepted(api):
    [held] = await api.hold("example")
    ticket = held["items"][0]["offerTickets"][1]["ticket"]
    assert ticket.split("/")[-1][14] == "4"
    assert (await api.get(ticket)).status == 200
    printed = "35e72d9b-0fdc-44e3-869c-e1781c14418e"
    api.sandbox.hold_example(printed)
    assert (await api.get(f"/v1/booking/reservations/{printed}")).json()["id"] == printed


async def test_rule_62_one_clock_drives_holds_tokens_and_links(api):
    [order] = await api.buy("plain")
    [held] = await api.hold("capped")
    link = (await api.patch(order["documents"][0], {})).json()["temporaryUrl"]
    api.sandbox.clock.advance(minutes=31)
    assert (await api.get(CATALOGS)).status == 401
    assert (await api.get(link, authorization=None)).status == 403
    await api.log_in()
    assert (await api.get(held["@id"])).json()["expired"] is True


def base_of(api, name):
    return api.sandbox.offer(name).product.base.id


async def test_offers_are_filtered_by_product_session_base_and_option(api):
    example = api.sandbox.example("example")
    session = example.item["ticketSessions"][1]["session"]

    async def found(*query):
        members = (await api.get(OFFERS, *query, ("itemsPerPage", "50"))).json()["member"]
        return {member["@id"] for member in members}

    with_show = {example.offer, api.sandbox.example("dynamic_price").offer}
    assert await found(("product[]", example.product)) == with_show
    assert await found(("product[]", example.product.rsplit("/", 1)[1])) == with_show
    assert await found(("session", session.rsplit("/", 1)[1])) == {example.offer}
    adults = [("optionValuesContext[]", "adult"), ("productBaseId", base_of(api, "example"))]
    assert await found(*adults) == with_show
    assert await found(("optionValuesContext[]", "east")) == set()
    assert await found(("productBaseId", base_of(api, "example"))) == with_show
    bases = (await api.get(f"{PARK}/product_bases")).json()["member"]
    products = (await api.get(bases[0]["@id"] + "/products")).json()["member"]
    assert [product["@id"] for product in products] == [example.product]
    both = [("product[]", example.product), ("product[]", api.sandbox.example("capped").product)]
    assert await found(*both) == {*with_show, api.sandbox.example("capped").offer}


async def test_catalog_records_are_found_by_their_addresses(api):
    example = api.sandbox.example("example")
    ticket = example.item["ticketSessions"][1]
    for iri in (example.catalog, example.product, example.offer, *ticket.values()):
        answer = (await api.get(iri)).json()
        assert answer["@id"] == iri
        assert answer["id"] == iri.rsplit("/", 1)[1]
        assert answer["@context"] == f"/contexts/{answer['@type']}"
    tickets = (await api.get(example.offer + "/tickets")).json()
    assert [member["dateAccess"] for member in tickets["member"]] == [True, False]
    sessions = (await api.get(ticket["ticket"] + "/sessions")).json()
    assert sessions["totalItems"] == 2
    assert (await api.get(CATALOGS + "/")).json() == (await api.get(CATALOGS)).json()


async def test_names_follow_the_language(api):
    product = api.sandbox.example("example").product
    assert (await api.get(product, accept_language="en")).json()["name"].startswith("Park 1 day")
    assert (await api.get(product)).json()["name"].startswith("Puy du Fou 1 jour")
