"""The public names of `eguma_async.eguma.ticketing.events`."""

from eguma_async.eguma.ticketing.events import (
    AdmissionAvailability,
    AdmissionSlot,
    Event,
    EventOrganizer,
    Events,
    EventTicketType,
    EventTicketTypeGroup,
    EventVenue,
    GetAdmissionAvailability,
    ListEvents,
)

__all__ = [
    "AdmissionAvailability",
    "AdmissionSlot",
    "Event",
    "EventOrganizer",
    "EventTicketType",
    "EventTicketTypeGroup",
    "EventVenue",
    "Events",
    "GetAdmissionAvailability",
    "ListEvents",
]
