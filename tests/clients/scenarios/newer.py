"""What clients since 2.22 say and 1.30 could not."""

import contextlib
import io
import uuid

import mlflow
from expecting import refused, same
from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.tracking import MlflowClient

client = MlflowClient()


def _input(name, context, digest="0123456789"):
    dataset = Dataset(name, digest, "local", '{"uri": "data.csv"}', '{"columns": 3}', '{"rows": 442}')
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def a_run_names_the_datasets_it_read():
    with mlflow.start_run() as run:
        client.log_inputs(
            run.info.run_id, [_input("diabetes", "training"), _input("holdout", "validation", "9")]
        )
        client.log_inputs(run.info.run_id, [_input("diabetes", "training")])
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    same(sorted(one.dataset.name for one in inputs), ["diabetes", "holdout"])
    (diabetes,) = (one for one in inputs if one.dataset.name == "diabetes")
    same(diabetes.dataset.digest, "0123456789")
    same((diabetes.dataset.source_type, diabetes.dataset.source), ("local", '{"uri": "data.csv"}'))
    same((diabetes.dataset.schema, diabetes.dataset.profile), ('{"columns": 3}', '{"rows": 442}'))
    same([(tag.key, tag.value) for tag in diabetes.tags], [("mlflow.data.context", "training")])


def runs_are_found_by_the_datasets_they_read():
    name = f"data-{uuid.uuid4().hex[:8]}"
    with mlflow.start_run() as reader:
        client.log_inputs(reader.info.run_id, [_input(name, "training", "abc")])
    with mlflow.start_run():
        pass
    for filter_string in (
        f"dataset.name = '{name}'",
        f"datasets.name LIKE '{name[:-2]}%' AND dataset.digest = 'abc'",
        f"dataset.context = 'training' AND dataset.name = '{name}'",
        f"dataset.name IN ('{name}', 'other')",
    ):
        found = client.search_runs([reader.info.experiment_id], filter_string)
        same([run.info.run_id for run in found], [reader.info.run_id])


def points_logged_in_the_background_all_arrive():
    with mlflow.start_run() as run:
        for step in range(50):
            mlflow.log_metric("loss", step / 3, step=step, synchronous=False)
        mlflow.log_params({"alpha": 1, "beta": 2}, synchronous=False)
        mlflow.set_tag("mode", "async", synchronous=False)
        mlflow.log_metrics({"a": 1, "b": 2}, step=1, synchronous=False).wait()
        mlflow.flush_async_logging()
    kept = client.get_run(run.info.run_id).data
    same(kept.params, {"alpha": "1", "beta": "2"})
    same(kept.tags["mode"], "async")
    same((kept.metrics["a"], kept.metrics["b"]), (1.0, 2.0))
    history = client.get_metric_history(run.info.run_id, "loss")
    same(sorted((point.step, point.value) for point in history), [(step, step / 3) for step in range(50)])


def runs_are_found_by_lists_and_by_null():
    with mlflow.start_run() as first:
        mlflow.log_param("p", "x")
        mlflow.set_tag("t", "1")
    with mlflow.start_run() as second:
        pass
    ids = f"('{first.info.run_id}', '{second.info.run_id}')"
    here = [first.info.experiment_id]
    same(len(client.search_runs(here, f"attributes.run_id IN {ids}")), 2)
    found = client.search_runs(here, f"attributes.run_id NOT IN ('{first.info.run_id}')")
    same([run.info.run_id for run in found], [second.info.run_id])


def the_parent_of_a_run_is_found():
    with mlflow.start_run() as parent, mlflow.start_run(nested=True) as child:
        pass
    same(mlflow.get_parent_run(child.info.run_id).info.run_id, parent.info.run_id)
    assert mlflow.get_parent_run(parent.info.run_id) is None
    same(mlflow.last_active_run().info.run_id, parent.info.run_id)


def a_child_is_made_by_naming_its_parent():
    with mlflow.start_run() as parent:
        pass
    with mlflow.start_run(parent_run_id=parent.info.run_id) as child:
        pass
    same(mlflow.get_parent_run(child.info.run_id).info.run_id, parent.info.run_id)


def a_long_param_is_kept_whole():
    value = "v" * 6000
    with mlflow.start_run() as run:
        mlflow.log_param("long", value)
    same(client.get_run(run.info.run_id).data.params["long"], value)


def a_long_tag_is_kept_whole_and_a_long_key_refused():
    with mlflow.start_run() as run:
        mlflow.set_tag("long", "t" * 5000)
    same(len(client.get_run(run.info.run_id).data.tags["long"]), 5000)
    with refused("INVALID_PARAMETER_VALUE"):
        client.set_experiment_tag(run.info.experiment_id, "k" * 251, "x")


def artifacts_of_a_run_are_deleted():
    repository = mlflow.artifacts.get_artifact_repository
    with mlflow.start_run() as run:
        mlflow.log_text("a", "keep.txt")
        mlflow.log_text("b", "drop/one.txt")
        mlflow.log_text("c", "drop/two.txt")
    repository(run.info.artifact_uri).delete_artifacts("drop/one.txt")
    same([entry.path for entry in client.list_artifacts(run.info.run_id, "drop")], ["drop/two.txt"])
    repository(run.info.artifact_uri).delete_artifacts("drop")
    same([entry.path for entry in client.list_artifacts(run.info.run_id)], ["keep.txt"])


def the_printed_link_names_the_run():
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), mlflow.start_run() as run:
        pass
    link = f"{mlflow.get_tracking_uri()}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    assert link in printed.getvalue(), printed.getvalue()
