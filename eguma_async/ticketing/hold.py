"""The public names of `eguma_async.eguma.ticketing.hold`."""

from eguma_async.eguma.ticketing.hold import Hold, HoldContext

__all__ = ["Hold", "HoldContext"]
