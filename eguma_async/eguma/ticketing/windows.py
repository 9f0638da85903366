"""A range of days read in windows of so many, side by side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, TypeVar

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fan_out import InPieces
from eguma_async.core.operation import Operation

T = TypeVar("T")


def checked_window(days: object) -> int | None:
    """Return the length of a window in days; None if a range is read as it is.

    Raises:
        ConfigurationError: It is no whole number of at least 1.
    """
    if days is None:
        return None
    if not isinstance(days, int) or isinstance(days, bool) or days < 1:
        raise ConfigurationError("window_days must be a whole number of at least 1")
    return days


def in_windows(
    operation: Any,
    days: int | None,
    window: Callable[[Any, date, date], Operation[T]],
    join: Callable[[tuple[T, ...]], T],
) -> Operation[T] | InPieces[T]:
    """Return what reads a range in windows; the operation itself if it fits in one.

    Args:
        operation: Reads the days from `from_date` to `to_date`.
        days: The length of a window; None for no windows.
        window: Makes a window of it, given its first and its last day.
        join: Makes one value of those of the windows.
    """
    if days is None or (operation.to_date - operation.from_date).days < days:
        whole: Operation[T] = operation
        return whole
    pieces, start = [], operation.from_date
    while start <= operation.to_date:
        last = min(start + timedelta(days=days - 1), operation.to_date)
        pieces.append(window(operation, start, last))
        start = last + timedelta(days=1)
    return InPieces(operation=operation, pieces=tuple(pieces), join=join, named=_days)


def _days(piece: Any) -> str:
    return f"{piece.from_date} to {piece.to_date}"
