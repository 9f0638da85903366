"""The starts of slots: they go back to the server to the letter."""

from __future__ import annotations

import re
from datetime import date, datetime

from eguma_async.eguma.merchant_time import wall_clock

_ODD = re.compile(rb'"starts_at"\s*:\s*"(?!\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")')
_BEGINNING = 512
_NAME = b'"starts_at":"'
_T_AT, _END_AT = len(_NAME) + len("YYYY-MM-DD"), len(_NAME) + len("YYYY-MM-DDTHH:MM:SS")


def are_plain(body: bytes) -> bool:
    """Tell, without parsing it, whether the starts in an answer are in the form we write.

    Without a full stop there is no fraction. Whether seconds, or the "T", are left out is a
    server's habit, which shows at the beginning. A zone is not looked for: a slot shows its own.
    """
    if b"." in body:
        return _ODD.search(body) is None
    # Every answer passes here, and finding texts takes a third of the time of the pattern.
    at = found = body.find(_NAME, 0, _BEGINNING)
    while at >= 0:
        if (
            body[at + _T_AT : at + _T_AT + 1] != b"T"
            or body[at + _END_AT : at + _END_AT + 1] != b'"'
        ):
            return False
        at = body.find(_NAME, at + _END_AT, _BEGINNING)
    return found >= 0 or _ODD.search(body, 0, _BEGINNING) is None


def same_start(one: datetime | date, other: datetime | date) -> bool:
    """Tell whether two starts are the same on the merchant's clock; a day is its midnight."""
    return wall_clock(one) == wall_clock(other)
