"""The layer that decides whether to send again, and waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.errors import EgumaError, NotSentError, OutcomeUnknownError
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
    spent: int = 0
    unknown_before: bool = False
    unknown: bool = False

    @classmethod
    def of(cls, request: HttpRequest, began: float) -> Self:
        """Begin a course, or go on with one whose answer so far could not be read."""
        before = request.attempt - 1
        return cls(began, attempt=request.attempt, failures=before, unknown=before > 0)

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
        began = self._clock.monotonic()
        budget = self._budgets[request.method == "GET"]
        course: _Course | None = None  # nothing to keep track of while all goes well
        outcome: HttpResponse | EgumaError
        while True:
            try:
                outcome = response = await self._inner.send(request)
                if 200 <= response.status < 300 and course is None and request.attempt == 1:
                    budget.answered(0)
                    return response
                verdict = self._verdict(response, request.replay)
            except NotSentError as error:
                outcome, verdict = error.with_traceback(None), Verdict.NOT_SENT
            except OutcomeUnknownError as error:
                outcome, verdict = error.with_traceback(None), Verdict.UNKNOWN
            except asyncio.CancelledError as cancelled:
                _explain_in_flight(cancelled, request, course or _Course.of(request, began))
                raise
            except EgumaError as error:  # no credentials, a closed transport: no use to try again
                outcome, verdict = error, Verdict.FINAL
            course = course or _Course.of(request, began)
            pause = self._pause(outcome, verdict, request.replay, course, budget)
            if pause is None:
                return _finish(outcome, request, course)
            request = await self._again(request, outcome, course, pause)

    def _pause(
        self,
        outcome: HttpResponse | EgumaError,
        verdict: Verdict,
        replay: Replay,
        course: _Course,
        budget: RetryBudget,
    ) -> float | None:
        """Note how an attempt went; return the seconds until the next, None if there is none."""
        course.note(verdict)
        if verdict in (Verdict.OK, Verdict.FINAL):
            budget.answered(course.spent)
            return None
        asked = None
        if isinstance(outcome, HttpResponse):
            asked = retry_after(outcome, self._clock.now())
        pause = self._policy.pause(
            verdict,
            replay,
            failures=course.failures,
            polls=course.polls,
            elapsed=self._clock.monotonic() - course.began,
            retry_after=asked,
            fraction=self._random(),
        )
        if pause is None or verdict is Verdict.IN_PROGRESS:
            return pause
        if not budget.spend():
            return None
        course.spent += 1
        return pause

    async def _again(
        self,
        request: HttpRequest,
        outcome: HttpResponse | EgumaError,
        course: _Course,
        pause: float,
    ) -> HttpRequest:
        if request.sink is not None:
            try:
                request.sink.restart()
            except EgumaError:
                _finish(outcome, request, course)
                raise
        try:
            await self._clock.sleep(pause)
        except asyncio.CancelledError as cancelled:
            if course.unknown:
                _explain(cancelled, request, course)
            raise
        course.attempt += 1
        return attrs.evolve(request, attempt=course.attempt)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def _finish(
    outcome: HttpResponse | EgumaError, request: HttpRequest, course: _Course
) -> HttpResponse:
    if isinstance(outcome, HttpResponse):
        if course.attempt == 1:
            return outcome
        return attrs.evolve(outcome, attempts=course.attempt, after_unknown=course.unknown_before)
    outcome.attempts = course.attempt
    if isinstance(outcome, OutcomeUnknownError) or not course.unknown or request.is_read:
        raise outcome
    # The last attempt says nothing of the ones before it.
    raise OutcomeUnknownError(
        "the last attempt failed, but an earlier one may have been processed",
        operation=request.operation or None,
        attempts=course.attempt,
    )


def _explain_in_flight(
    cancelled: asyncio.CancelledError, request: HttpRequest, course: _Course
) -> None:
    if course.unknown or not isinstance(cancelled.__cause__, NotSentError):
        _explain(cancelled, request, course)


def _explain(cancelled: asyncio.CancelledError, request: HttpRequest, course: _Course) -> None:
    """Say with a cancellation that a write may have been processed."""
    if not request.is_read:
        cancelled.__cause__ = OutcomeUnknownError(
            "cancelled while the request was under way",
            operation=request.operation,
            attempts=course.attempt,
        )
