"""Reservations, orders, their tickets and documents as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .catalog import SEATS_PER_ROW, adjacent
from .catalog_views import money, stamp
from .options import BodyFormat
from .sales import (
    ChosenTicket,
    Document,
    HeldItem,
    HeldTicket,
    Order,
    OrderItem,
    OrderTicket,
    Reservation,
)
from .state import State

CUSTOMER_FIELDS = (
    "firstname",
    "lastname",
    "email",
    "phone",
    "optin",
    "country",
    "language",
    "title",
)


class BookingViews:
    """Shows bookings in the shape of the chosen generation."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def _format(self) -> BodyFormat:
        return self._state.options.body_format

    def bulk(self, base_url: str, type_name: str, arrays: dict[str, Any]) -> dict[str, Any]:
        """Wrap the delivery of a bulk operation."""
        return {
            "@context": {
                "@vocab": f"{base_url}/docs.jsonld#",
                "hydra": "http://www.w3.org/ns/hydra/core#",
                **{name: f"{type_name}/{name}" for name in arrays},
            },
            "@type": type_name,
            "@id": self._state.genid(),
            **arrays,
        }

    def failure(self, type_name: str, members: dict[str, Any]) -> dict[str, Any]:
        """Show what failed within a bulk operation, in the shape chosen for this sandbox."""
        head = {"@type": type_name, "@id": self._state.genid()}
        return self._state.reshape_failure({**head, **members})

    def reservation(self, reservation: Reservation) -> dict[str, Any]:
        """Show a reservation as a member of a list."""
        now = self._state.now()
        expired = reservation.expired(now)
        order = reservation.order
        members: dict[str, Any] = {
            "@id": reservation.iri,
            "@type": "BookingReservation",
            "expired": expired,
            "id": reservation.id,
            "createdAt": stamp(reservation.created_at),
            "totalAmountInclTax": money(reservation.total_incl),
            "totalAmountExclTax": money(reservation.total_excl),
            "expiresAt": stamp(reservation.expires_at),
            "items": [self._held_item(item) for item in reservation.items],
            "organization": f"/v1/ticketing/organizations/{reservation.organization.id}",
            "order": None if order is None else order.iri,
        }
        if self._format.reservation_details:
            members |= {
                "catalog": reservation.catalog.iri,
                "seatsArrangement": _arrangement(reservation),
                "releasable": order is None and not expired,
                "status": "reserved" if reservation.holding else "released",
            }
        return members

    def order(self, order: Order) -> dict[str, Any]:
        """Show an order as a member of a list."""
        reservation = order.reservation
        members: dict[str, Any] = {
            "@id": order.iri,
            "@type": "BookingOrder",
            "id": order.id,
            "createdAt": stamp(order.created_at),
            "organization": f"/v1/organizations/{order.organization.id}",
            "reference": order.reference,
            "externalReference": order.external_reference,
            "totalAmountInclTax": money(reservation.total_incl),
            "totalAmountExclTax": money(reservation.total_excl),
            "reservation": reservation.iri,
            "customer": self._customer(order),
            "items": [self._order_item(item) for item in order.items],
            "documents": [document.iri for document in order.documents],
        }
        if self._format.order_details:
            members |= {
                "catalog": order.catalog.iri,
                "connectorReference": order.connector_reference,
                "status": "confirmed" if order.cancelled_at is None else "cancelled",
                "cancelledAt": stamp(order.cancelled_at),
            }
        if self._format.notes:
            members["notes"] = order.notes
        return members

    def new_order(self, order: Order) -> dict[str, Any]:
        """Show an order in the response that created it."""
        members = self.order(order)
        return {**members, "customer": []} if self._format.empty_customer else members

    def order_ticket(self, ticket: OrderTicket) -> dict[str, Any]:
        """Show a ticket of an order."""
        offered, session = ticket.chosen.ticket, ticket.chosen.session
        members: dict[str, Any] = {
            **self._ticket_head(ticket),
            "ticket": offered.iri,
            "voucher": ticket.voucher,
            "occursAt": None if session is None else stamp(session.occurs_at),
            "requiredBeneficiaryFields": list(ticket.still_asked),
            "beneficiary": self._beneficiary(ticket),
            "beneficiaryDesignationDeadline": stamp(offered.deadline),
            "beneficiaryAmendable": offered.amendable,
            "status": ticket.status,
            "seating": None if ticket.seat is None else self._seating(ticket.chosen, ticket.seat),
        }
        if self._format.event_names:
            members["event"] = offered.name["fr"]
        return members

    def document(self, document: Document) -> dict[str, Any]:
        """Show a document of an order."""
        ready: datetime | None = document.order.documents_from
        return {
            "@id": document.iri,
            "@type": "BookingOrderDocument",
            "id": document.id,
            "downloadableAt": stamp(ready),
        }

    def _held_item(self, item: HeldItem) -> dict[str, Any]:
        members = {"@type": "ReservationItem", "@id": self._state.genid(), **self._amounts(item)}
        if self._format.reservation_details:
            members["date"] = _day(item)
        return members | {
            "offer": item.offer.iri,
            "product": item.offer.product.iri,
            "offerTickets": [self._held_ticket(held) for held in item.tickets],
        }

    def _held_ticket(self, held: HeldTicket) -> dict[str, Any]:
        members: dict[str, Any] = {
            "@type": "ReservationItemOfferTicket",
            "@id": self._state.genid(),
            "ticket": held.chosen.ticket.iri,
        }
        if held.chosen.session is not None:
            members["session"] = held.chosen.session.iri
        elif self._format.null_session:
            members["session"] = None
        if self._format.reservation_details:
            seats = held.seats
            members["seating"] = self._seating(held.chosen, seats[0]) if seats else None
        return members

    def _order_item(self, item: OrderItem) -> dict[str, Any]:
        held, body_format = item.held, self._format
        members: dict[str, Any] = {"@type": "OrderItem", "@id": self._state.genid()}
        if body_format.quantities:
            members["id"] = item.id
        members |= self._amounts(held)
        if body_format.quantities:
            members["totalAmountInclTax"] = money(held.total_incl)
            members["totalAmountExclTax"] = money(held.total_excl)
        if body_format.order_details:
            members["date"] = _day(held)
        members["product"] = held.offer.product.iri
        members["tickets"] = [self.order_ticket(ticket) for ticket in item.tickets]
        return members

    def _amounts(self, item: HeldItem) -> dict[str, Any]:
        incl, excl = money(item.unit_incl), money(item.unit_excl)
        members: dict[str, Any] = {}
        if self._format.unit_amounts:
            members |= {"unitAmountInclTax": incl, "unitAmountExclTax": excl}
        if self._format.plain_amounts:
            members |= {"amountInclTax": incl, "amountExclTax": excl}
        if self._format.quantities:
            members["quantity"] = item.quantity
        return members

    def _ticket_head(self, ticket: OrderTicket) -> dict[str, Any]:
        if self._format.ticket_addresses:
            return {"@id": ticket.iri, "@type": "OrderItemTicketResource", "id": ticket.id}
        return {"@id": self._state.genid(), "@type": "ReservationItemOfferTicket"}

    def _beneficiary(self, ticket: OrderTicket) -> dict[str, Any] | None:
        if ticket.beneficiary is None or self._format.plain_beneficiary:
            return ticket.beneficiary
        head = {"@type": "OrderItemTicketBeneficiary", "@id": self._state.genid()}
        return {**head, **ticket.beneficiary}

    def _customer(self, order: Order) -> dict[str, Any]:
        head = {"@type": "OrderCustomer", "@id": self._state.genid()}
        given = {name: order.customer.get(name) for name in CUSTOMER_FIELDS}
        return {**head, **given, "optin": bool(given["optin"])}

    def _seating(self, chosen: ChosenTicket, seat: int) -> dict[str, Any]:
        row, number = divmod(seat, SEATS_PER_ROW)
        return {
            "@type": "TicketSeating",
            "@id": self._state.genid(),
            "seatNumber": str(number + 1),
            "level": f"{chosen.ticket.stand}/INT-127-128-129-130-131",
            "row": str(row + 1),
            "stand": chosen.ticket.stand,
            "stair": "131",
            "gate": "V",
        }


def _day(item: HeldItem) -> str | None:
    return None if item.offer.date is None else item.offer.date.isoformat()


def _arrangement(reservation: Reservation) -> str:
    blocks = [held.seats for item in reservation.items for held in item.tickets if held.seats]
    if not blocks:
        return "UNKNOWN"
    return "ADJACENT" if all(adjacent(block) for block in blocks) else "NON_ADJACENT"
