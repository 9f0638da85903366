"""e-guma as data: where it is, how it speaks, what its responses mean."""

from __future__ import annotations

from typing import Any

from eguma_async.core.codec import Codec
from eguma_async.core.errors import IdempotencyMismatchError, StatusError, error_class
from eguma_async.core.messages import HttpResponse, Repeat
from eguma_async.core.provider import Provider, Verdict, classify, json_object
from eguma_async.core.text import plain_text, printable

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


def _key_refusal(status: int, code: str | None, repeat: Repeat) -> str | None:
    """Return the code of a refusal that is about the idempotency key, in lower case."""
    code = (code or "").lower()
    about_stock = "idempot" not in code and any(word in code for word in _STOCK)
    about_key = (status == 409 and not about_stock) or (status in (400, 422) and "idempot" in code)
    return code if repeat is Repeat.KEYED and about_key else None


def _verdict(response: HttpResponse, repeat: Repeat) -> Verdict:
    code = _code(json_object(response))
    about_key = _key_refusal(response.status, code, repeat)
    if about_key is not None and any(word in about_key for word in _IN_PROGRESS):
        return Verdict.IN_PROGRESS
    return classify(response, own_answer=code is not None)


def _error_from(response: HttpResponse, repeat: Repeat) -> StatusError:
    answer = json_object(response)
    code = _code(answer)
    kind = error_class(response.status)
    about_key = _key_refusal(response.status, code, repeat)
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
"""How e-guma's API is reached and read."""
