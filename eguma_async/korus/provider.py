"""The API as data: where it is, how it speaks, what its responses mean."""

from __future__ import annotations

import re
from typing import Any

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import StatusError, error_class
from eguma_async.core.messages import HttpResponse, Repeat
from eguma_async.core.provider import Provider, Verdict, classify, json_object
from eguma_async.core.text import plain_text, printable

from .errors import Violation, ViolationsError
from .json_ld import LD_JSON, as_list, make_codec, without_prefix

TOKEN_URL = "https://auth.korusticket.com/realms/korusticket/protocol/openid-connect/token"  # noqa: S105  # an address

_WORDS = ("detail", "description", "message", "title")
_INDEX = re.compile(r"\[([0-9]{1,6})\]", re.ASCII)


def _verdict(response: HttpResponse, repeat: Repeat) -> Verdict:
    # A write that is refused with 503 may have reached an issuer's system: nothing says it has not.
    own = repeat is Repeat.READ and "title" in without_prefix(json_object(response))
    return classify(response, own_answer=own)


def _error_from(response: HttpResponse, repeat: Repeat) -> StatusError:
    told = without_prefix(json_object(response))
    words = next((told[name] for name in _WORDS if isinstance(told.get(name), str)), "")
    message = printable(words if told else plain_text(response))
    violations = as_list(told.get("violations"))
    # By what it holds: the type it names has changed between versions.
    if response.status == 422 and isinstance(violations, list):
        found = tuple(_violation(v) for v in violations if isinstance(v, dict))
        codes = {violation.code for violation in found}
        return ViolationsError(
            message,
            violations=found,
            status=422,
            error_code=codes.pop() if len(codes) == 1 else None,
            body=response.body,
        )
    return error_class(response.status)(message, status=response.status, body=response.body)


def _violation(raw: dict[str, Any]) -> Violation:
    path, message, code = (raw.get(name) for name in ("propertyPath", "message", "code"))
    path = printable(path) if isinstance(path, str) else ""
    index = _INDEX.search(path)
    return Violation(
        path=path,
        message=printable(message) if isinstance(message, str) else "",
        code=printable(code) if isinstance(code, str) else None,
        index=int(index.group(1)) if index else None,
    )


KORUS = Provider(
    name="korus",
    base_url="https://api.korusticket.com",
    headers={"Accept": LD_JSON},
    content_type=LD_JSON,
    codec=make_codec(),
    verdict=_verdict,
    error_from=_error_from,
)
"""How Korus Ticket's API is reached and read."""


def with_language(provider: Provider, language: str | None) -> Provider:
    """Return a provider whose every request asks for a language."""
    if language is None:
        return provider
    checks.header_value("language", language)
    return attrs.evolve(provider, headers={**provider.headers, "Accept-Language": language})
