"""Servers in a thread of their own, for commands that run an event loop in the main one."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

from .byte_server import ByteServer

PATIENCE = 30.0


class InThread:
    """A byte server that runs as long as its ``with`` block."""

    def __init__(self, server: ByteServer) -> None:
        self.server = server
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)

    def let_go(self) -> None:
        """Let the scripts go on that wait for `server.release`."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self.server.release.set)

    @property
    def base_url(self) -> str:
        return self.server.url.partition("/v1/")[0]

    @property
    def heads(self) -> list[str]:
        """The head of each request that arrived."""
        return [head.decode() for head, _ in self.server.requests]

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await self.server.start()
        self._ready.set()
        await self._stop.wait()
        await self.server.stop()
