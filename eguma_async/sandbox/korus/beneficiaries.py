"""The operations of an order's tickets: naming who will use them."""

from __future__ import annotations

from eguma_async.sandbox.engine.messages import SandboxResponse

from .call import KorusCall, ld_response
from .lookups import named_in_path
from .people import check_beneficiary, read_beneficiary
from .refusals import NOT_AMENDABLE, REQUIRED, TOO_LATE, InvalidError, Violation
from .sales import VALIDATED, OrderTicket
from .sales_views import BookingViews
from .state import State


class Beneficiaries:
    """Takes the names that some tickets demand."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._views = BookingViews(state)

    def get(self, call: KorusCall) -> SandboxResponse:
        """Return one ticket of an order."""
        return self._answer(named_in_path(self._state, call, OrderTicket, call.path))

    def update(self, call: KorusCall) -> SandboxResponse:
        """Set or change the beneficiary of a ticket; members left out keep their value."""
        ticket = named_in_path(self._state, call, OrderTicket, call.path)
        value = call.json_object().get("beneficiary")
        if value is None:
            raise InvalidError([Violation("beneficiary", REQUIRED)])
        merged = {**(ticket.beneficiary or {}), **read_beneficiary(value)}
        violations = self._check_moment(ticket)
        violations += check_beneficiary(merged, ticket.chosen.ticket.asked)
        if violations:
            raise InvalidError(violations)
        ticket.beneficiary = merged
        ticket.status = VALIDATED
        return self._answer(ticket)

    def _check_moment(self, ticket: OrderTicket) -> list[Violation]:
        offered = ticket.chosen.ticket
        violations: list[Violation] = []
        if offered.deadline is not None and self._state.now() > offered.deadline:
            violations.append(Violation("beneficiaryDesignationDeadline", TOO_LATE))
        if ticket.beneficiary is not None and not offered.amendable:
            violations.append(Violation("beneficiaryAmendable", NOT_AMENDABLE))
        return violations

    def _answer(self, ticket: OrderTicket) -> SandboxResponse:
        shown = self._views.order_ticket(ticket)
        return ld_response({"@context": "/contexts/BookingOrderItemTicket", **shown})
