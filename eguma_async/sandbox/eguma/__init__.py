"""The e-guma ticketing API as a sandbox."""

from __future__ import annotations

from .backoffice import BackOffice, Example
from .catalog import ApiKey, Category, Merchant, Price, Product, Slot, SlotPlan, User
from .options import EgumaOptions
from .sales import Customer, Order, Payment, Ticket
from .sandbox import EgumaSandbox
from .stock import Hold

__all__ = [
    "ApiKey",
    "BackOffice",
    "Category",
    "Customer",
    "EgumaOptions",
    "EgumaSandbox",
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
    "User",
]
