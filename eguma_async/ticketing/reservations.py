"""The public names of `eguma_async.eguma.ticketing.reservations`."""

from eguma_async.eguma.ticketing.reservations import (
    CancelReservation,
    Hold,
    HoldContext,
    ReleasedReservation,
    Reservation,
    Reservations,
    ReserveTickets,
)

__all__ = [
    "CancelReservation",
    "Hold",
    "HoldContext",
    "ReleasedReservation",
    "Reservation",
    "Reservations",
    "ReserveTickets",
]
