"""The refusal of a whole order, told for each of its reservations."""

from __future__ import annotations

import re
from typing import Any

import attrs

from eguma_async.korus.errors import Violation, ViolationsError

from .order_models import FailedOrder

_PLACE = re.compile(r"reservations\[([0-9]{1,6})\]", re.ASCII)


def in_callers_order(
    refusal: ViolationsError, sent: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    """Make the violations speak of the list that the caller knows.

    Args:
        refusal: Speaks of `sent`; changed in place.
        sent: Reservations that were sent again.
        asked: Reservations of the call they are left of.
    """
    refusal.violations = tuple(_moved(v, sent, asked) for v in refusal.violations)


def _moved(violation: Violation, sent: tuple[str, ...], asked: tuple[str, ...]) -> Violation:
    place = _place(violation)
    if place is None or place >= len(sent):
        return violation
    index = asked.index(sent[place])
    path = _PLACE.sub(f"reservations[{index}]", violation.path, count=1)
    return attrs.evolve(violation, path=path, index=index)


def _place(violation: Violation) -> int | None:
    found = _PLACE.match(violation.path)
    return int(found.group(1)) if found else None


def failures(
    refusal: ViolationsError, asked: tuple[str, ...], missing: frozenset[str]
) -> tuple[FailedOrder, ...]:
    """Return a failure for each missing reservation, with the violations that are its own."""
    return tuple(
        _failure(reservation, [v for v in refusal.violations if _place(v) == index])
        for index, reservation in enumerate(asked)
        if reservation in missing
    )


def _failure(reservation: str, own: list[Violation]) -> FailedOrder:
    words = "; ".join(violation.message for violation in own if violation.message)
    raw: dict[str, Any] = {
        "reservation": reservation,
        "message": words if own else "not ordered because the call was refused",
        "violations": [{"propertyPath": v.path, "message": v.message, "code": v.code} for v in own],
    }
    return FailedOrder(raw=raw)
