"""Something that is asked for, and whoever waits for it in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeVar

import attrs

from eguma_async.core.durable import Wire
from eguma_async.core.errors import EgumaError, NotSentError, OutcomeUnknownError
from eguma_async.core.journal import Intent
from eguma_async.core.log import logger
from eguma_async.core.messages import Timeouts
from eguma_async.core.resumable import Resumable

from .identity import Identity

T = TypeVar("T")

_WITHDRAWING_SECONDS = 1.0


@attrs.frozen(kw_only=True)
class Asked(Generic[T]):
    """What a caller asks for.

    Attributes:
        operation: What.
        body: Its exact bytes.
        identity: Under which name.
        intent: Until when, and whether anew.
        key: Idempotency key the caller has chosen.
        timeouts: Limits of each attempt.
    """

    operation: Resumable[T]
    body: bytes = attrs.field(repr=False)
    identity: Identity
    intent: Intent = attrs.field(factory=Intent)
    key: str | None = None
    timeouts: Timeouts | None = None


class Errand(Generic[T]):
    """Work on what is asked for. It goes on when those who wait for it are cancelled.

    Args:
        asked: What.
        recovers: True if a recovery has begun it: its outcome may be that nothing is known.

    Attributes:
        asked: The same.
        recovers: The same.
        begun: True once something may have been sent, or may be sent by a recovery.
        is_wanted: False once everybody who waited for it was cancelled.
        key: Idempotency key it is sent with, once that is known.
    """

    def __init__(self, asked: Asked[T], *, recovers: bool = False) -> None:
        self.asked = asked
        self.recovers = recovers
        self.begun: bool = recovers
        self.is_wanted: bool = True
        self.key: str | None = asked.key
        self._waiting = 0
        self._task: asyncio.Task[T] | None = None

    def start(
        self, wire: Wire, work: Coroutine[Any, Any, T], running: dict[str, Errand[Any]]
    ) -> None:
        """Begin the work, and stand among what is running until it has ended."""
        series = self.asked.identity.series
        running[series] = self

        def ended(task: asyncio.Task[T]) -> None:
            del running[series]
            if not task.cancelled():
                task.exception()  # whoever waited has seen it

        self._task = wire.in_background(work)
        self._task.add_done_callback(ended)

    async def outcome(self) -> T:
        """Wait for it, and return what came of it.

        Raises:
            asyncio.CancelledError: As for `ended`.
        """
        task = await self.ended()
        if task.cancelled():
            raise self._named(OutcomeUnknownError("the session was closed before it was known"))
        return task.result()

    async def ended(self) -> asyncio.Task[T]:
        """Wait for its end. Cancelling that ends the waiting; what was begun goes on.

        What is just being written down is withdrawn then. That is waited for, for a second at most:
        as long as the journal has it, a recovery may send it.

        Raises:
            asyncio.CancelledError: With an `OutcomeUnknownError` as its cause if it goes on, and a
                `NotSentError` if nothing was sent, nor will be.
        """
        assert self._task is not None  # noqa: S101  # it was started
        self._waiting += 1
        self.is_wanted = True
        try:
            await asyncio.wait((self._task,))
        except asyncio.CancelledError as cancelled:
            self.is_wanted = self._waiting > 1
            if not (self.begun or self.is_wanted):
                await self._withdrawn(self._task)
            cancelled.__cause__ = meaning = self._meaning()
            if meaning.outcome_unknown:
                # A TaskGroup throws a cancellation away; here is where it can be found then.
                logger.warning(
                    "%s was cancelled under way and goes on in the background; client_ref: %s",
                    meaning.operation,
                    meaning.client_ref,
                    extra={"operation": meaning.operation, "client_ref": meaning.client_ref},
                )
            raise
        finally:
            self._waiting -= 1
        return self._task

    async def _withdrawn(self, task: asyncio.Task[T]) -> None:
        """Wait until it is withdrawn, however often that is cancelled: the first one is raised."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _WITHDRAWING_SECONDS
        while not task.done() and loop.time() < until:
            with suppress(asyncio.CancelledError):
                await asyncio.wait((task,), timeout=until - loop.time())

    def _meaning(self) -> EgumaError:
        if self._has_ended_unsent():
            return self._named(NotSentError("cancelled before anything was sent"))
        return self._named(OutcomeUnknownError("cancelled; it goes on in the background"))

    def _has_ended_unsent(self) -> bool:
        task = self._task
        if self.begun or task is None or not task.done() or task.cancelled():
            return False
        return isinstance(task.exception(), EgumaError)

    def _named(self, error: EgumaError) -> EgumaError:
        error.operation = self.asked.operation.name()
        error.idempotency_key = self.key
        error.client_ref = self.asked.identity.client_ref
        return error
