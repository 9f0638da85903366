"""Lists over pages, and what is checked before a request goes out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from eguma_async import ConfigurationError, DecodingError, IncompleteListError
from eguma_async.korus import (
    Beneficiary,
    CreateOrders,
    Customer,
    ListCatalogs,
    ListOrders,
    OfferItem,
    ReserveOffers,
    TicketChoice,
    UpdateBeneficiary,
)
from eguma_async.testing import json_reply

CATALOG = "/v1/ticketing/catalogs/0194abdc-3a71-72b0-a9b9-89d4be0cd73e"
DEMO = "https://api.demo.korusticket.com"


def row(name):
    return {"@id": f"{CATALOG}/{name}", "name": name, "createdAt": "2025-01-28T07:42:04+00:00"}


def page(*names, after=None, own=None, total=None):
    members = [row(name) for name in names]
    return json_reply({"totalItems": total, "member": members, "view": {"@id": own, "next": after}})


LINK = "/v1/ticketing/catalogs?order%5BcreatedAt%5D=asc&itemsPerPage=2&page={}"


async def test_a_list_is_read_over_all_its_pages(scripted):
    steps = (page("a", "b", after=LINK.format(2)), page("c", after=LINK.format(3)), page())
    async with scripted(*steps) as (session, transport):
        names = [catalog.name async for catalog in session.catalogs.list(order="asc")]
    assert names == ["a", "b", "c"]
    assert {request.url for request in transport.requests} == {f"{DEMO}/v1/ticketing/catalogs"}
    assert [dict(request.query) for request in transport.requests] == [
        {"itemsPerPage": "50", "order[createdAt]": "asc"},
        {"order[createdAt]": "asc", "itemsPerPage": "2", "page": "2"},
        {"order[createdAt]": "asc", "itemsPerPage": "2", "page": "3"},
    ]


async def test_pages_can_be_read_whole(scripted):
    steps = page("a", after=LINK.format(2), total=2), page("b", total=2)
    async with scripted(*steps) as (session, _):
        sizes = [(len(p.items), p.total_items) async for p in session.catalogs.list().pages()]
    assert sizes == [(1, 2), (1, 2)]


async def test_the_first_element_needs_no_further_page(scripted):
    async with scripted(page("b", after=LINK.format(3))) as (session, _):
        assert (await session.catalogs.list().first()).name == "b"
    async with scripted(page()) as (session, _):
        assert await session.catalogs.list().first() is None


async def test_a_link_that_comes_again_ends_the_list(scripted):
    steps = (page("a", after=LINK.format(2)), page("b", after=LINK.format(2)))
    async with scripted(*steps) as (session, _):
        assert [c.name async for c in session.catalogs.list()] == ["a", "b"]


@pytest.mark.parametrize(
    "link",
    [
        "/v1/ticketing/catalogs?itemsPerPage=50&order%5BcreatedAt%5D=asc",
        "/v1/ticketing/catalogs?order[createdAt]=asc&itemsPerPage=50",
        "https://evil.example/v1/ticketing/catalogs?itemsPerPage=50&order%5BcreatedAt%5D=asc",
        "/v1/ticketing/catalogs?page=1",
    ],
)
async def test_a_link_back_to_the_first_page_ends_the_list(scripted, link):
    own = "https://api.example/v1/ticketing/catalogs?page=1"
    steps = (page("a", after=LINK.format(2), own=own), page("b", after=link))
    async with scripted(*steps) as (session, _):
        assert [c.name async for c in session.catalogs.list(order="asc")] == ["a", "b"]


async def test_an_empty_page_in_the_middle_does_not_end_the_list(scripted):
    steps = page("a", after=LINK.format(2)), page(after=LINK.format(3)), page("b")
    async with scripted(*steps) as (session, _):
        assert [c.name async for c in session.catalogs.list()] == ["a", "b"]
    async with scripted(page(after=LINK.format(2)), page("b")) as (session, _):
        assert (await session.catalogs.list().first()).name == "b"


async def test_an_empty_page_ends_a_list_that_is_complete(scripted):
    steps = page("a", after=LINK.format(2), total=1), page(after=LINK.format(3), total=1)
    async with scripted(*steps) as (session, _):
        assert [c.name async for c in session.catalogs.list()] == ["a"]


VIEW_2 = {"@id": LINK.format(1), "next": LINK.format(2)}
PREFIXED = {
    "bare": {"member": [row("a")], "totalItems": 2, "view": VIEW_2},
    "prefixed": {
        "hydra:member": [row("a")],
        "hydra:totalItems": 2,
        "hydra:view": {"@id": LINK.format(1), "hydra:next": LINK.format(2)},
    },
    "prefixed view": {
        "member": [row("a")],
        "totalItems": 2,
        "hydra:view": {"hydra:next": LINK.format(2)},
    },
    "prefixed view, bare next": {"hydra:member": [row("a")], "totalItems": 2, "hydra:view": VIEW_2},
    "bare view, prefixed next": {"member": [row("a")], "view": {"hydra:next": LINK.format(2)}},
    "both, one of them null": {"member": [row("a")], "view": None, "hydra:view": VIEW_2},
    "next as an object": {"member": [row("a")], "view": {"next": {"@id": LINK.format(2)}}},
    "object for the rows": {"member": {"3": row("a")}, "totalItems": "2", "view": VIEW_2},
}


@pytest.mark.parametrize("body", PREFIXED.values(), ids=PREFIXED)
async def test_a_page_is_read_however_its_names_are_written(scripted, body):
    steps = json_reply(body), json_reply({"hydra:member": [row("b")], "totalItems": 2})
    async with scripted(*steps) as (session, transport):
        assert [c.name async for c in session.catalogs.list()] == ["a", "b"]
    assert dict(transport.requests[1].query)["page"] == "2"


@pytest.mark.parametrize("nothing", [[], {}])
@pytest.mark.parametrize("name", ["member", "hydra:member"])
async def test_an_empty_list_is_one_however_it_is_written(scripted, name, nothing):
    async with scripted(json_reply({name: nothing, "view": []})) as (session, _):
        assert [c async for c in session.catalogs.list()] == []


async def test_a_list_that_is_cut_is_not_taken_for_whole(scripted):
    async with scripted(page("a", total=3)) as (session, _):
        found = []
        with pytest.raises(IncompleteListError, match="3 elements announced, 1 came") as caught:
            async for catalog in session.catalogs.list():
                found.append(catalog.name)
    assert found == ["a"]
    assert caught.value.operation == "ListCatalogs"


async def test_a_row_that_comes_twice_is_handed_on_once(scripted):
    steps = page("a", "b", after=LINK.format(2), total=3), page("b", "c", total=4)
    async with scripted(*steps) as (session, _):
        assert [c.name async for c in session.catalogs.list()] == ["a", "b", "c"]


async def test_one_row_that_cannot_be_read_does_not_hide_the_others(scripted, caplog):
    bad = {**row("b"), "createdAt": "canary-yesterday"}
    first = {"member": [row("a"), bad, row("c")], "totalItems": 4, "view": VIEW_2}
    async with scripted(json_reply(first), json_reply({"member": [bad, row("d")]})) as (session, _):
        catalogs = session.catalogs.list()
        assert [c.name async for c in catalogs] == ["a", "c", "d"]
    (found,) = catalogs.unreadable
    assert (found.index, found.raw) == (1, bad)
    assert found.problems == ("expected an ISO 8601 date and time, got text @ $.createdAt",)
    assert "Catalog 1 of a list is unreadable" in caplog.text
    assert "canary" not in caplog.text + repr(found)


async def test_the_pages_tell_their_own_unreadable_rows(scripted):
    async with scripted(json_reply({"member": [row("a"), 7]})) as (session, _):
        (only,) = [page async for page in session.catalogs.list().pages()]
    assert [c.name for c in only.items] == ["a"]
    assert [element.raw for element in only.unreadable] == [7]


ODD = {"name": "x"}


@pytest.mark.parametrize("read", ["elements", "pages", "first"])
async def test_rows_none_of_which_can_be_read_are_an_unknown_form(scripted, read):
    steps = json_reply({"member": [ODD], "view": VIEW_2}), json_reply({"member": [7]})
    async with scripted(*steps) as (session, transport):
        catalogs = session.catalogs.list()
        with pytest.raises(DecodingError) as caught:
            if read == "elements":
                [c async for c in catalogs]
            elif read == "pages":
                [page async for page in catalogs.pages()]
            else:
                await catalogs.first()
    assert len(transport.requests) == 2
    assert caught.value.operation == "ListCatalogs"
    assert "required field missing @ $.member[0].@id" in caught.value.problems
    assert caught.value.problems[-1] == "expected an object, got int @ $.member[0]"
    assert [each.raw for each in catalogs.unreadable] == [ODD, 7]


async def test_a_page_without_a_readable_row_does_not_hide_the_others(scripted):
    third = {"@id": LINK.format(2), "next": LINK.format(3)}
    steps = (
        json_reply({"member": [row("a")], "view": VIEW_2, "totalItems": 4}),
        json_reply({"member": [ODD, 7], "view": third}),
        json_reply({"member": [row("b")]}),
    )
    async with scripted(*steps, *steps) as (session, _):
        catalogs = session.catalogs.list()
        assert [c.name async for c in catalogs] == ["a", "b"]
        assert [each.raw for each in catalogs.unreadable] == [ODD, 7]
        sizes = [(len(p.items), len(p.unreadable)) async for p in catalogs.pages()]
    assert sizes == [(1, 0), (0, 2), (1, 0)]
    async with scripted(steps[1], steps[2]) as (session, _):
        assert (await session.catalogs.list().first()).name == "b"
    async with scripted(steps[1]) as (session, _):
        only = await session.send(ListCatalogs())
    assert [each.raw for each in only.unreadable] == [ODD, 7]


async def test_leaving_a_list_early_is_no_verdict_on_it(scripted):
    async with scripted(json_reply({"member": [ODD], "view": VIEW_2})) as (session, _):
        async for only in session.catalogs.list().pages():
            assert [each.raw for each in only.unreadable] == [ODD]
            break


@pytest.mark.parametrize("next_link", [7, True, {"@id": 7}, ["x"], {"href": "/v1/x"}])
async def test_what_is_no_link_comes_after_the_rows_of_its_page(scripted, next_link):
    body = {"member": [row("a")], "view": {"next": next_link}}
    found = []
    async with scripted(json_reply(body)) as (session, _):
        with pytest.raises(DecodingError, match="expected a path of this API"):
            async for catalog in session.catalogs.list():
                found.append(catalog.name)
    assert found == ["a"]


@pytest.mark.parametrize("nothing", [None, "", [], {}, False])
async def test_no_link_to_a_next_page_ends_the_list(scripted, nothing):
    body = {"member": [row("a")], "view": {"next": nothing}}
    async with scripted(json_reply(body)) as (session, _):
        assert [c.name async for c in session.catalogs.list()] == ["a"]


HALF_PAST = datetime(2025, 1, 29, 12, 0, 0, 500000, tzinfo=timezone(timedelta(hours=2)))
BOUNDS = {
    "created_at_after": ("createdAt[after]", "2025-01-29T12:00:00+02:00"),
    "created_at_strictly_after": ("createdAt[strictly_after]", "2025-01-29T12:00:00+02:00"),
    "created_at_before": ("createdAt[before]", "2025-01-29T12:00:01+02:00"),
    "created_at_strictly_before": ("createdAt[strictly_before]", "2025-01-29T12:00:01+02:00"),
}


@pytest.mark.parametrize(("name", "sent"), BOUNDS.items())
async def test_a_fraction_in_a_bound_loses_nothing(scripted, name, sent):
    async with scripted(page(), page()) as (session, transport):
        [o async for o in session.orders.list(**{name: HALF_PAST})]
        whole = HALF_PAST.replace(microsecond=0)
        [o async for o in session.orders.list(**{name: whole})]
    key, value = sent
    assert dict(transport.requests[0].query)[key] == value
    assert dict(transport.requests[1].query)[key] == "2025-01-29T12:00:00+02:00"


def test_the_last_moment_there_is_can_be_a_bound():
    latest = datetime.max.replace(tzinfo=UTC)
    asked = ListOrders(created_at_before=latest).query()
    assert dict(asked)["createdAt[before]"] == "9999-12-31T23:59:59+00:00"


@pytest.mark.parametrize("own", [7, "", "?", "https://["])
async def test_an_odd_name_of_a_page_does_no_harm(scripted, own):
    async with scripted(page("a", after=LINK.format(2), own=own), page("b")) as (session, _):
        assert [c.name async for c in session.catalogs.list()] == ["a", "b"]


async def test_a_list_may_be_read_again(scripted):
    async with scripted(page("a"), page("b")) as (session, _):
        catalogs = session.catalogs.list()
        assert [c.name async for c in catalogs] == ["a"]
        assert [c.name async for c in catalogs] == ["b"]


async def test_a_link_keeps_to_the_sessions_own_origin(scripted):
    # X8: whatever host a link names, the request goes to ours.
    steps = (page("a", after="https://evil.example" + LINK.format(2)), page("b"))
    async with scripted(*steps) as (session, transport):
        assert [c.name async for c in session.catalogs.list()] == ["a", "b"]
    assert transport.requests[1].url == f"{DEMO}/v1/ticketing/catalogs"


@pytest.mark.parametrize(
    "link",
    [
        "//evil.example/v1/x",
        "/v1/../../x?page=2",
        "ftp://evil.example/v1/x",
        "/v2/x",
        "?page=2",
        "/v1/x\r\ny",
        "https://evil.example",
        "/v1/%2e%2e/x",
        "/v1/a#b",
    ],
)
async def test_a_link_that_is_no_path_of_the_api_is_not_followed(scripted, link):
    async with scripted(page("a", after=link)) as (session, transport):
        with pytest.raises(DecodingError, match=r"ListCatalogs: .* @ \$\.view\.next") as caught:
            [c async for c in session.catalogs.list()]
    assert len(transport.requests) == 1
    assert not caught.value.outcome_unknown
    assert caught.value.__context__ is None
    assert link not in repr(caught.value.__dict__)


BAD_IRIS = [
    "", "offers/1", "//evil.example/v1/x", "https://evil.example/v1/x", "/v1/../../x", "/v2/x",
    "/v1/a?b=c", "/v1/a#b", "/v1/a b", "/v1/a\n", "/v1/é", "/v1/%2e%2e", "/v1/", None, 7, b"/v1/x",
    "/.well-known/genid/fc26307a17a3ad7720bc",
]  # fmt: skip


@pytest.mark.parametrize("iri", BAD_IRIS)
async def test_an_iri_is_checked_before_it_touches_a_url(scripted, iri, tmp_path, john):
    async with scripted() as (session, _):
        for call in (
            lambda: session.catalogs.get(iri),
            lambda: session.product_bases.list(iri).first(),
            lambda: session.product_bases.options(iri).first(),
            lambda: session.products.list(iri).first(),
            lambda: session.offers.list(iri).first(),
            lambda: session.offers.price(iri),
            lambda: session.offers.availability(iri),
            lambda: session.offers.tickets(iri).first(),
            lambda: session.offers.sessions(iri).first(),
            lambda: session.reservations.get(iri),
            lambda: session.orders.get(iri),
            lambda: session.orders.create([iri], john, "A-1"),
            lambda: session.documents.list(iri).first(),
            lambda: session.documents.link(iri),
            lambda: session.documents.download(iri, to=tmp_path / "x.pdf"),
            lambda: session.beneficiaries.update(iri, Beneficiary(firstname="a", lastname="b")),
        ):
            with pytest.raises(ConfigurationError, match="must be an IRI"):
                await call()
    assert list(tmp_path.iterdir()) == []


OFFER = f"{CATALOG}/offers/1"
TICKET = TicketChoice(f"{OFFER}/tickets/1")
ORDER: dict[str, Any] = {
    "reservations": ["/v1/booking/reservations/1"],
    "customer": Customer("a", "b", "c"),
    "external_reference": "A-1",
}


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: ReserveOffers(items=[]), "at least one OfferItem"),
        (lambda: ReserveOffers(items=[{"offer": OFFER}]), "nothing else"),
        (lambda: ReserveOffers(items="ab"), "expected a list"),
        (lambda: ReserveOffers(items=5), "expected a list"),
        (lambda: OfferItem(OFFER, []), "TicketChoice for each"),
        (lambda: OfferItem(OFFER, [TICKET, TICKET]), "names a ticket twice"),
        (lambda: OfferItem(OFFER, [TICKET], 0), "above 0"),
        (lambda: OfferItem(OFFER, [TICKET], True), "above 0"),
        (lambda: OfferItem("x", [TICKET]), "IRI"),
        (lambda: TicketChoice(f"{OFFER}/tickets/1", "x"), "IRI"),
        (lambda: Customer(" ", "b", "c"), "firstname must not be empty"),
        (lambda: Customer("a", "b", "c\r\nd"), "email must not hold line breaks"),
        (lambda: Customer("a", "b", "c", country="fr"), "country must be two capitals"),
        (lambda: Customer("a", "b", "c", language="FR"), "language must be two letters"),
        (lambda: UpdateBeneficiary(iri=OFFER, beneficiary=Beneficiary(firstname="a")), "lastname"),
        (
            lambda: UpdateBeneficiary(iri=OFFER, beneficiary={}),  # type: ignore[arg-type]  # wrong
            "must be a Beneficiary",
        ),
        (lambda: ListOrders(created_at_after=datetime(2025, 1, 1)), "with a time zone"),
        (lambda: ListOrders(created_at_after=date(2025, 1, 1)), "with a time zone"),
        (lambda: ListOrders(order="up"), '"asc" or "desc"'),
        (lambda: ListOrders(external_reference="x" * 51), "at most 50 characters"),
        (lambda: CreateOrders(**ORDER | {"notes": 7}), "notes must be text"),
        (lambda: CreateOrders(**ORDER, notes="\ud800"), "notes must be Unicode"),
        (
            lambda: UpdateBeneficiary(
                iri=OFFER, beneficiary=Beneficiary(firstname="a", lastname="\udfff")
            ),
            "lastname must be Unicode",
        ),
        (lambda: ListCatalogs(page_size=51), "at most 50"),
        (lambda: ListCatalogs(page_size=0), "above 0"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(make, reason):
    with pytest.raises(ConfigurationError, match=reason):
        make()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (([], "A-1"), "at least one IRI"),
        (("/v1/booking/reservations/1", "A-1"), "expected a list"),
        ((["/v1/booking/reservations/1"] * 2, "A-1"), "the same IRI twice"),
        ((["/v1/booking/reservations/1"], "x" * 51), "at most 50 .* could not be found again"),
        ((["/v1/booking/reservations/1"], ""), "external_reference must not be empty"),
    ],
)
async def test_an_order_is_checked_before_it_is_sent(scripted, john, arguments, reason):
    reservations, reference = arguments
    async with scripted() as (session, _):
        with pytest.raises(ConfigurationError, match=reason):
            await session.orders.create(reservations, john, reference)


async def test_offers_are_filtered_as_the_sandbox_understands_it(shop):
    async with shop() as opened:
        example = opened.sandbox.example("plain")
        offers = opened.session.offers
        every = [o async for o in offers.list(example.catalog, products=[example.product])]
        day = every[3].date
        assert [
            o.date
            async for o in offers.list(
                example.catalog, products=[example.product], date_after=day, date_before=day
            )
        ] == [day]
        later = [
            o.date
            async for o in offers.list(
                example.catalog, products=[example.product], date_strictly_after=day, order="desc"
            )
        ]
    assert later == sorted((o.date for o in every if o.date > day), reverse=True)
    assert len(later) > 5
