"""What the questions are asked with: a token, lists as they are, holds, orders and documents."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar, cast
from urllib.parse import urlencode, urlsplit

import attrs

from eguma_async.calibration.probe import Left, Probe, Reply, Wire
from eguma_async.calibration.questions import NotSeenError
from eguma_async.core.errors import EgumaError
from eguma_async.core.messages import Credentials
from eguma_async.core.transport import Transport
from eguma_async.korus.json_ld import LD_JSON, MERGE_PATCH, as_list, without_origin
from eguma_async.korus.operations import iri
from eguma_async.korus.storage import DOCUMENT_HOSTS
from eguma_async.pipeline.bearer import bearer_header, is_token

T = TypeVar("T")
Json = dict[str, Any]

CATALOGS = "/v1/ticketing/catalogs"
RESERVATIONS = "/v1/booking/reservations"
ORDERS = "/v1/booking/orders"
BUYER = {"firstname": "Calibration", "lastname": "Please Ignore"}
SCARCE = 10
"""Units left of an offer of which one too many is asked: more would be a lot to hold by mistake."""
_HELD = 3
_FORM = "application/x-www-form-urlencoded"
_NEWEST = (("order[createdAt]", "desc"), ("itemsPerPage", "50"))
_CANNOT = "the API cannot cancel orders"
_STAYS = "it cannot be given back, and ends by itself"


@attrs.frozen
class Client:
    """Credentials of a client. None of it is in a ``repr``."""

    name: str = attrs.field(repr=False)
    secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Circumstances:
    """What the questions may use.

    Attributes:
        offers: IRIs of offers to hold and to order.
        foreign: IRI of something that another organization owns.
        email: Address of the made-up customer.
    """

    offers: tuple[str, ...] = attrs.field(default=(), validator=attrs.validators.deep_iterable(iri))
    foreign: str | None = attrs.field(default=None, validator=attrs.validators.optional(iri))
    email: str = "calibration@example.com"


@attrs.frozen(kw_only=True)
class TokenFacts:
    """What the answer that brought a token says of it; None for what it does not say."""

    life: int | None
    is_renewable: bool
    refresh_life: int | None


class KorusProbe(Probe):
    """Asks Korus Ticket.

    Args:
        wire: Sends the requests, without credentials.
        client: Whose tokens are fetched.
        token_url: Where.
        transport: Carries the requests for tokens and documents.
        circumstances: What the questions may use.

    Attributes:
        circumstances: The same.
    """

    wire: Wire
    left: list[Left]

    def __init__(
        self,
        wire: Wire,
        client: Client,
        *,
        token_url: str,
        transport: Transport,
        circumstances: Circumstances,
    ) -> None:
        super().__init__(wire)
        self.circumstances: Circumstances = circumstances
        self._client = client
        self._token_url = token_url
        self._transport = transport
        self._token: TokenFacts | None = None
        self._known: dict[str, Any] = {}

    # Tokens and single requests

    async def token(self) -> TokenFacts:
        """Fetch a token, if that has not been done, and return what is said of it.

        Raises:
            NotSeenError: There is none.
        """
        if self._token is None:
            await self._renew()
        assert self._token is not None  # noqa: S101  # it was fetched
        return self._token

    async def _renew(self) -> None:
        wire = Wire(
            self._transport, self._token_url, Credentials(), clock=self.wire.clock, pause=0.0
        )
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client.name,
            "client_secret": self._client.secret,
        }
        body = urlencode(form).encode()
        reply = await wire.call(
            "POST", "", body=body, headers={"Content-Type": _FORM}, is_read=True
        )
        token = reply.member("access_token")
        if not is_token(token):
            raise NotSeenError(f"no token was given out: HTTP {reply.status}", status=reply.status)
        self.wire: Wire = self.wire.with_credentials(bearer_header(token))
        self._token = TokenFacts(
            life=_whole(reply.member("expires_in")),
            is_renewable=is_token(reply.member("refresh_token")),
            refresh_life=_whole(reply.member("refresh_expires_in")),
        )

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: tuple[tuple[str, str], ...] = (),
        json: object = None,
        kind: str = LD_JSON,
    ) -> Reply:
        """Send a request with a token, and once more with a new one if that has ended.

        Args:
            method: HTTP verb.
            path: IRI, or path of a list.
            query: Pairs of the query string.
            json: The body; None for none.
            kind: What the body is called.
        """
        await self.token()
        headers = {"Accept": LD_JSON}
        if json is not None:
            headers["Content-Type"] = kind
        reply = await self.wire.call(method, path, query=query, json=json, headers=headers)
        if reply.status == 401:
            await self._renew()
            reply = await self.wire.call(method, path, query=query, json=json, headers=headers)
        return reply

    async def once(self, name: str, make: Callable[[], Awaitable[T]]) -> T:
        """Do something once: what it came to, a failure too, is what it comes to from then on.

        Nothing is held or ordered a second time because the first time went wrong.
        """
        if name not in self._known:
            try:
                self._known[name] = await make()
            except (EgumaError, NotSeenError) as error:
                self._known[name] = error
        known = self._known[name]
        if isinstance(known, (EgumaError, NotSeenError)):
            raise copy.copy(known)
        return cast("T", known)

    # Reads

    async def catalogs(self) -> list[Json]:
        """Return the catalogs."""
        return await self._list(CATALOGS)

    async def past_reservations(self) -> list[Json]:
        """Return the newest reservations, as far as a page goes."""
        return await self._list(RESERVATIONS, _NEWEST)

    async def past_orders(self) -> list[Json]:
        """Return the newest orders, as far as a page goes."""
        return await self._list(ORDERS, _NEWEST)

    async def _list(self, path: str, query: tuple[tuple[str, str], ...] = ()) -> list[Json]:
        reply = await self.once(path, lambda: self.ask("GET", path, query=query))
        if not reply.ok:
            raise NotSeenError(f"{path.rpartition('/')[2]} cannot be read: HTTP {reply.status}")
        return objects(reply, "member")

    async def nothing_reserved(self) -> Reply:
        """Return the refusal of a reservation without items."""
        return await self.once("nothing", self.reserve)

    async def scarce_offer(self) -> tuple[str, int] | None:
        """Return an offer with few units left, and how many; None if there is none."""
        for catalog in await self.catalogs():
            path = f"{catalog.get('@id')}/offers"
            for offer in await self._list(path, (("itemsPerPage", "50"),)):
                left = offer.get("availableQuantity")
                whole_day = all(ticket.get("dateAccess") for ticket in offer.get("tickets") or ())
                if isinstance(left, int) and left <= SCARCE and whole_day:
                    return str(offer.get("@id")), left
        return None

    async def item(self, offer: str, quantity: int = 1) -> Json:
        """Return what reserves an offer: the first session with room for each ticket with some."""
        chosen: list[Json] = []
        for ticket in await self._list(f"{offer}/tickets"):
            choice = {"ticket": str(ticket.get("@id"))}
            if not ticket.get("dateAccess"):
                sessions = await self._list(f"{ticket.get('@id')}/sessions")
                free = (each for each in sessions if _has_room(each.get("availableQuantity")))
                choice["session"] = str(next(free, {}).get("@id"))
            chosen.append(choice)
        return {"offer": offer, "quantity": quantity, "ticketSessions": chosen}

    # Writes

    async def reserve(self, *items: Json, kind: str = LD_JSON) -> Reply:
        """Hold items; what is held stays behind, and ends by itself."""
        return await self.done_whole(self._reserve(items, kind), "a reservation")

    async def _reserve(self, items: tuple[Json, ...], kind: str) -> Reply:
        try:
            reply = await self.ask(
                "POST", f"{RESERVATIONS}/_bulk", json={"items": items}, kind=kind
            )
        except EgumaError as error:
            if error.outcome_unknown and items:
                self.left.append(Left("a reservation", "no answer said whether it was made"))
            raise
        for made in objects(reply, "reservations"):
            what = f"reservation {made.get('@id')} until {made.get('expiresAt')}"
            self.left.append(Left(what, _STAYS, is_expected=True))
        return reply

    async def held(self) -> Reply:
        """Hold the first of the offers twice in one call.

        Raises:
            NotSeenError: There is no offer, or it was refused.
        """
        return await self.once("held", self._hold_twice)

    async def _hold_twice(self) -> Reply:
        if not self.circumstances.offers:
            raise NotSeenError("needs an offer to hold: --offer")
        item = await self.item(self.circumstances.offers[0])
        reply = await self.reserve(item, item)
        if not objects(reply, "reservations"):
            raise NotSeenError(f"the offer could not be held: HTTP {reply.status}")
        return reply

    async def new_orders(self) -> list[Json]:
        """Order one unit of each of the offers, for real, and return the orders.

        Raises:
            NotSeenError: There is no offer, or one could not be ordered.
        """
        if not self.circumstances.offers:
            raise NotSeenError("needs an offer to order: --offer")
        made: list[Json] = []
        for offer in self.circumstances.offers:
            made += await self.once(f"order {offer}", partial(self._ordered, offer))
        return made

    async def _ordered(self, offer: str) -> list[Json]:
        held = objects(await self.reserve(await self.item(offer)), "reservations")
        if not held:
            raise NotSeenError("an offer could not be held")
        return await self.done_whole(self._order([str(each.get("@id")) for each in held]), "order")

    async def _order(self, reservations: list[str]) -> list[Json]:
        reference = f"calibration-{self.wire.clock.now():%Y%m%d-%H%M%S}"
        body = {
            "reservations": reservations,
            "customer": {**BUYER, "email": self.circumstances.email},
            "externalReference": reference,
        }
        try:
            reply = await self.ask("POST", f"{ORDERS}/_bulk", json=body)
        except EgumaError as error:
            if error.outcome_unknown:
                self.left.append(Left(f"order {reference}", "no answer said whether it was made"))
            raise
        made = [str(each.get("@id")) for each in objects(reply, "orders")]
        if made:  # the reservations are the orders' now
            held = tuple(f"reservation {each} " for each in reservations)
            self.left[:] = [each for each in self.left if not each.what.startswith(held)]
        self.left.extend(Left(f"order {each}", _CANNOT, is_expected=True) for each in made)
        if not made:
            raise NotSeenError(f"an offer could not be ordered: HTTP {reply.status}")
        # Read, as the answer to a fresh order tells less of it.
        return [(await self.ask("GET", without_origin(each))).json or {} for each in made]

    # Documents

    async def documents(self, orders: list[Json]) -> AsyncIterator[tuple[str, bool]]:
        """Yield the documents of orders, and whether each is ready."""
        for order in orders:
            for document in _addresses(order.get("documents")):
                ready = moment((await self.ask("GET", document)).member("downloadableAt"))
                yield document, ready is not None and ready <= self.wire.clock.now()

    async def link(self, document: str) -> Reply:
        """Ask for a link to a document."""
        return await self.ask("PATCH", document, json={}, kind=MERGE_PATCH)

    async def ready_link(self, orders: list[Json]) -> str | None:
        """Return a fresh link to a document that is ready; None if there is no such document."""
        async for document, ready in self.documents(orders):
            link = (await self.link(document)).member("temporaryUrl") if ready else None
            if isinstance(link, str):
                return link
        return None

    async def fetch(self, link: str) -> int:
        """Return the status of a file behind a link, which needs no token.

        Raises:
            NotSeenError: The link leads to a host that documents are not fetched from.
        """
        parts = urlsplit(link)
        origin = f"{parts.scheme}://{parts.netloc}"
        is_storage = parts.scheme == "https" and parts.netloc in DOCUMENT_HOSTS
        own = urlsplit(self.wire.base_url)
        if not (is_storage or (parts.scheme, parts.netloc) == (own.scheme, own.netloc)):
            raise NotSeenError("a link leads to a host that documents are not fetched from")
        signed = Credentials(encoded_query=parts.query)
        wire = Wire(self._transport, origin, signed, clock=self.wire.clock, pause=0.0)
        return (await wire.call("GET", parts.path)).status


def objects(value: Reply | Json, name: str) -> list[Json]:
    """Return the objects of a list in a response or an object."""
    found = as_list(value.member(name) if isinstance(value, Reply) else value.get(name))
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def moment(value: object) -> datetime | None:
    """Read a moment; None if it is none."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return read if read is not None and read.tzinfo is not None else None


def _addresses(value: object) -> list[str]:
    """Return the addresses in a list, of texts or of objects with an ``@id``."""
    found = as_list(value)
    parts = found if isinstance(found, list) else []
    bare = [part.get("@id") if isinstance(part, dict) else part for part in parts]
    return [without_origin(part) for part in bare if isinstance(part, str)]


def _has_room(left: object) -> bool:
    return left is None or (isinstance(left, int) and left >= _HELD)


def _whole(value: object) -> int | None:
    """Read a number of seconds; 0 stands for none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
