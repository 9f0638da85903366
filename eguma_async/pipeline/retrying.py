"""The layer that decides whether to send again, and waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.errors import EgumaError, NotSentError, OutcomeUnknownError, TransportError
from eguma_async.core.messages import HttpRequest, HttpResponse, Replay
from eguma_async.core.provider import Verdict, retry_after
from eguma_async.core.transport import Transport

from .policy import RetryBudget, RetryPolicy


@attrs.define
class _Course:
    """How one call has gone so far."""

    began: float
    attempt: int = 1
    failures: int = 0
    polls: int = 0
    retries: int = 0
    unknown_before: bool = False
    unknown: bool = False

    def note(self, verdict: Verdict) -> None:
        self.unknown_before = self.unknown
        self.unknown = self.unknown or verdict in (Verdict.UNKNOWN, Verdict.IN_PROGRESS)
        if verdict is Verdict.IN_PROGRESS:
            self.polls += 1
        else:
            self.failures += 1


class Retrying:
    """Sends again what may be sent again, with the same bytes, within the policy's bounds."""

    def __init__(
        self,
        inner: Transport,
        *,
        policy: RetryPolicy,
        verdict: Callable[[HttpResponse, Replay], Verdict],
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._inner = inner
        self._policy = policy
        self._verdict = verdict
        self._clock = clock
        self._random = random
        # Apart, so that a storm of reads cannot starve a booking.
        self._budgets = {True: RetryBudget(policy.budget), False: RetryBudget(policy.budget)}

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send until there is an answer to keep or no further attempt is due."""
        course = _Course(self._clock.monotonic())
        budget = self._budgets[request.method == "GET"]
        while True:
            outcome, verdict = await self._attempt(request, course)
            if verdict is Verdict.OK:
                budget.succeed(course.retries)
                return _finish(outcome, course)
            course.note(verdict)
            pause = self._pause(outcome, verdict, request.replay, course)
            if pause is None or not (verdict is Verdict.IN_PROGRESS or budget.spend()):
                return _finish(outcome, course)
            request = await self._again(request, outcome, course, pause)

    async def _attempt(
        self, request: HttpRequest, course: _Course
    ) -> tuple[HttpResponse | TransportError, Verdict]:
        try:
            response = await self._inner.send(request)
        except NotSentError as error:
            return error.with_traceback(None), Verdict.NOT_SENT
        except OutcomeUnknownError as error:
            return error.with_traceback(None), Verdict.UNKNOWN
        except asyncio.CancelledError as cancelled:
            _explain(cancelled, request, course)
            raise
        return response, self._verdict(response, request.replay)

    def _pause(
        self,
        outcome: HttpResponse | TransportError,
        verdict: Verdict,
        replay: Replay,
        course: _Course,
    ) -> float | None:
        asked = None
        if isinstance(outcome, HttpResponse) and verdict is not Verdict.FINAL:
            asked = retry_after(outcome, self._clock.now())
        return self._policy.pause(
            verdict,
            replay,
            failures=course.failures,
            polls=course.polls,
            elapsed=self._clock.monotonic() - course.began,
            retry_after=asked,
            fraction=self._random(),
        )

    async def _again(
        self,
        request: HttpRequest,
        outcome: HttpResponse | TransportError,
        course: _Course,
        pause: float,
    ) -> HttpRequest:
        if request.sink is not None:
            try:
                request.sink.restart()
            except EgumaError:
                _finish(outcome, course)
                raise
        try:
            await self._clock.sleep(pause)
        except asyncio.CancelledError as cancelled:
            if course.unknown:
                _explain(cancelled, request, course)
            raise
        course.attempt += 1
        course.retries += 1
        return attrs.evolve(request, attempt=course.attempt)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def _finish(outcome: HttpResponse | TransportError, course: _Course) -> HttpResponse:
    if isinstance(outcome, HttpResponse):
        if course.attempt == 1:
            return outcome
        return attrs.evolve(outcome, attempts=course.attempt, after_unknown=course.unknown_before)
    outcome.attempts = course.attempt
    if isinstance(outcome, NotSentError) and course.unknown:
        raise OutcomeUnknownError(
            "the last attempt was not sent, but an earlier one may have been processed",
            operation=outcome.operation,
            attempts=course.attempt,
        )
    raise outcome


def _explain(cancelled: asyncio.CancelledError, request: HttpRequest, course: _Course) -> None:
    """Say with a cancellation that a write may have been processed."""
    if request.replay is not Replay.SAFE:
        cancelled.__cause__ = OutcomeUnknownError(
            "cancelled while the request was under way",
            operation=request.operation,
            attempts=course.attempt,
        )
