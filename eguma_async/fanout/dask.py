"""A fan-out over the workers of a Dask cluster. Needs the extra ``dask``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import attrs

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fan_out import Executor, Outcome
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.recipe import SessionRecipe

from .pace import checked_rate

CHUNK_SIZES = range(1, 1001)


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
        client: A `distributed.Client`, asynchronous or not, which stays the caller's to close; or
            the address of a scheduler, such as ``"tls://scheduler:8786"``, to be connected to for
            the length of the block.
        chunk_size: Reads per task; 25 to 100 cost next to nothing and lose little.
        chunks_per_worker: Tasks under way per worker, waiting ones included.
        rate: Requests a second that all workers together keep to; None for no limit as long as
            the server answers no 429. Such an answer lowers the rate for all of them.
        redis_variable: Name of the workers' environment variable that holds the URL of a Redis
            server: through it they keep to one rate exactly, as with `RedisRate`.
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
        redis_variable: str | None = None,
        session: str | Callable[..., Any] | None = None,
    ) -> None:
        from ._dask_worker import Client  # noqa: PLC0415  # an extra

        if not isinstance(client, (Client, str)):
            raise ConfigurationError(
                'client must be a distributed.Client, or an address such as "tls://scheduler:8786",'
                f" not {type(client).__name__}"
            )
        for name, value in (("chunk_size", chunk_size), ("chunks_per_worker", chunks_per_worker)):
            if not isinstance(value, int) or isinstance(value, bool) or value not in CHUNK_SIZES:
                raise ConfigurationError(f"{name} must be a whole number from 1 to 1000")
        self._client = None if isinstance(client, str) else client
        self._address = client if isinstance(client, str) else None
        self._chunk_size = chunk_size
        self._chunks_per_worker = chunks_per_worker
        self._rate = checked_rate(rate)
        is_name = isinstance(redis_variable, str) and redis_variable.isidentifier()
        if redis_variable is not None and not is_name:
            raise ConfigurationError(
                "redis_variable must be the name of an environment variable, not a URL: a password"
                " in it would cross the network"
            )
        self._redis_variable = redis_variable or ""
        self._factory = None if session is None else reference(session)
        self._crews: list[Any] = []
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
    def workers(self) -> int:
        """How many workers the cluster has, as it was last heard; 0 before it was asked."""
        if self._client is None:
            return 0
        from ._dask_crew import known_workers  # noqa: PLC0415  # an extra

        return known_workers(self._client)

    @property
    def rate(self) -> float | None:
        """Requests a second that the workers keep to at present; None while there is no limit."""
        rates = [crew.pace for crew in self._crews if crew.pace is not None]
        return min(rates, default=self._rate)

    def with_sessions(self, recipe: SessionRecipe, /) -> Executor:
        """Return the executor of a session whose workers make theirs by a recipe.

        Raises:
            ConfigurationError: The workers cannot make such a session, or this is closed.
        """
        if self._closed:
            raise ConfigurationError("this DaskExecutor is closed; make a new one")
        if self._client is None:
            raise ConfigurationError(
                "it is not connected; enter it first: `async with DaskExecutor(...) as executor:`"
            )
        if self._redis_variable:
            recipe = attrs.evolve(recipe, redis_variable=self._redis_variable)
        if self._factory is not None:
            recipe = attrs.evolve(recipe, factory=self._factory, obstacle="")
        if recipe.obstacle:
            raise ConfigurationError(
                f"{recipe.obstacle}, which the workers cannot have: pass session= what makes"
                ' theirs, as "package.module:name"'
            )
        importable(recipe.factory)
        from ._dask_crew import Crew  # noqa: PLC0415  # an extra

        crews: list[Crew] = self._crews
        for known in crews:
            if known.recipe == recipe:
                return known
        crew = Crew(
            self._client,
            recipe,
            chunk_size=self._chunk_size,
            chunks_per_worker=self._chunks_per_worker,
            rate=self._rate,
        )
        crews.append(crew)
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
        """Close the sessions on the workers, and the connection if it is its own.

        May be called twice.
        """
        self._closed = True
        async with contextlib.AsyncExitStack() as steps:
            if self._address is not None and self._client is not None:
                steps.push_async_callback(self._client.close)
            while self._crews:
                await self._crews[-1].aclose()
                self._crews.pop()

    async def __aenter__(self) -> Self:
        if self._address is not None and self._client is None:
            from ._dask_crew import connected  # noqa: PLC0415  # an extra

            self._client = await connected(self._address)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


def reference(factory: str | Callable[..., Any]) -> str:
    """Return how a function or class is imported, as ``"package.module:name"``.

    Raises:
        ConfigurationError: It cannot be imported by another process.
    """
    if isinstance(factory, str):
        return importable(factory)
    module, name = (getattr(factory, part, "") for part in ("__module__", "__qualname__"))
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
