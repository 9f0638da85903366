"""The only loop that sends again: it decides whether, and waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from eguma_async.core.clock import Clock
from eguma_async.core.elements import LARGE_BODY
from eguma_async.core.errors import DecodingError, EgumaError, NotSentError, OutcomeUnknownError
from eguma_async.core.messages import BodySink, HttpRequest, HttpResponse, Repeat
from eguma_async.core.provider import Verdict, retry_after
from eguma_async.core.transport import Transport

from .call import Call
from .policy import RetryBudget, RetryPolicy


class Retrying:
    """Sends again what may be sent again, with the same bytes, within the policy's bounds.

    Args:
        inner: Carries one request.
        policy: How often and how long to try.
        verdict: Says what a response means for a retry.
        clock: Times the pauses.
        random: Returns a number from 0 to 1, for their jitter.
        renews: True if `inner` has other credentials to try after a 401.
        is_shut: Tells whether the session is closed, and nothing is sent again.
    """

    def __init__(
        self,
        inner: Transport,
        *,
        policy: RetryPolicy,
        verdict: Callable[[HttpResponse, Repeat], Verdict],
        clock: Clock,
        random: Callable[[], float],
        renews: bool = False,
        is_shut: Callable[[], bool] = lambda: False,
    ) -> None:
        self._inner = inner
        self._policy = policy
        self._verdict = verdict
        self._clock = clock
        self._random = random
        self._renews = renews
        self._is_shut = is_shut
        # Apart, so that a storm of reads cannot starve a booking.
        self._budgets = {True: RetryBudget(policy.budget), False: RetryBudget(policy.budget)}

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()

    async def run(self, call: Call[Any], request: HttpRequest) -> HttpResponse:
        """Send until there is a response to keep, and return it: a success, read, or a refusal.

        Raises:
            EgumaError: There is none, or the success cannot be read.
        """
        outcome: HttpResponse | EgumaError
        verdict: Verdict | None
        while True:
            call.attempts += 1
            try:
                response = await self._inner.send(request)
            except asyncio.CancelledError as cancelled:
                call.cancelled(cancelled, under_way=True)
                raise
            except EgumaError as error:
                _hand_on_if_own(error, request.sink)
                outcome, verdict = error.with_traceback(None), _verdict_on(error, call)
            else:
                if len(response.body) >= LARGE_BODY and call.ahead is not None:
                    await call.ahead(call, response)
                outcome, verdict = self._judged(call, request, response)
                if verdict is None:
                    return response
            if not await self._goes_on(call, request, outcome, verdict):
                if isinstance(outcome, HttpResponse):
                    return outcome
                raise call.failure(outcome)
            call.was_answered = False
            begin_by = call.limited_from + self._policy.deadline
            request = request.but(attempt=call.attempts + 1, begin_by=begin_by)

    def _judged(
        self, call: Call[Any], request: HttpRequest, response: HttpResponse
    ) -> tuple[HttpResponse | EgumaError, Verdict | None]:
        """Return what a response comes to: no verdict on a success that can be taken as one."""
        call.was_answered = True
        if not 200 <= response.status < 300:
            call.response = response
            return response, self._verdict(response, request.repeat)
        call.response = response
        try:
            if call.read is not None:
                call.value = call.read(call, response)
        except EgumaError as error:
            if not isinstance(error, DecodingError):
                call.in_doubt = False  # it was read: now it is known what was done
            # Without the frames below: those of a decoder hold the body, and so a customer.
            return error.with_traceback(None), _verdict_on_success(error, call)
        budget = self._budgets[call.is_read]
        if not budget.is_full:
            budget.answered(call.spent)
        return response, None

    async def _goes_on(
        self,
        call: Call[Any],
        request: HttpRequest,
        outcome: HttpResponse | EgumaError,
        verdict: Verdict,
    ) -> bool:
        """Wait for the next attempt, and tell whether there is one."""
        pause = self._pause(call, outcome, verdict)
        if pause is None:
            return False
        if request.sink is not None:
            _restart(request.sink, call, outcome)
        await self._sleep(call, pause)
        if self._is_shut():
            return False
        if call.before_again is not None:
            await _ask_leave(call, call.before_again)
        return True

    def _pause(
        self, call: Call[Any], outcome: HttpResponse | EgumaError, verdict: Verdict
    ) -> float | None:
        """Count an attempt; return the seconds until the next one, None if there is none."""
        now = self._clock.monotonic()
        response = outcome if isinstance(outcome, HttpResponse) else None
        asked = None if response is None else retry_after(response, self._clock.now())
        call.retry_after = asked
        # A wait too short to slow anybody down is none: it would let one call ask without end.
        told = asked is not None and asked >= self._policy.throttled_base
        call.count(verdict, told_to_wait=told)
        budget = self._budgets[call.is_read]
        if verdict is Verdict.UNAUTHORIZED and self._renews and call.unauthorized == 1:
            return 0.0 if now - call.limited_from <= self._policy.deadline else None
        pause = self._policy.pause(
            verdict,
            call.repeat,
            failures=call.failures,
            polls=call.polls,
            elapsed=now - call.limited_from,
            retry_after=asked,
            fraction=self._random(),
        )
        if pause is None:
            if call.was_answered and verdict is not Verdict.UNKNOWN:
                budget.answered(call.spent)  # the server is up
            return None
        if verdict in (Verdict.IN_PROGRESS, Verdict.REFUSED):
            return pause  # neither is a failure, which is what the budget is for
        if not budget.spend():
            return None
        call.spent += 1
        return pause

    async def _sleep(self, call: Call[Any], pause: float) -> None:
        try:
            await self._clock.sleep(pause)
        except asyncio.CancelledError as cancelled:
            call.cancelled(cancelled, under_way=False)
            raise


async def _ask_leave(call: Call[Any], before_again: Callable[[], Awaitable[None]]) -> None:
    try:
        await before_again()
    except asyncio.CancelledError as cancelled:
        call.cancelled(cancelled, under_way=False)
        raise
    except EgumaError as refused:
        failure = call.failure(refused.with_traceback(None))
    else:
        return
    raise failure


def _verdict_on(error: EgumaError, call: Call[Any]) -> Verdict:
    """Return what an attempt came to that gave no response to judge."""
    if isinstance(error, DecodingError):  # of a success, seen while it came
        return _verdict_on_success(error, call)
    if isinstance(error, NotSentError):
        return Verdict.NOT_SENT
    if isinstance(error, OutcomeUnknownError):
        return Verdict.UNKNOWN
    return Verdict.FINAL  # no credentials, a closed transport: no use to try again


def _verdict_on_success(error: EgumaError, call: Call[Any]) -> Verdict:
    """Return what a success comes to that cannot be taken as one, whatever class says so."""
    if isinstance(error, DecodingError) and error.malformed:
        # One that is no JSON at all may have been cut; one more look tells.
        call.unreadable += 1
        return Verdict.UNKNOWN if call.unreadable == 1 else Verdict.FINAL
    return Verdict.FINAL


class WatchedSink:
    """A caller's sink, whose own errors are told from those of the request that fills it.

    Args:
        sink: Takes the body.

    Attributes:
        error: What it raised last.
    """

    def __init__(self, sink: BodySink) -> None:
        self._sink = sink
        self.error: EgumaError | None = None

    async def write(self, chunk: bytes, /) -> None:
        """Take the next piece."""
        try:
            await self._sink.write(chunk)
        except EgumaError as error:
            self.error = error
            raise

    def restart(self) -> None:
        """Forget what came so far."""
        self._sink.restart()


def _hand_on_if_own(error: EgumaError, sink: BodySink | None) -> None:
    """Raise an error that is the caller's own, and says nothing of the request."""
    if isinstance(sink, WatchedSink) and error is sink.error:
        raise error


def _restart(sink: BodySink, call: Call[Any], outcome: HttpResponse | EgumaError) -> None:
    try:
        sink.restart()
    except EgumaError:
        if isinstance(outcome, EgumaError):
            raise call.failure(outcome) from None
        raise
