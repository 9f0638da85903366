"""Async SDK for selling admission tickets through e-guma.

::

    async with AsyncSession() as session:
        catalogue = await session.ticketing.products.list()

Names are loaded on first use: ``import eguma_async`` alone imports neither aiohttp nor the models.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._version import __version__ as __version__
    from .core.clock import Clock as Clock
    from .core.clock import SystemClock as SystemClock
    from .core.enums import OpenEnum as OpenEnum
    from .core.errors import AccessDeniedError as AccessDeniedError
    from .core.errors import AuthenticationError as AuthenticationError
    from .core.errors import ConfigurationError as ConfigurationError
    from .core.errors import ConflictError as ConflictError
    from .core.errors import DecodingError as DecodingError
    from .core.errors import EgumaError as EgumaError
    from .core.errors import IdempotencyMismatchError as IdempotencyMismatchError
    from .core.errors import InvalidRequestError as InvalidRequestError
    from .core.errors import NotFoundError as NotFoundError
    from .core.errors import NotSentError as NotSentError
    from .core.errors import OutcomeUnknownError as OutcomeUnknownError
    from .core.errors import RateLimitedError as RateLimitedError
    from .core.errors import ServerError as ServerError
    from .core.errors import SessionStateError as SessionStateError
    from .core.errors import StatusError as StatusError
    from .core.errors import TransportError as TransportError
    from .core.errors import unknown_outcome as unknown_outcome
    from .core.messages import BodySink as BodySink
    from .core.messages import Credentials as Credentials
    from .core.messages import HttpRequest as HttpRequest
    from .core.messages import HttpResponse as HttpResponse
    from .core.messages import Replay as Replay
    from .core.messages import Timeouts as Timeouts
    from .core.operation import Operation as Operation
    from .core.transport import Transport as Transport
    from .fanout import FanOut as FanOut
    from .fanout import Outcome as Outcome
    from .fanout import Progress as Progress
    from .korus.session import KorusSession as KorusSession
    from .pipeline.limiting import Limits as Limits
    from .pipeline.observing import AttemptEvent as AttemptEvent
    from .pipeline.policy import RetryPolicy as RetryPolicy
    from .session import EGUMA as EGUMA
    from .session import AsyncSession as AsyncSession
    from .ticketing import Ticketing as Ticketing
    from .ticketing.availabilities import Availability as Availability
    from .ticketing.availabilities import AvailabilityList as AvailabilityList
    from .ticketing.availabilities import CategoryPrice as CategoryPrice
    from .ticketing.availabilities import ListAvailabilities as ListAvailabilities
    from .ticketing.bookings import BookedTicket as BookedTicket
    from .ticketing.bookings import Booking as Booking
    from .ticketing.bookings import BookTickets as BookTickets
    from .ticketing.bookings import CancelBooking as CancelBooking
    from .ticketing.bookings import CancelledBooking as CancelledBooking
    from .ticketing.bookings import CancelledTicket as CancelledTicket
    from .ticketing.bookings import Customer as Customer
    from .ticketing.items import TicketItem as TicketItem
    from .ticketing.orders import CustomerTitle as CustomerTitle
    from .ticketing.orders import ListOrders as ListOrders
    from .ticketing.orders import Order as Order
    from .ticketing.orders import OrderCustomer as OrderCustomer
    from .ticketing.orders import OrderLine as OrderLine
    from .ticketing.orders import OrderLocation as OrderLocation
    from .ticketing.orders import OrderStatus as OrderStatus
    from .ticketing.orders import OrderTicket as OrderTicket
    from .ticketing.orders import Payment as Payment
    from .ticketing.orders import TicketAnswer as TicketAnswer
    from .ticketing.products import Category as Category
    from .ticketing.products import ListProducts as ListProducts
    from .ticketing.products import Product as Product
    from .ticketing.products import ProductList as ProductList
    from .ticketing.products import SlotType as SlotType
    from .ticketing.reservations import CancelReservation as CancelReservation
    from .ticketing.reservations import Hold as Hold
    from .ticketing.reservations import ReleasedReservation as ReleasedReservation
    from .ticketing.reservations import Reservation as Reservation
    from .ticketing.reservations import ReserveTickets as ReserveTickets
    from .ticketing.tickets import CheckInTicket as CheckInTicket
    from .ticketing.tickets import CheckOutTicket as CheckOutTicket
    from .ticketing.tickets import GetTicket as GetTicket
    from .ticketing.tickets import TicketCheck as TicketCheck
    from .ticketing.tickets import TicketInfo as TicketInfo
    from .ticketing.tickets import UnsuccessfulCode as UnsuccessfulCode
    from .transports.aiohttp import AiohttpTransport as AiohttpTransport
    from .transports.memory import MemoryTransport as MemoryTransport

_HOMES = {
    "_version": ("__version__",),
    "core.clock": ("Clock", "SystemClock"),
    "core.enums": ("OpenEnum",),
    "core.errors": (
        "AccessDeniedError",
        "AuthenticationError",
        "ConfigurationError",
        "ConflictError",
        "DecodingError",
        "EgumaError",
        "IdempotencyMismatchError",
        "InvalidRequestError",
        "NotFoundError",
        "NotSentError",
        "OutcomeUnknownError",
        "RateLimitedError",
        "ServerError",
        "SessionStateError",
        "StatusError",
        "TransportError",
        "unknown_outcome",
    ),
    "core.messages": (
        "BodySink",
        "Credentials",
        "HttpRequest",
        "HttpResponse",
        "Replay",
        "Timeouts",
    ),
    "core.operation": ("Operation",),
    "core.transport": ("Transport",),
    "fanout": ("FanOut", "Outcome", "Progress"),
    "korus.session": ("KorusSession",),
    "pipeline.limiting": ("Limits",),
    "pipeline.observing": ("AttemptEvent",),
    "pipeline.policy": ("RetryPolicy",),
    "session": ("AsyncSession", "EGUMA"),
    "ticketing": ("Ticketing",),
    "ticketing.availabilities": (
        "Availability",
        "AvailabilityList",
        "CategoryPrice",
        "ListAvailabilities",
    ),
    "ticketing.bookings": (
        "BookTickets",
        "BookedTicket",
        "Booking",
        "CancelBooking",
        "CancelledBooking",
        "CancelledTicket",
        "Customer",
    ),
    "ticketing.items": ("TicketItem",),
    "ticketing.orders": (
        "CustomerTitle",
        "ListOrders",
        "Order",
        "OrderCustomer",
        "OrderLine",
        "OrderLocation",
        "OrderStatus",
        "OrderTicket",
        "Payment",
        "TicketAnswer",
    ),
    "ticketing.products": ("Category", "ListProducts", "Product", "ProductList", "SlotType"),
    "ticketing.reservations": (
        "CancelReservation",
        "Hold",
        "ReleasedReservation",
        "Reservation",
        "ReserveTickets",
    ),
    "ticketing.tickets": (
        "CheckInTicket",
        "CheckOutTicket",
        "GetTicket",
        "TicketCheck",
        "TicketInfo",
        "UnsuccessfulCode",
    ),
    "transports.aiohttp": ("AiohttpTransport",),
    "transports.memory": ("MemoryTransport",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "EGUMA",
    "AccessDeniedError",
    "AiohttpTransport",
    "AsyncSession",
    "AttemptEvent",
    "AuthenticationError",
    "Availability",
    "AvailabilityList",
    "BodySink",
    "BookTickets",
    "BookedTicket",
    "Booking",
    "CancelBooking",
    "CancelReservation",
    "CancelledBooking",
    "CancelledTicket",
    "Category",
    "CategoryPrice",
    "CheckInTicket",
    "CheckOutTicket",
    "Clock",
    "ConfigurationError",
    "ConflictError",
    "Credentials",
    "Customer",
    "CustomerTitle",
    "DecodingError",
    "EgumaError",
    "FanOut",
    "GetTicket",
    "Hold",
    "HttpRequest",
    "HttpResponse",
    "IdempotencyMismatchError",
    "InvalidRequestError",
    "KorusSession",
    "Limits",
    "ListAvailabilities",
    "ListOrders",
    "ListProducts",
    "MemoryTransport",
    "NotFoundError",
    "NotSentError",
    "OpenEnum",
    "Operation",
    "Order",
    "OrderCustomer",
    "OrderLine",
    "OrderLocation",
    "OrderStatus",
    "OrderTicket",
    "Outcome",
    "OutcomeUnknownError",
    "Payment",
    "Product",
    "ProductList",
    "Progress",
    "RateLimitedError",
    "ReleasedReservation",
    "Replay",
    "Reservation",
    "ReserveTickets",
    "RetryPolicy",
    "ServerError",
    "SessionStateError",
    "SlotType",
    "StatusError",
    "SystemClock",
    "TicketAnswer",
    "TicketCheck",
    "TicketInfo",
    "TicketItem",
    "Ticketing",
    "Timeouts",
    "Transport",
    "TransportError",
    "UnsuccessfulCode",
    "__version__",
    "unknown_outcome",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
