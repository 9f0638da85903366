"""The state of the simulated Korus: everything by its address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    Document,
    Order,
    OrderTicket,
    Reservation,
)
from .stock import Stock

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
        reshape_failure: Turns an element of a bulk response's failure array into what is sent; its
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
        self.stock: Stock = Stock()

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

    def add_reservation(self, reservation: Reservation) -> None:
        """Keep a reservation; its stock returns once its time is over."""
        self.reservations.append(reservation)
        self.register(reservation)
        self.stock.watch(reservation)

    def expire(self) -> None:
        """Return the stock of all reservations whose time is over."""
        self.stock.expire(self.now())

    def hold_time(self, offer: Offer) -> timedelta:
        """Return how long a reservation of an offer lives."""
        return offer.hold or timedelta(seconds=self.options.hold_seconds)
