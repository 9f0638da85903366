"""Many calls at once, within bounds."""

from eguma_async.core.session import FanOut, Outcome, Progress

from .local import LocalFanOut

__all__ = ["FanOut", "LocalFanOut", "Outcome", "Progress"]
