"""Two shops with one slot each, as those who race for its places see them."""

from __future__ import annotations

import abc
import json
from datetime import datetime, time, timedelta
from random import Random
from typing import Any, Generic, TypeVar

import attrs

from eguma_async import AsyncSession, Customer, KorusSession, RetryPolicy, TicketItem, korus
from eguma_async.core.errors import EgumaError, InvalidRequestError, NotFoundError
from eguma_async.core.messages import HttpRequest, HttpResponse
from eguma_async.eguma.ticketing.reservations import Hold as EgumaHold
from eguma_async.pipeline.session import BaseSession
from eguma_async.sandbox import EgumaSandbox, KorusSandbox, Sandbox, SandboxClock
from eguma_async.sandbox.eguma.catalog import Price, SlotPlan
from eguma_async.sandbox.korus import TOKEN_PATH

from ._invariants import Sold
from ._virtual import START, VirtualClock
from ._weather import Weather

S = TypeVar("S", bound=BaseSession)

MUTANTS = (
    "overselling-server",
    "forgetful-server",
    "phantom-confirmation",
    "new-key-per-attempt",
)
EXTRA = 3
"""Places that the overselling server sells beyond those there are."""
FORGOTTEN, CONFIRMED = 0.3, 0.2
"""Share of the holds that the forgetful one drops, and of the refusals that are confirmed."""


@attrs.frozen
class Held:
    """Places that are held.

    Attributes:
        hold: The hold of the SDK.
        expires_at: Seconds from the start.
    """

    hold: Any
    expires_at: float


@attrs.frozen
class Confirmed:
    """A booking as its caller was told of it."""

    booking_id: str
    tickets: frozenset[str]


class Shop(abc.ABC, Generic[S]):
    """A sandbox with a slot of its own, behind bad weather.

    Attributes:
        sessions: One that tries again, and one that gives up at once.
        most_sold: Places that were sold at most, at any instant.
    """

    hold_seconds: float
    mutants: tuple[str, ...] = MUTANTS[:2]
    """What can be broken on purpose."""
    sells_without_hold = False
    gives_back = False
    """Whether held places can be given back, as the SDK does for somebody who was cancelled."""

    sessions: tuple[S, S]
    weather: Weather

    def __init__(
        self, clock: VirtualClock, random: Random, sandbox: EgumaSandbox | KorusSandbox
    ) -> None:
        self.sandbox: Any = sandbox
        self.clock = clock
        self.random = random
        self.most_sold = 0
        # The state before each request, and at the end, is every state there is.
        sandbox.requests.listen(lambda _: self.look())

    def look(self) -> None:
        """Note how many places are sold now."""
        self.most_sold = max(self.most_sold, self.places_sold())

    @abc.abstractmethod
    def places_sold(self) -> int:
        """Return the places that are sold, from the shop's own orders."""

    @abc.abstractmethod
    def sold(self) -> list[Sold]:
        """Return all bookings, cancelled ones included."""

    @abc.abstractmethod
    async def reserve(self, session: S, places: int) -> Held:
        """Hold places."""

    @abc.abstractmethod
    async def book_held(self, held: Held, reference: str) -> Confirmed:
        """Book what is held; called again after an unknown outcome, it goes on."""

    async def book(self, session: S, places: int, reference: str) -> Confirmed:
        """Book without a hold; called again after an unknown outcome, it goes on."""
        raise NotImplementedError

    async def release(self, held: Held) -> None:
        """Give held places back, where that can be done."""

    @abc.abstractmethod
    async def cancel(self, session: S, booking_id: str) -> None:
        """Cancel a booking."""

    @abc.abstractmethod
    def is_refusal(self, error: EgumaError) -> bool:
        """Tell whether an error is the shop's no."""

    def seconds(self, moment: datetime) -> float:
        """Return a moment in seconds from the start."""
        return (moment - START).total_seconds()

    def _forget(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Drop a hold that stands, now and then."""
        holds = self.sandbox.holds()
        if holds and self.random.random() < FORGOTTEN:
            self.sandbox.release_reservation(self.random.choice(holds).id)
        return response

    def _retries(self) -> tuple[RetryPolicy, RetryPolicy]:
        return RetryPolicy(budget=1.0), RetryPolicy(attempts=1)


class EgumaShop(Shop[AsyncSession]):
    """e-guma's: holds of an hour, keyed bookings with and without one, cancellations."""

    hold_seconds = 3600.0
    mutants = MUTANTS
    sells_without_hold = True
    gives_back = True

    def __init__(
        self, clock: VirtualClock, random: Random, capacity: int, mutant: str | None = None
    ) -> None:
        super().__init__(clock, random, EgumaSandbox(SandboxClock(clock), demo_data=False))
        merchant = self.sandbox.add_merchant("Railway")
        user = self.sandbox.add_user(merchant, "Race")
        adult = self.sandbox.add_category("Adult")
        quota = capacity + (EXTRA if mutant == "overselling-server" else 0)
        plan = SlotPlan(at=time(10), prices=(Price(adult.id, 4500),), quota=quota)
        product = self.sandbox.add_product(merchant, {"de": "Fahrt"}, (adult,), (plan,))
        self._product_id, self._category_id = product.id, adult.id
        self._starts_at = datetime.combine(START.date() + timedelta(days=2), time(10))
        self.weather = Weather(
            self.sandbox.transport(),
            clock,
            random,
            lambda status: _answer(self.sandbox, status),
            new_keys=mutant == "new-key-per-attempt",
            tamper={"forgetful-server": self._forget, "phantom-confirmation": self._confirm}.get(
                mutant or ""
            ),
        )
        key = self.sandbox.add_key(merchant, user)
        patient, hasty = (
            AsyncSession(
                key,
                base_url="https://api.e-guma.test",
                transport=self.weather,
                clock=clock,
                random=random.random,
                retry=retry,
            )
            for retry in self._retries()
        )
        self.sessions = patient, hasty

    def places_sold(self) -> int:
        return sum(
            len(order.tickets) for order in self.sandbox.bookings() if order.status == "completed"
        )

    def sold(self) -> list[Sold]:
        return [
            Sold(
                "" if order.customer is None else order.customer.last_name,
                order.id,
                frozenset(ticket.number for ticket in order.tickets),
                order.status == "cancelled",
            )
            for order in self.sandbox.bookings()
        ]

    async def reserve(self, session: AsyncSession, places: int) -> Held:
        hold = await session.ticketing.reservations.hold(**self._wanted(places)).__aenter__()
        return Held(hold, self.seconds(hold.expires_at_utc))

    async def book_held(self, held: Held, reference: str) -> Confirmed:
        hold: EgumaHold = held.hold
        key = None if hold.idempotency_key else self._key()
        return _confirmed(await hold.book(_buyer(reference), idempotency_key=key))

    async def book(self, session: AsyncSession, places: int, reference: str) -> Confirmed:
        # The reference is as good as any key of one's own.
        return _confirmed(
            await session.ticketing.bookings.create(
                **self._wanted(places),
                customer=_buyer(reference),
                idempotency_key=f"direct-{reference}",
            )
        )

    async def release(self, held: Held) -> None:
        await held.hold.release()

    async def cancel(self, session: AsyncSession, booking_id: str) -> None:
        await session.ticketing.bookings.cancel(booking_id)

    def is_refusal(self, error: EgumaError) -> bool:
        return isinstance(error, (InvalidRequestError, NotFoundError))

    def _wanted(self, places: int) -> dict[str, Any]:
        items = (TicketItem(self._category_id, places),)
        return {"product_id": self._product_id, "starts_at": self._starts_at, "items": items}

    def _key(self) -> str:
        return f"held-{self.random.getrandbits(64):x}"

    def _confirm(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Confirm a booking that was refused, with ids that nobody knows."""
        is_booking = request.url.endswith("/booking.json")
        if response.ok or not is_booking or self.random.random() > CONFIRMED:
            return response
        made_up = f"{self.random.getrandbits(96):024x}"
        tickets = [
            {
                "ticket_number": f"{self.random.randrange(10**18, 10**19)}",
                "category_id": item["category_id"],
            }
            for item in json.loads(request.body or b"")["items"]
            for _ in range(item["quantity"])
        ]
        body = {"booking_id": made_up, "booking_reference": "1000001", "tickets": tickets}
        headers = {"content-type": "application/json"}
        return HttpResponse(status=200, headers=headers, body=json.dumps(body).encode())


class KorusShop(Shop[KorusSession]):
    """Korus: holds of a quarter of an hour, and orders that carry no key."""

    hold_seconds = 900.0

    def __init__(
        self, clock: VirtualClock, random: Random, capacity: int, mutant: str | None = None
    ) -> None:
        super().__init__(clock, random, KorusSandbox(SandboxClock(clock), demo_data=False))
        catalog = self.sandbox.add_catalog("Park")
        self.sandbox.add_organization(
            "Race", client_id="race", client_secret="race", catalogs=(catalog,)
        )
        base = self.sandbox.add_product_base(catalog, {"fr": "Parc"})
        product = self.sandbox.add_product(base, {"fr": "Parc"})
        stock = capacity + (EXTRA if mutant == "overselling-server" else 0)
        day = START.date() + timedelta(days=2)
        self._offer = self.sandbox.add_offer(product, "80.00", day, stock=stock)
        self._ticket = self.sandbox.add_ticket(self._offer, {"fr": "Parc"})
        self.weather = Weather(
            self.sandbox.transport(),
            clock,
            random,
            lambda status: _answer(self.sandbox, status),
            tamper=self._forget if mutant == "forgetful-server" else None,
        )
        base_url = "https://api.korus.test"
        patient, hasty = (
            KorusSession(
                "race",
                "race",
                base_url=base_url,
                token_url=base_url + TOKEN_PATH,
                transport=self.weather,
                clock=clock,
                random=random.random,
                retry=retry,
            )
            for retry in self._retries()
        )
        self.sessions = patient, hasty

    def places_sold(self) -> int:
        return sum(
            len(tuple(order.tickets))
            for order in self.sandbox.orders()
            if order.cancelled_at is None
        )

    def sold(self) -> list[Sold]:
        return [
            Sold(
                order.external_reference or "",
                order.iri,
                frozenset(ticket.voucher or "" for ticket in order.tickets),
                order.cancelled_at is not None,
            )
            for order in self.sandbox.orders()
        ]

    async def reserve(self, session: KorusSession, places: int) -> Held:
        item = korus.OfferItem(
            self._offer.iri, [korus.TicketChoice(ticket=self._ticket.iri)], places
        )
        hold = await session.reservations.hold([item]).__aenter__()
        return Held(hold, self.seconds(hold.expires_at))

    async def book_held(self, held: Held, reference: str) -> Confirmed:
        customer = korus.Customer("Buyer", "Race", "buyer@example.com", country="FR")
        result = await held.hold.order(customer, external_reference=reference)
        result.raise_for_failures()
        (order,) = result.orders
        vouchers = (ticket.voucher or "" for item in order.items for ticket in item.tickets)
        return Confirmed(order.iri, frozenset(vouchers))

    async def cancel(self, session: KorusSession, booking_id: str) -> None:
        self.look()
        self.sandbox.cancel_order(booking_id)  # the API cannot: the issuer's desk does it

    def is_refusal(self, error: EgumaError) -> bool:
        return isinstance(error, (korus.ViolationsError, korus.PartialFailureError))


SHOPS: dict[str, type[EgumaShop | KorusShop]] = {"eguma": EgumaShop, "korus": KorusShop}


def _answer(sandbox: Sandbox, status: int) -> HttpResponse:
    answer = sandbox.error(status)
    return HttpResponse(status=answer.status, headers=answer.headers, body=answer.body)


def _buyer(reference: str) -> Customer:
    return Customer("Buyer", reference, "buyer@example.com")


def _confirmed(booking: Any) -> Confirmed:
    numbers = (ticket.ticket_number for ticket in booking.tickets)
    return Confirmed(booking.booking_id, frozenset(numbers))
