"""How a session begins and ends: once, in one event loop, however it is cancelled."""

from __future__ import annotations

import asyncio
import warnings
from abc import ABC, abstractmethod
from types import TracebackType
from typing import NoReturn, Self

from eguma_async.core.errors import SessionStateError

from .background import Background, see_through


class LifeCycle(ABC):
    """Opens with ``async with`` and closes once; it belongs to the event loop it is entered in.

    A subclass says in `_open` and `_close` what that means.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._background = Background()
        self._closing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._closed or self._loop is not None:
            raise SessionStateError(
                f"this {type(self).__name__} was entered before; make a new one for each"
                " `async with`"
            )
        self._loop = asyncio.get_running_loop()
        try:
            await self._open()
        except BaseException:
            self._loop = None  # it was not entered
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the fan-outs still running and close the connections. May be called twice.

        Places that are being given back are waited for, for 10 seconds at most, even if the
        waiting is cancelled. What is under way then is not sent again.

        Raises:
            SessionStateError: Called by work in the background, for which closing waits.
        """
        if self._background.runs_here():
            raise SessionStateError("work in the background cannot close the session it runs in")
        self._closed = True
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await see_through(self._closing)

    @abstractmethod
    async def _open(self) -> None:
        """Make ready what has to be before the first call."""

    @abstractmethod
    async def _close(self) -> None:
        """Let go of everything, whatever part of it fails."""

    def __del__(self) -> None:
        if getattr(self, "_loop", None) is not None and not self._closed:
            warnings.warn(
                f"unclosed {type(self).__name__}; use `async with` or `await session.aclose()`",
                ResourceWarning,
                source=self,
                stacklevel=1,
            )

    def __repr__(self) -> str:
        # Also of one that could not be made: a traceback that shows variables asks for it.
        return f"<{type(self).__name__} {getattr(self, '_base_url', 'not made')}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not pickled: make one where it is used")

    def _require_open(self) -> None:
        is_open = not self._closed or (self._background.runs_here() and not self._is_shut)
        if is_open and self._loop is asyncio.get_running_loop():
            return
        name, problem = type(self).__name__, "is closed; make a new one"
        if self._loop is None and not self._closed:
            problem = f"is not open; enter it first: `async with {name}(...) as session:`"
        elif not self._closed:
            problem = "belongs to another event loop; make one in the loop that uses it"
        raise SessionStateError(f"this {name} {problem}")

    @property
    def _is_shut(self) -> bool:
        """True once closing has ended; until then, work in the background may still send."""
        return self._closing is not None and self._closing.done()
