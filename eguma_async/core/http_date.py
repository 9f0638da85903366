"""Dates as HTTP writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def http_date(value: str) -> datetime | None:
    """Return the moment that an HTTP date (RFC 9110) stands for; None if it is none."""
    # Not with this module: few answers have their date read, and the import takes a while.
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
