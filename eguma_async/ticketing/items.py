"""The public names of `eguma_async.eguma.ticketing.items`."""

from eguma_async.eguma.ticketing.items import TicketItem

__all__ = ["TicketItem"]
