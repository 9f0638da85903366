"""The Korus Ticket API as a sandbox."""

from __future__ import annotations

from .backoffice import BackOffice, Example
from .bookings import Document, Order, OrderItem, OrderTicket, Reservation
from .identity import TOKEN_PATH
from .options import Generation, KorusOptions
from .records import Catalog, Offer, OfferTicket, Organization, Product, ProductBase, TicketSession
from .sandbox import KorusSandbox

__all__ = [
    "TOKEN_PATH",
    "BackOffice",
    "Catalog",
    "Document",
    "Example",
    "Generation",
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
    "TicketSession",
]
