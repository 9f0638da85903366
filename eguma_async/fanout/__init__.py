"""Many calls at once, within bounds."""

from eguma_async.core.fan_out import Executor, FanOut, InPieces, Outcome, Progress

from .executor import LocalExecutor, run_chunk
from .local import LocalFanOut
from .progress import Load
from .workers import Done, Run, RunChunk, WorkerPool

__all__ = [
    "Done",
    "Executor",
    "FanOut",
    "InPieces",
    "Load",
    "LocalExecutor",
    "LocalFanOut",
    "Outcome",
    "Progress",
    "Run",
    "RunChunk",
    "WorkerPool",
    "run_chunk",
]
