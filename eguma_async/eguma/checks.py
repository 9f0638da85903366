"""Checks of a caller's input that follow from e-guma's own rules."""

from __future__ import annotations

from datetime import date, datetime, timezone

from eguma_async.core.checks import Field
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.scalars import WrittenDatetime

from .merchant_time import merchant_zone


def slot_start(instance: object, field: Field, value: object) -> None:
    """Accept a slot's own start: as it came, or in the merchant's wall-clock time.

    That is a naive `datetime`, or a `date` for an all-day slot. A time zone is accepted where the
    server sent one, and the offset of the merchant's clock, as in a text that was kept elsewhere:
    any other would have to be converted, and the API compares starts by their text.
    """
    if not isinstance(value, date):
        raise ConfigurationError(
            f"{field.name} must be the datetime (or date) that the API returned for the slot"
        )
    if not isinstance(value, datetime) or value.tzinfo is None or _is_servers_own(value):
        return
    raise ConfigurationError(
        f"{field.name} must have no time zone, unless the slot's starts_at came with this one:"
        " slots are in the merchant's wall-clock time; pass the slot's starts_at as it came"
    )


def _is_servers_own(start: datetime) -> bool:
    if isinstance(start, WrittenDatetime) and start.is_as_written:
        return True
    local = start.replace(tzinfo=merchant_zone())
    is_bare_offset = isinstance(start.tzinfo, timezone)  # all that can be read from a text
    return is_bare_offset and start.utcoffset() == local.utcoffset()


def naive_instant(instance: object, field: Field, value: object) -> None:
    """Accept a naive `datetime` in the merchant's wall-clock time."""
    if not isinstance(value, datetime) or value.tzinfo is not None:
        raise ConfigurationError(
            f"{field.name} must be a datetime without time zone, in the merchant's wall-clock time"
        )
