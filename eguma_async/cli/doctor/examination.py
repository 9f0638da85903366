"""Who is examined, and what is known so far."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from eguma_async.cli.errors import Advice

if TYPE_CHECKING:
    from eguma_async.cli.journal.options import JournalChoice
    from eguma_async.core.clock import Clock
    from eguma_async.core.errors import EgumaError
    from eguma_async.core.messages import HttpRequest, HttpResponse, Timeouts
    from eguma_async.core.transport import Transport
    from eguma_async.pipeline.options import SessionOptions
    from eguma_async.pipeline.session import BaseSession

SECURE_PORT = 443
PLAIN_PORT = 80


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A credential, and where it comes from.

    Attributes:
        name: What it is, such as "API key".
        variable: Its environment variable.
        source: Where it was taken from: the variable, or "stdin".
        value: The credential; None if there is none.
    """

    name: str
    variable: str
    source: str
    value: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A server that has to be reached.

    Attributes:
        name: What it is for programs; empty for the API itself.
        title: What it is for people.
        url: Where it is.
        source: What says so: an option, an environment variable, or the profile.
        is_default: True if nothing does.
    """

    name: str = ""
    title: str = "API"
    url: str
    source: str
    is_default: bool

    @property
    def is_secure(self) -> bool:
        """True if it is reached over TLS."""
        return urlsplit(self.url).scheme == "https"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return host_and_port(self.url)


def host_and_port(url: str) -> tuple[str, int]:
    """Return host and port of a URL that was checked."""
    parts = urlsplit(url)
    default = SECURE_PORT if parts.scheme == "https" else PLAIN_PORT
    return parts.hostname or "", parts.port or default


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What the read that proves the key has returned.

    Attributes:
        said: In a few words, such as "12 products of Bergbahn Muster AG".
        count: How many elements.
        unreadable: How many more could not be read.
    """

    said: str
    count: int
    unreadable: int


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A provider as the doctor sees it.

    Attributes:
        provider: Its name.
        command: What stands between `eguma` and the names of its commands.
        prefixes: What the names of its environment variables begin with.
        variables: Those that mean something.
        secrets: Its credentials.
        places: The servers to reach, the API first; none for a sandbox within this process.
        probe: Path of a read, to be asked without credentials.
        advice: Words and advice for a call that fails.
        open: Makes a session.
        read: Reads what proves the credentials.
    """

    provider: str
    command: tuple[str, ...]
    prefixes: tuple[str, ...]
    variables: frozenset[str]
    secrets: tuple[Secret, ...]
    places: tuple[Place, ...]
    probe: str
    advice: Advice
    open: Callable[[SessionOptions], BaseSession]
    read: Callable[[Any], Awaitable[Contents]]


class WatchedTransport:
    """Notes how long each request takes.

    Args:
        inner: Carries the requests.
        timer: Times them.

    Attributes:
        seconds: How long each took that was answered.
        last: The last response.
    """

    def __init__(self, inner: Transport, timer: Clock) -> None:
        self._inner = inner
        self._timer = timer
        self.seconds: list[float] = []
        self.last: HttpResponse | None = None

    @property
    def clock(self) -> Clock | None:
        """The time of day where the requests go, if that is known."""
        from eguma_async.core.transport import clock_of

        return clock_of(self._inner)

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request."""
        begun = self._timer.monotonic()
        response = await self._inner.send(request)
        self.seconds.append(self._timer.monotonic() - begun)
        self.last = response
        return response

    async def aclose(self) -> None:
        """Close the way to the network."""
        await self._inner.aclose()


@dataclass(kw_only=True)
class Examination:
    """One examination: what to look at, and what the checks have handed on.

    Attributes:
        subject: The provider.
        transport: The way to the network, or to the sandbox.
        proxy: URL of a proxy on the way; None for none.
        timeouts: How long each step may take.
        clock: The time of day, and the timer.
        journal: Which journal.
        is_local: True for a sandbox within this process.
        addresses: IP addresses of each place, found by its name.
        reached: The address of each place that took a connection.
        date: The ``Date`` of a response, and when it came.
        error: What ended the read that proves the credentials.
        contents: What it returned.
    """

    subject: Subject
    transport: WatchedTransport
    proxy: str | None
    timeouts: Timeouts
    clock: Clock
    journal: JournalChoice
    is_local: bool
    addresses: dict[str, list[str]] = field(default_factory=dict)
    reached: dict[str, str] = field(default_factory=dict)
    date: tuple[str, float] | None = None
    error: EgumaError | None = None
    contents: Contents | None = None
