"""Values and contracts, for authors of transports, operations, observers and providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eguma_async._lazy import lazy_names

if TYPE_CHECKING:
    from .clock import Clock as Clock
    from .clock import SystemClock as SystemClock
    from .codec import Codec as Codec
    from .dialect import ObjectForm as ObjectForm
    from .durable import DurableCalls as DurableCalls
    from .durable import EntryListener as EntryListener
    from .durable import Journal as Journal
    from .durable import Wire as Wire
    from .enums import OpenEnum as OpenEnum
    from .errors import EgumaError as EgumaError
    from .fan_out import Executor as Executor
    from .fan_out import FanOut as FanOut
    from .fan_out import InPieces as InPieces
    from .fan_out import Outcome as Outcome
    from .fan_out import Progress as Progress
    from .fields import LENIENT as LENIENT
    from .fields import LOCAL as LOCAL
    from .fields import also_named as also_named
    from .fields import wire_named as wire_named
    from .hooks import AttemptEvent as AttemptEvent
    from .hooks import AttemptStarted as AttemptStarted
    from .hooks import CallEnded as CallEnded
    from .hooks import CallStarted as CallStarted
    from .hooks import EntryRecovered as EntryRecovered
    from .hooks import EntryWritten as EntryWritten
    from .hooks import Observer as Observer
    from .hooks import ObserverLike as ObserverLike
    from .hooks import SessionLoad as SessionLoad
    from .hooks import SessionStarted as SessionStarted
    from .hooks import TurnWaited as TurnWaited
    from .hooks import WaitReason as WaitReason
    from .limiter import SharedPace as SharedPace
    from .limiter import SharedRate as SharedRate
    from .listing import Listing as Listing
    from .listing import ListPlace as ListPlace
    from .listing import UnreadableElement as UnreadableElement
    from .looking import Looking as Looking
    from .messages import BodySink as BodySink
    from .messages import Credentials as Credentials
    from .messages import HttpRequest as HttpRequest
    from .messages import HttpResponse as HttpResponse
    from .messages import Repeat as Repeat
    from .messages import RequestChanges as RequestChanges
    from .messages import Timeouts as Timeouts
    from .messages import wire_headers as wire_headers
    from .messages import wire_url as wire_url
    from .operation import IN_PATH as IN_PATH
    from .operation import IN_PATH_AS_IS as IN_PATH_AS_IS
    from .operation import PLACED_BY_HAND as PLACED_BY_HAND
    from .operation import Operation as Operation
    from .operation import RequestPlan as RequestPlan
    from .operation import ResponseContext as ResponseContext
    from .operation import Send as Send
    from .operation import in_header as in_header
    from .operation import in_query as in_query
    from .provider import Provider as Provider
    from .provider import Verdict as Verdict
    from .provider import classify as classify
    from .recipe import NeedsSessions as NeedsSessions
    from .recipe import SessionRecipe as SessionRecipe
    from .resumable import Found as Found
    from .resumable import Resumable as Resumable
    from .scalars import AsWritten as AsWritten
    from .scalars import Cents as Cents
    from .session import ElementIterator as ElementIterator
    from .session import ElementStream as ElementStream
    from .session import Session as Session
    from .transport import ManagedTransport as ManagedTransport
    from .transport import SupportsClock as SupportsClock
    from .transport import SupportsPublicOnly as SupportsPublicOnly
    from .transport import Transport as Transport
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
