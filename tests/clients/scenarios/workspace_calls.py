"""What clients since 3.10 ask and change about workspaces themselves."""

import contextlib
import uuid

import mlflow
from expecting import refused, same
from mlflow.entities.workspace import TraceArchivalConfig
from mlflow.tracking import MlflowClient


def _name():
    return f"team-{uuid.uuid4().hex[:8]}"


@contextlib.contextmanager
def _within(workspace):
    mlflow.set_workspace(workspace)
    try:
        yield
    finally:
        mlflow.set_workspace(None)


def a_workspace_is_made_found_described_and_deleted():
    name = _name()
    made = mlflow.create_workspace(name, description="Images")
    same((made.name, made.description, made.default_artifact_root), (name, "Images", None))
    same(mlflow.get_workspace(name), made)
    assert made in mlflow.list_workspaces()
    assert "default" in [each.name for each in mlflow.list_workspaces()]
    same(mlflow.update_workspace(name, description="Texts").description, "Texts")
    same(mlflow.get_workspace(name).description, "Texts")
    same(mlflow.get_workspace("default").name, "default")
    mlflow.delete_workspace(name)
    assert name not in [each.name for each in mlflow.list_workspaces()]
    with refused("RESOURCE_DOES_NOT_EXIST"):
        mlflow.get_workspace(name)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        mlflow.delete_workspace(name)


def names_are_those_of_one_workspace():
    first, second, experiment = _name(), _name(), f"same-{uuid.uuid4().hex[:8]}"
    ids = {}
    for name in (first, second):
        mlflow.create_workspace(name)
        with _within(name):
            ids[name] = MlflowClient().create_experiment(experiment)
            run_id = MlflowClient().create_run(ids[name]).info.run_id
            MlflowClient().log_text(run_id, name, "where.txt")
    assert ids[first] != ids[second]
    assert MlflowClient().get_experiment_by_name(experiment) is None
    for name in (first, second):
        with _within(name):
            same(MlflowClient().get_experiment_by_name(experiment).experiment_id, ids[name])
            same(MlflowClient().get_experiment_by_name(experiment).workspace, name)
    with _within(second), refused("RESOURCE_DOES_NOT_EXIST"):
        MlflowClient().get_experiment(ids[first])


def what_a_workspace_holds_is_deleted_only_if_that_is_asked_for():
    name = _name()
    mlflow.create_workspace(name)
    with _within(name):
        experiment_id = MlflowClient().create_experiment("kept")
        MlflowClient().delete_experiment(experiment_id)
    with refused("INVALID_STATE"):
        mlflow.delete_workspace(name)
    with refused("NOT_IMPLEMENTED"):
        mlflow.delete_workspace(name, mode="SET_DEFAULT")
    with _within(name):
        same(MlflowClient().get_experiment(experiment_id).name, "kept")
    mlflow.delete_workspace(name, mode="CASCADE")
    with refused("RESOURCE_DOES_NOT_EXIST"):
        mlflow.get_workspace(name)


def what_a_workspace_has_no_place_for_is_refused():
    name = _name()
    with refused("INVALID_PARAMETER_VALUE"):
        mlflow.create_workspace(name, default_artifact_root="s3://bucket/team")
    with refused("INVALID_PARAMETER_VALUE"):
        mlflow.create_workspace(name, trace_archival_config=TraceArchivalConfig(retention="30d"))
    with refused("RESOURCE_DOES_NOT_EXIST"):
        mlflow.get_workspace(name)
    mlflow.create_workspace(name, default_artifact_root="", trace_archival_config=TraceArchivalConfig("", ""))
    with refused("RESOURCE_ALREADY_EXISTS"):
        mlflow.create_workspace(name)
    with refused("INVALID_PARAMETER_VALUE"):
        mlflow.update_workspace(name, trace_archival_config=TraceArchivalConfig(location="s3://bucket"))
    with refused("INVALID_PARAMETER_VALUE"):
        mlflow.update_workspace(name)


def a_workspace_that_is_not_there_is_not_found():
    with _within(_name()), refused("RESOURCE_DOES_NOT_EXIST"):
        MlflowClient().create_experiment("nowhere")
