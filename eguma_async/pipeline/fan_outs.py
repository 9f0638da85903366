"""The fan-outs of one session: which way their reads take."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, TypeVar

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fan_out import Executor, FanOut, InPieces, Progress
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.recipe import NeedsSessions, SessionRecipe
from eguma_async.fanout.local import LocalFanOut
from eguma_async.fanout.workers import Run

from .background import Readings
from .call import Call
from .calls import Calls
from .layers import Layers

T = TypeVar("T")


class FanOuts:
    """Begins the fan-outs of a session.

    Args:
        layers: Know the limits in force.
        run: Sends an operation the way single ones go.
        adapting: Send operations within the limit that adapts.
        readings: End with the session.
        require_open: Raises if the session is not open.
        recipe: Tells how another process makes such a session.
    """

    def __init__(
        self,
        layers: Layers,
        run: Run,
        adapting: Calls,
        *,
        readings: Readings,
        require_open: Callable[[], None],
        recipe: Callable[[], SessionRecipe],
    ) -> None:
        self._recipe = recipe
        self._layers = layers
        self._run = run
        self._adapting = adapting
        self._require_open = require_open
        self._readings = readings

    def begin(
        self,
        operations: Iterable[Operation[T] | InPieces[T]]
        | AsyncIterable[Operation[T] | InPieces[T]],
        *,
        concurrency: int | None,
        ordered: bool,
        executor: Executor | None,
        on_progress: Callable[[Progress], None] | None,
        timeouts: Timeouts | None,
    ) -> FanOut[T]:
        """Begin one; see `BaseSession.fan_out`.

        Raises:
            ConfigurationError: `concurrency` is below 1, or goes with an executor.
        """
        if executor is not None and concurrency is not None:
            raise ConfigurationError("concurrency is the executor's own matter: leave it out")
        if isinstance(executor, NeedsSessions):
            executor = executor.with_sessions(self._recipe())
        run: Any = self._run if concurrency is not None else self._run_adapting
        fan_out = LocalFanOut(
            run if timeouts is None else partial(run, timeouts=timeouts),
            operations,
            concurrency=self._layers.most_at_once if concurrency is None else concurrency,
            ordered=ordered,
            executor=executor,
            timeouts=timeouts,
            on_progress=on_progress,
            clock=self._layers.clock,
            load=self._layers.load(concurrency),
        )
        self._readings.add(fan_out.workers)
        return fan_out

    def _run_adapting(
        self, operation: Operation[T], timeouts: Timeouts | None = None
    ) -> Coroutine[Any, Any, Call[T]]:
        self._require_open()
        return self._adapting.run(operation, None, timeouts)
