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

from .booking.beneficiaries import GetOrderTicket, UpdateBeneficiary
from .booking.documents import (
    DocumentLink,
    DocumentPage,
    DownloadedDocument,
    GetDocument,
    LinkDocument,
    ListDocuments,
    OrderDocument,
)
from .booking.hold import Hold
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
from .booking.orders import CreateOrders, GetOrder, ListOrders, OrderPage
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
    ReserveOffers,
)
from .catalog.catalogs import Catalog, CatalogPage, GetCatalog, ListCatalogs
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
    Venue,
)
from .catalog.products import GetProduct, ListProducts, Product, ProductPage
from .errors import (
    DocumentError,
    InconsistentAnswerError,
    PartialFailureError,
    Violation,
    ViolationsError,
)
from .json_ld import Iri
from .provider import KORUS
from .session import KorusSession
from .signed_url import SignedUrl

Settlement = Reconciliation
"""The name of `Reconciliation` before; it stays importable."""

__all__ = [
    "KORUS",
    "Beneficiary",
    "BulkOrders",
    "BulkReservations",
    "Catalog",
    "CatalogPage",
    "CreateOrders",
    "Customer",
    "DocumentError",
    "DocumentLink",
    "DocumentPage",
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
    "InconsistentAnswerError",
    "Iri",
    "KorusSession",
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
    "PartialFailureError",
    "Product",
    "ProductBase",
    "ProductBaseOption",
    "ProductBaseOptionValue",
    "ProductBasePage",
    "ProductPage",
    "Reconciliation",
    "Reservation",
    "ReservationPage",
    "ReservationStatus",
    "ReserveOffers",
    "ReservedItem",
    "ReservedTicket",
    "SeatsArrangement",
    "SessionAvailability",
    "Settlement",
    "SignedUrl",
    "TicketChoice",
    "TicketSeating",
    "TicketStatus",
    "Title",
    "UpdateBeneficiary",
    "Venue",
    "Violation",
    "ViolationsError",
]
