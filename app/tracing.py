"""Spans for OpenTelemetry: one a request, named after its operation. Imported where it is wanted.

None for each field or statement: either would cost more than what it measures, and a `resolve` hook
would switch the compiled plans of schema.execution off.
"""

from collections.abc import Mapping
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.current import Current

HEADERS: Final = ("traceparent", "tracestate")


class Tracing:
    """Sends spans to that endpoint in the background; what it cannot send is dropped."""

    def __init__(self, endpoint: str) -> None:
        own = Resource({"service.name": "canopy"}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=own, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("canopy")
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, headers: Mapping[str, str]) -> Span:
        """A part of the client's trace, if it sent one."""
        sent = {name: headers[name] for name in HEADERS if name in headers}
        context = self._propagator.extract(sent)
        return self._tracer.start_span("request", context=context, kind=SpanKind.SERVER)

    @staticmethod
    def end(span: Span, request: Current, method: str, path: str, status: int) -> None:
        span.update_name(request.operation or f"{method} {path}")
        span.set_attribute("http.request.method", method)
        span.set_attribute("url.path", path)
        span.set_attribute("http.response.status_code", status)
        span.set_attribute("canopy.request", request.id)
        if request.operation:
            span.set_attribute("graphql.operation.name", request.operation)
        if status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end()

    def close(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()
