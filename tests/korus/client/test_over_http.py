"""The client and the sandbox over real sockets, and every read there is."""

from __future__ import annotations

from typing import Any

import pytest

from eguma_async.korus import Customer, KorusSession, OfferItem, OptionCode, TicketChoice
from eguma_async.sandbox import serve
from eguma_async.sandbox.korus import TOKEN_PATH, KorusSandbox


def item_of(sandbox, name):
    raw = sandbox.example(name).item
    choices = [TicketChoice(**choice) for choice in raw["ticketSessions"]]
    return OfferItem(raw["offer"], choices, raw["quantity"])


async def test_a_sale_over_http_from_the_hold_to_the_file(tmp_path):
    sandbox = KorusSandbox()
    async with serve(sandbox) as server:
        options: dict[str, Any] = {"base_url": server.url, "token_url": server.url + TOKEN_PATH}
        async with KorusSession(*sandbox.demo_client, **options) as session:
            async with session.reservations.hold([item_of(sandbox, "example")]) as hold:
                booked = await hold.order(
                    Customer("A", "B", "a@example.com"), external_reference="R"
                )
            booked.raise_for_failures()
            document = booked.orders[0].documents[0]
            done = await session.documents.download(document, to=tmp_path / "x.pdf")
    assert (tmp_path / "x.pdf").read_bytes().startswith(b"%PDF-")
    assert done.size == (tmp_path / "x.pdf").stat().st_size
    (fetched,) = (r for r in sandbox.requests if r.path.startswith("/_documents/"))
    assert "authorization" not in fetched.header_names


@pytest.mark.parametrize("generation", ["1.0.7", "release"])
async def test_every_resource_can_be_read_alone_and_in_its_list(shop, generation):
    async with shop(generation=generation) as opened:
        s, example = opened.session, opened.sandbox.example("example")
        catalogs = [c async for c in s.catalogs.list()]
        assert await s.catalogs.get(catalogs[0].iri) == catalogs[0]
        base = await s.product_bases.list(catalogs[0].iri).first()
        alone = await s.product_bases.get(base.iri)
        assert (alone.iri, alone.name) == (base.iri, base.name)
        options = [o async for o in s.product_bases.options(base.iri)]
        assert {o.code for o in options} == {OptionCode.DAYS_COUNT, OptionCode.PRICE_TYPE}
        assert await s.product_bases.option_values(base.iri, options[0].code).first()
        product = await s.products.list(base.iri).first()
        assert (await s.products.get(product.iri)).name == product.name
        assert product.iri in {p.iri async for p in s.products.list(catalogs[0].iri)}
        offer = await s.offers.get(example.offer)
        listed = {o.iri: o async for o in s.offers.list(catalogs[0].iri, product_base=base.iri)}
        assert listed[offer.iri] == offer
        tickets = [t async for t in s.offers.tickets(offer.iri)]
        assert await s.offers.ticket(tickets[1].iri) == tickets[1]
        slot = await s.offers.sessions(tickets[1].iri).first()
        assert await s.offers.session(slot.iri) == slot
        assert [o.iri async for o in s.offers.list(catalogs[0].iri, session=slot.iri)] == [
            offer.iri
        ]
