"""The routes that take over what was logged elsewhere: once, with its ids and times."""

import pytest

from tests.server.local import Local, good, pairs, refusal

local = pytest.fixture(name="local")(lambda local_on_each_engine: local_on_each_engine)

SOURCE = "sqlite:////old/mlflow.db"
RUN = "0123456789abcdef0123456789abcdef"
MODEL = f"m-{RUN}"


def _post(local: Local, path: str, **body):
    return good(local.ask("POST", f"/api/v1/import{path}", json=body))


def _refused(local: Local, path: str, **body):
    return refusal(local.ask("POST", f"/api/v1/import{path}", json=body))


def _experiment(local: Local, name: str = "old", **fields) -> str:
    return str(_post(local, "/experiments", source=SOURCE, name=name, **fields)["experiment_id"])


def _begin(local: Local, experiment_id: str, run_id: str = RUN, **fields):
    run = {"run_id": run_id, "experiment_id": experiment_id, **fields}
    return _post(local, "/runs", source=SOURCE, runs=[run])["runs"][0]


def _finish(local: Local, **fields) -> None:
    _post(local, "/runs/finish", source=SOURCE, runs=[{"run_id": RUN, **fields}])


def test_an_experiment_keeps_name_times_and_tags(local: Local):
    made = _experiment(local, creation_time=1000, tags=[{"key": "team", "value": "vision"}])
    finish = {"experiment_id": made, "last_update_time": 2000}
    _post(local, "/experiments/finish", source=SOURCE, **finish)
    found = local.get("/experiments/get", experiment_id=made)["experiment"]
    assert (found["creation_time"], found["last_update_time"]) == (1000, 2000)
    assert pairs(found["tags"]) == {"team": "vision", "runyard.import": SOURCE}


def test_the_same_source_finds_its_experiment_and_another_one_is_refused(local: Local):
    made = _experiment(local)
    again = _post(local, "/experiments", source=SOURCE, name="old")
    assert again == {"experiment_id": made, "is_new": False, "lifecycle_stage": "active"}
    status, code, message = _refused(local, "/experiments", source="elsewhere", name="old")
    assert (status, code) == (400, "RESOURCE_ALREADY_EXISTS")
    assert "prefix" in message


def test_the_untouched_default_takes_an_import_and_a_used_one_does_not(local: Local):
    local.run()
    status, code, _ = _refused(local, "/experiments", source=SOURCE, name="Default")
    assert (status, code) == (400, "RESOURCE_ALREADY_EXISTS")


def test_an_empty_default_takes_an_import(local: Local):
    assert not _post(local, "/experiments", source=SOURCE, name="Default")["is_new"]


def test_a_run_keeps_all_that_it_was(local: Local):
    begun = _begin(
        local,
        _experiment(local),
        run_name="brave",
        user_id="ann",
        status="FAILED",
        start_time=5,
        end_time=9,
        params=[{"key": "lr", "value": "0.1"}],
        tags=[{"key": "mlflow.runName", "value": "brave"}],
        datasets=[{"dataset": {"name": "d", "digest": "1"}, "tags": [{"key": "k", "value": "v"}]}],
        outputs=[{"model_id": MODEL, "step": 3}],
    )
    assert begun["run_id"] == RUN
    assert not begun["is_complete"]
    local.post("/runs/log-batch", run_id=RUN, metrics=[{"key": "m", "value": 1, "timestamp": 7, "step": 2}])
    _finish(local, deleted_time=11)
    run = local.read_run(RUN)
    info = run["info"]
    assert (info["run_name"], info["user_id"], info["status"]) == ("brave", "ann", "FAILED")
    assert (info["start_time"], info["end_time"], info["lifecycle_stage"]) == (5, 9, "deleted")
    assert pairs(run["data"]["params"]) == {"lr": "0.1"}
    assert pairs(run["data"]["tags"]) == {"mlflow.runName": "brave", "runyard.import": SOURCE}
    assert run["inputs"]["dataset_inputs"][0]["dataset"]["name"] == "d"
    assert run["outputs"]["model_outputs"] == [{"model_id": MODEL, "step": 3}]
    trash = good(local.ask("GET", "/api/v1/trash"))["items"]
    assert [(item["id"], item["deleted_ms"]) for item in trash] == [(RUN, 11)]


def test_an_incomplete_run_gets_what_it_lacks_and_a_complete_one_stays(local: Local):
    experiment_id = _experiment(local)
    _begin(local, experiment_id, params=[{"key": "a", "value": "1"}], status="RUNNING")
    assert not _begin(
        local, experiment_id, params=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}], end_time=4
    )["is_complete"]
    assert pairs(local.read_run(RUN)["data"]["params"]) == {"a": "1", "b": "2"}
    assert local.read_run(RUN)["info"]["status"] == "FINISHED"
    _finish(local)
    assert _begin(local, experiment_id, params=[{"key": "c", "value": "3"}])["is_complete"]
    assert pairs(local.read_run(RUN)["data"]["params"]) == {"a": "1", "b": "2"}


def test_a_run_that_is_open_there_is_taken_again(local: Local):
    experiment_id = _experiment(local)
    _begin(local, experiment_id, status="RUNNING")
    _finish(local, is_open=True)
    assert not _begin(local, experiment_id)["is_complete"]


def test_a_run_of_another_experiment_is_refused_and_nothing_of_the_request_is_kept(local: Local):
    local.post("/runs/create", experiment_id="0", run_id=RUN)
    experiment_id = _experiment(local)
    other = "f" * 32
    runs = [{"run_id": each, "experiment_id": experiment_id} for each in (other, RUN)]
    status, code, message = _refused(local, "/runs", source=SOURCE, runs=runs)
    assert (status, code) == (400, "RESOURCE_ALREADY_EXISTS")
    assert RUN in message
    assert local.refused_get("/runs/get", run_id=other)[0] == 404


def test_an_experiment_that_was_not_imported_takes_no_runs(local: Local):
    experiment_id = local.experiment("mine")
    runs = [{"run_id": RUN, "experiment_id": experiment_id}]
    assert _refused(local, "/runs", source=SOURCE, runs=runs)[:2] == (400, "INVALID_STATE")


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("run_id", "../../etc", "run_id"),
        ("start_time", -1, "start_time"),
        ("status", "DANCING", "status"),
        ("artifact_uri", "file:///etc", "artifact_location"),
        ("artifact_uri", "mlflow-artifacts:/7", "remote"),
        ("params", [{"key": "", "value": ""}], "key"),
        ("params", [{"key": f"k{i}", "value": ""} for i in range(10_001)], "10000"),
    ],
)
def test_what_can_not_be_is_refused_with_its_name(local: Local, field: str, value: object, told: str):
    run = {"run_id": RUN, "experiment_id": _experiment(local), field: value}
    status, code, message = _refused(local, "/runs", source=SOURCE, runs=[run])
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert told in message
    assert local.refused_get("/runs/get", run_id=RUN)[0] == 404


def test_a_source_must_be_named(local: Local):
    assert _refused(local, "/experiments", source=" ", name="x")[0] == 400


def test_a_remote_store_keeps_the_files_that_it_has(local: Local):
    begun = _begin(local, _experiment(local), artifact_uri="s3://bucket/7/artifacts")
    assert begun["artifact_uri"] == "s3://bucket/7/artifacts"


def _model(experiment_id: str, **fields):
    return {"source": SOURCE, "model_id": MODEL, "experiment_id": experiment_id, "name": "net", **fields}


def test_a_logged_model_keeps_all_that_it_was(local: Local):
    experiment_id = _experiment(local)
    _begin(local, experiment_id)
    metrics = [
        {"key": "acc", "value": "NaN", "timestamp": 1, "run_id": RUN, "dataset_name": "d"},
        {"key": "acc", "value": 1.5, "timestamp": 2, "run_id": "e" * 32},
    ]
    model = _model(
        experiment_id,
        creation_timestamp_ms=3,
        last_updated_timestamp_ms=4,
        params=[{"key": "p", "value": "1"}],
        tags=[{"key": "t", "value": "2"}],
        metrics=metrics,
    )
    made = _post(local, "/logged-models", **model)
    assert made["skipped_metrics"] == 1
    assert _post(local, "/logged-models", **model) == made
    found = local.get(f"/logged-models/{MODEL}")["model"]
    info = found["info"]
    assert (info["creation_timestamp_ms"], info["last_updated_timestamp_ms"]) == (3, 4)
    assert (info["status"], pairs(info["tags"])) == ("LOGGED_MODEL_READY", {"t": "2"})
    assert pairs(found["data"]["params"]) == {"p": "1"}
    assert [(one["key"], one["value"], one["dataset_name"]) for one in found["data"]["metrics"]] == [
        ("acc", "NaN", "d")
    ]


def test_a_deleted_model_goes_to_the_trash(local: Local):
    experiment_id = _experiment(local)
    _post(local, "/logged-models", **_model(experiment_id, deleted_time=77))
    trash = good(local.ask("GET", "/api/v1/trash"))["items"]
    assert [(item["id"], item["deleted_ms"]) for item in trash] == [(MODEL, 77)]


def test_a_deleted_experiment_takes_its_runs_to_the_trash(local: Local):
    made = _experiment(local)
    _begin(local, made)
    _finish(local)
    finish = {"experiment_id": made, "last_update_time": 5, "lifecycle_stage": "deleted"}
    _post(local, "/experiments/finish", source=SOURCE, **finish)
    assert local.read_run(RUN)["info"]["lifecycle_stage"] == "deleted"
    assert _post(local, "/experiments", source=SOURCE, name="old")["lifecycle_stage"] == "deleted"


def test_counts_are_of_what_is_stored_and_a_point_counts_once(local: Local):
    experiment_id = _experiment(local)
    _begin(local, experiment_id, params=[{"key": "a", "value": "1"}])
    point = {"key": "m", "value": "NaN", "timestamp": 7, "step": 2}
    for _ in range(2):
        local.post("/runs/log-batch", run_id=RUN, metrics=[point, {**point, "value": 1}])
    folder = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{RUN}/artifacts"
    local.ask("PUT", f"{folder}/a/b.txt", content=b"12345").raise_for_status()
    _finish(local)
    counted = _post(local, "/counts", run_ids=[RUN, "e" * 32], model_ids=[MODEL])
    assert counted == {
        "runs": 1,
        "deleted_runs": 0,
        "params": 1,
        "tags": 0,
        "datasets": 0,
        "points": 2,
        "models": 0,
        "model_metrics": 0,
        "registered_models": 0,
        "versions": 0,
        "traces": 0,
        "attachments": 0,
        "spans": 0,
        "assessments": 0,
        "evaluation_datasets": 0,
        "records": 0,
        "scorers": 0,
        "scorer_versions": 0,
        "label_schemas": 0,
        "issues": 0,
        "files": 1,
        "file_bytes": 5,
    }
