"""Dask clusters for the tests, and the sessions that their workers make."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from distributed import Client, LocalCluster

from eguma_async.eguma.session import AsyncSession
from eguma_async.testing import FakeClock

KEY = "canary-key-of-the-workers-0123456789"
HERE = "tests.support.clusters:session_here"


class Stage:
    """What the sessions of workers within this process talk to.

    Attributes:
        transport: Carries their requests.
        clock: Theirs.
        made: The sessions so far.
        options: What each was made with.
    """

    transport: Any = None
    clock: Any = None
    made: list[AsyncSession]
    options: list[dict[str, Any]]

    def set(self, transport: Any) -> None:
        self.transport, self.clock = transport, FakeClock()
        self.made, self.options = [], []


STAGE = Stage()


def session_here(**options: Any) -> AsyncSession:
    """Make the session of a worker within this process."""
    STAGE.options.append(dict(options))
    session = AsyncSession(KEY, transport=STAGE.transport, clock=STAGE.clock, **options)
    STAGE.made.append(session)
    return session


def broken_factory(**options: Any) -> AsyncSession:
    raise RuntimeError(f"canary of a factory: {KEY}")


@contextlib.asynccontextmanager
async def embedded(workers: int = 2, threads: int = 1, **options: Any) -> AsyncIterator[Any]:
    """Run a cluster within this process, and yield a client of it."""
    cluster: Any = LocalCluster
    client: Any = Client
    how = {
        "n_workers": workers,
        "threads_per_worker": threads,
        "processes": False,
        "protocol": "tcp://",  # within a process Dask hands objects over as they are
        "asynchronous": True,
        "dashboard_address": ":0",
        **options,
    }
    async with (
        cluster(**how) as running,
        client(running, asynchronous=True) as connected,
    ):
        yield connected


@contextlib.asynccontextmanager
async def wiretap(host: str, port: int) -> AsyncIterator[tuple[int, bytearray]]:
    """Pass every connection on to a server; yield the port, and all bytes of both directions."""
    seen = bytearray()
    writers: list[asyncio.StreamWriter] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                seen.extend(data)
                writer.write(data)
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, port)
        writers.extend((writer, back))
        await asyncio.gather(copy(reader, back), copy(there, writer))

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


async def eventually(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Wait until something is so, in a world with threads and sockets."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
