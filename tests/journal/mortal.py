"""Processes that can die between any two steps of what they do to a journal and a server."""

from __future__ import annotations

from eguma_async.core.messages import HttpRequest, HttpResponse
from eguma_async.journal.stores.base import Place, Row, Store
from tests.journal.conftest import Killed


class Life:
    """What is left of the life of a process.

    Args:
        steps: How many more steps it takes; None if it does not die.
    """

    def __init__(self, steps: int | None = None) -> None:
        self._left = steps
        self.is_over = False

    def step(self) -> None:
        """Take a step, unless the process dies before it, or is dead."""
        self.is_over = self.is_over or self._left == 0
        if self.is_over:
            raise Killed
        if self._left is not None:
            self._left -= 1


class MortalStore(Store):
    """The way of one process to a store that outlives it: each write has two steps around it."""

    def __init__(self, inner: Store, life: Life) -> None:
        self._inner = inner
        self._life = life

    def describe(self) -> str:
        return self._inner.describe()

    async def open(self) -> None:
        await self._inner.open()

    async def close(self) -> None:
        """Do nothing: other processes go on with it."""

    async def secret(self) -> bytes:
        return await self._inner.secret()

    async def now(self) -> float | None:
        return await self._inner.now()

    async def insert(self, row: Row) -> Row:
        self._life.step()
        there = await self._inner.insert(row)
        self._life.step()
        return there

    async def replace(self, row: Row) -> bool:
        self._life.step()
        is_done = await self._inner.replace(row)
        self._life.step()
        return is_done

    async def delete(self, row: Row) -> bool:
        self._life.step()
        is_done = await self._inner.delete(row)
        self._life.step()
        return is_done

    async def latest(self, series: str) -> Row | None:
        return await self._inner.latest(series)

    async def made(self, remote: str) -> Row | None:
        return await self._inner.made(remote)

    async def rows(
        self, *, open_only: bool = False, after: Place | None = None, limit: int = 500
    ) -> tuple[Row, ...]:
        return await self._inner.rows(open_only=open_only, after=after, limit=limit)


class MortalTransport:
    """The way of one process to a server: each request has two steps around it."""

    def __init__(self, inner, life: Life) -> None:
        self._inner = inner
        self._life = life

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        self._life.step()
        response = await self._inner.send(request)
        self._life.step()
        return response

    async def aclose(self) -> None:
        """Do nothing."""
