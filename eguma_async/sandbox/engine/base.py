"""What every sandbox has: a clock, faults, a log of its requests, and one way in."""

from __future__ import annotations

import abc
import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import ClassVar

import attrs

from eguma_async.core.clock import Clock

from .clock import SandboxClock
from .faults import FaultList, Park
from .messages import Delivery, SandboxRequest, SandboxResponse
from .transport import SandboxTransport

KEPT_REQUESTS = 10_000


@attrs.frozen
class RequestRecord:
    """One request that reached a sandbox, without anything secret.

    Attributes:
        at: When it came, by the sandbox's clock.
        method: HTTP verb.
        path: Path.
        query: Pairs of the query; the values of secret ones are ``***``.
        header_names: Lower-case names, sorted; no values.
        idempotency_key: Value of ``Idempotency-Key``, or None.
        body_sha256: Hexadecimal digest of the body's bytes.
    """

    at: datetime
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    header_names: tuple[str, ...]
    idempotency_key: str | None
    body_sha256: str


class RequestLog:
    """The latest requests, oldest first; `total` counts those that were forgotten too."""

    def __init__(self, maximum: int = KEPT_REQUESTS) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=maximum)
        self.total = 0

    def add(self, record: RequestRecord) -> None:
        """Append a record; the oldest one goes once the log is full."""
        self._records.append(record)
        self.total += 1

    def clear(self) -> None:
        """Forget all records and start counting anew."""
        self._records.clear()
        self.total = 0

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[RequestRecord]:
        return iter(tuple(self._records))

    def __getitem__(self, index: int) -> RequestRecord:
        return self._records[index]


def _nothing() -> None:
    """Have nothing to undo."""


@attrs.frozen
class Transaction:
    """A request that has begun and is in flight.

    Attributes:
        finish: Does the work in one step, without awaiting anything, and returns the answer.
        abandon: Undoes what the begin marked, if there will be no answer.
    """

    finish: Callable[[], SandboxResponse]
    abandon: Callable[[], None] = _nothing


class ControlError(ValueError):
    """A control command cannot be carried out; the text says why."""


ControlCommand = Callable[[Mapping[str, object]], object]


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
    """

    name: ClassVar[str]
    secret_parameters: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock if isinstance(clock, SandboxClock) else SandboxClock(clock)
        self.faults = FaultList()
        self.requests = RequestLog()
        self._background: set[asyncio.Task[None]] = set()

    @abc.abstractmethod
    def owns(self, path: str) -> bool:
        """Tell whether a path belongs to this provider's API."""

    @abc.abstractmethod
    def respond(self, request: SandboxRequest) -> SandboxResponse:
        """Process a request in one step and return the answer."""

    @abc.abstractmethod
    def error(self, status: int) -> SandboxResponse:
        """Return an error of that status in the provider's own shape."""

    def begin(self, request: SandboxRequest) -> Transaction | SandboxResponse:
        """Start a request: return what is left to do, or the answer if nothing is."""
        return Transaction(lambda: self.respond(request))

    def state(self) -> dict[str, object]:
        """Return what the control plane shows of this provider, as JSON."""
        return {}

    def commands(self) -> Mapping[str, ControlCommand]:
        """Return the provider's own control commands by name; each takes and returns JSON."""
        return {}

    def get_options(self) -> dict[str, object]:
        """Return the options as JSON."""
        return {}

    def set_options(self, changes: Mapping[str, object]) -> None:
        """Change options.

        Raises:
            ControlError: An option is unknown or its value is not allowed.
        """
        if changes:
            raise ControlError(f"{self.name} has no options")

    async def handle(self, request: SandboxRequest) -> Delivery:
        """Take a request, meet the faults scripted for it, and answer."""
        self.requests.add(self._record(request))
        fault = self.faults.take(request)
        call = _Call(self, request)
        return call.finish() if fault is None else await fault.act(call)

    def transport(self) -> SandboxTransport:
        """Return an in-memory transport to this sandbox."""
        return SandboxTransport(self)

    def _record(self, request: SandboxRequest) -> RequestRecord:
        query = tuple(
            (name, "***" if name.lower() in self.secret_parameters else value)
            for name, value in request.query
        )
        return RequestRecord(
            self.clock.now(),
            request.method,
            request.path,
            query,
            tuple(sorted(request.headers)),
            request.headers.get("idempotency-key"),
            hashlib.sha256(request.body).hexdigest(),
        )


class _Call:
    """One request on its way through a sandbox; see `faults.Call`."""

    def __init__(self, sandbox: Sandbox, request: SandboxRequest) -> None:
        self.clock: Clock = sandbox.clock
        self._sandbox = sandbox
        self._request = request
        self._begun: Transaction | SandboxResponse | None = None

    def begin(self) -> None:
        self._begun = self._sandbox.begin(self._request)

    def finish(self) -> SandboxResponse:
        if self._begun is None:
            self.begin()
        if not isinstance(self._begun, Transaction):
            assert self._begun is not None  # noqa: S101  # begin() has just set it
            return self._begun
        try:
            return self._begun.finish()
        except BaseException:
            self._begun.abandon()
            raise

    def abandon(self) -> None:
        if isinstance(self._begun, Transaction):
            self._begun.abandon()

    def detach(self, park: Park) -> None:
        task = asyncio.ensure_future(self._finish_later(park))
        self._sandbox._background.add(task)  # noqa: SLF001  # keeps the task alive
        task.add_done_callback(self._sandbox._background.discard)  # noqa: SLF001

    def error(self, status: int) -> SandboxResponse:
        return self._sandbox.error(status)

    async def _finish_later(self, park: Park) -> None:
        await park.wait(self)
        self.finish()
