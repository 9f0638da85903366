"""Between a call that receives a long list and whoever reads its elements."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from eguma_async.core.elements import ElementReader
from eguma_async.core.errors import (
    DecodingError,
    EgumaError,
    SessionStateError,
    TransportError,
)
from eguma_async.core.listing import Listing, UnreadableElement, refuse_unreadable
from eguma_async.core.messages import HttpResponse

from .call import Call

T = TypeVar("T")

UNREADABLE_IN_VAIN = 1000
"""How many elements may be unreadable before the first that is readable."""


class Feed(Generic[T]):
    """What a call writes its response into, and a reader takes elements from.

    It holds two batches at most. While the reader has not taken the first one, the call does not
    go on, and the server has to wait.

    Args:
        run: Sends the request, with this feed as its sink.
        reader: Makes a reader of one response.
        sift: Leaves out of a batch what was not asked for.

    Attributes:
        unreadable: What could not be read of the batches taken so far.
    """

    def __init__(
        self,
        run: Callable[[Feed[T]], Coroutine[Any, Any, Call[Any]]],
        reader: Callable[[], ElementReader[T]],
        sift: Callable[[Listing[T]], Listing[T]],
    ) -> None:
        self.unreadable: list[UnreadableElement] = []
        self._run = run
        self._new_reader = reader
        self._reader = reader()
        self._sift = sift
        self._any_readable = False
        self._in_vain: list[UnreadableElement] = []
        self._batches: deque[Listing[T]] = deque()
        self._was_taken = False
        self._handed_on = 0
        self._room: asyncio.Future[None] | None = None
        self._consumer: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Call[Any]] | None = None
        self._is_over = False
        self._error: BaseException | None = None

    # The sink

    async def write(self, chunk: bytes, /) -> None:
        """Take the next piece of the response, once the reader has taken what came before.

        Raises:
            DecodingError: It cannot be read on.
        """
        for batch in self._reader.feed(chunk):
            self._put(self._kept(batch))
            while len(self._batches) > 1:
                await self._wait_for_room()

    def restart(self) -> None:
        """Forget what came so far.

        Raises:
            TransportError: The reader has some of it.
        """
        if self._was_taken:
            raise TransportError("the list is not read again: a part of it was handed on")
        self._batches.clear()
        self._reader = self._new_reader()
        self._any_readable, self._in_vain = False, []

    def finish(self, call: Call[Any], response: HttpResponse) -> None:
        """Check that the response is whole. It is the `read` of the call.

        Raises:
            DecodingError: It is not, or no element of it can be read.
        """
        for batch in self._reader.finish():
            self._put(self._kept(batch))
        self._refuse_if_in_vain()

    def _kept(self, batch: Listing[T]) -> Listing[T]:
        if batch:
            self._any_readable, self._in_vain = True, []
        elif not self._any_readable:
            self._in_vain += batch.unreadable
            if len(self._in_vain) >= UNREADABLE_IN_VAIN:
                self._refuse_if_in_vain()
        return self._sift(batch)

    def _refuse_if_in_vain(self) -> None:
        refuse_unreadable((), self._reader.path, tuple(self._in_vain[:UNREADABLE_IN_VAIN]))

    def _put(self, batch: Listing[T]) -> None:
        if batch or batch.unreadable:
            self._batches.append(batch)
            _wake(self._consumer)

    async def _wait_for_room(self) -> None:
        self._room = asyncio.get_running_loop().create_future()
        try:
            await self._room
        finally:
            self._room = None

    # The reader's side

    async def next(self) -> Listing[T]:
        """Return the next batch, and send the request if this is the first.

        Raises:
            StopAsyncIteration: That was the last one.
            EgumaError: What ended the call. All that came before was returned.
        """
        if self._task is None and not self._is_over:
            self._loop = asyncio.get_running_loop()
            self._task = self._loop.create_task(self._run(self))
            self._task.add_done_callback(self._ended)
        while not self._batches and not self._is_over:
            await self._wait()
        if not self._batches:
            raise self._end()
        batch = self._batches.popleft()
        self._handed_on += len(batch)
        self._was_taken = True
        self.unreadable += batch.unreadable
        _wake(self._room)
        return batch

    async def _wait(self) -> None:
        if self._consumer is not None:
            raise SessionStateError("another task waits for the next element of this list")
        self._consumer = asyncio.get_running_loop().create_future()
        try:
            await self._consumer
        finally:
            self._consumer = None

    def _ended(self, task: asyncio.Task[Call[Any]]) -> None:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if not self._is_over:
            self._is_over, self._error = True, error
        self._task = None
        _wake(self._consumer)

    def _end(self) -> BaseException:
        """Return what the list ends with."""
        error, count = self._error, self._handed_on
        if error is None:
            return StopAsyncIteration()
        if count and not isinstance(error, DecodingError):
            error.add_note(f"{count} elements of the list had come before")
            self._handed_on = 0  # said once
        # Without the frames below: they hold the response, and so customers.
        return error.with_traceback(None)

    async def stop(self, reason: EgumaError | None = None) -> None:
        """End the call, and with it the connection, unless it has ended.

        Args:
            reason: Raised to a reader who asks for more; without it, the list is at its end.
        """
        if self._is_over and not self._batches:
            return
        self._is_over, self._error = True, reason
        self._batches.clear()
        _wake(self._consumer)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    def stop_soon(self) -> None:
        """End the call from wherever this is called: a destructor, of any thread."""
        task, loop = self._task, self._loop
        if task is None or loop is None or task.done() or loop.is_closed():
            return
        loop.call_soon_threadsafe(task.cancel)


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
