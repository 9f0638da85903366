"""The reservation operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eguma_async.sandbox.engine.messages import SandboxResponse

from .call import KorusCall, ld_response
from .lookups import named_in_path
from .pages import collection, ordered
from .reservation_checks import CheckedItem, read_items
from .sales import HeldItem, Reservation
from .sales_views import BookingViews
from .state import State

NO_STOCK = "Not enough stock"
TOO_LARGE = "Quantity too large"
MAXIMUM_QUANTITY = 1000
"""Most units of one item, to keep an order's tickets within reason where no stock limits them."""


class Reservations:
    """Holds offers for a while."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._views = BookingViews(state)

    def create(self, call: KorusCall) -> SandboxResponse:
        """Hold all items that the issuers' systems accept, or refuse the whole request."""
        wanted = read_items(self._state, call)
        held: list[HeldItem] = []
        failed: list[dict[str, Any]] = []
        for item in wanted:
            message = self._refusal(item)
            if message is None:
                held.append(self._state.stock.take(item.offer, item.chosen, item.quantity))
            else:
                failed.append(self._failure(item, message))
        made = [self._state.hold(call.caller, group) for group in self._groups(held)]
        arrays = {
            "reservations": [self._views.reservation(reservation) for reservation in made],
            "failedReservations": failed,
        }
        return ld_response(self._views.bulk(call.origin, "CreateReservationBulkOutput", arrays))

    def list_reservations(self, call: KorusCall) -> SandboxResponse:
        """List the organization's reservations."""
        mine = (r for r in self._state.reservations if r.organization is call.caller)
        listed = ordered(call, mine, "createdAt", lambda reservation: reservation.created_at)
        return ld_response(
            collection(
                call,
                "BookingReservation",
                listed,
                self._views.reservation,
                filters=("order[createdAt]",),
            )
        )

    def get(self, call: KorusCall) -> SandboxResponse:
        """Return one reservation."""
        reservation = named_in_path(self._state, call, Reservation, call.path)
        shown = self._views.reservation(reservation)
        return ld_response({"@context": "/contexts/BookingReservation", **shown})

    def _refusal(self, item: CheckedItem) -> str | None:
        if item.quantity > MAXIMUM_QUANTITY:
            return TOO_LARGE
        if not self._state.stock.has_room(item.offer, item.chosen, item.quantity):
            return NO_STOCK
        return item.offer.fails("reservation")

    def _failure(self, item: CheckedItem, message: str) -> dict[str, Any]:
        members = {"offer": item.offer.iri, "quantity": item.quantity, "message": message}
        return self._views.failure("FailedReservation", members)

    def _groups(self, held: Sequence[HeldItem]) -> list[list[HeldItem]]:
        if self._state.options.reservation_per == "item":
            return [[item] for item in held]
        groups: dict[str, list[HeldItem]] = {}
        for item in held:
            groups.setdefault(item.offer.catalog.id, []).append(item)
        return list(groups.values())
