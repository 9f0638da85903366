"""Which function answers which path."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

import attrs

from eguma_async.sandbox.engine.messages import SandboxRequest, SandboxResponse

from . import availabilities, bookings, tickets
from .refusals import RefusedError
from .state import Caller, State

Handler = Callable[[State, Caller, SandboxRequest, str], SandboxResponse]

HELLO = "/v1/hello.json"


@attrs.frozen
class Route:
    """One endpoint.

    Attributes:
        handler: Answers; its last argument is the id out of the path.
        is_keyed: Whether it takes an ``Idempotency-Key``.
        is_old: Whether it is one of the merchant's older endpoints: open to users that are not
            approved for third-party integrations, and with errors in plain text.
    """

    name: str
    handler: Handler
    is_keyed: bool = False
    is_old: bool = False

    def error(self, error: RefusedError, old_errors: str) -> SandboxResponse:
        """Return a refusal in the shape this endpoint has for it."""
        is_plain = self.is_old and old_errors == "text"
        return error.plain() if is_plain else error.structured()


_TICKET = r"/v1/ticketing/tickets/([^/]+)/{}\.json"


class Router:
    """All endpoints of one sandbox."""

    def __init__(self, reader: availabilities.AvailabilityReader) -> None:
        self._exact = {
            ("GET", "/v1/ticketing/products.json"): Route("products", availabilities.list_products),
            ("POST", "/v1/ticketing/reservation.json"): Route("reservation", bookings.reserve),
            ("POST", "/v1/ticketing/cancel-reservation.json"): Route(
                "cancel-reservation", bookings.cancel_reservation
            ),
            ("POST", "/v1/ticketing/booking.json"): Route("booking", bookings.book, is_keyed=True),
            ("POST", "/v1/ticketing/cancel-booking.json"): Route(
                "cancel-booking", bookings.cancel_booking
            ),
            ("GET", "/v1/ticketing/orders.json"): Route("orders", tickets.list_orders, is_old=True),
        }
        self._patterns = tuple(
            (method, re.compile(pattern), route)
            for method, pattern, route in (
                (
                    "GET",
                    r"/v1/ticketing/products/([^/]+)/availabilities\.json",
                    Route("availabilities", reader.respond),
                ),
                (
                    "POST",
                    _TICKET.format("checkin"),
                    Route("check-in", tickets.check_in, is_old=True),
                ),
                (
                    "POST",
                    _TICKET.format("checkout"),
                    Route("check-out", tickets.check_out, is_old=True),
                ),
                ("GET", _TICKET.format("info"), Route("info", tickets.ticket_info, is_old=True)),
            )
        )

    def find(self, method: str, path: str) -> tuple[Route, str] | None:
        """Return the route of a request and the id in its path, or None."""
        route = self._exact.get((method, path))
        if route is not None:
            return route, ""
        for verb, pattern, candidate in self._patterns:
            match = pattern.fullmatch(path) if verb == method else None
            if match:
                return candidate, unquote(match[1])
        return None
