"""The endpoints that sell: holds and bookings, and taking them back."""

from __future__ import annotations

from typing import Any

import attrs

from eguma_async.sandbox.engine.messages import SandboxRequest, SandboxResponse, json_response

from .catalog import Product, Slot
from .local_time import instant, ticks_text, wall_clock
from .refusals import RefusedError, invalid, refused
from .reservation_checks import (
    CustomerInput,
    Selection,
    check_items,
    check_limits,
    choose_language,
    parse_customer,
    parse_object,
    parse_selection,
    sold_out,
    text_member,
)
from .sales import Customer, Order, Ticket
from .state import Caller, State
from .stock import HOLD_TIME, Hold, Items, places


def reserve(state: State, caller: Caller, request: SandboxRequest, _: str) -> SandboxResponse:
    """Set places aside for 60 minutes."""
    if state.options.refuse_key_on_reservation and "idempotency-key" in request.headers:
        raise invalid("Idempotency-Key must not be sent here.")
    selection = parse_selection(parse_object(request.body), state.options)
    product = state.product_for(caller, selection.product_id)
    slot = state.slot_for_sale(product, selection.starts_at)
    check_items(selection.items, product, slot)
    if state.options.limits_on_reservation:
        check_limits(selection.items, slot, state.options)
    _check_places(state, product, slot, selection.items)
    hold = Hold(
        state.ids.of_generation(state.options.generation),
        caller.user.id,
        product,
        slot.starts_at,
        selection.items,
        state.now() + HOLD_TIME,
    )
    state.stock.hold(hold)
    expires_at = wall_clock(hold.expires_at, state.options.expires_at_zone)
    return _success(state, {"reservation_id": hold.id, "expires_at": ticks_text(expires_at)})


def cancel_reservation(
    state: State, caller: Caller, request: SandboxRequest, _: str
) -> SandboxResponse:
    """Give the places of a hold back at once."""
    hold_id = text_member(parse_object(request.body), "reservation_id")
    hold = state.stock.holds.get(hold_id)
    if hold is None or hold.user_id != caller.user.id or not hold.is_active(state.now()):
        raise refused(404, "The reservation was not found.")
    state.stock.release(hold, "cancelled")
    return _success(state, {"reservation_id": hold.id})


def book(state: State, caller: Caller, request: SandboxRequest, _: str) -> SandboxResponse:
    """Sell tickets, with or without a hold."""
    members = parse_object(request.body)
    selection = parse_selection(members, state.options)
    customer = parse_customer(members)
    product = state.product_for(caller, selection.product_id)
    language = choose_language(members, product, state.options)
    slot = state.slot_for_sale(product, selection.starts_at)
    check_items(selection.items, product, slot)
    check_limits(selection.items, slot, state.options)
    hold = _hold_of(state, caller, members)
    if hold is not None:
        _check_match(state, hold, selection, slot)
    _check_places(state, product, slot, selection.items, hold)
    # Nothing can be refused from here on, so a refused booking has left no trace.
    if hold is not None:
        state.stock.release(hold, "booked")
    order = _issue(state, caller, _Sale(product, slot, selection.items, customer, language))
    return _success(state, _booking_json(state, order))


def cancel_booking(
    state: State, caller: Caller, request: SandboxRequest, _: str
) -> SandboxResponse:
    """Cancel all tickets of a booking."""
    order = state.book.orders.get(text_member(parse_object(request.body), "booking_id"))
    if order is None or not _may_cancel(state, caller, order):
        raise refused(404, "The booking was not found.")
    _check_cancellable(state, order)
    order.status = "cancelled"
    order.touch(state.now())
    state.stock.sell(order.product, order.starts_at, -len(order.tickets))
    cancelled = [{"ticket_number": ticket.number} for ticket in order.tickets]
    shown = {"booking_id": order.id, "booking_reference": order.number}
    return _success(state, {**shown, "cancelled_tickets": cancelled})


def _check_places(
    state: State, product: Product, slot: Slot, items: Items, hold: Hold | None = None
) -> None:
    free = state.stock.free(product, slot, state.now(), besides=hold)
    if free is not None and places(items) > free:
        raise sold_out(state.options)


def _hold_of(state: State, caller: Caller, members: dict[str, Any]) -> Hold | None:
    if members.get("reservation_id") is None:
        return None
    hold = state.stock.holds.get(text_member(members, "reservation_id"))
    if hold is None or hold.user_id != caller.user.id or hold.state != "held":
        raise refused(state.options.unknown_hold_status, "The reservation was not found.")
    if not hold.is_active(state.now()):
        raise refused(state.options.expired_hold_status, "The reservation has expired.")
    return hold


def _check_match(state: State, hold: Hold, selection: Selection, slot: Slot) -> None:
    if hold.product.id != selection.product_id or hold.starts_at != slot.starts_at:
        raise invalid("The reservation is for another product or slot.")
    same = {item for item in hold.items if item[1]} == {item for item in selection.items if item[1]}
    if state.options.hold_must_match and not same:
        raise invalid("The reservation is for other items.")


@attrs.frozen(repr=False)
class _Sale:
    """A booking that cannot be refused any more."""

    product: Product
    slot: Slot
    items: Items
    customer: CustomerInput
    language: str


def _issue(state: State, caller: Caller, sale: _Sale) -> Order:
    now, ids, generation = state.now(), state.ids, state.options.generation
    person = sale.customer
    order = Order(
        id=ids.of_generation(generation),
        number=ids.order_number(generation),
        merchant=caller.merchant,
        product=sale.product,
        starts_at=sale.slot.starts_at,
        tickets=issue_tickets(state, sale.product, sale.slot, sale.items),
        language=sale.language,
        created_at=now,
        updated_at=now,
        location=state.options.booking_location,
        customer=Customer(ids.hexadecimal(), person.first_name, person.last_name, person.email),
        user_id=caller.user.id,
    )
    state.book.add(order)
    state.stock.sell(sale.product, order.starts_at, len(order.tickets))
    return order


def issue_tickets(state: State, product: Product, slot: Slot, items: Items) -> tuple[Ticket, ...]:
    """Make one ticket for each unit of quantity; the items have been checked."""
    categories = {category.id: category for category in product.categories}
    prices = {price.category_id: price.price_in_cents for price in slot.prices}
    return tuple(
        Ticket(
            state.ids.hexadecimal(),
            state.ids.ticket_number(),
            categories[category_id],
            prices[category_id],
        )
        for category_id, quantity in items
        for _ in range(quantity)
    )


def _booking_json(state: State, order: Order) -> dict[str, Any]:
    shown: dict[str, Any] = {"booking_id": order.id, "booking_reference": order.number}
    if state.options.generation == "B" and state.options.language_field is not None:
        shown[state.options.language_field] = order.language
    shown["tickets"] = [
        {"ticket_number": ticket.number, "category_id": ticket.category.id}
        for ticket in order.tickets
    ]
    return shown


def _may_cancel(state: State, caller: Caller, order: Order) -> bool:
    if order.user_id is None or order.merchant is not caller.merchant:
        return False
    return state.options.generation == "A" or order.user_id == caller.user.id


def _check_cancellable(state: State, order: Order) -> None:
    strict = not state.options.check_out_allows_cancel
    if order.status == "cancelled":
        raise _not_cancellable(state, "The booking has already been cancelled.")
    if instant(order.starts_at) <= state.now():
        raise _not_cancellable(state, "The booking has already started.")
    if any(ticket.checked_in_at or (strict and ticket.was_in) for ticket in order.tickets):
        raise _not_cancellable(state, "A ticket has already been checked in.")


def _not_cancellable(state: State, message: str) -> RefusedError:
    return RefusedError(
        state.options.not_cancellable_status, state.options.not_cancellable_code, message
    )


def _success(state: State, value: dict[str, Any]) -> SandboxResponse:
    return json_response(state.options.success_status, value)
