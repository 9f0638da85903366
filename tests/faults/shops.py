"""Sandboxes with a session on them: in memory, or over sockets whose answers can be spoilt."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import attrs

from eguma_async import (
    AiohttpTransport,
    AsyncSession,
    Booking,
    HttpRequest,
    HttpResponse,
    LeanTransport,
    RetryPolicy,
    TicketItem,
)
from eguma_async.korus import Customer as KorusCustomer
from eguma_async.korus import KorusSession, OfferItem, TicketChoice
from eguma_async.sandbox import (
    EgumaOptions,
    EgumaSandbox,
    KorusOptions,
    KorusSandbox,
    RequestContext,
    Sandbox,
    SandboxRequest,
    SandboxResponse,
    ServerFault,
)
from eguma_async.testing import FakeClock
from tests.support.byte_server import ByteServer, Wire

if TYPE_CHECKING:
    from .stage import Stage

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday, 09:00 in Zurich."""

BOOKING = "/v1/ticketing/booking.json"
SLOTS = "/v1/ticketing/products/*/availabilities.json"
RESERVATION = "/v1/ticketing/reservation.json"
RELEASE = "/v1/ticketing/cancel-reservation.json"
CANCEL = "/v1/ticketing/cancel-booking.json"
PRODUCTS = "/v1/ticketing/products.json"
ORDERS = "/v1/ticketing/orders.json"


@attrs.define(eq=False)
class Rewrite(ServerFault):
    """Do the work, and give another response.

    Attributes:
        change: Makes it of the true one.
    """

    kind = "rewrite"

    change: Callable[[SandboxResponse], SandboxResponse] = attrs.field()

    async def act(self, context: RequestContext) -> SandboxResponse:
        return self.change(context.process())


def says(body: bytes, status: int = 200, **headers: str) -> Callable[[Any], SandboxResponse]:
    """Make a `Rewrite.change` that says this whatever was done."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: SandboxResponse(status, named, body)


def edited(edit: Callable[[Any], Any]) -> Callable[[SandboxResponse], SandboxResponse]:
    """Make a `Rewrite.change` that edits the JSON of the true response, or replaces it."""

    def change(response: SandboxResponse) -> SandboxResponse:
        content = response.json()
        content = edit(content) or content
        return attrs.evolve(response, body=json.dumps(content).encode())

    return change


class Keeping:
    """A transport that keeps the requests it passes on, credentials included."""

    def __init__(self, inner: Any) -> None:
        self.requests: list[HttpRequest] = []
        self._inner = inner

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        self.requests.append(request)
        response: HttpResponse = await self._inner.send(request)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class Exchange:
    """One request at the server's end, to be dealt with byte by byte."""

    def __init__(self, front: Front, wire: Wire, head: bytes) -> None:
        self.wire = wire
        self.head = head
        front.heads.append(head)
        self.method, self.target, _ = head.split(b"\r\n")[0].decode().split(" ")
        self._front = front

    async def read(self) -> bytes:
        """Read the body."""
        body = await self.wire.read_body(self.head)
        self._front.served.append((self.method, self.target.partition("?")[0]))
        return body

    async def commit(self) -> SandboxResponse:
        """Read the request, let the sandbox process it, and return the response."""
        body = await self.read()
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        request = SandboxRequest.of_target(
            self.method, self.target, headers, body, self._front.server.url
        )
        delivery = await self._front.sandbox.handle(request)
        assert isinstance(delivery, SandboxResponse)
        return delivery

    async def answer(self) -> None:
        """Process the request and answer as the sandbox does."""
        await self.wire.send(message(await self.commit()))


def message(response: SandboxResponse, *headers: str, length: int | None = None) -> bytes:
    """Write a response as HTTP has it."""
    size = len(response.body) if length is None else length
    lines = [f"HTTP/1.1 {response.status} Any", f"Content-Length: {size}", *headers]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body


Step: TypeAlias = Callable[[Exchange], Awaitable[None]]


class Front:
    """A sandbox behind a socket. What comes first meets the steps; the rest is answered.

    Attributes:
        steps: What to do with the next requests, one each.
        struck: How many requests met a step.
        served: Verb and path of every request that was read.
        heads: What came before the bodies.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.server = ByteServer(self._serve)
        self.steps: deque[Step] = deque()
        self.struck = 0
        self.served: list[tuple[str, str]] = []
        self.heads: list[bytes] = []

    async def _serve(self, server: ByteServer, wire: Wire) -> None:
        while True:
            exchange = Exchange(self, wire, await wire.read_head())
            if self.steps:
                self.struck += 1
                await self.steps.popleft()(exchange)
            else:
                await exchange.answer()

    async def drop_connections(self) -> None:
        """Close all connections, and wait until they are gone."""
        for task in self.server._tasks:
            task.cancel()
        if self.server.open:
            await self.server.all_gone.wait()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server.port}"

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.stop()
        await asyncio.sleep(0)


class Shop:
    """A sandbox with a session on it, entered and left by a stage.

    Attributes:
        clock: The session's and the sandbox's; nothing waits on it.
        front: The sandbox's socket, if it has one.
    """

    sandbox: Any
    session: Any
    front: Front

    def __init__(self, stage: Stage, *, start: datetime = START, auto: bool = True) -> None:
        self.stage = stage
        self.clock = FakeClock(start, auto=auto)
        self._exit = AsyncExitStack()

    def inject(self, fault: ServerFault, fires: int | None = None) -> Any:
        """Arm a fault of the sandbox, which fires as often as it can, or as said."""
        times = fires or fault.times
        assert times is not None, "say how often it fires"
        self.stage.proves(f"{fault.kind}", lambda: fault.fired, times)
        return self.sandbox.faults.add(fault)

    def strike(self, *steps: Step) -> None:
        """Let the next requests meet steps on the socket."""
        self.front.steps.extend(steps)
        done = self.front.struck + len(steps)
        self.stage.proves("steps on the wire", lambda: min(self.front.struck, done), done)

    def sent(self, path: str) -> int:
        """Return how many requests for a path reached the sandbox."""
        return sum(each.path == path for each in self.sandbox.requests)

    async def __aenter__(self) -> Self:
        await self._exit.enter_async_context(self.session)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exit.aclose()

    def _over_sockets(self, transport: dict[str, Any]) -> AiohttpTransport | LeanTransport:
        self.front = Front(self.sandbox)
        return self.stage.network(**transport)

    def check_made_once(self) -> None:
        """Check I1."""
        made = Counter(self._buyers())
        twice = {who: count for who, count in made.items() if count > 1}
        assert not twice, f"I1: bookings of one customer: {twice}"

    def _buyers(self) -> list[str]:
        raise NotImplementedError

    def secrets(self) -> Iterator[str]:
        """Yield what nobody may see."""
        raise NotImplementedError

    def check_not_oversold(self) -> None:
        """Check I4."""

    def check_exists(self, booking: Any) -> None:
        """Check I2."""
        raise NotImplementedError


class EgumaShop(Shop):
    """An e-guma sandbox with a session on it.

    Args:
        stage: Notes what happens.
        options: Switches of the sandbox.
        sockets: Whether requests go over a socket: True, or options of the transport.
        wrap: Makes the session's transport of the sandbox's.
        key: The session's key, if it is not that of the first merchant.
        start: When it is.
        auto: Whether the time passes by itself where somebody sleeps.
        session: Further options of the session.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        options: EgumaOptions | None = None,
        sockets: bool | dict[str, Any] = False,
        wrap: Callable[[Any], Any] = lambda transport: transport,
        key: str | None = None,
        start: datetime = START,
        auto: bool = True,
        **session: Any,
    ) -> None:
        super().__init__(stage, start=start, auto=auto)
        self.sandbox: EgumaSandbox = EgumaSandbox(self.clock, options=options)
        self.key = key or self.sandbox.demo_key
        transport: Any = self.sandbox.transport()
        if sockets:
            transport = self._over_sockets({} if sockets is True else sockets)
            self._exit.push_async_callback(transport.aclose)
        self.transport = wrap(transport)
        self._sockets = bool(sockets)
        self._options = {
            "clock": self.sandbox.clock,
            "retry": RetryPolicy(budget=1.0),
            "random": lambda: 0.5,
            "observer": stage.notes,
            "transport": self.transport,
            **session,
        }
        self.session: AsyncSession = None  # type: ignore[assignment]  # until it is entered
        self.capacities: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        if self._sockets:
            await self._exit.enter_async_context(self.front)
            self._exit.push_async_callback(self.transport.aclose)
            self._options.setdefault("base_url", self.front.url)
        self.session = AsyncSession(self.key, **self._options)
        return await super().__aenter__()

    def wanted(self, *quantities: int, label: str = "time") -> dict[str, Any]:
        """Return what a hold or a booking takes: the first categories of an example."""
        example = self.sandbox.example(label)
        pairs = zip(example.category_ids, quantities or (2,), strict=False)
        return {
            "product_id": example.product_id,
            "starts_at": example.start,
            "items": tuple(TicketItem(category, quantity) for category, quantity in pairs),
        }

    async def book(self, *quantities: int, label: str = "time", **changes: Any) -> Booking:
        """Book for a new customer, and report it."""
        asked = {"customer": self.stage.customer(), **self.wanted(*quantities, label=label)}
        booking = await self.session.ticketing.bookings.create(**{**asked, **changes})
        self.stage.reported(self, booking)
        return booking

    async def reserve(self, *quantities: int, label: str = "time") -> Any:
        """Hold places."""
        wanted = self.wanted(*quantities, label=label)
        return await self.session.ticketing.reservations.create(**wanted)

    def hold(self, *quantities: int, label: str = "time", **options: Any) -> Any:
        """Return a hold to be entered."""
        wanted = self.wanted(*quantities, label=label)
        return self.session.ticketing.reservations.hold(**wanted, **options)

    async def booked_with(self, hold: Any, **options: Any) -> Booking:
        """Book a hold for a new customer, and report it."""
        booking: Booking = await hold.book(self.stage.customer(), **options)
        self.stage.reported(self, booking)
        return booking

    async def slots(self, label: str = "time") -> Any:
        """Read the slots of an example on its day."""
        wanted = self.wanted(label=label)
        day: date = wanted["starts_at"].date()
        return await self.session.ticketing.availabilities.list(
            wanted["product_id"], from_date=day, to_date=day
        )

    @property
    def keys(self) -> list[str | None]:
        """The idempotency keys of the bookings that reached the sandbox."""
        return [each.idempotency_key for each in self.sandbox.requests if each.path == BOOKING]

    def orders(self) -> int:
        """Return how many bookings were made."""
        return len(self.sandbox.bookings())

    def secrets(self) -> Iterator[str]:
        """Yield the API key."""
        yield self.key

    def _buyers(self) -> list[str]:
        orders = self.sandbox.bookings()
        return [order.customer.email for order in orders if order.customer is not None]

    def check_not_oversold(self) -> None:
        """Check I4: what is sold and held, against the quota of each slot."""
        state = self.sandbox._state
        for (product_id, starts_at), sold in state.stock._sold.items():
            slot = state.find_slot(state.products[product_id], starts_at)
            if slot is not None and slot.quota is not None:
                assert sold + slot.sold_before <= slot.quota, f"I4: {sold} of {slot.quota} sold"

    def check_exists(self, booking: Booking) -> None:
        """Check I2."""
        orders = {order.id: order for order in self.sandbox.bookings()}
        order = orders.get(booking.booking_id)
        assert order is not None, "I2: a booking was reported that does not exist"
        made = sorted(ticket.number for ticket in order.tickets)
        told = sorted(ticket.ticket_number for ticket in booking.tickets)
        assert made == told, "I2: a booking was reported with other tickets"


class KorusShop(Shop):
    """A Korus sandbox with a session on it.

    Args:
        stage: Notes what happens.
        options: Switches of the sandbox.
        wrap: Makes the session's transport of the sandbox's.
        session: Further options of the session.
    """

    URL = "https://api.demo.korusticket.com"
    TOKEN_URL = "https://auth.korusticket.com/realms/korusticket/protocol/openid-connect/token"

    def __init__(
        self,
        stage: Stage,
        *,
        options: KorusOptions | None = None,
        wrap: Callable[[Any], Any] = lambda transport: transport,
        **session: Any,
    ) -> None:
        super().__init__(stage)
        self.sandbox: KorusSandbox = KorusSandbox(self.clock, options=options)
        client_id, client_secret = self.sandbox.demo_client
        self.transport = wrap(self.sandbox.transport())
        self.session: KorusSession = KorusSession(
            client_id,
            client_secret,
            **{
                "base_url": self.URL,
                "token_url": self.TOKEN_URL,
                "document_hosts": ("api.demo.korusticket.com",),
                "transport": self.transport,
                "clock": self.sandbox.clock,
                "retry": RetryPolicy(budget=1.0),
                "random": lambda: 0.5,
                "observer": stage.notes,
                **session,
            },
        )

    def item(self, name: str = "example", **options: Any) -> OfferItem:
        """Return an item of an example, ready to be reserved."""
        raw = self.sandbox.example(name, **options).item
        choices = [TicketChoice(**choice) for choice in raw["ticketSessions"]]
        return OfferItem(raw["offer"], choices, raw["quantity"])

    def customer(self) -> KorusCustomer:
        """Return a customer who buys once."""
        buyer = self.stage.customer()
        return KorusCustomer(
            buyer.first_name,
            buyer.last_name,
            buyer.email,
            phone="0612345678",
            country="FR",
            language="fr",
        )

    def secrets(self) -> Iterator[str]:
        """Yield the client's secret, and the signatures of its tokens."""
        yield self.sandbox.demo_client[1]
        tokens = self.sandbox._state.tokens
        for token in (*tokens._access, *tokens._refresh):
            yield token.rpartition(".")[2]

    def _buyers(self) -> list[str]:
        # A cart of several reservations is several orders: each reservation makes one.
        return [order.reservation.iri for order in self.sandbox.orders()]

    async def reserve(self, *names: str) -> tuple[str, ...]:
        """Hold examples, and return the IRIs of the reservations."""
        held = await self.session.reservations.create([self.item(name) for name in names])
        return tuple(reservation.iri for reservation in held.reservations)

    async def order(
        self, reservations: Sequence[str], reference: str = "A-1", **options: Any
    ) -> Any:
        """Order reservations for a new customer, and report the orders."""
        done = await self.session.orders.create(reservations, self.customer(), reference, **options)
        for order in done.orders:
            self.stage.reported(self, order)
        return done

    def check_not_oversold(self) -> None:
        """Check I4: what is left of each offer and session."""
        for offer in self.sandbox.offers():
            sessions = [session for ticket in offer.tickets for session in ticket.sessions]
            for iri in (offer.iri, *(session.iri for session in sessions)):
                left = self.sandbox.availability(iri)
                assert left is None or left >= 0, f"I4: {left} left"

    def check_exists(self, booking: Any) -> None:
        """Check I2."""
        made = {order.iri: order for order in self.sandbox.orders()}
        assert booking.iri in made, "I2: an order was reported that does not exist"
        there = {ticket.iri for ticket in made[booking.iri].tickets}
        told = {ticket.iri for item in booking.items for ticket in item.tickets}
        assert there == told, "I2: an order was reported with other tickets"
