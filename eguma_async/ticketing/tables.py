"""The public names of `eguma_async.eguma.ticketing.tables`."""

from eguma_async.eguma.ticketing.tables import (
    AVAILABILITIES,
    ORDER_LINES,
    ORDERS,
    PAYMENTS,
    TICKETS,
    ProductSlots,
)

__all__ = [
    "AVAILABILITIES",
    "ORDERS",
    "ORDER_LINES",
    "PAYMENTS",
    "TICKETS",
    "ProductSlots",
]
