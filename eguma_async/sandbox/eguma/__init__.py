"""The e-guma ticketing API as a sandbox."""

from __future__ import annotations

from .backoffice import BackOffice
from .catalog import (
    ApiKey,
    Category,
    Event,
    Merchant,
    Price,
    Product,
    Slot,
    SlotPlan,
    TicketType,
    TicketTypeGroup,
    User,
    Venue,
)
from .options import EgumaOptions
from .overview import Example
from .sales import Customer, Hold, Order, Payment, Ticket
from .sandbox import EgumaSandbox

__all__ = [
    "ApiKey",
    "BackOffice",
    "Category",
    "Customer",
    "EgumaOptions",
    "EgumaSandbox",
    "Event",
    "Example",
    "Hold",
    "Merchant",
    "Order",
    "Payment",
    "Price",
    "Product",
    "Slot",
    "SlotPlan",
    "Ticket",
    "TicketType",
    "TicketTypeGroup",
    "User",
    "Venue",
]
