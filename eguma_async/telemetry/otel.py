"""Spans and metrics by OpenTelemetry. Needs the extra ``otel``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import attrs

from eguma_async._version import __version__
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.hooks import (
    AttemptEvent,
    AttemptStarted,
    CallEnded,
    CallStarted,
    EntryRecovered,
    EntryWritten,
    Observer,
    SessionStarted,
    TurnWaited,
)
from eguma_async.journal.journal import Journal

try:
    from opentelemetry import context as contexts
    from opentelemetry import trace
    from opentelemetry.metrics import MeterProvider, get_meter
    from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider

    from ._instruments import OPERATION, PROVIDER, Instruments
except ImportError:
    raise ConfigurationError(
        "spans and metrics need OpenTelemetry: pip install 'eguma_async[otel]'"
    ) from None

__all__ = ["OpenTelemetry"]

NAME = "eguma_async"
SCHEMA_URL = "https://opentelemetry.io/schemas/1.27.0"
"""The version of the conventions whose names for HTTP are used here."""

_PORTS = {"http": 80, "https": 443}
# Where the instrumentations of HTTP clients look: newer ones at the first, older ones, such as that
# of aiohttp in 0.51, at the others alone. The interface has no public names for them.
_SUPPRESSED = {
    getattr(contexts, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation"): True,
    getattr(contexts, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation"): True,
    "suppress_instrumentation": True,
}


@attrs.frozen
class _Request:
    """What the requests of one operation to one server have in common.

    Attributes:
        name: Name of their spans.
        labels: What tells them from others where they are measured.
        attributes: Those of their spans, `labels` among them.
    """

    name: str
    labels: dict[str, Any]
    attributes: dict[str, Any]


@attrs.frozen
class _Open:
    """A span that has begun, and the context in which it is the current one."""

    span: Span
    context: contexts.Context
    token: Any
    request: _Request | None


class OpenTelemetry(Observer):
    """Makes a span of each call, with one within it for each of its requests, and measures both.

    ::

        async with AsyncSession(observer=OpenTelemetry()) as session:
            ...

    The span of a call lies within the caller's current one. Names and attributes of the spans of
    requests follow the conventions for HTTP clients. They hold no query, no id and nothing of a
    customer: where a URL differs from one request to the next, its template stands in its place.
    The server gets no header of a trace. Instrumentations of HTTP clients make no span of their
    own beneath, which would show the key of an API that has it in its URLs.

    One may serve any number of sessions. Without an SDK it does nothing, at little cost.

    Args:
        tracer_provider: Makes the spans; the global one if not given.
        meter_provider: Makes the metrics; the global one if not given.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        for name, given, kind in (
            ("tracer_provider", tracer_provider, TracerProvider),
            ("meter_provider", meter_provider, MeterProvider),
        ):
            if not isinstance(given, kind | None):
                raise ConfigurationError(
                    f"{name} must be a {kind.__name__} of OpenTelemetry, not {type(given).__name__}"
                )
        self._tracer = trace.get_tracer(NAME, __version__, tracer_provider, SCHEMA_URL)
        self._measured = Instruments(get_meter(NAME, __version__, meter_provider, SCHEMA_URL))

    async def count_entries(self, *journals: Journal) -> None:
        """Count the open entries of journals, for a gauge that shows the last count.

        Call it every minute or so. It reads each open entry, of which there are few as a rule.

        Args:
            journals: All there are. They must be open: a session opens its own.

        Raises:
            JournalError: One of them cannot be used.
        """
        entries = [entry for journal in journals async for entry in journal.entries(open_only=True)]
        self._measured.entries_counted(entries)

    def session_started(self, session: SessionStarted, /) -> object:
        """Show what a session has under way, from now on."""
        self._measured.session_started(session)
        return None

    def session_ended(self, session: SessionStarted, started: object, /) -> None:
        """Show it no more."""
        self._measured.session_ended(session)

    def turn_waited(self, turn: TurnWaited, /) -> None:
        """Measure how long a request waited for its turn."""
        self._measured.turn_waited(turn)

    def entry_written(self, entry: EntryWritten, /) -> None:
        """Measure a write to a journal."""
        self._measured.entry_written(entry)

    def entry_recovered(self, entry: EntryRecovered, /) -> None:
        """Count what a recovery has looked at."""
        self._measured.entry_recovered(entry)

    def call_started(self, call: CallStarted, /) -> object:
        """Begin the span of a call."""
        attributes = {
            PROVIDER: call.provider,
            OPERATION: call.operation,
            "eguma_async.repeat": call.repeat.value,
        }
        span = self._tracer.start_span(
            f"{call.provider} {call.operation}", kind=SpanKind.INTERNAL, attributes=attributes
        )
        return _entered(span)

    def call_ended(self, call: CallEnded, started: object, /) -> None:
        """End the span of a call, and measure it."""
        outcome = _outcome(call.status, call.error) | {
            "eguma_async.attempts": call.attempts,
            "eguma_async.outcome_unknown": call.outcome_unknown,
        }
        if call.replayed:
            outcome["eguma_async.replayed"] = True
        try:
            _end(started, call.error, outcome)
        finally:
            self._measured.call_ended(call)

    def attempt_started(self, attempt: AttemptStarted, /) -> object:
        """Begin the span of a request."""
        request = _request(
            attempt.provider,
            attempt.operation,
            attempt.method,
            _origin(attempt.url),
            attempt.template,
        )
        attributes = request.attributes
        if attempt.attempt > 1:
            attributes = attributes | {"http.request.resend_count": attempt.attempt - 1}
        span = self._tracer.start_span(request.name, kind=SpanKind.CLIENT, attributes=attributes)
        return _entered(span, request)

    def attempt_ended(self, attempt: AttemptEvent, started: object, /) -> None:
        """End the span of a request, and measure it."""
        status = attempt.status
        refused = status is not None and status >= 400
        outcome = _outcome(status, str(status) if refused else attempt.error)
        try:
            _end(started, attempt.error, outcome)
        finally:
            if isinstance(started, _Open) and started.request is not None:
                self._measured.attempt_ended(attempt, started.request.labels, outcome)


def _entered(span: Span, request: _Request | None = None) -> _Open:
    """Make a span the current one."""
    context = trace.set_span_in_context(span)
    if request is not None:
        context = contexts.Context({**context, **_SUPPRESSED})
    return _Open(span, context, contexts.attach(context), request)


def _end(started: object, error: str | None, outcome: dict[str, Any]) -> None:
    """End a span, if it has begun, and let the one before be the current one again."""
    if not isinstance(started, _Open):
        return
    # A coroutine that nobody awaits to its end may be closed wherever the garbage collector runs.
    if error != "GeneratorExit" or contexts.get_current() is started.context:
        contexts.detach(started.token)
    span = started.span
    try:
        if span.is_recording():
            span.set_attributes(outcome)
            if "error.type" in outcome:
                span.set_status(StatusCode.ERROR)
    finally:
        span.end()


def _outcome(status: int | None, error: str | None) -> dict[str, Any]:
    """Return what became of it. No words of an error: a server may repeat a customer's."""
    known: dict[str, Any] = {} if status is None else {"http.response.status_code": status}
    return known if error is None else known | {"error.type": error}


def _origin(url: str) -> str:
    """Return scheme, host and port of a URL."""
    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0].partition("?")[0]
    return f"{scheme}://{authority.rpartition('@')[2]}"


@lru_cache(maxsize=1024)  # operations times servers: each is made again and again
def _request(provider: str, operation: str, method: str, origin: str, template: str) -> _Request:
    server = urlsplit(origin)
    labels = {
        PROVIDER: provider,
        OPERATION: operation,
        "http.request.method": method,
        "server.address": server.hostname or "",
        "server.port": server.port or _PORTS.get(server.scheme, 0),
        "url.scheme": server.scheme,
    }
    if template:
        labels["url.template"] = template
    return _Request(
        name=f"{method} {template}" if template else method,
        labels=labels,
        attributes=labels | {"url.full": origin + (template or "/")},
    )
