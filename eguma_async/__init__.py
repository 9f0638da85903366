"""Async SDK for selling admission tickets through e-guma and Korus Ticket.

::

    async with AsyncSession() as session:
        catalogue = await session.ticketing.products.list()

Names are loaded on first use: ``import eguma_async`` alone imports neither aiohttp nor the models.
"""

from __future__ import annotations

from ._lazy import lazy_names

# Not from `typing`, whose import takes as long as all the rest; type checkers know the name.
TYPE_CHECKING = False
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
    from .core.errors import JournalCorruptError as JournalCorruptError
    from .core.errors import JournalError as JournalError
    from .core.errors import NotFoundError as NotFoundError
    from .core.errors import NotSentError as NotSentError
    from .core.errors import OutcomeUnknownError as OutcomeUnknownError
    from .core.errors import PriceChangedError as PriceChangedError
    from .core.errors import RateLimitedError as RateLimitedError
    from .core.errors import RefundDueError as RefundDueError
    from .core.errors import ResultMismatchError as ResultMismatchError
    from .core.errors import ServerError as ServerError
    from .core.errors import SessionStateError as SessionStateError
    from .core.errors import StatusError as StatusError
    from .core.errors import TransportError as TransportError
    from .core.errors import unknown_outcome as unknown_outcome
    from .core.fan_out import ClusterError as ClusterError
    from .core.fan_out import Executor as Executor
    from .core.fan_out import InPieces as InPieces
    from .core.hooks import AttemptEvent as AttemptEvent
    from .core.hooks import AttemptStarted as AttemptStarted
    from .core.hooks import CallEnded as CallEnded
    from .core.hooks import CallStarted as CallStarted
    from .core.hooks import EntryRecovered as EntryRecovered
    from .core.hooks import EntryWritten as EntryWritten
    from .core.hooks import Observer as Observer
    from .core.hooks import ObserverLike as ObserverLike
    from .core.hooks import SessionLoad as SessionLoad
    from .core.hooks import SessionStarted as SessionStarted
    from .core.hooks import TurnWaited as TurnWaited
    from .core.hooks import WaitReason as WaitReason
    from .core.journal import ClientRefConflictError as ClientRefConflictError
    from .core.journal import Entry as Entry
    from .core.journal import Intent as Intent
    from .core.journal import LatePolicy as LatePolicy
    from .core.journal import OnRecovered as OnRecovered
    from .core.journal import Recovered as Recovered
    from .core.journal import Recovery as Recovery
    from .core.journal import State as State
    from .core.limiter import SharedPace as SharedPace
    from .core.limiter import SharedRate as SharedRate
    from .core.listing import Listing as Listing
    from .core.listing import UnreadableElement as UnreadableElement
    from .core.messages import BodySink as BodySink
    from .core.messages import Credentials as Credentials
    from .core.messages import HttpRequest as HttpRequest
    from .core.messages import HttpResponse as HttpResponse
    from .core.messages import Repeat as Repeat
    from .core.messages import Replay as Replay
    from .core.messages import Timeouts as Timeouts
    from .core.operation import Operation as Operation
    from .core.session import ElementStream as ElementStream
    from .core.transport import Transport as Transport
    from .eguma.session import EGUMA as EGUMA
    from .eguma.session import AsyncSession as AsyncSession
    from .eguma.ticketing import Ticketing as Ticketing
    from .eguma.ticketing.availabilities import Availability as Availability
    from .eguma.ticketing.availabilities import AvailabilityList as AvailabilityList
    from .eguma.ticketing.availabilities import CategoryPrice as CategoryPrice
    from .eguma.ticketing.availabilities import ListAvailabilities as ListAvailabilities
    from .eguma.ticketing.booking_models import BookedTicket as BookedTicket
    from .eguma.ticketing.booking_models import Booking as Booking
    from .eguma.ticketing.booking_models import CancelledBooking as CancelledBooking
    from .eguma.ticketing.booking_models import CancelledTicket as CancelledTicket
    from .eguma.ticketing.booking_models import Customer as Customer
    from .eguma.ticketing.booking_operations import BookTickets as BookTickets
    from .eguma.ticketing.booking_operations import CancelBooking as CancelBooking
    from .eguma.ticketing.events import AdmissionAvailability as AdmissionAvailability
    from .eguma.ticketing.events import AdmissionSlot as AdmissionSlot
    from .eguma.ticketing.events import Event as Event
    from .eguma.ticketing.events import EventOrganizer as EventOrganizer
    from .eguma.ticketing.events import EventTicketType as EventTicketType
    from .eguma.ticketing.events import EventTicketTypeGroup as EventTicketTypeGroup
    from .eguma.ticketing.events import EventVenue as EventVenue
    from .eguma.ticketing.events import GetAdmissionAvailability as GetAdmissionAvailability
    from .eguma.ticketing.events import ListEvents as ListEvents
    from .eguma.ticketing.hold import Hold as Hold
    from .eguma.ticketing.hold import HoldContext as HoldContext
    from .eguma.ticketing.items import TicketItem as TicketItem
    from .eguma.ticketing.order_replica import OrderCopy as OrderCopy
    from .eguma.ticketing.order_replica import OrderReplica as OrderReplica
    from .eguma.ticketing.order_replica import OrderSession as OrderSession
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
    from .eguma.ticketing.reconciling import BookingOutcome as BookingOutcome
    from .eguma.ticketing.reconciling import BookingSearch as BookingSearch
    from .eguma.ticketing.reservation_models import CancelReservation as CancelReservation
    from .eguma.ticketing.reservation_models import ReleasedReservation as ReleasedReservation
    from .eguma.ticketing.reservation_models import Reservation as Reservation
    from .eguma.ticketing.reservation_models import ReserveTickets as ReserveTickets
    from .eguma.ticketing.tickets import CheckInTicket as CheckInTicket
    from .eguma.ticketing.tickets import CheckOutTicket as CheckOutTicket
    from .eguma.ticketing.tickets import GetTicket as GetTicket
    from .eguma.ticketing.tickets import TicketCheck as TicketCheck
    from .eguma.ticketing.tickets import TicketInfo as TicketInfo
    from .eguma.ticketing.tickets import UnsuccessfulCode as UnsuccessfulCode
    from .fanout import FanOut as FanOut
    from .fanout import Outcome as Outcome
    from .fanout import Progress as Progress
    from .fanout.dask import DaskExecutor as DaskExecutor
    from .journal.journal import Journal as Journal
    from .journal.kinds import MemoryJournal as MemoryJournal
    from .journal.kinds import PostgresJournal as PostgresJournal
    from .journal.kinds import RedisJournal as RedisJournal
    from .journal.kinds import SQLiteJournal as SQLiteJournal
    from .journal.rules import JournalRules as JournalRules
    from .korus.session import KorusSession as KorusSession
    from .korus.tokens import KorusTokens as KorusTokens
    from .pipeline.adaptive import AdaptiveLimits as AdaptiveLimits
    from .pipeline.limiting import Limits as Limits
    from .pipeline.options import SessionOptions as SessionOptions
    from .pipeline.policy import RetryPolicy as RetryPolicy
    from .pipeline.redis_rate import RedisRate as RedisRate
    from .pipeline.settings import profiles_file as profiles_file
    from .rendering.pdf import PageSize as PageSize
    from .rendering.pdf import TicketPage as TicketPage
    from .rendering.pdf import missing_characters as missing_characters
    from .rendering.pdf import tickets_pdf as tickets_pdf
    from .rendering.qr import TicketCode as TicketCode
    from .sync.errors import ReplicaBusyError as ReplicaBusyError
    from .sync.errors import ReplicaCorruptError as ReplicaCorruptError
    from .sync.errors import ReplicaError as ReplicaError
    from .sync.records import ChangeKind as ChangeKind
    from .sync.records import Checkpoint as Checkpoint
    from .sync.replica import Following as Following
    from .sync.replica import Replica as Replica
    from .sync.reports import Copied as Copied
    from .sync.reports import OnRound as OnRound
    from .sync.reports import SyncReport as SyncReport
    from .sync.rules import SyncRules as SyncRules
    from .sync.stores.base import Contents as Contents
    from .sync.stores.base import ReplicaStore as ReplicaStore
    from .sync.stores.memory import MemoryOrders as MemoryOrders
    from .sync.stores.postgres import PostgresOrders as PostgresOrders
    from .sync.stores.sqlite import SQLiteOrders as SQLiteOrders
    from .transports.aiohttp import AiohttpTransport as AiohttpTransport
    from .transports.lean import LeanTransport as LeanTransport
    from .transports.memory import MemoryTransport as MemoryTransport
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
