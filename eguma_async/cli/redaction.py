"""The secrets that this process knows, and texts without them."""

from __future__ import annotations

import os

from eguma_async.core.messages import SHORTEST_SECRET

_VARIABLES = ("EGUMA_API_KEY", "KORUS_CLIENT_SECRET")
_known: set[str] = set()


def keep_secret(value: str) -> None:
    """Remember a secret that did not come through its environment variable."""
    _known.add(value)


def redacted(text: str) -> str:
    """Return text with every known secret replaced by ``***``.

    One that is shorter than any real secret is left: it would hit any word.
    """
    for secret in {*_known, *(os.environ.get(name, "") for name in _VARIABLES)}:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text
