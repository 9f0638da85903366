"""The Korus Ticket API as a sandbox."""

from __future__ import annotations

from .backoffice import BackOffice
from .catalog import Catalog, Offer, OfferTicket, Organization, Product, ProductBase, TicketSession
from .identity import TOKEN_PATH
from .options import Generation, KorusOptions
from .overview import Example
from .sales import Document, Order, OrderItem, OrderTicket, Reservation
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
