"""The issuer's side of the simulated Korus: what its API cannot do, through Python methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from eguma_async.sandbox.engine.checks import COUNT, DURATION, TEXT
from eguma_async.sandbox.engine.commands import NO_CHANGES
from eguma_async.sandbox.engine.errors import NoSuchRecordError

from . import ids
from .catalog import CENT, Failure, Offer
from .overview import Overview
from .people import CUSTOMER_TEXTS, check_customer, read_customer
from .refusals import RefusedError
from .sales import ChosenTicket, Order, Reservation

HIGHEST_PRICE = 1_000_000_000


class BackOffice(Overview):
    """Reads and changes the state of a sandbox. Ids and IRIs are taken alike.

    One that does not exist raises `NoSuchRecordError`.
    """

    # What the issuer does

    def set_price(self, offer: str, price: Decimal | str) -> None:
        """Change what a unit costs from now on, tax included; reservations keep their price.

        Raises:
            ValueError: The price is not an amount with at most two decimals.
        """
        found = self.offer(offer)
        try:
            amount = Decimal(price)
            exact = 0 <= amount <= HIGHEST_PRICE and amount == amount.quantize(CENT)
        except ArithmeticError:
            exact = False
        if not exact:
            raise ValueError("a price is an amount such as 80.00")
        found.price = amount
        found.price_without_tax = None

    def set_capacity(self, offer_or_session: str, capacity: int | None) -> None:
        """Set how much of an offer or a session can be sold in all; None for no limit.

        What is reserved and ordered stays so, also above the capacity: a reservation that lives
        can be ordered, and nothing else is reserved until units are free again.

        Raises:
            NoSuchRecordError: There is no such offer or session.
            ValueError: The number is negative, or a session shall have no limit.
        """
        COUNT.or_null()("capacity", capacity)
        pool = self._pool(offer_or_session)
        if isinstance(pool, Offer):
            pool.stock = capacity
        elif capacity is None:
            raise ValueError("sessions are always limited")
        else:
            pool.stock = capacity

    set_stock = set_capacity
    """An earlier name of `set_capacity`."""

    def set_active(self, offer: str, is_active: bool) -> None:
        """Put the product of an offer on sale, or take it off."""
        self.offer(offer).product.switched_off = not is_active

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
            ValueError: `at` is none of these.
        """
        found = self.offer(offer)
        if at not in {None, "reservation", "ordering"}:
            raise ValueError("at must be reservation, ordering or null")
        found.failure = None if at is None else Failure(at=at, times=times, message=message)

    def set_hold(self, offer: str, seconds: int | None) -> None:
        """Set how long reservations of an offer live; None for the sandbox's default.

        Raises:
            ValueError: It is no whole number above 0.
        """
        found = self.offer(offer)
        DURATION.or_null()("seconds", seconds)
        found.hold = None if seconds is None else timedelta(seconds=seconds)

    def release_reservation(self, reservation: str) -> None:
        """End a reservation now: it expires, and its stock returns.

        Raises:
            ValueError: It was ordered.
        """
        found = self._get(Reservation, reservation)
        if found.order is not None:
            raise ValueError("this reservation was ordered; cancel the order")
        found.expires_at = min(found.expires_at, self._state.now())
        self._state.stock.release(found)

    def cancel_order(self, order: str) -> None:
        """Cancel an order and return its stock; a second time changes nothing."""
        found = self._get(Order, order)
        if found.cancelled_at is None:
            found.cancelled_at = self._state.now()
            self._state.stock.release(found.reservation)

    def update_order(
        self,
        order: str,
        *,
        customer: Mapping[str, object] = NO_CHANGES,
        notes: str | None = None,
        external_reference: str | None = None,
    ) -> None:
        """Edit an order.

        Args:
            order: Id or IRI.
            customer: Members of the customer to change, by their names in the API.
            notes: New remark; None leaves it.
            external_reference: New reference; None leaves it.

        Raises:
            NoSuchRecordError: There is no such order.
            ValueError: A member does not exist, or its value is wrong.
        """
        found = self._get(Order, order)
        changed = _with_changes(found.customer, customer)
        for name, text in (("notes", notes), ("external_reference", external_reference)):
            TEXT.or_null()(name, text)
        found.customer = changed
        found.notes = found.notes if notes is None else notes
        if external_reference is not None:
            found.external_reference = external_reference

    def hold_example(self, reservation: str) -> Reservation:
        """Hold one unit of the first example under a given reservation id.

        So an order request out of a documentation can be sent as it is printed.

        Raises:
            NoSuchRecordError: There is no example, or no organization to hold it.
            ValueError: The id is taken, or is no UUID, or nothing is left to hold.
        """
        reservation_id = ids.last_segment(reservation)
        iri = f"{ids.RESERVATIONS}/{reservation_id}"
        if not ids.matches(ids.RESERVATION_PATTERN, iri) or self._state.find(iri) is not None:
            raise ValueError("give the id of a reservation that does not exist yet")
        offer = next((offer for offer in self.offers() if offer.label), None)
        if offer is None:
            raise NoSuchRecordError("there is no example")
        organization = self._first_organization()
        chosen = [ChosenTicket(t, t.sessions[0] if t.sessions else None) for t in offer.tickets]
        if not self._state.stock.has_room(offer, chosen, 1):
            raise ValueError("the example is sold out")
        held = self._state.stock.take(offer, chosen, 1)
        return self._state.hold(organization, [held], reservation_id)

    # Tokens and failures

    def revoke_tokens(self) -> None:
        """Make all tokens invalid at once, refresh tokens included."""
        self._state.tokens.revoke_all()

    def reshape_failures(self, reshape: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Choose what the elements of ``failedReservations`` and ``failedOrders`` look like.

        Args:
            reshape: Takes an element as this sandbox makes it and returns what is sent.
        """
        self._state.reshape_failure = reshape


def _with_changes(customer: Mapping[str, Any], changes: Mapping[str, object]) -> Mapping[str, Any]:
    if unknown := sorted(changes.keys() - {*CUSTOMER_TEXTS, "optin"}):
        raise ValueError(f"a customer has no {', '.join(unknown)}")
    try:
        changed = {**customer, **read_customer(dict(changes))}
    except RefusedError as error:
        raise ValueError(error.detail) from None
    for name in CUSTOMER_TEXTS:
        TEXT.or_null()(f"customer.{name}", changed.get(name))
    if broken := check_customer(changed):
        raise ValueError("; ".join(f"{v.path}: {v.constraint.en}" for v in broken))
    return changed
