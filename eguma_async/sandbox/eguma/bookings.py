"""The bookings: tickets sold, with or without a hold, and taken back."""

from __future__ import annotations

import attrs

from eguma_async.sandbox.engine.messages import SandboxResponse, json_response

from .booking_checks import (
    CustomerInput,
    check_match,
    choose_language,
    find_hold,
    parse_customer,
)
from .catalog import Product, Slot
from .local_time import instant
from .refusals import RefusedError, refused
from .request_checks import parse_object, text_member
from .reservation_checks import check_items, check_limits, check_places, parse_selection
from .sales import Customer, Items, Order, Ticket
from .sales_views import booking_json
from .state import Call, Caller, State


@attrs.frozen(repr=False)
class _Sale:
    """A booking that cannot be refused any more."""

    product: Product
    slot: Slot
    items: Items
    customer: CustomerInput
    language: str


class Bookings:
    """Sells tickets."""

    def __init__(self, state: State) -> None:
        self._state = state

    def create(self, call: Call) -> SandboxResponse:
        """Sell tickets, with or without a hold."""
        state, options = self._state, self._state.options
        members = parse_object(call.request.body)
        selection = parse_selection(members, options)
        customer = parse_customer(members)
        product = state.product_for(call.caller, selection.product_id)
        language = choose_language(members, product, options)
        slot = state.slot_for_sale(product, selection.starts_at)
        check_items(selection.items, product, slot)
        check_limits(selection.items, slot, options)
        hold = find_hold(state, call.caller, members)
        if hold is not None:
            check_match(state, hold, selection, slot)
        check_places(state, product, slot, selection.items, hold)
        # Nothing can be refused from here on, so a refused booking has left no trace.
        if hold is not None:
            state.stock.release(hold, "booked")
        order = self._issue(call.caller, _Sale(product, slot, selection.items, customer, language))
        return json_response(options.success_status, booking_json(order, options))

    def cancel(self, call: Call) -> SandboxResponse:
        """Cancel all tickets of a booking."""
        state = self._state
        order = state.book.orders.get(text_member(parse_object(call.request.body), "booking_id"))
        if order is None or not self._may_cancel(call.caller, order):
            raise refused(404, "The booking was not found.")
        self._check_cancellable(order)
        state.cancel(order)
        shown = {"booking_id": order.id, "booking_reference": order.number}
        cancelled = [{"ticket_number": ticket.number} for ticket in order.tickets]
        return json_response(
            state.options.success_status, {**shown, "cancelled_tickets": cancelled}
        )

    def _issue(self, caller: Caller, sale: _Sale) -> Order:
        state, ids = self._state, self._state.ids
        now, generation, person = state.now(), state.options.generation, sale.customer
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

    def _may_cancel(self, caller: Caller, order: Order) -> bool:
        if order.user_id is None or order.merchant is not caller.merchant:
            return False
        return self._state.options.generation == "A" or order.user_id == caller.user.id

    def _check_cancellable(self, order: Order) -> None:
        strict = not self._state.options.check_out_allows_cancel
        if order.status == "cancelled":
            raise self._not_cancellable("The booking has already been cancelled.")
        if instant(order.starts_at) <= self._state.now():
            raise self._not_cancellable("The booking has already started.")
        if any(ticket.checked_in_at or (strict and ticket.was_in) for ticket in order.tickets):
            raise self._not_cancellable("A ticket has already been checked in.")

    def _not_cancellable(self, message: str) -> RefusedError:
        options = self._state.options
        return RefusedError(options.not_cancellable_status, options.not_cancellable_code, message)


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
