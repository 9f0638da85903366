"""Amounts of money that are no whole number of cents."""

from __future__ import annotations

import re
from decimal import Decimal

_PLAIN = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_CENTS = Decimal("0.01")


def plain_decimal(value: object) -> Decimal | None:
    """Return an amount of at least two places from plain notation, or None.

    Text is what an API should send. A JSON number is taken for the shortest decimal that stands
    for it, so that 80.1 is 80.10. Exponents, NaN and infinities are no amounts.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = value if isinstance(value, str) else repr(value)
    if not _PLAIN.fullmatch(text):
        return None
    amount = Decimal(text)
    places = text.partition(".")[2]
    return amount if len(places) >= 2 else amount.quantize(_CENTS)
