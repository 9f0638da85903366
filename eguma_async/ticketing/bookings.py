"""The public names of `eguma_async.eguma.ticketing.bookings`."""

from eguma_async.eguma.ticketing.bookings import (
    BookedTicket,
    Booking,
    Bookings,
    BookTickets,
    CancelBooking,
    CancelledBooking,
    CancelledTicket,
    Customer,
)

__all__ = [
    "BookTickets",
    "BookedTicket",
    "Booking",
    "Bookings",
    "CancelBooking",
    "CancelledBooking",
    "CancelledTicket",
    "Customer",
]
