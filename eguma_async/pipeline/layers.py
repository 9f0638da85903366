"""How the layers of one session stand on each other."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.provider import Provider
from eguma_async.core.transport import Transport

from .limiting import Limiting, Limits
from .observing import Observer, Observing
from .policy import RetryPolicy
from .retrying import Retrying


@attrs.frozen
class Layers:
    """What the layers of one session have in common."""

    provider: Provider
    policy: RetryPolicy
    limits: Limits
    clock: Clock
    observer: Observer | None
    random: Callable[[], float]

    def limited(self, inner: Transport) -> Transport:
        """Keep the requests of one transport within bounds."""
        return Limiting(inner, limits=self.limits)

    def observed(self, inner: Transport) -> Transport:
        """Tell of each attempt."""
        return Observing(
            inner, provider=self.provider.name, observer=self.observer, clock=self.clock
        )

    def retried(self, inner: Transport) -> Transport:
        """Send again what may be sent again, and tell of each attempt."""
        return Retrying(
            self.observed(inner),
            policy=self.policy,
            verdict=self.provider.verdict,
            clock=self.clock,
            random=self.random,
        )


def default_transport(limits: Limits) -> Transport:
    """Make the transport of a session that was given none."""
    # Imported here: aiohttp costs most of the package's import time, and a fake needs none of it.
    from eguma_async.transports.aiohttp import AiohttpTransport  # noqa: PLC0415

    return AiohttpTransport(connections=limits.concurrency)
