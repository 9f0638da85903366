"""The layers that keep what is under way within bounds: of a session, and of its credential."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from eguma_async.core.hooks import WaitReason
from eguma_async.core.limiter import SharedPace, SharedRate
from eguma_async.core.messages import HttpRequest, HttpResponse, Repeat
from eguma_async.core.permits import Permits
from eguma_async.core.provider import Verdict, retry_after
from eguma_async.core.transport import Transport

from .adaptive import AdaptiveLimits
from .call import cancelled_as
from .observing import Notifier
from .regulator import Regulator

_TELLING = 408
"""Statuses from here on may say that the server was asked too much."""
_SLOWEST, _FASTEST = 0.001, 1e6
"""Reads a second. A slower rate would have a read wait for hours, or for ever."""
_LATE = 0.001
"""Seconds after which a moment has surely passed."""


@attrs.frozen(kw_only=True)
class Limits:
    """How much a session asks of a server at once.

    `concurrency` bounds one session. The rest belongs to the credential: all sessions of a process
    that use one key, with the same `adaptive`, `pacing` and `shared`, keep to one limit and one
    rate, and all wait when the server has told one of them to.

    Attributes:
        concurrency: Requests under way at once, and connections kept for them. Further ones wait
            for their turn; the timeouts of an attempt begin after that.
        reserved: Further permits and connections for what is no read, such as bookings and
            cancellations, so that they are never queued behind reads.
        adaptive: Bounds of the limit that a fan-out without a `concurrency` of its own keeps to.
            It begins low, grows while the server keeps up, and is cut when it refuses.
        pacing: True to send reads evenly, at the rate at which the server was seen to answer them,
            once it has refused one for being too many; a number of reads a second that it is known
            to take, to be kept from the start; False for neither.
        shared: Where processes share the rate of a credential, such as
            ``RedisRate("redis://localhost")``.
    """

    concurrency: int = attrs.field(default=100)
    reserved: int = attrs.field(default=4)
    adaptive: AdaptiveLimits = attrs.field(factory=AdaptiveLimits)
    pacing: bool | float = attrs.field(default=True)
    shared: SharedRate | None = attrs.field(default=None)

    @concurrency.validator
    def _check_concurrency(self, _: object, value: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigurationError("concurrency must be a whole number of at least 1")

    @reserved.validator
    def _check_reserved(self, _: object, value: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ConfigurationError("reserved must be a whole number of at least 0")

    @adaptive.validator
    def _check_adaptive(self, _: object, value: object) -> None:
        if not isinstance(value, AdaptiveLimits):
            raise ConfigurationError("adaptive must be AdaptiveLimits(...)")

    @pacing.validator
    def _check_pacing(self, _: object, value: object) -> None:
        is_rate = isinstance(value, (int, float)) and _SLOWEST <= value <= _FASTEST
        if not (isinstance(value, bool) or is_rate):
            raise ConfigurationError(
                "pacing must be True, False, or a number of reads a second from"
                f" {_SLOWEST:g} to {_FASTEST:g}"
            )

    @shared.validator
    def _check_shared(self, _: object, value: object) -> None:
        if value is not None and (isinstance(value, type) or not hasattr(value, "attach")):
            raise ConfigurationError(
                'shared must be an object such as RedisRate("redis://localhost"), not'
                f" {type(value).__name__}"
            )

    def __attrs_post_init__(self) -> None:
        if self.shared is not None and self.pacing is False:
            raise ConfigurationError("shared needs pacing: what processes share is their rate")


class Limiting:
    """Gives each request a permit. Waiting for a retry holds none.

    Args:
        inner: Carries one request.
        permits: As many as there may be requests under way.
        clock: Tells whether it is too late.
        notifier: Tells an observer of the waiting; None if there is none.
    """

    def __init__(
        self,
        inner: Transport,
        *,
        permits: Permits,
        clock: Clock,
        notifier: Notifier | None = None,
    ) -> None:
        self._inner = inner
        self._permits = permits
        self._clock = clock
        self._notifier = notifier if notifier is not None and notifier.is_heard else None

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send as soon as there is a permit.

        A cancellation before that has a `NotSentError` as its cause.

        Raises:
            NotSentError: It came too late: see `HttpRequest.begin_by`.
        """
        await self._acquire(request)
        try:
            self._require_in_time(request)
            return await self._inner.send(request)
        finally:
            self._permits.release()

    async def _acquire(self, request: HttpRequest) -> None:
        ahead = request.repeat is not Repeat.READ
        if not self._permits.try_acquire(ahead=ahead):
            with self._waiting(request, WaitReason.REQUESTS):
                await self._permits.acquire(ahead=ahead)

    def _waiting(self, request: HttpRequest, reason: WaitReason) -> AbstractContextManager[None]:
        """Say of a cancellation that nothing was sent, and tell an observer how long it took."""
        meaning = NotSentError("cancelled while waiting for its turn")
        if self._notifier is None:
            return cancelled_as(meaning)
        return self._notifier.timing(request, reason, meaning)

    def _require_in_time(self, request: HttpRequest) -> None:
        if request.begin_by is not None and self._clock.monotonic() > request.begin_by:
            raise NotSentError("not sent: its turn came after the deadline of the call")

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


@attrs.frozen(kw_only=True)
class Regulation:
    """What the layers of a session need to keep to what its credential may ask for.

    Attributes:
        regulator: What is known of the server.
        verdict: Says what a response means for a retry.
        random: Returns a number from 0 to 1.
        longest_wait: Longest time a server may ask reads to wait, in seconds; a longer one ends
            the call that was told, and that one alone.
        deadline: Seconds from the start of a call after which no attempt starts.
        shared: The rate that other processes keep to as well.
    """

    regulator: Regulator
    verdict: Callable[[HttpResponse, Repeat], Verdict]
    random: Callable[[], float]
    longest_wait: float
    deadline: float
    shared: SharedPace | None = None


class Regulated(Limiting):
    """Lets single requests keep to the rate of their credential, and learns from refusals.

    Only reads wait. Until a server has refused one, this looks at an attribute and a status.

    Args:
        inner: As for `Limiting`.
        permits: The same.
        clock: The same.
        notifier: The same.
        regulation: What to keep to.
    """

    def __init__(
        self,
        inner: Transport,
        *,
        permits: Permits,
        clock: Clock,
        notifier: Notifier | None = None,
        regulation: Regulation,
    ) -> None:
        super().__init__(inner, permits=permits, clock=clock, notifier=notifier)
        self._regulation = regulation
        self._regulator = regulation.regulator
        self._random = regulation.random
        self._shared = regulation.shared

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send as soon as there is a permit, and as the rate allows.

        Raises:
            NotSentError: It came too late: see `HttpRequest.begin_by`.
        """
        # Not by way of a method of its own: every request of every session passes here.
        if not self._permits.try_acquire(ahead=request.repeat is not Repeat.READ):
            await self._acquire(request)
        try:
            if not self._regulator.is_active:
                if request.begin_by is not None:
                    self._require_in_time(request)
                response = await self._inner.send(request)
                if response.status >= _TELLING:  # it went out before anything was known
                    await self._learn(request, response, -math.inf)
                return response
            if request.repeat is not Repeat.READ:
                return await self._in_turn(request)
        finally:
            self._permits.release()
        return await self._read_in_turn(request)

    async def _read_in_turn(self, request: HttpRequest) -> HttpResponse:
        while True:
            await self._wait(request)  # without a permit: those beyond the reserved are for writes
            await self._acquire(request)
            try:
                if not self._must_wait():
                    return await self._in_turn(request)
            finally:
                self._permits.release()

    def _must_wait(self) -> bool:
        """Tell whether the server asked one of us to wait, while this one waited for a permit."""
        return 0 < self._regulator.closed_for(self._clock.monotonic()) <= self._regulation.deadline

    async def _in_turn(self, request: HttpRequest) -> HttpResponse:
        self._require_in_time(request)
        began = self._clock.monotonic()
        response = await self._inner.send(request)
        if response.status >= _TELLING:
            await self._learn(request, response, began)
        elif request.repeat is Repeat.READ:
            self._regulator.counted(began, self._clock.monotonic())
            if self._shared is not None:
                self._shared.succeeded()
        return response

    async def _learn(self, request: HttpRequest, response: HttpResponse, began: float) -> None:
        """Learn from a response that may be a refusal for being one too many."""
        now = self._clock.monotonic()
        if self._regulation.verdict(response, request.repeat) is not Verdict.REFUSED:
            if response.status in (408, 503, 504):
                self._regulator.overloaded(began, now)
            return
        asked = retry_after(response, self._clock.now())
        if asked is not None and asked > self._regulation.longest_wait:
            asked = None
        too_many = response.status == 429
        self._regulator.refused(began, now, asked, too_many=too_many)
        if too_many and self._shared is not None:
            await self._shared.refused(asked)

    async def _wait(self, request: HttpRequest) -> None:
        """WaitReason until the server takes reads again, and for the turn that the rate allows."""
        regulator, clock = self._regulator, self._clock
        with self._waiting(request, WaitReason.RATE):
            while regulator.closed_for(clock.monotonic()) <= self._regulation.deadline:
                cuts = regulator.cuts
                wait = await self._next_turn()
                if wait > 0:
                    await self._sleep(wait, request)
                left = regulator.closed_for(clock.monotonic())
                if not left and cuts == regulator.cuts:
                    return
                # The next turn of a rate of our own comes after that anyway.
                if left and (self._shared is not None or not regulator.keeps_rate):
                    # Not all of them at one moment.
                    await self._sleep(left + self._random() * min(1.0, 0.1 * left), request)

    async def _next_turn(self) -> float:
        shared = None if self._shared is None else await self._shared.reserve()
        if shared is not None:
            return shared
        return self._regulator.reserve(self._clock.monotonic())

    async def _sleep(self, seconds: float, request: HttpRequest) -> None:
        """Sleep, until the deadline of the call at most."""
        if request.begin_by is not None:
            seconds = min(seconds, max(0.0, request.begin_by - self._clock.monotonic()) + _LATE)
        await self._clock.sleep(seconds)
        self._require_in_time(request)


class RegulatedFanOut(Regulated):
    """Lets the reads of fan-outs keep to the limit that adapts besides, and teaches it.

    Args:
        inner: As for `Limiting`.
        permits: The same: those of the session.
        clock: The same.
        notifier: The same.
        regulation: What to keep to.
    """

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send as soon as there is a permit of the limit, and one of the session."""
        regulator = self._regulator
        if not regulator.try_acquire():
            with self._waiting(request, WaitReason.LIMIT):
                await regulator.acquire()
        try:
            while True:
                if regulator.is_active:
                    await self._wait(request)  # without a permit of the session: others need them
                await self._acquire(request)
                try:
                    if not (regulator.is_active and self._must_wait()):
                        return await self._learning(request)
                finally:
                    self._permits.release()
        finally:
            regulator.release()

    async def _learning(self, request: HttpRequest) -> HttpResponse:
        self._require_in_time(request)
        regulator, began = self._regulator, self._clock.monotonic()
        regulator.started()
        try:
            response = await self._inner.send(request)
            if response.status >= _TELLING:
                await self._learn(request, response, began)
            elif 200 <= response.status < 300:
                regulator.answered(began, self._clock.monotonic())
                if self._shared is not None:
                    self._shared.succeeded()
        except OutcomeUnknownError:
            now = self._clock.monotonic()
            if now - began >= min(request.timeouts.read, request.timeouts.total):
                regulator.overloaded(began, now)  # no answer in all that time
            raise
        finally:
            regulator.ended()
        return response
