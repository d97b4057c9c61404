"""kill -9 of the server in the middle of a collection: the next one ends it, and no other run is lost."""

import http.client
import random
import time

import pytest

from runyard import Experiment, Workspace
from runyard.protocol.messages.logging import BatchMetric, LogBatch
from runyard.protocol.messages.runs import CreateRun, RunAnswer
from runyard.sdk.connection import MLFLOW
from tests.running_server import RunningServer

pytestmark = pytest.mark.slow
KILLS = 6
RUNS = 60


def test_r17_a_collection_that_is_killed_is_ended_by_the_next(start_server):
    server = start_server()
    workspace = Workspace.get("default", url=server.url)
    kept, deleted = (Experiment(workspace, name) for name in ("kept", "deleted"))
    for experiment in (kept, deleted):
        for number in range(RUNS):
            log(workspace, experiment, f"run {number}")
    Experiment.delete(workspace, deleted.id)
    moments = random.Random(KILLS)
    for _ in range(KILLS):
        connection = begin_collection(server)
        time.sleep(moments.uniform(0, 0.15))
        server.kill9()
        connection.close()
        server.start()
    workspace = Workspace.get("default", url=server.url)
    workspace.trash.collect()
    assert workspace.trash.collect().freed.runs == 0
    assert list(workspace.trash.list_items()) == []
    found = list(workspace.experiments["kept"].get_runs())
    assert len(found) == RUNS
    for run in found:
        assert run.get_metrics("loss") == {"loss": [float(step) for step in range(50)]}
        assert run.get_file_names() == ["model.bin"]
    files = [path for path in (server.home / "artifacts" / "default").rglob("*") if path.is_file()]
    assert len(files) == RUNS
    Experiment(workspace, "deleted")


def begin_collection(server: RunningServer) -> http.client.HTTPConnection:
    """Ask for a collection and wait for no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/api/v1/trash/collect", b"{}", {"Content-Type": "application/json"})
    return connection


def log(workspace: Workspace, experiment: Experiment, name: str) -> None:
    """Log a run with a metric and a file."""
    connection = workspace.connection
    wanted = CreateRun(experiment_id=experiment.id, run_name=name)
    info = connection.post(f"{MLFLOW}/runs/create", wanted, RunAnswer).run.info
    points = [BatchMetric(key="loss", timestamp=step, step=step, value=step) for step in range(50)]
    connection.tell(f"{MLFLOW}/runs/log-batch", LogBatch(run_id=info.run_id, metrics=points))
    folder = info.artifact_uri.removeprefix("mlflow-artifacts:/")
    place = f"/api/2.0/mlflow-artifacts/artifacts/{folder}/model.bin"
    connection.put(place, b"x" * 1000, "application/octet-stream")
