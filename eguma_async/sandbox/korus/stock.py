"""Units and seats: how many are taken, and until when."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime

from .catalog import Offer
from .sales import ChosenTicket, HeldItem, HeldTicket, Reservation


class Stock:
    """What reservations and orders take out of offers and sessions.

    A reservation that lives is a promise. It can be ordered even if the stock was lowered below
    what is taken; nothing else is reserved until units are free again.
    """

    def __init__(self) -> None:
        self._deadlines: list[tuple[datetime, int, Reservation]] = []
        self._watched = 0

    def has_room(self, offer: Offer, chosen: Iterable[ChosenTicket], quantity: int) -> bool:
        """Tell whether units of an offer can be held, with a place for each in every session."""
        limits = [offer.available]
        limits += [choice.session.available for choice in chosen if choice.session is not None]
        return all(limit is None or quantity <= limit for limit in limits)

    def take(self, offer: Offer, chosen: Iterable[ChosenTicket], quantity: int) -> HeldItem:
        """Take units out of the stock at the present price."""
        offer.taken += quantity
        held = tuple(_hold_ticket(choice, quantity) for choice in chosen)
        return HeldItem(offer, quantity, offer.price, offer.amount_without_tax, held)

    def watch(self, reservation: Reservation) -> None:
        """Return the stock of a reservation once its time is over."""
        self._watched += 1
        heapq.heappush(self._deadlines, (reservation.expires_at, self._watched, reservation))

    def release(self, reservation: Reservation) -> None:
        """Return the stock of a reservation, once."""
        if not reservation.holding:
            return
        reservation.holding = False
        for item in reservation.items:
            item.offer.taken -= item.quantity
            for held in item.tickets:
                _release_ticket(held, item.quantity)

    def expire(self, now: datetime) -> None:
        """Return the stock of all reservations whose time is over."""
        while self._deadlines and self._deadlines[0][0] <= now:
            reservation = heapq.heappop(self._deadlines)[2]
            if reservation.order is None:
                self.release(reservation)


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
