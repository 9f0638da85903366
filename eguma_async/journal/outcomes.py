"""What the end of a call, or of a search, means for its line in the journal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eguma_async.core.errors import (
    AccessDeniedError,
    ConfigurationError,
    ConflictError,
    EgumaError,
    IdempotencyMismatchError,
    InvalidRequestError,
    JournalError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    ResultMismatchError,
    ServerError,
    SessionStateError,
    StatusError,
    error_class,
)
from eguma_async.core.journal import ClientRefConflictError, State
from eguma_async.core.resumable import Found

from .line import Line, Refusal
from .moments import Moment, age
from .records import changed
from .rules import JournalRules

IN_PROGRESS = "in_progress"
"""Reason of a line whose first request the server still works on, or never let go of."""
STUCK_SECONDS = 600.0
"""After so long, a request that is still in progress is stuck."""
_CODE = re.compile(r"[\w.:/-]{1,64}", re.ASCII)
_FINAL = (AccessDeniedError, ConflictError, InvalidRequestError, NotFoundError)


def after_failure(line: Line, error: EgumaError, waited: float | None) -> Line:
    """Return a line as it stands after a call has failed.

    Args:
        line: The line before.
        error: What the call ended with.
        waited: Seconds since it was sent first; None if that cannot be told.
    """
    refusal = error.refusal if isinstance(error, OutcomeUnknownError) else error
    told = refusal if isinstance(refusal, StatusError) else None
    state, reason = _state_after(error, told, waited)
    return changed(
        line,
        state=state,
        reason=reason,
        in_doubt=line.in_doubt or error.outcome_unknown,
        refusal=None if told is None else Refusal(status=told.status, error_code=_code_of(told)),
        owner=None,
        lease_until=0.0,
    )


def _code_of(refusal: StatusError) -> str | None:
    """Return the code of a refusal, if it is one: a server may write there what it likes."""
    code = refusal.error_code
    return code if code is not None and _CODE.fullmatch(code) else None


def _state_after(
    error: EgumaError, told: StatusError | None, waited: float | None
) -> tuple[State, str]:
    reason = type(told or error).__name__
    if isinstance(told, IdempotencyMismatchError) or isinstance(error, ResultMismatchError):
        return State.NEEDS_OPERATOR, reason
    if error.outcome_unknown:
        return _state_in_doubt(told, waited, reason)
    if isinstance(error, (NotSentError, ConfigurationError, SessionStateError)):
        return State.UNSENT, reason
    if told is None:
        return State.INFLIGHT, reason
    # 401, 429, and 503 in the provider's own words: it was not taken up.
    was_taken_up = told.status not in (401, 429) and not isinstance(told, ServerError)
    return (State.REJECTED if was_taken_up else State.UNSENT), reason


def _state_in_doubt(
    told: StatusError | None, waited: float | None, reason: str
) -> tuple[State, str]:
    if told is None or told.status == 429:
        return State.INFLIGHT, reason
    if told.status in (401, 403):
        return State.BLOCKED_AUTH, reason
    if isinstance(told, ServerError):  # one that is stored under the key never changes
        return (State.VERIFY if told.replayed else State.INFLIGHT), reason
    if told.status == 409:
        is_stuck = waited is None or waited > STUCK_SECONDS
        return (State.VERIFY if is_stuck else State.INFLIGHT), IN_PROGRESS
    return State.VERIFY, reason


def after_looking(line: Line, found: Found[Any], now: Moment, rules: JournalRules) -> Line:
    """Return a line as it stands after the lists were searched in vain.

    They are believed when they show nothing twice, with a pause between that is longer than they
    lag behind.

    Args:
        line: The line before.
        found: What they show.
        now: When they were searched.
        rules: For how long things hold.
    """
    if found.candidates:
        return for_a_person(line, "ambiguous", found.candidates)
    first = line.first_sent or line.created
    passed = age(first, now)
    if passed is None:
        return for_a_person(line, "clock")  # when it was sent is not known
    if passed > rules.verify_window.total_seconds():
        return for_a_person(line, "too old")
    since = None if line.looked is None else age(line.looked, now)
    is_second = since is not None and since >= rules.settle.total_seconds()
    # The server may still hold the first request, and carry it out after all.
    may_come = line.reason == IN_PROGRESS and passed < 1.5 * rules.resend_window.total_seconds()
    if is_second and not may_come:
        return changed(line, state=State.REJECTED if _is_refused(line) else State.ABSENT)
    looked = line.looked if since is not None and not is_second else now
    return changed(
        line,
        state=State.VERIFY,
        looks=line.looks + 1,
        looked=looked,
        owner=None,
        lease_until=0.0,
    )


def _is_refused(line: Line) -> bool:
    refused = line.refusal
    # 401, 409 and 429 are no judgement on what was asked for.
    return (
        refused is not None
        and refused.status in range(400, 500)
        and (refused.status not in (401, 409, 429))
    )


def for_a_person(line: Line, reason: str, candidates: tuple[str, ...] = ()) -> Line:
    """Return a line that a person has to look at."""
    return changed(
        line,
        state=State.NEEDS_OPERATOR,
        reason=reason,
        candidates=candidates,
        owner=None,
        lease_until=0.0,
    )


def open_again(line: Line, reason: str) -> Line:
    """Return a line of which something was done, and something is not known yet."""
    return changed(
        line, state=State.INFLIGHT, reason=reason, in_doubt=True, owner=None, lease_until=0.0
    )


def is_final(error: EgumaError) -> bool:
    """Tell whether the server has refused for good what was sent."""
    return (
        isinstance(error, _FINAL)
        and not isinstance(error, ClientRefConflictError)
        and not error.outcome_unknown
    )


def refusal_again(line: Line) -> StatusError:
    """Return the refusal that a line ended with, as a server would repeat it."""
    known = line.refusal or Refusal(status=404, error_code="not_made")
    return error_class(known.status)(
        "", status=known.status, error_code=known.error_code, replayed=True
    )


def named(error: EgumaError, line: Line) -> EgumaError:
    """Put on an error what the journal knows."""
    error.operation = error.operation or line.operation
    error.idempotency_key = error.idempotency_key or line.key
    error.client_ref = line.identity.client_ref
    return error


@contextmanager
def in_doubt(line: Line) -> Iterator[None]:
    """Say with an error of the journal that it says nothing of what was sent before."""
    try:
        yield
    except JournalError as error:
        error.outcome_unknown = True
        raise named(error, line) from None
