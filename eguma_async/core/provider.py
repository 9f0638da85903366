"""A provider as data: where it is, how it speaks, what its answers mean."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs
import msgspec

from .codec import Codec
from .errors import StatusError
from .http_date import http_date
from .messages import HttpResponse, Repeat

_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LONGEST_WAIT = 1e9


class Verdict(enum.Enum):
    """What an attempt that was no success came to, for the retry table."""

    NOT_SENT = "not sent"
    REFUSED = "refused before processing"
    UNKNOWN = "outcome unknown"
    IN_PROGRESS = "an earlier request with this key is still in progress"
    UNAUTHORIZED = "refused for its credentials"
    FINAL = "answered, and no retry would change it"


@attrs.frozen(kw_only=True)
class Provider:
    """A record of data and pure functions; a session class picks one.

    Attributes:
        name: For logs.
        base_url: Scheme and host, without a trailing slash.
        headers: Sent with every request.
        content_type: Media type of the requests that carry a body.
        codec: Encodes its requests and decodes its responses.
        verdict: Says what a response that is no success means for a retry.
        error_from: Turns a response that is no success into an error. It never fails.
        idempotency_header: Header that carries the key of a `Repeat.KEYED` operation.
        is_replay: Tells whether a response is marked as the repetition of an earlier one.
    """

    name: str
    base_url: str
    headers: Mapping[str, str]
    content_type: str
    codec: Codec
    verdict: Callable[[HttpResponse, Repeat], Verdict]
    error_from: Callable[[HttpResponse, Repeat], StatusError]
    idempotency_header: str | None = None
    is_replay: Callable[[HttpResponse], bool] = lambda _: False


def classify(response: HttpResponse, *, own_answer: bool) -> Verdict:
    """Classify a status that is no success the way any provider's must be.

    Args:
        response: The response.
        own_answer: True if the provider itself wrote it, and not a proxy before it. Only the
            provider's own 503 says that nothing was processed.
    """
    status = response.status
    if status == 429 or (status == 503 and own_answer):
        return Verdict.REFUSED
    if status == 408 or status >= 500:
        return Verdict.UNKNOWN
    return Verdict.UNAUTHORIZED if status == 401 else Verdict.FINAL


def json_object(response: HttpResponse) -> dict[str, Any]:
    """Return the JSON object of a response, or an empty one if it holds none. It never fails."""
    try:
        value = msgspec.json.decode(response.body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def retry_after(response: HttpResponse, now: datetime) -> float | None:
    """Return the seconds a server asked to wait: given as seconds or as an HTTP date (RFC 9110).

    A fraction of a second is read too: some servers write one. A date is measured against the
    response's own ``Date``, so that a wrong clock here does not matter; one in the past is 0. What
    cannot be read is None.
    """
    value = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), _LONGEST_WAIT)
    until = http_date(value)
    if until is None:
        return None
    return max(0.0, (until - (http_date(response.headers.get("date", "")) or now)).total_seconds())
