"""The public names of `eguma_async.eguma.ticketing.calendar`."""

from eguma_async.eguma.ticketing.calendar import availability_calendar

__all__ = ["availability_calendar"]
