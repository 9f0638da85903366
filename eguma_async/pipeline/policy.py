"""When to send again: the whole rule as pure functions, without clock, sleep or randomness."""

from __future__ import annotations

import attrs

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.messages import Repeat
from eguma_async.core.provider import Verdict

_POLLS = (1.0, 2.0, 4.0, 8.0, 15.0)


def may_repeat(verdict: Verdict, repeat: Repeat) -> bool:
    """Tell whether an attempt that came to `verdict` may be followed by another one at all."""
    match verdict:
        case Verdict.NOT_SENT | Verdict.REFUSED:
            return True
        case Verdict.UNKNOWN:
            return repeat is not Repeat.ONCE
        case Verdict.IN_PROGRESS:
            return repeat is Repeat.KEYED
        case Verdict.FINAL | Verdict.UNAUTHORIZED:
            return False


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and how long to try. ``RetryPolicy(attempts=1)`` switches retries off.

    Attributes:
        attempts: Requests per call at most, the first one included. Not counted are asking whether
            a booking is still in progress, refusals that ask to wait `throttled_base` seconds or
            longer, and the one request after new credentials; the deadline ends those.
        deadline: Seconds from the start of a call after which no further attempt starts.
        base: Upper bound of the first pause in seconds; it doubles each time (full jitter).
        throttled_base: The same after a refusal for too many requests.
        cap: Longest pause the policy itself chooses, in seconds.
        max_retry_after: Longest ``Retry-After`` obeyed, in seconds; a longer one ends the call,
            with the value on the error.
        budget: Share of the traffic that may be retries of failures in vain, from 0 to 1, so that
            an outage is not answered with a storm. What a call that succeeds in the end spent is
            given back. 0 switches these retries off, 1 the limit. A refusal for too many requests
            is no failure: the server is up, and says how to go on.
    """

    attempts: int = attrs.field(default=5)
    deadline: float = attrs.field(default=60.0)
    base: float = attrs.field(default=0.1)
    throttled_base: float = attrs.field(default=1.0)
    cap: float = attrs.field(default=8.0)
    max_retry_after: float = attrs.field(default=60.0)
    budget: float = attrs.field(default=0.1)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.attempts, int) or self.attempts < 1:
            raise ConfigurationError("attempts must be a whole number of at least 1")
        for name in ("deadline", "base", "throttled_base", "cap", "max_retry_after"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigurationError(f"{name} must be a positive, finite number of seconds")
        if not 0 <= self.budget <= 1:
            raise ConfigurationError("budget must be between 0 and 1")

    def pause(
        self,
        verdict: Verdict,
        repeat: Repeat,
        *,
        failures: int,
        polls: int,
        elapsed: float,
        retry_after: float | None,
        fraction: float,
    ) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up.

        Args:
            verdict: What the last attempt came to.
            repeat: Whether the request may be sent again.
            failures: Attempts so far that count.
            polls: Attempts so far that found an earlier one in progress.
            elapsed: Seconds since the call began.
            retry_after: Seconds the server asked to wait, if it did.
            fraction: Random number from 0 to 1.
        """
        if not may_repeat(verdict, repeat):
            return None
        if self.attempts == 1 or (verdict is not Verdict.IN_PROGRESS and failures >= self.attempts):
            return None
        if retry_after:  # "at once" is no reason to go without a pause
            if retry_after > self.max_retry_after:
                return None
            wait = retry_after + fraction * min(1.0, 0.1 * retry_after)
            if verdict is Verdict.IN_PROGRESS:
                wait = max(wait, _POLLS[0])
        elif verdict is Verdict.IN_PROGRESS:
            wait = _POLLS[min(polls, len(_POLLS)) - 1]
        else:
            base = self.throttled_base if verdict is Verdict.REFUSED else self.base
            wait = fraction * min(self.cap, base * 2.0 ** min(failures - 1, 32))
        return wait if elapsed + wait <= self.deadline else None


class RetryBudget:
    """A bucket of tokens that keeps retries to a share of the traffic.

    Every call answered at once earns a part of a token, every retry costs one and gets it back
    when the call is answered in the end. A refusal is an answer as good as a success: the server
    is up. A total outage therefore costs a handful of extra requests.

    Attributes:
        is_full: True if an answer earns nothing more, as a rule.
    """

    SIZE = 10.0

    def __init__(self, share: float) -> None:
        self._share = share
        self._tokens = self.SIZE if share > 0 else 0.0
        self.is_full: bool = share > 0

    def spend(self) -> bool:
        """Take a token for a retry; False if none is left."""
        if self._share >= 1:
            return True
        if self._tokens < 1:
            return False
        self._tokens -= 1
        self.is_full = False
        return True

    def answered(self, spent: int) -> None:
        """Book an answer that took `spent` retries."""
        earned = float(spent) or self._share
        self._tokens = min(self.SIZE if self._share > 0 else 0.0, self._tokens + earned)
        self.is_full = self._tokens >= self.SIZE
