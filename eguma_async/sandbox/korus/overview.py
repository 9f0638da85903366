"""What there is in the sandbox, to be looked at."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

from .catalog import Catalog, Offer, Organization, TicketSession
from .options import KorusOptions
from .routes import Router
from .sales import Order, Reservation
from .state import Record, State

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


class Overview:
    """The part of the back office that reads. Ids and IRIs are taken alike.

    One that does not exist raises LookupError.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._router = Router(state)
        self._examples: dict[str, Offer] = {}

    @property
    def organizations(self) -> tuple[Organization, ...]:
        """All organizations with their credentials: the demo one, another, one without catalog."""
        return tuple(self._state.organizations)

    @property
    def demo_client(self) -> tuple[str, str]:
        """Client id and secret of the demo organization."""
        first = self._state.organizations[0]
        return first.client_id, first.client_secret

    @property
    def catalogs(self) -> tuple[Catalog, ...]:
        """All catalogs."""
        return tuple(self._state.catalogs)

    @property
    def reservations(self) -> tuple[Reservation, ...]:
        """All reservations, oldest first, expired ones included."""
        self._state.expire()
        return tuple(self._state.reservations)

    @property
    def orders(self) -> tuple[Order, ...]:
        """All orders, oldest first, cancelled ones included."""
        return tuple(self._state.orders)

    @property
    def example_names(self) -> tuple[str, ...]:
        """Names that `example` takes."""
        return tuple(self._examples)

    def example(self, name: str, *, quantity: int = 1, session: int = 0) -> Example:
        """Return the offer that stands for a situation, with a request item for it.

        Args:
            name: One of `example_names`.
            quantity: Units in the item.
            session: Which session to choose, from 0, where one has to be chosen.

        Raises:
            LookupError: There is no such name.
        """
        if name not in self._examples:
            raise LookupError(f"no example {name}; there is {', '.join(self._examples)}")
        offer = self._examples[name]
        choices = [
            {"ticket": ticket.iri}
            if ticket.whole_day
            else {"ticket": ticket.iri, "session": ticket.sessions[session].iri}
            for ticket in offer.tickets
        ]
        item = {"quantity": quantity, "offer": offer.iri, "ticketSessions": choices}
        return Example(name, offer.iri, offer.catalog.iri, offer.product.iri, item)

    def offer(self, offer: str) -> Offer:
        """Return an offer by its IRI, its id or the name of its example.

        Raises:
            LookupError: There is none.
        """
        self._state.expire()
        return self._examples[offer] if offer in self._examples else self._get(Offer, offer)

    def availability(self, offer_or_session: str) -> int | None:
        """Return what is left of an offer or a session; None without limit."""
        return self._pool(offer_or_session).available

    available = availability
    """An earlier name of `availability`."""

    @property
    def tokens_issued(self) -> int:
        """How many access tokens were handed out."""
        return self._router.identity.issued

    @property
    def options(self) -> KorusOptions:
        """The switches; set a changed copy to change them."""
        return self._state.options

    @options.setter
    def options(self, options: KorusOptions) -> None:
        self._state.options = options

    def _pool(self, offer_or_session: str) -> Offer | TicketSession:
        try:
            return self.offer(offer_or_session)
        except LookupError:
            return self._get(TicketSession, offer_or_session)

    def _get(self, kind: type[R], id_or_iri: str) -> R:
        found = self._state.find(id_or_iri)
        if isinstance(found, kind):
            return found
        for record in self._state.records():
            if isinstance(record, kind) and record.id == id_or_iri:
                return record
        raise LookupError(f"no {kind.__name__} has this id")
