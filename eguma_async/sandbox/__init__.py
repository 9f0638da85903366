"""Ticketing APIs simulated with their state, to develop and test against.

In memory through `EgumaSandbox.transport`, or over HTTP through `serve`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .engine.base import Sandbox
from .engine.clock import SandboxClock
from .engine.errors import ControlError, NoSuchRecordError
from .engine.faults import (
    CutBody,
    Delay,
    DropAfter,
    DropBefore,
    FaultList,
    Park,
    Reply,
    ServerFault,
)
from .engine.log import RequestLog, RequestRecord
from .engine.messages import (
    CutResponse,
    Delivery,
    Dropped,
    SandboxRequest,
    SandboxResponse,
    TimedOut,
)
from .engine.transport import SandboxTransport

if TYPE_CHECKING:
    from .eguma import EgumaOptions, EgumaSandbox
    from .korus import KorusOptions, KorusSandbox
    from .serving.server import SandboxServer, serve

__all__ = [
    "ControlError",
    "CutBody",
    "CutResponse",
    "Delay",
    "Delivery",
    "DropAfter",
    "DropBefore",
    "Dropped",
    "EgumaOptions",
    "EgumaSandbox",
    "Fault",
    "FaultList",
    "KorusOptions",
    "KorusSandbox",
    "NoSuchRecordError",
    "Outcome",
    "Park",
    "Reply",
    "RequestLog",
    "RequestRecord",
    "Sandbox",
    "SandboxClock",
    "SandboxRequest",
    "SandboxResponse",
    "SandboxServer",
    "SandboxTransport",
    "ServerFault",
    "TimedOut",
    "WireRequest",
    "WireResponse",
    "serve",
]

# Earlier names of the same things, which stay importable.
Fault = ServerFault
Outcome = Delivery
WireRequest = SandboxRequest
WireResponse = SandboxResponse

# Loaded on first use: a provider nobody asks for, and the server with aiohttp, cost nothing.
_LAZY = {
    "EgumaOptions": ".eguma",
    "EgumaSandbox": ".eguma",
    "KorusOptions": ".korus",
    "KorusSandbox": ".korus",
    "SandboxServer": ".serving.server",
    "serve": ".serving.server",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    value = getattr(import_module(_LAZY[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
