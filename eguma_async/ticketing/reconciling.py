"""The public names of `eguma_async.eguma.ticketing.reconciling`."""

from eguma_async.eguma.ticketing.reconciling import (
    BookingOutcome,
    BookingSearch,
)

__all__ = [
    "BookingOutcome",
    "BookingSearch",
]
