"""The state of the simulated Korus: everything by its address."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, TypeAlias

from eguma_async.core.zones import zone
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
    HeldItem,
    Order,
    OrderTicket,
    Reservation,
)
from .stock import Stock
from .tokens import TokenStore

VENUE_ZONE = zone("Europe/Paris")
FIRST_IMPORT = datetime(2025, 1, 28, 7, 42, 4, tzinfo=UTC)

CatalogRecord: TypeAlias = Catalog | ProductBase | Product | Offer | OfferTicket | TicketSession
OwnedRecord: TypeAlias = Reservation | Order | OrderTicket | Document
Record: TypeAlias = CatalogRecord | OwnedRecord


class State:
    """All records, the clock they live by, and the randomness they are made with.

    Args:
        clock: Where the time comes from.
        seed: The same seed gives the same ids, tokens and links.
        options: How to behave.

    Attributes:
        reshape_failure: Turns an element of a bulk response's failure array into what is sent; its
            true shape is not published.
    """

    def __init__(self, clock: SandboxClock, seed: int, options: KorusOptions) -> None:
        self.options = options
        # Nothing here has to be unpredictable.
        self.random: Random = Random(seed)  # noqa: S311
        self.tokens: TokenStore = TokenStore(Random(self.random.random()))  # noqa: S311
        self._catalog_random = Random(seed)  # noqa: S311
        self._catalog_ids = 0
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

    def today(self) -> date:
        """Return the venues' date."""
        return self._clock.now().astimezone(VENUE_ZONE).date()

    def new_catalog_id(self) -> str:
        """Make an id of a catalog's record.

        It comes from a source of its own and a fixed time, so that a seed gives the same ids on any
        day.
        """
        self._catalog_ids += 1
        moment = FIRST_IMPORT + timedelta(seconds=self._catalog_ids)
        return ids.uuid7(moment, self._catalog_random)

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

    def hold(
        self, organization: Organization, items: Sequence[HeldItem], reservation_id: str = ""
    ) -> Reservation:
        """Make a reservation of items that were taken out of the stock.

        The stock returns once its time is over.
        """
        now = self.now()
        reservation = Reservation(
            id=reservation_id or self.new_id(),
            organization=organization,
            catalog=items[0].offer.catalog,
            created_at=now,
            expires_at=now + min(self.hold_time(item.offer) for item in items),
            items=tuple(items),
        )
        self.reservations.append(reservation)
        self.register(reservation)
        self.stock.watch(reservation)
        return reservation

    def expire(self) -> None:
        """Return the stock of all reservations whose time is over."""
        self.stock.expire(self.now())

    def hold_time(self, offer: Offer) -> timedelta:
        """Return how long a reservation of an offer lives."""
        return offer.hold or timedelta(seconds=self.options.hold_seconds)
