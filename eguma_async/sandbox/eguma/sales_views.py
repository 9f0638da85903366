"""Orders, tickets and bookings as JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs

from .local_time import seconds_text, wall_clock
from .options import EgumaOptions
from .sales import Order, Ticket


def booking_json(order: Order, options: EgumaOptions) -> dict[str, Any]:
    """Return the response to a booking."""
    shown: dict[str, Any] = {"booking_id": order.id, "booking_reference": order.number}
    if options.generation == "B" and options.language_field is not None:
        shown[options.language_field] = order.language
    shown["tickets"] = [
        {"ticket_number": ticket.number, "category_id": ticket.category.id}
        for ticket in order.tickets
    ]
    return shown


def order_json(order: Order, options: EgumaOptions) -> dict[str, Any]:
    """Return an order as an element of the list."""
    stamp = _stamper(options)
    customer = None if order.customer is None else attrs.asdict(order.customer)
    return {
        "id": order.id,
        "created_at": stamp(order.created_at),
        "updated_at": stamp(order.updated_at),
        "order_number": order.number,
        "status": order.status,
        "currency": order.merchant.currency,
        "language": order.language,
        "location": order.location,
        "discount_in_cents": order.discount_in_cents,
        "grand_total_in_cents": order.grand_total_in_cents,
        "promocode": order.promocode,
        "promocode_name": order.promocode_name,
        "customer": customer,
        "order_lines": _lines(order),
        "payments": [attrs.asdict(payment) for payment in order.payments],
        "tags": list(order.tags),
        "note": order.note,
    }


def ticket_json(order: Order, ticket: Ticket, options: EgumaOptions) -> dict[str, Any]:
    """Return the information about one ticket."""
    stamp = _stamper(options)
    checked_in_at = ticket.checked_in_at
    return {
        "id": ticket.id,
        "ticket_number": ticket.number,
        "created_at": stamp(order.created_at),
        "price_in_cents": ticket.price_in_cents,
        "is_checked_in": checked_in_at is not None,
        "checked_in_at": None if checked_in_at is None else stamp(checked_in_at),
        "event_or_admission_id": order.product.id,
    }


def _stamper(options: EgumaOptions) -> Callable[[datetime], str]:
    return lambda moment: seconds_text(wall_clock(moment, options.updated_at_zone))


def _lines(order: Order) -> list[dict[str, Any]]:
    by_category: dict[str, list[Ticket]] = {}
    for ticket in order.tickets:
        by_category.setdefault(ticket.category.id, []).append(ticket)
    return [_line(order, tickets) for tickets in by_category.values()]


def _line(order: Order, tickets: list[Ticket]) -> dict[str, Any]:
    first = tickets[0]
    return {
        "product_id": order.product.id,
        "name": order.product.name_translations.get(order.language, order.product.name),
        "starts_at": seconds_text(order.starts_at),
        "ticket_type_id": first.category.ticket_type_id,
        "ticket_type_name": first.category.name,
        "unit_price_in_cents": first.price_in_cents,
        "quantity": len(tickets),
        "total_price_in_cents": sum(ticket.price_in_cents for ticket in tickets),
        "total_count_people": len(tickets),
        "tags": [],
        "tickets": [
            {
                "number": ticket.number,
                "count_people": 1,
                "answers": [dict(answer) for answer in ticket.answers],
            }
            for ticket in tickets
        ],
    }
