"""A fan-out over the workers of a Dask cluster. Needs the extra ``dask``."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
import weakref
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import attrs

from eguma_async.core.clock import Clock, SystemClock
from eguma_async.core.errors import (
    ClusterError,
    ConfigurationError,
    EgumaError,
    TransportError,
)
from eguma_async.core.fan_out import Outcome
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.recipe import SessionRecipe

from .pace import SharedRate, checked_rate

T = TypeVar("T")

CHUNK_SIZES = range(1, 1001)
COUNT_EVERY = 2.0
"""Seconds after which the workers are counted anew."""


class DaskExecutor:
    """Spreads the reads of a fan-out over the workers of a Dask cluster.

    ::

        async with AsyncSession() as session, DaskExecutor(client) as executor:
            async for outcome in session.fan_out(operations, executor=executor):
                ...

    Each worker makes a session of its own, with the credentials of its own environment: none
    leaves this process. The package must be installed there in the same version. A chunk whose
    worker dies is carried out again by another one, so some requests are sent twice.

    Leaving the block closes the sessions on the workers. Without a block they are closed soon
    after the last fan-out, when nobody holds the executor any more.

    Args:
        client: A `distributed.Client`, asynchronous or not. It stays the caller's to close.
        chunk_size: Reads per task; 25 to 100 cost next to nothing and lose little.
        chunks_per_worker: Tasks under way per worker, waiting ones included.
        rate: Requests a second that all workers together keep to; None for no limit as long as
            the server answers no 429. Such an answer lowers the rate for all of them.
        session: What makes the session on a worker, as ``"package.module:name"`` or a function
            that can be imported so; it is called with the options of the caller's session as
            keyword arguments. If not given, the class of the caller's session.

    Raises:
        ConfigurationError: Dask is missing, or an argument is malformed.
    """

    def __init__(
        self,
        client: Any,
        *,
        chunk_size: int = 50,
        chunks_per_worker: int = 4,
        rate: float | None = None,
        session: str | Callable[..., Any] | None = None,
    ) -> None:
        from . import _dask_worker as engine  # noqa: PLC0415  # an extra

        if not isinstance(client, engine.Client):
            raise ConfigurationError(
                'client must be a distributed.Client, such as Client("tls://scheduler:8786"), not'
                f" {type(client).__name__}"
            )
        for name, value in (("chunk_size", chunk_size), ("chunks_per_worker", chunks_per_worker)):
            if not isinstance(value, int) or isinstance(value, bool) or value not in CHUNK_SIZES:
                raise ConfigurationError(f"{name} must be a whole number from 1 to 1000")
        self._client = client
        self._chunk_size = chunk_size
        self._chunks_per_worker = chunks_per_worker
        self._rate = checked_rate(rate)
        self._factory = None if session is None else reference(session)
        self._crews: list[_Crew] = []
        self._closed = False

    @property
    def chunk_size(self) -> int:
        """Reads per task at most."""
        return self._chunk_size

    @property
    def chunks_at_once(self) -> int:
        """Tasks under way at once at most: so many for each worker."""
        return sum(crew.chunks_at_once for crew in self._crews) or self._chunks_per_worker

    @property
    def rate(self) -> float | None:
        """Requests a second that the workers keep to at present; None while there is no limit."""
        rates = [crew.rate for crew in self._crews if crew.rate is not None]
        return min(rates, default=self._rate)

    def with_sessions(self, recipe: SessionRecipe, /) -> _Crew:
        """Return the executor of a session whose workers make theirs by a recipe.

        Raises:
            ConfigurationError: The workers cannot make such a session, or this is closed.
        """
        if self._closed:
            raise ConfigurationError("this DaskExecutor is closed; make a new one")
        if self._factory is not None:
            recipe = attrs.evolve(recipe, factory=self._factory, obstacle="")
        if recipe.obstacle:
            raise ConfigurationError(
                f"{recipe.obstacle}, which the workers cannot have: pass session= what makes"
                ' theirs, as "package.module:name"'
            )
        importable(recipe.factory)
        for crew in self._crews:
            if crew.recipe == recipe:
                return crew
        crew = _Crew(
            self._client,
            recipe,
            chunk_size=self._chunk_size,
            chunks_per_worker=self._chunks_per_worker,
            rate=self._rate,
        )
        self._crews.append(crew)
        return crew

    async def run(
        self, operations: Sequence[Operation[Any]], /, *, timeouts: Timeouts | None = None
    ) -> Sequence[Outcome[Any]]:
        """Carry out a chunk with sessions that are made without options.

        A session's `fan_out` does not call this, but that of `with_sessions`.

        Raises:
            ConfigurationError: It is not known how to make them.
        """
        if self._factory is None:
            raise ConfigurationError("pass the executor to the `fan_out` of a session")
        crew = self.with_sessions(SessionRecipe(factory=self._factory))
        return await crew.run(operations, timeouts=timeouts)

    async def aclose(self) -> None:
        """Close the sessions on the workers. May be called twice."""
        self._closed = True
        while self._crews:
            await self._crews[-1].aclose()
            self._crews.pop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


class _Crew:
    """The workers of a cluster, each with a session of the same making.

    Args:
        client: A `distributed.Client`.
        recipe: Makes the sessions.
        chunk_size: See `DaskExecutor`.
        chunks_per_worker: The same.
        rate: The same.
        clock: Tells when to count the workers anew.
    """

    def __init__(
        self,
        client: Any,
        recipe: SessionRecipe,
        *,
        chunk_size: int,
        chunks_per_worker: int,
        rate: float | None,
        clock: Clock | None = None,
    ) -> None:
        self.recipe = recipe
        self.chunk_size: int = chunk_size
        self._chunks_per_worker = chunks_per_worker
        self._client = client
        self._clock = SystemClock() if clock is None else clock
        self._name = f"eguma_async-session-{uuid.uuid4().hex}"
        # As the client heard last: the public ways to know it all ask the scheduler first.
        known = getattr(client, "_scheduler_identity", {})
        self._pace = SharedRate(rate, self._clock)
        self._pace.workers = max(1, known.get("n_workers", 0), len(known.get("workers", ())))
        self._counted_at: float | None = None
        self._turn = asyncio.Lock()
        self._end: weakref.finalize[Any, _Crew] | None = None

    @property
    def chunks_at_once(self) -> int:
        """Tasks under way at once at most, by the number of workers as it was last counted."""
        return self._pace.workers * self._chunks_per_worker

    @property
    def rate(self) -> float | None:
        """Requests a second that the workers keep to at present; None while there is no limit."""
        return self._pace.rate

    async def run(
        self, operations: Sequence[Operation[Any]], /, *, timeouts: Timeouts | None = None
    ) -> Sequence[Outcome[Any]]:
        """Carry out a chunk on whatever worker is free.

        Raises:
            ConfigurationError: A worker has no session; the message says why.
            ClusterError: The cluster cannot be reached any more.
        """
        from . import _dask_worker as engine  # noqa: PLC0415  # an extra

        await self._ready()
        key = f"eguma_async-chunk-{uuid.uuid4().hex}"
        chunk = engine.Chunk(key, tuple(operations), timeouts, self._pace.share)
        answer = await self._there(lambda: self._submitted(chunk))
        if isinstance(answer, EgumaError):
            raise answer
        if answer is None:
            return [_lost(operation) for operation in operations]
        self._pace.count(len(operations))
        return [
            Outcome(operation=operation, value=value, error=error, attempts=tries, seconds=took)
            for operation, (value, error, tries, took) in zip(
                operations, answer.results, strict=True
            )
        ]

    async def aclose(self) -> None:
        """Close the sessions on the workers."""
        async with self._turn:
            if self._end is not None and self._end.detach() and self._client.status == "running":
                with contextlib.suppress(ClusterError):  # then its workers are gone, too
                    await self._there(lambda: _removed(self._client, self._name))
            self._end = None

    async def _ready(self) -> None:
        """Give every worker its session, once, and count the workers now and then."""
        async with self._turn:
            if self._end is None:
                await self._there(self._set_up)
                self._end = weakref.finalize(self, _remove_soon, self._client, self._name)
                self._end.atexit = False  # the cluster, if it lives on, is told by nobody then
            now = self._clock.monotonic()
            if self._counted_at is None or now - self._counted_at > COUNT_EVERY:
                self._counted_at = now
                self._pace.workers = max(1, await self._there(self._count))

    # Within the loop of the client

    async def _set_up(self) -> None:
        from . import _dask_worker as engine  # noqa: PLC0415  # an extra

        try:
            await self._client.register_plugin(engine.SessionPlugin(self._name, self.recipe))
        except BaseException as error:
            with contextlib.suppress(Exception):
                await _removed(self._client, self._name)
            if isinstance(error, ImportError):
                raise ConfigurationError(
                    f"a worker cannot import {error.name}: install there what this process has"
                ) from None
            raise
        self._client.subscribe_topic(self._name, _Refused(self._client, self._name, self._pace))

    async def _count(self) -> int:
        return len(await self._client.nthreads())

    async def _submitted(self, chunk: Any) -> Any:
        """Return the answer to a chunk; None if every worker that tried it died."""
        from . import _dask_worker as engine  # noqa: PLC0415  # an extra

        future = self._client.submit(
            engine.read_chunk, self._name, chunk, key=chunk.key, pure=False
        )
        try:
            return await future
        except engine.KilledWorker:
            return None
        except engine.FutureCancelledError as error:
            raise _gone(f"the work was dropped ({error.reason})") from None
        finally:
            with contextlib.suppress(Exception):  # of a client that is closed
                await self._client.cancel([future])

    async def _there(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do something in the event loop of the client, which may be that of another thread.

        Raises:
            ClusterError: The cluster cannot be reached.
        """
        if self._client.status != "running":
            raise _gone(f"its client is {self._client.status}")
        loop = self._client.loop.asyncio_loop
        try:
            if loop is asyncio.get_running_loop():
                return await work()
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), loop))
        except (OSError, TimeoutError) as error:  # not of a read: those are values
            raise _gone(type(error).__name__) from None


def _gone(why: str) -> ClusterError:
    return ClusterError(f"the cluster cannot be reached: {why}; what was under way has no outcome")


def _lost(operation: Operation[Any]) -> Outcome[Any]:
    error = TransportError(
        "every worker that tried the chunk died; read it alone, or in smaller chunks",
        operation=operation.name(),
    )
    return Outcome(operation=operation, error=error, attempts=0, seconds=0.0)


class _Refused:
    """Is told of a 429 by a worker, in the loop of the client, and slows all of them down.

    Args:
        client: A `distributed.Client`.
        name: Of the plugin.
        pace: What is lowered.
    """

    def __init__(self, client: Any, name: str, pace: SharedRate) -> None:
        self._client = client
        self._name = name
        self._pace = pace

    async def __call__(self, event: object) -> None:
        from . import _dask_worker as engine  # noqa: PLC0415  # an extra

        if self._pace.lower():
            await self._client.run(engine.keep_to, self._name, self._pace.share, on_error="ignore")


async def _removed(client: Any, name: str) -> None:
    with contextlib.suppress(ValueError):  # not subscribed so far
        client.unsubscribe_topic(name)
    await client.unregister_worker_plugin(name)


def _remove_soon(client: Any, name: str) -> None:
    """Close the sessions on the workers, from a destructor of any thread."""

    async def remove() -> None:
        with contextlib.suppress(Exception):  # the cluster may end at the same time
            await _removed(client, name)

    if client.status == "running":
        with contextlib.suppress(RuntimeError):  # its loop has ended
            client.loop.add_callback(remove)


def reference(factory: str | Callable[..., Any]) -> str:
    """Return how a function or class is imported, as ``"package.module:name"``.

    Raises:
        ConfigurationError: It cannot be imported by another process.
    """
    if isinstance(factory, str):
        return importable(factory)
    module = getattr(factory, "__module__", None)
    name = getattr(factory, "__qualname__", None)
    return importable(f"{module}:{name}")


def importable(factory: str) -> str:
    """Return a reference that another process can import.

    Raises:
        ConfigurationError: It is none.
    """
    module, _, name = factory.partition(":")
    parts = [*module.split("."), *name.split(".")]
    if module == "__main__" or not all(part.isidentifier() for part in parts):
        raise ConfigurationError(
            f"workers cannot import {factory}: pass session= a function of a module that is"
            ' installed on them, as "package.module:name"'
        )
    return factory
