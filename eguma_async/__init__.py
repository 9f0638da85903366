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
    from .core.errors import IncompleteListError as IncompleteListError
    from .core.errors import InvalidRequestError as InvalidRequestError
    from .core.errors import NotFoundError as NotFoundError
    from .core.errors import NotSentError as NotSentError
    from .core.errors import OutcomeUnknownError as OutcomeUnknownError
    from .core.errors import PriceChangedError as PriceChangedError
    from .core.errors import RateLimitedError as RateLimitedError
    from .core.errors import ResultMismatchError as ResultMismatchError
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
    from .eguma.session import EGUMA as EGUMA
    from .eguma.session import AsyncSession as AsyncSession
    from .eguma.ticketing import Ticketing as Ticketing
    from .eguma.ticketing.availabilities import Availability as Availability
    from .eguma.ticketing.availabilities import AvailabilityList as AvailabilityList
    from .eguma.ticketing.availabilities import CategoryPrice as CategoryPrice
    from .eguma.ticketing.availabilities import ListAvailabilities as ListAvailabilities
    from .eguma.ticketing.bookings import BookedTicket as BookedTicket
    from .eguma.ticketing.bookings import Booking as Booking
    from .eguma.ticketing.bookings import BookTickets as BookTickets
    from .eguma.ticketing.bookings import CancelBooking as CancelBooking
    from .eguma.ticketing.bookings import CancelledBooking as CancelledBooking
    from .eguma.ticketing.bookings import CancelledTicket as CancelledTicket
    from .eguma.ticketing.bookings import Customer as Customer
    from .eguma.ticketing.items import TicketItem as TicketItem
    from .eguma.ticketing.orders import CustomerTitle as CustomerTitle
    from .eguma.ticketing.orders import ListOrders as ListOrders
    from .eguma.ticketing.orders import Order as Order
    from .eguma.ticketing.orders import OrderCustomer as OrderCustomer
    from .eguma.ticketing.orders import OrderLine as OrderLine
    from .eguma.ticketing.orders import OrderLocation as OrderLocation
    from .eguma.ticketing.orders import OrderStatus as OrderStatus
    from .eguma.ticketing.orders import OrderTicket as OrderTicket
    from .eguma.ticketing.orders import Payment as Payment
    from .eguma.ticketing.orders import TicketAnswer as TicketAnswer
    from .eguma.ticketing.products import Category as Category
    from .eguma.ticketing.products import ListProducts as ListProducts
    from .eguma.ticketing.products import Product as Product
    from .eguma.ticketing.products import ProductList as ProductList
    from .eguma.ticketing.products import SlotType as SlotType
    from .eguma.ticketing.reservations import CancelReservation as CancelReservation
    from .eguma.ticketing.reservations import Hold as Hold
    from .eguma.ticketing.reservations import ReleasedReservation as ReleasedReservation
    from .eguma.ticketing.reservations import Reservation as Reservation
    from .eguma.ticketing.reservations import ReserveTickets as ReserveTickets
    from .eguma.ticketing.tickets import CheckInTicket as CheckInTicket
    from .eguma.ticketing.tickets import CheckOutTicket as CheckOutTicket
    from .eguma.ticketing.tickets import GetTicket as GetTicket
    from .eguma.ticketing.tickets import TicketCheck as TicketCheck
    from .eguma.ticketing.tickets import TicketInfo as TicketInfo
    from .eguma.ticketing.tickets import UnsuccessfulCode as UnsuccessfulCode
    from .fanout import FanOut as FanOut
    from .fanout import Outcome as Outcome
    from .fanout import Progress as Progress
    from .korus.session import KorusSession as KorusSession
    from .korus.tokens import KorusTokens as KorusTokens
    from .pipeline.limiting import Limits as Limits
    from .pipeline.observing import AttemptEvent as AttemptEvent
    from .pipeline.policy import RetryPolicy as RetryPolicy
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
        "IncompleteListError",
        "InvalidRequestError",
        "NotFoundError",
        "NotSentError",
        "OutcomeUnknownError",
        "PriceChangedError",
        "RateLimitedError",
        "ResultMismatchError",
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
    "korus.tokens": ("KorusTokens",),
    "pipeline.limiting": ("Limits",),
    "pipeline.observing": ("AttemptEvent",),
    "pipeline.policy": ("RetryPolicy",),
    "eguma.session": ("AsyncSession", "EGUMA"),
    "eguma.ticketing": ("Ticketing",),
    "eguma.ticketing.availabilities": (
        "Availability",
        "AvailabilityList",
        "CategoryPrice",
        "ListAvailabilities",
    ),
    "eguma.ticketing.bookings": (
        "BookTickets",
        "BookedTicket",
        "Booking",
        "CancelBooking",
        "CancelledBooking",
        "CancelledTicket",
        "Customer",
    ),
    "eguma.ticketing.items": ("TicketItem",),
    "eguma.ticketing.orders": (
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
    "eguma.ticketing.products": ("Category", "ListProducts", "Product", "ProductList", "SlotType"),
    "eguma.ticketing.reservations": (
        "CancelReservation",
        "Hold",
        "ReleasedReservation",
        "Reservation",
        "ReserveTickets",
    ),
    "eguma.ticketing.tickets": (
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
    "IncompleteListError",
    "InvalidRequestError",
    "KorusSession",
    "KorusTokens",
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
    "PriceChangedError",
    "Product",
    "ProductList",
    "Progress",
    "RateLimitedError",
    "ReleasedReservation",
    "Replay",
    "Reservation",
    "ReserveTickets",
    "ResultMismatchError",
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
