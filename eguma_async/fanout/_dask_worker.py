"""What runs on the workers of a Dask cluster, and what is taken from `distributed` elsewhere.

Workers run this in their own event loop. Only what `Chunk`, `SessionPlugin` and the answers hold
crosses the wire: operations, options and results; no credentials.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from importlib import import_module
from typing import Any

import attrs

from eguma_async._version import __version__
from eguma_async.core.errors import (
    ConfigurationError,
    EgumaError,
    SessionStateError,
)
from eguma_async.core.hooks import AttemptEvent, Observer
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.recipe import SessionRecipe

from .executor import run_chunk
from .pace import REACTION, Pacer

try:
    from distributed import Client, Reschedule, WorkerPlugin, get_worker
except ImportError:
    raise ConfigurationError(
        "a fan-out over a cluster needs Dask: pip install 'eguma_async[dask]'"
    ) from None

__all__ = ["Chunk", "Client", "SessionPlugin", "keep_to", "read_chunk"]

REDIS_RATE = "eguma_async.pipeline.redis_rate:RedisRate"

Result = tuple[Any, EgumaError | None, int, float]
"""Value, error, attempts and seconds of one read."""


@attrs.frozen(eq=False, repr=False)
class Chunk:
    """Some reads on their way to a worker.

    Attributes:
        key: Dask's key of the task.
        operations: The reads.
        timeouts: Limits of each attempt; None for those of the worker's session.
        share: Requests a second that one worker may send; None for no limit.
    """

    key: str
    operations: tuple[Operation[Any], ...]
    timeouts: Timeouts | None
    share: float | None

    def __repr__(self) -> str:
        return f"<{len(self.operations)} reads>"  # Dask logs arguments; these may name customers


@attrs.frozen(repr=False)
class Answer:
    """What a chunk came to.

    Attributes:
        results: One for each read, in the order of the reads.
    """

    results: tuple[Result, ...]

    def __repr__(self) -> str:
        return f"<{len(self.results)} results>"


async def read_chunk(plugin: str, chunk: Chunk) -> Answer | EgumaError:
    """Carry out a chunk with the session of the worker this runs on.

    Returns:
        The answer, or the error that ends the whole fan-out. It is returned, not raised: Dask
        would log it with the arguments of the task.

    Raises:
        Reschedule: The worker is being closed; another one is to do it.
    """
    found = get_worker().plugins.get(plugin)
    if not isinstance(found, SessionPlugin):
        return SessionStateError("the executor was closed meanwhile")
    return await found.read(chunk)


def keep_to(plugin: str, share: float | None, dask_worker: Any) -> None:
    """Let the worker this runs on send so many requests a second from now on."""
    found = dask_worker.plugins.get(plugin)
    if isinstance(found, SessionPlugin):
        found.keep_to(share)


class SessionPlugin(WorkerPlugin):
    """Keeps one session on each worker, also on those that join later.

    Args:
        name: A name of its own.
        recipe: Makes the session.
    """

    def __init__(self, name: str, recipe: SessionRecipe, version: str = __version__) -> None:
        self.name = name
        self._recipe = recipe
        self._version = version
        self._problem: EgumaError | None = None
        self._session: Any = None
        self._running: dict[str, asyncio.Task[Answer]] = {}
        self._pacer: Pacer | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return SessionPlugin, (self.name, self._recipe, self._version)

    async def setup(self, worker: Any) -> None:
        """Make the session, with the credentials of this worker's environment.

        Raises:
            ConfigurationError: That is not possible; the message says on which worker.
        """
        try:
            await self._set_up(worker)
        except EgumaError as error:
            why = error.message
        except Exception as error:  # noqa: BLE001  # of a factory that is not ours
            why = f"{self._recipe.factory} failed with {type(error).__name__}"  # no text of it
        else:
            return
        self._problem = ConfigurationError(f"worker {worker.address} has no session: {why}")
        raise self._problem

    async def _set_up(self, worker: Any) -> None:
        if self._version != __version__:
            raise ConfigurationError(
                f"it has eguma_async {__version__}, and the caller {self._version};"
                " install the same version"
            )
        make = imported(self._recipe.factory)
        observer = _Refusals(lambda: worker.log_event(self.name, "429"))
        session = make(**_options(self._recipe), observer=observer)
        await session.__aenter__()
        self._session, self._pacer = session, Pacer(session.clock)
        wanted, found = self._recipe.credential, session.fingerprint
        if wanted and found and wanted != found:
            await self.teardown(None)
            raise ConfigurationError(
                "its environment holds other credentials than the caller's session has"
            )

    async def teardown(self, worker: Any) -> None:
        """Close the session."""
        session, self._session = self._session, None
        if session is not None:
            await session.aclose()

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:
        """End a chunk that nobody wants any more."""
        task = self._running.get(key)
        if task is not None and start != finish and finish in ("released", "cancelled"):
            task.cancel()

    def keep_to(self, share: float | None) -> None:
        """Send so many requests a second from now on."""
        if self._pacer is not None:
            self._pacer.rate = share

    async def read(self, chunk: Chunk) -> Answer | EgumaError:
        """Carry out a chunk."""
        if self._problem is not None:
            return self._problem
        if self._session is None or self._pacer is None:
            raise Reschedule
        self.keep_to(chunk.share)
        task = asyncio.create_task(_carried_out(self._session, self._pacer, chunk))
        self._running[chunk.key] = task
        try:
            return await task
        except SessionStateError:  # the worker is being closed
            raise Reschedule from None
        except EgumaError as error:
            return error.with_traceback(None)
        finally:
            task.cancel()
            del self._running[chunk.key]


def _options(recipe: SessionRecipe) -> dict[str, Any]:
    """Return the options of a session on this worker."""
    options = dict(recipe.options)
    if name := recipe.redis_variable:
        url = os.environ.get(name)
        if not url:
            raise ConfigurationError(f"set its environment variable {name}: the URL of Redis")
        shared = imported(REDIS_RATE)(url)
        options["limits"] = attrs.evolve(options["limits"], shared=shared)
    return options


def imported(factory: str) -> Any:
    """Return what a reference such as ``"package.module:name"`` stands for.

    Raises:
        ConfigurationError: There is no such thing.
    """
    module, _, name = factory.partition(":")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError):
        raise ConfigurationError(f"{factory} cannot be imported") from None
    return found


async def _carried_out(session: Any, pacer: Pacer, chunk: Chunk) -> Answer:
    reads = chunk.operations if pacer.rate is None else _paced(chunk.operations, pacer)
    outcomes = await run_chunk(session, reads, timeouts=chunk.timeouts)
    # Without the operations: the other side has them.
    return Answer(tuple((o.value, o.error, o.attempts, o.seconds) for o in outcomes))


async def _paced(
    operations: Sequence[Operation[Any]], pacer: Pacer
) -> AsyncIterator[Operation[Any]]:
    for operation in operations:
        await pacer.turn()
        yield operation


class _Refusals(Observer):
    """Tells of a 429, also of one whose request is sent again, at most once a second.

    Args:
        tell: Tells whoever divides the rate.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._told: float | None = None

    def attempt_ended(self, attempt: AttemptEvent, started: object, /) -> None:
        """Look at the status of an answer."""
        if attempt.status != 429:
            return
        now = asyncio.get_running_loop().time()
        if self._told is None or now - self._told >= REACTION:
            self._told = now
            self._tell()
