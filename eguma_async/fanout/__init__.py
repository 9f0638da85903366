"""Many calls at once, within bounds."""

from eguma_async.core.session import FanOut, Outcome, Progress

from .local import Done, LocalFanOut, Run, WorkerPool

__all__ = ["Done", "FanOut", "LocalFanOut", "Outcome", "Progress", "Run", "WorkerPool"]
