"""The state of the simulated Korus: everything by its address, and the stock."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeAlias

from eguma_async.sandbox.engine.clock import SandboxClock

from . import ids
from .catalog import (
    Catalog,
    Offer,
    OfferTicket,
    Organization,
    Product,
    ProductBase,
    TicketSession,
)
from .options import KorusOptions
from .refusals import RefusedError
from .sales import (
    ChosenTicket,
    Document,
    HeldItem,
    HeldTicket,
    Order,
    OrderTicket,
    Reservation,
)

CatalogRecord: TypeAlias = Catalog | ProductBase | Product | Offer | OfferTicket | TicketSession
OwnedRecord: TypeAlias = Reservation | Order | OrderTicket | Document
Record: TypeAlias = CatalogRecord | OwnedRecord


class State:
    """All records, the clock they live by, and the randomness they are made with.

    Args:
        clock: Where the time comes from.
        random: Where ids come from.
        options: How to behave.

    Attributes:
        reshape_failure: Turns an element of a bulk answer's failure array into what is sent; its
            true shape is not published.
    """

    def __init__(self, clock: SandboxClock, random: Random, options: KorusOptions) -> None:
        self.options = options
        self.random = random
        self.organizations: list[Organization] = []
        self.catalogs: list[Catalog] = []
        self.reservations: list[Reservation] = []
        self.orders: list[Order] = []
        self.reshape_failure: Callable[[dict[str, Any]], dict[str, Any]] = dict
        self._clock = clock
        self._by_iri: dict[str, Record] = {}
        self._deadlines: list[tuple[datetime, int, Reservation]] = []

    def now(self) -> datetime:
        """Return the time in whole seconds, as all stamps of the API are."""
        return self._clock.now().replace(microsecond=0)

    def new_id(self) -> str:
        """Make an id that begins with the present time."""
        return ids.uuid7(self._clock.now(), self.random)

    def genid(self) -> str:
        """Make a throw-away address."""
        return ids.genid(self.random)

    def register(self, record: Record) -> None:
        """Make a record known by its address."""
        self._by_iri[record.iri] = record

    def find(self, iri: str) -> Record | None:
        """Return the record at an address, or None."""
        return self._by_iri.get(iri)

    def records(self) -> Iterator[Record]:
        """Return all records."""
        return iter(self._by_iri.values())

    def check_access(self, record: Record, organization: Organization) -> None:
        """Refuse what is not open to an organization."""
        if isinstance(record, OwnedRecord):
            open_to_it = record.organization is organization
        else:
            open_to_it = record.catalog.id in organization.catalogs
        if not open_to_it:
            denied = self.options.foreign_status == 403
            raise RefusedError(self.options.foreign_status, "Access Denied." if denied else "")

    def shortage(self, offer: Offer, chosen: Iterable[ChosenTicket], quantity: int) -> bool:
        """Tell whether an offer or a chosen session has too little stock."""
        limits = [offer.available]
        limits += [choice.session.available for choice in chosen if choice.session is not None]
        return any(limit is not None and limit < quantity for limit in limits)

    def take(self, offer: Offer, chosen: Iterable[ChosenTicket], quantity: int) -> HeldItem:
        """Take units out of the stock at the present price."""
        offer.taken += quantity
        held = tuple(_hold_ticket(choice, quantity) for choice in chosen)
        return HeldItem(offer, quantity, offer.price, offer.amount_without_tax, held)

    def add_reservation(self, reservation: Reservation) -> None:
        """Keep a reservation and watch its deadline."""
        self.reservations.append(reservation)
        self.register(reservation)
        entry = (reservation.expires_at, len(self.reservations), reservation)
        heapq.heappush(self._deadlines, entry)

    def release(self, reservation: Reservation) -> None:
        """Return the stock of a reservation, once."""
        if not reservation.holding:
            return
        reservation.holding = False
        for item in reservation.items:
            item.offer.taken -= item.quantity
            for held in item.tickets:
                _release_ticket(held, item.quantity)

    def expire(self) -> None:
        """Return the stock of all reservations whose time is over."""
        now = self.now()
        while self._deadlines and self._deadlines[0][0] <= now:
            reservation = heapq.heappop(self._deadlines)[2]
            if reservation.order is None:
                self.release(reservation)

    def hold_time(self, offer: Offer) -> timedelta:
        """Return how long a reservation of an offer lives."""
        return offer.hold or timedelta(seconds=self.options.hold_seconds)


def _hold_ticket(choice: ChosenTicket, quantity: int) -> HeldTicket:
    if choice.session is not None:
        choice.session.taken += quantity
    seats = choice.seat_map
    return HeldTicket(choice, () if seats is None else seats.take(quantity))


def _release_ticket(held: HeldTicket, quantity: int) -> None:
    if held.chosen.session is not None:
        held.chosen.session.taken -= quantity
    if held.chosen.seat_map is not None:
        held.chosen.seat_map.give_back(held.seats)
