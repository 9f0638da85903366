"""Spans and metrics by OpenTelemetry. Needs the extra ``otel``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import attrs

from eguma_async._version import __version__
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.hooks import AttemptEvent, AttemptStarted, CallEnded, CallStarted, Observer

try:
    from opentelemetry import context as contexts
    from opentelemetry import trace
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider
except ImportError:
    raise ConfigurationError(
        "spans and metrics need OpenTelemetry: pip install 'eguma_async[otel]'"
    ) from None

NAME = "eguma_async"
SCHEMA_URL = "https://opentelemetry.io/schemas/1.27.0"
"""The version of the conventions whose names for HTTP are used here."""

_PORTS = {"http": 80, "https": 443}
# Where the instrumentations of HTTP clients look. The interface has no public name for it.
_SUPPRESS_HTTP = getattr(
    contexts, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation"
)


@attrs.frozen
class _Open:
    """A span that has begun, and the context in which it is the current one."""

    span: Span
    context: contexts.Context
    token: Any
    labels: dict[str, Any]


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

    def call_started(self, call: CallStarted, /) -> object:
        """Begin the span of a call."""
        labels = {"eguma_async.provider": call.provider, "eguma_async.operation": call.operation}
        span = self._tracer.start_span(
            f"{call.provider} {call.operation}",
            kind=SpanKind.INTERNAL,
            attributes=labels | {"eguma_async.repeat": call.repeat.value},
        )
        return _entered(span, labels)

    def call_ended(self, call: CallEnded, started: object, /) -> None:
        """End the span of a call."""
        if not isinstance(started, _Open):
            return
        _left(started, call.error)
        span = started.span
        try:
            if span.is_recording():
                span.set_attribute("eguma_async.attempts", call.attempts)
                span.set_attribute("eguma_async.outcome_unknown", call.outcome_unknown)
                if call.replayed:
                    span.set_attribute("eguma_async.replayed", True)
                _conclude(span, call.status, call.error)
        finally:
            span.end()

    def attempt_started(self, attempt: AttemptStarted, /) -> object:
        """Begin the span of a request."""
        labels = {"http.request.method": attempt.method, **_server(_origin(attempt.url))}
        template = attempt.template
        attributes = labels | {
            "eguma_async.provider": attempt.provider,
            "eguma_async.operation": attempt.operation,
            "url.full": _origin(attempt.url) + (template or "/"),
        }
        if template:
            attributes["url.template"] = template
        if attempt.attempt > 1:
            attributes["http.request.resend_count"] = attempt.attempt - 1
        span = self._tracer.start_span(
            f"{attempt.method} {template}" if template else attempt.method,
            kind=SpanKind.CLIENT,
            attributes=attributes,
        )
        return _entered(span, labels, suppress=True)

    def attempt_ended(self, attempt: AttemptEvent, started: object, /) -> None:
        """End the span of a request."""
        if not isinstance(started, _Open):
            return
        _left(started, attempt.error)
        span = started.span
        try:
            if span.is_recording():
                error = attempt.error
                if attempt.status is not None and attempt.status >= 400:
                    error = str(attempt.status)
                _conclude(span, attempt.status, error)
        finally:
            span.end()


def _entered(span: Span, labels: dict[str, Any], *, suppress: bool = False) -> _Open:
    """Make a span the current one."""
    context = trace.set_span_in_context(span)
    if suppress:
        context = contexts.set_value(_SUPPRESS_HTTP, True, context)
    return _Open(span, context, contexts.attach(context), labels)


def _left(opened: _Open, error: str | None) -> None:
    """Let the span before be the current one again."""
    # A coroutine that nobody awaits to its end may be closed wherever the garbage collector runs.
    if error != "GeneratorExit" or contexts.get_current() is opened.context:
        contexts.detach(opened.token)


def _conclude(span: Span, status: int | None, error: str | None) -> None:
    """Write down what became of it. No words of an error: a server may repeat a customer's."""
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(StatusCode.ERROR)


def _origin(url: str) -> str:
    """Return scheme, host and port of a URL."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].partition('?')[0]}"


@lru_cache(maxsize=64)
def _server(origin: str) -> dict[str, Any]:
    """Return the attributes of a server."""
    parts = urlsplit(origin)
    return {
        "server.address": parts.hostname or "",
        "server.port": parts.port or _PORTS.get(parts.scheme, 0),
        "url.scheme": parts.scheme,
    }
