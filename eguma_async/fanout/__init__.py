"""Many calls at once, within bounds."""

from eguma_async.core.fan_out import Executor, FanOut, Outcome, Progress

from .executor import LocalExecutor, run_chunk
from .local import Done, LocalFanOut, Run, WorkerPool

__all__ = [
    "Done",
    "Executor",
    "FanOut",
    "LocalExecutor",
    "LocalFanOut",
    "Outcome",
    "Progress",
    "Run",
    "WorkerPool",
    "run_chunk",
]
