"""The public names of `eguma_async.eguma.session`."""

from eguma_async.eguma.session import EGUMA, AsyncSession

__all__ = ["EGUMA", "AsyncSession"]
