"""Where OpenTelemetry's exporters, and MLflow's client since 3.4, send spans."""

from __future__ import annotations

from functools import partial

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from runyard.auth.permissions import Permission
from runyard.errors import InvalidParameter, Unprocessable
from runyard.protocol import otlp
from runyard.server.answers import DONE, Answer
from runyard.server.routing import Routes
from runyard.services import reach, spans
from runyard.services.call import Call

routes = Routes()
_RUN_HEADER = "x-mlflow-run-id"


@routes.post(
    "/v1/traces",
    permits=Permission.CONTRIBUTE,
    of=reach.experiment_of_header,
    for_jobs=True,
    summary="Keep spans (OTLP over HTTP, protobuf or JSON, compressed or not) in the experiment of a header.",
)
async def export_spans(call: Call, http: Request) -> Response:
    """Keep all spans of a request, or none."""
    experiment_id = http.headers.get(reach.EXPERIMENT_HEADER)
    if not experiment_id:
        raise Unprocessable(f"Field required: the header {reach.EXPERIMENT_HEADER} says where spans belong.")
    sent = http.headers.get("content-type", "")
    content_type = sent.split(";")[0].strip().lower()
    if content_type not in (otlp.PROTOBUF, otlp.JSON):
        raise InvalidParameter(
            f"Invalid Content-Type: {sent[:100]}. Expected: {otlp.PROTOBUF} or {otlp.JSON}"
        )
    body = await http.body()
    encoding = http.headers.get("content-encoding", "")

    def keep() -> None:
        plain = otlp.decompressed(body, encoding, call.settings.max_body_bytes)
        received = otlp.spans_in(plain, content_type)
        log = partial(spans.log_spans, call, experiment_id, received, http.headers.get(_RUN_HEADER))
        call.stores.database.retrying(log)

    await run_sync(keep)
    return DONE if content_type == otlp.JSON else Answer(otlp.DONE, content_type=otlp.PROTOBUF.encode())
