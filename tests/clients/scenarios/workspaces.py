"""One server, several workspaces, each at addresses of its own."""

import uuid

import mlflow
from expecting import refused, same
from mlflow.tracking import MlflowClient

OTHER = "vision"


def _at(uri):
    return MlflowClient(tracking_uri=uri)


def _default():
    return mlflow.get_tracking_uri()


def an_experiment_of_one_workspace_is_not_in_another():
    here, there = _at(_default()), _at(f"{_default()}/workspaces/{OTHER}")
    name = f"apart-{uuid.uuid4().hex[:8]}"
    experiment_id = there.create_experiment(name)
    same(there.get_experiment_by_name(name).experiment_id, experiment_id)
    assert here.get_experiment_by_name(name) is None
    here.create_experiment(name)


def the_long_address_reaches_the_same_workspace():
    provider = "providers/Microsoft.MachineLearningServices/workspaces"
    long_path = f"mlflow/v1.0/subscriptions/{uuid.uuid4()}/resourceGroups/any/{provider}/{OTHER}"
    short, long = _at(f"{_default()}/workspaces/{OTHER}"), _at(f"{_default()}/{long_path}")
    experiment_id = short.create_experiment(f"long-{uuid.uuid4().hex[:8]}")
    run_id = long.create_run(experiment_id).info.run_id
    long.log_metric(run_id, "m", 1.0)
    long.log_text(run_id, "text", "a/b.txt")
    same(short.get_run(run_id).data.metrics, {"m": 1.0})
    same([entry.path for entry in short.list_artifacts(run_id, "a")], ["a/b.txt"])


def the_default_workspace_has_an_address_of_its_own():
    bare, named = _at(_default()), _at(f"{_default()}/workspaces/default")
    experiment_id = bare.create_experiment(f"both-{uuid.uuid4().hex[:8]}")
    same(named.get_experiment(experiment_id).experiment_id, experiment_id)


def every_workspace_has_a_default_experiment():
    there = _at(f"{_default()}/workspaces/{OTHER}")
    same(there.get_experiment("0").name, "Default")
    run_id = there.create_run("0").info.run_id
    there.log_text(run_id, "hello", "hello.txt")
    same([entry.path for entry in there.list_artifacts(run_id)], ["hello.txt"])


def a_missing_workspace_is_an_error():
    with refused("RESOURCE_DOES_NOT_EXIST"):
        _at(f"{_default()}/workspaces/nowhere").get_experiment("0")


def a_whole_training_runs_below_an_address():
    bare = _default()
    mlflow.set_tracking_uri(f"{bare}/workspaces/{OTHER}")
    try:
        mlflow.set_experiment(f"training-{uuid.uuid4().hex[:8]}")
        with mlflow.start_run() as run:
            mlflow.log_param("alpha", 1)
            mlflow.log_metric("loss", 0.5)
            mlflow.log_dict({"a": 1}, "config.json")
        same(mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/config.json"), {"a": 1})
        same(mlflow.get_run(run.info.run_id).data.metrics, {"loss": 0.5})
    finally:
        mlflow.set_tracking_uri(bare)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        mlflow.get_run(run.info.run_id)
