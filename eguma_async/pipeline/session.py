"""What every session is: a life cycle, the layers, and one way in for every call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar, Unpack

from cattrs import Converter

from eguma_async.core.checks import checked_base_url
from eguma_async.core.clock import Clock
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fan_out import Executor, FanOut, InPieces, Progress
from eguma_async.core.hooks import SessionLoad
from eguma_async.core.journal import Entry, Intent, OnRecovered, Recovery
from eguma_async.core.listing import Listing
from eguma_async.core.messages import BodySink, HttpResponse, Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.provider import Provider
from eguma_async.core.resumable import Resumable
from eguma_async.core.session import ElementStream

from .background import Readings
from .call import Call
from .calls import Calls
from .elements import Streams
from .fan_outs import FanOuts
from .layers import Layers, MakeAuth, default_transport
from .life_cycle import LifeCycle
from .options import SessionOptions, checked_options
from .recipes import recipe_of
from .requests import Requests
from .wire import SessionWire, kept_kinds, refuse_intent, required

T = TypeVar("T")

CLOSING_SECONDS = 10.0
"""How long closing waits for work that must not be cut off, such as giving places back."""


class BaseSession(LifeCycle):
    """Holds the credentials and the connection pool, and sends operations.

    Use it with ``async with``. It belongs to the event loop in which it is entered. A transport
    that was passed in stays the caller's to close.

    Attributes:
        fingerprint: Tells its credentials from others; empty if it has none that lasts.
        own_options: What its class takes besides `SessionOptions` and the address; no secret.
    """

    def __init__(
        self,
        provider: Provider,
        auth: MakeAuth,
        *,
        base_url: str | None = None,
        credential: str = "",
        **options: Unpack[SessionOptions],
    ) -> None:
        super().__init__()
        self._options = checked = checked_options(options)
        self._clock = checked.clock
        self._provider = provider
        self.fingerprint: str = credential
        self.own_options: Mapping[str, Any] = {}
        self._base_url = checked_base_url(provider.base_url if base_url is None else base_url)
        self._readings = Readings()
        given = checked.transport
        self._owned = [default_transport(checked.limits)] if given is None else []
        self._transport = self._owned[0] if given is None else given
        self._layers = layers = Layers(
            provider, checked, base_url=self._base_url, credential=credential
        )
        self._network = layers.network(self._transport)
        self._auth = auth(self._network, layers)
        requests = Requests(provider, self._base_url, checked.timeouts)
        self._calls, adapting = (
            Calls(
                provider,
                requests,
                layers.authenticated(way, self._auth, self._base_url),
                deadline=checked.retry.deadline,
            )
            for way in (
                layers.regulated(self._transport),
                layers.regulated(self._transport, fan_out=True),
            )
        )
        self._fan_outs = FanOuts(
            layers,
            self._run,
            adapting,
            readings=self._readings,
            require_open=self._require_open,
            recipe=partial(recipe_of, self, checked, self._base_url),
        )
        self._streams = Streams(provider, self._calls.read_into, self._readings, checked.timeouts)
        wire = partial(
            SessionWire,
            self,
            self._calls,
            provider,
            base_url=self._base_url,
            notifier=layers.notifier,
        )
        self._durable = (
            None
            if checked.journal is None
            else checked.journal.attach(wire(credential=credential, timeouts=checked.timeouts))
        )

    # Life cycle

    async def _open(self) -> None:
        if self._durable is not None:
            await self._durable.open()
        self._layers.notifier.session_started(self.fingerprint, self._layers.session_load)

    async def _close(self) -> None:
        async with AsyncExitStack() as steps:  # from the last to the first, whatever one raises
            steps.callback(self._layers.notifier.session_ended)
            for transport in self._owned:
                steps.push_async_callback(transport.aclose)
            if self._durable is not None:
                steps.push_async_callback(self._durable.close)
            steps.push_async_callback(self._auth.aclose)
            steps.push_async_callback(self._layers.aclose)
            steps.callback(self._layers.shut)
            steps.push_async_callback(self._readings.stop)  # those begun in the background
            steps.push_async_callback(self._background.drain, CLOSING_SECONDS)
            steps.push_async_callback(self._readings.stop)

    @property
    def clock(self) -> Clock:
        """The clock this session reads the time from."""
        return self._clock

    @property
    def load(self) -> SessionLoad:
        """What is under way now, and what bounds it."""
        return self._layers.session_load()

    @property
    def keeps_journal(self) -> bool:
        """True if a journal keeps what books or cancels."""
        return self._durable is not None

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
        intent: Intent | None = None,
    ) -> T:
        """Send an operation and return its value.

        With a journal, one that books or cancels is written down before it leaves, and its outcome
        when it is known; cancelling the wait does not end it.

        Args:
            operation: What to do.
            idempotency_key: For an operation that carries one; made afresh (UUID4) if not given.
                It must be the same for every try of one booking, and of no other.
            timeouts: Limits of each attempt of this call.
            intent: Under which reference a journal keeps it.

        Raises:
            EgumaError: See `eguma_async.core.errors` for the kinds.
        """
        if self._durable is not None and isinstance(operation, Resumable):
            self._require_open()
            return await self._durable.send(
                operation, intent or Intent(), key=idempotency_key, timeouts=timeouts
            )
        if intent is not None:
            refuse_intent(operation, intent)
        return (await self._run(operation, idempotency_key, timeouts)).value

    async def exchange(
        self,
        operation: Operation[T],
        /,
        *,
        idempotency_key: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> tuple[T, HttpResponse]:
        """Send an operation and return its value together with the response as it came.

        If the value was found in another way, as that of a refused range is, it is the response
        that came last.

        Args:
            operation: What to do.
            idempotency_key: As for `send`.
            timeouts: As for `send`.

        Raises:
            ConfigurationError: A journal keeps the operation: it may have no response.
        """
        if self._durable is not None and isinstance(operation, Resumable):
            raise ConfigurationError(f"a journal keeps {operation.name()}: use `send`")
        call = await self._run(operation, idempotency_key, timeouts)
        assert call.response is not None  # noqa: S101  # a call that succeeds has one
        return call.value, call.response

    async def stream(
        self,
        operation: Operation[Any],
        sink: BodySink,
        /,
        *,
        timeouts: Timeouts | None = None,
    ) -> HttpResponse:
        """Send an operation and let the body of its response flow into a sink, undecoded.

        Returns:
            The response with its status and headers; its body is empty.

        Raises:
            ConfigurationError: The operation is no read, or the sink none.
        """
        self._require_open()
        if isinstance(operation, Operation) and not operation.is_read():
            raise ConfigurationError(f"{operation.name()} cannot be streamed: it is no read")
        if not all(callable(getattr(sink, name, None)) for name in ("write", "restart")):
            raise ConfigurationError("sink must have `write`, a coroutine function, and `restart`")
        call = await self._run(operation, None, timeouts, sink)
        assert call.response is not None  # noqa: S101  # a call that succeeds has one
        return call.response

    def fan_out(
        self,
        operations: Iterable[Operation[T] | InPieces[T]]
        | AsyncIterable[Operation[T] | InPieces[T]],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        executor: Executor | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        timeouts: Timeouts | None = None,
    ) -> FanOut[T]:
        """Send many reads at once and yield an `Outcome` for each, as they come.

        Leaving the loop cancels the rest. A failed read is an outcome; an error in the input
        itself or in `on_progress`, and one that is no `EgumaError`, ends the loop. Equal reads
        that are under way at once are made once, and each has its outcome.

        Args:
            operations: Taken one by one, as workers become free; twice as many as may be under
                way are taken and not handed on, at most.
            concurrency: Reads under way at once. As many as the server keeps up with, if not
                given: see `Limits.adaptive`.
            ordered: Yield them in the order of the input; four times as many as may be under way
                are taken then, so that a slow one does not hold up the others.
            executor: Carries the reads out elsewhere, instead of this session.
            on_progress: Called after each outcome.
            timeouts: Limits of each attempt.

        Raises:
            ConfigurationError: An operation is no read, or `concurrency` is below 1.
            SessionStateError: The session was closed before the end.
        """
        self._require_open()
        return self._fan_outs.begin(
            operations,
            concurrency=concurrency,
            ordered=ordered,
            executor=executor,
            on_progress=on_progress,
            timeouts=timeouts,
        )

    def elements(
        self, operation: Operation[Listing[T]], /, *, timeouts: Timeouts | None = None
    ) -> ElementStream[T]:
        """Read a list element by element, at the reader's pace and in memory that does not grow.

        It is one call, and takes one place of `Limits` as long as it is read. It is sent again
        only while nothing was handed on.

        Args:
            operation: A read that returns a list.
            timeouts: Limits of each attempt, the reader's time included: an hour if not given.

        Raises:
            ConfigurationError: It cannot be read so.
        """
        self._require_open()
        return self._streams.of(operation, timeouts, self._require_open)

    async def recover(
        self,
        *kinds: type[Operation[Any]],
        wait: bool = True,
        client_ref: str | None = None,
        on_recovered: OnRecovered | None = None,
    ) -> Recovery:
        """Bring what the journal holds of some operations to its end.

        Args:
            kinds: Which operations.
            wait: Wait a minute for a second look where the lists show nothing yet.
            client_ref: Only what was asked for under this reference.
            on_recovered: Called after each entry.

        Raises:
            ConfigurationError: There is no journal, it does not keep such operations, or none is
                named.
            JournalError: The journal cannot be used.
        """
        self._require_open()
        return await required(self._durable).recover(
            kept_kinds(kinds), wait=wait, client_ref=client_ref, on_recovered=on_recovered
        )

    async def entry(self, kind: type[Operation[Any]], client_ref: str, /) -> Entry | None:
        """Return what the journal knows of what was asked for; None if nothing.

        Args:
            kind: Which operation.
            client_ref: Under which reference.

        Raises:
            ConfigurationError: As for `recover`.
            JournalError: The same.
        """
        self._require_open()
        (kept,) = kept_kinds((kind,))
        return await required(self._durable).entry(kept.KIND, client_ref)

    def in_background(self, work: Coroutine[Any, Any, T], /) -> asyncio.Task[T]:
        """Begin work that no caller's cancellation ends, such as giving places back.

        Closing the session waits for it, for 10 seconds at most.

        Args:
            work: Sends through this session; it, and the tasks it makes, may do so while the
                session is being closed.
        """
        return self._background.start(work)

    def _run(
        self,
        operation: Operation[T],
        idempotency_key: str | None = None,
        timeouts: Timeouts | None = None,
        sink: BodySink | None = None,
    ) -> Coroutine[Any, Any, Call[T]]:
        if self._closed or self._loop is not asyncio.get_running_loop():
            self._require_open()
        return self._calls.run(operation, idempotency_key, timeouts, sink)
