"""What every session is: a life cycle, the layers, and one way in for every call."""

from __future__ import annotations

import asyncio
import random
import warnings
import weakref
from collections.abc import AsyncIterable, Callable, Iterable
from datetime import timedelta
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar

import attrs
from cattrs import Converter

from eguma_async.core.checks import checked_base_url, option
from eguma_async.core.clock import Clock, SystemClock
from eguma_async.core.errors import (
    ConfigurationError,
    DecodingError,
    EgumaError,
    OutcomeUnknownError,
    SessionStateError,
    StatusError,
)
from eguma_async.core.messages import (
    DEFAULT_TIMEOUTS,
    BodySink,
    HttpRequest,
    HttpResponse,
    Replay,
    Timeouts,
)
from eguma_async.core.operation import Answer, Operation
from eguma_async.core.provider import Provider, Verdict, retry_after
from eguma_async.core.transport import Transport
from eguma_async.fanout import Crew, FanOut, Progress

from .authenticating import Auth, Authenticating
from .keys import key_for, label
from .layers import Layers, default_transport
from .limiting import Limits
from .observing import Observer
from .policy import RetryPolicy

T = TypeVar("T")


class BaseSession:
    """Holds the credentials and the connection pool, and sends operations.

    Use it with ``async with``. It belongs to the event loop in which it is entered. A transport
    that was passed in stays the caller's to close.
    """

    def __init__(
        self,
        provider: Provider,
        auth: Callable[[Transport], Auth],
        *,
        base_url: str | None = None,
        transport: Transport | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
        observer: Observer | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        limits = option("limits", limits, Limits())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._provider = provider
        self._base_url = checked_base_url(provider.base_url if base_url is None else base_url)
        self._timeouts = option("timeouts", timeouts, DEFAULT_TIMEOUTS)
        self._clock = clock or SystemClock()
        self._policy = option("retry", retry, RetryPolicy())
        self._crews: weakref.WeakSet[Crew[Any]] = weakref.WeakSet()
        wire = default_transport(limits) if transport is None else transport
        self._owned = wire if transport is None else None
        self._layers = Layers(provider, self._policy, limits, self._clock, observer, random)
        self._wire = self._layers.limited(wire)
        # What fetches credentials goes the same way, without any.
        self._auth = auth(self._layers.observed(self._wire))
        self._pipeline = self._layers.retried(
            Authenticating(self._wire, auth=self._auth, base_url=self._base_url)
        )

    # Life cycle

    async def __aenter__(self) -> Self:
        if self._closed or self._loop is not None:
            raise SessionStateError(
                f"this {type(self).__name__} was entered before; make a new one for each"
                " `async with`"
            )
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the fan-outs still running and close the connections. May be called twice."""
        self._closed = True
        try:
            for crew in tuple(self._crews):
                await crew.dismiss(SessionStateError("the session was closed meanwhile"))
            await self._auth.aclose()
        finally:
            if self._owned is not None:
                await self._owned.aclose()

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
        name = type(self).__name__
        if self._closed:
            raise SessionStateError(f"this {name} is closed; make a new one")
        if self._loop is None:
            raise SessionStateError(
                f"this {name} is not open; enter it first: `async with {name}(...) as session:`"
            )
        if self._loop is not asyncio.get_running_loop():
            raise SessionStateError(
                f"this {name} belongs to another event loop; make one in the loop that uses it"
            )

    @property
    def clock(self) -> Clock:
        """The clock this session reads the time from."""
        return self._clock

    @property
    def converter(self) -> Converter:
        """The cattrs converter of the provider's codec, shared by all sessions of the provider.

        A structure hook registered on it is honoured; the types it touches are then decoded by
        cattrs alone, which takes several times as long.
        """
        return self._provider.codec.converter

    # Calls

    async def send(
        self,
        operation: Operation[T],
        /,
        *,
        idempotency_key: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> T:
        """Send an operation and return its value.

        Args:
            operation: What to do.
            idempotency_key: For an operation that carries one; made afresh (UUID4) if not given.
                It must be the same for every try of one booking, and of no other.
            timeouts: Limits of each attempt of this call.

        Raises:
            EgumaError: See `eguma_async.core.errors` for the kinds.
        """
        value, _ = await self.exchange(
            operation, idempotency_key=idempotency_key, timeouts=timeouts
        )
        return value

    async def exchange(
        self,
        operation: Operation[T],
        /,
        *,
        idempotency_key: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> tuple[T, HttpResponse]:
        """Send an operation and return its value together with the answer as it came.

        Args:
            operation: What to do.
            idempotency_key: As for `send`.
            timeouts: As for `send`.
        """
        if self._closed or self._loop is not asyncio.get_running_loop():
            self._require_open()
        if not isinstance(operation, Operation):
            raise ConfigurationError("send takes an operation, such as ListProducts()")
        keyed = operation.REPLAY is Replay.KEYED or idempotency_key is not None
        key = key_for(operation, idempotency_key) if keyed else None
        request = self._request(operation, key, timeouts)
        began = self._clock.monotonic()
        try:
            response = await self._pipeline.send(request)
            if not 200 <= response.status < 300:
                return await self._refused(operation, request, response, began), response
            try:
                return self._decode(operation, request, response, key), response
            except DecodingError as error:
                if not self._may_ask_again(error, request, response):
                    raise
            response = await self._pipeline.send(
                attrs.evolve(request, attempt=response.attempts + 1)
            )
            if not response.ok:
                return await self._refused(operation, request, response, began), response
            return self._decode(operation, request, response, key), response
        except (EgumaError, asyncio.CancelledError) as error:
            label(error, operation, key)
            raise
        except Exception as error:
            # A transport that breaks its contract: what it raises is shown, and the key not lost.
            if not operation.is_read():
                with_key = "" if key is None else f"; idempotency key {key}"
                error.add_note(f"{operation.name()} may have been processed{with_key}")
            raise

    async def stream(
        self,
        operation: Operation[Any],
        sink: BodySink,
        /,
        *,
        timeouts: Timeouts | None = None,
    ) -> HttpResponse:
        """Send an operation and let the body of its answer flow into a sink, undecoded.

        Returns:
            The answer with its status and headers; its body is empty.

        Raises:
            ConfigurationError: The operation is no read.
        """
        self._require_open()
        if not operation.is_read():
            raise ConfigurationError(f"{operation.name()} cannot be streamed: it is no read")
        request = attrs.evolve(self._request(operation, None, timeouts), sink=sink)
        try:
            response = await self._pipeline.send(request)
            if not response.ok:
                raise self._error(operation, response)
        except (EgumaError, asyncio.CancelledError) as error:
            label(error, operation, None)
            raise
        return response

    def fan_out(
        self,
        operations: Iterable[Operation[T]] | AsyncIterable[Operation[T]],
        *,
        concurrency: int = 20,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> FanOut[T]:
        """Send many reads at once and yield an `Outcome` for each, as they come.

        Leaving the loop cancels the rest. A failed read is an outcome; an error in the input
        itself, or in `on_progress`, ends the loop.

        Args:
            operations: Taken one by one, as workers become free.
            concurrency: Reads under way at once.
            on_progress: Called after each outcome.

        Raises:
            ConfigurationError: An operation is no read, or `concurrency` is below 1.
            SessionStateError: The session was closed before the end.
        """
        self._require_open()
        fan_out = FanOut(
            self.exchange,
            operations,
            concurrency=concurrency,
            on_progress=on_progress,
            clock=self._clock,
        )
        self._crews.add(fan_out.crew)
        return fan_out

    # The way of one call

    def _request(
        self, operation: Operation[Any], key: str | None, timeouts: Timeouts | None
    ) -> HttpRequest:
        provider = self._provider
        headers = provider.headers
        shape = operation.shape()
        if shape.headers:
            headers = {**headers, **operation.headers()}
        body = None
        if shape.has_body:
            body = provider.codec.encode(operation)
            content_type = operation.CONTENT_TYPE or provider.content_type
            headers = {**headers, "Content-Type": content_type}
        if key is not None and provider.idempotency_header is not None:
            headers = {**headers, provider.idempotency_header: key}
        return HttpRequest(
            method=operation.METHOD,
            url=self._base_url + operation.path(),
            query=operation.query(),
            headers=headers,
            body=body,
            timeouts=self._timeouts
            if timeouts is None
            else option("timeouts", timeouts, DEFAULT_TIMEOUTS),
            replay=operation.REPLAY,
            operation=shape.name,
        )

    def _may_ask_again(
        self, error: DecodingError, request: HttpRequest, response: HttpResponse
    ) -> bool:
        """Tell whether a success that is no JSON at all, as a cut one, is worth another attempt."""
        return (
            error.malformed
            and request.replay is not Replay.NEVER
            and response.attempts < self._policy.attempts
        )

    def _decode(
        self, operation: Operation[T], request: HttpRequest, response: HttpResponse, key: str | None
    ) -> T:
        try:
            value: T = self._provider.codec.decode(response.body, operation.RETURNS)
        except DecodingError as error:
            error.attempts = response.attempts
            error.outcome_unknown = not request.is_read  # it was done, but with what result?
            # Without the frames below: they hold the body, and so a customer.
            raise error.with_traceback(None) from None
        if not operation.shape().completes:
            return value
        answer = Answer(
            response=response,
            received_at=self._clock.now(),
            idempotency_key=key,
            replayed=self._provider.is_replay(response),
        )
        return operation.complete(value, answer)

    async def _refused(
        self,
        operation: Operation[T],
        request: HttpRequest,
        response: HttpResponse,
        began: float,
    ) -> T:
        """Raise the error an answer stands for, unless the operation knows better."""
        error = self._error(operation, response)
        verdict = self._provider.verdict(response, request.replay)
        in_doubt = response.after_unknown and not self._provider.is_replay(response)
        if verdict is Verdict.UNKNOWN:
            error.outcome_unknown = not request.is_read
        elif in_doubt or verdict is Verdict.IN_PROGRESS:
            try:
                elapsed = timedelta(seconds=self._clock.monotonic() - began)
                began_at = self._clock.now() - elapsed
                return await operation.settle(error, self.send, began_at)
            except EgumaError as settled:
                settled.attempts = settled.attempts or response.attempts
                raise
            except asyncio.CancelledError as cancelled:
                cancelled.__cause__ = OutcomeUnknownError(
                    "cancelled while finding out what a refusal after an unknown attempt means",
                    attempts=response.attempts,
                    refusal=error,
                )
                raise
        raise error

    def _error(self, operation: Operation[Any], response: HttpResponse) -> StatusError:
        error = self._provider.error_from(response, operation.REPLAY)
        error.operation = operation.name()
        error.attempts = response.attempts
        error.retry_after = retry_after(response, self._clock.now())
        return operation.explain(error)
