"""What stores on a database server have in common: their life, and answers that never come."""

from __future__ import annotations

import abc
import asyncio
import enum
import os
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from eguma_async.core.errors import JournalError

from .base import Row, Store

T = TypeVar("T")

TRIES = 3
"""How often something is asked whose connection ends before the answer comes."""


class Write(enum.Enum):
    """What is done to a row."""

    INSERT = "insert"
    REPLACE = "replace"
    DELETE = "delete"


def unreachable(what: str) -> JournalError:
    """Return the error for a server whose connections end before an answer, or never begin."""
    return JournalError(
        f"the journal {what} cannot be reached: connections fail, or end before an answer; what"
        " was to be written just now may have been. Look at the address, the network and the server"
    )


class ServerStore(Store):
    """A store that belongs to the process and the event loop it was opened in.

    What was handed in goes on when its caller is cancelled. A connection that ends before the
    answer to a write leaves open whether it was done: it is done again, which the version
    prevents from being done twice, and if it is refused then, the row is looked at.

    Args:
        what: What and where it is, without a secret.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._tasks: set[asyncio.Task[Any]] = set()
        self._opening: asyncio.Task[None] | None = None
        self._is_open = False
        self._process = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    # What each kind of server does in its own way; nothing of it is called at the wrong time.

    @abc.abstractmethod
    async def _connect(self) -> None:
        """Connect, check what the server promises, and make what is missing there.

        Raises:
            JournalError: It cannot be done; nothing is left open then.
        """

    @abc.abstractmethod
    async def _disconnect(self) -> None:
        """Let go of all connections; it must not raise."""

    @abc.abstractmethod
    async def _write(self, write: Write, row: Row) -> bool | None:
        """Tell whether something was done to a row; None if the connection ended before that."""

    @abc.abstractmethod
    async def _at(self, series: str, generation: int) -> tuple[Row, ...] | None:
        """Return what stands at a place; None if the connection ended before that."""

    # Life

    def describe(self) -> str:
        """Return the server and what of it is used, without user and password."""
        return self._what

    async def open(self) -> None:
        """Connect, check what the server promises, and make what is missing there."""
        if self._opening is None:
            self._loop = asyncio.get_running_loop()
            self._process = os.getpid()
            self._opening = asyncio.ensure_future(self._open())
        self._check_place()
        opening = self._opening
        try:
            await asyncio.shield(opening)
        except JournalError:
            if self._opening is opening:
                self._opening = None
            raise

    async def close(self) -> None:
        """Wait for what is under way, and disconnect."""
        opening = self._opening
        if opening is None or self._process != os.getpid():
            return  # not open, or not ours
        self._check_place()
        self._opening = None
        await asyncio.shield(asyncio.ensure_future(self._close(opening)))

    async def _open(self) -> None:
        await self._connect()
        self._is_open = True

    async def _close(self, opening: asyncio.Task[None]) -> None:
        await asyncio.wait([opening])
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        if self._is_open:
            self._is_open = False
            await self._disconnect()

    def _check_place(self) -> None:
        if self._process != os.getpid():
            raise JournalError(
                f"the journal {self._what} was opened before this process was forked, and cannot"
                " be used in it: make a new one here"
            )
        if self._loop is not asyncio.get_running_loop():
            raise JournalError(
                f"the journal {self._what} was opened in another event loop: close it there, or"
                " make one for each loop"
            )

    # Writing

    async def insert(self, row: Row) -> Row:
        """Keep a row, unless there is one."""
        return await self._do(lambda: self._insert(row))

    async def replace(self, row: Row) -> bool:
        """Write the next version of a row."""
        return await self._do(lambda: self._compare_and_set(Write.REPLACE, row))

    async def delete(self, row: Row) -> bool:
        """Remove a row."""
        return await self._do(lambda: self._compare_and_set(Write.DELETE, row))

    async def _insert(self, row: Row) -> Row:
        for _ in range(TRIES):
            if await self._until_answered(lambda: self._write(Write.INSERT, row)):
                return row
            there = await self._until_answered(lambda: self._at(row.series, row.generation))
            if there:
                return there[0]  # this row too, if it was written and nobody told us
        raise JournalError(f"the journal {self._what} is changed too often: try again")

    async def _compare_and_set(self, write: Write, row: Row) -> bool:
        was_lost = False
        for _ in range(TRIES):
            done = await self._write(write, row)
            if done is None:
                was_lost = True
                continue
            if done or not was_lost:
                return done
            there = await self._until_answered(lambda: self._at(row.series, row.generation))
            if write is Write.DELETE:
                return not there
            return bool(there) and (there[0].version, there[0].data) == (row.version, row.data)
        raise self._unknown()

    async def _until_answered(self, ask: Callable[[], Awaitable[T | None]]) -> T:
        """Ask what may be asked again."""
        for _ in range(TRIES):
            answer = await ask()
            if answer is not None:
                return answer
        raise self._unknown()

    def _unknown(self) -> JournalError:
        return unreachable(self._what)

    async def _ask(self, ask: Callable[[], Awaitable[T | None]]) -> T:
        return await self._do(lambda: self._until_answered(ask))

    async def _do(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what some work comes to; it goes on if the caller is cancelled."""
        if not self._is_open or self._opening is None:
            raise JournalError(f"the journal {self._what} is not open")
        self._check_place()
        task = asyncio.ensure_future(work())
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited was told, if anybody did
