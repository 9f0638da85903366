"""The e-guma session, and e-guma as data."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

from eguma_async.core.answers import json_object, plain_text, printable
from eguma_async.core.checks import header_value
from eguma_async.core.clock import Clock
from eguma_async.core.codec import Codec
from eguma_async.core.errors import (
    ConfigurationError,
    IdempotencyMismatchError,
    StatusError,
    error_class,
)
from eguma_async.core.messages import HttpResponse, Replay, Timeouts
from eguma_async.core.provider import Provider, Verdict, classify
from eguma_async.core.transport import Transport
from eguma_async.pipeline.authenticating import QueryKey
from eguma_async.pipeline.limiting import Limits
from eguma_async.pipeline.observing import Observer
from eguma_async.pipeline.policy import RetryPolicy
from eguma_async.pipeline.session import BaseSession

from .ticketing import Ticketing

# The codes of the two idempotency refusals are not documented; these are their usual words.
_IN_PROGRESS = ("progress", "processing", "concurrent", "locked", "in_flight", "pending")
_KEY_REUSED = ("mismatch", "reuse", "different", "conflict", "body", "payload")
# Nor is the code for "sold out", which may share a status and a word with them.
_STOCK = ("capacity", "availab", "sold_out", "soldout", "quota", "slot")


def _code(answer: dict[str, Any]) -> str | None:
    code = answer.get("error_code")
    return code if isinstance(code, str) and code else None


def _message(response: HttpResponse, answer: dict[str, Any]) -> str:
    """Return the server's words, whichever of its shapes they came in, fit to be printed."""
    words = next((answer[k] for k in ("message", "Message") if isinstance(answer.get(k), str)), "")
    return printable(words if answer else plain_text(response))


def _key_refusal(status: int, code: str | None, replay: Replay) -> str | None:
    """Return the code of a refusal that is about the idempotency key, in lower case."""
    code = (code or "").lower()
    about_stock = "idempot" not in code and any(word in code for word in _STOCK)
    about_key = (status == 409 and not about_stock) or (status in (400, 422) and "idempot" in code)
    return code if replay is Replay.KEYED and about_key else None


def _verdict(response: HttpResponse, replay: Replay) -> Verdict:
    if response.ok:
        return Verdict.OK
    code = _code(json_object(response))
    about_key = _key_refusal(response.status, code, replay)
    if about_key is not None and any(word in about_key for word in _IN_PROGRESS):
        return Verdict.IN_PROGRESS
    return classify(response, own_answer=code is not None)


def _error_from(response: HttpResponse, replay: Replay) -> StatusError:
    answer = json_object(response)
    code = _code(answer)
    kind = error_class(response.status)
    about_key = _key_refusal(response.status, code, replay)
    if (
        about_key is not None
        and not any(word in about_key for word in _IN_PROGRESS)
        and any(word in about_key for word in _KEY_REUSED)
    ):
        kind = IdempotencyMismatchError
    return kind(
        _message(response, answer),
        status=response.status,
        error_code=code,
        body=response.body,
    )


def _is_replay(response: HttpResponse) -> bool:
    return any(
        "replay" in name and value.strip().lower() not in ("", "0", "false", "no")
        for name, value in response.headers.items()
    )


EGUMA = Provider(
    name="e-guma",
    base_url="https://api.e-guma.ch",
    headers={"Accept": "application/json"},
    content_type="application/json",
    codec=Codec(),
    verdict=_verdict,
    error_from=_error_from,
    idempotency_header="Idempotency-Key",
    is_replay=_is_replay,
)


def _auth(api_key: str | None) -> QueryKey | ConfigurationError:
    """Return what is wrong with a key, not raise it: tracebacks can show variables, so the key."""
    key = os.environ.get("EGUMA_API_KEY") if api_key is None else api_key
    if key is None:
        return ConfigurationError(
            "no API key: pass one to AsyncSession or set the environment variable EGUMA_API_KEY"
        )
    try:
        return QueryKey("apikey", header_value("api_key", key))
    except ConfigurationError as error:
        return error.with_traceback(None)


class AsyncSession(BaseSession):
    """Sells a merchant's tickets through e-guma. Holds the API key and the connection pool.

    ::

        async with AsyncSession() as session:
            catalogue = await session.ticketing.products.list()

    Args:
        api_key: The merchant's key; from ``EGUMA_API_KEY`` if not given.
        base_url: Where the API is; from ``EGUMA_BASE_URL`` if not given, else the live API.
            Plain http is accepted for a loopback host only.
        transport: Carries the requests; over the network with aiohttp if not given. One that is
            passed in is not closed by the session.
        timeouts: Limits of each attempt.
        retry: When to send again; ``RetryPolicy(attempts=1)`` for never.
        limits: How many requests may be under way at once.
        clock: Where to read the time and sleep.
        observer: Called with an `AttemptEvent` after each attempt.
        random: Returns a number from 0 to 1, for the jitter of the pauses.

    Attributes:
        ticketing: The resources.

    Raises:
        ConfigurationError: No key, or a malformed argument.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        transport: Transport | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
        observer: Observer | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        auth = _auth(api_key)
        del api_key  # as in `_auth`: the rest may fail as well
        if isinstance(auth, ConfigurationError):
            raise auth
        if base_url is None:
            base_url = os.environ.get("EGUMA_BASE_URL") or None
        super().__init__(
            EGUMA,
            lambda _: auth,
            base_url=base_url,
            transport=transport,
            timeouts=timeouts,
            retry=retry,
            limits=limits,
            clock=clock,
            observer=observer,
            random=random,
        )
        self.ticketing = Ticketing(self)
