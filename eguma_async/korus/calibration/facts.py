"""What a server is asked, once each, and its answers as they came."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, TypeVar, cast

import attrs

from eguma_async.core.errors import EgumaError, StatusError
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import IN_PATH_AS_IS, Operation, in_query
from eguma_async.korus.booking.documents import DocumentLink
from eguma_async.korus.booking.order_models import Customer
from eguma_async.korus.json_ld import as_list
from eguma_async.korus.operations import PAGE_SIZE
from eguma_async.korus.session import KorusSession
from eguma_async.korus.signed_url import SignedUrl
from eguma_async.pipeline.bearer import Token

RESERVE = "/v1/booking/reservations/_bulk"
BUYER = Customer("Calibration", "Test", "calibration@example.com")
_HELD = 2
SCARCE = 10
"""Units left of an offer of which one too many is asked: more would be a lot to hold by mistake."""

Json = dict[str, Any]
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Read(Operation[Json]):
    """Read whatever is at a path."""

    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "{path_}"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    path_: str = attrs.field(metadata=IN_PATH_AS_IS)
    page_size: int | None = attrs.field(default=None, metadata=in_query("itemsPerPage"))
    order: str | None = attrs.field(default=None, metadata=in_query("order[createdAt]"))


@attrs.frozen(kw_only=True)
class Reserve(Operation[Json]):
    """Hold items; without any, it is refused before anything is held."""

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = RESERVE
    REPEAT: ClassVar[Repeat] = Repeat.ONCE

    items: tuple[Json, ...] = ()


@attrs.frozen(kw_only=True)
class ReserveAsJson(Reserve):
    """The same, called plain JSON."""

    CONTENT_TYPE: ClassVar[str | None] = "application/json"


@attrs.frozen
class Answer:
    """What came back: a success, or a refusal that has a status."""

    status: int
    headers: Mapping[str, str]
    body: Json


@attrs.define
class Facts:
    """What was learnt of a server so far. Each thing is asked for once.

    Args:
        session: A session with credentials of its own.
        offers: IRIs of offers to hold and to order.
        foreign: IRI of what belongs to another organization.
        book: Hold and order, too. A hold cannot be given back, it ends by itself; an order stays.
        wait: Wait for the end of what ends by itself.
    """

    session: KorusSession
    offers: tuple[str, ...] = ()
    foreign: str | None = None
    book: bool = False
    wait: bool = False
    _known: dict[str, Any] = attrs.field(factory=dict, init=False, repr=False)

    async def ask(self, operation: Operation[Json]) -> Answer:
        """Send an operation; a refusal is an answer, too.

        Raises:
            EgumaError: There was no answer.
        """
        try:
            _, response = await self.session.exchange(operation)
        except StatusError as refusal:
            return Answer(refusal.status, refusal.headers, _json(refusal.body))
        return Answer(response.status, response.headers, _json(response.body))

    async def token(self) -> Token | None:
        """Return the token that was fetched; None if the session was given one."""
        await self.catalogs()
        return self.session._current_token()  # noqa: SLF001  # the same provider's

    async def catalogs(self) -> list[Json]:
        """Return the catalogs."""
        return await self._list("/v1/ticketing/catalogs")

    async def past_reservations(self) -> list[Json]:
        """Return the newest reservations, as far as a page goes."""
        return await self._list("/v1/booking/reservations", newest=True)

    async def reservations(self) -> list[Json]:
        """Return the reservations to look at: those that are held now, or those of before."""
        held = await self.held()
        return await self.past_reservations() if held is None else objects(held, "reservations")

    async def past_orders(self) -> list[Json]:
        """Return the newest orders, as far as a page goes."""
        return await self._list("/v1/booking/orders", newest=True)

    async def _list(self, path: str, *, newest: bool = False) -> list[Json]:
        page = Read(path_=path, page_size=PAGE_SIZE, order="desc" if newest else None)
        answer: Answer = await self._once(path, lambda: self.ask(page))
        return objects(answer.body, "member")

    async def _once(self, name: str, make: Callable[[], Awaitable[T]]) -> T:
        """Do something once: what it came to, an error too, is what it comes to from then on.

        Nothing is held or ordered a second time because the first time went wrong.

        Raises:
            EgumaError: It failed.
        """
        if name not in self._known:
            try:
                self._known[name] = await make()
            except EgumaError as error:
                self._known[name] = error
        known = self._known[name]
        if isinstance(known, EgumaError):
            raise copy.copy(known)
        return cast("T", known)

    async def nothing_reserved(self) -> Answer:
        """Return the refusal of a reservation without items."""
        return await self._once("nothing", lambda: self.ask(Reserve()))

    async def held(self) -> Json | None:
        """Hold the first of the offers twice in one call; None if that is not to be."""
        if not (self.book and self.offers):
            return None
        return await self._once("held", self._hold_twice)

    async def _hold_twice(self) -> Json:
        item = await self.item(self.offers[0])
        return await self._reserve(item, item)

    async def _reserve(self, *items: Json) -> Json:
        """Hold items; here a refusal is no answer."""
        _, response = await self.session.exchange(Reserve(items=items))
        return _json(response.body)

    async def orders(self) -> list[Json]:
        """Return the orders to look at: one unit of each of the offers, or those of before."""
        if not (self.book and self.offers):
            return await self.past_orders()
        made = []
        for offer in self.offers:
            make = partial(self._order, offer)
            made += await self._once(f"order {offer}", make)
        return made

    async def _order(self, offer: str) -> list[Json]:
        answer = await self._reserve(await self.item(offer))
        reservations = [str(each.get("@id")) for each in objects(answer, "reservations")]
        if not reservations:
            return []
        now = self.session.clock.now()
        bulk = await self.session.orders.create(
            reservations, customer=BUYER, external_reference=f"calibration-{now:%Y%m%d-%H%M%S}"
        )
        # Read, as the answer to a fresh order tells less of its documents.
        return [(await self.ask(Read(path_=order.iri))).body for order in bulk.orders]

    async def item(self, offer: str, quantity: int = 1) -> Json:
        """Return what reserves an offer: the first session with room for each ticket with some."""
        chosen: list[Json] = []
        async for ticket in self.session.offers.tickets(offer):
            choice = {"ticket": str(ticket.iri)}
            if not ticket.date_access:
                async for session in self.session.offers.sessions(ticket.iri):
                    if session.available_quantity is None or session.available_quantity > _HELD:
                        choice["session"] = str(session.iri)
                        break
            chosen.append(choice)
        return {"offer": offer, "quantity": quantity, "ticketSessions": chosen}

    async def scarce_offer(self) -> tuple[str, int] | None:
        """Return an offer with few units left, and how many; None if there is none."""
        for catalog in await self.catalogs():
            path = f"{catalog.get('@id')}/offers"
            for offer in await self._list(path):
                left = offer.get("availableQuantity")
                whole_day = all(ticket.get("dateAccess") for ticket in offer.get("tickets") or ())
                if isinstance(left, int) and left <= SCARCE and whole_day:
                    return str(offer.get("@id")), left
        return None

    async def documents(self) -> AsyncIterator[tuple[str, bool]]:
        """Yield the documents of the orders, and whether each is ready."""
        for order in await self.orders():
            for iri in as_texts(order.get("documents")):
                body = (await self.ask(Read(path_=iri))).body
                ready = moment(body.get("downloadableAt"))
                yield iri, ready is not None and ready <= self.session.clock.now()

    async def link(self, document: str) -> DocumentLink | StatusError:
        """Return a link to a document, or its refusal."""
        try:
            return await self.session.documents.link(document)
        except StatusError as refusal:
            return refusal

    async def ready_link(self) -> DocumentLink | None:
        """Return a fresh link to a document that is ready; None if there is no such document."""
        async for document, ready in self.documents():
            link = await self.link(document) if ready else None
            if isinstance(link, DocumentLink):
                return link
        return None

    async def fetch(self, link: SignedUrl) -> int:
        """Return the status of a file behind a link.

        Raises:
            EgumaError: There was no answer, or the link leads elsewhere.
        """
        fetched = await self.session.documents._fetch_file(link, io.BytesIO(), None)  # noqa: SLF001  # the same provider's
        return fetched.status if isinstance(fetched, StatusError) else 200


def objects(value: Json, name: str) -> list[Json]:
    """Return the objects of a list in an object."""
    found = as_list(value.get(name))
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def as_texts(value: object) -> list[str]:
    """Return the addresses in a list, of texts or of objects with an ``@id``."""
    found = as_list(value)
    parts = found if isinstance(found, list) else []
    bare = [part.get("@id") if isinstance(part, dict) else part for part in parts]
    return [part for part in bare if isinstance(part, str)]


def moment(value: object) -> datetime | None:
    """Read a moment; None if it is none."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return read if read is not None and read.tzinfo is not None else None


def _json(body: bytes) -> Json:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
