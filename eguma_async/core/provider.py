"""A provider as data: where it is, how it speaks, what its answers mean."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import attrs

from .codec import Codec
from .errors import StatusError
from .messages import HttpResponse, Replay

_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LONGEST_WAIT = 1e9


class Verdict(enum.Enum):
    """What an attempt came to, for the retry table."""

    OK = "ok"
    NOT_SENT = "not sent"
    REFUSED = "refused before processing"
    UNKNOWN = "outcome unknown"
    IN_PROGRESS = "an earlier request with this key is still in progress"
    FINAL = "answered, and no retry would change it"


@attrs.frozen(kw_only=True)
class Provider:
    """A record of data and pure functions; a session class picks one.

    Attributes:
        name: For logs.
        base_url: Scheme and host, without a trailing slash.
        headers: Sent with every request.
        content_type: Media type of the requests that carry a body.
        codec: Encodes its requests and decodes its answers.
        verdict: Says what an answer to such a request means for a retry.
        error_from: Turns an answer that is no success into an error. It never fails.
        idempotency_header: Header that carries the key of a `Replay.KEYED` operation.
        is_replay: Tells whether an answer is marked as the repetition of an earlier one.
    """

    name: str
    base_url: str
    headers: Mapping[str, str]
    content_type: str
    codec: Codec
    verdict: Callable[[HttpResponse, Replay], Verdict]
    error_from: Callable[[HttpResponse, Replay], StatusError]
    idempotency_header: str | None = None
    is_replay: Callable[[HttpResponse], bool] = lambda _: False


def classify(response: HttpResponse, *, own_answer: bool) -> Verdict:
    """Classify a status the way any provider's must be.

    Args:
        response: The answer.
        own_answer: True if the provider itself wrote it, and not a proxy before it. Only the
            provider's own 503 says that nothing was processed.
    """
    status = response.status
    if response.ok:
        return Verdict.OK
    if status == 429 or (status == 503 and own_answer):
        return Verdict.REFUSED
    if status == 408 or status >= 500:
        return Verdict.UNKNOWN
    return Verdict.FINAL


def retry_after(response: HttpResponse, now: datetime) -> float | None:
    """Return the seconds a server asked to wait: given as seconds or as an HTTP date (RFC 9110).

    A fraction of a second is read too: some servers write one. A date is measured against the
    answer's own ``Date``, so that a wrong clock here does not matter; one in the past is 0. What
    cannot be read is None.
    """
    value = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), _LONGEST_WAIT)
    until = _http_date(value)
    if until is None:
        return None
    return max(0.0, (until - (_http_date(response.headers.get("date", "")) or now)).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
