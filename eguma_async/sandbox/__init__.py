"""Ticketing APIs simulated with their state, to develop and test against.

In memory through `EgumaSandbox.transport`, or over HTTP through `serve`. Names are loaded on first
use: a provider nobody asks for, and the server with aiohttp, cost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eguma_async._lazy import lazy_names

if TYPE_CHECKING:
    from .eguma import EgumaOptions as EgumaOptions
    from .eguma import EgumaSandbox as EgumaSandbox
    from .engine.base import ControlCommand as ControlCommand
    from .engine.base import Sandbox as Sandbox
    from .engine.base import Transaction as Transaction
    from .engine.clock import SandboxClock as SandboxClock
    from .engine.errors import ControlError as ControlError
    from .engine.errors import NoSuchRecordError as NoSuchRecordError
    from .engine.faults import CutBody as CutBody
    from .engine.faults import Delay as Delay
    from .engine.faults import DropAfter as DropAfter
    from .engine.faults import DropBefore as DropBefore
    from .engine.faults import Fault as Fault
    from .engine.faults import FaultList as FaultList
    from .engine.faults import Park as Park
    from .engine.faults import Reply as Reply
    from .engine.faults import RequestContext as RequestContext
    from .engine.faults import ServerFault as ServerFault
    from .engine.faults import Wait as Wait
    from .engine.log import Listener as Listener
    from .engine.log import RequestLog as RequestLog
    from .engine.log import RequestRecord as RequestRecord
    from .engine.messages import CutResponse as CutResponse
    from .engine.messages import Delivery as Delivery
    from .engine.messages import Dropped as Dropped
    from .engine.messages import Outcome as Outcome
    from .engine.messages import SandboxRequest as SandboxRequest
    from .engine.messages import SandboxResponse as SandboxResponse
    from .engine.messages import TimedOut as TimedOut
    from .engine.messages import WireRequest as WireRequest
    from .engine.messages import WireResponse as WireResponse
    from .engine.options import Options as Options
    from .engine.transport import RequestHandler as RequestHandler
    from .engine.transport import SandboxTransport as SandboxTransport
    from .korus import KorusOptions as KorusOptions
    from .korus import KorusSandbox as KorusSandbox
    from .serving.server import SandboxServer as SandboxServer
    from .serving.server import serve as serve
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
