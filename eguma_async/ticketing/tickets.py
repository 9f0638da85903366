"""The public names of `eguma_async.eguma.ticketing.tickets`."""

from eguma_async.eguma.ticketing.tickets import (
    CheckInTicket,
    CheckOutTicket,
    GetTicket,
    TicketCheck,
    TicketInfo,
    Tickets,
    UnsuccessfulCode,
)

__all__ = [
    "CheckInTicket",
    "CheckOutTicket",
    "GetTicket",
    "TicketCheck",
    "TicketInfo",
    "Tickets",
    "UnsuccessfulCode",
]
