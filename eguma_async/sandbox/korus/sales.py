"""What customers do with offers: reservations and orders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import attrs

from . import ids
from .catalog import Catalog, Offer, OfferTicket, Organization, Seats, TicketSession

WAITING = "waiting_beneficiary_data"
VALIDATED = "validated"


@attrs.frozen(eq=False)
class ChosenTicket:
    """A ticket of an offer with the session chosen for it."""

    ticket: OfferTicket
    session: TicketSession | None

    @property
    def seat_map(self) -> Seats | None:
        """Where its seats come from; None without seats."""
        if self.ticket.stand is None:
            return None
        return self.ticket.seats if self.session is None else self.session.seats


@attrs.frozen(eq=False)
class HeldTicket:
    """A chosen ticket with the seats held for it, one for each unit."""

    chosen: ChosenTicket
    seats: tuple[int, ...]


@attrs.frozen(eq=False)
class HeldItem:
    """Units of an offer at a frozen price."""

    offer: Offer
    quantity: int
    unit_incl: Decimal
    unit_excl: Decimal
    tickets: tuple[HeldTicket, ...]

    @property
    def total_incl(self) -> Decimal:
        """Price of all units, tax included."""
        return self.unit_incl * self.quantity

    @property
    def total_excl(self) -> Decimal:
        """Price of all units without tax."""
        return self.unit_excl * self.quantity


@attrs.define(eq=False, kw_only=True)
class Reservation:
    """A temporary hold of offers.

    Attributes:
        holding: It still takes stock: it is neither expired nor released, or it was ordered.
    """

    id: str
    organization: Organization
    catalog: Catalog
    created_at: datetime
    expires_at: datetime
    items: tuple[HeldItem, ...]
    order: Order | None = None
    holding: bool = True

    @property
    def iri(self) -> str:
        """Address."""
        return f"{ids.RESERVATIONS}/{self.id}"

    def expired(self, now: datetime) -> bool:
        """Tell whether its time is over; once it let go of its stock, it stays expired."""
        return now >= self.expires_at or not self.holding

    @property
    def total_incl(self) -> Decimal:
        """Price of all items, tax included."""
        return sum((item.total_incl for item in self.items), Decimal())

    @property
    def total_excl(self) -> Decimal:
        """Price of all items without tax."""
        return sum((item.total_excl for item in self.items), Decimal())


@attrs.define(eq=False, kw_only=True)
class Order:
    """A definitive booking."""

    id: str
    reference: str
    connector_reference: str
    created_at: datetime
    reservation: Reservation
    customer: Mapping[str, Any] = attrs.field(repr=False)
    external_reference: str | None
    notes: str | None = attrs.field(repr=False)
    cancelled_at: datetime | None = None
    items: list[OrderItem] = attrs.field(factory=list, repr=False)
    documents: list[Document] = attrs.field(factory=list, repr=False)

    @property
    def iri(self) -> str:
        """Address."""
        return f"{ids.ORDERS}/{self.id}"

    @property
    def organization(self) -> Organization:
        """Who ordered."""
        return self.reservation.organization

    @property
    def catalog(self) -> Catalog:
        """Where it was ordered."""
        return self.reservation.catalog

    @property
    def tickets(self) -> Iterator[OrderTicket]:
        """All tickets of all items."""
        return (ticket for item in self.items for ticket in item.tickets)

    @property
    def waits(self) -> bool:
        """Some ticket still waits for its beneficiary."""
        return any(ticket.status == WAITING for ticket in self.tickets)

    @property
    def documents_from(self) -> datetime | None:
        """When the documents are ready; None while a ticket waits for its beneficiary."""
        if self.waits:
            return None
        delays = (item.held.offer.product.base.document_delay for item in self.items)
        return self.created_at + max(delays)


@attrs.define(eq=False, kw_only=True)
class OrderItem:
    """One ordered item."""

    id: str
    order: Order = attrs.field(repr=False)
    held: HeldItem
    tickets: list[OrderTicket] = attrs.field(factory=list, repr=False)

    @property
    def date(self) -> date | None:
        """Day of the offer."""
        return self.held.offer.date


@attrs.define(eq=False, kw_only=True)
class OrderTicket:
    """One ticket of one unit."""

    id: str
    item: OrderItem = attrs.field(repr=False)
    chosen: ChosenTicket
    voucher: str | None = attrs.field(repr=False)
    seat: int | None
    status: str
    beneficiary: dict[str, Any] | None = attrs.field(default=None, repr=False)

    @property
    def iri(self) -> str:
        """Address."""
        return f"{self.item.order.iri}/items/{self.item.id}/tickets/{self.id}"

    @property
    def organization(self) -> Organization:
        """Who ordered."""
        return self.item.order.organization

    @property
    def still_asked(self) -> tuple[str, ...]:
        """Demanded beneficiary fields that are not supplied yet."""
        given = self.beneficiary or {}
        return tuple(name for name in self.chosen.ticket.asked if not given.get(name))


@attrs.define(eq=False, kw_only=True)
class Document:
    """A file of an order."""

    id: str
    order: Order = attrs.field(repr=False)

    @property
    def iri(self) -> str:
        """Address."""
        return f"{self.order.iri}/documents/{self.id}"

    @property
    def organization(self) -> Organization:
        """Who ordered."""
        return self.order.organization
