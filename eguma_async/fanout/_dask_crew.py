"""The workers of a Dask cluster, as one fan-out after the other uses them."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
import weakref
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from distributed import Client, KilledWorker
from distributed.client import FutureCancelledError

from eguma_async.core.clock import Clock, SystemClock
from eguma_async.core.errors import (
    ConfigurationError,
    EgumaError,
    TransportError,
)
from eguma_async.core.fan_out import ClusterError, Outcome
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.recipe import SessionRecipe

from . import _dask_worker as engine
from .pace import SharedRate

T = TypeVar("T")

CONNECT_SECONDS = 10.0
COUNT_EVERY = 2.0
"""Seconds after which the workers are counted anew."""


async def connected(address: str) -> Any:
    """Return a client of the scheduler at an address.

    Raises:
        ClusterError: It cannot be reached.
        ConfigurationError: The address is malformed.
    """
    made: Any = Client  # it has no types
    client = made(address, asynchronous=True, timeout=CONNECT_SECONDS)
    try:
        await client
    except BaseException as error:
        with contextlib.suppress(Exception):
            await client.close()
        if isinstance(error, ValueError):
            raise ConfigurationError(
                f"{address!r} is no address of a scheduler, such as tls://scheduler:8786"
            ) from None
        if isinstance(error, (OSError, TimeoutError)):
            why = type(error).__name__
            raise ClusterError(f"no scheduler answers this client at {address}: {why}") from None
        raise
    return client


def known_workers(client: Any) -> int:
    """Return how many workers a client knows of. It asks now and then; this does not wait."""
    # All public ways ask the scheduler first.
    known: dict[str, Any] = getattr(client, "_scheduler_identity", {})
    return max(int(known.get("n_workers", 0)), len(known.get("workers", ())))


class Crew:
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
        self._pace = SharedRate(rate, self._clock)
        self._pace.workers = max(1, known_workers(client))
        self._counted_at: float | None = None
        self._turn = asyncio.Lock()
        self._end: weakref.finalize[Any, Crew] | None = None

    @property
    def chunks_at_once(self) -> int:
        """Tasks under way at once at most, by the number of workers as it was last counted."""
        return self._pace.workers * self._chunks_per_worker

    @property
    def pace(self) -> float | None:
        """Requests a second that the workers keep to at present; None while there is no limit."""
        return self._pace.rate

    @property
    def limit(self) -> None:
        """None: each worker has its own limit of what is under way at once."""

    async def run(
        self, operations: Sequence[Operation[Any]], /, *, timeouts: Timeouts | None = None
    ) -> Sequence[Outcome[Any]]:
        """Carry out a chunk on whatever worker is free.

        Raises:
            ConfigurationError: A worker has no session; the message says why.
            ClusterError: The cluster cannot be reached any more.
        """
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
        future = self._client.submit(
            engine.read_chunk, self._name, chunk, key=chunk.key, pure=False
        )
        try:
            return await future
        except KilledWorker:
            return None
        except FutureCancelledError as error:
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
