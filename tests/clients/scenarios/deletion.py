"""Deletion with MLflow's own calls, known to every client since 1.30, and what `runyard gc` makes of it."""

import json
import os
import urllib.request
import uuid

import mlflow
from expecting import refused, same
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

client = MlflowClient()


def _name(word):
    return f"{word}-{uuid.uuid4().hex[:10]}"


def _run(experiment_id, **tags):
    """Return the id of a run with a metric, a param and a file."""
    with mlflow.start_run(experiment_id=experiment_id) as run:
        mlflow.log_metric("loss", 0.5)
        mlflow.log_param("alpha", "1")
        mlflow.set_tags(tags)
        with open("kept.txt", "w") as file:
            file.write("kept")
        mlflow.log_artifact("kept.txt")
    return run.info.run_id


def _collect(experiment_id):
    """Take away what lies in an experiment's trash, as `runyard gc -e` does; MLflow has no call for that."""
    body = {"experiment_ids": [experiment_id]}
    while True:
        request = urllib.request.Request(
            os.environ["MLFLOW_TRACKING_URI"] + "/api/v1/trash/collect",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            if json.load(answer)["is_done"]:
                return


def _files(run_id):
    return [entry.path for entry in client.list_artifacts(run_id)]


def _found(experiment_id, view):
    return {run.info.run_id for run in client.search_runs([experiment_id], run_view_type=view)}


def a_deleted_run_is_whole_until_it_is_collected():
    experiment_id = client.create_experiment(_name("runs"))
    run_id, other_id = _run(experiment_id), _run(experiment_id)
    client.delete_run(run_id)
    client.delete_run(run_id)
    same(_found(experiment_id, ViewType.ACTIVE_ONLY), {other_id})
    same(_found(experiment_id, ViewType.DELETED_ONLY), {run_id})
    same(_found(experiment_id, ViewType.ALL), {run_id, other_id})
    deleted = client.get_run(run_id)
    same(deleted.info.lifecycle_stage, "deleted")
    same((deleted.data.metrics, deleted.data.params), ({"loss": 0.5}, {"alpha": "1"}))
    same(_files(run_id), ["kept.txt"])
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_metric(run_id, "loss", 0.4)
    client.restore_run(run_id)
    client.restore_run(run_id)
    client.log_metric(run_id, "loss", 0.4, step=1)
    same([point.value for point in client.get_metric_history(run_id, "loss")], [0.5, 0.4])
    client.delete_run(run_id)
    _collect(experiment_id)
    for call in (client.get_run, client.restore_run, client.delete_run):
        with refused("RESOURCE_DOES_NOT_EXIST"):
            call(run_id)
    same(_found(experiment_id, ViewType.ALL), {other_id})
    same(_files(other_id), ["kept.txt"])


def a_tag_goes_at_once_and_only_from_an_active_run():
    experiment_id = client.create_experiment(_name("tags"))
    run_id = _run(experiment_id, draft="yes", kept="1")
    client.delete_tag(run_id, "draft")
    tags = client.get_run(run_id).data.tags
    same((tags.get("draft"), tags["kept"]), (None, "1"))
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.delete_tag(run_id, "draft")
    client.delete_run(run_id)
    with refused("INVALID_PARAMETER_VALUE"):
        client.delete_tag(run_id, "kept")
    client.restore_run(run_id)
    client.delete_tag(run_id, "kept")


def an_experiment_takes_its_runs_to_the_trash_and_back():
    experiment_id = client.create_experiment(_name("experiment"))
    run_id = _run(experiment_id)
    client.delete_experiment(experiment_id)
    same(client.get_experiment(experiment_id).lifecycle_stage, "deleted")
    same(client.get_run(run_id).info.lifecycle_stage, "deleted")
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.delete_experiment(experiment_id)
    with refused("INVALID_PARAMETER_VALUE"):
        client.create_run(experiment_id)
    client.restore_experiment(experiment_id)
    same(client.get_run(run_id).info.lifecycle_stage, "active")
    same(_files(run_id), ["kept.txt"])
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.restore_experiment(experiment_id)


def a_collection_frees_the_name_of_a_deleted_experiment():
    name = _name("taken")
    experiment_id = client.create_experiment(name)
    run_id = _run(experiment_id)
    client.delete_experiment(experiment_id)
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.create_experiment(name)
    found = client.get_experiment_by_name(name)
    same((found.experiment_id, found.lifecycle_stage), (experiment_id, "deleted"))
    _collect(experiment_id)
    assert client.get_experiment_by_name(name) is None
    for call in (client.get_experiment, client.restore_experiment, client.delete_experiment):
        with refused("RESOURCE_DOES_NOT_EXIST"):
            call(experiment_id)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_run(run_id)
    again = client.create_experiment(name)
    assert int(again) > int(experiment_id)
    same(_files(_run(again)), ["kept.txt"])
