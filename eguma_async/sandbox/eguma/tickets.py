"""The tickets at the gate: check-in, check-out, and what is known of one."""

from __future__ import annotations

from typing import Any

from eguma_async.sandbox.engine.messages import SandboxResponse, json_response

from .catalog import Merchant
from .refusals import refused
from .sales import Order, Ticket
from .sales_views import ticket_json
from .state import Call, State


class Tickets:
    """Lets tickets in and out."""

    def __init__(self, state: State) -> None:
        self._state = state

    def check_in(self, call: Call) -> SandboxResponse:
        """Let a ticket in; a refusal is a success with a code."""
        return json_response(200, enter(self._state, call.caller.merchant, call.parts["number"]))

    def check_out(self, call: Call) -> SandboxResponse:
        """Let a ticket out again; a refusal is a success with a code."""
        return json_response(200, leave(self._state, call.caller.merchant, call.parts["number"]))

    def get(self, call: Call) -> SandboxResponse:
        """Return what is known about one ticket."""
        options = self._state.options
        found = self._state.book.with_ticket(call.parts["number"], call.caller.merchant)
        if found is None:
            raise refused(options.unknown_ticket_status, "The ticket was not found.")
        return json_response(200, ticket_json(*found, options))


def enter(state: State, merchant: Merchant, number: str) -> dict[str, Any]:
    """Check a ticket in and return the body of the response."""
    found = state.book.with_ticket(number, merchant)
    if found is None:
        return _unsuccessful("ticket_not_found")
    order, ticket = found
    if order.status == "cancelled":
        return _unsuccessful("ticket_deleted")
    if ticket.checked_in_at is not None:
        return _unsuccessful("ticket_already_checkedin")
    ticket.checked_in_at, ticket.was_in = state.now(), True
    return _successful(order, ticket)


def leave(state: State, merchant: Merchant, number: str) -> dict[str, Any]:
    """Check a ticket out and return the body of the response."""
    found = state.book.with_ticket(number, merchant)
    if found is None:
        return _unsuccessful("ticket_not_found")
    order, ticket = found
    if order.status == "cancelled":
        return _unsuccessful("ticket_deleted")
    if ticket.checked_in_at is None:
        return _unsuccessful("ticket_not_checkedin")
    ticket.checked_in_at = None
    return _successful(order, ticket)


def _successful(order: Order, ticket: Ticket) -> dict[str, Any]:
    return {
        "is_successful": True,
        "product_id": order.product.id,
        "ticket_type_id": ticket.category.ticket_type_id,
        "unsuccessful_code": None,
        "unsuccessful_message": None,
    }


def _unsuccessful(code: str) -> dict[str, Any]:
    return {"is_successful": False, "unsuccessful_code": code}
