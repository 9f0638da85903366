"""A proxy between a store and its server that ends connections at the worst moments."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path


class Cutting:
    """Carries bytes both ways.

    Attributes:
        plan: What happens to the next requests, one after the other: ``"answer"`` lets the server
            do it and swallows what it says, ``"request"`` never hands it on. After each, the
            connection ends; when none is left, everything passes.
        connections: How many there were.
        between: Called after a swallowed answer, before the store is told anything.
    """

    def __init__(self, server: Path) -> None:
        self.server = server
        self.plan: list[str] = []
        self.connections = 0
        self.between = _nothing
        self._tasks: set[asyncio.Task[None]] = set()

    async def carry(self, reader, writer) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError):
                theirs, ours = await asyncio.open_unix_connection(str(self.server))
                try:
                    await self._exchange(reader, writer, theirs, ours)
                finally:
                    ours.close()
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _exchange(self, reader, writer, theirs, ours) -> None:
        back = asyncio.ensure_future(_copy(theirs, writer))
        try:
            while data := await reader.read(65536):
                if not self.plan:
                    ours.write(data)
                    continue
                what = self.plan.pop(0)
                if what == "answer":
                    back.cancel()
                    await asyncio.wait([back])
                    ours.write(data)
                    assert await theirs.read(65536)
                    await self.between()
                return
        finally:
            back.cancel()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _copy(reader, writer) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


async def _nothing() -> None:
    pass


@contextlib.asynccontextmanager
async def cutting(server: Path, at: Path) -> AsyncIterator[Cutting]:
    """Run a proxy to a server's socket at another."""
    proxy = Cutting(server)
    listening = await asyncio.start_unix_server(proxy.carry, str(at))
    try:
        yield proxy
    finally:
        listening.close()
        await proxy.stop()
