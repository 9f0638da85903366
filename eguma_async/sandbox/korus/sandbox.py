"""The Korus Ticket API, simulated with its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from eguma_async.core.clock import Clock
from eguma_async.sandbox.engine.base import ControlCommand, Sandbox
from eguma_async.sandbox.engine.messages import SandboxRequest, SandboxResponse

from . import commands, demo
from .backoffice import BackOffice
from .documents import STORAGE
from .identity import TOKEN_PATH
from .options import KorusOptions
from .refusals import error_response
from .routes import Router
from .state import State


class KorusSandbox(BackOffice, Sandbox):
    """The Korus Ticket API in memory: catalogs, offers, reservations, orders, documents.

    It holds its identity service (`TOKEN_PATH`) and the storage behind document links too. It
    enforces what the documentation says on raw JSON; what the documentation leaves open is a
    switch in `options`. Venues are in Europe/Paris.

    Args:
        clock: Clock to live by; the machine's own by default. It can be moved: see `clock`.
        seed: The same seed gives the same ids, tokens and links.
        options: Switches for what the documentation does not settle.
        demo_data: Whether to begin with the demo organizations; otherwise with nothing.
    """

    name: ClassVar[str] = "korus"
    secret_parameters: ClassVar[frozenset[str]] = frozenset({"signature"})

    def __init__(
        self,
        clock: Clock | None = None,
        seed: int = 1,
        options: KorusOptions | None = None,
        *,
        demo_data: bool = True,
    ) -> None:
        super().__init__(clock)
        self._state = State(self.clock, seed, options or KorusOptions())
        self._router = Router(self._state)
        if demo_data:
            demo.fill(self)

    def owns(self, path: str) -> bool:
        """Tell whether a path looks like one of Korus', its identity service or its storage."""
        is_api = path.startswith("/v1/") and not path.endswith(".json")
        return is_api or path.startswith(STORAGE) or path == TOKEN_PATH

    def respond(self, request: SandboxRequest) -> SandboxResponse:
        """Process a request in one step and return the response."""
        return self._router.respond(request)

    def error(self, status: int) -> SandboxResponse:
        """Return an error of that status in Korus' plain shape."""
        return error_response(status)

    def refuse(self, status: int, detail: str) -> SandboxResponse:
        """Return an error in Korus' plain shape, with a text for people."""
        return error_response(status, detail)

    def state(self) -> dict[str, object]:
        """Return organizations with their credentials, examples to reserve, and counts."""
        return commands.state_json(self)

    def commands(self) -> Mapping[str, ControlCommand]:
        """Return the control commands of Korus."""
        return commands.commands(self)
