"""The merchant's endpoints: the list of orders, check-in and check-out, ticket information."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from eguma_async.sandbox.engine.messages import SandboxRequest, SandboxResponse, json_response

from .catalog import Merchant
from .local_time import parse_local, wall_clock
from .refusals import invalid, refused
from .sales import Order, Ticket, order_json, ticket_json
from .state import Caller, State


def list_orders(state: State, caller: Caller, request: SandboxRequest, _: str) -> SandboxResponse:
    """Answer with the merchant's orders that fit all filters."""
    if not state.options.orders_allowed:
        raise refused(403, "This API key may not read orders.")
    after = _moment(request, "updated_at_after")
    before = _moment(request, "updated_at_before")
    number = request.parameter("order_number")
    last_name = request.parameter("last_name")
    newest = state.now() - timedelta(seconds=state.options.orders_delay_seconds)
    found = [
        order_json(order, state.options)
        for order in state.book.of_merchant(caller.merchant)
        if order.created_at <= newest
        and _is_within(_shown_update(state, order), after, before)
        and number in (None, order.number)
        and _has_last_name(order, last_name)
    ]
    return json_response(200, found)


def check_in(state: State, caller: Caller, request: SandboxRequest, number: str) -> SandboxResponse:
    """Let a ticket in; a refusal is a success with a code."""
    return json_response(200, enter(state, caller.merchant, number))


def check_out(
    state: State, caller: Caller, request: SandboxRequest, number: str
) -> SandboxResponse:
    """Let a ticket out again; a refusal is a success with a code."""
    return json_response(200, leave(state, caller.merchant, number))


def ticket_info(
    state: State, caller: Caller, request: SandboxRequest, number: str
) -> SandboxResponse:
    """Answer with what is known about one ticket."""
    found = state.book.with_ticket(number, caller.merchant)
    if found is None:
        raise refused(state.options.unknown_ticket_status, "The ticket was not found.")
    return json_response(200, ticket_json(*found, state.options))


def enter(state: State, merchant: Merchant, number: str) -> dict[str, Any]:
    """Check a ticket in and return the answer."""
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
    """Check a ticket out and return the answer."""
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


def _moment(request: SandboxRequest, name: str) -> datetime | None:
    text = request.parameter(name)
    moment = None if text is None else parse_local(text)
    if text is not None and moment is None:
        raise invalid(f"{name} must have the form 2019-06-04T23:15:14.")
    return moment


def _shown_update(state: State, order: Order) -> datetime:
    local = wall_clock(order.updated_at, state.options.updated_at_zone)
    return local.replace(microsecond=0)


def _is_within(moment: datetime, after: datetime | None, before: datetime | None) -> bool:
    return (after is None or moment >= after) and (before is None or moment < before)


def _has_last_name(order: Order, last_name: str | None) -> bool:
    if last_name is None:
        return True
    return order.customer is not None and order.customer.last_name == last_name
