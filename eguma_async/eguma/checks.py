"""Checks of a caller's input that follow from e-guma's own rules."""

from __future__ import annotations

from datetime import date, datetime

from eguma_async.core.checks import Field
from eguma_async.core.errors import ConfigurationError


def wall_clock(instance: object, field: Field, value: object) -> None:
    """Accept a slot's own start: a naive `datetime`, or a `date` for an all-day slot."""
    if not isinstance(value, date):
        raise ConfigurationError(
            f"{field.name} must be the datetime (or date) that the API returned for the slot"
        )
    if isinstance(value, datetime) and value.tzinfo is not None:
        raise ConfigurationError(
            f"{field.name} must have no time zone: slots are in the merchant's wall-clock time;"
            " pass the slot's starts_at as it came"
        )


def naive_instant(instance: object, field: Field, value: object) -> None:
    """Accept a naive `datetime` in the merchant's wall-clock time."""
    if not isinstance(value, datetime) or value.tzinfo is not None:
        raise ConfigurationError(
            f"{field.name} must be a datetime without time zone, in the merchant's wall-clock time"
        )
