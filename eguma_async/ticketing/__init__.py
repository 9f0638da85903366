"""The way to e-guma's resources that needs no provider's name: `eguma_async.ticketing.bookings`."""

from eguma_async.eguma.ticketing import Ticketing

__all__ = ["Ticketing"]
