"""What a collection says of traces, which go with their experiment."""

from __future__ import annotations

import pytest

from tests.server.local import Local
from tests.server.test_trace_routes import TRACE_ID, Traces, attribute, span
from tests.server.trashed import collect, files, full_run


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def test_traces_of_an_experiment_are_told_apart_from_its_other_rows(local):
    traces = Traces(local)
    kept = traces.start()["tags"]["mlflow.artifactLocation"].removeprefix("mlflow-artifacts:/")
    traces.ok("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{kept}/attachments/a.png", content=b"png")
    traces.export(span(attributes=[attribute("prompt", "é" * 20_000)]))
    traces.start("tr-other", tags={"a": "b"})
    traces.assess(rationale="r" * 300)
    full_run(local, traces.experiment_id)
    gone = traces.experiment_id
    traces.experiment_id = local.experiment("another")
    traces.start("tr-that-stays")
    local.post("/experiments/delete", experiment_id=gone)
    announced = collect(local, dry_run=True)
    assert (announced["traces"], announced["experiments"], announced["runs"]) == (2, 1, 1)
    assert 40_300 < announced["trace_bytes"] < 200_000
    assert 0 < announced["other_bytes"] < 20_000
    freed = collect(local)
    assert freed == announced
    assert files(local) == []
    assert traces.search() == ["tr-that-stays"]
    assert traces.refused("GET", f"/api/3.0/mlflow/traces/{TRACE_ID}")[0] == 404


def test_what_has_no_traces_tells_of_none(local):
    run_id = full_run(local)
    local.post("/runs/delete", run_id=run_id)
    freed = collect(local)
    assert (freed["runs"], freed["traces"], freed["trace_bytes"]) == (1, 0, 0)
    assert freed["other_bytes"] > 0


def test_traces_beyond_what_one_step_takes_are_all_counted(local, monkeypatch):
    monkeypatch.setattr("runyard.stores.metadata.trash.ROWS_AT_ONCE", 3)
    traces = Traces(local)
    for number in range(5):
        traces.start(f"tr-{number}", tags={"a": "b"})
    local.post("/experiments/delete", experiment_id=traces.experiment_id)
    announced = collect(local, dry_run=True)
    assert announced["traces"] == 5
    assert collect(local) == announced
