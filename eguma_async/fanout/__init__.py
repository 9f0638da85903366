"""Many calls at once, within bounds."""

from .local import Crew, FanOut, Outcome, Progress

__all__ = ["Crew", "FanOut", "Outcome", "Progress"]
