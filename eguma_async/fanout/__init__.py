"""Many calls at once, within bounds."""

from eguma_async.core.fan_out import Executor, FanOut, InPieces, Outcome, Progress

from .executor import LocalExecutor, run_chunk
from .local import LocalFanOut
from .workers import Done, Run, WorkerPool

__all__ = [
    "Done",
    "Executor",
    "FanOut",
    "InPieces",
    "LocalExecutor",
    "LocalFanOut",
    "Outcome",
    "Progress",
    "Run",
    "WorkerPool",
    "run_chunk",
]
