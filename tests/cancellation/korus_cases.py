"""Every public coroutine of the session of Korus."""

from __future__ import annotations

import io
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eguma_async import KorusSession, RetryPolicy
from eguma_async.core.errors import unknown_outcome
from eguma_async.journal.journal import Journal
from eguma_async.journal.stores.base import Store
from eguma_async.korus import Beneficiary, Customer, ListCatalogs, OfferItem, TicketChoice
from eguma_async.sandbox import DropAfter, KorusSandbox
from eguma_async.sandbox.engine.transport import SandboxTransport
from eguma_async.sandbox.korus import TOKEN_PATH
from eguma_async.testing import FakeClock
from tests.cancellation.driver import Ending, Events
from tests.cancellation.grid import Case, Shop, consumed
from tests.cancellation.session_cases import session_cases
from tests.cancellation.wires import ByteServer, Watched

START = datetime(2025, 1, 29, 7, 50, tzinfo=UTC)
BASE = "https://api.demo.korusticket.com"
JOHN = Customer("John", "Doe", "john.doe@example.com", phone="0612345678", country="FR")
JANE = Beneficiary(firstname="Jane", lastname="Doe", date_of_birth=date(1990, 2, 3))
RESERVE, ORDER = "/v1/booking/reservations/_bulk", "/v1/booking/orders/_bulk"
REFERENCE = "grid-1"


class KorusShop(Shop):
    """A shop that sells through Korus."""

    sandbox: KorusSandbox
    session: KorusSession
    desk: KorusSession

    def __init__(
        self,
        events: Events,
        server: ByteServer | None,
        directory: Path,
        store: Store | None = None,
    ) -> None:
        super().__init__(events)
        self.sandbox = KorusSandbox(FakeClock(START))
        self.store = store
        self.directory = directory
        self._server = server
        if server is not None:
            server.sandbox, server.events = self.sandbox, events
        self._watched = SandboxTransport(Watched(self.sandbox, events))
        self.offer = self.sandbox.example("example")
        self.session = self.another_session()
        self.desk = self._session(BASE, self.sandbox.transport())

    def another_session(self) -> KorusSession:
        if self._server is None:
            return self._session(BASE, self._watched, self.store)
        transport = self._server.transport(self.LIMITS)
        return self.lent(self._session(self._server.url, transport, self.store), transport)

    def _session(self, base_url: str, transport: Any, store: Store | None = None) -> KorusSession:
        return KorusSession(
            *self.sandbox.demo_client,
            base_url=base_url,
            token_url=base_url + TOKEN_PATH,
            document_hosts=("api.demo.korusticket.com",),
            transport=transport,
            clock=self.sandbox.clock,
            limits=self.LIMITS,
            retry=RetryPolicy(budget=1.0),
            random=lambda: 0.5,
            journal=None if store is None else Journal(store, key=""),
        )

    def items(self, name: str = "example") -> list[OfferItem]:
        raw = self.sandbox.example(name).item
        choices = [TicketChoice(**choice) for choice in raw["ticketSessions"]]
        return [OfferItem(raw["offer"], choices, raw["quantity"])]

    async def follow_up(self, session: Any) -> None:
        assert await session.catalogs.list().first()

    def sold(self) -> int:
        return len(self.sandbox.orders())


@asynccontextmanager
async def opens(server: ByteServer | None):
    with TemporaryDirectory() as directory:
        shop = KorusShop(Events(), server, Path(directory))
        async with shop.desk, shop.session:
            yield shop


def case(covers: str, run: Any, **details: Any) -> Case:
    return Case(covers=tuple(covers.split()), opens=opens, run=run, **details)


# What is there before


async def reserved(shop: KorusShop) -> str:
    made = await shop.desk.reservations.create(shop.items())
    return made.reservations[0].iri


async def ordered(shop: KorusShop, name: str = "example") -> Any:
    async with shop.desk.reservations.hold(shop.items(name)) as hold:
        made = await hold.order(JOHN, external_reference="before")
    return await shop.desk.orders.get(made.orders[0].iri)


async def ticket_of_somebody(shop: KorusShop) -> str:
    order = await ordered(shop, "named")
    return order.items[0].tickets[0].iri


async def document(shop: KorusShop) -> str:
    return (await ordered(shop)).documents[0]


async def held(shop: KorusShop) -> Any:
    return await shop.session.reservations.hold(shop.items()).__aenter__()


async def context_of_a_hold(shop: KorusShop) -> Any:
    return shop.session.reservations.hold(shop.items())


async def list_of_catalogs(shop: KorusShop) -> Any:
    shop.session.catalogs.list()
    return aiter(shop.session.catalogs.list())


async def pages_of_catalogs(shop: KorusShop) -> Any:
    return shop.session.catalogs.list().pages()


async def ticket_of_offer(shop: KorusShop) -> str:
    _, show = await consumed(aiter(shop.desk.offers.tickets(shop.offer.offer)))
    return show.iri


async def session_of_offer(shop: KorusShop) -> str:
    found = await shop.desk.offers.sessions(await ticket_of_offer(shop)).first()
    assert found is not None
    return found.iri


async def product_base(shop: KorusShop) -> str:
    found = await shop.desk.product_bases.list(shop.offer.catalog).first()
    assert found is not None
    return found.iri


# What is cancelled


def create(shop: KorusShop) -> Any:
    return shop.session.orders.create([shop.ready], JOHN, REFERENCE)


def create_and_reconcile(shop: KorusShop) -> Any:
    return shop.session.orders.create([shop.ready], JOHN, REFERENCE, reconcile_unknown=True)


def order(shop: KorusShop) -> Any:
    return shop.ready.order(JOHN, external_reference=REFERENCE)


async def whole_hold(shop: KorusShop) -> None:
    async with shop.session.reservations.hold(shop.items()) as hold:
        await hold.order(JOHN, external_reference=REFERENCE)


async def left(shop: KorusShop) -> None:
    async with shop.ready:
        pass


def download(shop: KorusShop) -> Any:
    return shop.session.documents.download(shop.ready, to=shop.directory / "ticket.pdf")


def download_to_memory(shop: KorusShop) -> Any:
    return shop.session.documents.download(shop.ready, to=io.BytesIO())


# What must hold


async def ordered_in_the_end(shop: KorusShop, ending: Ending) -> None:
    """The hold looks for the order first, and sends only what is missing."""
    if ending.error is not None:
        await order(shop)
    assert len(shop.ready.orders) == 1
    assert [made.iri for made in shop.sandbox.orders()] == [shop.ready.orders[0].iri]


async def reconciled(shop: KorusShop, ending: Ending) -> None:
    """What became of an order can be found by its reference and its reservation."""
    known = await shop.session.orders.reconcile(REFERENCE, [shop.ready])
    assert [made.iri for made in known.orders] == [made.iri for made in shop.sandbox.orders()]
    if known.orders and ending.error is not None:
        assert unknown_outcome(ending.error) is not None


async def whole_or_nothing(shop: KorusShop, ending: Ending) -> None:
    names = sorted(path.name for path in shop.directory.iterdir())
    assert names == ([] if ending.error is not None else ["ticket.pdf"])


async def goes_on(shop: KorusShop, ending: Ending) -> None:
    """A list that was cancelled while it waited for a page asks for that page again."""
    rest = await consumed(shop.ready)
    names = [one.iri for one in rest if hasattr(one, "iri")]
    if ending.error is not None and names:
        assert names == [catalog.iri async for catalog in shop.desk.catalogs.list()]
    assert rest or ending.error is None


def lost(path: str) -> Any:
    """Lose the first answer to a request."""
    return lambda: [DropAfter(path=path)]


def _first(pager: Any) -> Any:
    return pager.first()


KORUS_CASES = [
    *session_cases(opens, ListCatalogs()),
    case("Pager.first", lambda shop: shop.session.catalogs.list().first()),
    case(
        "Pager.__aiter__",
        lambda shop: anext(shop.ready),
        prepare=list_of_catalogs,
        after=goes_on,
    ),
    case("Pager.pages", lambda shop: anext(shop.ready), prepare=pages_of_catalogs, after=goes_on),
    case("Catalogs.list", lambda shop: consumed(aiter(shop.session.catalogs.list()))),
    case("Catalogs.get", lambda shop: shop.session.catalogs.get(shop.offer.catalog)),
    case(
        "ProductBases.list",
        lambda shop: consumed(aiter(shop.session.product_bases.list(shop.offer.catalog))),
    ),
    case(
        "ProductBases.get",
        lambda shop: shop.session.product_bases.get(shop.ready),
        prepare=product_base,
    ),
    case(
        "ProductBases.options",
        lambda shop: _first(shop.session.product_bases.options(shop.ready)),
        prepare=product_base,
    ),
    case(
        "ProductBases.option_values",
        lambda shop: _first(shop.session.product_bases.option_values(shop.ready, "days_count")),
        prepare=product_base,
    ),
    case("Products.list", lambda shop: _first(shop.session.products.list(shop.offer.catalog))),
    case("Products.get", lambda shop: shop.session.products.get(shop.offer.product)),
    case("Offers.list", lambda shop: _first(shop.session.offers.list(shop.offer.catalog))),
    case("Offers.get", lambda shop: shop.session.offers.get(shop.offer.offer)),
    case("Offers.price", lambda shop: shop.session.offers.price(shop.offer.offer)),
    case("Offers.availability", lambda shop: shop.session.offers.availability(shop.offer.offer)),
    case("Offers.tickets", lambda shop: _first(shop.session.offers.tickets(shop.offer.offer))),
    case(
        "Offers.ticket",
        lambda shop: shop.session.offers.ticket(shop.ready),
        prepare=ticket_of_offer,
    ),
    case(
        "Offers.sessions",
        lambda shop: _first(shop.session.offers.sessions(shop.ready)),
        prepare=ticket_of_offer,
    ),
    case(
        "Offers.session",
        lambda shop: shop.session.offers.session(shop.ready),
        prepare=session_of_offer,
    ),
    case(
        "Reservations.create",
        lambda shop: shop.session.reservations.create(shop.items()),
        write=RESERVE,
        operation="ReserveOffers",
    ),
    case(
        "Reservations.get",
        lambda shop: shop.session.reservations.get(shop.ready),
        prepare=reserved,
    ),
    case(
        "Reservations.list",
        lambda shop: _first(shop.session.reservations.list()),
        prepare=reserved,
    ),
    case("Reservations.hold", whole_hold),
    case(
        "HoldContext.__aenter__",
        lambda shop: shop.ready.__aenter__(),
        prepare=context_of_a_hold,
        write=RESERVE,
        operation="ReserveOffers",
    ),
    case("HoldContext.__aexit__", left, prepare=context_of_a_hold),
    case(
        "Hold.order",
        order,
        prepare=held,
        write=ORDER,
        operation="CreateOrders",
        after=ordered_in_the_end,
    ),
    case(
        "Hold.order",
        order,
        name="after a lost answer",
        prepare=held,
        write=ORDER,
        operation="CreateOrders",
        faults=lost(ORDER),
        after=ordered_in_the_end,
    ),
    case(
        "Orders.create",
        create,
        prepare=reserved,
        write=ORDER,
        operation="CreateOrders",
        after=reconciled,
    ),
    case(
        "Orders.create",
        create_and_reconcile,
        name="after a lost answer",
        prepare=reserved,
        write=ORDER,
        operation="CreateOrders",
        faults=lost(ORDER),
        after=reconciled,
    ),
    case(
        "Orders.reconcile",
        lambda shop: shop.session.orders.reconcile(REFERENCE, [shop.ready]),
        prepare=reserved,
    ),
    case("Orders.get", lambda shop: shop.session.orders.get(shop.ready.iri), prepare=ordered),
    case(
        "Orders.list",
        lambda shop: _first(shop.session.orders.list(external_reference="before")),
        prepare=ordered,
    ),
    case(
        "Documents.list",
        lambda shop: _first(shop.session.documents.list(shop.ready.iri)),
        prepare=ordered,
    ),
    case("Documents.get", lambda shop: shop.session.documents.get(shop.ready), prepare=document),
    case("Documents.link", lambda shop: shop.session.documents.link(shop.ready), prepare=document),
    case("Documents.download", download, prepare=document, after=whole_or_nothing),
    case("Documents.download", download_to_memory, name="to memory", prepare=document),
    case(
        "Beneficiaries.get",
        lambda shop: shop.session.beneficiaries.get(shop.ready),
        prepare=ticket_of_somebody,
    ),
    case(
        "Beneficiaries.update",
        lambda shop: shop.session.beneficiaries.update(shop.ready, JANE),
        prepare=ticket_of_somebody,
        write="/v1/booking/orders/*/tickets/*",
        operation="UpdateBeneficiary",
    ),
]
