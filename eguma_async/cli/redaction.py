"""The secrets that this process knows, and texts without them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from eguma_async.core.messages import SHORTEST_SECRET

_VARIABLES = ("EGUMA_API_KEY", "KORUS_CLIENT_SECRET", "EGUMA_ASYNC_JOURNAL_KEY")
_USER_IN_URL = re.compile(r"://\S*@")
_known: set[str] = set()


def keep_secret(value: str) -> None:
    """Remember a secret that did not come through its environment variable."""
    _known.add(value)


def redacted(text: str) -> str:
    """Return text with every known secret replaced by ``***``, and who signs in by a URL too.

    A secret that is shorter than any real one is left: it would hit any word.
    """
    for secret in {*_known, *_of_the_environment()}:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return _USER_IN_URL.sub("://***@", text)


def _of_the_environment() -> Iterator[str]:
    for name in _VARIABLES:
        value = os.environ.get(name, "")
        yield value
        yield from (part.strip() for part in value.split(","))  # a variable may hold several
