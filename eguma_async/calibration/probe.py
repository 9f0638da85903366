"""What questions are asked with: single requests as they are, and a list of what to give back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import attrs
import msgspec

from eguma_async.core.clock import Clock
from eguma_async.core.errors import EgumaError, OutcomeUnknownError, TransportError
from eguma_async.core.log import logger
from eguma_async.core.messages import (
    DEFAULT_TIMEOUTS,
    Credentials,
    HttpRequest,
    HttpResponse,
    Repeat,
    Timeouts,
    masked,
)
from eguma_async.core.transport import Transport

T = TypeVar("T")
JSON_TYPE = "application/json"


@attrs.frozen(kw_only=True)
class Reply:
    """One response.

    Attributes:
        status: HTTP status.
        headers: Lower-case names.
        body: Its bytes, without secrets.
        asked_at: When the request went out; aware, in UTC.
        came_at: When the response was there; aware, in UTC.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    asked_at: datetime
    came_at: datetime

    @property
    def ok(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300

    @property
    def json(self) -> Any:
        """The body as JSON; None if it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def member(self, name: str) -> Any:
        """Return a member of a JSON object; None if there is none."""
        value = self.json
        return value.get(name) if isinstance(value, dict) else None


class Wire:
    """Sends single requests, each once, as they are.

    Args:
        transport: Carries them.
        base_url: Where the API is.
        credentials: Secrets of each request.
        clock: Tells the time.
        pause: Seconds between two requests.
        timeouts: Limits of each request.
    """

    def __init__(
        self,
        transport: Transport,
        base_url: str,
        credentials: Credentials,
        *,
        clock: Clock,
        pause: float = 0.2,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.clock: Clock = clock
        self.base_url: str = base_url
        self._transport = transport
        self._credentials = credentials
        self._pause = pause
        self._timeouts = timeouts or DEFAULT_TIMEOUTS

    def __repr__(self) -> str:
        return f"<{type(self).__name__} to {self.base_url}>"

    def with_credentials(self, credentials: Credentials) -> Wire:
        """Return the same with other secrets."""
        return Wire(
            self._transport,
            self.base_url,
            credentials,
            clock=self.clock,
            pause=self._pause,
            timeouts=self._timeouts,
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        is_read: bool = False,
    ) -> Reply:
        """Send one request and return the response, whatever it is.

        Args:
            method: HTTP verb.
            path: Below the base URL.
            query: Pairs of the query string.
            json: The body as JSON; None for none.
            body: The body as bytes, instead.
            headers: Its headers. A body is JSON unless they say otherwise.
            is_read: It changes nothing at the server, as a GET does.

        Raises:
            TransportError: There was no response.
        """
        await self.clock.sleep(self._pause)
        if json is not None:
            body = msgspec.json.encode(json)
        kind = {} if body is None else {"Content-Type": JSON_TYPE}
        request = HttpRequest(
            method=method,
            url=self.base_url + path,
            query=tuple(query),
            headers={"Accept": JSON_TYPE, **kind, **(headers or {})},
            body=body,
            credentials=self._credentials,
            timeouts=self._timeouts,
            repeat=Repeat.READ if is_read or method == "GET" else Repeat.ONCE,
            operation="Calibration",
        )
        asked_at = self.clock.now()
        response = masked(await self._sent(request), self._credentials)
        logger.debug("calibration: %s %s: HTTP %d", method, path, response.status)
        return Reply(
            status=response.status,
            headers=response.headers,
            body=response.body,
            asked_at=asked_at,
            came_at=self.clock.now(),
        )

    async def _sent(self, request: HttpRequest) -> HttpResponse:
        try:
            return await self._transport.send(request)
        except OutcomeUnknownError as lost:
            if request.repeat is Repeat.READ:  # there is nothing to find out
                raise TransportError(lost.message) from lost
            raise


@attrs.frozen
class Left:
    """Something that stays behind at the server.

    Attributes:
        what: What it is, with its id or reference there.
        reason: Why it could not be given back.
        is_expected: True if nothing went wrong: the API has no way to give it back.
    """

    what: str
    reason: str
    is_expected: bool = False


class Probe:
    """What a question works with, and what is to be given back after it.

    Args:
        wire: Sends the requests.

    Attributes:
        wire: The same.
        left: What could not be given back.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire: Wire = wire
        self.left: list[Left] = []
        self._to_undo: dict[str, Callable[[], Awaitable[str]]] = {}

    def undo_later(self, what: str, undo: Callable[[], Awaitable[str]]) -> None:
        """Note something to give back after the question.

        Args:
            what: What it is, with its id or reference.
            undo: Gives it back; returns why it could not, or an empty text.
        """
        self._to_undo.setdefault(what, undo)

    def is_undone(self, what: str) -> None:
        """Take note that something was given back already."""
        self._to_undo.pop(what, None)

    async def done_whole(self, work: Coroutine[Any, Any, T], what: str) -> T:
        """Wait for work that makes something, to its end: a cancellation is raised after it.

        A second cancellation ends the wait; it is noted as left behind.

        Args:
            work: Notes what it has made with `undo_later`.
            what: What it makes.
        """
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                self.left.append(Left(what, "interrupted before the server answered"))
                task.cancel()
                raise
            with contextlib.suppress(EgumaError):
                task.result()
            raise

    async def clean_up(self) -> None:
        """Give back what was made, the last first; what cannot be is in `left`.

        A cancellation is raised after it; a second one ends it, and what remains is in `left`.
        """
        task = asyncio.ensure_future(self._undo_all())
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # the cancellation matters more
            raise
        finally:
            task.cancel()
            self.left += [Left(each, "interrupted") for each in reversed(self._to_undo)]
            self._to_undo.clear()

    async def _undo_all(self) -> None:
        while self._to_undo:
            what, undo = next(reversed(self._to_undo.items()))
            try:
                reason = await undo()
            except EgumaError as error:
                reason = f"{type(error).__name__}: {error}"
            self.is_undone(what)
            if reason:
                self.left.append(Left(what, reason))
