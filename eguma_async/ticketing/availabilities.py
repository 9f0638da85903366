"""The public names of `eguma_async.eguma.ticketing.availabilities`."""

from eguma_async.eguma.ticketing.availabilities import (
    Availabilities,
    Availability,
    AvailabilityList,
    CategoryPrice,
    ListAvailabilities,
)

__all__ = [
    "Availabilities",
    "Availability",
    "AvailabilityList",
    "CategoryPrice",
    "ListAvailabilities",
]
