"""Ticketing APIs simulated with their state, to develop and test against.

In memory through `EgumaSandbox.transport`, or over HTTP through `serve`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .engine.base import ControlError, RequestLog, RequestRecord, Sandbox
from .engine.clock import SandboxClock
from .engine.faults import CutBody, Delay, DropAfter, DropBefore, Fault, FaultList, Park, Reply
from .engine.messages import CutResponse, Dropped, Outcome, WireRequest, WireResponse
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
    "DropAfter",
    "DropBefore",
    "Dropped",
    "EgumaOptions",
    "EgumaSandbox",
    "Fault",
    "FaultList",
    "KorusOptions",
    "KorusSandbox",
    "Outcome",
    "Park",
    "Reply",
    "RequestLog",
    "RequestRecord",
    "Sandbox",
    "SandboxClock",
    "SandboxServer",
    "SandboxTransport",
    "WireRequest",
    "WireResponse",
    "serve",
]

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
