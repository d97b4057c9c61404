"""How much workspaces hold, over HTTP: counted now, measured behind the requests, and who may see it."""

from __future__ import annotations

import pytest

from runyard.auth.permissions import Scope
from runyard.services import usage
from runyard.services.call import system_now_ms
from tests.server.local import Local, good
from tests.server.team import Team
from tests.server.test_trace_routes import TRACE_ID, Traces, attribute, span
from tests.server.trashed import ours

LATER_MS = 10**12


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def measure(local: Local, now_ms: int | None = None) -> int:
    """Do what the server does behind the requests."""
    return usage.measure_due(local.stores, lambda: now_ms or system_now_ms(), lambda worked_s: None)


def read(local: Local, path: str = "/api/v1/workspaces/default/usage"):
    return good(local.ask("GET", path))


def upload(local: Local, run_id: str, name: str, size: int) -> None:
    path = local.read_run(run_id)["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    good(local.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}/{name}", content=b"x" * size))


def test_what_a_workspace_holds_is_told(local):
    experiment_id = local.experiment("vision")
    kept, gone = local.run(experiment_id), local.run(experiment_id)
    ended = local.run("0")
    local.post("/runs/update", run_id=ended, status="FINISHED", end_time=LATER_MS * 2)
    for step in range(5):
        local.post("/runs/log-metric", run_id=kept, key="loss", value=0.5, timestamp=step, step=step)
    upload(local, kept, "model.bin", 3000)
    upload(local, gone, "folder/more.bin", 500)
    upload(local, ended, "a.bin", 20)
    ours(local, "runs/delete", run_ids=[gone])
    assert measure(local) == 1
    (told,) = read(local)["workspaces"]
    measured_ms = told.pop("measured_ms")
    assert measured_ms <= system_now_ms()
    assert told == {
        "workspace": "default",
        "experiments": 2,
        "deleted_experiments": 0,
        "runs": 2,
        "runs_by_status": {"RUNNING": 1, "FINISHED": 1},
        "deleted_runs": 1,
        "logged_models": 0,
        "deleted_logged_models": 0,
        "registered_models": 0,
        "model_versions": 0,
        "prompts": 0,
        "prompt_versions": 0,
        "traces": 0,
        "evaluation_datasets": 0,
        "dataset_records": 0,
        "metric_points": 5,
        "artifact_files": 3,
        "artifact_bytes": 3520,
        "deleted_artifact_files": 1,
        "deleted_artifact_bytes": 500,
        "logged_model_files": 0,
        "logged_model_bytes": 0,
        "registered_files": 0,
        "registered_bytes": 0,
        "trace_files": 0,
        "trace_file_bytes": 0,
        "trace_database_bytes": 0,
        "last_activity_ms": LATER_MS * 2,
    }


def test_the_largest_experiments_are_told_by_runs_and_by_bytes(local):
    many, large = local.experiment("many"), local.experiment("large")
    for _ in range(3):
        local.run(many)
    upload(local, local.run(large), "model.bin", 3000)
    measure(local)
    answer = read(local)
    assert [(each["name"], each["runs"]) for each in answer["most_runs"]] == [("many", 3), ("large", 1)]
    assert [(each["name"], each["artifact_bytes"]) for each in answer["most_bytes"]] == [("large", 3000)]
    assert answer["most_bytes"][0]["experiment_id"] == large
    assert answer["most_bytes"][0]["workspace"] == "default"


def test_what_is_measured_says_when_and_only_counts_are_of_now(local):
    run_id = local.run()
    assert read(local)["workspaces"][0]["measured_ms"] is None
    upload(local, run_id, "a.bin", 10)
    now_ms = system_now_ms()
    assert measure(local, now_ms) == 1
    upload(local, run_id, "b.bin", 10)
    local.run()
    assert measure(local, now_ms + usage.MEASURED_EVERY_MS - 1) == 0
    (told,) = read(local)["workspaces"]
    assert (told["runs"], told["artifact_bytes"], told["measured_ms"]) == (2, 10, now_ms)
    assert measure(local, now_ms + usage.MEASURED_EVERY_MS) == 1
    assert read(local)["workspaces"][0]["artifact_bytes"] == 20


def test_a_model_and_an_experiment_in_the_trash_count_there_with_their_files(local):
    experiment_id = local.experiment("old")
    made = local.post("/logged-models", experiment_id=experiment_id, name="net")["model"]["info"]
    place = made["artifact_uri"].removeprefix("mlflow-artifacts:/")
    good(local.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{place}/net.bin", content=b"12345"))
    good(local.ask("PUT", "/api/2.0/mlflow-artifacts/artifacts/nobodys/file.bin", content=b"123"))
    local.ask("DELETE", f"/api/2.0/mlflow/logged-models/{made['model_id']}").raise_for_status()
    measure(local)
    (told,) = read(local)["workspaces"]
    assert (told["logged_models"], told["deleted_logged_models"]) == (0, 1)
    assert (told["artifact_bytes"], told["deleted_artifact_bytes"]) == (8, 5)
    upload(local, local.run(experiment_id), "a.bin", 7)
    local.post("/experiments/delete", experiment_id=experiment_id)
    measure(local, system_now_ms() + LATER_MS)
    (told,) = read(local)["workspaces"]
    assert (told["experiments"], told["deleted_experiments"], told["deleted_runs"]) == (1, 1, 1)
    assert (told["artifact_bytes"], told["deleted_artifact_bytes"]) == (15, 12)


def test_the_registry_traces_and_evaluation_datasets_are_counted(local):
    is_prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    for name, tags, source in (("net", [], "s3://bucket/x"), ("greeting", is_prompt, "prompt-template")):
        local.post("/registered-models/create", name=name, tags=tags)
        for _ in range(2):
            local.post("/model-versions/create", name=name, source=source, tags=tags)
    local.post("/registered-models/create", name="empty")
    started = {"experiment_id": "0", "timestamp_ms": 1}
    for _ in range(3):
        good(local.ask("POST", "/api/2.0/mlflow/traces", json=started))
    made = good(local.ask("POST", "/api/3.0/mlflow/datasets/create", json={"name": "questions"}))["dataset"]
    good(local.ask("POST", "/api/3.0/mlflow/datasets/create", json={"name": "none yet"}))
    records = '[{"inputs": {"n": 1}}, {"inputs": {"n": 2}}]'
    path = f"/api/3.0/mlflow/datasets/{made['dataset_id']}/records"
    good(local.ask("POST", path, json={"records": records}))
    (told,) = read(local)["workspaces"]
    assert (told["registered_models"], told["model_versions"]) == (2, 2)
    assert (told["prompts"], told["prompt_versions"]) == (1, 2)
    assert (told["traces"], told["evaluation_datasets"], told["dataset_records"]) == (3, 2, 2)


def put(local: Local, uri: str, name: str, size: int) -> None:
    """Keep a file in a folder that the server told of."""
    folder = uri.removeprefix("mlflow-artifacts:/")
    good(local.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{folder}/{name}", content=b"x" * size))


def test_files_of_models_and_of_versions_are_told_apart(local):
    experiment_id = local.experiment("nets")
    run_id = local.run(experiment_id)
    upload(local, run_id, "model/weights.bin", 1000)
    upload(local, run_id, "models/plot.png", 1)  # a run may name a folder as it likes
    upload(local, run_id, "model-of-others/weights.bin", 50)
    made = local.post("/logged-models", experiment_id=experiment_id, name="net")["model"]["info"]
    put(local, made["artifact_uri"], "net.bin", 300)
    alone = local.post("/logged-models", experiment_id=experiment_id, name="alone")["model"]["info"]
    put(local, alone["artifact_uri"], "a.bin", 7)
    put(local, alone["artifact_uri"], "b.bin", 8)
    local.post("/registered-models/create", name="net")
    # Two versions of the same files take no more than one; what lies elsewhere takes nothing here.
    for fields in (
        {"source": f"runs:/{run_id}/model", "run_id": run_id},
        {"source": f"runs:/{run_id}/model", "run_id": run_id},
        {"source": f"models:/{made['model_id']}", "model_id": made["model_id"]},
        {"source": "s3://bucket/x"},
    ):
        local.post("/model-versions/create", name="net", **fields)
    measure(local)
    (told,) = read(local)["workspaces"]
    assert (told["model_versions"], told["artifact_files"], told["artifact_bytes"]) == (4, 6, 1366)
    assert (told["logged_model_files"], told["logged_model_bytes"]) == (3, 315)
    assert (told["registered_files"], told["registered_bytes"]) == (2, 1300)
    assert (told["trace_files"], told["trace_file_bytes"], told["trace_database_bytes"]) == (0, 0, 0)
    local.ask("DELETE", "/api/2.0/mlflow/registered-models/delete", json={"name": "net"}).raise_for_status()
    measure(local, system_now_ms() + LATER_MS)
    (told,) = read(local)["workspaces"]
    assert (told["registered_files"], told["registered_bytes"], told["artifact_bytes"]) == (0, 0, 1366)


def test_traces_are_measured_in_the_database_and_in_files(local):
    traces = Traces(local)
    uri = traces.start()["tags"]["mlflow.artifactLocation"]
    put(local, uri, "attachments/a.png", 40)
    measure(local)
    (told,) = read(local)["workspaces"]
    bare = told["trace_database_bytes"]
    assert bare > len(TRACE_ID)
    traces.export(span(attributes=[attribute("prompt", "é" * 5000)]))
    traces.assess(rationale="r" * 300)
    now_ms = system_now_ms()
    measure(local, now_ms + LATER_MS)
    (told,) = read(local)["workspaces"]
    assert (told["trace_files"], told["trace_file_bytes"], told["artifact_bytes"]) == (1, 40, 40)
    assert 10_300 < told["trace_database_bytes"] - bare < 40_000
    deletion = {"experiment_id": traces.experiment_id, "request_ids": [TRACE_ID]}
    good(local.ask("POST", "/api/2.0/mlflow/traces/delete-traces", json=deletion))
    measure(local, now_ms + 2 * LATER_MS)
    assert read(local)["workspaces"][0]["trace_database_bytes"] == 0


def test_an_experiment_within_the_folder_of_another_has_its_own_files(local):
    outer = local.experiment("outer", artifact_location="mlflow-artifacts:/shelf")
    inner = local.experiment("inner", artifact_location="mlflow-artifacts:/shelf/deep/inside")
    upload(local, local.run(outer), "a.bin", 1)
    upload(local, local.run(inner), "b.bin", 10)
    measure(local)
    sizes = {each["experiment_id"]: each["artifact_bytes"] for each in read(local)["most_bytes"]}
    assert sizes == {outer: 1, inner: 10}


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


def test_all_workspaces_are_for_administrators_and_one_for_its_readers(team):
    reader = team.key(Scope.READER, "alpha")
    assert team.ask("GET", "/api/v1/usage", key=reader).status_code == 403
    assert team.ask("GET", "/api/v1/usage", key=team.key(Scope.OWNER)).status_code == 403
    everything = good(team.ask("GET", "/api/v1/usage", key=team.admin_key))
    assert [each["workspace"] for each in everything["workspaces"]] == ["alpha", "beta", "default"]
    own = team.ask("GET", "/workspaces/alpha/api/v1/workspaces/alpha/usage", key=reader)
    assert [each["workspace"] for each in good(own)["workspaces"]] == ["alpha"]
    other = team.ask("GET", "/workspaces/alpha/api/v1/workspaces/beta/usage", key=reader)
    none = team.ask("GET", "/workspaces/alpha/api/v1/workspaces/nowhere/usage", key=reader)
    assert (other.status_code, none.status_code) == (404, 404)
    assert other.json()["message"].replace("beta", "nowhere") == none.json()["message"]
