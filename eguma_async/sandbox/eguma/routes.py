"""Which endpoint answers which path."""

from __future__ import annotations

import attrs

from eguma_async.sandbox.engine.messages import SandboxResponse
from eguma_async.sandbox.engine.routing import Endpoint, Routes

from .admissions import Admissions
from .availabilities import Availabilities
from .bookings import Bookings
from .events import Events
from .orders import Orders
from .products import Products
from .refusals import RefusedError
from .reservations import Reservations
from .state import Call, State
from .tickets import Tickets

HELLO = "/v1/hello.json"

_ROOT = "/v1/ticketing"
_TICKET = f"{_ROOT}/tickets/{{number}}"


@attrs.frozen(eq=False)
class EgumaEndpoint(Endpoint[Call]):
    """One operation of e-guma's API.

    Attributes:
        is_keyed: Whether it takes an ``Idempotency-Key``.
        is_old: Whether it is one of the merchant's older endpoints: open to users that are not
            approved for third-party integrations, and with errors in plain text.
    """

    is_keyed: bool = False
    is_old: bool = False

    def error(self, error: RefusedError, old_errors: str) -> SandboxResponse:
        """Return a refusal in the shape this endpoint has for it."""
        is_plain = self.is_old and old_errors == "text"
        return error.plain() if is_plain else error.structured()


def routes(state: State, availabilities: Availabilities) -> Routes[EgumaEndpoint]:
    """Return all endpoints of one sandbox."""
    reservations, bookings, tickets = Reservations(state), Bookings(state), Tickets(state)
    return Routes(
        [
            EgumaEndpoint("GET", f"{_ROOT}/products.json", Products(state).list),
            EgumaEndpoint(
                "GET", f"{_ROOT}/products/{{id}}/availabilities.json", availabilities.list
            ),
            EgumaEndpoint("POST", f"{_ROOT}/reservation.json", reservations.create),
            EgumaEndpoint("POST", f"{_ROOT}/cancel-reservation.json", reservations.cancel),
            EgumaEndpoint("POST", f"{_ROOT}/booking.json", bookings.create, is_keyed=True),
            EgumaEndpoint("POST", f"{_ROOT}/cancel-booking.json", bookings.cancel),
            EgumaEndpoint("GET", f"{_ROOT}/orders.json", Orders(state).list, is_old=True),
            EgumaEndpoint("POST", f"{_TICKET}/checkin.json", tickets.check_in, is_old=True),
            EgumaEndpoint("POST", f"{_TICKET}/checkout.json", tickets.check_out, is_old=True),
            EgumaEndpoint("GET", f"{_TICKET}/info.json", tickets.get, is_old=True),
            EgumaEndpoint("GET", f"{_ROOT}/published_events.json", Events(state).list, is_old=True),
            EgumaEndpoint(
                "GET",
                f"{_ROOT}/admissions/{{id}}/availability.json",
                Admissions(state).availability,
                is_old=True,
            ),
        ]
    )
