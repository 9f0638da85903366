"""Ranges of days: what lies in one, and how a long one is read in parts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any, Protocol, TypeVar

import attrs

from eguma_async.core.errors import ConfigurationError, InvalidRequestError, StatusError
from eguma_async.core.operation import Send
from eguma_async.eguma.merchant_time import wall_clock

from .matching import only

T = TypeVar("T")
_DAY = timedelta(days=1)
_STARTS_AT = attrgetter("starts_at")


class Slot(Protocol):
    """What begins at a moment."""

    @property
    def starts_at(self) -> datetime:
        """When."""
        ...


S = TypeVar("S", bound=Slot)


def check_order(from_date: date, to_date: date) -> None:
    """Check the days of a range.

    Raises:
        ConfigurationError: They are in the wrong order.
    """
    if to_date < from_date:
        raise ConfigurationError("to_date must not be before from_date")


def days_of(start: datetime | date) -> tuple[date, date]:
    """Return the first and the last day a start may lie on, as written or on the merchant's clock.

    They differ for a start in another zone, close to midnight.
    """
    written = start.date() if isinstance(start, datetime) else start
    local = wall_clock(start).date()
    return min(written, local), max(written, local)


def within(slots: tuple[S, ...], from_date: date, to_date: date) -> tuple[S, ...]:
    """Return the slots of a range of days; the same tuple if none is left out.

    A slot of another day is left out, and not an error: nothing was sold yet, but whoever takes
    the first slot of a list must not sell another day than the one that was asked for.
    """
    if all_plainly_within(slots, from_date, to_date):
        return slots
    return only(slots, lambda slot: _is_on(slot.starts_at, from_date, to_date), lambda _: True)


def all_plainly_within(slots: tuple[Slot, ...], from_date: date, to_date: date) -> bool:
    """Tell whether slots without zones lie in a range; False for others, wherever they lie.

    This is done for every answer, and is quick for the usual one.
    """
    if not slots:
        return True
    try:
        starts = sorted(map(_STARTS_AT, slots))  # one pass over what is in order, as a rule
    except TypeError:  # some have a zone
        return False
    first, last = starts[0], starts[-1]
    return first.tzinfo is None and from_date <= first.date() and last.date() <= to_date


def _is_on(start: datetime, from_date: date, to_date: date) -> bool:
    return any(from_date <= day <= to_date for day in days_of(start))


async def in_parts(
    operation: Any, refusal: StatusError, send: Send, join: Callable[[T, T], T]
) -> T:
    """Read a range that was refused in shorter ones, as long as the server takes them.

    The API documents no longest range, so none is assumed: the length is halved until a part is
    taken, and the rest is read in parts of that length. A range that is too long is refused as any
    invalid request is: what is refused for a single day, too, was refused for another reason.

    Args:
        operation: Reads the days from `from_date` to `to_date`.
        refusal: What it was refused with.
        send: Sends each part.
        join: Makes one of the values of two ranges, the earlier one first.

    Raises:
        StatusError: The refusal, if a day alone is refused as well.
        EgumaError: A part could not be read: half a list is none.
    """
    if not isinstance(refusal, InvalidRequestError):
        raise refusal
    whole: T
    length, whole = await _first_part(operation, refusal, send)
    start, last = operation.from_date + length, operation.to_date
    while start <= last:
        part = attrs.evolve(operation, from_date=start, to_date=min(start + length - _DAY, last))
        whole = join(whole, await _part(part, send, join))
        start += length
    return whole


async def _first_part(operation: Any, refusal: StatusError, send: Send) -> tuple[timedelta, Any]:
    """Return a length that the server takes, and what it has for the days that come first."""
    days = (operation.to_date - operation.from_date).days + 1
    while days > 1:
        days = (days + 1) // 2
        part = attrs.evolve(operation, to_date=operation.from_date + (days - 1) * _DAY)
        with suppress(InvalidRequestError):
            return days * _DAY, await send(part)
    raise refusal


async def _part(operation: Any, send: Send, join: Callable[[T, T], T]) -> T:
    """Read a part that should be taken, or that in parts: months are not equally long."""
    try:
        value: T = await send(operation)
    except InvalidRequestError as error:
        refusal = error
    else:
        return value
    return await in_parts(operation, refusal, send, join)
