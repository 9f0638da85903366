"""The Korus Ticket API as a sandbox."""

from __future__ import annotations

from .backoffice import BackOffice
from .catalog import (
    Catalog,
    Failure,
    Offer,
    OfferTicket,
    Organization,
    Product,
    ProductBase,
    Seats,
    Text,
    TicketSession,
)
from .identity import TOKEN_PATH
from .options import BodyFormat, Generation, KorusOptions
from .overview import Example
from .sales import (
    ChosenTicket,
    Document,
    HeldItem,
    HeldTicket,
    Order,
    OrderItem,
    OrderTicket,
    Reservation,
)
from .sandbox import KorusSandbox

__all__ = [
    "TOKEN_PATH",
    "BackOffice",
    "BodyFormat",
    "Catalog",
    "ChosenTicket",
    "Document",
    "Example",
    "Failure",
    "Generation",
    "HeldItem",
    "HeldTicket",
    "KorusOptions",
    "KorusSandbox",
    "Offer",
    "OfferTicket",
    "Order",
    "OrderItem",
    "OrderTicket",
    "Organization",
    "Product",
    "ProductBase",
    "Reservation",
    "Seats",
    "Text",
    "TicketSession",
]
