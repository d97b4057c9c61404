"""A span for each request, sent where the variables ``OTEL_*`` say; imported if a setting asks for it."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runyard._version import __version__
from runyard.server.asked import AGAIN, NO_ROUTE, REQUEST_ID, ROUTE

_propagator = TraceContextTextMapPropagator()


class Traced:
    """An ASGI application around another: a request that carries ``traceparent`` goes on with that trace.

    A span tells what the log tells of a request: method, template of the route, status, id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before the name here.
        named = Resource({SERVICE_NAME: "runyard", SERVICE_VERSION: __version__})
        self._provider = TracerProvider(resource=named.merge(Resource.create({})))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("runyard", __version__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, in a span of its own."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        carried = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        span = self._tracer.start_span(
            scope["method"], context=_propagator.extract(carried), kind=SpanKind.SERVER
        )

        async def noting(message: Message) -> None:
            if "status" in message:
                _note_status(span, message["status"])
                state.pop(AGAIN, None)  # each request has a span of its own
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = state.get(ROUTE, NO_ROUTE)
            span.update_name(f"{scope['method']} {route}")
            span.set_attributes(
                {
                    "http.request.method": scope["method"],
                    "http.route": route,
                    "runyard.request_id": state.get(REQUEST_ID, ""),
                }
            )
            span.end()

    def close(self) -> None:
        """Send the spans that have ended; blocks for as long as the exporter's own patience."""
        self._provider.shutdown()


def _note_status(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))
