"""Lists over pages, and what is checked before a request goes out."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from eguma_async import ConfigurationError, DecodingError
from eguma_async.korus import (
    Beneficiary,
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


def page(*names, after=None, own=None):
    members = [
        {"@id": f"{CATALOG}/{name}", "name": name, "createdAt": "2025-01-28T07:42:04+00:00"}
        for name in names
    ]
    return json_reply({"totalItems": 5, "member": members, "view": {"@id": own, "next": after}})


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
    async with scripted(page("a", after=LINK.format(2)), page("b")) as (session, _):
        sizes = [(len(p.items), p.total_items) async for p in session.catalogs.list().pages()]
    assert sizes == [(1, 5), (1, 5)]


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


async def test_an_empty_page_ends_the_list_wherever_it_leads(scripted):
    async with scripted(page("a", after=LINK.format(2)), page(after=LINK.format(3))) as (s, _):
        assert [c.name async for c in s.catalogs.list()] == ["a"]
    async with scripted(page(after="//evil.example")) as (session, _):
        assert await session.catalogs.list().first() is None


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
        (lambda: UpdateBeneficiary(iri=OFFER, beneficiary={}), "must be a Beneficiary"),
        (lambda: ListOrders(created_at_after=datetime(2025, 1, 1)), "with a time zone"),
        (lambda: ListOrders(created_at_after=date(2025, 1, 1)), "with a time zone"),
        (lambda: ListOrders(order="up"), '"asc" or "desc"'),
        (lambda: ListOrders(external_reference="x" * 51), "at most 50 characters"),
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
