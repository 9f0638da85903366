"""How the layers of one session stand on each other, in the order of the wire."""

from __future__ import annotations

import attrs

from eguma_async.core.provider import Provider
from eguma_async.core.transport import Transport

from .authenticating import Auth, Authenticating
from .limiting import Limiting, Limits
from .observing import Notifier, Observing
from .options import CheckedOptions
from .retrying import Retrying


@attrs.frozen
class Layers:
    """What the layers of one session have in common."""

    provider: Provider
    options: CheckedOptions
    notifier: Notifier

    def network(self, transport: Transport) -> Transport:
        """Give each request to a transport a permit, and make an event of it."""
        observing = Observing(transport, notifier=self.notifier, clock=self.options.clock)
        return Limiting(observing, limits=self.options.limits)

    def authenticated(self, network: Transport, auth: Auth, base_url: str) -> Retrying:
        """Send again what may be sent again, each time with credentials that are valid."""
        inner = Authenticating(network, auth=auth, base_url=base_url)
        return self.repeated(inner, renews=auth.renews)

    def repeated(self, inner: Transport, *, renews: bool = False) -> Retrying:
        """Send again what may be sent again."""
        return Retrying(
            inner,
            policy=self.options.retry,
            verdict=self.provider.verdict,
            clock=self.options.clock,
            random=self.options.random,
            renews=renews,
        )


def default_transport(limits: Limits) -> Transport:
    """Make the transport of a session that was given none."""
    # Imported here: aiohttp costs most of the package's import time, and a fake needs none of it.
    from eguma_async.transports.aiohttp import AiohttpTransport  # noqa: PLC0415

    return AiohttpTransport(connections=limits.concurrency)
