"""Many calls at once, within bounds."""

from .local import FanOut, Outcome, Progress

__all__ = ["FanOut", "Outcome", "Progress"]
