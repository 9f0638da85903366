"""How long whoever asks waits for somebody else who works on the same thing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain, repeat

_POLLS = (0.05, 0.1, 0.25, 0.5)
_LAST_POLL = 1.0
"""Seconds between two looks at a line that somebody else works on."""
_PATIENCE = timedelta(seconds=60)


def pauses() -> Iterator[float | None]:
    """Return the pauses while somebody else works on a line; None at the end of our patience."""
    left = _PATIENCE.total_seconds()
    for pause in chain(_POLLS, repeat(_LAST_POLL)):
        yield pause
        left -= pause
        if left <= 0:
            yield None
            return
