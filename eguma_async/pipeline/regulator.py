"""What is known of how much a server takes from one credential, for all sessions that use it."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from eguma_async.core.clock import Clock
from eguma_async.core.limiter import SharedRate

from .adaptive import AdaptiveLimit, AdaptiveLimits
from .pacing import Pacer


class Regulator:
    """The limit that adapts, the rate, and the moment from which the server takes reads again.

    It may be shared by sessions in several event loops, each in a thread of its own.

    Args:
        bounds: Of the limit that adapts.
        pacing: True to keep a rate once the server has refused reads for being too many; a number
            for one that is known, in reads a second; False to keep none.
        is_shared: True if other processes know of the rate, too.

    Attributes:
        highest: Reads of fan-outs that may ever be under way at once.
        is_active: True if reads have to ask when they may go: a rate is known, or the server has
            refused something. It never becomes False again.
    """

    def __init__(
        self, bounds: AdaptiveLimits, *, pacing: bool | float = True, is_shared: bool = False
    ) -> None:
        known = None if isinstance(pacing, bool) else float(pacing)
        self._limit = AdaptiveLimit(bounds)
        self._pacer = None if pacing is False else Pacer(known)
        self._opens_at = 0.0
        # The collector may end a coroutine, and so give its permit back, while this thread is here.
        self._lock = threading.RLock()
        self._held = 0
        self._waiting: deque[_Turn] = deque()
        self.highest: int = bounds.highest
        self.is_active: bool = known is not None or is_shared

    # The limit

    @property
    def limit(self) -> int:
        """Reads of fan-outs that may be under way at once."""
        return int(self._limit.limit)

    @property
    def held(self) -> int:
        """Permits that are taken."""
        return self._held

    @property
    def waiting(self) -> int:
        """Reads of fan-outs that wait for a permit of the limit."""
        return len(self._waiting)

    def try_acquire(self) -> bool:
        """Take a permit of the limit if one is free, and nobody waits for it."""
        with self._lock:
            if self._waiting or self._held >= self.limit:
                return False
            self._held += 1
            return True

    async def acquire(self) -> None:
        """Wait for a permit of the limit, first come, first served, and take it."""
        turn = _Turn()
        with self._lock:
            self._waiting.append(turn)
            given = self._next_turns()
        self._wake(given)
        try:
            await turn.future
        except BaseException:  # not cancelled alone: its loop may end without it
            with self._lock:
                if turn.has_permit:
                    self._held -= 1
                elif turn in self._waiting:
                    self._waiting.remove(turn)
                given = self._next_turns()
            self._wake(given)
            raise

    def release(self) -> None:
        """Give a permit back, and to as many who wait as the limit now allows."""
        with self._lock:
            self._held -= 1
            given = self._next_turns()
        self._wake(given)

    def _next_turns(self) -> list[_Turn]:
        given = []
        while self._waiting and self._held < self.limit:
            turn = self._waiting.popleft()
            if turn.loop.is_closed():
                continue
            self._held += 1
            turn.has_permit = True
            given.append(turn)
        return given

    def _wake(self, given: list[_Turn]) -> None:
        """Wake those who have a permit now: never under the lock, never across threads."""
        while given:
            turn = given.pop(0)
            if not turn.wake():
                with self._lock:
                    turn.has_permit = False
                    self._held -= 1
                    given += self._next_turns()

    # What becomes of reads

    def started(self) -> None:
        """Count a read of a fan-out that goes out."""
        with self._lock:
            self._limit.started()

    def ended(self) -> None:
        """Count one that is over, whatever became of it."""
        with self._lock:
            self._limit.ended()

    def answered(self, began: float, now: float) -> None:
        """Learn from a read of a fan-out that succeeded.

        Args:
            began: When it went out, by the monotonic clock.
            now: When it was answered.
        """
        with self._lock:
            self._limit.answered(began, now)
            if self._pacer is not None:
                self._pacer.answered(began, now)

    def counted(self, began: float, now: float) -> None:
        """Count the answer to a read that is no part of a fan-out, once there is a rate to keep."""
        if self._pacer is not None:
            with self._lock:
                self._pacer.answered(began, now)

    def overloaded(self, began: float, now: float) -> None:
        """Learn from a request that the server had no time for."""
        with self._lock:
            self._limit.refused(began, now)
            self.is_active = True

    def refused(
        self, began: float, now: float, asked: float | None, *, too_many: bool = True
    ) -> None:
        """Learn from a request that the server refused before it did anything.

        Args:
            began: When it went out.
            now: When it was refused.
            asked: Seconds the server asked to wait, if it did: no read goes out before.
            too_many: True if there were too many in a time; False if there is no room now, which
                says nothing of a rate.
        """
        with self._lock:
            if too_many and self._pacer is not None and self._limit.is_news(began):
                self._pacer.refused(now, asked or 0.0)
            self._limit.refused(began, now)
            if asked:
                self._opens_at = max(self._opens_at, now + asked)
                if self._pacer is not None:
                    self._pacer.not_before(self._opens_at)
            self.is_active = True

    # When a read may go

    @property
    def keeps_rate(self) -> bool:
        """True if the turns that `reserve` gives keep a rate, and to what the server asked."""
        return self._pacer is not None and self._pacer.is_armed

    def closed_for(self, now: float) -> float:
        """Return the seconds until the server takes reads again, as it told one of us."""
        return max(0.0, self._opens_at - now)

    def reserve(self, now: float) -> float:
        """Take the next moment that the rate allows, and return the seconds until then."""
        if self._pacer is None or not self._pacer.is_armed:
            return 0.0
        with self._lock:
            return self._pacer.reserve(now)

    @property
    def cuts(self) -> int:
        """How often the rate was cut: turns that were taken before the last time are void."""
        return 0 if self._pacer is None else self._pacer.cuts

    def rate(self, now: float) -> float | None:
        """Return the reads a second that may go out; None if no rate is kept."""
        if self._pacer is None or not self._pacer.is_armed:
            return None
        return self._pacer.rate(now)


class Load:
    """What a fan-out shows of the limits in force.

    Args:
        regulator: What is known of the server.
        clock: The session's.
        most: Reads at once that the session allows, or that were asked for.
        adapts: True if the limit that adapts holds, too.
    """

    def __init__(self, regulator: Regulator, clock: Clock, most: int, *, adapts: bool) -> None:
        self._regulator = regulator
        self._clock = clock
        self._most = most
        self._adapts = adapts

    @property
    def limit(self) -> int:
        """Requests that may be under way at once."""
        return min(self._most, self._regulator.limit) if self._adapts else self._most

    @property
    def pace(self) -> float | None:
        """Requests a second that the server is known to take."""
        return self._regulator.rate(self._clock.monotonic())


class _Turn:
    """Somebody who waits for a permit, in whatever event loop."""

    __slots__ = ("future", "has_permit", "loop")

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = self.loop.create_future()
        self.has_permit = False

    def wake(self) -> bool:
        """Let it go on; False if its loop has closed meanwhile."""
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:  # a coroutine that the garbage collector closes
            here = None
        if self.loop is here:
            self._let_go()
            return True
        try:
            self.loop.call_soon_threadsafe(self._let_go)
        except RuntimeError:
            return False
        return True

    def _let_go(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


_REGULATORS: weakref.WeakValueDictionary[Any, Regulator] = weakref.WeakValueDictionary()
_REGISTERING = threading.Lock()


def regulator_for(
    credential: str,
    place: tuple[str, str],
    bounds: AdaptiveLimits,
    *,
    pacing: bool | float,
    shared: SharedRate | None,
    monotonic: Callable[[], float],
) -> Regulator:
    """Return the regulator of a credential: one for all sessions of this process that use it.

    Args:
        credential: Digest of the credential; empty for one that does not last, and shares nothing.
        place: Provider and base URL.
        bounds: As for `Regulator`.
        pacing: The same.
        shared: Where the rate is shared with other processes.
        monotonic: What time it goes by: moments of two clocks cannot be compared.
    """
    if not credential:
        return Regulator(bounds, pacing=pacing)
    is_shared = shared is not None
    key = (credential, *place, bounds, pacing, type(pacing), id(shared), monotonic)
    with _REGISTERING:
        found = _REGULATORS.get(key)
        if found is None:
            found = _REGULATORS[key] = Regulator(bounds, pacing=pacing, is_shared=is_shared)
        return found
