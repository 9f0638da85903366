"""The e-guma ticketing API as a sandbox."""

from __future__ import annotations

from .backoffice import BackOffice
from .catalog import (
    ApiKey,
    Category,
    Event,
    Incompatibility,
    Merchant,
    Price,
    Product,
    Slot,
    SlotPlan,
    SlotType,
    TicketType,
    TicketTypeGroup,
    User,
    Venue,
)
from .options import EgumaOptions, Zone
from .overview import Example
from .sales import Customer, Hold, Items, Order, Payment, Ticket
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
    "Incompatibility",
    "Items",
    "Merchant",
    "Order",
    "Payment",
    "Price",
    "Product",
    "Slot",
    "SlotPlan",
    "SlotType",
    "Ticket",
    "TicketType",
    "TicketTypeGroup",
    "User",
    "Venue",
    "Zone",
]
