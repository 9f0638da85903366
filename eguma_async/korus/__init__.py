"""Korus Ticket: catalogs, offers, reservations, orders and their documents.

::

    async with KorusSession() as session:
        async with session.reservations.hold([OfferItem(offer.iri, choices)]) as hold:
            ...  # take the payment
            booked = await hold.order(customer, external_reference="A-1042")
        booked.raise_for_failures()
        for document in booked.orders[0].documents:
            await session.documents.download(document, to="tickets.pdf")
"""

from __future__ import annotations

from eguma_async.core.listing import UnreadableElement
from eguma_async.pipeline.bearer import TokenFunction
from eguma_async.pipeline.pages import Page, Pager

from .booking.beneficiaries import Beneficiaries, GetOrderTicket, UpdateBeneficiary
from .booking.documents import (
    DocumentLink,
    DocumentPage,
    Documents,
    DownloadedDocument,
    GetDocument,
    LinkDocument,
    ListDocuments,
    OrderDocument,
    Writable,
)
from .booking.hold import Hold, HoldContext
from .booking.order_creation import CreateOrders
from .booking.order_models import (
    Beneficiary,
    BulkOrders,
    Customer,
    FailedOrder,
    Order,
    OrderCustomer,
    OrderItem,
    OrderStatus,
    OrderTicket,
    TicketStatus,
    Title,
)
from .booking.order_operations import GetOrder, ListOrders, OrderPage
from .booking.orders import Orders
from .booking.reconciliation import Reconciliation
from .booking.reservation_models import (
    BulkReservations,
    FailedReservation,
    OfferItem,
    Reservation,
    ReservationStatus,
    ReservedItem,
    ReservedTicket,
    SeatsArrangement,
    TicketChoice,
    TicketSeating,
)
from .booking.reservations import (
    GetReservation,
    ListReservations,
    ReservationPage,
    Reservations,
    ReserveOffers,
)
from .catalog.catalogs import Catalog, CatalogPage, Catalogs, GetCatalog, ListCatalogs
from .catalog.offer_models import (
    Offer,
    OfferAvailability,
    OfferPrice,
    OfferProduct,
    OfferSession,
    OfferTicket,
    SessionAvailability,
)
from .catalog.offers import (
    GetOffer,
    GetOfferAvailability,
    GetOfferPrice,
    GetOfferSession,
    GetOfferTicket,
    ListOffers,
    ListOfferSessions,
    ListOfferTickets,
    OfferPage,
    Offers,
    OfferSessionPage,
    OfferTicketPage,
)
from .catalog.product_bases import (
    GetProductBase,
    ListOptions,
    ListOptionValues,
    ListProductBases,
    OptionCode,
    OptionPage,
    OptionValuePage,
    ProductBase,
    ProductBaseOption,
    ProductBaseOptionValue,
    ProductBasePage,
    ProductBases,
    Venue,
)
from .catalog.products import GetProduct, ListProducts, Product, ProductPage, Products
from .errors import (
    DocumentError,
    InconsistentAnswerError,
    PartialFailureError,
    Violation,
    ViolationsError,
)
from .json_ld import Collection, Iri, Resource, View
from .provider import KORUS
from .session import KorusSession
from .signed_url import SignedUrl
from .tokens import KorusTokens

Settlement = Reconciliation
"""The name of `Reconciliation` before; it stays importable."""

__all__ = [
    "KORUS",
    "Beneficiaries",
    "Beneficiary",
    "BulkOrders",
    "BulkReservations",
    "Catalog",
    "CatalogPage",
    "Catalogs",
    "Collection",
    "CreateOrders",
    "Customer",
    "DocumentError",
    "DocumentLink",
    "DocumentPage",
    "Documents",
    "DownloadedDocument",
    "FailedOrder",
    "FailedReservation",
    "GetCatalog",
    "GetDocument",
    "GetOffer",
    "GetOfferAvailability",
    "GetOfferPrice",
    "GetOfferSession",
    "GetOfferTicket",
    "GetOrder",
    "GetOrderTicket",
    "GetProduct",
    "GetProductBase",
    "GetReservation",
    "Hold",
    "HoldContext",
    "InconsistentAnswerError",
    "Iri",
    "KorusSession",
    "KorusTokens",
    "LinkDocument",
    "ListCatalogs",
    "ListDocuments",
    "ListOfferSessions",
    "ListOfferTickets",
    "ListOffers",
    "ListOptionValues",
    "ListOptions",
    "ListOrders",
    "ListProductBases",
    "ListProducts",
    "ListReservations",
    "Offer",
    "OfferAvailability",
    "OfferItem",
    "OfferPage",
    "OfferPrice",
    "OfferProduct",
    "OfferSession",
    "OfferSessionPage",
    "OfferTicket",
    "OfferTicketPage",
    "Offers",
    "OptionCode",
    "OptionPage",
    "OptionValuePage",
    "Order",
    "OrderCustomer",
    "OrderDocument",
    "OrderItem",
    "OrderPage",
    "OrderStatus",
    "OrderTicket",
    "Orders",
    "Page",
    "Pager",
    "PartialFailureError",
    "Product",
    "ProductBase",
    "ProductBaseOption",
    "ProductBaseOptionValue",
    "ProductBasePage",
    "ProductBases",
    "ProductPage",
    "Products",
    "Reconciliation",
    "Reservation",
    "ReservationPage",
    "ReservationStatus",
    "Reservations",
    "ReserveOffers",
    "ReservedItem",
    "ReservedTicket",
    "Resource",
    "SeatsArrangement",
    "SessionAvailability",
    "Settlement",
    "SignedUrl",
    "TicketChoice",
    "TicketSeating",
    "TicketStatus",
    "Title",
    "TokenFunction",
    "UnreadableElement",
    "UpdateBeneficiary",
    "Venue",
    "View",
    "Violation",
    "ViolationsError",
    "Writable",
]
