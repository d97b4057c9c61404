"""`/metrics`: what Prometheus reads, and who may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from runyard.auth.permissions import Scope
from runyard.errors import Unavailable
from tests.conftest import ServerStarter
from tests.engines import SqlEngine
from tests.server.local import BASE, Local
from tests.server.team import Team

UPLOAD = "/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/a.bin"
CREATE = f"{BASE}/runs/create"
LABELS = ("route", "method", "status", "le")


def measured(text: str) -> dict[tuple[str, ...], float]:
    """Return each value by its name and the values of its labels, in a fixed order."""
    return {
        (sample.name, *(sample.labels[label] for label in LABELS if label in sample.labels)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def on_each_engine(tmp_path: Path, engine: SqlEngine) -> Iterator[Local]:
    server = Local(tmp_path / "home", database=engine.setting(tmp_path / "home"))
    yield server
    server.close()


def read(local: Local) -> dict[tuple[str, ...], float]:
    answer = local.ask("GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return measured(answer.text)


def test_requests_are_counted_by_template_method_and_class_of_status(local: Local):
    local.run()
    local.refused("/runs/create", experiment_id="404")
    local.ask("GET", "/no/such/token-like-path")
    local.ask("BREW", "/no/such")
    local.ask("GET", "/", headers={"Host": "evil.example"})
    local.ask("GET", "/")
    found = read(local)
    assert found["runyard_requests_total", CREATE, "POST", "2xx"] == 1
    assert found["runyard_requests_total", CREATE, "POST", "4xx"] == 1
    assert found["runyard_requests_total", "(none)", "GET", "4xx"] == 2
    assert found["runyard_requests_total", "(none)", "other", "4xx"] == 1
    assert sum(value for name, value in found.items() if name[1:3] == ("(studio)", "GET")) > 0
    assert found["runyard_request_seconds_count", CREATE, "POST"] == 2
    assert found["runyard_request_seconds_bucket", CREATE, "POST", "+Inf"] == 2
    assert found["runyard_request_seconds_sum", CREATE, "POST"] > 0
    assert found["runyard_requests_in_flight",] == 1
    assert not any("token-like-path" in label for name in found for label in name)


def test_writes_are_counted_by_the_group_and_what_waits_is_told(on_each_engine: Local):
    local = on_each_engine
    run_id = local.run()
    before = read(local)
    for step in range(3):
        local.post("/runs/log-metric", run_id=run_id, key="loss", value=0.5, timestamp=1, step=step)
    found = read(local)
    assert found["runyard_commit_group_size_count",] == before["runyard_commit_group_size_count",] + 3
    assert found["runyard_commit_group_size_sum",] == before["runyard_commit_group_size_sum",] + 3
    assert found["runyard_commit_waiting",] == 0
    assert (found["runyard_upkeep_runs",], found["runyard_upkeep_batches",]) == (1, 3)
    assert found["runyard_unsummarised_batches",] == 3
    local.stores.metrics.settle()
    assert read(local)["runyard_unsummarised_batches",] == 0
    assert found["runyard_database_bytes",] > 10_000


def test_bytes_of_artifacts_are_counted_once_they_are_kept(local: Local):
    for content in (b"x" * 1000, b"x" * 3_000_000):
        assert local.ask("PUT", UPLOAD, content=content).status_code == 200
    assert local.ask("PUT", UPLOAD, content=b"x", headers={"Content-Digest": "sha-256=:AAAA:"}).is_error
    pages = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={local.run()}&path=b.bin"
    assert local.ask("POST", pages, content=b"x" * 10).status_code == 200
    assert read(local)["runyard_artifact_written_bytes_total",] == 3_001_010


def test_without_its_database_a_server_tells_the_rest(local: Local, monkeypatch):
    def gone() -> int:
        raise Unavailable("gone")

    monkeypatch.setattr(local.stores.database, "size_bytes", gone)
    found = read(local)
    assert ("runyard_database_bytes",) not in found
    assert ("runyard_commit_waiting",) in found


def test_a_running_server_tells_what_its_process_takes(start_server: ServerStarter):
    found = measured(httpx.get(f"{start_server().url}/metrics", timeout=60).text)
    assert found["process_resident_memory_bytes",] > 10_000_000
    assert found["process_cpu_seconds_total",] > 0
    assert found["process_open_fds",] > 3


def test_on_serve_the_administrator_alone_reads_it(tmp_path: Path):
    team = Team(tmp_path / "home")
    owner = team.key(Scope.OWNER)
    assert team.ask("GET", "/metrics").status_code == 401
    assert team.ask("GET", "/metrics", key=owner).status_code == 403
    assert team.ask("GET", "/metrics", key=team.admin_key).status_code == 200
    team.close()


def test_the_setting_metrics_open_lets_everybody_read_it_and_nothing_else(tmp_path: Path):
    team = Team(tmp_path / "home", metrics_open=True)
    assert team.ask("GET", "/metrics").status_code == 200
    assert team.ask("GET", "/metrics", key="ended").status_code == 200
    assert team.ask("GET", "/api/v1/check").status_code == 401
    team.close()
