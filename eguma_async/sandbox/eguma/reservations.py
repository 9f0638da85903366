"""The reservations: places set aside for an hour, and given back."""

from __future__ import annotations

from eguma_async.sandbox.engine.messages import SandboxResponse, json_response

from .local_time import ticks_text, wall_clock
from .refusals import invalid, refused
from .request_checks import parse_object, text_member
from .reservation_checks import check_items, check_limits, check_places, parse_selection
from .sales import HOLD_TIME, Hold
from .state import Call, State


class Reservations:
    """Sets places aside."""

    def __init__(self, state: State) -> None:
        self._state = state

    def create(self, call: Call) -> SandboxResponse:
        """Set places aside for 60 minutes."""
        state, options = self._state, self._state.options
        if options.refuse_key_on_reservation and "idempotency-key" in call.request.headers:
            raise invalid("Idempotency-Key must not be sent here.")
        selection = parse_selection(parse_object(call.request.body), options)
        product = state.product_for(call.caller, selection.product_id)
        slot = state.slot_for_sale(product, selection.starts_at)
        check_items(selection.items, product, slot)
        if options.limits_on_reservation:
            check_limits(selection.items, slot, options)
        check_places(state, product, slot, selection.items)
        hold = Hold(
            state.ids.of_generation(options.generation),
            call.caller.user.id,
            product,
            slot.starts_at,
            selection.items,
            state.now() + HOLD_TIME,
        )
        state.stock.hold(hold)
        expires_at = ticks_text(wall_clock(hold.expires_at, options.expires_at_zone))
        shown = {"reservation_id": hold.id, "expires_at": expires_at}
        return json_response(options.success_status, shown)

    def cancel(self, call: Call) -> SandboxResponse:
        """Give the places of a hold back at once."""
        state = self._state
        hold_id = text_member(parse_object(call.request.body), "reservation_id")
        hold = state.stock.holds.get(hold_id)
        if hold is None or hold.user_id != call.caller.user.id or not hold.is_active(state.now()):
            raise refused(404, "The reservation was not found.")
        state.stock.release(hold, "cancelled")
        return json_response(state.options.success_status, {"reservation_id": hold.id})
