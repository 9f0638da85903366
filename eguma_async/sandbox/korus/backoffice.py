"""The issuer's side of the simulated Korus: what its API cannot do, through Python methods."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

import attrs

from . import ids
from .catalog import CENT, Catalog, Failure, Offer, Organization, TicketSession
from .options import KorusOptions
from .routes import Router
from .sales import ChosenTicket, Order, Reservation
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


class BackOffice:
    """Reads and changes the state of a sandbox. Ids and IRIs are taken alike."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._router = Router(state)
        self._examples: dict[str, Offer] = {}

    # Who and what there is

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

    def available(self, offer_or_session: str) -> int | None:
        """Return what is left of an offer or a session; None without limit."""
        return self._pool(offer_or_session).available

    # What the issuer does

    def set_price(self, offer: str, price: Decimal | str) -> None:
        """Change what a unit costs from now on, tax included; reservations keep their price.

        Raises:
            LookupError: There is no such offer.
            ValueError: The price is not an amount with at most two decimals.
        """
        found = self.offer(offer)
        try:
            amount = Decimal(price)
            exact = amount.is_finite() and amount >= 0 and amount == amount.quantize(CENT)
        except ArithmeticError:
            exact = False
        if not exact:
            raise ValueError("a price is an amount such as 80.00")
        found.price = amount
        found.price_without_tax = None

    def set_stock(self, offer_or_session: str, stock: int | None) -> None:
        """Set how much of an offer or a session can be sold in all; what is taken stays taken.

        Raises:
            LookupError: There is no such offer or session.
            ValueError: The number is negative, or a session shall have no limit.
        """
        pool = self._pool(offer_or_session)
        if stock is not None and stock < 0:
            raise ValueError("a stock cannot be negative")
        if isinstance(pool, Offer):
            pool.stock = stock
        elif stock is None:
            raise ValueError("sessions are always limited")
        else:
            pool.stock = stock

    def fail_offer(
        self,
        offer: str,
        at: str | None = "reservation",
        *,
        times: int | None = None,
        message: str = "Refused by the issuer's system",
    ) -> None:
        """Let the issuer's system fail for an offer.

        Args:
            offer: IRI, id or example name.
            at: ``"reservation"`` or ``"ordering"``; None to let it work again.
            times: How often it fails; None for always.
            message: What the failure says.

        Raises:
            LookupError: There is no such offer.
            ValueError: `at` is none of these.
        """
        found = self.offer(offer)
        if at not in {None, "reservation", "ordering"}:
            raise ValueError("at must be reservation, ordering or null")
        found.failure = None if at is None else Failure(at=at, times=times, message=message)

    def set_hold(self, offer: str, seconds: int | None) -> None:
        """Set how long reservations of an offer live; None for the sandbox's default.

        Raises:
            LookupError: There is no such offer.
            ValueError: The number is not above 0.
        """
        found = self.offer(offer)
        if seconds is not None and seconds <= 0:
            raise ValueError("a hold must last more than 0 seconds")
        found.hold = None if seconds is None else timedelta(seconds=seconds)

    def release_reservation(self, reservation: str) -> None:
        """End a reservation now: it expires, and its stock returns.

        Raises:
            LookupError: There is no such reservation.
            ValueError: It was ordered.
        """
        found = self._get(Reservation, reservation)
        if found.order is not None:
            raise ValueError("this reservation was ordered; cancel the order")
        found.expires_at = min(found.expires_at, self._state.now())
        self._state.release(found)

    def cancel_order(self, order: str) -> None:
        """Cancel an order and return its stock; a second time changes nothing.

        Raises:
            LookupError: There is no such order.
        """
        found = self._get(Order, order)
        if found.cancelled_at is None:
            found.cancelled_at = self._state.now()
            self._state.release(found.reservation)

    def hold_example(self, reservation: str) -> Reservation:
        """Hold one unit of the first example under a given reservation id.

        So an order request out of a documentation can be sent as it is printed.

        Raises:
            ValueError: The id is taken, or is no UUID, or nothing is left to hold.
        """
        reservation_id = ids.last_segment(reservation)
        iri = f"{ids.RESERVATIONS}/{reservation_id}"
        if not ids.matches(ids.RESERVATION_PATTERN, iri) or self._state.find(iri) is not None:
            raise ValueError("give the id of a reservation that does not exist yet")
        offer = next(iter(self._examples.values()))
        chosen = [ChosenTicket(t, t.sessions[0] if t.sessions else None) for t in offer.tickets]
        self._state.expire()
        if self._state.shortage(offer, chosen, 1):
            raise ValueError("the example is sold out")
        held = self._state.take(offer, chosen, 1)
        return self._router.reservations.hold(self.organizations[0], [held], reservation_id)

    # Tokens and failures

    @property
    def tokens_issued(self) -> int:
        """How many access tokens were handed out."""
        return self._router.identity.issued

    def revoke_tokens(self) -> None:
        """Make all tokens invalid at once, refresh tokens included."""
        self._router.identity.revoke_all()

    def reshape_failures(self, reshape: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Choose what the elements of ``failedReservations`` and ``failedOrders`` look like.

        Args:
            reshape: Takes an element as this sandbox makes it and returns what is sent.
        """
        self._state.reshape_failure = reshape

    # Options

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
