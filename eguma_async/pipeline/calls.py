"""From an operation to its value: a call is made, its success read, its refusal looked into."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from datetime import timedelta
from typing import Any, TypeVar

import attrs

from eguma_async.core.elements import steps_of
from eguma_async.core.errors import (
    ConfigurationError,
    DecodingError,
    EgumaError,
    OutcomeUnknownError,
    ResultMismatchError,
    StatusError,
    TransportError,
)
from eguma_async.core.messages import BodySink, HttpRequest, HttpResponse, Repeat, Timeouts
from eguma_async.core.operation import Operation, ResponseContext, Send
from eguma_async.core.provider import Provider, Verdict
from eguma_async.core.repeated import refuse_repeated_names

from .call import Call, cancelled_as, key_for
from .feed import Feed
from .requests import Requests
from .retrying import WatchedSink
from .runner import Runner

T = TypeVar("T")
R = TypeVar("R")


@attrs.frozen(kw_only=True)
class Resumed:
    """What a journal knows of a call that begins here, or did before.

    Attributes:
        body: The bytes to send.
        in_doubt: True if it may have been processed before.
        before_again: Asked before each attempt but the first.
    """

    body: bytes = attrs.field(repr=False)
    in_doubt: bool
    before_again: Callable[[], Awaitable[None]]


class Calls:
    """Carries out the operations of one session.

    Args:
        provider: What its responses mean.
        requests: Makes the requests.
        runner: Carries them out.
        deadline: Seconds from the start of a call after which no part of it starts.
    """

    def __init__(
        self, provider: Provider, requests: Requests, runner: Runner, *, deadline: float
    ) -> None:
        self._provider = provider
        self._requests = requests
        self._runner = runner
        self._clock = runner.clock
        self._deadline = deadline

    def run(
        self,
        operation: Operation[T],
        key: str | None,
        timeouts: Timeouts | None,
        sink: BodySink | None = None,
        resumed: Resumed | None = None,
    ) -> Coroutine[Any, Any, Call[T]]:
        """Send an operation and return the finished call. A plain function: a coroutine less.

        Args:
            operation: What to do.
            key: Its idempotency key; None for one made afresh, if it carries one.
            timeouts: Limits of each attempt; None for those of the session.
            sink: Takes the body of a success; there is no value then.
            resumed: What a journal knows of it; None for one that begins here.

        Raises:
            ConfigurationError: The operation or the key is none.
        """
        if not isinstance(operation, Operation):
            raise ConfigurationError("send takes an operation, such as ListProducts()")
        keyed = operation.REPEAT is Repeat.KEYED or key is not None
        call, request = self._prepared(
            operation, key_for(operation, key) if keyed else None, timeouts
        )
        if sink is not None:
            request, call.read = request.but(sink=WatchedSink(sink)), None
        if resumed is not None:
            request = request.but(body=resumed.body)
            call.in_doubt, call.before_again = resumed.in_doubt, resumed.before_again
        return self._runner.run(call, request)

    def read_into(
        self, operation: Operation[Any], timeouts: Timeouts, feed: Feed[Any]
    ) -> Coroutine[Any, Any, Call[Any]]:
        """Send a read whose elements a feed takes, and return the finished call."""
        call, request = self._prepared(operation, None, timeouts)
        call.read = feed.finish
        return self._runner.run(call, request.but(sink=feed))

    def encoded(self, operation: Operation[Any]) -> bytes:
        """Return the body of an operation as it is sent.

        Raises:
            ConfigurationError: A value in it cannot be written.
        """
        return self._requests.body(operation)

    def _prepared(
        self,
        operation: Operation[T],
        key: str | None,
        timeouts: Timeouts | None,
        part_of: Call[Any] | None = None,
    ) -> tuple[Call[T], HttpRequest]:
        request, plan = self._requests.make(operation, key, timeouts)
        call: Call[T] = Call(
            request.operation,
            request.repeat,
            began=self._clock.monotonic(),
            part_of=part_of,
            key=key,
            read=self._read,
            refused=self._refused,
            ahead=self._ahead if request.repeat is Repeat.READ else None,
            operation=operation,
        )
        call.completes = plan.completes
        return call, request

    async def _ahead(self, call: Call[Any], response: HttpResponse) -> None:
        """Decode a long list in steps, between which others have their turn."""
        operation = call.operation
        assert operation is not None  # noqa: S101  # `_prepared` has set it
        steps = steps_of(self._provider.codec, response.body, operation.RETURNS)
        if steps is None or not response.ok:
            return
        try:
            call.decoded = await _in_turns(steps)
        except DecodingError as error:
            call.decoded = error.with_traceback(None)

    def _read(self, call: Call[T], response: HttpResponse) -> T:
        operation = call.operation
        assert operation is not None  # noqa: S101  # `_prepared` has set it
        decoded, call.decoded = call.decoded, None
        if isinstance(decoded, DecodingError):
            raise decoded
        value: T = (
            self._provider.codec.decode(response.body, operation.RETURNS)
            if decoded is None
            else decoded
        )
        if response.body and not call.is_read:  # a read can be asked for again, and is long
            refuse_repeated_names(response.body)
        if not call.completes:
            return value
        context = ResponseContext(
            response, call.key, self._clock, self._provider.is_replay, is_part=call.is_part
        )
        return operation.complete(value, context)

    async def _refused(self, call: Call[T], request: HttpRequest, response: HttpResponse) -> T:
        """Raise the error a response stands for, unless the operation knows better."""
        operation = call.operation
        assert operation is not None  # noqa: S101  # `_prepared` has set it
        error = self._error(call, response)
        is_unknown = call.verdict is Verdict.UNKNOWN
        if call.is_read:
            if not (is_unknown or call.is_part or request.sink is not None):
                return await operation.fall_back(error, self._parts(call, request))
        elif is_unknown:
            error.outcome_unknown = True
        elif (call.was_in_doubt and not error.replayed) or call.verdict is Verdict.IN_PROGRESS:
            return await self._reconciled(call, operation, error, self._parts(call, request))
        raise error

    def _error(self, call: Call[Any], response: HttpResponse) -> StatusError:
        assert call.operation is not None  # noqa: S101  # `_prepared` has set it
        error = call.refusal(self._provider.error_from(response, call.repeat), response)
        error.replayed = self._provider.is_replay(response)
        error.operation = call.name
        return call.operation.explain(error)

    async def _reconciled(
        self, call: Call[T], operation: Operation[T], error: StatusError, send: Send
    ) -> T:
        elapsed = timedelta(seconds=self._clock.monotonic() - call.began)
        meaning = OutcomeUnknownError(
            "cancelled while finding out what a refusal after an unknown attempt means",
            refusal=error,
        )
        try:
            with cancelled_as(meaning):
                return await operation.reconcile(error, send, self._clock.now() - elapsed)
        except (OutcomeUnknownError, ResultMismatchError):
            raise
        except EgumaError as found:
            if found is error:  # it proves that nothing was done
                raise
            reason = found.with_traceback(None)
        raise OutcomeUnknownError(
            f"refused with HTTP {error.status} after an unknown attempt, and what came of it could"
            " not be looked up",
            refusal=error,
        ) from reason

    def _parts(self, whole: Call[Any], request: HttpRequest) -> Send:
        """Return what sends reads as parts of a call: in its time, and counted with it.

        A part has no other way of its own: what it is refused with goes to the operation that
        asked for it.
        """

        async def send(operation: Operation[R], /) -> R:
            if not operation.is_read():
                raise ConfigurationError(f"{operation.name()} is no read: it cannot be a part")
            part, asked = self._prepared(operation, None, request.timeouts, whole)
            if part.began - part.limited_from > self._deadline:
                raise TransportError(
                    "the time of the call was over before all of its parts were read"
                )
            try:
                await self._runner.run(part, asked)
            finally:
                whole.attempts += part.attempts
                whole.response = part.response or whole.response
            return part.value

        return send


async def _in_turns(steps: Generator[None, None, T]) -> T:
    """Go through the steps of a computation, and let others have their turn in between."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: T = end.value
            return value
        await asyncio.sleep(0)
