"""Filling a state with organizations and what is sold to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from .catalog import (
    Catalog,
    Offer,
    OfferTicket,
    Organization,
    Product,
    ProductBase,
    Text,
    TicketSession,
)
from .state import FIRST_IMPORT, State


class Builder:
    """Makes records and adds them to a state.

    A `record_id` is the id a record shall have; one is made if it is empty. `details` are further
    fields of the record's class, such as ``stock`` of an `Offer`.
    """

    _state: State

    def add_organization(
        self,
        name: str,
        *,
        client_id: str,
        client_secret: str,
        catalogs: Iterable[Catalog] = (),
        record_id: str = "",
    ) -> Organization:
        """Add a customer of the API, to whom these catalogs are open."""
        organization = Organization(
            id=record_id or self._state.new_catalog_id(),
            name=name,
            client_id=client_id,
            client_secret=client_secret,
            catalogs={catalog.id for catalog in catalogs},
        )
        self._state.organizations.append(organization)
        return organization

    def add_catalog(self, name: str, record_id: str = "", **details: Any) -> Catalog:
        """Add a catalog, created a day after the one before."""
        catalog = Catalog(
            id=record_id or self._state.new_catalog_id(),
            name=name,
            created_at=FIRST_IMPORT + timedelta(days=len(self._state.catalogs)),
            **details,
        )
        self._state.catalogs.append(catalog)
        self._state.register(catalog)
        return catalog

    def add_product_base(
        self, catalog: Catalog, name: Text, record_id: str = "", **details: Any
    ) -> ProductBase:
        """Add a product base; `name` maps languages to names."""
        base = ProductBase(
            catalog=catalog,
            id=record_id or self._state.new_catalog_id(),
            name=name,
            description=name,
            **details,
        )
        catalog.bases.append(base)
        self._state.register(base)
        return base

    def add_product(
        self, base: ProductBase, name: Text, record_id: str = "", **details: Any
    ) -> Product:
        """Add a product; `name` maps languages to names."""
        product = Product(
            base=base,
            id=record_id or self._state.new_catalog_id(),
            name=name,
            description=name,
            **details,
        )
        base.products.append(product)
        base.catalog.products.append(product)
        self._state.register(product)
        return product

    def add_offer(
        self,
        product: Product,
        price: Decimal | str,
        day: date | None,
        record_id: str = "",
        **details: Any,
    ) -> Offer:
        """Add an offer for a day, or an undated one; it is sold once it has a ticket."""
        offer = Offer(
            product=product,
            id=record_id or self._state.new_catalog_id(),
            date=day,
            price=Decimal(price),
            **details,
        )
        product.catalog.offers.append(offer)
        self._state.register(offer)
        return offer

    def add_ticket(
        self,
        offer: Offer,
        name: Text,
        record_id: str = "",
        *,
        sessions: Iterable[tuple[datetime, int] | tuple[datetime, int, str]] = (),
        **details: Any,
    ) -> OfferTicket:
        """Add a ticket: one for the whole day, or one with sessions as (start, stock[, id]).

        A start is aware; `name` maps languages to names.
        """
        planned = list(sessions)
        ticket = OfferTicket(
            offer=offer,
            id=record_id or self._state.new_catalog_id(),
            name=name,
            description=name,
            whole_day=not planned,
            **details,
        )
        offer.tickets.append(ticket)
        self._state.register(ticket)
        for start, stock, *given in planned:
            session_id = given[0] if given else self._state.new_catalog_id()
            session = TicketSession(ticket=ticket, id=session_id, occurs_at=start, stock=stock)
            ticket.sessions.append(session)
            self._state.register(session)
        return ticket
