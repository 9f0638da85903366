"""Filling a state with catalogs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from eguma_async.core.zones import zone

from . import ids
from .catalog import Catalog, Offer, OfferTicket, Product, ProductBase, Text, TicketSession
from .state import State

VENUE_ZONE = zone("Europe/Paris")
FIRST_IMPORT = datetime(2025, 1, 28, 7, 42, 4, tzinfo=UTC)


def both(fr: str, en: str) -> Text:
    """Return a text in the two languages of the API."""
    return {"fr": fr, "en": en}


class Builder:
    """Makes catalog records and registers them.

    Ids come from a source of their own and a fixed time, so that a seed gives the same ids on
    any day; only the dates follow the clock.

    Args:
        state: State to fill.
        random: Where ids come from.
    """

    def __init__(self, state: State, random: Random) -> None:
        self._state = state
        self._random = random
        self._made = 0
        self.today: date = state.now().astimezone(VENUE_ZONE).date()

    def day(self, days: int) -> date:
        """Return the venue's day that many days from today."""
        return self.today + timedelta(days=days)

    def at(self, days: int, hour: int, minute: int = 0) -> datetime:
        """Return a moment of that day at the venue, with its offset."""
        day = self.day(days)
        local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=VENUE_ZONE)
        # A fixed offset instead of the zone: what is compared and shown is this one moment.
        return datetime.fromisoformat(local.isoformat())

    def new_id(self) -> str:
        """Make an id."""
        self._made += 1
        return ids.uuid7(FIRST_IMPORT + timedelta(seconds=self._made), self._random)

    def catalog(self, name: str, record_id: str = "", **details: Any) -> Catalog:
        """Add a catalog, created a day after the one before."""
        created = FIRST_IMPORT + timedelta(days=len(self._state.catalogs))
        catalog = Catalog(id=record_id or self.new_id(), name=name, created_at=created, **details)
        self._state.catalogs.append(catalog)
        self._state.register(catalog)
        return catalog

    def base(
        self, catalog: Catalog, name: Text, record_id: str = "", **details: Any
    ) -> ProductBase:
        """Add a product base."""
        base = ProductBase(
            catalog=catalog,
            id=record_id or self.new_id(),
            name=name,
            description=name,
            **details,
        )
        catalog.bases.append(base)
        self._state.register(base)
        return base

    def product(
        self, base: ProductBase, name: Text, record_id: str = "", **details: Any
    ) -> Product:
        """Add a product."""
        product = Product(
            base=base, id=record_id or self.new_id(), name=name, description=name, **details
        )
        base.products.append(product)
        base.catalog.products.append(product)
        self._state.register(product)
        return product

    def offer(
        self, product: Product, price: str, day: date | None, record_id: str = "", **details: Any
    ) -> Offer:
        """Add an offer."""
        offer = Offer(
            product=product,
            id=record_id or self.new_id(),
            date=day,
            price=Decimal(price),
            **details,
        )
        product.catalog.offers.append(offer)
        self._state.register(offer)
        return offer

    def ticket(
        self,
        offer: Offer,
        name: Text,
        record_id: str = "",
        *,
        sessions: Iterable[tuple[datetime, int] | tuple[datetime, int, str]] = (),
        **details: Any,
    ) -> OfferTicket:
        """Add a ticket: one for the whole day, or one with sessions as (start, stock[, id])."""
        planned = list(sessions)
        ticket = OfferTicket(
            offer=offer,
            id=record_id or self.new_id(),
            name=name,
            description=name,
            whole_day=not planned,
            **details,
        )
        offer.tickets.append(ticket)
        self._state.register(ticket)
        for start, stock, *given in planned:
            session_id = given[0] if given else self.new_id()
            session = TicketSession(ticket=ticket, id=session_id, occurs_at=start, stock=stock)
            ticket.sessions.append(session)
            self._state.register(session)
        return ticket


def values(**labels: tuple[str, str]) -> Mapping[str, Text]:
    """Return option values with their labels in the two languages."""
    return {value: both(*pair) for value, pair in labels.items()}
