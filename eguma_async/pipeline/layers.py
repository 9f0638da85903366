"""How the layers of one session stand on each other, in the order of the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from eguma_async.core.clock import Clock
from eguma_async.core.hooks import SessionLoad
from eguma_async.core.messages import HttpResponse, Repeat
from eguma_async.core.permits import Permits
from eguma_async.core.provider import Provider, Verdict
from eguma_async.core.transport import Transport

from .authenticating import Auth, Authenticating
from .limiting import Limiting, Limits, Regulated, RegulatedFanOut, Regulation
from .observing import Notifier, Observing
from .options import CheckedOptions
from .policy import RetryPolicy
from .regulator import Load, regulator_for
from .retrying import Retrying
from .runner import Runner
from .wire import fingerprint


class Layers:
    """Builds the ways to the wire of one session, all with the same options.

    Args:
        provider: What responses mean.
        options: Those of the session.
        base_url: Where the API is.
        credential: Digest of the session's credentials; empty if they have none that lasts.

    Attributes:
        clock: The session's.
        random: Returns a number from 0 to 1.
        notifier: Tells the session's observer.
    """

    def __init__(
        self, provider: Provider, options: CheckedOptions, *, base_url: str, credential: str
    ) -> None:
        self.clock: Clock = options.clock
        self.random: Callable[[], float] = options.random
        self._provider = provider
        self._options = options
        self.notifier: Notifier = Notifier(
            provider.name, options.observer, options.clock, is_replay=provider.is_replay
        )
        limits = options.limits
        self._permits = Permits(limits.concurrency, limits.reserved)
        shared = limits.shared if credential else None
        name = fingerprint(f"{provider.name}|{base_url}|{credential}")
        ceiling = None if isinstance(limits.pacing, bool) else limits.pacing
        self._regulation = Regulation(
            regulator=regulator_for(
                credential,
                (provider.name, base_url),
                limits.adaptive,
                pacing=limits.pacing,
                shared=limits.shared,
                monotonic=options.clock.monotonic,
            ),
            verdict=provider.verdict,
            random=options.random,
            longest_wait=options.retry.max_retry_after,
            # Without retries, nobody is to wait for what became of another call.
            deadline=options.retry.deadline if options.retry.attempts > 1 else 0.0,
            shared=None if shared is None else shared.attach(name, ceiling=ceiling),
        )
        self._is_shut = False

    def shut(self) -> None:
        """Send nothing a second time from now on: the session is closed."""
        self._is_shut = True

    async def aclose(self) -> None:
        """Let go of what is shared with other processes."""
        if self._regulation.shared is not None:
            await self._regulation.shared.aclose()

    def network(self, transport: Transport) -> Transport:
        """Give each request one of the session's permits, and make an event of it."""
        return Limiting(
            self._observed(transport),
            permits=self._permits,
            clock=self.clock,
            notifier=self.notifier,
        )

    def regulated(self, transport: Transport, *, fan_out: bool = False) -> Transport:
        """Do the same, and keep to what the server takes from the session's credential.

        Args:
            transport: Carries the requests.
            fan_out: Keep to the limit that adapts, too.
        """
        layer = RegulatedFanOut if fan_out else Regulated
        return layer(
            self._observed(transport),
            permits=self._permits,
            clock=self.clock,
            notifier=self.notifier,
            regulation=self._regulation,
        )

    def _observed(self, transport: Transport) -> Transport:
        return Observing(transport, notifier=self.notifier, clock=self.clock)

    def session_load(self) -> SessionLoad:
        """Return what the session has under way now, and what bounds it."""
        regulator = self._regulation.regulator
        return SessionLoad(
            in_flight=self._permits.taken,
            waiting=self._permits.waiting,
            limit=regulator.limit,
            rate=regulator.rate(self.clock.monotonic()),
        )

    def load(self, concurrency: int | None) -> Load:
        """Return what a fan-out shows of the limits in force.

        Args:
            concurrency: Reads at once, if that was asked for.
        """
        most = self.most_at_once if concurrency is None else concurrency
        regulator, adapts = self._regulation.regulator, concurrency is None
        return Load(regulator, self.clock, most, adapts=adapts)

    def authenticated(self, network: Transport, auth: Auth, base_url: str) -> Runner:
        """Send again what may be sent again, each time with credentials that are valid."""
        inner = Authenticating(network, auth=auth, base_url=base_url)
        return self.repeated(inner, renews=auth.renews)

    @property
    def most_at_once(self) -> int:
        """How many reads of a fan-out may ever be under way at once."""
        return min(self._regulation.regulator.highest, self._options.limits.concurrency)

    def repeated(
        self,
        inner: Transport,
        *,
        policy: RetryPolicy | None = None,
        verdict: Callable[[HttpResponse, Repeat], Verdict] | None = None,
        renews: bool = False,
    ) -> Runner:
        """Send again what may be sent again.

        Args:
            inner: Carries one request.
            policy: How often and how long to try; the session's if not given.
            verdict: Says what a response means for a retry; the provider's if not given.
            renews: True if `inner` has other credentials to try after a 401.
        """
        options = self._options
        loop = Retrying(
            inner,
            policy=policy or options.retry,
            verdict=verdict or self._provider.verdict,
            clock=options.clock,
            random=options.random,
            renews=renews,
            is_shut=lambda: self._is_shut,
        )
        return Runner(loop, notifier=self.notifier, clock=options.clock)


class MakeAuth(Protocol):
    """Makes what knows the secrets of a session."""

    def __call__(self, network: Transport, layers: Layers, /) -> Auth:
        """Make it.

        Args:
            network: Carries the requests for credentials, without any.
            layers: Makes the way such a request takes.
        """
        ...


def default_transport(limits: Limits) -> Transport:
    """Make the transport of a session that was given none."""
    # Imported here: aiohttp costs most of the package's import time, and a fake needs none of it.
    from eguma_async.transports.aiohttp import AiohttpTransport  # noqa: PLC0415

    return AiohttpTransport(connections=limits.concurrency + limits.reserved)
