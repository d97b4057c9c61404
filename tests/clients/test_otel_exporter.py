"""OpenTelemetry's own exporter, which knows nothing of MLflow but two headers, against the real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import StatusCode

from tests.running_server import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RunningServer]:
    server = RunningServer(tmp_path_factory.mktemp("otel") / "home").start()
    yield server
    server.close()


def ask(server: RunningServer, path: str, **body: Any) -> Any:
    answer = httpx.post(f"{server.url}/api/{path}", json=body, timeout=60)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


@pytest.mark.parametrize("compression", Compression, ids=lambda each: each.value)
def test_what_an_exporter_sends_is_a_trace(server: RunningServer, compression: Compression):
    experiment_id = ask(server, "2.0/mlflow/experiments/create", name=compression.value)["experiment_id"]
    exporter = OTLPSpanExporter(
        endpoint=f"{server.url}/v1/traces",
        headers={"x-mlflow-experiment-id": experiment_id},
        compression=compression,
    )
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    told: dict[str, Any] = {"items": 3, "tags": ["a", "b"]}
    with (
        tracer.start_as_current_span("order", attributes=told) as order,
        tracer.start_as_current_span("pay") as pay,
    ):
        pay.add_link(order.get_span_context(), {"why": "test"})
        pay.set_status(StatusCode.ERROR, "no money")
    provider.shutdown()

    locations = [{"mlflow_experiment": {"experiment_id": experiment_id}}]
    (found,) = ask(server, "3.0/mlflow/traces/search", locations=locations)["traces"]
    assert found["tags"]["service.name"] == "shop"
    assert found["state"] == "OK"
    context = order.get_span_context()
    assert found["trace_id"] == f"tr-{context.trace_id:032x}"
    asked = {"trace_id": found["trace_id"]}
    answer = httpx.get(f"{server.url}/api/3.0/mlflow/traces/get", params=asked, timeout=60)
    root, child = answer.json()["trace"]["spans"]
    assert [root["name"], child["name"]] == ["order", "pay"]
    assert child["parent_span_id"] == root["span_id"]
    assert child["status"] == {"code": "STATUS_CODE_ERROR", "message": "no money"}
    assert child["links"][0]["span_id"] == root["span_id"]
    values = {each["key"]: each["value"] for each in root["attributes"]}
    assert values["items"] == {"int_value": 3}
    assert values["tags"]["array_value"]["values"] == [{"string_value": "a"}, {"string_value": "b"}]
