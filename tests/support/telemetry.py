"""What an observer that speaks OpenTelemetry has told, kept in memory."""

from __future__ import annotations

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from eguma_async.telemetry.otel import OpenTelemetry

ATTRIBUTES = {
    "error.type",
    "eguma_async.attempts",
    "eguma_async.operation",
    "eguma_async.outcome_unknown",
    "eguma_async.provider",
    "eguma_async.repeat",
    "eguma_async.replayed",
    "http.request.method",
    "http.request.resend_count",
    "http.response.status_code",
    "server.address",
    "server.port",
    "url.full",
    "url.scheme",
    "url.template",
}


class _Counting(SimpleSpanProcessor):
    """Counts the spans that have begun."""

    begun = 0

    def on_start(self, span, parent_context=None):
        """Count it."""
        self.begun += 1


class Heard:
    """An observer with an SDK of its own behind it.

    Attributes:
        observer: The observer.
        tracer: Makes spans of a caller.
    """

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._metrics = InMemoryMetricReader()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self._processor = _Counting(self._spans)
        self.provider.add_span_processor(self._processor)
        self.meters = MeterProvider([self._metrics], shutdown_on_exit=False)
        self.tracer = self.provider.get_tracer("test")
        self.observer = OpenTelemetry(tracer_provider=self.provider, meter_provider=self.meters)

    @property
    def begun(self):
        """How many spans have begun."""
        return self._processor.begun

    @property
    def spans(self):
        """The spans that have ended, in that order."""
        return self._spans.get_finished_spans()

    def tree(self):
        """Return the names of the spans, each below its parent's, in the order they began."""
        spans = sorted(self.spans, key=lambda span: span.start_time)
        ids = {span.context.span_id for span in spans}

        def below(parent):
            return [
                (span.name, *below(span.context.span_id))
                for span in spans
                if (span.parent.span_id if span.parent else None) == parent
            ]

        assert all(span.parent is None or span.parent.span_id in ids for span in spans)
        return below(None)

    def points(self):
        """Return the metrics, each with its points."""
        data = self._metrics.get_metrics_data()
        return {
            metric.name: list(metric.data.data_points)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def written(self) -> str:
        """Return all of it as text. What is told comes from a list: a secret has no place there."""
        for span in self.spans:
            assert set(span.attributes) <= ATTRIBUTES, set(span.attributes) - ATTRIBUTES
            assert not span.events
            assert not span.links
            assert span.status.description is None
        data = self._metrics.get_metrics_data()
        return "\n".join([*(span.to_json() for span in self.spans), data.to_json() if data else ""])
