"""What every sandbox has: a clock, faults, options, a log of its requests, and one way in."""

from __future__ import annotations

import abc
import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.delivery import DEFAULT_MAX_BODY_BYTES

from .clock import SandboxClock
from .faults import FaultList, Wait
from .log import RequestLog, RequestRecord
from .messages import MAX_BODY_BYTES, Delivery, SandboxRequest, SandboxResponse, http_date
from .options import Options
from .transport import SandboxTransport

ControlCommand: TypeAlias = Callable[[Mapping[str, object]], object]
"""A command of the control plane: takes a JSON object, and returns what can be written as JSON."""

NOT_UNICODE = "The request holds text that is not Unicode."
ENCODED = "The request's content encoding is not supported."
TOO_LARGE = "The request's body is too large."


def _nothing() -> None:
    """Have nothing to undo."""


@attrs.frozen
class Transaction:
    """A request that has begun and is in flight.

    Attributes:
        commit: Does the work in one step, without awaiting anything, and returns the response.
        rollback: Undoes what the begin marked, if there will be no response.
    """

    commit: Callable[[], SandboxResponse]
    rollback: Callable[[], None] = _nothing


class Sandbox(abc.ABC):
    """A provider's API, simulated with its state.

    A provider answers in `respond`. One that has something to mark while a request is in flight
    overrides `begin` instead.

    Args:
        clock: Clock to live by. Anything but a `SandboxClock` is wrapped in one.

    Attributes:
        name: Short name, used in control paths.
        clock: The settable clock.
        faults: What shall go wrong.
        requests: What came in, faulty or not.
        options: Switches for what the provider's documentation does not settle.
    """

    name: ClassVar[str]
    secret_parameters: ClassVar[frozenset[str]] = frozenset()

    # Each provider has a class of its own for them.
    options: Any = Options()

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: SandboxClock = clock if isinstance(clock, SandboxClock) else SandboxClock(clock)
        self.faults: FaultList = FaultList()
        self.requests: RequestLog = RequestLog()
        self._background: set[asyncio.Task[SandboxResponse]] = set()

    @abc.abstractmethod
    def owns(self, path: str) -> bool:
        """Tell whether a path belongs to this provider's API."""

    @abc.abstractmethod
    def respond(self, request: SandboxRequest) -> SandboxResponse:
        """Process a request in one step and return the response."""

    @abc.abstractmethod
    def error(self, status: int) -> SandboxResponse:
        """Return an error of that status in the provider's own shape."""

    def refuse(self, status: int, detail: str) -> SandboxResponse:
        """Return the error for a request that no endpoint gets to see, with a text for people."""
        return self.error(status)

    def begin(self, request: SandboxRequest) -> Transaction | SandboxResponse:
        """Start a request: return what is left to do, or the response if nothing is."""
        return Transaction(lambda: self.respond(request))

    def state(self) -> dict[str, object]:
        """Return what the control plane shows of this provider, as JSON."""
        return {}

    def commands(self) -> Mapping[str, ControlCommand]:
        """Return the provider's own control commands by name; each takes and returns JSON."""
        return {}

    def get_options(self) -> dict[str, object]:
        """Return the options as JSON."""
        return attrs.asdict(self.options)

    def set_options(self, changes: Mapping[str, object]) -> None:
        """Change options.

        Raises:
            ControlError: An option is unknown or its value is not allowed.
        """
        self.options = self.options.changed(changes)

    async def handle(self, request: SandboxRequest, *, patience: float = math.inf) -> Delivery:
        """Take a request, meet the faults scripted for it, and respond.

        Args:
            request: The request.
            patience: How many seconds the caller waits for the first byte of a response.
        """
        if len(request.body) > MAX_BODY_BYTES:
            return self.refuse(413, TOO_LARGE)  # as on a socket, where it is not read to its end
        self.requests.add(RequestRecord.of(request, self.clock.now(), self.secret_parameters))
        context = _Context(self, request, patience)
        fault = self.faults.take(request)
        return context.process() if fault is None else await fault.act(context)

    def transport(self, *, max_body_bytes: int = DEFAULT_MAX_BODY_BYTES) -> SandboxTransport:
        """Return an in-memory transport to this sandbox.

        Args:
            max_body_bytes: The largest body to accept, unless it flows into a sink.
        """
        return SandboxTransport(self, max_body_bytes=max_body_bytes)

    def date(self) -> str | None:
        """Return what the responses have as their ``Date``; None for none."""
        return http_date(self.clock.now().replace(microsecond=0))

    def _refusal(self, request: SandboxRequest) -> SandboxResponse | None:
        """Return the response to a request that must not get any further, or None."""
        if not request.is_unicode():
            return self.refuse(400, NOT_UNICODE)
        # RFC 9110, section 15.5.16. A body that was taken as it came would be read as garbage.
        if request.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}:
            return self.refuse(415, ENCODED)
        return None

    def _process_in_background(self, context: _Context, wait: Wait) -> None:
        task = asyncio.ensure_future(context.process_after(wait))
        self._background.add(task)  # keeps the task alive
        task.add_done_callback(self._background.discard)


class _Context:
    """One request on its way through a sandbox; see `faults.RequestContext`."""

    def __init__(self, sandbox: Sandbox, request: SandboxRequest, patience: float) -> None:
        self.clock = sandbox.clock
        self.patience = patience
        self._sandbox = sandbox
        self._request = request
        self._begun: Transaction | SandboxResponse | None = None

    def begin(self) -> None:
        if self._begun is None:
            refusal = self._sandbox._refusal(self._request)  # noqa: SLF001  # its other half
            self._begun = refusal or self._sandbox.begin(self._request)

    def abandon(self) -> None:
        if isinstance(self._begun, Transaction):
            self._begun.rollback()

    def process(self) -> SandboxResponse:
        self.begin()
        if not isinstance(self._begun, Transaction):
            assert self._begun is not None  # noqa: S101  # begin() has just set it
            return self._begun
        try:
            return self._begun.commit()
        except BaseException:
            self._begun.rollback()
            raise

    async def process_after(self, wait: Wait) -> SandboxResponse:
        self.begin()
        try:
            await wait()
        except BaseException:
            self.abandon()
            raise
        return self.process()

    def process_later(self, wait: Wait) -> None:
        self.begin()
        self._sandbox._process_in_background(self, wait)  # noqa: SLF001  # its other half

    def error(self, status: int) -> SandboxResponse:
        return self._sandbox.error(status)
