"""What there is in the sandbox, to be looked at."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeVar

import attrs

from eguma_async.sandbox.engine.errors import NoSuchRecordError

from .builder import Builder
from .catalog import Catalog, Offer, Organization, TicketSession
from .options import KorusOptions
from .sales import Order, Reservation
from .state import Record

R = TypeVar("R", bound=Record)


@attrs.frozen
class Example:
    """An offer that stands for a situation, ready to be reserved.

    Attributes:
        name: Name of the situation, such as ``"sold_out"``.
        offer: IRI of the offer.
        catalog: IRI of its catalog.
        product: IRI of its product.
        item: An entry for ``items`` of a reservation request; its sessions are the first ones.
    """

    name: str
    offer: str
    catalog: str
    product: str
    item: dict[str, Any]


class Overview(Builder):
    """The part of the back office that reads. Ids and IRIs are taken alike.

    One that does not exist raises `NoSuchRecordError`.
    """

    @property
    def demo_client(self) -> tuple[str, str]:
        """Client id and secret of the first organization.

        Raises:
            NoSuchRecordError: No organization was added yet.
        """
        first = self._first_organization()
        return first.client_id, first.client_secret

    @property
    def example_names(self) -> tuple[str, ...]:
        """Names that `example` takes."""
        return tuple(offer.label for offer in self.offers() if offer.label)

    def example(self, name: str, *, quantity: int = 1, session: int = 0) -> Example:
        """Return the offer that stands for a situation, with a request item for it.

        Args:
            name: One of `example_names`.
            quantity: Units in the item.
            session: Which session to choose, from 0, where one has to be chosen.

        Raises:
            NoSuchRecordError: There is no such name.
        """
        offer = self._labelled(name)
        if offer is None:
            there_is = ", ".join(self.example_names) or "none"
            raise NoSuchRecordError(f"no example {name}; there is {there_is}")
        choices = [
            {"ticket": ticket.iri}
            if ticket.whole_day
            else {"ticket": ticket.iri, "session": ticket.sessions[session].iri}
            for ticket in offer.tickets
        ]
        item = {"quantity": quantity, "offer": offer.iri, "ticketSessions": choices}
        return Example(name, offer.iri, offer.catalog.iri, offer.product.iri, item)

    def today(self) -> date:
        """Return the venues' date."""
        return self._state.today()

    def organizations(self) -> tuple[Organization, ...]:
        """Return all organizations with their credentials."""
        return tuple(self._state.organizations)

    def catalogs(self) -> tuple[Catalog, ...]:
        """Return all catalogs."""
        return tuple(self._state.catalogs)

    def offers(self) -> tuple[Offer, ...]:
        """Return the offers of all catalogs."""
        self._state.expire()
        return tuple(offer for catalog in self._state.catalogs for offer in catalog.offers)

    def offer(self, offer: str) -> Offer:
        """Return an offer by its IRI, its id or the name of its example."""
        self._state.expire()
        return self._labelled(offer) or self._get(Offer, offer)

    def availability(self, offer_or_session: str) -> int | None:
        """Return what is left of an offer or a session; None without limit."""
        return self._pool(offer_or_session).available

    available = availability
    """An earlier name of `availability`."""

    def holds(self) -> tuple[Reservation, ...]:
        """Return the reservations that still stand, oldest first."""
        now = self._state.now()
        return tuple(
            made for made in self.reservations() if made.order is None and not made.expired(now)
        )

    def reservations(self) -> tuple[Reservation, ...]:
        """Return all reservations, oldest first, those that ended included."""
        self._state.expire()
        return tuple(self._state.reservations)

    def orders(self) -> tuple[Order, ...]:
        """Return all orders, oldest first, cancelled ones included."""
        return tuple(self._state.orders)

    @property
    def tokens_issued(self) -> int:
        """How many access tokens were handed out."""
        return self._state.tokens.issued

    @property
    def options(self) -> KorusOptions:
        """The switches; set a changed copy to change them."""
        return self._state.options

    @options.setter
    def options(self, options: KorusOptions) -> None:
        self._state.options = options

    def _first_organization(self) -> Organization:
        for organization in self.organizations():
            return organization
        raise NoSuchRecordError("there is no organization yet: use add_organization")

    def _labelled(self, name: str) -> Offer | None:
        return next((offer for offer in self.offers() if offer.label == name != ""), None)

    def _pool(self, offer_or_session: str) -> Offer | TicketSession:
        try:
            return self.offer(offer_or_session)
        except NoSuchRecordError:
            return self._get(TicketSession, offer_or_session)

    def _get(self, kind: type[R], id_or_iri: str) -> R:
        found = self._state.find(id_or_iri)
        if isinstance(found, kind):
            return found
        for record in self._state.records():
            if isinstance(record, kind) and record.id == id_or_iri:
                return record
        raise NoSuchRecordError(f"no {kind.__name__} has this id")
