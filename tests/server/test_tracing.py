"""Spans of requests, as a real collector gets them, and none where nobody asked."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.conftest import ServerStarter
from tests.server.local import BASE

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


class Collector(HTTPServer):
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.spans: queue.Queue[tuple[str, Any]] = queue.Queue()


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in sent.resource_spans:
            (service,) = [
                each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
            ]
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.server.spans.put((service, span))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def told(span: Any) -> dict[str, object]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_a_request_is_a_span_of_its_senders_trace(collector: Collector, start_server: ServerStarter):
    variables = {
        "RUNYARD_TRACES": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "10",
        "OTEL_SERVICE_NAME": "of-the-team",
    }
    server = start_server(environment=variables)
    answer = httpx.get(
        f"{server.url}{BASE}/runs/get?run_id=canary",
        headers={"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01", "Authorization": "Bearer canary"},
        timeout=60,
    )
    assert server.stop() == 0  # what has ended is sent before the end
    spans = list(collector.spans.queue)
    ((service, span),) = [(service, span) for service, span in spans if span.name == f"GET {BASE}/runs/get"]
    assert (service, span.trace_id.hex()) == ("of-the-team", TRACE_ID)
    assert told(span) == {
        "http.request.method": "GET",
        "http.route": f"{BASE}/runs/get",
        "http.response.status_code": answer.status_code,
        "runyard.request_id": answer.headers["x-request-id"],
    }
    assert "canary" not in str(spans)


def test_each_of_many_equal_requests_has_a_span(collector: Collector, start_server: ServerStarter):
    variables = {
        "RUNYARD_TRACES": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "10",
    }
    server = start_server(environment=variables)
    with httpx.Client(base_url=f"{server.url}{BASE}", timeout=60) as client:
        run_id = client.post("/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        for step in range(4):
            point = {"run_id": run_id, "key": "loss", "value": 0.5, "timestamp": 1, "step": step}
            client.post("/runs/log-metric", json=point).raise_for_status()
    assert server.stop() == 0
    names = [span.name for _, span in collector.spans.queue]
    assert names.count(f"POST {BASE}/runs/log-metric") == 4


def test_nothing_of_it_is_imported_unless_a_setting_asks():
    code = "import sys, runyard.app; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_the_library_the_error_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['opentelemetry.exporter'] = None\nfrom runyard.cli import main\n"
        f"sys.exit(main(['up', '--traces', '--port', '0', '--home', {str(tmp_path / 'home')!r}]))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "pip install 'runyard[otel]'" in ended.stderr
