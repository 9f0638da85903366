"""What the tests of the transport contract work with."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar, Protocol

import attrs
import pytest

from eguma_async.core.errors import EgumaError
from eguma_async.core.messages import HttpRequest, HttpResponse
from eguma_async.core.transport import Transport

from . import _secrets
from .peers import Peer


class Subject(Protocol):
    """A test class: it says what is tested, and against which peer."""

    PATIENCE: ClassVar[float]

    def make_peer(self) -> Peer:
        """Return the far end."""
        ...

    def make_transport(self, peer: Peer, /) -> Transport:
        """Return a new transport that reaches the peer."""
        ...


@attrs.frozen
class Stage:
    """What a check works with.

    Attributes:
        transport: The transport under test.
        peer: What it reaches.
    """

    transport: Transport
    peer: Peer

    def request(self, method: str = "GET", **changes: Any) -> HttpRequest:
        """Make a request with credentials of every kind."""
        defaults: dict[str, Any] = {"url": self.peer.url, "credentials": _secrets.CREDENTIALS}
        return HttpRequest(**{"method": method, **defaults, **changes})

    async def send(self, method: str = "GET", **changes: Any) -> HttpResponse:
        """Send a request."""
        return await self.transport.send(self.request(method, **changes))

    async def failing(self, method: str = "GET", **changes: Any) -> EgumaError:
        """Send a request that fails, and return its error, which must show no secret."""
        with pytest.raises(EgumaError) as caught:
            await self.send(method, **changes)
        hides_secrets(caught.value)
        return caught.value


class Sink:
    """Keeps what flows into it."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    async def write(self, chunk: bytes, /) -> None:
        """Take a piece, and let others run."""
        await asyncio.sleep(0)
        self.chunks.append(chunk)

    def restart(self) -> None:
        """Forget what came."""
        self.chunks.clear()


Judge = Callable[..., Awaitable[None]]
"""A check of a stage, as an async function."""


def check(judge: Judge) -> Callable[..., None]:
    """Make a plain test of an async function of a stage.

    The transport is made outside of any event loop (rule 5), and the logs are read at the end
    (rule 4).
    """

    def test(self: Subject, **arguments: Any) -> None:
        peer = self.make_peer()
        stage = Stage(self.make_transport(peer), peer)
        asyncio.run(_run(stage, partial(judge, self, stage, **arguments), self.PATIENCE))

    test.__name__, test.__qualname__ = judge.__name__, judge.__qualname__
    test.__module__, test.__doc__ = judge.__module__, judge.__doc__
    signature = inspect.signature(judge)
    shown = [parameter for name, parameter in signature.parameters.items() if name != "stage"]
    test.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    return test


async def _run(stage: Stage, judge: Callable[[], Awaitable[None]], patience: float) -> None:
    with _secrets.all_logs() as records:
        async with asyncio.timeout(patience), stage.peer.serving():
            try:
                await judge()
            finally:
                await stage.transport.aclose()
    found = _secrets.found_in(_secrets.all_shown_in(records))
    assert not found, f"rule 4: a log shows {found}"


def hides_secrets(error: BaseException) -> None:
    """Check that nothing about an error shows a secret, and nothing hangs on it."""
    assert (error.__cause__, error.__context__) == (None, None), "rule 4: errors stand alone"
    found = _secrets.found_in(_secrets.all_shown_by(error))
    assert not found, f"rule 4: {type(error).__name__} shows {found}"
